import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats
from statsmodels.tsa.stattools import acovf

from tidegate.core.errors import DataError
from tidegate.evaluate.significance import DieboldMariano, diebold_mariano, incomplete_beta, student_t_p_value


@given(st.floats(-60, 60), st.integers(1, 5000))
def test_student_t_agrees_with_scipy(t: float, degrees: int) -> None:
    assert student_t_p_value(t, degrees) == pytest.approx(2 * stats.t.sf(abs(t), degrees), rel=1e-8, abs=1e-300)


@given(st.floats(0.01, 1000), st.floats(0.01, 1000), st.floats(0, 1))
def test_incomplete_beta_agrees_with_scipy(a: float, b: float, x: float) -> None:
    assert incomplete_beta(a, b, x) == pytest.approx(special.betainc(a, b, x), rel=1e-8, abs=1e-12)


def _reference(first: np.ndarray, second: np.ndarray, h: int) -> tuple[float, float]:
    d = first - second
    n = d.size
    covariance = acovf(d, adjusted=False, demean=True, nlag=h, fft=False)
    variance = (covariance[0] + 2 * covariance[1:h].sum()) / n
    statistic = d.mean() / np.sqrt(variance) * np.sqrt((n + 1 - 2 * h + h * (h - 1) / n) / n)
    return statistic, 2 * stats.t.sf(abs(statistic), n - 1)


def _losses(n: int, h: int, seed: int, better: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Mean absolute errors over h overlapping steps, of two forecasts that share most of their error."""
    rng = np.random.default_rng(seed)
    common, own = rng.normal(size=n + h), rng.normal(size=(2, n + h))
    steps = np.abs(common + own)
    steps[0] -= better
    return tuple(np.convolve(s, np.ones(h) / h, "valid")[:n] for s in steps)  # type: ignore[return-value]


@pytest.mark.parametrize(("n", "h"), [(50, 1), (300, 4), (1000, 24)])
def test_agrees_with_the_formula_on_statsmodels_autocovariances(n: int, h: int) -> None:
    first, second = _losses(n, h, seed=n)
    result = diebold_mariano(first, second, h)
    statistic, p = _reference(first, second, h)
    assert result.statistic == pytest.approx(statistic, rel=1e-9)
    assert result.p_value == pytest.approx(p, rel=1e-8)
    assert result.windows == n
    assert result.mean == pytest.approx((first - second).mean())
    assert diebold_mariano(second, first, h).statistic == pytest.approx(-statistic, rel=1e-9)


@pytest.mark.parametrize("h", [1, 6])
def test_size_and_power(h: int) -> None:
    equal = [diebold_mariano(*_losses(250, h, seed), h).p_value < 0.05 for seed in range(600)]
    better = [diebold_mariano(*_losses(250, h, seed, better=0.5), h).p_value < 0.05 for seed in range(60)]
    assert 0.025 < np.mean(equal) < 0.085  # 5 % and three standard errors, and the known slight excess
    assert np.mean(better) > 0.95
    # Taking overlapping windows for independent ones would reject far too often: what the lags are for.
    if h > 1:
        naive = [diebold_mariano(*_losses(250, h, seed), 1).p_value < 0.05 for seed in range(200)]
        assert np.mean(naive) > 0.2


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
    # Of windows at 0, 1 and 3, only the first two are one step apart.
    holes = np.sort(np.random.default_rng(1).choice(200, 120, replace=False))
    d = (first - second)[holes]
    d = d - d.mean()
    total = sum(d[i] * d[j] for i in range(120) for j in range(120) if abs(holes[i] - holes[j]) < 4) / 120
    expected = (first - second)[holes].mean() / np.sqrt(total / 120) * np.sqrt((121 - 8 + 12 / 120) / 120)
    assert diebold_mariano(first[holes], second[holes], 4, holes).statistic == pytest.approx(expected, rel=1e-9)


def test_missing_losses_are_left_out() -> None:
    first, second = _losses(100, 1, seed=2)
    first[7] = np.nan
    assert diebold_mariano(first, second).windows == 99


def test_negative_variance_falls_back_on_bartlett_s_weights() -> None:
    d = np.tile([1.0, -1.0], 10) + np.array([0.3] + [0.0] * 19)
    covariance = acovf(d, adjusted=False, nlag=1)
    assert covariance[0] + 2 * covariance[1] < 0
    result = diebold_mariano(d, np.zeros(20), 2)
    variance = (covariance[0] + covariance[1]) / 20
    assert result.statistic == pytest.approx(d.mean() / np.sqrt(variance) * np.sqrt((21 - 4 + 2 / 20) / 20), rel=1e-9)
    assert 0 < result.p_value <= 1


def test_differences_without_chance() -> None:
    loss = np.random.default_rng(0).random(30) + 5
    assert diebold_mariano(loss, loss) == DieboldMariano(0.0, 1.0, 0.0, 30)
    better = diebold_mariano(loss - 1.0, loss)
    assert better.statistic == -np.inf
    assert better.p_value == 0.0
    assert DieboldMariano.from_json(json.loads(json.dumps(better.to_json()))) == better


def test_errors() -> None:
    with pytest.raises(DataError, match="shapes"):
        diebold_mariano(np.zeros(3), np.zeros(4))
    with pytest.raises(DataError, match="4 windows are too few to test a forecast of 4 steps; at least 5"):
        diebold_mariano(np.arange(4.0), np.zeros(4), 4)
    with pytest.raises(DataError, match="horizon is 0"):
        diebold_mariano(np.arange(4.0), np.zeros(4), 0)
    with pytest.raises(DataError, match="the same position"):
        diebold_mariano(np.arange(3.0), np.zeros(3), 1, np.array([0, 1, 1]))
