import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import fft, special, stats
from scipy.signal import lfilter

from tidegate.core.errors import DataError
from tidegate.evaluate.significance import (
    DieboldMariano,
    diebold_mariano,
    incomplete_beta,
    independent_windows,
    paired_test,
    student_t_p_value,
)


@given(st.floats(-60, 60), st.integers(1, 5000))
def test_student_t_agrees_with_scipy(t: float, degrees: int) -> None:
    assert student_t_p_value(t, degrees) == pytest.approx(2 * stats.t.sf(abs(t), degrees), rel=1e-8, abs=1e-300)


@given(st.floats(0.01, 1000), st.floats(0.01, 1000), st.floats(0, 1))
def test_incomplete_beta_agrees_with_scipy(a: float, b: float, x: float) -> None:
    assert incomplete_beta(a, b, x) == pytest.approx(special.betainc(a, b, x), rel=1e-8, abs=1e-12)


def _reference(first: np.ndarray, second: np.ndarray, count: int) -> tuple[float, float]:
    d = first - second
    cosines = fft.dct(d, type=2, norm="ortho")[1 : count + 1]
    statistic = d.mean() / np.sqrt(np.mean(cosines**2) / d.size)
    return statistic, 2 * stats.t.sf(abs(statistic), count)


def _losses(n: int, h: int, seed: int, better: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Mean absolute errors over h overlapping steps, of two forecasts that share most of their error."""
    rng = np.random.default_rng(seed)
    common, own = rng.normal(size=n + h), rng.normal(size=(2, n + h))
    steps = np.abs(common + own)
    steps[0] -= better
    return tuple(np.convolve(s, np.ones(h) / h, "valid")[:n] for s in steps)  # type: ignore[return-value]


@pytest.mark.parametrize(("n", "h", "count"), [(50, 1, 5), (300, 4, 17), (1000, 24, 12), (60, 7, 2)])
def test_agrees_with_scipy_s_cosine_transform(n: int, h: int, count: int) -> None:
    first, second = _losses(n, h, seed=n)
    result = diebold_mariano(first, second, h)
    statistic, p = _reference(first, second, count)
    assert result.statistic == pytest.approx(statistic, rel=1e-9)
    assert result.p_value == pytest.approx(p, rel=1e-8)
    assert (result.windows, result.independent, result.over) == (n, 1 + (n - 1) // h, "forecasts")
    assert result.mean == pytest.approx((first - second).mean())
    assert diebold_mariano(second, first, h).statistic == pytest.approx(-statistic, rel=1e-9)


@pytest.mark.parametrize(("n", "h"), [(250, 1), (250, 6), (7 * 24 + 1, 24)])
def test_size_and_power(n: int, h: int) -> None:
    equal = [diebold_mariano(*_losses(n, h, seed), h).p_value < 0.05 for seed in range(600)]
    assert 0.025 < np.mean(equal) < 0.08  # 5 % and three standard errors, even with 8 independent forecasts
    if n == 250:
        better = [diebold_mariano(*_losses(n, h, seed, better=0.5), h).p_value < 0.05 for seed in range(60)]
        assert np.mean(better) > 0.95
    # Taking overlapping windows for independent ones would reject far too often: what the cosines are for.
    if h > 1:
        naive = [paired_test(*_losses(n, h, seed)).p_value < 0.05 for seed in range(200)]
        assert np.mean(naive) > 0.2


def test_losses_that_stay_good_or_bad_for_a_while() -> None:
    rejected = []
    for seed in range(300):
        noise = np.random.default_rng(seed).normal(size=300)
        slow = lfilter([1.0], [1.0, -0.5], noise)[50:]
        rejected.append((diebold_mariano(slow, 0 * slow).p_value < 0.05, paired_test(slow, 0 * slow).p_value < 0.05))
    ours, plain = np.mean(rejected, axis=0)
    assert ours < 0.09
    assert plain > 0.2


@pytest.mark.parametrize(("n", "h", "stays"), [(100, 1, 0.9), (300, 1, 0.9), (100, 1, 0.8), (100, 7, 0.9)])
def test_losses_that_stay_very_long(n: int, h: int, stays: float) -> None:
    """Without looking at the correlation of neighbours, .17 of the first kind were called significant."""
    rejected = []
    for seed in range(400):
        noise = np.random.default_rng(seed).normal(size=n + h + 200)
        steps = lfilter([1.0], [1.0, -stays], noise)[200:]
        losses = np.convolve(steps, np.ones(h) / h, "valid")[:n]
        rejected.append(diebold_mariano(losses, 0 * losses, h).p_value < 0.05)
    assert np.mean(rejected) < 0.11  # .09 and two standard errors


@pytest.mark.parametrize("n", [12, 20, 30, 50])
def test_few_losses_that_stay_very_long_are_not_tested(n: int) -> None:
    """Size of the test, .05 nominal: .24, .15, .14, .10 of these were called significant before (AR of .9)."""
    found = []
    for seed in range(400):
        noise = np.random.default_rng(seed).normal(size=n + 200)
        slow = lfilter([1.0], [1.0, -0.9], noise)[200:]
        found.append(diebold_mariano(slow, 0 * slow))
    assert np.mean([result.p_value < 0.05 for result in found]) < 0.075
    refused = [result for result in found if np.isnan(result.p_value)]
    assert len(refused) > 0.8 * len(found)
    assert all(result.effective < 8 < n == result.independent for result in refused)
    assert DieboldMariano.from_json(json.loads(json.dumps(refused[0].to_json()))).to_json() == refused[0].to_json()
    # independent losses are tested as before
    plain = [diebold_mariano(np.random.default_rng(s).normal(size=n), np.zeros(n)).p_value for s in range(400)]
    assert np.mean(np.isfinite(plain)) > (0.6 if n == 12 else 0.9)
    assert 0.02 < np.mean(np.array(plain) < 0.05) < 0.085


def test_positions_respect_gaps_order_and_strides() -> None:
    first, second = _losses(200, 4, seed=1)
    plain = diebold_mariano(first, second, 4)
    mixed = np.random.default_rng(0).permutation(200)
    again = diebold_mariano(first[mixed], second[mixed], 4, mixed + 70)
    assert again.statistic == pytest.approx(plain.statistic, rel=1e-9)
    # Every second origin of windows of 4 steps: two neighbours overlap.
    every = np.arange(0, 200, 2)
    strided = diebold_mariano(first[every], second[every], 4, every)
    assert strided.statistic == pytest.approx(diebold_mariano(first[every], second[every], 2).statistic, rel=1e-9)
    # Origins 10 apart: windows of 4 steps do not overlap at all.
    apart = diebold_mariano(first, second, 4, np.arange(200) * 10)
    assert apart.statistic == pytest.approx(diebold_mariano(first, second, 1).statistic, rel=1e-9)
    # Left-out windows leave holes in the cosines, and the others where they are.
    holes = np.sort(np.random.default_rng(1).choice(np.arange(1, 199), 150, replace=False))
    holes = np.concatenate([[0], holes, [199]])
    d = (first - second)[holes]
    count = int(0.4 * 152 ** (2 / 3))
    waves = np.cos(np.pi * np.outer(np.arange(1, min(count, 152 // 12) + 1), (holes + 0.5) / 200))
    expected = d.mean() / np.sqrt(np.mean((waves @ (d - d.mean())) ** 2) * 2 / 152**2)
    assert diebold_mariano(first[holes], second[holes], 4, holes).statistic == pytest.approx(expected, rel=1e-9)


def test_independent_windows_do_not_overlap() -> None:
    assert independent_windows(np.arange(7), 12) == 1
    assert independent_windows(np.array([0, 5, 6, 11, 30]), 6) == 3
    assert independent_windows(np.arange(24), 1) == 24


def test_series_are_a_plain_paired_test() -> None:
    first, second = _losses(40, 1, seed=5)
    found, expected = paired_test(first, second), stats.ttest_rel(first, second)
    assert found.statistic == pytest.approx(expected.statistic)
    assert found.p_value == pytest.approx(expected.pvalue)
    assert (found.independent, found.over) == (40, "series")


def test_missing_losses_are_left_out() -> None:
    first, second = _losses(100, 1, seed=2)
    first[7] = np.nan
    assert diebold_mariano(first, second).windows == 99


def test_differences_without_chance() -> None:
    loss = np.random.default_rng(0).random(30) + 5
    assert diebold_mariano(loss, loss) == DieboldMariano(0.0, 1.0, 0.0, 30, 30, effective=30)
    better = diebold_mariano(loss - 1.0, loss)
    assert better.statistic == -np.inf
    assert better.p_value == 0.0
    assert DieboldMariano.from_json(json.loads(json.dumps(better.to_json()))) == better


def test_errors() -> None:
    with pytest.raises(DataError, match="shapes"):
        diebold_mariano(np.zeros(3), np.zeros(4))
    with pytest.raises(
        DataError, match="40 windows hold 4 forecasts of 12 steps that do not overlap; a test needs at least 8"
    ):
        diebold_mariano(np.arange(40.0), np.zeros(40), 12)
    with pytest.raises(DataError, match="7 series are too few"):
        paired_test(np.arange(7.0), np.zeros(7))
    with pytest.raises(DataError, match="horizon is 0"):
        diebold_mariano(np.arange(4.0), np.zeros(4), 0)
    with pytest.raises(DataError, match="the same position"):
        diebold_mariano(np.arange(3.0), np.zeros(3), 1, np.array([0, 1, 1]))
