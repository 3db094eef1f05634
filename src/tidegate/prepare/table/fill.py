"""Standing in for missing values, without looking past an origin.

A fill that only looks back has one result per row. A fill that looks ahead (`bfill`, `linear`) has two:
inside a gap that has already closed at the origin, the value seen with hindsight; inside a gap that is
still open, the last value before it. `last_observed` tells which rows are which: the rows after
`last[origin - 1]` are the open gap.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def last_observed(missing: NDArray[np.bool_], starts: NDArray[np.int64]) -> NDArray[Any]:
    """Row of the latest observed value of the same series at or before each row, -1 where there is none.

    Args:
        missing: [N].
        starts: [G + 1].

    Returns:
        [N] int32, or int64 for tables of more than 2**31 rows.
    """
    dtype = np.int32 if len(missing) < 2**31 else np.int64
    rows: NDArray[Any] = np.arange(len(missing), dtype=dtype)
    rows[missing] = -1
    # The row before a series is a wall: an index below the series' own first row means none.
    np.maximum.accumulate(rows, out=rows)
    begin = np.repeat(starts[:-1].astype(dtype), np.diff(starts))
    rows[rows < begin] = -1
    return rows


def _next_observed(missing: NDArray[np.bool_], starts: NDArray[np.int64]) -> NDArray[Any]:
    """Row of the next observed value of the same series at or after each row, -1 where there is none."""
    count = len(missing)
    backward = last_observed(missing[::-1], (count - starts)[::-1].astype(np.int64))[::-1]
    return np.asarray(np.where(backward < 0, -1, count - 1 - backward))


def fill_column(
    values: NDArray[Any],
    missing: NDArray[np.bool_],
    starts: NDArray[np.int64],
    method: str,
    *,
    start: NDArray[np.float64],
    season: int | None = None,
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Fill the gaps of one column.

    Args:
        values: [N], NaN where missing.
        missing: [N].
        starts: [G + 1], first row of each series, then N.
        method: `ffill`, `bfill`, `linear` or `seasonal`.
        start: [G], what stands before the first observation of a series.
        season: steps, for `seasonal`.

    Returns:
        [N] without NaN, and for the methods that look ahead also `last_observed` (None for the others).
        With hindsight `bfill` and `linear` have nothing ahead of a series' final gap; it repeats the last value.
    """
    gaps = np.flatnonzero(missing)
    last = last_observed(missing, starts)
    series = np.searchsorted(starts, gaps, side="right") - 1
    before = last[gaps]
    filled = values.copy()
    filled[gaps] = np.where(before >= 0, values[before], start[series].astype(values.dtype))
    if method == "ffill":
        return filled, None
    if method == "seasonal" and season is not None:
        _fill_seasonal(filled, missing, gaps, starts[series], season)
        return filled, None
    ahead = _next_observed(missing, starts)[gaps]
    closed = ahead >= 0
    later = values[ahead[closed]]
    if method == "linear":
        known = before[closed]
        earlier = np.where(known >= 0, values[known], later)
        share = (gaps[closed] - known) / (ahead[closed] - known)
        # Two products instead of a difference: no overflow, and exact where both ends are equal.
        later = np.where(earlier == later, later, earlier * (1.0 - share) + later * share)
    filled[gaps[closed]] = later
    return filled, last


def _fill_seasonal(
    filled: NDArray[Any], missing: NDArray[np.bool_], gaps: NDArray[np.int64], begin: NDArray[np.int64], season: int
) -> None:
    """Overwrite gaps with the value one season before, or two, or three: the first that was observed."""
    pending, source, floor = gaps, gaps - season, begin
    while len(pending):
        inside = source >= floor
        pending, source, floor = pending[inside], source[inside], floor[inside]
        hit = ~missing[source]
        filled[pending[hit]] = filled[source[hit]]
        pending, source, floor = pending[~hit], source[~hit] - season, floor[~hit]
