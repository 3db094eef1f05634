"""A transcriber from sounds to texts: what it learns, that numpy and torch agree, and that a stream says the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import tidegate as tg
from tests.tasks.transcribe.voices import RATE, say, spoken
from tidegate.core.errors import ConfigError, DataError
from tidegate.data.sources.media.speech import read_speech
from tidegate.nn.network import build_network
from tidegate.runtime.model import load
from tidegate.runtime.network.network import run_network
from tidegate.tasks.transcribe.options import divide

QUIET: dict[str, Any] = {"noise": 0.0, "step_masks": 0, "channel_masks": 0}
OPTIONS: dict[str, Any] = {"hidden_size": 20, "num_layers": 1, "dropout": 0.0, "batch_size": 4, "learning_rate": 0.03}


@pytest.fixture(scope="module")
def model() -> Any:
    """Fitted on letters, one direction."""
    made = tg.Transcriber(
        **OPTIONS,
        max_epochs=30,
        bidirectional=False,
        preparation={"tokens": "char", "stack": 2},
        augment=QUIET,
        decoding={"beam": 8, "language": "symbol", "weight": 0.3, "bonus": 0.2},
    )
    waves, texts, speakers = spoken(36)
    return made.fit(waves, texts, speakers=speakers, rate=RATE, mels=16, progress=False)


def test_it_hears_what_speakers_say_that_it_has_not_heard(model: Any) -> None:
    parts = model.fitted_.parts
    speakers = model.fitted_.sequences.groups
    assert parts.by == "grouped"
    assert not set(speakers[parts.test]) & set(speakers[parts.train])
    found = model.evaluate()
    assert found.overall["model"]["wer"] < 0.3 < found.overall["most_frequent"]["wer"]
    assert found.best_baseline == "most_frequent"


def test_numpy_gives_what_torch_gives(model: Any, tmp_path: Path) -> None:
    loaded = load(model.save(tmp_path / "model"))
    held = model.fitted_.sequences.take(model.fitted_.parts.validation)
    features = loaded.preparation.apply(np.asarray(held.take(np.array([0])).values, np.float32))  # type: ignore[attr-defined]
    network = build_network(model.fitted_.spec, model.fitted_.weights)
    with torch.no_grad():
        expected = network(torch.from_numpy(features[None])).values.numpy()
    assert np.allclose(run_network(loaded.spec, loaded.weights, features[None]).values, expected, atol=1e-4)
    assert [one.text for one in loaded.predict(held)] == [one.text for one in model.model_.predict(held)]


@pytest.mark.parametrize("size", [37, 400, 5000])
def test_a_stream_says_what_is_said_of_the_whole(model: Any, size: int) -> None:
    samples = np.rint(say("up off", 2, 77) * 32767).astype(np.int16)
    whole = model.transcribe(samples / 32768)
    stream, raw = model.stream(), samples.tobytes()
    for first in range(0, len(raw), size):
        stream.update(raw[first : first + size])
        if first < size:
            again = model.stream(stream.snapshot())
            assert again.snapshot() == stream.snapshot()
    (found,) = stream.finish().finished
    assert found.text == whole.text
    assert np.allclose([word.start for word in found.words], [word.start for word in whole.words])


def test_silence_ends_an_utterance(model: Any) -> None:
    silence = 0.01 * np.random.default_rng(5).standard_normal(RATE).astype(np.float32)
    stream = model.stream(endpoint=0.4)
    finished = list(stream.update(np.concatenate([say("on", 1, 50), silence])).finished)
    finished += stream.update(say("off", 1, 51)).finished
    finished += stream.finish().finished
    texts = [one.text for one in finished if one.text]
    assert len(texts) == 2
    assert finished[0].words[0].end < 1.0 < finished[-1].words[-1].end


def test_words_lie_where_they_are_said(model: Any) -> None:
    found = model.transcribe(say("on up", 0, 60))
    assert [word.text for word in found.words] == found.text.split()
    assert all(0 <= word.start < word.end <= found.seconds + 0.05 for word in found.words)
    assert all(0 < word.confidence <= 1 for word in found.words)


def test_what_cannot_work_is_refused_at_once() -> None:
    with pytest.raises(ConfigError, match="recording"):
        tg.Transcriber(bidirectional=False, preparation={"normalise": "recording"}).check()
    waves, texts = [say("on")[:600]] * 12, ["on off up on off up on"] * 12
    letters = tg.Transcriber(**OPTIONS, max_epochs=1, preparation={"tokens": "char"})
    with pytest.raises(DataError, match="training recordings are too short"):
        letters.fit(waves, texts, rate=RATE, progress=False)


def test_parts_are_by_speaker_or_text_where_there_are_enough() -> None:
    waves, texts, speakers = spoken(12)

    def by(texts: list[str], speakers: list[str] | None) -> str:
        sequences = read_speech(waves, texts, speakers=speakers, rate=RATE, mels=8)
        return divide(sequences, {"validation": 0.2, "test": 0.2, "by": "auto"}, 0).by

    assert by(texts, speakers) == "grouped"
    assert by(texts, ["ann", "bob"] * 6) == "random"
    assert by(["on", "off"] * 6, None) == "stratified"
    assert by(texts, None) == "random"


def test_a_network_of_both_directions_cannot_be_streamed() -> None:
    waves, texts, _ = spoken(12)
    own = tg.Transcriber(**OPTIONS, max_epochs=1, augment=QUIET).fit(waves, texts, rate=RATE, mels=8, progress=False)
    with pytest.raises(ConfigError, match="stream"):
        own.stream()


def test_hotwords_and_other_languages_speak_with_it(model: Any) -> None:
    wave = say("off on", 3, 70)
    for how in (
        {"hotwords": ["off"]},
        {"language": ["off on", "on up"]},
        {"decoding": {"beam": 1, "language": "none"}},
    ):
        assert isinstance(model.transcribe(wave, **how).text, str)
    with pytest.raises(ConfigError, match="hotword"):
        model.transcribe(wave, hotwords=["xyz"])
