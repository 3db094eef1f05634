"""Local clock time and UTC, for whole columns at once."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError, TimeError
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.data.cells.columns import Loaded, Source
from tidegate.data.time.calendars import show
from tidegate.data.time.parts import put_together
from tidegate.data.time.timestamps import Times

_SECOND = 1_000_000
_DAY = 86_400 * _SECOND


def zone(name: str) -> ZoneInfo:
    """The time zone of that IANA name.

    Raises:
        ConfigError: there is no such zone on this machine.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        message = (
            "timezone={name!r} is not a time zone this machine knows; give an IANA name such as 'Europe/Paris', "
            "'Asia/Taipei' or 'UTC' (on Windows: pip install tzdata)"
        )
        raise ConfigError(tr(message, name=name)) from None


def _offset_at(name: ZoneInfo, microseconds: int) -> int:
    moment = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(microseconds=microseconds)
    found = moment.astimezone(name).utcoffset()
    return 0 if found is None else int(found.total_seconds()) * _SECOND


def transitions(name: str, first: int, last: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """When a zone's offset changes between two UTC times, and to what.

    Args:
        name: IANA name.
        first, last: microseconds since 1970 UTC.

    Returns:
        (at [n], offset [n + 1]) in microseconds: before at[0] offset[0] holds, from at[i] on offset[i + 1].
    """
    place = zone(name)
    low = max(first // _SECOND * _SECOND - 2 * _DAY, -62_000_000_000 * _SECOND)
    high = min(last // _SECOND * _SECOND + 2 * _DAY, 250_000_000_000 * _SECOND)
    at: list[int] = []
    offsets = [_offset_at(place, low)]
    while low < high:
        following = min(low + 14 * _DAY, high)  # no zone changes its clock twice within a fortnight
        after = _offset_at(place, following)
        if after != offsets[-1]:
            a, b = low, following
            while b - a > _SECOND:
                middle = (a + b) // 2 // _SECOND * _SECOND
                if _offset_at(place, middle) == offsets[-1]:
                    a = middle
                else:
                    b = middle
            at.append(b)
            offsets.append(after)
        low = following
    return np.array(at, dtype=np.int64), np.array(offsets, dtype=np.int64)


def to_local(utc: NDArray[np.datetime64], name: str) -> NDArray[np.datetime64]:
    """Clock time in a zone, [n] datetime64[us], of UTC times."""
    if not len(utc):
        return utc
    stamps = utc.astype("datetime64[us]").astype(np.int64)
    at, offsets = transitions(name, int(stamps.min()), int(stamps.max()))
    return (stamps + offsets[np.searchsorted(at, stamps, side="right")]).astype("datetime64[us]")


def to_utc(
    local: NDArray[np.datetime64], name: str, keys: NDArray[np.int64] | None = None
) -> tuple[NDArray[np.datetime64], NDArray[np.bool_], NDArray[np.bool_]]:
    """UTC of clock times in a zone.

    An hour that the clock shows twice is taken in row order: the first row with a time is the earlier one,
    the second row with the same time (and key) the later one.

    Args:
        local: [n] datetime64[us].
        name: IANA name.
        keys: [n] series that each row belongs to; None for one series.

    Returns:
        (utc [n] datetime64[us], skipped [n] True where the clock never shows that time, twice [n] True where
        it shows it twice).
    """
    stamps = local.astype("datetime64[us]").astype(np.int64)
    none = np.zeros(len(stamps), dtype=bool)
    if not len(stamps):
        return local, none, none
    at, offsets = transitions(name, int(stamps.min()), int(stamps.max()))
    early = stamps - offsets[np.searchsorted(at + np.maximum(offsets[:-1], offsets[1:]), stamps, side="right")]
    late = stamps - offsets[np.searchsorted(at + np.minimum(offsets[:-1], offsets[1:]), stamps, side="right")]
    # between the two thresholds: clock set back -> the time exists twice; set forward -> never
    skipped, twice = early > late, early < late
    utc = early.copy()
    rows = np.flatnonzero(twice)
    if len(rows):
        group = np.zeros(len(rows), dtype=np.int64) if keys is None else keys[rows]
        order = np.lexsort((rows, stamps[rows], group))
        again = np.zeros(len(rows), dtype=bool)
        s, g = stamps[rows][order], group[order]
        again[order[1:]] = (s[1:] == s[:-1]) & (g[1:] == g[:-1])
        utc[rows[again]] = late[rows[again]]
    return utc.astype("datetime64[us]"), skipped, twice


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
