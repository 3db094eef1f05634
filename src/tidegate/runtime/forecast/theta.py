"""The Theta method's arithmetic, and the method fitted to the end of any series at once.

Shapes: S series, R rows to fit on, right-aligned, K steps ahead, m steps in a season, A smoothing rates.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Rows = NDArray[np.int64]

SLOWEST, FASTEST = 0.1, 0.99  # smoothing rates
RATES = 12  # of each of two passes
LATEST = 400  # rows of a series that are fitted on where it is fitted before every forecast


def theta(series: Sequence[NDArray[Any]], seasons: Rows, horizon: int) -> Array:
    """[S, K], forecasts of the rows after each series by the Theta method, fitted on its last 400 rows.

    Args:
        series: S arrays, NaN where a value is missing; at least one is not. seasons: [S], m, 1 where there is none; a
            season of which the rows hold fewer than two is left out. horizon: K.

    Source: Assimakopoulos and Nikolopoulos (2000), doi:10.1016/S0169-2070(00)00066-2; as one smoothing: Hyndman and
    Billah (2003), doi:10.1016/S0169-2070(01)00143-1.
    """
    out = np.empty((len(series), horizon))
    for m in np.unique(seasons).tolist():
        places = np.flatnonzero(seasons == m).tolist()
        out[places] = _theta([_filled(series[place][-LATEST:]) for place in places], m, horizon)
    return out


def _theta(series: Sequence[Array], m: int, horizon: int) -> Array:
    """[S, K], of series of one season."""
    ends = np.cumsum([len(values) for values in series])
    rows = np.stack([np.append(0, ends[:-1]), ends], axis=1)
    y, first = aligned(np.concatenate(series), rows, int(np.diff(rows).max()))
    R = y.shape[1]
    factor = np.where((y > 0).all(axis=1), 1.0, 0.0)
    places = np.broadcast_to((np.arange(R) - R) % m, y.shape)
    index = seasonal_index(y, first, places, m, factor)
    plain = without(y, np.take_along_axis(index, places, axis=1), factor[:, None])
    slope, rate = slope_and_rate(plain, first)
    n, ahead = (R - first)[:, None], np.arange(1, horizon + 1)
    back = np.arange(R)
    level = (smoothing_weights(rate[:, None], n, back) * np.where(back < n, plain[:, ::-1], 0.0)).sum(axis=1)
    found = level[:, None] + line_ahead(slope[:, None], rate[:, None], n, ahead)
    worth = index[:, (ahead - 1) % m]
    return np.asarray(np.where(factor[:, None] > 0, found * worth, found + worth))


def _filled(values: NDArray[Any]) -> Array:
    """Values with gaps filled forward, from the first that is known."""
    y = np.asarray(values, dtype=np.float64)
    y = y[int(np.isfinite(y).argmax()) :]
    return np.asarray(y[np.maximum.accumulate(np.where(np.isfinite(y), np.arange(len(y)), 0))])


def smoothing_weights(rate: Array, n: Rows, back: Rows) -> Array:
    """[S, R], what each of the n rows, the newest first, weighs in the level; those beyond are to be 0 themselves."""
    keep = 1.0 - rate
    return np.asarray(np.where(back == n - 1, keep ** (n - 1), rate * keep**back))


def line_ahead(slope: Array, rate: Array, n: Rows, ahead: Rows) -> Array:
    """[S, K], half of the line's growth `ahead` rows after n: (k + (1-a)/a (1 - (1-a)^(n-1))) b/2."""
    keep = 1.0 - rate
    grown = ahead + keep / rate * (1.0 - keep ** np.maximum(n - 1, 0))
    return np.asarray(0.5 * slope * np.where(n > 0, grown, 0.0))


