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
from tidegate.data.time.forms import looks_like_time
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


_HOUR = re.compile(r"(?:h|hr|hour|he|時)?[ _]?(\d{1,2})(?::00(?::00)?|h|時|點|点)?", re.IGNORECASE)
_MONTH = re.compile(r"(\d{1,2})月?")
_MONTHS = "Each row was read as a year, and the columns {columns} as its months: one series."
_HOURS = "Each row was read as a day, and the columns {columns} as its hours: one series."


@dataclass(frozen=True)
class Calendar:
    """A table with a row a year and a column a month, or a row a day and a column an hour.

    Attributes:
        date: the column of years or days. columns: the others, in order of time.
        unit: of the columns, `M` or `h`. note: says how the table was read.
    """

    date: str
    columns: tuple[str, ...]
    unit: str
    note: str

    def unfold(
        self, dates: NDArray[np.datetime64], columns: dict[str, NDArray[Any]]
    ) -> tuple[NDArray[np.int64], NDArray[np.datetime64], NDArray[Any]]:
        """One series out of the table, without blanks at its ends.

        Args:
            dates: [n] of the rows. columns: [n] each.

        Returns:
            (row of the source, time, value), [n * columns] each but for the blanks.
        """
        grid = np.stack([columns[name] for name in self.columns], axis=1)
        begin = dates.astype("datetime64[Y]" if self.unit == "M" else "datetime64[D]").astype(
            f"datetime64[{self.unit}]"
        )
        times = (begin[:, None] + np.arange(grid.shape[1])).astype("datetime64[us]").ravel()
        index = np.repeat(np.arange(len(grid)), grid.shape[1])
        held = np.flatnonzero(~np.isnan(grid.ravel()))
        kept = slice(int(held[0]), int(held[-1]) + 1) if len(held) else slice(0)
        return index[kept], times[kept], grid.ravel()[kept]


def calendar_of(source: Source, time: TimeName, target: Names = None) -> Calendar | None:
    """How a table whose columns are the twelve months of a year, or the hours of a day, is to be read; None where they
    are not."""
    if time is False or len(source.names) < 13 or as_names(target) not in ((), ("value",)) or "value" in source.names:
        return None
    dates = [name for name in source.names if name in as_names(time) or (time is None and part_named(name) == "year")]
    others = [name for name in source.names if name not in dates]
    months = {month_of(name) or _number(name, "month"): name for name in reversed(others)}
    if len(dates) == 1 and set(range(1, 13)) <= set(months) and source.kind(dates[0]) == "number":
        return _of_numbers(source, dates[0], [months[month] for month in range(1, 13)], "M")
    days = [name for name in source.names if name in as_names(time) or (time is None and source.kind(name) == "time")]
    hours = {_number(name, "hour"): name for name in source.names if name not in days}
    for first in (0, 1):
        if len(days) == 1 and set(range(first, first + 24)) <= set(hours) and is_date(source, days[0]):
            return _of_numbers(source, days[0], [hours[hour] for hour in range(first, first + 24)], "h")
    return None


def _of_numbers(source: Source, date: str, columns: list[str], unit: str) -> Calendar | None:
    if any(source.kind(name) not in ("number", "empty") for name in columns):
        return None
    return Calendar(date, tuple(columns), unit, _MONTHS if unit == "M" else _HOURS)


def _number(name: str, unit: str) -> int:
    """The month or hour that a column's name counts, -1 where it counts none."""
    found = (_MONTH if unit == "month" else _HOUR).fullmatch(name.strip())
    return -1 if found is None else int(found[1])


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
    return bool(cells) and all(month_of(text.strip()) or _number(text, "month") in range(1, 13) for text in cells)


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
