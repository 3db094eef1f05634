"""Conformal quantiles hold their share, by closed form and by trial; tracking follows a drift and the past alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tidegate.core.errors import DataError
from tidegate.evaluate.forecast.conformal import (
    conformal_quantile,
    errors_needed,
    few_windows_spread,
    interval_score,
    repeated_values,
    track_shifts,
)


@pytest.mark.parametrize(
    ("level", "place"), [(0.9, 17), (0.5, 9), (0.1, 1), (0.05, 0), (0.99, np.inf), (0.04, -np.inf), (0.8, 15)]
)
def test_of_nineteen_errors_the_closed_form_gives_the_place(level: float, place: int) -> None:
    """(n + 1) q = 20 q: the 18th, 10th, 2nd, ... smallest error; beyond the ends, no error is enough."""
    errors = np.random.default_rng(0).permutation(19).astype(float)
    assert conformal_quantile(errors, level) == place


def test_a_new_error_lies_below_with_the_closed_forms_probability() -> None:
    """With n exchangeable errors P(new <= the k-th smallest) = k / (n + 1)."""
    rng = np.random.default_rng(0)
    errors, fresh = rng.normal(size=(24, 40_000)), rng.normal(size=40_000)
    for level, exact in ((0.9, 23 / 25), (0.5, 13 / 25), (0.1, 2 / 25)):
        share = (fresh <= conformal_quantile(errors, level)).mean()
        assert share == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / 40_000))


@pytest.mark.parametrize("level", [0.9, 0.1, 0.975, 0.5, 0.01])
def test_the_errors_needed_are_the_fewest_that_give_a_finite_shift(level: float) -> None:
    needed = errors_needed([level])
    errors = np.arange(float(needed))
    assert np.isfinite(conformal_quantile(errors, level))
    if needed > 1:
        assert not np.isfinite(conformal_quantile(errors[1:], level))


def test_missing_errors_are_left_out_column_by_column() -> None:
    errors = np.random.default_rng(0).normal(size=(50, 2))
    errors[::3, 1] = np.nan
    found = conformal_quantile(errors, 0.8)
    alone = errors[~np.isnan(errors[:, 1]), 1]
    assert found[0] == conformal_quantile(errors[:, 0], 0.8)
    assert found[1] == np.sort(alone)[int(np.ceil((len(alone) + 1) * 0.8)) - 1]
    with pytest.raises(DataError, match="level"):
        conformal_quantile(errors, 1.0)


def test_few_windows_by_hand() -> None:
    """Nine windows of one step: the 8th smallest of nine sizes for 80 %, times t_m(.9) / z(.9)."""
    errors = np.array([1.0, -2.0, 3.0, -4.0, 5.0, -6.0, 7.0, -8.0, 9.0])[:, None, None]
    found, worth = few_windows_spread(errors, 10 * np.arange(9), [0.1, 0.5, 0.9])
    assert worth.tolist() == [9.0]
    wider = stats.t.ppf(0.9, 9) / stats.norm.ppf(0.9)
    np.testing.assert_allclose(found[0, 0], [-8 * wider, 0, 8 * wider], rtol=1e-6)


def test_few_windows_grow_with_the_steps_ahead_and_leave_what_was_not_observed() -> None:
    errors = np.tile(np.sqrt(np.arange(1, 5)), (6, 1))[:, :, None] * np.array([1.0, np.nan])
    found, _ = few_windows_spread(errors, np.arange(6), [0.9])
    np.testing.assert_allclose(found[:, 0, 0] / found[0, 0, 0], np.sqrt(np.arange(1, 5)), rtol=1e-6)
    assert np.isnan(found[:, 1]).all()


@pytest.mark.parametrize("windows", [1, 3, 10, 20, 40])
@pytest.mark.parametrize("memory", [0.0, 0.7, 1.0])
def test_intervals_of_few_windows_hold_what_they_say_on_average(windows: int, memory: float) -> None:
    """Ideal forecasts of an AR(1) six steps ahead, overlapping windows, 100 series each: 80 %, of few rather more."""
    rng = np.random.default_rng(windows)
    weights = memory ** np.arange(6.0)

    def misses(shocks: np.ndarray) -> np.ndarray:
        ahead = np.lib.stride_tricks.sliding_window_view(shocks, 6)
        return np.stack([ahead[:, : k + 1] @ weights[k::-1] for k in range(6)], axis=1)

    held = []
    for _ in range(100):
        seen, fresh = misses(rng.normal(size=windows + 5)), misses(rng.normal(size=300))
        spread, _ = few_windows_spread(seen[:, :, None], np.arange(windows), [0.9])
        held.append((np.abs(fresh) <= spread[:, 0, 0]).mean())
    assert 0.77 < np.mean(held) < (0.87 if windows >= 10 else 0.95)


def test_the_interval_score_by_hand() -> None:
    actual, low, high = np.array([5.0, 1.0, 12.0, np.nan]), np.full(4, 2.0), np.full(4, 10.0)
    assert interval_score(actual, low, high, 0.8) == pytest.approx((8 + (8 + 10 * 1) + (8 + 10 * 2)) / 3)


def test_tracking_is_its_equation() -> None:
    rng = np.random.default_rng(0)
    errors, levels, size = rng.normal(size=(80, 3, 2)), (0.1, 0.9), np.array([1.0, 2.0, 3.0])
    errors[5, 1] = np.nan
    origins = np.cumsum(rng.integers(1, 4, 80))
    found = track_shifts(errors, levels, origins, size, rate=0.1)
    for k in range(3):
        for q, level in enumerate(levels):
            shift, unit, used, done = 0.0, size[k], {}, set()
            for i, origin in enumerate(origins):
                for j in range(i):
                    if j not in done and origins[j] + k < origin:
                        done.add(j)
                        if not np.isnan(errors[j, k, q]):
                            shift += 0.1 * unit * (level - (errors[j, k, q] <= used[j]))
                            unit += (np.abs(errors[j, k]).mean() - unit) / 50
                used[i] = shift
            np.testing.assert_allclose(found[:, k, q], [used[i] for i in range(80)], atol=1e-12)


def test_what_was_not_observed_yet_is_not_used() -> None:
    rng = np.random.default_rng(0)
    errors, origins, size = rng.normal(size=(60, 4, 2)), np.arange(100, 160), np.ones(4)
    base = track_shifts(errors, (0.1, 0.9), origins, size)
    for window in (10, 30, 59):
        changed = errors.copy()
        row = origins[window]
        later = origins[:, None] + np.arange(4) >= row  # values at or after that window's origin
        changed[later] = 1e9
        np.testing.assert_array_equal(track_shifts(changed, (0.1, 0.9), origins, size)[window], base[window])
    with pytest.raises(DataError, match="rise"):
        track_shifts(errors, (0.1, 0.9), origins[::-1], size)


def test_tracking_holds_its_share_where_errors_grow_and_a_fixed_shift_does_not() -> None:
    rng = np.random.default_rng(0)
    errors = rng.normal(size=(6000, 1)) * np.linspace(1, 5, 6000)[:, None]
    levels = (0.1, 0.9)
    both = np.repeat(errors[:, :, None], 2, axis=2)
    fixed = np.array([conformal_quantile(errors[:500, 0], level) for level in levels])
    moved = track_shifts(both, levels, np.arange(6000), np.ones(1), start=fixed[None])
    late = slice(1000, None)
    inside = ((errors >= moved[..., 0]) & (errors <= moved[..., 1]))[late].mean()
    assert inside == pytest.approx(0.8, abs=0.02)
    assert ((errors >= fixed[0]) & (errors <= fixed[1]))[late].mean() < 0.6


@given(st.integers(0, 2**32 - 1), st.floats(0.1, 0.95), st.sampled_from(["lognormal", "counts"]))
def test_a_repeated_value_reaches_over_few_others(seed: int, zeros: float, kind: str) -> None:
    rng = np.random.default_rng(seed)
    others = rng.lognormal(1, 1, 400) if kind == "lognormal" else 1.0 + rng.poisson(3, 400)
    values = np.where(rng.random(400) < zeros, 0.0, others)
    found = repeated_values([values[:150], np.full(3, np.nan), values[150:]])
    points = [value for value, _ in found]
    assert 0.0 in points
    assert points == sorted(points)
    for value, reach in found:
        assert np.mean(values == value) >= 0.05
        near = np.abs(values - value) < reach
        assert np.mean(near & ~np.isin(values, points)) <= 0.05
        assert all(abs(value - other) >= 2 * reach for other in points if other != value)


def test_values_that_do_not_repeat_have_no_points() -> None:
    assert repeated_values([np.random.default_rng(0).normal(size=500)]) == ()
    assert repeated_values([np.full(50, np.nan)]) == ()
    assert repeated_values([np.full(50, 2.0)]) == ((2.0, 0.0),)


def test_one_small_series_is_not_drawn_to_the_zeros_of_another() -> None:
    """Its own values lie nearer to 0 than nearly all of the large one's."""
    rng = np.random.default_rng(0)
    large = np.where(rng.random(400) < 0.5, 0.0, 1000 + rng.random(400))
    small = 0.1 + 0.01 * rng.random(20)
    ((value, reach),) = repeated_values([large, small])
    assert value == 0
    assert reach < 0.11