def aligned(column: NDArray[Any], train: Rows, longest: int) -> tuple[Array, Rows]:
    """The last rows of each series, [S, R] right-aligned, and where each begins; filled with its first value before."""
    count = np.minimum(train[:, 1] - train[:, 0], longest)
    rows = train[:, 1, None] - np.arange(longest)[::-1] - 1
    y = column[np.maximum(rows, 0)].astype(np.float64)
    seen = (np.arange(longest) >= longest - count[:, None]) & np.isfinite(y)
    first = np.where(seen.any(axis=1), seen.argmax(axis=1), longest - 1)
    start = np.take_along_axis(np.where(seen, y, 0.0), first[:, None], axis=1)
    return np.where(np.arange(longest) >= first[:, None], np.where(seen, y, start), start), first


def without(y: Array, index: Array, factor: Array) -> Array:
    """Rows without their season, which is a factor where `factor` is 1, else a term."""
    return np.where(factor > 0, y / np.where(factor > 0, index, 1.0), y - index)


def seasonal_index(y: Array, first: Rows, places: Rows, m: int, factor: Array) -> Array:
    """[S, m], classical decomposition: the mean at each place of what is left by a centred mean over a season."""
    S, R = y.shape
    neutral = np.repeat((factor > 0).astype(np.float64)[:, None], m, axis=1)
    if m == 1 or 2 * m > R:
        return neutral
    total = np.concatenate([np.zeros((S, 1)), np.cumsum(y, axis=1)], axis=1)
    mean = (total[:, m:] - total[:, :-m]) / m
    if m % 2 == 0:  # two means, so that it is centred on a row
        mean = (mean[:, 1:] + mean[:, :-1]) / 2.0
    half = m // 2
    inner = slice(half, half + mean.shape[1])
    left = _over(y[:, inner], mean, factor[:, None])
    known = np.arange(R)[inner] >= first[:, None] + half
    keys = (np.arange(S)[:, None] * m + places[:, inner])[known]
    count = np.bincount(keys, minlength=S * m).reshape(S, m)
    found = np.bincount(keys, left[known], S * m).reshape(S, m) / np.maximum(count, 1)
    whole = (count > 0).all(axis=1) & (R - first >= 2 * m)
    found = _over(found, np.where(whole, found.mean(axis=1), 1.0)[:, None], factor[:, None])
    return np.where(whole[:, None], found, neutral)


def _over(values: Array, base: Array, factor: Array) -> Array:
    return np.where(factor > 0, values / np.where(factor > 0, base, 1.0), values - base)


def slope_and_rate(y: Array, first: Rows) -> tuple[Array, Array]:
    """Slope [S] of the line through each series' rows, and the rate [S] whose errors one step ahead are least."""
    R = y.shape[1]
    known = np.arange(R) >= first[:, None]
    y = np.where(known, y, np.take_along_axis(y, first[:, None], axis=1))  # whose season is not constant
    n = np.maximum(known.sum(axis=1), 1)[:, None]
    t = np.where(known, np.arange(R) - (R - 1) + (n - 1) / 2.0, 0.0)
    size = (t**2).sum(axis=1)
    slope = np.where(size > 0, (t * y).sum(axis=1) / np.where(size > 0, size, 1.0), 0.0)
    line = 2.0 * y - slope[:, None] * np.where(known, t, t[np.arange(len(t)), first][:, None])
    rates = np.tile(np.linspace(SLOWEST, FASTEST, RATES), (len(y), 1))
    best = _best(line, rates)
    gap = rates[0, 1] - rates[0, 0]
    near = np.clip(best[:, None] + np.linspace(-gap, gap, RATES), SLOWEST, FASTEST)
    return slope, _best(line, near)


def _best(line: Array, rates: Array) -> Array:
    """[S], of rates [S, A] the one with the lowest squared errors one step ahead."""
    level, total = np.repeat(line[:, :1], rates.shape[1], axis=1), np.zeros(rates.shape)
    for now in line.T[1:]:
        error = now[:, None] - level
        total += error * error
        level += rates * error
    return np.asarray(rates[np.arange(len(rates)), total.argmin(axis=1)])
