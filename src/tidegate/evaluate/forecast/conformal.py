"""Conformal calibration: quantiles moved so that they hold their share, once, or again with each error."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import DataError
from tidegate.evaluate.significance import correlation, student_t_quantile

Array = NDArray[np.float64]
Rows = NDArray[np.int64]

REPEATED = 0.05  # share of the values from which on one of them is a point that quantiles lie on
FEWEST = 6  # windows whose own correlation is looked at
MEMORY = 50  # observed errors over which the size of a move follows that of the errors


def conformal_quantile(errors: NDArray[np.floating], level: float) -> Array:
    """The shift that lets a forecast of one level hold that share of values not seen yet.

    Of n errors, the ceil((n + 1) q)-th smallest for q of one half or more, the floor((n + 1) q)-th below: with errors
    that could have come in any order, a new one lies at or below it with a probability of at least q (of at most q
    below one half). Where n is too small for the level no error is large (small) enough: the shift is infinite, as only
    an interval without end is known to hold its share (see `errors_needed`).

    Args:
        errors: [n, ...] actual - forecast; NaN where missing.
        level: q, between 0 and 1.

    Returns:
        [...]; NaN where every error is missing, inf or -inf where they are too few.

    Raises:
        DataError: the level is not between 0 and 1, or there is no error.

    Source: Romano, Patterson and Candes (2019), arXiv:1905.03222, with one shift for each side.
    """
    if not 0 < level < 1 or not len(errors):
        raise DataError(f"a conformal quantile needs a level between 0 and 1 and an error; got {level}, {len(errors)}")
    values = np.sort(np.asarray(errors, dtype=np.float64), axis=0)  # NaN go last
    count = np.sum(~np.isnan(values), axis=0)
    exact = (count + 1) * level
    # 0.9 * 10 is not quite 9 in binary: what is a whole number but for rounding is taken for one.
    place = np.ceil(exact - 1e-9) if level >= 0.5 else np.floor(exact + 1e-9)
    kept = np.clip(place.astype(np.int64) - 1, 0, np.maximum(count - 1, 0))
    found = np.take_along_axis(values, np.asarray(kept)[None], axis=0)[0]
    beyond = np.where(place > count, np.inf, np.where(place < 1, -np.inf, found))
    return np.asarray(np.where(count > 0, beyond, np.nan))


def repeated_values(series: Sequence[NDArray[np.floating]]) -> tuple[tuple[float, float], ...]:
    """Values that come again and again, such as 0, each with the distance within which a quantile means this value.

    A quantile of such data lies on one of them, but what a network gives lies beside it: shifted so that a share q of
    the errors lies below, it cuts through values that are all the same, and the next ones fall all to one side. The
    distance holds at most 5 % of the other values of any series and half of the way to the next repeated one, so that
    a quantile moved over it passes hardly anything else.

    Args:
        series: arrays of values, NaN where missing.

    >>> repeated_values([np.array([0.0] * 90 + [3.0, 5.0, 2.0, 7.0, 4.0, 9.0, 6.0, 8.0, 1.0, 10.0])])
    ((0.0, 1.0),)
    """
    own = [values[np.isfinite(values)] for values in series]
    seen = np.concatenate([*own, np.empty(0)])
    found, counts = np.unique(seen, return_counts=True)
    points = found[counts >= max(2.0, REPEATED * len(seen))]
    others = [values[~np.isin(values, points)] for values in own] if len(points) else []
    pairs = []
    for point in points:
        ways = [np.abs(points[points != point] - point).min(initial=np.inf) / 2]
        ways += [np.quantile(np.abs(values - point), 0.05, method="lower") for values in others if len(values)]
        pairs.append((float(point), float(min(ways)) if np.isfinite(min(ways)) else 0.0))
    return tuple(pairs)


def errors_needed(levels: Sequence[float]) -> int:
    """The fewest errors that conformal quantiles of these levels need: (n + 1) q is between 1 and n for each.

    >>> errors_needed([0.1, 0.9]), errors_needed([0.025, 0.975])
    (9, 39)
    """
    return max(math.ceil(round(max(q, 1 - q) / min(q, 1 - q), 9)) for q in levels)


def few_windows_spread(
    errors: Array, origins: Rows, levels: Sequence[float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How far quantiles lie from the point forecast, of errors of too few windows for a shift of each step.

        |e_ik| / k^b, pooled over windows i and steps k     b between 0 and 1: how errors grow, by least squares
        d_qk = k^b Q(|2 q - 1|) t_m(q) / z(q), signed       Q: their conformal quantile; t_m, z: Student's t of m
                                                            degrees of freedom, and the normal distribution's

    m, how many errors that hang together are worth, is n (1 - r) / (1 + r) for n windows whose mean error sizes are
    correlated with the next one's by r; of fewer than 6 windows for n rows whose errors are correlated with the next
    step's by r. It is at least the number of windows that do not overlap.

    Args:
        errors: [n, K, C] actual - point forecast, NaN where missing. origins: [n] rows where the windows begin.
        levels: [Q].

    Returns:
        Distances [K, C, Q], NaN where a target has no error or none but 0; m [C].

    Source: split conformal prediction (Lei et al. 2018, arXiv:1604.04173) of pooled, scaled errors; Student's t as for
    a mean of few values.
    """
    _, K, C = errors.shape
    out, worth, k = np.full((K, C, len(levels)), np.nan), np.ones(C), np.arange(1, K + 1)
    order = np.argsort(origins, kind="stable")
    rows = len(np.unique(origins[:, None] + np.arange(K)))
    for c in range(C):
        size = np.abs(errors[order, :, c])
        seen = np.isfinite(size)
        if not (size[seen] > 0).any():
            continue
        growth = k ** _growth(size)
        scaled, known = size / growth, seen.any(axis=1)
        each = np.nanmean(scaled[known], axis=1)
        place = origins[order][known]
        count = len(place)
        if count < FEWEST:
            count, together = rows, _along(errors[order, :, c] / growth)
        else:
            together = correlation(each - each.mean(), place, 1, count)
        worth[c] = max(1.0, rows / K, count * (1 - together) / (1 + together))
        pooled = np.sort(scaled[seen])
        for q, level in enumerate(levels):
            inner = abs(2 * level - 1)
            if inner < 1e-9:
                out[:, c, q] = 0.0
                continue
            at = min(math.ceil((pooled.size + 1) * inner - 1e-9), pooled.size)
            wider = student_t_quantile(inner, float(worth[c])) / NormalDist().inv_cdf(0.5 + inner / 2)
            out[:, c, q] = np.sign(level - 0.5) * growth * pooled[at - 1] * wider
    return out, worth


