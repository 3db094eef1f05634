"""Wide tables: one series a column, or one series a row."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ReadError, SchemaError, TidegateError
from tidegate.core.translate import tr
from tidegate.data.cells.columns import Role, Source
from tidegate.data.cells.numbers import BadCellError, to_floats
from tidegate.data.files.csvfile import CsvFile
from tidegate.data.files.frames import ArraySource
from tidegate.data.schema import Names, TimeName, as_names, find_time, missing_column
from tidegate.data.time.forms import looks_like_time, read_cell
from tidegate.data.time.months import month_of
from tidegate.data.time.parts import is_date, part_named
from tidegate.data.time.timecolumn import TimeColumn

Long = tuple[NDArray[Any], NDArray[np.int64], tuple[str, ...], NDArray[Any], int]
"""Source rows [n], codes [n], ids [G], values [n], and how many blank rows were cut from the ends."""


def melt(source: Source, names: tuple[str, ...], values: dict[str, NDArray[Any]]) -> Long:
    """Stack columns into one; blank rows before a series begins and after it ends are cut.

    Args:
        source: for messages.
        names: [G] columns, each a series.
        values: their numbers, [n] each.

    Raises:
        SchemaError: all columns are blank.
    """
    rows, codes, stacked = [], [], []
    ids: list[str] = []
    cut = 0
    for name in names:
        column = values[name]
        held = np.flatnonzero(~np.isnan(column))
        if not len(held):
            cut += len(column)
            continue
        low, high = int(held[0]), int(held[-1]) + 1
        cut += len(column) - (high - low)
        rows.append(np.arange(low, high))
        codes.append(np.full(high - low, len(ids), dtype=np.int64))
        stacked.append(column[low:high])
        ids.append(name)
    if not ids:
        raise SchemaError(tr("no column of {value} has a value", value=source.label or "the table"))
    return np.concatenate(rows), np.concatenate(codes), tuple(ids), np.concatenate(stacked), cut


_CLOCK = re.compile(r"(?:h|hr|hour|he|時)?[ _]?(\d{1,2})[:h](\d\d)(?::00)?", re.IGNORECASE)
_HOUR = re.compile(r"(?:h|hr|hour|he|時)?[ _]?(\d{1,2})(?:h|時|點|点)?", re.IGNORECASE)
_PERIOD = re.compile(r"(?:h|hh|qh|q|p|sp|pte|period|interval|時段)?[ _]?(\d{1,3})", re.IGNORECASE)
_MONTH = re.compile(r"(\d{1,2})月?")
_QUARTER = re.compile(r"(?:q|qtr|quarter|quartal|trim|第)[ _.]?([1-4])(?:季|季度)?|([1-4])(?:q|季|季度)", re.IGNORECASE)
_TOTAL = re.compile(r"(?:year(?:ly)?|annual|total|sum|mean|average|avg|合計|總計|全年|平均)(?:[ _].*)?", re.IGNORECASE)
_DAY = re.compile(r"(?:d|day|tag|jour|día|dia)?[ _]?(\d{1,2})[日號号]?", re.IGNORECASE)
_MONTHS = "Each row was read as a year, and the columns {columns} as its months: one series."
_QUARTERS = "Each row was read as a year, and the columns {columns} as its quarters: one series."
_DAYS = "Each row was read as a month, and the columns {columns} as its days: one series."
_HOURS = "Each row was read as a day, and the columns {columns} as its hours: one series."
_PARTS = "Each row was read as a day, and the columns {columns} as its parts of {minutes} minutes: one series."
_NO_DAY = "{place}, column {name!r}: the month {month} has no such day, but a value stands there; remove it"


@dataclass(frozen=True)
class Calendar:
    """A table with a row a year and a column a month or a quarter, a row a month and a column a day, or a row a day and
    a column an hour or a part of it.

    Attributes:
        dates: the columns of years, months or days. columns: the others, in order of time.
        row: what a row is, `Y`, `M` or `D`. unit: of the columns, `M`, `D` or `m`.
        first: where the first column lies, in units from the beginning of its row. step: from each column to the next.
        note: says how the table was read.
    """

    dates: tuple[str, ...]
    columns: tuple[str, ...]
    row: str
    unit: str
    first: int
    step: int
    note: str

    def unfold(
        self, source: Source, dates: NDArray[np.datetime64], columns: dict[str, NDArray[Any]]
    ) -> tuple[NDArray[np.int64], NDArray[np.datetime64], NDArray[Any]]:
        """One series out of the table, without blanks at its ends.

        Args:
            source: for messages. dates: [n] of the rows. columns: [n] each.

        Returns:
            (row of the source, time, value), [n * columns] each but for the blanks.

        Raises:
            SchemaError: a value on a day that its month does not have.
        """
        grid = np.stack([columns[name] for name in self.columns], axis=1)
        begin = dates.astype(f"datetime64[{self.row}]")
        at = begin.astype(f"datetime64[{self.unit}]")[:, None] + (self.first + self.step * np.arange(grid.shape[1]))
        real = np.ones(grid.shape, dtype=bool)
        if self.row == "M":
            real = at.astype("datetime64[M]") == begin[:, None]
            if (wrong := ~real & ~np.isnan(grid)).any():
                row, place = (int(found[0]) for found in np.nonzero(wrong))
                where = {"place": source.place(row), "name": self.columns[place], "month": str(begin[row])}
                raise SchemaError(tr(_NO_DAY, **where))
        index = np.repeat(np.arange(len(grid)), grid.shape[1]).reshape(grid.shape)[real]
        held = np.flatnonzero(~np.isnan(grid[real]))
        kept = slice(int(held[0]), int(held[-1]) + 1) if len(held) else slice(0)
        return index[kept], at[real].astype("datetime64[us]")[kept], grid[real][kept]


def calendar_of(source: Source, time: TimeName, target: Names = None) -> Calendar | None:
    """How a table whose columns are the months or quarters of a year, the days of a month, or the hours of a day (or
    halves and quarters of them), is to be read; None where they are not."""
    if time is False or as_names(target) not in ((), ("value",)) or "value" in source.names:
        return None
    time = None if time == "time" and "time" not in source.names else time
    dates = tuple(name for name in source.names if name in as_names(time) or (time is None and part_named(name)))
    years = tuple(name for name in dates if time is not None or part_named(name) == "year")
    others = [name for name in source.names if name not in years]
    if [part_named(name) for name in dates] == ["year", "month"] and (found := _days(source, dates)):
        return found
    if len(years) == 1 and source.kind(years[0]) == "number" and (found := _parts_of_years(source, years, others)):
        return found
    days = tuple(name for name in source.names if name in as_names(time) or (not time and source.kind(name) == "time"))
    if len(days) != 1 or len(source.names) < 13 or not is_date(source, days[0]):
        return None
    return (_days(source, days) if _are_firsts(source, days[0]) else None) or _parts_of_days(source, days)


def _parts_of_years(source: Source, years: tuple[str, ...], others: list[str]) -> Calendar | None:
    quarters = {_counted(_QUARTER, name): name for name in others if not _TOTAL.fullmatch(name.strip())}
    if set(quarters) == {1, 2, 3, 4}:  # and no other column, to which they might be seasons in zeros and ones
        return _of_numbers(source, years, quarters, range(1, 5), ("Y", "M", 0, 3, _QUARTERS))
    months = {month_of(name) or _counted(_MONTH, name): name for name in reversed(others)}
    return _of_numbers(source, years, months, range(1, 13), ("Y", "M", 0, 1, _MONTHS))


def _days(source: Source, months: tuple[str, ...]) -> Calendar | None:
    found = {_counted(_DAY, name): name for name in reversed(source.names) if name not in months}
    return _of_numbers(source, months, found, range(1, 32), ("M", "D", 0, 1, _DAYS))


def _are_firsts(source: Source, name: str) -> bool:
    """Whether a column holds the first days of months, each once."""
    days = [cell for text in source.cells(name) if (cell := read_cell(text)) is not None]
    return len(days) > 1 and len({cell[:2] for cell in days}) == len(days) and all(cell.second == 1 for cell in days)


def _parts_of_days(source: Source, days: tuple[str, ...]) -> Calendar | None:
    others = [name for name in source.names if name not in days]
    clocks = {60 * int(at[1]) + int(at[2]): name for name in others if (at := _CLOCK.fullmatch(name.strip()))}
    counts = {_counted(_HOUR, name): name for name in others}
    periods = {_counted(_PERIOD, name): name for name in others}
    for minutes in (5, 10, 15, 30, 60):
        size = 1440 // minutes
        note = _HOURS if minutes == 60 else _PARTS
        for first in (0, 1):
            wanted = range(first * minutes, (first + size) * minutes, minutes)
            if set(wanted) <= set(clocks):
                return _of_numbers(source, days, clocks, wanted, ("D", "m", first * minutes, minutes, note))
            named, exact = (counts, False) if minutes == 60 else (periods, True)
            wanted = range(first, first + size)
            if set(wanted) <= set(named) and (not exact or max(named) == wanted[-1]):
                return _of_numbers(source, days, named, wanted, ("D", "m", 0, minutes, note))
    return None


def _of_numbers(
    source: Source, dates: tuple[str, ...], named: dict[int, str], wanted: range, how: tuple[str, str, int, int, str]
) -> Calendar | None:
    columns = tuple(named[count] for count in wanted if count in named)
    if len(columns) < len(wanted) or any(source.kind(name) not in ("number", "empty") for name in columns):
        return None
    return Calendar(dates, columns, *how)


def _counted(form: re.Pattern[str], name: str) -> int:
    """The month, quarter, day, hour or part that a column's name counts, -1 where it counts none."""
    found = form.fullmatch(name.strip())
    return -1 if found is None else int(found[found.lastindex or 1])


