"""How far forecasts are from what came: pure functions of arrays, in the target's own unit.

Every function takes arrays of one common shape (any shape: [K], [M, K, C], ...). Where `actual` is NaN nothing
came, and nothing is scored. A forecast that is not a finite number where an actual value exists is an error.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tidegate.core.errors import DataError

Array = NDArray[np.float64]


def observed(actual: ArrayLike, *forecasts: ArrayLike) -> tuple[Array, ...]:
    """The values that can be scored, flat: `actual` where it is not NaN, and each forecast at the same places.

    Raises:
        DataError: shapes differ, nothing was observed, or a value to be scored is not finite.
    """
    y = np.asarray(actual, dtype=np.float64)
    keep = ~np.isnan(y)
    if not keep.any():
        raise DataError(f"nothing to score: none of the {y.size} actual values is observed")
    chosen = [y[keep]]
    if not np.isfinite(chosen[0]).all():
        raise DataError("actual values contain infinity; make them finite, or NaN where nothing was observed")
    for forecast in forecasts:
        f = np.asarray(forecast, dtype=np.float64)
        if f.shape != y.shape:
            raise DataError(f"actual has shape {y.shape} and forecast {f.shape}; they must be the same")
        f = f[keep]
        bad = f.size - int(np.isfinite(f).sum())
        if bad:
            raise DataError(
                f"forecast is NaN or infinite at {bad} of {f.size} observed places; it must be finite there"
            )
        chosen.append(f)
    return tuple(chosen)


def mse(actual: ArrayLike, forecast: ArrayLike) -> float:
    """Mean squared error, mean (y - f)^2, in the target's unit squared. Source: guide 5.1."""
    y, f = observed(actual, forecast)
    return float(np.mean((y - f) ** 2))


def rmse(actual: ArrayLike, forecast: ArrayLike) -> float:
    """Root mean squared error, sqrt(mse), in the target's unit. Source: guide 5.1."""
    return float(np.sqrt(mse(actual, forecast)))


def mae(actual: ArrayLike, forecast: ArrayLike) -> float:
    """Mean absolute error, mean |y - f|, in the target's unit. Source: guide 5.1."""
    y, f = observed(actual, forecast)
    return float(np.mean(np.abs(y - f)))


def r2(actual: ArrayLike, forecast: ArrayLike) -> float:
    """Share of the variance explained: 1 - sum (y - f)^2 / sum (y - mean y)^2; 1 is perfect, 0 the mean's score.

    Raises:
        DataError: all observed values are the same, so that there is no variance to explain.

    Source: guide 5.1.
    """
    y, f = observed(actual, forecast)
    total = float(np.sum((y - y.mean()) ** 2))
    if total == 0.0:
        raise DataError("R2 needs actual values that vary; all observed ones are the same")
    return 1.0 - float(np.sum((y - f) ** 2)) / total


def mape(actual: ArrayLike, forecast: ArrayLike) -> float:
    """Mean absolute percentage error, 100 mean |y - f| / |y|, in percent.

    Where y = 0 the ratio has no value: those places are left out (count them with `zeros`), never infinite.

    Raises:
        DataError: every observed value is zero.

    Source: guide 5.1.
    """
    y, f = observed(actual, forecast)
    keep = y != 0.0
    if not keep.any():
        raise DataError(f"MAPE divides by the actual value, and all {y.size} observed ones are 0; use MAE or MASE")
    return float(100.0 * np.mean(np.abs(y[keep] - f[keep]) / np.abs(y[keep])))


def zeros(actual: ArrayLike) -> int:
    """How many observed values are exactly 0, and therefore left out by `mape`."""
    return int(np.count_nonzero(np.asarray(actual, dtype=np.float64) == 0.0))


def smape(actual: ArrayLike, forecast: ArrayLike) -> float:
    """Symmetric MAPE as the M4 competition defines it, 200 mean |y - f| / (|y| + |f|), in percent, 0 to 200.

    Where both are 0 the forecast is right and the term is 0.

    Source: Makridakis, Spiliotis and Assimakopoulos (2020), doi:10.1016/j.ijforecast.2019.04.014.
    """
    y, f = observed(actual, forecast)
    size = np.abs(y) + np.abs(f)
    return float(200.0 * np.mean(np.abs(y - f) / np.where(size == 0.0, 1.0, size)))


def seasonal_error(train: ArrayLike, season: int = 1, *, squared: bool = False) -> float:
    """In-sample error of the seasonal-naive method, the denominator of MASE (and, squared, of RMSSE).

        mean_t |y_t - y_(t-season)|    or    mean_t (y_t - y_(t-season))^2

    Args:
        train: [N], the training part; pairs with a NaN are left out.
        season: steps in one cycle, at least 1.
        squared: the mean of squares instead of absolute values.

    Raises:
        DataError: season < 1, N <= season, no observed pair, or the series repeats itself exactly (error 0).
    """
    y = np.asarray(train, dtype=np.float64).reshape(-1)
    if season < 1:
        raise DataError(f"season is {season}; it counts steps and must be at least 1")
    if y.size <= season:
        raise DataError(f"the training part has {y.size} values; a season of {season} needs at least {season + 1}")
    difference = y[season:] - y[:-season]
    difference = difference[~np.isnan(difference)]
    if difference.size == 0:
        raise DataError(f"the training part has no two observed values {season} steps apart")
    error = float(np.mean(difference**2 if squared else np.abs(difference)))
    if error == 0.0:
        raise DataError(f"the training part repeats itself exactly every {season} steps: the scale would be 0; use MAE")
    return error


