"""p-values of errors against the sum they stand for, against SciPy's generalised Pareto law, and against ranks."""

import numpy as np
import pytest
from scipy import stats

from tidegate.runtime.detect import ranks


def direct(past: np.ndarray, x: np.ndarray, tail: float) -> np.ndarray:
    """1 / (n + 1) * sum_i w(e_i / x), without bins."""
    ratio = past[:, None] / x[None]
    return np.minimum(1.0, np.maximum(ratio**24, 0.01 * ratio**tail)).sum(axis=0) / (len(past) + 1)


def binned(past: np.ndarray, x: np.ndarray, tail: float = ranks.TAIL) -> np.ndarray:
    base = np.array([[np.median(past)]])
    counts = ranks.first_counts(past[:, None, None], base, 1e9)
    total = counts.sum(axis=-1, dtype=np.float64)
    position = ranks.bin_position(x[:, None, None], base)
    every = np.repeat(counts[None], len(x), axis=0), np.repeat(total[None], len(x), axis=0)
    return ranks.p_values(*every, position, ranks.tail_shares(tail), tail)[:, 0, 0]


@pytest.mark.parametrize("tail", [4.0, 8.0])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e6])
def test_bins_give_the_sum_they_stand_for(tail: float, scale: float) -> None:
    past = np.abs(np.random.default_rng(0).standard_t(4, 1000)) * scale
    x = [*np.quantile(past, [0.3, 0.6, 0.9, 0.99]).tolist(), 1.5 * past.max(), 10 * past.max()]
    ours, theirs = binned(past, np.array(x), tail), direct(past, np.array(x), tail)
    np.testing.assert_allclose(ours[:3], theirs[:3], rtol=0.12)
    # A bin is a factor of 2^(1/6) wide; its middle is off by half of that at most, and p by the power 24 of it.
    assert np.abs(np.log2(ours[3] / theirs[3])) < 0.5
    assert (np.abs(np.log2(ours[4:] / theirs[4:])) < 24 / ranks.PER_DOUBLING / 2 + 0.2).all()


def test_beyond_the_largest_error_p_falls_as_a_generalised_pareto_law_says() -> None:
    past = np.abs(np.random.default_rng(1).normal(size=500))
    begin = 4.0 * past.max()  # where the steep part has ended
    x = begin * np.array([1.0, 1.3, 2.0, 1e3, 1e9])
    ours = binned(past, x)
    theirs = stats.genpareto.sf(x - begin, c=1 / ranks.TAIL, scale=begin / ranks.TAIL)
    np.testing.assert_allclose(ours / ours[0], theirs, rtol=0.02)


@pytest.mark.parametrize("index", [2.0, 4.0])
def test_p_values_of_errors_like_the_past_ones_are_a_known_factor_too_large(index: float) -> None:
    law = stats.pareto(index)
    past = law.rvs(200_000, random_state=2)
    x = law.isf(np.array([0.3, 0.1, 0.03, 0.01, 0.003]))
    np.testing.assert_allclose(binned(past, x), law.sf(x) * 24 / (24 - index), rtol=0.15)


def test_p_values_of_ordinary_errors_are_as_rare_as_they_say_or_rarer() -> None:
    draw = np.random.default_rng(3)
    past, new = np.abs(draw.normal(size=4000)), np.abs(draw.normal(size=40_000))
    p = binned(past, new)
    for level in (0.3, 0.1, 0.03, 0.01, 0.003):
        assert 0.4 * level < (p <= level).mean() < 1.05 * level


def test_zero_is_the_most_ordinary_error() -> None:
    past = np.zeros(50)
    counts = ranks.first_counts(past[:, None, None], np.array([[1e-3]]), 1e9)
    total = counts.sum(axis=-1, dtype=np.float64)
    position = ranks.bin_position(np.array([[[0.0]]]), np.array([[1e-3]]))
    p = ranks.p_values(counts[None], total[None], position, ranks.tail_shares())
    assert p[0, 0, 0] > 0.95


def test_counts_fade_to_the_memory_and_follow_a_drift() -> None:
    base, shares = np.ones((1, 1)), ranks.tail_shares()
    counts, total = np.zeros((1, 1, 1, ranks.BINS), np.float32), np.zeros((1, 1, 1))
    seen = np.ones((1, 1), bool)
    small, large = (ranks.bin_position(np.full((1, 1, 1), error), base) for error in (1.0, 100.0))
    for _ in range(500):
        ranks.count_errors(counts, total, small, seen, memory=100)
    assert total[0, 0, 0] == pytest.approx(100, abs=1)
    assert counts.sum() == pytest.approx(total.sum(), rel=1e-4)
    before = ranks.p_values(counts, total, large, shares)[0, 0, 0]
    for _ in range(100):
        ranks.count_errors(counts, total, large, seen, memory=100)
    after = ranks.p_values(counts, total, large, shares)[0, 0, 0]
    assert before < 1e-6
    assert after > 0.1


def test_what_does_not_count_changes_nothing() -> None:
    base = np.ones((2, 1))
    counts = np.random.default_rng(0).uniform(0, 3, (3, 2, 1, ranks.BINS)).astype(np.float32)
    total = counts.sum(axis=-1, dtype=np.float64)
    kept, sums = counts.copy(), total.copy()
    seen = np.array([[True, False], [False, False], [False, True]])
    ranks.count_errors(counts, total, ranks.bin_position(np.ones((3, 2, 1)), base), seen, memory=1e9)
    changed = (counts != kept).any(axis=(2, 3))
    np.testing.assert_array_equal(changed, seen)
    np.testing.assert_array_equal(total - sums, seen[:, :, None])


def test_many_errors_count_as_no_more_than_they_may() -> None:
    errors = np.abs(np.random.default_rng(0).normal(size=(1000, 1, 2)))
    errors[:100, 0, 1] = np.nan
    counts = ranks.first_counts(errors, np.ones((1, 2)), most=950)
    total = counts.sum(axis=-1, dtype=np.float64)
    np.testing.assert_allclose(total, [[950, 900]])
    assert counts.shape == (1, 2, ranks.BINS)


def test_a_channel_that_jumps_is_given_its_own_heavy_tail() -> None:
    """Of a Pareto law of index 2 an error of twice the largest comes a quarter as often as the largest did."""
    rng = np.random.default_rng(2)
    jumps, calm = rng.pareto(2.0, 4_000) + 1, np.abs(rng.normal(size=4_000))
    errors = np.stack([jumps, calm], axis=1)[:, :, None]
    base = np.median(errors, axis=0)
    both = ranks.first_counts(errors, base, 1e9)
    total = both.sum(axis=-1, dtype=np.float64)
    alone = np.concatenate([ranks.first_counts(errors[:, c : c + 1], base[c : c + 1], 1e9) for c in (0, 1)])
    sums = alone.sum(axis=-1, dtype=np.float64)
    twice = 2 * errors.max(axis=0)
    position = ranks.bin_position(twice, base)[None]
    p, before = (
        ranks.p_values(own[None], all_of[None], position, ranks.tail_shares())[0, :, 0]
        for own, all_of in ((both, total), (alone, sums))
    )
    law = stats.pareto.sf(twice[0, 0], 2.0)
    assert law / 3 < p[0] < 3 * law
    assert before[0] < law / 30
    assert p[1] == before[1]
    assert (ranks.largest(both, 4_000)[:, 0] == np.floor(ranks.bin_position(errors.max(axis=0), base)[:, 0])).all()