def headed_by_times(source: Source, time: TimeName, target: Names = None) -> dict[str, np.datetime64]:
    """The columns that are named for times, each row being a series as in the World Bank's and Eurostat's tables, and
    their times; empty where the columns are none."""
    if time not in (None, "time") or as_names(target) not in ((), ("value",)) or "value" in source.names:
        return {}
    clean = {name: re.sub(r"\s*[\[(].*", "", name).strip() for name in source.names}
    named = [name for name, text in clean.items() if _YEAR.fullmatch(text) or looks_like_time(text)]
    if 2 * sum(source.kind(name) in ("number", "empty") for name in named) < len(named):
        return {}
    others = [name for name in source.names if name not in named]
    if len(named) < 4 or not others or any(source.kind(name) == "time" or _are_months(source, name) for name in others):
        return {}
    if not any(source.kind(name) == "text" for name in others):
        return {}
    column = TimeColumn("time", None)
    try:
        column.add([clean[name] for name in named])
        times = column.finish(str).values
    except (BadCellError, TidegateError):
        return {}
    found = sorted(zip(times, named, strict=True), key=lambda pair: pair[0])
    return {name: at for at, name in found} if len(set(times.tolist())) == len(named) else {}


_YEAR = re.compile(r"(?:1[6-9]|2[01])\d\d")


