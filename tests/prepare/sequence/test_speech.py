"""Features of speech: a stream hears what a whole recording holds, and what is varied stays what it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tidegate.core.errors import ArtifactError, DataError
from tidegate.prepare.augment import SpeechAugment, hide, vary_speech
from tidegate.prepare.sequence.mel import log_mel
from tidegate.prepare.sequence.speech import Ear, SpeechOptions, SpeechPreparation, fit_speech

RATE = 8000


def sound(count: int = 5000, seed: int = 0) -> Any:
    return np.random.default_rng(seed).uniform(-0.5, 0.5, count).astype(np.float32)


def fitted(**options: Any) -> SpeechPreparation:
    values = log_mel(sound(20_000, 9), RATE, 12)
    return fit_speech(values, SpeechOptions(**options), rate=RATE, window=0.025, hop=0.01, running=True)


def test_features_are_scaled_by_the_training_part_and_joined_in_threes() -> None:
    own, features = fitted(normalise="training"), log_mel(sound(), RATE, 12)
    mean, scale = log_mel(sound(20_000, 9), RATE, 12).mean(axis=0), log_mel(sound(20_000, 9), RATE, 12).std(axis=0)
    found = own.apply(features)
    assert found.shape == (-(-len(features) // 3), 36)
    expected = (features - mean) / scale
    assert np.allclose(found[4], expected[12:15].ravel(), atol=1e-4)
    short = len(features) % 3
    assert short
    assert not found[-1, short * 12 :].any()


def test_the_mean_of_a_recording_is_taken_from_each_band() -> None:
    own = fitted(normalise="recording", stack=1)
    assert np.allclose(own.apply(log_mel(sound(), RATE, 12)).mean(axis=0), 0, atol=1e-5)


def test_a_running_mean_knows_nothing_of_what_comes() -> None:
    own, features = fitted(stack=1), log_mel(sound(), RATE, 12)
    whole = own.apply(features)
    assert np.array_equal(whole[:20], own.apply(features[:20]))
    scaled = own.scaled(features)
    assert np.allclose(whole[20], scaled[20] - scaled[:21].sum(axis=0) / 121, atol=1e-5)


@pytest.mark.parametrize("normalise", ["running", "training"])
@pytest.mark.parametrize("count", [5000, 4981, 150])
def test_an_ear_hears_what_a_whole_recording_holds(normalise: Any, count: int) -> None:
    own, wave = fitted(normalise=normalise), sound(count)
    ear, rng, at, found = Ear(own), np.random.default_rng(1), 0, []
    while at < count:
        size = int(rng.integers(1, 400))
        found.append(ear.push(wave[at : at + size]))
        at += size
    found.append(ear.flush())
    assert np.allclose(np.concatenate(found), own.apply(own.hear(wave, RATE)), atol=1e-4)


def test_a_preparation_comes_back_from_its_document() -> None:
    own = fitted()
    assert SpeechPreparation.from_json(own.to_json()) == own
    for change in ({"rate": -1}, {"stack": 0}, {"mean": [1.0]}, {"normalise": "x"}, {"hop": 0.0}, {"mels": 2.5}):
        with pytest.raises(ArtifactError):
            SpeechPreparation.from_json({**own.to_json(), **change})


def test_silent_recordings_are_refused() -> None:
    with pytest.raises(DataError, match="silent"):
        fit_speech(np.zeros((50, 4), np.float32), SpeechOptions(), rate=RATE, window=0.025, hop=0.01, running=True)


def test_speed_changes_the_steps_and_pitch_moves_the_bands() -> None:
    values = np.zeros((60, 20), np.float32)
    values[:, 10] = 1.0
    off: dict[str, Any] = {"noise": 0.0, "gain": 0.0, "step_mask": 0.0, "channel_mask": 0.0}
    lengths, middles = set(), []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        found = vary_speech(values, SpeechAugment(speed=0.2, pitch=0.2, **off), rng, RATE)
        again = np.random.default_rng(seed).uniform(-1, 1, 2)
        lengths.add(len(found))
        assert len(found) == round(60 / (1 + 0.2 * again[0]))
        middles.append((again[1], float(found[5].argmax())))
    assert len(lengths) > 5
    assert np.corrcoef(np.array(middles).T)[0, 1] > 0.8  # a higher voice lies in higher bands


def test_masks_hide_stretches_of_time_and_bands_of_bounded_size() -> None:
    options = SpeechAugment(step_mask=0.2, step_masks=1, channel_mask=0.5, channel_masks=1)
    hidden = [hide(np.ones((100, 20), np.float32), options, np.random.default_rng(seed), 0.01) for seed in range(30)]
    steps = [int((own == 0).all(axis=1).sum()) for own in hidden]
    bands = [int((own == 0).all(axis=0).sum()) for own in hidden]
    assert 0 < max(steps) <= 20
    assert 0 < max(bands) <= 10
