"""Models of music: likelihoods of both names against torch frame by frame, melodies kept, keys moved."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

import tidegate as tg
from tidegate.core.errors import ConfigError, DataError
from tidegate.prepare.notes import FIRST, STEP, chords_of, roll_of
from tidegate.prepare.vocabulary import END
from tidegate.tasks.language.pieces import Pieces, batch_of, bernoulli_nats, frame_nats, numbers_of
from tidegate.train.options import TrainOptions

QUICK = {"hidden_size": 24, "num_layers": 1, "max_epochs": 60, "learning_rate": 0.02, "batch_size": 4}


def waltz(count: int, seed: int = 0) -> list[list[tuple[int, ...]]]:
    """Pieces that go to and fro between two chords, in one of five keys, of 8 to 20 steps."""
    rng = np.random.default_rng(seed)
    keys, lengths = rng.integers(0, 5, count), rng.integers(8, 21, count)
    return [
        [(60 + k, 64 + k, 67 + k) if step % 2 else (59 + k, 67 + k) for step in range(length)]
        for k, length in zip(keys.tolist(), lengths.tolist(), strict=True)
    ]


@cache
def fitted(tokens: str) -> Any:
    made = tg.LanguageModel(tokens=tokens, preparation={"transpose": 1}, **QUICK)
    return made.fit(waltz(150 if tokens == "notes" else 60), validation=8, test=12, progress=False)


@pytest.mark.parametrize("tokens", ["notes", "frames"])
def test_it_learns_and_beats_a_bernoulli_that_knows_no_time(tokens: str) -> None:
    model = fitted(tokens)
    found = model.evaluate()
    name = {"notes": "joint_nats_per_frame", "frames": "independent_nats_per_frame"}[tokens]
    assert found.criterion == name
    assert found.overall["model"][name] < 0.5 * found.overall["bernoulli"][name]
    assert found.tokens == sum(len(chords_of(text)) - 1 for text in model.fitted_.parts.test)
    assert set(found.columns()) == {name}
    assert "- to -" not in str(found)  # too few frames for an interval


def test_joint_nats_are_those_of_torch_token_by_token() -> None:
    model = fitted("notes")
    pieces = numbers_of(model.vocabulary_, model.fitted_.parts.test)
    found = frame_nats(model.fitted_.network, pieces, joint=True)
    for piece, nats in zip(pieces, found, strict=True):
        with torch.no_grad():
            fed = torch.from_numpy(np.concatenate([[END], piece[:-1]])).long()[None]
            scores = model.fitted_.network(fed).values[0, :, 0].log_softmax(1)
        total, sums = 0.0, []
        for place, token in enumerate(piece.tolist()):
            total -= float(scores[place, token])
            if token == STEP:
                sums.append(total)
                total = 0.0
        np.testing.assert_allclose(nats, sums[1:], rtol=1e-4)


def test_independent_nats_are_the_published_sum_of_cross_entropies() -> None:
    model = fitted("frames")
    texts = model.fitted_.parts.test
    found = frame_nats(model.fitted_.network, numbers_of(model.vocabulary_, texts), joint=False)
    for text, nats in zip(texts, found, strict=True):
        roll = torch.from_numpy(roll_of(chords_of(text)))
        before = torch.cat([torch.zeros_like(roll[:1]), roll[:-1]])[None]
        with torch.no_grad():
            scores = model.fitted_.network(before).values[0, :, 0]
        each = functional.binary_cross_entropy(scores.sigmoid(), roll, reduction="none").sum(1)
        np.testing.assert_allclose(nats, each[1:].numpy(), rtol=1e-3, atol=1e-3)
    scored = model.model_.predict([texts[0]])[0].nats
    np.testing.assert_allclose(scored[1:], found[0], rtol=1e-4)


def test_the_baseline_is_counted_by_hand() -> None:
    train, own = [np.array([FIRST + 60, STEP, STEP, STEP], np.int32)], [np.array([STEP, FIRST + 60, STEP], np.int32)]
    share, never = 1.5 / 4, 0.5 / 4
    np.testing.assert_allclose(bernoulli_nats(train, own), [-np.log(share) - 127 * np.log(1 - never)])


@pytest.mark.parametrize("tokens", ["notes", "frames"])
def test_what_it_writes_keeps_range_number_and_melody(tokens: str) -> None:
    model = fitted(tokens)
    bounds = model.fitted_.music
    for own in model.generate(count=5, length=12, temperature=2.0):
        chords = chords_of(own.text)
        assert len(chords) <= 12
        assert all(len(chord) <= bounds["most"] for chord in chords)
        assert all(bounds["low"] <= note <= bounds["high"] for chord in chords for note in chord)
    melody = [67, None, 68, 69]
    begun = [(60, 64, 67), (59, 67)]
    [own] = model.generate(begun, melody=melody, temperature=1.5)
    chords = chords_of(own.text)
    assert chords[:2] == [(67, 64, 60), (67, 59)]
    assert len(chords) == 6
    assert [chord[0] for chord, note in zip(chords[2:], melody, strict=True) if note] == [67, 68, 69]
    assert chords_of(own.new) == chords[2:]
    with pytest.raises(ConfigError, match="step 2: 99"):
        model.generate(melody=[67, 99])


def test_it_goes_on_as_it_learned() -> None:
    [own] = fitted("notes").generate([(60, 64, 67), (59, 67)] * 4, length=4, temperature=0)
    assert chords_of(own.new) == [(67, 64, 60), (67, 59)] * 2


def test_pieces_are_moved_whole_and_stay_pieces() -> None:
    pieces = [np.array([FIRST + 70, FIRST + 60, STEP, FIRST + 3, STEP], np.int32)] * 6
    model = tg.LanguageModel(tokens="notes", preparation={"transpose": 5})
    made = Pieces(pieces, TrainOptions(batch_size=2), model.check())
    moves = set()
    for read, ahead in (batch for epoch in range(20) for batch in made.epoch(epoch, 0)):
        assert (read[:, 0] == END).all()
        assert torch.equal(read[:, 1:], ahead[:, :-1])
        for row in ahead.numpy():
            by = row[0] - FIRST - 70
            assert row.tolist() == [FIRST + 70 + by, FIRST + 60 + by, STEP, FIRST + 3 + by, STEP, END]
            moves.add(int(by))
    assert moves == set(range(-3, 6))  # 3 semitones below the lowest note there is none
    read, ahead, real = batch_of(pieces[:1], joint=False)
    assert read[0, 0].sum() == 0
    assert torch.equal(read[0, 1:], ahead[0, :-1])
    assert real.sum() == 2


def test_a_run_of_music_opens_again_and_writes_midi(tmp_path: Path) -> None:
    pytest.importorskip("symusic")
    made = tg.LanguageModel(tokens="frames", **{**QUICK, "max_epochs": 1})
    made.fit(waltz(20), validation=3, test=3, steps=2, out=tmp_path / "run", progress=False)
    loaded = tg.load(tmp_path / "run")
    [own] = made.generate(length=5, seed=2)
    assert loaded.generate(length=5, seed=2)[0].text == own.text
    path = loaded.write_midi(tmp_path / "a.mid", "64 60 / 64 / 67 /")
    assert chords_of(loaded.generate(str(path), length=1)[0].text)[:3] == [(64, 60), (64,), (67,)]
    assert list(loaded.predict(waltz(1))["steps"]) == [len(waltz(1)[0])]


def test_what_does_not_fit_music_is_refused() -> None:
    with pytest.raises(ConfigError, match="tokens is 'char'"):
        tg.LanguageModel().fit(waltz(5), progress=False)
    with pytest.raises(DataError, match="symbol 1 is 'the'"):
        tg.LanguageModel(tokens="notes").fit(["the cat sat"] * 40, validation=2, test=2, progress=False)
    with pytest.raises(ConfigError, match="tied"):
        tg.LanguageModel(tokens="frames", network={"tied": True}).check()
    with pytest.raises(ConfigError, match="temperature and seed"):
        fitted("frames").generate(top_k=3)
    with pytest.raises(ConfigError, match="dynamic"):
        fitted("notes").evaluate(dynamic=True)
    with pytest.raises(ConfigError, match="token by token"):
        fitted("frames").stream()


def test_notes_are_a_stream_and_what_was_copied_is_found_in_the_training_pieces() -> None:
    model = fitted("notes")
    text = model.fitted_.parts.train[0]
    nats = model.stream().update(text).nats
    np.testing.assert_allclose(nats, model.model_.predict([text])[0].nats, atol=1e-3)
    found = model.copied([text])
    assert (found.share, found.longest, found.length) == (1.0 if len(text) >= 160 else 0.0, text, 160)


@pytest.mark.parametrize("tokens", ["notes", "frames"])
def test_music_is_explained_and_diagnosed(tokens: str) -> None:
    model = fitted(tokens)
    found = model.explain()
    nats = model.model_.predict([model.fitted_.parts.test[0]])[0].nats
    np.testing.assert_allclose(found.bits * np.log(2), nats[: len(found.bits)], rtol=1e-3, atol=1e-3)
    assert "Tokens looked at" in str(model.diagnose())