def _are_months(source: Source, name: str) -> bool:
    cells = [text for text in source.cells(name) if text.strip()]
    return bool(cells) and all(month_of(text.strip()) or _counted(_MONTH, text) in range(1, 13) for text in cells)


def wide_columns(source: Source, time: TimeName, target: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The time columns and the columns that are series: those named as target, else all numeric ones.

    Raises:
        SchemaError: a named column is not there, or none is numeric.
    """
    times = find_time(source, time, as_names(target))
    names, held = as_names(target), set(source.names)
    for name in names:
        if name not in held:
            raise missing_column(source, name, "target")
    if not names:
        names = tuple(name for name in source.names if name not in times and source.kind(name) in ("number", "empty"))
    if not names:
        message = "wide=True expects one series in every column of numbers; columns are: {names}"
        raise SchemaError(tr(message, names=", ".join(source.names)))
    return times, names


def rows_of_csv(source: CsvFile) -> tuple[tuple[str, ...], NDArray[np.int64], NDArray[np.float64]]:
    """Series that lie in rows, the name first, padded with blanks at the end.

    Returns:
        (ids [G], starts [G + 1], values [N]).

    Raises:
        ReadError, SchemaError: broken lines, text among the numbers, doubled names.
    """
    ids: list[str] = []
    parts: list[NDArray[np.float64]] = []
    notation = source.notation[source.names[-1]]
    for line, cells in source.rows():
        if not any(cells):
            continue
        try:
            values = to_floats(cells[1:], notation.decimal, notation.grouped)
        except BadCellError as error:
            message = (
                '{file}, line {line}, cell {cell}: {text!r} is not a number; with wide="rows" the first '
                "cell names the series and all others are its values"
            )
            where = {"file": source.label, "line": line, "cell": error.row + 2, "text": error.text}
            raise SchemaError(tr(message, **where)) from None
        ids.append(cells[0].strip())
        parts.append(_unpad(source.options.na.blank(values)[0]))
    if not parts:
        raise ReadError(tr("{path} has a header line but no rows; expected one series per line", path=source.path))
    return _stack(ids, parts)


def rows_of_frame(source: ArraySource) -> tuple[tuple[str, ...], NDArray[np.int64], NDArray[np.float64]]:
    """As `rows_of_csv`, of a frame whose first column names the series.

    Raises:
        SchemaError: text among the numbers, doubled names.
    """
    key, *rest = source.names
    roles: dict[str, Role] = {key: "key", **dict.fromkeys(rest, "number")}
    loaded = source.load(roles)
    keys = loaded.values[key]
    grid = np.stack([np.asarray(loaded.values[name], dtype=np.float64) for name in rest], axis=1)
    return _stack([keys.names[code] for code in keys.codes], [_unpad(row) for row in grid])


def _unpad(values: NDArray[np.float64]) -> NDArray[np.float64]:
    held = np.flatnonzero(~np.isnan(values))
    return values[: int(held[-1]) + 1] if len(held) else values[:0]


def _stack(
    ids: list[str], parts: list[NDArray[np.float64]]
) -> tuple[tuple[str, ...], NDArray[np.int64], NDArray[np.float64]]:
    doubled = next((name for name in ids if ids.count(name) > 1), None) if len(set(ids)) < len(ids) else None
    if doubled is not None:
        raise SchemaError(
            tr('series {doubled!r} has more than one row; with wide="rows" each row is one series', doubled=doubled)
        )
    empty = [name for name, part in zip(ids, parts, strict=True) if not len(part)]
    if empty:
        raise SchemaError(tr("series {empty!r} has no values; remove its row", empty=empty[0]))
    starts = np.concatenate([[0], np.cumsum([len(part) for part in parts])]).astype(np.int64)
    return tuple(ids), starts, np.concatenate(parts)
