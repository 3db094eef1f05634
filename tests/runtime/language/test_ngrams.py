"""Kneser-Ney against its definition written down with dictionaries, and against a case worked out by hand."""

from collections import Counter

import numpy as np
import pytest

from tidegate.runtime.language.ngrams import KneserNey, unigram


def by_definition(training: list[int], size: int, order: int, history: tuple[int, ...], token: int) -> float:
    """p(token | history) from sets of n-grams."""
    grams = {n: Counter(tuple(training[i : i + n]) for i in range(len(training) - n + 1)) for n in range(1, order + 2)}

    def counts(n: int) -> Counter[tuple[int, ...]]:
        if n == order:
            return grams[n]
        found: Counter[tuple[int, ...]] = Counter()
        for gram in grams[n + 1]:
            found[gram[1:]] += 1
        return found

    def p(n: int) -> float:
        if n == 0:
            return 1 / size
        if n - 1 > len(history):
            return p(n - 1)
        own, lower, h = counts(n), p(n - 1), history[len(history) - n + 1 :]
        after = {gram: count for gram, count in own.items() if gram[:-1] == h}
        if not after:
            return lower
        ones, twos = (sum(count == k for count in own.values()) for k in (1, 2))
        discount = ones / (ones + 2 * twos) if ones and twos else 0.5
        total = sum(after.values())
        return (max(after.get((*h, token), 0) - discount, 0) + discount * len(after) * lower) / total

    return p(order)


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_every_probability_is_that_of_the_definition(order: int) -> None:
    rng = np.random.default_rng(order)
    training = rng.choice(5, 80, p=[0.4, 0.3, 0.15, 0.1, 0.05]).tolist()
    model = KneserNey(np.array(training, np.int32), 6, order)
    text = rng.integers(0, 6, 40).tolist()  # token 5 is never in the training text
    found = model.probabilities(np.array(text, np.int32), np.array(training[-10:], np.int32))
    whole = training[-10:] + text
    for place, token in enumerate(text):
        history = tuple(whole[max(0, 10 + place - order + 1) : 10 + place])
        assert found[place] == pytest.approx(by_definition(training, 6, order, history, token), rel=1e-9)


def test_what_may_come_next_sums_to_one() -> None:
    training = np.random.default_rng(0).integers(0, 7, 200).astype(np.int32)
    model = KneserNey(training, 9, 4)
    for history in (training[-3:], np.array([8, 8, 8]), np.array([1, 8, 2]), np.array([], np.int64)):
        total = sum(
            model.probabilities(np.array([token], np.int32), np.asarray(history, np.int32))[0] for token in range(9)
        )
        assert total == pytest.approx(1)


def test_a_bigram_worked_out_by_hand() -> None:
    """abab abc, as 0101012: after 1 come 0 twice and 2 once; ways to 0: one (10), to 1: one (01), to 2: one (12)."""
    model = KneserNey(np.array([0, 1, 0, 1, 0, 1, 2], np.int32), 3, 2)
    counts = {"01": 3, "10": 2, "12": 1}
    discount = 1 / (1 + 2 * 1)  # one bigram once, one twice
    ways = (1 - 0.5) / 3 + 0.5 * 3 / 3 / 3  # each token by one way; no count of two, so half is taken
    expected = (counts["10"] - discount) / 3 + discount * 2 / 3 * ways
    found = model.probabilities(np.array([0], np.int32), np.array([1], np.int32))
    assert found[0] == pytest.approx(expected)


def test_a_unigram_counts() -> None:
    found = unigram(np.array([0, 0, 1], np.int32), np.array([0, 2], np.int32), 3)
    np.testing.assert_allclose(found, [3 / 6, 1 / 6])
