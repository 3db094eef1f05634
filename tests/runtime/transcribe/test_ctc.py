"""Decoders and alignments against every alignment there is, and against torch's CTC."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from tidegate.prepare.vocabulary import Vocabulary
from tidegate.runtime.transcribe.ctc import BLANK, Greedy, PrefixBeam, align, log_shares
from tidegate.runtime.transcribe.scorers import BySymbol, ByWord, Grams, Hotwords

TEXTS = ["turn left", "turn right", "stop now", "turn left now"]


def shares(steps: int, size: int, seed: int) -> Any:
    return log_shares(2 * np.random.default_rng(seed).standard_normal((steps, size)))


def collapsed(path: Sequence[int]) -> tuple[int, ...]:
    return tuple(symbol for symbol, _ in itertools.groupby(path) if symbol != BLANK)


def every_text(given: Any) -> dict[tuple[int, ...], float]:
    """log p of every text, summed over all its alignments one by one."""
    steps, size = given.shape
    found: dict[tuple[int, ...], float] = {}
    for path in itertools.product(range(size), repeat=steps):
        score = float(sum(given[step, symbol] for step, symbol in enumerate(path)))
        text = collapsed(path)
        found[text] = float(np.logaddexp(found.get(text, -math.inf), score))
    return found


@pytest.mark.parametrize("seed", range(4))
def test_a_wide_beam_finds_every_text_with_its_probability(seed: int) -> None:
    given = shares(5, 3, seed)
    beam = PrefixBeam(10_000, least=-math.inf)
    beam.push(given)
    found = {tuple(text): score for text, score in beam.ranked() if score > -math.inf}
    expected = every_text(given)
    assert found.keys() == expected.keys()
    assert all(math.isclose(found[text], expected[text], abs_tol=1e-9) for text in expected)
    assert tuple(beam.best()) == max(expected, key=lambda text: expected[text])


def test_a_beam_that_reads_piece_by_piece_says_the_same() -> None:
    given = shares(30, 6, 1)
    whole, parts = PrefixBeam(8), PrefixBeam(8)
    whole.push(given)
    for row in given:
        parts.push(row[None])
    assert whole.ranked() == parts.ranked()


def test_the_probability_of_a_text_is_that_of_torchs_loss() -> None:
    given = shares(12, 5, 3)
    beam = PrefixBeam(100_000, least=-math.inf)
    beam.push(given[:7])
    for text, score in beam.ranked()[:20]:
        loss = functional.ctc_loss(
            torch.from_numpy(given[:7, None]), torch.tensor([text], dtype=torch.long), [7], [len(text)], BLANK, "sum"
        )
        assert score == pytest.approx(-float(loss), abs=1e-8)


def test_greedy_joins_repetitions_and_leaves_blanks_out() -> None:
    path = [0, 3, 3, 0, 3, 1, 1, 0, 0]
    given = np.full((len(path), 4), -9.0)
    given[np.arange(len(path)), path] = 0.0
    greedy = Greedy()
    greedy.push(given[:4])
    greedy.push(given[4:])
    assert greedy.best() == [3, 3, 1]


@pytest.mark.parametrize(("text", "seed"), [((1, 2), 0), ((1, 1), 1), ((2, 2, 1), 2), ((), 3)])
def test_an_alignment_is_the_likeliest_of_all(text: tuple[int, ...], seed: int) -> None:
    given = shares(6, 3, seed)
    paths = [path for path in itertools.product(range(3), repeat=6) if collapsed(path) == text]
    best = max(paths, key=lambda path: sum(given[step, symbol] for step, symbol in enumerate(path)))
    runs = [
        (symbol, [step for step, _ in group]) for symbol, group in itertools.groupby(enumerate(best), lambda p: p[1])
    ]
    spoken = [steps for symbol, steps in runs if symbol != BLANK]
    first, last, mean = align(given, text)
    assert first.tolist() == [steps[0] for steps in spoken]
    assert last.tolist() == [steps[-1] for steps in spoken]
    expected = [np.mean([given[step, symbol] for step in steps]) for symbol, steps in zip(text, spoken, strict=True)]
    assert np.allclose(mean, expected)


def test_a_long_text_is_aligned_step_by_step() -> None:
    text = [1, 2, 3] * 100
    given = np.full((len(text), 4), -9.0)
    given[np.arange(len(text)), text] = 0.0
    first, last, mean = align(given, text)
    assert first.tolist() == last.tolist() == list(range(300))
    assert not mean.any()


def score_of(scorer: Any, symbols: Sequence[int]) -> float:
    """What a scorer adds to a whole text."""
    state, total = scorer.start(), 0.0
    for symbol in symbols:
        total += float(scorer.gains(state)[symbol])
        state = scorer.follow([state], [symbol])[0]
    return total + float(scorer.end(state))


def test_n_grams_by_symbol_add_their_log_probability() -> None:
    vocabulary, _ = Vocabulary.fit(TEXTS, "char", min_count=1)
    grams = Grams(vocabulary, TEXTS, 4)
    numbers = vocabulary.encode("turn left")
    expected = np.log(grams._grams.probabilities(np.append(numbers, 2).astype(np.int32), np.array([2], np.int32))).sum()
    scorer = BySymbol(grams, vocabulary, 0.7, 0.25)
    assert score_of(scorer, numbers.tolist()) == pytest.approx(0.7 * expected + 0.25 * len(numbers))


def test_n_grams_by_word_speak_where_words_end() -> None:
    vocabulary, _ = Vocabulary.fit(TEXTS, "char", min_count=1)
    words, _ = Vocabulary.fit(TEXTS, "symbol", min_count=1)
    grams = Grams(words, TEXTS, 2)
    scorer = ByWord(grams, vocabulary, 1.0, 0.0)
    known = score_of(scorer, vocabulary.encode("turn left").tolist())
    numbers = np.append(words.encode("turn left"), 2).astype(np.int32)
    expected = np.log(grams._grams.probabilities(numbers, np.array([2], np.int32))).sum()
    assert known == pytest.approx(float(expected))
    assert score_of(scorer, vocabulary.encode("turn lest").tolist()) < known - 10


@pytest.mark.parametrize("method", ["char", "symbol"])
def test_a_hotword_counts_where_it_stands_whole(method: Any) -> None:
    vocabulary, _ = Vocabulary.fit(TEXTS, method, min_count=1)
    scorer = Hotwords(None, vocabulary, ["turn left"], 1.5)

    def gain(text: str) -> float:
        return score_of(scorer, vocabulary.encode(text).tolist())

    symbols = len(vocabulary.encode("turn left"))
    assert gain("turn left") == pytest.approx(1.5 * symbols)
    assert gain("now turn left now") == pytest.approx(1.5 * symbols)
    assert gain("turn right") == gain("stop") == pytest.approx(0)
    if method == "char":
        assert gain("turn lefts") == gain("sturn left") == pytest.approx(0)


def test_a_language_changes_what_a_beam_writes() -> None:
    """The sound cannot tell "left" from "lest": the language can."""
    vocabulary, _ = Vocabulary.fit([*TEXTS, "s"], "char", min_count=1)
    text = vocabulary.encode("turn left").tolist()
    given = np.full((len(text), len(vocabulary)), -12.0)
    given[np.arange(len(text)), text] = 0.0
    f, s = (int(vocabulary.encode(letter)[0]) for letter in "fs")
    given[text.index(f), [f, s]] = -0.8, -0.6
    plain, spoken = PrefixBeam(8), PrefixBeam(8, BySymbol(Grams(vocabulary, TEXTS, 4), vocabulary, 0.5, 0.0))
    for beam in (plain, spoken):
        beam.push(given)
    assert vocabulary.decode(plain.best()) == "turn lest"
    assert vocabulary.decode(spoken.best()) == "turn left"
