"""Fewer points, same picture: minimum and maximum of each pixel's worth of data."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def buckets(count: int, parts: int) -> list[tuple[int, int]]:
    """Split `count` indices into at most `parts` runs of nearly equal length: (first, end) pairs."""
    edges = np.linspace(0, count, min(parts, count) + 1).astype(np.int64)
    return [(int(a), int(b)) for a, b in pairwise(edges)]


def thin_line(x: Floats, y: Floats, parts: int) -> tuple[Floats, Floats]:
    """Keep each bucket's lowest and highest point in the order they come; every peak survives.

    Args:
        x, y: [N], x ascending; NaN in y is a gap. A bucket without any value becomes one gap.
        parts: number of buckets; a line of at most twice as many points is returned as it is.

    Returns:
        x and y of at most `2 * parts` points, all of them points of the line.
    """
    if len(x) <= 2 * parts:
        return x, y
    keep: list[int] = []
    for first, end in buckets(len(x), parts):
        part = y[first:end]
        finite = np.isfinite(part)
        if not finite.any():
            keep.append(first)
            continue
        low = first + int(np.argmin(np.where(finite, part, np.inf)))
        high = first + int(np.argmax(np.where(finite, part, -np.inf)))
        keep += sorted({low, high})
    return x[keep], y[keep]


def thin_band(x: Floats, low: Floats, high: Floats, parts: int) -> tuple[Floats, Floats, Floats]:
    """The outline of a band: per bucket the lowest `low` and highest `high`, placed at the bucket's first x."""
    if len(x) <= parts:
        return x, low, high
    spans = buckets(len(x), parts)
    at = np.array([x[first] for first, _ in spans[:-1]] + [x[-1]])
    return at, _extreme(low, spans, np.minimum), _extreme(high, spans, np.maximum)


def _extreme(values: Floats, spans: list[tuple[int, int]], pick: np.ufunc) -> Floats:
    blank = np.inf if pick is np.minimum else -np.inf
    found = pick.reduceat(np.where(np.isfinite(values), values, blank), [first for first, _ in spans])
    return np.asarray(np.where(np.isfinite(found), found, np.nan))
