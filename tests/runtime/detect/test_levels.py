"""p-values of rarities against the recursion written out, against shares that are known, and against SciPy."""

import math

import numpy as np
import pytest
from scipy import stats

from tidegate.runtime.detect import ranks


def written_out(seen: np.ndarray, rarity: float) -> float:
    """The equations of the module, one number at a time."""
    n, depth, before = seen[0], -2 * math.log10(rarity), 1.0
    for j in range(1, ranks.COUNT):
        mean = before * 10**-0.5
        after = min(before, stats.gamma.mean(ranks.TRUST + seen[j], scale=1 / (ranks.TRUST / mean + n)))
        if depth <= j:
            return before * (after / before) ** (depth - j + 1)
        before = after
    return before * 10 ** (-(depth - ranks.COUNT + 1) / 2)


@pytest.mark.parametrize("n", [0, 7, 300, 100_000])
def test_the_equations_hold_at_levels_between_them_and_beyond(n: int) -> None:
    past = np.random.default_rng(n).beta(1.0, 0.6, n)
    rarity = np.array([1.0, 0.8, 10**-0.5, 0.1, 0.03, 1e-3, 2e-6, 1e-7, 1e-30])
    seen = np.repeat(ranks.first_levels(past, 1e9)[None], len(rarity), axis=0)
    expected = [written_out(own, float(r)) for own, r in zip(seen, rarity, strict=True)]
    np.testing.assert_allclose(ranks.calibrated(seen, rarity), expected, rtol=1e-9)


@pytest.mark.parametrize("tests", [6, 12])
def test_what_bonferroni_makes_too_large_is_made_right(tests: int) -> None:
    draw = np.random.default_rng(tests)
    law = stats.multivariate_normal(np.zeros(tests), 0.1 * np.eye(tests) + 0.9)  # tests that go together
    rarity = [
        np.minimum(tests * 2 * stats.norm.sf(np.abs(law.rvs(size, random_state=draw))).min(axis=1), 1)
        for size in (8_000, 200_000)
    ]
    seen = np.repeat(ranks.first_levels(rarity[0], 1e9)[None], len(rarity[1]), axis=0)
    p = ranks.calibrated(seen, rarity[1])
    for level in (0.1, 0.01, 0.001):
        assert (rarity[1] <= level).mean() < 0.9 * level
        assert level / 1.5 < (p <= level).mean() < 1.5 * level


def test_a_rarer_step_has_no_larger_p_whatever_was_seen() -> None:
    draw = np.random.default_rng(0)
    rarity = np.sort(10.0 ** draw.uniform(-20, 0, 400))
    for power in (0.1, 0.5, 3.0):
        seen = np.repeat(ranks.first_levels(draw.uniform(size=500) ** power, 1e9)[None], 400, axis=0)
        p = ranks.calibrated(seen, rarity)
        assert (np.diff(p) >= 0).all()
        assert (p > 0).all()


def test_a_step_that_was_not_judged_has_no_p_and_does_not_count() -> None:
    seen = np.repeat(ranks.first_levels(np.linspace(0.01, 1, 100), 1e9)[None], 2, axis=0)
    before, rarity = seen.copy(), np.array([np.nan, 0.05])
    assert np.isnan(ranks.calibrated(seen, rarity)).tolist() == [True, False]
    ranks.count_levels(seen, rarity, np.array([True, False]), 1e9)
    np.testing.assert_array_equal(seen, before)


def test_old_steps_fade_so_that_p_follows_what_becomes_common() -> None:
    seen = ranks.first_levels(np.ones(1000), 200)[None].copy()
    assert seen[0, 0] == 200
    rare, every = np.array([1e-4]), np.ones(1, bool)
    first = ranks.calibrated(seen, rare)[0]
    for _ in range(200):
        ranks.count_levels(seen, rare, every, memory=200)
    assert seen[0, 0] == pytest.approx(200, abs=1)
    assert first < 1e-3
    assert ranks.calibrated(seen, rare)[0] > 0.4