def _along(scaled: Array) -> float:
    """Correlation of errors [n, K] with those of the next step, about 0, corrected for its bias; 0 to .95."""
    pairs = scaled[:, 1:] * scaled[:, :-1]
    seen = np.isfinite(scaled)
    r = float(np.nansum(pairs) / np.sum(scaled[seen] ** 2))
    return float(np.clip(r + r / scaled.shape[1], 0.0, 0.95))


def _growth(size: Array) -> float:
    """b of k^b, by least squares of the logarithms of the mean sizes [n, K] by step, between 0 and 1."""
    seen = np.isfinite(size)
    mean = np.where(seen, size, 0.0).sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
    x, y = np.log(np.arange(1, len(mean) + 1)[mean > 0]), np.log(mean[mean > 0])
    x = x - x.mean()
    square = float(x @ x)
    return float(np.clip(x @ (y - y.mean()) / square, 0.0, 1.0)) if square > 0 else 0.0


def interval_score(actual: Array, low: Array, high: Array, level: float) -> float:
    """Mean width of an interval, plus 2 / (1 - level) times the distance by which values lie outside.

    Args:
        actual, low, high: any one shape; NaN in actual is not scored. level: what the interval should hold, 0 to 1.

    Returns:
        float, in the target's unit; lower is better, and its minimum is the true interval.

    Raises:
        DataError: no value is observed.

    Source: Gneiting and Raftery (2007), section 6.2, doi:10.1198/016214506000001437.
    """
    seen = ~np.isnan(actual)
    if not seen.any():
        raise DataError("an interval score needs at least one observed value")
    y, lower, upper = actual[seen], low[seen], high[seen]
    outside = np.maximum(lower - y, 0.0) + np.maximum(y - upper, 0.0)
    return float(np.mean(upper - lower + 2.0 / (1.0 - level) * outside))


def track_shifts(
    errors: Array,
    levels: Sequence[float],
    origins: Rows,
    size: Array,
    *,
    rate: float = 0.05,
    start: Array | None = None,
) -> Array:
    """Shifts of quantiles that follow the errors as they are observed, for series that drift.

        s    <- s + rate * size * (q - [error <= s])     each time an error of that step becomes known
        size <- size + (mean |error| - size) / 50        the mean is over the levels

    so that in the long run a share q of the errors lies at or below the shift that was used, whatever the series does.
    The error of step k is known k rows after its window began, and no earlier one is used.

    Args:
        errors: [M, K, Q] actual - forecast of each level, NaN where missing. levels: [Q].
        origins: [M] row of the first forecast step, ascending, of one series.
        size: [K] a usual error of each step to begin with, in the target's unit: the unit of a move.
        rate: share of it that a miss moves the shift by; higher follows faster and wavers more.
        start: [K, Q] shifts to begin with; None begins at 0.

    Returns:
        [M, K, Q], the shift that each window could use at its origin.

    Raises:
        DataError: shapes do not fit, or origins do not rise.

    Source: quantile tracking of Angelopoulos, Candes and Tibshirani (2023), arXiv:2307.16895, which is adaptive
    conformal inference (Gibbs and Candes, 2021, arXiv:2106.00170) on the shift instead of the level.
    """
    windows, horizon, count = errors.shape
    if origins.shape != (windows,) or size.shape != (horizon,) or len(levels) != count:
        raise DataError(
            f"errors {errors.shape}, origins {origins.shape}, sizes {size.shape}, {len(levels)} levels do not fit"
        )
    if (np.diff(origins) <= 0).any():
        raise DataError("origins of a series must rise")
    target = np.asarray(levels, dtype=np.float64)
    shift = np.zeros((horizon, count)) if start is None else np.array(start, dtype=np.float64)
    steps, used = np.arange(1, horizon + 1), np.empty(errors.shape)
    move, places = np.array(size, dtype=np.float64), np.arange(horizon)
    following = np.zeros(horizon, dtype=np.int64)  # of each step, the first window whose error has not been used
    for window in range(windows):
        while True:
            known = origins[following] + steps <= origins[window]
            if not known.any():
                break
            error, before = errors[following, places], used[following, places]
            seen = known[:, None] & ~np.isnan(error)
            shift += np.where(seen, rate * move[:, None] * (target - (error <= before)), 0.0)
            move += np.where(seen.all(axis=1), (np.abs(error).mean(axis=1) - move) / MEMORY, 0.0)
            following += known
        used[window] = shift
    return used


def usual_error(errors: Array) -> float:
    """Mean absolute deviation from the median; 1 where there is none. errors: any shape, NaN where missing."""
    seen = errors[np.isfinite(errors)]
    spread = float(np.mean(np.abs(seen - np.median(seen)))) if seen.size else math.nan
    return spread if math.isfinite(spread) and spread > 0.0 else 1.0
