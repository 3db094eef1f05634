"""Putting rows in order: series together, times ascending and single, gaps as missing rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError, TimeError
from tidegate.core.frequency import Frequency
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.data.time import frequency as freq
from tidegate.data.time.calendars import Grid, positions, show

Repair = Literal["error", "sort", "drop", "mean"]
REPAIRS = ("error", "sort", "drop", "mean")
_MOST = 10
_HOUR = 3_600_000_000


@dataclass
class Rows:
    """Rows on their way to a table. Arrays are replaced, never written into.

    Attributes:
        time: [n] datetime64[us] or int64.
        codes: [n] series of each row, or None for one series.
        ids: names of the series.
        columns: name -> [n].
        origin: [n] row of the source that each row came from; None while they are the same.
        place: names a source row.
        local: whether times are clock times without a zone.
        keys: key column -> [G] values of the series, as given.
    """

    time: NDArray[Any]
    codes: NDArray[np.int64] | None
    ids: tuple[str, ...]
    columns: dict[str, NDArray[Any]]
    place: Callable[[int], str]
    local: bool = True
    hint: Callable[[], str] = lambda: ""
    origin: NDArray[np.int64] | None = None
    notes: list[Note] = field(default_factory=list)
    keys: Mapping[str, NDArray[Any]] | None = None

    def take(self, rows: NDArray[Any]) -> None:
        """Keep these rows, in this order."""
        source = np.arange(len(self.time)) if self.origin is None else self.origin
        self.origin = source[rows]
        self.time = self.time[rows]
        self.codes = None if self.codes is None else self.codes[rows]
        self.columns = {name: values[rows] for name, values in self.columns.items()}

    def where(self, row: int) -> str:
        """Place of a row as it was in the source."""
        return self.place(int(row if self.origin is None else self.origin[row]))

    def starts(self) -> NDArray[np.int64]:
        """[G + 1] borders, once the rows of a series lie together."""
        if self.codes is None:
            return np.array([0, len(self.time)], dtype=np.int64)
        counts = np.bincount(self.codes, minlength=len(self.ids))
        return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)

    def same(self) -> NDArray[np.bool_]:
        """[n - 1] whether neighbouring rows belong to one series."""
        if self.codes is None:
            return np.ones(len(self.time) - 1, dtype=bool)
        return np.asarray(self.codes[1:] == self.codes[:-1])

    def error(self, message: str, row: int, before: int, **values: Any) -> TimeError:
        """What is wrong with the time of a row, given that of one before it."""
        whose = "" if self.codes is None else tr(" (first in series {series!r})", series=self.ids[int(self.codes[row])])
        times = {"time": show(self.time[row]), "time2": show(self.time[before]), "whose": whose}
        return TimeError(tr(message, place=self.where(row), place2=self.where(before), **times, **values))


def order(rows: Rows, repair: Repair) -> None:
    """Bring the rows of each series together and in order of time, without doubles.

    Raises:
        TimeError: disorder or doubles that `repair` does not allow.
        ConfigError: unknown `repair`.
    """
    if repair not in REPAIRS:
        raise ConfigError(
            tr("repair={repair!r} is unknown; choose one of {names}", repair=repair, names=", ".join(REPAIRS))
        )
    _drop_missing_times(rows, repair)
    if rows.codes is not None and (rows.codes[1:] < rows.codes[:-1]).any():
        rows.take(np.argsort(rows.codes, kind="stable"))
    if freq.uniform(rows.time, rows.starts()) is not None:
        return
    step = np.diff(rows.time.astype(np.int64))
    backward = (step < 0) & rows.same()
    if backward.any():
        first = int(np.argmax(backward)) + 1
        count = int(backward.sum())
        if repair == "error":
            if rows.local and clock_change(rows.time[1:][backward]) and (step[backward] >= -_HOUR).all():
                message = (
                    "{place}: time {time} comes after {time2}: this is the hour that is repeated when clocks "
                    "go back in autumn (daylight saving; {count} places{whose}). Pass timezone= (for "
                    'instance "Europe/Berlin") to tell the two hours apart, or repair="mean" to average them'
                )
                raise rows.error(message, first, first - 1, count=count)
            newest = tr(" (the newest row comes first)") if bool((step[rows.same()] <= 0).all()) else ""
            message = (
                "{place}: time {time} comes after {time2}; {count} places where time runs "
                'backward{newest}{whose}. Sort the rows, or pass repair="sort"{doubles_too}'
            )
            raise rows.error(message, first, first - 1, count=count, newest=newest, doubles_too=_doubles_too(rows))
        note = "Rows were sorted by time: {count} places where time ran backward, first at {first}."
        rows.notes.append(Note("sorted", note, {"count": count, "first": show(rows.time[first])}))
        keys = (rows.time,) if rows.codes is None else (rows.time, rows.codes)
        rows.take(np.lexsort(keys))
        step = np.diff(rows.time.astype(np.int64))
    double = (step == 0) & rows.same()
    if double.any():
        _doubles(rows, double, repair)


def _drop_missing_times(rows: Rows, repair: Repair) -> None:
    if rows.time.dtype.kind != "M":
        return
    blank = np.isnat(rows.time)
    if not blank.any():
        return
    first, count = int(np.argmax(blank)), int(blank.sum())
    if repair not in ("drop", "mean"):
        message = (
            '{place}: the time is missing ({count} rows without time); fill it in, or pass repair="drop" to leave '
            "such rows out"
        )
        raise TimeError(tr(message, place=rows.where(first), count=count))
    if blank.all():
        raise TimeError(tr("no row has a time; pass time=False to take the rows in their order"))
    rows.notes.append(Note("no_time", "{count} rows without a time were left out.", {"count": count}))
    rows.take(np.flatnonzero(~blank))


def _doubles_too(rows: Rows) -> str:
    keys = (rows.time,) if rows.codes is None else (rows.time, rows.codes)
    ordered = np.lexsort(keys)
    same = np.diff(rows.time[ordered].astype(np.int64)) == 0
    if rows.codes is not None:
        same &= np.diff(rows.codes[ordered]) == 0
    count = int(same.sum())
    if not count:
        return ""
    first = show(rows.time[ordered][int(np.argmax(same))])
    message = ' (and {count} time stamps are doubled, first {first}: repair="mean" or "drop" cures both)'
    return tr(message, count=count, first=first) + rows.hint()


def _doubles(rows: Rows, double: NDArray[np.bool_], repair: Repair) -> None:
    first, count = int(np.argmax(double)), int(double.sum())
    stamp = show(rows.time[first])
    autumn = rows.local and clock_change(rows.time[:-1][double])
    if repair in ("error", "sort"):
        fix = tr('repair="mean" to average them or repair="drop" to keep the first of each')
        tell = ""
        if autumn:
            tell = tr(" They are the hour that is repeated when clocks go back in autumn.")
            fix += tr(', or timezone= (for instance "America/New_York") to tell the two hours apart')
        message = (
            "{place}: time {stamp} occurs again (before: {place2}); {count} doubled time "
            "stamps{whose}.{tell} Pass {fix}{hint}"
        )
        raise rows.error(message, first + 1, first, stamp=stamp, count=count, tell=tell, fix=fix, hint=rows.hint())
    keep = np.concatenate([[True], ~double])
    if repair == "mean":
        group = np.flatnonzero(keep)
        merged = {name: _mean(values, group) for name, values in rows.columns.items()}
        rows.take(group)
        rows.columns = merged
    else:
        rows.take(np.flatnonzero(keep))
    values = {"count": count, "first": stamp}
    if repair == "mean":
        rows.notes.append(Note("duplicates", "{count} doubled time stamps were averaged, first {first}.", values))
    else:
        message = "Of {count} doubled time stamps the first row was kept, first {first}."
        rows.notes.append(Note("duplicates", message, values))
    if autumn:
        message = "The doubled time stamps are the hour that is repeated when clocks go back in autumn."
        rows.notes.append(Note("daylight_repeat", message))


def _mean(values: NDArray[Any], first: NDArray[np.int64]) -> NDArray[Any]:
    if values.dtype.kind != "f":
        return values[first]
    held = ~np.isnan(values)
    total = np.add.reduceat(np.where(held, values, 0).astype(np.float64), first)
    count = np.add.reduceat(held.astype(np.int64), first)
    mean = np.full(len(first), np.nan)
    np.divide(total, count, out=mean, where=count > 0)
    single = np.diff(np.append(first, len(values))) == 1
    mean[single] = values[first[single]]
    return mean.astype(values.dtype)


def clock_change(times: NDArray[Any]) -> bool:
    """Whether local times lie in the night hours of those Sundays when clocks change."""
    if times.dtype.kind != "M" or not len(times):
        return False
    day = times.astype("datetime64[D]")
    hour = (times - day).astype("timedelta64[h]").astype(np.int64)
    month = times.astype("datetime64[M]").astype(np.int64) % 12 + 1
    sunday = (day.astype(np.int64) + 4) % 7 == 0
    night = sunday & (hour <= 3) & np.isin(month, (3, 4, 9, 10, 11))
    days_a_year = len(np.unique(day)) / max(1, len(np.unique(times.astype("datetime64[Y]"))))
    return bool(night.mean() >= 0.8 and days_a_year <= 2)


def spring_rows(times: NDArray[Any]) -> int:
    """How many of these missing local times are the hour that clocks skip in spring, north or south."""
    if times.dtype.kind != "M":
        return 0
    month = times.astype("datetime64[M]").astype(np.int64) % 12 + 1
    for months in ((3, 4), (9, 10)):
        season = times[np.isin(month, months)]
        if clock_change(season):
            return len(season)
    return 0


def regular(rows: Rows, frequency: str | Frequency | None) -> tuple[Frequency, NDArray[np.int64]]:
    """Find or take the frequency and insert missing rows.

    Returns:
        (frequency, starts [G + 1]).

    Raises:
        TimeError: rows lie off the given grid, or it would have over ten times the rows.
    """
    starts = rows.starts()
    step = freq.uniform(rows.time, starts)
    if step is not None and frequency is not None and freq.parse(frequency, rows.time[:1]) == step:
        return step, starts
    if step is not None and frequency is None and freq.certain(step):
        return step, starts
    if frequency is None:
        grid = freq.infer(rows.time, starts, rows.ids)
    else:
        grid = _given(rows, freq.parse(frequency, rows.time), starts)
    rows.notes.extend(grid.notes)
    if grid.positions is None:
        return grid.frequency, starts
    ends = grid.positions[starts[1:] - 1] + 1
    total = int(ends.sum())
    if total == len(rows.time):
        return grid.frequency, starts
    if total > _MOST * len(rows.time):
        message = (
            "a grid of step {frequency} would have {total} rows for the {count} there are; the frequency is too fine "
            'or a time is far off. Check the first and last times, or pass another frequency= ("row" counts rows)'
        )
        raise TimeError(tr(message, frequency=grid.frequency, total=total, count=len(rows.time)))
    _insert(rows, grid, starts, ends, total)
    return grid.frequency, np.concatenate([[0], np.cumsum(ends)]).astype(np.int64)


def _given(rows: Rows, frequency: Frequency, starts: NDArray[np.int64]) -> Grid:
    if not frequency.continues and rows.time.dtype.kind == "M":
        return Grid(frequency, None)
    if frequency.unit != "row" and rows.time.dtype.kind != "M":
        message = (
            "frequency={frequency!r} needs a time column, but the rows are only counted; pass time= or leave it out"
        )
        raise TimeError(tr(message, frequency=str(frequency)))
    place, off = positions(frequency, rows.time, starts)
    if off.any():
        first, count = int(np.argmax(off)), int(off.sum())
        begin = int(starts[int(np.searchsorted(starts, first, side="right")) - 1])
        message = (
            "{place}: time {time} is not on the grid of step {frequency} that begins at {time2}; "
            '{count} rows are off it. Correct the times or pass a finer frequency= ("row" counts '
            "rows)"
        )
        raise rows.error(message, first, begin, frequency=frequency, count=count)
    return Grid(frequency, place)


def _insert(rows: Rows, grid: Grid, starts: NDArray[np.int64], ends: NDArray[np.int64], total: int) -> None:
    assert grid.positions is not None
    begins = np.concatenate([[0], np.cumsum(ends)[:-1]])
    series = np.repeat(np.arange(len(ends)), np.diff(starts))
    at = grid.positions + begins[series]
    held = np.zeros(total, dtype=bool)
    held[at] = True
    gone = np.flatnonzero(~held)
    owner = np.searchsorted(begins, gone, side="right") - 1
    time = np.empty(total, dtype=rows.time.dtype)
    time[at] = rows.time
    size = grid.frequency.microseconds if rows.time.dtype.kind == "M" else grid.frequency.count
    if size is not None:
        time[gone] = rows.time[starts[owner]] + (gone - begins[owner]) * size
    else:
        borders = np.searchsorted(gone, np.append(begins, total))
        for i in np.unique(owner):
            mine = gone[borders[i] : borders[i + 1]]
            time[mine] = grid.frequency.advance(rows.time[starts[i]], mine - begins[i])
    columns: dict[str, NDArray[Any]] = {}
    for name, values in rows.columns.items():
        filled = np.full(total, np.nan if values.dtype.kind == "f" else None, dtype=values.dtype)
        filled[at] = values
        columns[name] = filled
    rows.time, rows.columns = time, columns
    rows.codes = None if rows.codes is None else np.repeat(np.arange(len(ends)), ends)
    spring = spring_rows(time[gone]) if rows.local and grid.frequency.unit in ("h", "min", "s") else 0
    gaps = 1 + int((np.diff(gone) > 1).sum())
    shown = ", ".join(dict.fromkeys(show(moment) for moment in time[gone[:3]]))
    message = "{count} missing rows were inserted as missing values, in {gaps} gaps, first {first}."
    rows.notes.append(Note("gaps", message, {"count": len(gone), "gaps": gaps, "first": shown}))
    if spring:
        message = "{count} of the missing rows are in the hour that is skipped when clocks go forward in spring."
        rows.notes.append(Note("daylight_skip", message, {"count": spring}))
