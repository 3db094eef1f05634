"""Which windows lie in a part, counted before any is listed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]


def sample_origins(part: Rows, starts: Rows, window: int, horizon: int, limit: int, *, inside: bool) -> Rows:
    """At most `limit` origins of a part, spread evenly over all of them.

    Args:
        part: [G, 2], the part's rows of each series.
        starts: [G + 1], first row of each series, then N.
        window: T, rows that must exist before an origin.
        horizon: K, rows of the part that must follow it.
        limit: most origins to return.
        inside: whether the T rows before must lie in the part too (training), or only in the series.

    Returns:
        [at most limit], sorted.
    """
    floor = part[:, 0] if inside else starts[:-1]
    first = np.maximum(part[:, 0], floor + window)
    counts = np.maximum(part[:, 1] - horizon + 1 - first, 0)
    ends = np.cumsum(counts)
    total = int(ends[-1]) if ends.size else 0
    if total == 0:
        return np.zeros(0, dtype=np.int64)
    chosen = np.unique(np.linspace(0, total - 1, min(total, limit)).astype(np.int64))
    series = np.searchsorted(ends, chosen, side="right")
    return np.asarray(first[series] + chosen - (ends - counts)[series], dtype=np.int64)
