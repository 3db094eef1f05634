"""Affine scaling by statistics of the training rows, per series and shared, and the transforms of targets before it.

    scaled       = (value - offset) / scale
    log1p        z = ln(1 + y)                 y = e^z - 1
    log          z = ln(1 + max(y, 0))         y = e^z - 1
    difference   d[o+k] = y[o+k] - y[o+k-L]    y[o+k] = d[o+k] + y[o+k-L]

In the inverse of the difference, y[o+k-L] is history while k < L and from there on the forecast itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

PIECE = 1 << 18
Getter = Callable[[Any], NDArray[Any]]
LOGARITHMS = ("log1p", "log")


@dataclass(frozen=True)
class Statistics:
    """Of each series ([G]) and, as last entry, of all together: every array is [G + 1].

    `spread` is the largest less the smallest value. All but `count` are NaN where there was nothing to
    measure; `scale` is 0 where the values, or for `robust` their middle half, are constant.
    """

    count: NDArray[np.int64]
    center: NDArray[np.float64]
    offset: NDArray[np.float64]
    scale: NDArray[np.float64]
    spread: NDArray[np.float64]


def pieces(rows: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], Any]]:
    """Walk through row ranges [G, 2] in bounded pieces.

    Yields:
        series: [m], which series the piece touches.
        offsets: [m], where each begins inside the piece.
        where: a slice, or row numbers, of at most `PIECE` rows.
    """
    waiting: list[int] = []
    size = 0
    for g, (a, b) in enumerate(rows.tolist()):
        if b <= a:
            continue
        if b - a > PIECE // 2:
            for first in range(a, b, PIECE):
                yield np.array([g]), np.array([0]), slice(first, min(first + PIECE, b))
            continue
        if size + b - a > PIECE:
            yield _together(rows, waiting)
            waiting, size = [], 0
        waiting.append(g)
        size += b - a
    if waiting:
        yield _together(rows, waiting)


def _together(rows: NDArray[np.int64], chosen: list[int]) -> tuple[NDArray[np.int64], NDArray[np.int64], Any]:
    series = np.array(chosen)
    begin, lengths = rows[series, 0], rows[series, 1] - rows[series, 0]
    offsets = np.cumsum(lengths) - lengths
    if len(chosen) == 1:
        return series, offsets, slice(int(begin[0]), int(begin[0] + lengths[0]))
    where = np.repeat(begin - offsets, lengths) + np.arange(int(lengths.sum()))
    return series, offsets, where


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def measure(get: Getter, rows: NDArray[np.int64], method: str) -> Statistics:
    """Statistics of the values in `rows`; missing ones (NaN) do not count.

    Args:
        get: from row numbers (or a slice) to values of those rows.
        rows: [G, 2], the ranges to look at; nothing else is read.
        method: `standard` (mean, population deviation), `minmax`, `robust` (median, 75th less 25th
            percentile) or `none`.
    """
    groups = len(rows)
    count = np.zeros(groups + 1, dtype=np.int64)
    total = np.zeros(groups + 1)
    low, high = np.full(groups + 1, np.inf), np.full(groups + 1, -np.inf)
    for series, offsets, where in pieces(rows):
        values = get(where)
        seen = ~np.isnan(values)
        count[series] += np.add.reduceat(seen, offsets, dtype=np.int64)
        total[series] += np.add.reduceat(np.where(seen, values, 0), offsets, dtype=np.float64)
        low[series] = np.fmin(low[series], np.fmin.reduceat(values, offsets))
        high[series] = np.fmax(high[series], np.fmax.reduceat(values, offsets))
    count[-1], total[-1], low[-1], high[-1] = count.sum(), total.sum(), low.min(), high.max()
    center = total / count
    none = count == 0
    span = np.where(none, np.nan, high - low)
    if method == "robust":
        center, offset, scale = _quartiles(get, rows, groups)
    elif method == "minmax":
        offset, scale = np.where(none, np.nan, low), span
    elif method == "standard":
        offset, scale = center, _deviation(get, rows, center, count)
    else:
        offset, scale = np.where(none, np.nan, 0.0), np.where(none, np.nan, 1.0)
    if method != "none":
        # A spread that is only rounding of the values themselves is no spread.
        least = 10 * np.finfo(np.float64).eps * np.maximum(np.abs(low), np.abs(high))
        flat = ~none & (span <= least)
        scale, span = np.where(flat, 0.0, scale), np.where(flat, 0.0, span)
    return Statistics(count, center, offset, scale, span)


def _deviation(
    get: Getter, rows: NDArray[np.int64], center: NDArray[np.float64], count: NDArray[np.int64]
) -> NDArray[np.float64]:
    square = np.zeros(len(rows) + 1)
    for series, offsets, where in pieces(rows):
        values = get(where).astype(np.float64)
        lengths = np.diff(np.append(offsets, len(values)))
        own = np.nan_to_num((values - np.repeat(center[series], lengths)) ** 2)
        square[series] += np.add.reduceat(own, offsets)
        square[-1] += np.nansum((values - center[-1]) ** 2)
    return np.asarray(np.sqrt(square / count))


def _quartiles(
    get: Getter, rows: NDArray[np.int64], groups: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    quartile = np.full((groups + 1, 3), np.nan)
    kept: list[NDArray[Any]] = []
    for g, (a, b) in enumerate(rows.tolist()):
        values = get(slice(a, b)) if b > a else np.empty(0)
        values = values[~np.isnan(values)]
        if len(values):
            quartile[g] = np.percentile(values.astype(np.float64), (25, 50, 75))
            kept.append(values)
    if len(kept) > 1:
        quartile[-1] = np.percentile(np.concatenate(kept).astype(np.float64), (25, 50, 75))
    elif kept:
        quartile[-1] = np.nanmax(quartile[:-1], axis=0)
    return quartile[:, 1], quartile[:, 1], quartile[:, 2] - quartile[:, 0]


def logged(values: NDArray[Any], transform: str) -> NDArray[Any]:
    """The logarithm of 1 + values; with `log` of what is below 0 as of 0."""
    return np.asarray(np.log1p(np.maximum(values, 0.0) if transform == "log" else values))


def differences(future: NDArray[np.float64], history: NDArray[np.float64]) -> NDArray[np.float64]:
    """Difference of each value from the one L steps before.

    Args:
        future: [B, K] values from the origin on, NaN where missing.
        history: [B, L] the last values before the origin, none missing.

    Returns:
        [B, K]. A missing value counts as unchanged since L steps before: its difference is 0, and the
        values L steps later are measured from what it is unchanged from, as `accumulate` will do.
    """
    lag = history.shape[1]
    result = np.empty_like(future)
    before = history
    for first in range(0, future.shape[1], lag):
        block = future[:, first : first + lag]
        before = before[:, : block.shape[1]]
        level = np.where(np.isnan(block), before, block)
        result[:, first : first + lag] = level - before
        before = level
    return result


def accumulate(steps: NDArray[np.float64], history: NDArray[np.float64]) -> NDArray[np.float64]:
    """Undo `differences`.

    Args:
        steps: [B, K, ...] differences.
        history: [B, L].

    Returns:
        [B, K, ...].
    """
    lag = history.shape[1]
    result = np.empty_like(steps)
    before: NDArray[Any] = history.reshape(history.shape + (1,) * (steps.ndim - 2))
    for first in range(0, steps.shape[1], lag):
        block = steps[:, first : first + lag]
        level = block + before[:, : block.shape[1]]
        result[:, first : first + lag] = level
        before = level
    return result
