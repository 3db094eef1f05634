"""The time of every row: put together, counted, and brought to UTC."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import TimeError
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.data.cells.columns import Loaded, Source
from tidegate.data.time.calendars import show
from tidegate.data.time.parts import put_together
from tidegate.data.time.timestamps import Times
from tidegate.data.time.zones import to_local, to_utc


def times_of(
    source: Source,
    loaded: Loaded,
    parts: tuple[str, ...],
    codes: NDArray[np.int64] | None,
    count: int,
    date_format: str | None = None,
) -> Times:
    """The times of all rows: a column, several put together, or a count within each series.

    Args:
        source: for messages.
        loaded: its columns.
        parts: the columns that hold the time.
        codes: [n] series of each row, None for one.
        count: G.
        date_format: as given to `read`.

    Raises:
        TimeError: parts that form no time.
    """
    if not parts:
        if codes is None:
            narrow = loaded.rows < np.iinfo(np.int32).max  # four bytes a row less for a table of millions
            return Times(np.arange(loaded.rows, dtype=np.int32 if narrow else np.int64))
        rank = np.argsort(codes, kind="stable")
        starts = np.concatenate([[0], np.cumsum(np.bincount(codes, minlength=count))[:-1]])
        index = np.empty(loaded.rows, dtype=np.int64)
        index[rank] = np.arange(loaded.rows) - np.repeat(starts, np.bincount(codes, minlength=count))
        return Times(index)
    if len(parts) == 1:
        value: Times = loaded.values[parts[0]]
        return value
    return put_together(source, loaded, parts, date_format)


def in_zone(
    times: Times, timezone: str | None, codes: NDArray[np.int64] | None, source: Source, notes: list[Note]
) -> tuple[NDArray[Any], str | None]:
    """Times as the table holds them (UTC where there is a zone), and the zone.

    Times that all fall on one hour of the local clock are dates: they stay local, without a zone.

    Raises:
        TimeError: a clock time that the zone skips.
    """
    stamps: NDArray[Any] = times.values
    if stamps.dtype.kind != "M":
        return stamps, None
    name = timezone or times.zone
    if name is None:
        return stamps, None
    held = ~np.isnat(stamps)
    if not held.all():
        raise TimeError(
            tr("{place}: the time is missing; fill it in or remove the row", place=source.place(int(np.argmin(held))))
        )
    local = to_local(stamps, name) if times.aware else stamps
    day = (local - local.astype("datetime64[D]")).astype(np.int64)
    if len(local) > 1 and (day == day[0]).all():
        message = "Times are dates: they are kept as dates on the clock of {zone}."
        if name != "UTC" or day[0]:
            notes.append(Note("dates", message, {"zone": name}))
        return local, None
    if times.aware:
        return stamps, name
    utc, skipped, _ = to_utc(stamps, name, codes)
    if skipped.any():
        row = int(np.argmax(skipped))
        message = (
            "{place}: {time} does not exist on the clock of {name} (clocks go forward there; {sum} such times). If "
            "the stamps are standard time all year, pass a zone without summer time, such as 'UTC'"
        )
        raise TimeError(tr(message, place=source.place(row), time=show(stamps[row]), name=name, sum=int(skipped.sum())))
    return utc, name
