import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn import metrics as reference

from tidegate.core.errors import DataError
from tidegate.evaluate.forecast import metrics

VALUES = st.floats(-1e6, 1e6, allow_nan=False).map(lambda x: round(x, 3))


def _pair(seed: int = 0, shape: tuple[int, ...] = (20, 5, 2)) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(50, 10, shape), rng.normal(50, 10, shape)


def test_agree_with_scikit_learn() -> None:
    y, f = _pair()
    a, b = y.ravel(), f.ravel()
    assert metrics.mse(y, f) == pytest.approx(reference.mean_squared_error(a, b))
    assert metrics.rmse(y, f) == pytest.approx(reference.root_mean_squared_error(a, b))
    assert metrics.mae(y, f) == pytest.approx(reference.mean_absolute_error(a, b))
    assert metrics.r2(y, f) == pytest.approx(reference.r2_score(a, b))
    assert metrics.mape(y, f) == pytest.approx(100 * reference.mean_absolute_percentage_error(a, b))
    for level in (0.1, 0.5, 0.9):
        assert metrics.pinball(y, f, level) == pytest.approx(reference.mean_pinball_loss(a, b, alpha=level))


@given(
    arrays(np.float64, (6, 4), elements=VALUES), arrays(np.float64, (6, 4), elements=VALUES), st.integers(0, 2**24 - 1)
)
def test_missing_actuals_are_not_scored(y: np.ndarray, f: np.ndarray, bits: int) -> None:
    gone = (bits >> np.arange(24) & 1).astype(bool).reshape(6, 4)
    masked = np.where(gone, np.nan, y)
    if gone.all():
        with pytest.raises(DataError, match="none of the 24 actual values"):
            metrics.mae(masked, f)
        return
    # What the forecast says where nothing came must not matter, not even if it is no number.
    spoiled = np.where(gone, np.inf, f)
    for metric in (metrics.mae, metrics.mse, metrics.smape):
        assert metric(masked, spoiled) == pytest.approx(metric(y[~gone], f[~gone]))


def test_smape_by_hand() -> None:
    # |1-3|/4 = 1/2, |-2-2|/4 = 1, 0/0 counts as 0: 200 * 1.5 / 3
    assert metrics.smape([1.0, -2.0, 0.0], [3.0, 2.0, 0.0]) == pytest.approx(100.0)


def test_mape_leaves_zeros_out_and_never_is_infinite() -> None:
    assert metrics.mape([0.0, 2.0, -4.0], [1.0, 1.0, -5.0]) == pytest.approx(100 * (0.5 + 0.25) / 2)
    assert metrics.zeros([0.0, 2.0, np.nan, -0.0]) == 2
    with pytest.raises(DataError, match="all 2 observed ones are 0"):
        metrics.mape([0.0, 0.0], [1.0, 1.0])


def test_mase_and_rmsse_by_hand() -> None:
    train = [1.0, 4.0, 3.0, np.nan, 9.0, 7.0]  # season 2: 3-1, 9-3 (4->nan and nan->7 have no pair)
    assert metrics.seasonal_error(train, 2) == pytest.approx(4.0)
    assert metrics.seasonal_error(train, 2, squared=True) == pytest.approx(20.0)
    assert metrics.mase([10.0, 10.0], [8.0, 14.0], train, 2) == pytest.approx(3.0 / 4.0)
    assert metrics.rmsse([10.0, 10.0], [8.0, 14.0], train, 2) == pytest.approx(math.sqrt(10.0 / 20.0))
    # One step, no season: steps are 3, 1, 2
    assert metrics.mase([1.0], [2.0], train) == pytest.approx(1.0 / 2.0)


@pytest.mark.parametrize(
    ("train", "season", "message"),
    [
        ([1.0, 2.0], 2, "at least 3"),
        ([1.0, 2.0], 0, "at least 1"),
        ([1.0, 2.0, 1.0, 2.0], 2, "repeats itself exactly"),
        ([1.0, np.nan, np.nan], 1, "no two observed values 1 steps apart"),
    ],
)
def test_scale_that_does_not_exist(train: list[float], season: int, message: str) -> None:
    with pytest.raises(DataError, match=message):
        metrics.mase([1.0], [2.0], train, season)


def test_crps_of_the_median_is_the_absolute_error() -> None:
    y, f = _pair()
    assert metrics.crps_from_quantiles(y, {0.5: f}) == pytest.approx(metrics.mae(y, f))


def test_crps_approaches_the_normal_distribution_s_closed_form() -> None:
    from scipy.stats import norm

    y = np.random.default_rng(3).normal(0, 2, 500)
    exact = np.mean(y * (2 * norm.cdf(y) - 1) + 2 * norm.pdf(y) - 1 / np.sqrt(np.pi))  # forecast N(0, 1)
    coarse = {q: np.full(500, norm.ppf(q)) for q in (0.1, 0.3, 0.5, 0.7, 0.9)}
    fine = {q: np.full(500, norm.ppf(q)) for q in np.arange(0.005, 1.0, 0.005)}
    assert metrics.crps_from_quantiles(y, fine) == pytest.approx(exact, rel=2e-3)
    assert metrics.crps_from_quantiles(y, coarse) == pytest.approx(exact, rel=0.05)


def test_weights_of_uneven_levels() -> None:
    assert metrics.quantile_weights([0.1, 0.5, 0.9]) == pytest.approx([0.3, 0.4, 0.3])
    assert metrics.quantile_weights([0.01, 0.5]) == pytest.approx([0.255, 0.745])


def test_intervals() -> None:
    y = np.array([1.0, 2.0, 3.0, np.nan])
    low, high = np.array([1.0, 2.5, 0.0, 0.0]), np.array([1.0, 4.0, 2.9, 1.0])
    assert metrics.coverage(y, low, high) == pytest.approx(1 / 3)
    assert metrics.interval_width(low, high) == pytest.approx((0 + 1.5 + 2.9 + 1.0) / 4)


def test_owa_of_the_published_seasonal_naive() -> None:
    # M4 Hourly: sNaive 13.912 / 1.193 beside Naive2 18.383 / 2.395 is published as .627
    assert metrics.owa(13.912, 1.193, 18.383, 2.395) == pytest.approx(0.627, abs=5e-4)
    with pytest.raises(DataError, match="give positive ones"):
        metrics.owa(1.0, 1.0, 0.0, 1.0)


def test_errors_name_the_place() -> None:
    with pytest.raises(DataError, match=r"\(3,\) and forecast \(2,\)"):
        metrics.mae([1.0, 2.0, 3.0], [1.0, 2.0])
    with pytest.raises(DataError, match="NaN or infinite at 1 of 2"):
        metrics.mae([1.0, 2.0], [1.0, np.nan])
    with pytest.raises(DataError, match="infinity"):
        metrics.mae([1.0, np.inf], [1.0, 1.0])
    with pytest.raises(DataError, match="all observed ones are the same"):
        metrics.r2([2.0, 2.0], [1.0, 2.0])
    for level in (0.0, 1.0):
        with pytest.raises(DataError, match="not between 0 and 1"):
            metrics.pinball([1.0], [1.0], level)
    with pytest.raises(DataError, match="quantile levels"):
        metrics.crps_from_quantiles([1.0], {})