def mase(actual: ArrayLike, forecast: ArrayLike, train: ArrayLike, season: int = 1) -> float:
    """Mean absolute scaled error: forecast error over the in-sample seasonal-naive error.

        mase = mean_k |y_k - f_k| / mean_t |y_t - y_(t-season)|

    Args:
        actual: [K], the values that came, in the target's own unit.
        forecast: [K], what was forecast for them.
        train: [N], the series before them; sets the scale. N > season.
        season: steps in one cycle; 1 compares with the last value.

    Returns:
        float, unitless; below 1 beats the seasonal-naive method's in-sample error.

    Raises:
        DataError: shapes differ, N <= season, or the series repeats itself exactly (scale 0).

    Source: Hyndman and Koehler (2006), doi:10.1016/j.ijforecast.2006.03.001.

    >>> mase([3.0, 5.0], [2.0, 5.0], train=[1.0, 2.0, 3.0, 2.0])
    0.5
    """
    return mae(actual, forecast) / seasonal_error(train, season)


def rmsse(actual: ArrayLike, forecast: ArrayLike, train: ArrayLike, season: int = 1) -> float:
    """Root mean squared scaled error, sqrt(mean_k (y_k - f_k)^2 / mean_t (y_t - y_(t-season))^2), unitless.

    Arguments and errors are those of `mase`. Source: Makridakis et al. (2022), doi:10.1016/j.ijforecast.2021.11.013.
    """
    return float(np.sqrt(mse(actual, forecast) / seasonal_error(train, season, squared=True)))


def pinball(actual: ArrayLike, forecast: ArrayLike, level: float) -> float:
    """Quantile loss, mean max(q (y - f), (q - 1) (y - f)), in the target's unit.

    Args:
        actual: any shape.
        forecast: the same shape, the forecast of quantile `level`.
        level: q, between 0 and 1.

    Raises:
        DataError: shapes differ, nothing to score, or q is not between 0 and 1.

    Source: Koenker and Bassett (1978), doi:10.2307/1913643.
    """
    y, f = observed(actual, forecast)
    return float(np.mean(pinball_terms(y, f, level)))


def pinball_terms(actual: Array, forecast: Array, level: float) -> Array:
    """The quantile loss of every value; NaN where `actual` is NaN."""
    if not 0.0 < level < 1.0:
        raise DataError(f"quantile level {level} is not between 0 and 1")
    error = actual - forecast
    return np.maximum(level * error, (level - 1.0) * error)


def quantile_weights(levels: ArrayLike) -> Array:
    """The stretch of [0, 1] that each level stands for: borders lie half-way between neighbours. They add up to 1.

    Raises:
        DataError: no level, a level outside (0, 1), or levels that do not increase.
    """
    q = np.asarray(levels, dtype=np.float64)
    if q.size == 0 or not np.all((q > 0.0) & (q < 1.0)) or np.any(np.diff(q) <= 0.0):
        raise DataError(f"quantile levels must increase and lie between 0 and 1, got {q.tolist()}")
    return np.diff(np.concatenate([[0.0], (q[1:] + q[:-1]) / 2.0, [1.0]]))


def crps_from_quantiles(actual: ArrayLike, quantiles: Mapping[float, ArrayLike]) -> float:
    """Continuous ranked probability score, approximated from quantile forecasts, in the target's unit.

        crps = 2 integral_0^1 pinball_q dq,  approximated by  2 sum_q w_q pinball_q

    where w_q is the stretch of [0, 1] nearest to level q (equal weights for few levels would overrate the middle).
    With the median alone it is the mean absolute error.

    Args:
        actual: any shape.
        quantiles: level -> forecast of that quantile, of `actual`'s shape.

    Raises:
        DataError: as `pinball`, or no level at all.

    Source: Gneiting and Ranjan (2011), doi:10.1198/jbes.2010.08110.
    """
    levels = sorted(quantiles)
    weights = quantile_weights(levels)
    return float(2.0 * sum(w * pinball(actual, quantiles[q], q) for q, w in zip(levels, weights, strict=True)))


def coverage(actual: ArrayLike, lower: ArrayLike, upper: ArrayLike) -> float:
    """Share of observed values inside [lower, upper], 0 to 1; compare it with the interval's nominal level."""
    y, low, high = observed(actual, lower, upper)
    return float(np.mean((y >= low) & (y <= high)))


def interval_width(lower: ArrayLike, upper: ArrayLike) -> float:
    """Mean width of intervals, mean (upper - lower), in the target's unit; narrower is sharper at equal coverage."""
    low, high = observed(lower, upper)
    return float(np.mean(high - low))


def owa(smape: float, mase: float, reference_smape: float, reference_mase: float) -> float:
    """Overall weighted average of the M4 competition, (smape / reference_smape + mase / reference_mase) / 2.

    The reference is the Naive2 method there; below 1 beats it. Both sMAPEs and both MASEs must be averages over the
    same series.

    Raises:
        DataError: a reference figure is not positive.

    Source: Makridakis, Spiliotis and Assimakopoulos (2020), doi:10.1016/j.ijforecast.2019.04.014.
    """
    if not (reference_smape > 0.0 and reference_mase > 0.0):
        raise DataError(
            f"OWA divides by the reference's sMAPE {reference_smape} and MASE {reference_mase}: give positive ones"
        )
    return (smape / reference_smape + mase / reference_mase) / 2.0
