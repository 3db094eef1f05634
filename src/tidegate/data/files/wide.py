"""Wide tables: one series a column, or one series a row."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ReadError, SchemaError
from tidegate.core.translate import tr
from tidegate.data.cells.columns import Role, Source
from tidegate.data.cells.numbers import BadCellError, to_floats
from tidegate.data.files.csvfile import CsvFile
from tidegate.data.files.frames import ArraySource
from tidegate.data.schema import TimeName, as_names, find_time, missing_column

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
        raise SchemaError(f"no column of {source.label or 'the table'} has a value")
    return np.concatenate(rows), np.concatenate(codes), tuple(ids), np.concatenate(stacked), cut


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
        raise SchemaError(
            f"wide=True expects one series in every column of numbers; columns are: {', '.join(source.names)}"
        )
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
        raise ReadError(f"{source.path} has a header line but no rows; expected one series per line")
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
        raise SchemaError(f'series {doubled!r} has more than one row; with wide="rows" each row is one series')
    empty = [name for name, part in zip(ids, parts, strict=True) if not len(part)]
    if empty:
        raise SchemaError(f"series {empty[0]!r} has no values; remove its row")
    starts = np.concatenate([[0], np.cumsum([len(part) for part in parts])]).astype(np.int64)
    return tuple(ids), starts, np.concatenate(parts)
