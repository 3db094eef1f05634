"""How far estimates are from the numbers that were true, one thing at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import ArrayLike

from tidegate.core.errors import DataError
from tidegate.evaluate.forecast.metrics import mae, observed, r2, rmse

Metric = Callable[[ArrayLike, ArrayLike], float]


def median_ae(actual: ArrayLike, predicted: ArrayLike) -> float:
    """Median of |y - f|: half of the estimates are nearer; outliers do not move it."""
    y, f = observed(actual, predicted)
    return float(np.median(np.abs(y - f)))


def bias(actual: ArrayLike, predicted: ArrayLike) -> float:
    """Mean of f - y: above 0 the estimates are too high."""
    y, f = observed(actual, predicted)
    return float(np.mean(f - y))


def cmapss(actual: ArrayLike, predicted: ArrayLike) -> float:
    """The score of the turbofan challenge, a sum over engines: late warnings cost more than early ones.

        d = f - y;   s = sum_i exp(-d_i / 13) - 1 where d_i < 0,   exp(d_i / 10) - 1 elsewhere

    Args:
        actual: [M] true remaining life in cycles. predicted: [M] the estimate.

    Returns:
        At least 0, lower is better; it grows with the number of engines, and one far-off estimate can rule it.

    Source: Saxena, Goebel, Simon and Eklund (2008), doi:10.1109/PHM.2008.4711414.

    >>> round(cmapss([50.0, 50.0], [37.0, 60.0]), 4)  # one 13 cycles early, one 10 late: 2 (e - 1)
    3.4366
    """
    y, f = observed(actual, predicted)
    late = np.clip(f - y, -5_000.0, 5_000.0)  # exp beyond that is infinite, and no engine lives so long
    return float(np.sum(np.where(late < 0.0, np.expm1(-late / 13.0), np.expm1(late / 10.0))))


METRICS: Mapping[str, Metric] = {"mae": mae, "rmse": rmse, "r2": r2, "median_ae": median_ae, "bias": bias}

_ERRORS = frozenset({"mae", "rmse", "median_ae"})


def number_scores(
    actual: ArrayLike, predicted: ArrayLike, extra: Mapping[str, Metric] | None = None
) -> dict[str, float]:
    """`mae`, `rmse`, `r2`, `median_ae`, `bias` and what `extra` names; NaN where there is none (R2 of one number).

    Args:
        actual: [M], NaN where nothing is known.
        predicted: [M], finite where `actual` is known.
        extra: name -> function of the same two arrays.

    Raises:
        DataError: shapes differ, nothing is known, or an estimate is not finite.
    """
    size = float(np.mean(np.abs(observed(actual, predicted)[0])))
    out: dict[str, float] = {}
    for name, metric in {**METRICS, **(extra or {})}.items():
        try:
            out[name] = float(metric(actual, predicted))
        except DataError:  # the same number everywhere: no variance to explain
            out[name] = float("nan")
    # Errors below a millionth of the numbers' own size are those of single precision.
    return {name: 0.0 if name in _ERRORS and value <= 1e-6 * size else value for name, value in out.items()}
