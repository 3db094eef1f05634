"""Files of JSON as a source of columns: objects one a line or in a list, objects of lists, answers of web services."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tidegate.core.errors import ReadError
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.data.files import dialect
from tidegate.data.files.frames import ArraySource
from tidegate.data.time.forms import looks_like_time

Columns = dict[str, list[Any]]
_DEEP = 6
_NAMES = ("columns", "fields", "names", "header", "headers", "labels")
_SCALAR = (str, int, float, type(None))


def table_in(whole: Any) -> tuple[Columns, str]:
    """The columns of the table with the most cells in a value of JSON, and its place, "" where it is all of it.

    Rows are objects (those within them flattened to `a.b`), or lists of cells, named by a list beside them; columns are
    lists of one length; an object whose names are times holds values or rows. A list of cells within each row, as of
    Prometheus, becomes rows of its own that repeat the rest.
    """
    found = [(columns, place) for place, part in _walk(whole, "", 0) if (columns := _columns(part))]
    cells = [sum(len(column) for column in columns.values()) for columns, _ in found]
    return found[cells.index(max(cells))] if found else ({}, "")


def _walk(value: Any, place: str, depth: int) -> Iterator[tuple[str, Any]]:
    yield place, value
    if depth >= _DEEP:
        return
    if isinstance(value, dict) and len(value) < 200:
        for name, part in value.items():
            if isinstance(part, (dict, list)):
                yield from _walk(part, f"{place}.{name}" if place else name, depth + 1)
    elif isinstance(value, list) and len(value) < 5:
        for i, part in enumerate(value):
            if isinstance(part, (dict, list)):
                yield from _walk(part, f"{place}[{i}]", depth + 1)


def _columns(value: Any) -> Columns:
    """A part as columns; empty where it is no table of two rows or more (or of one object)."""
    if isinstance(value, list):
        if value and all(isinstance(row, dict) for row in value):
            return _of_rows(value)
        return _of_lists(value, []) if _are_lists(value) else {}
    return _of_object(value) if isinstance(value, dict) else {}


def _of_object(value: dict[str, Any]) -> Columns:
    lists = {name: part for name, part in value.items() if isinstance(part, list) and part}
    named = next((lists[name] for name in _NAMES if name in lists), [])
    for name in ("data", "values", "rows"):
        if named and name in lists and _are_lists(lists[name]):
            return _of_lists(lists[name], [str(word) for word in named])
    pairs = {name: part for name, part in lists.items() if _are_lists(part) and len(part[0]) == 2}
    if pairs and len({tuple(pair[0] for pair in part) for part in pairs.values()}) == 1:
        times = [pair[0] for pair in next(iter(pairs.values()))]
        return {"time": times, **{name: [pair[1] for pair in part] for name, part in pairs.items()}}
    flat = {name: part for name, part in lists.items() if all(isinstance(cell, _SCALAR) for cell in part)}
    if flat and len({len(part) for part in flat.values()}) == 1 and len(flat) == len(lists):
        return flat
    inner = {name: part for name, part in value.items() if isinstance(part, dict) and part}
    if len(value) > 1 and all(looks_like_time(name) for name in value):
        return _of_rows(
            [{"time": at, **(part if isinstance(part, dict) else {"value": part})} for at, part in value.items()]
        )
    if inner and len(inner) == len(value) and len({tuple(part) for part in inner.values()}) == 1:  # of pandas
        keys = list(next(iter(inner.values())))
        index = {} if keys == [str(i) for i in range(len(keys))] else {"time": [_number(key) for key in keys]}
        return {**index, **{name: list(part.values()) for name, part in inner.items()}} if len(keys) > 1 else {}
    return {}


def _number(text: str) -> Any:
    return int(text) if text.isdigit() else text


def _are_lists(value: list[Any]) -> bool:
    """Whether rows are lists of one length of cells, two or more."""
    return (
        len(value) > 1
        and all(isinstance(row, list) and len(row) == len(value[0]) > 1 for row in value)
        and all(isinstance(cell, _SCALAR) for row in value for cell in row)
    )


def _of_lists(rows: list[list[Any]], names: list[str]) -> Columns:
    width = len(rows[0])
    if len(names) != width:
        names = ["time", "value"] if width == 2 else [f"column {i + 1}" for i in range(width)]
    return {name: list(cells) for name, cells in zip(names, zip(*rows, strict=True), strict=True)}


def _of_rows(rows: list[dict[str, Any]]) -> Columns:
    flat = [_flattened(row) for row in rows]
    names = list(dict.fromkeys(name for row in flat for name in row))
    nested = [name for name in names if all(isinstance(row.get(name), list) and row[name] for row in flat)]
    if len(nested) == 1 and all(_columns(row[nested[0]]) for row in flat):
        flat = [{**row, **inner} for row in flat for inner in _unfolded(row.pop(nested[0]))]
        names = list(dict.fromkeys(name for row in flat for name in row))
    return {name: [row.get(name) for row in flat] for name in names}


def _unfolded(value: list[Any]) -> Iterator[dict[str, Any]]:
    columns = _columns(value)
    for cells in zip(*columns.values(), strict=True):
        yield dict(zip(columns, cells, strict=True))


def _flattened(row: dict[str, Any], before: str = "") -> dict[str, Any]:
    """A row without objects in it; `{"$date": ...}`, as MongoDB writes it, is its value."""
    flat: dict[str, Any] = {}
    for name, cell in row.items():
        if isinstance(cell, dict) and len(cell) == 1 and next(iter(cell))[:1] == "$":
            flat[before + name] = next(iter(cell.values()))
        elif isinstance(cell, dict) and cell:
            flat |= _flattened(cell, f"{before}{name}.")
        else:
            flat[before + name] = cell
    return flat


JSON = (".jsonl", ".ndjson", ".json")
_PART = "The table was found in {place} of the JSON file; objects within its rows are columns such as a.b."
_NO_TABLE = (
    "{path} holds no table that can be found: expected objects of cells, one a line or in a list, an object of lists, "
    "or lists of cells, as web services give them"
)


def read_json(path: Path, encoding: str | None = None) -> ArraySource:
    """The table in a file of JSON, by `table_in`.

    Raises:
        ReadError: there is none, or no JSON.
    """
    with dialect.open_bytes(path) as file:
        raw = file.read()
    try:
        text = raw.decode(dialect.encoding_of(path, raw[: 1 << 16], encoding)).lstrip("\ufeff")
    except UnicodeError as error:
        raise ReadError(
            tr("{path} cannot be decoded ({error}); pass its encoding= (--encoding)", path=path, error=error)
        ) from None
    whole = _whole(path, text)
    found, place = table_in(whole)
    if not found:
        raise ReadError(_why_none(path, whole))
    columns = {name: _column(cells) for name, cells in found.items()}
    notes = [Note("json_part", _PART, {"place": place})] if place else []
    return ArraySource(columns, label=path.name, notes=notes)


def _why_none(path: Path, whole: Any) -> str:
    """Why a value holds no table, as far as that can be told."""
    lists = list(whole.values()) if isinstance(whole, dict) else []
    if lists and all(isinstance(cells, list) for cells in lists) and len(set(map(len, lists))) > 1:
        return tr("{path} holds lists of different lengths; expected one cell a row in each", path=path)
    rows = whole if isinstance(whole, list) else []
    odd = next((i for i, row in enumerate(rows) if not isinstance(row, (dict, list))), None)
    if odd is not None:
        place = f"{path.name}, entry {odd + 1}"
        message = "{place} holds a {kind}; expected one object a line"
        return tr(message, place=place, kind=type(rows[odd]).__name__)
    return tr(_NO_TABLE, path=path)


def _whole(path: Path, text: str) -> Any:
    """What a file holds: one value, or a list of the objects on its lines.

    Raises:
        ReadError: it is no JSON.
    """
    try:
        return json.loads(text)
    except ValueError as error:
        if text.lstrip()[:1] == "[" or (path.suffix.lower() == ".json" and len(text.split("\n", 2)) < 3):
            message = "{name} is no JSON ({error}); expected a list of objects, or one object a line"
            raise ReadError(tr(message, name=path.name, error=error)) from None
    rows = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        place = tr("{file}, line {line}", file=path.name, line=number)
        try:
            row = json.loads(line)
        except ValueError as error:
            message = "{place} is no JSON ({error}); expected one object a line"
            raise ReadError(tr(message, place=place, error=error)) from None
        if not isinstance(row, dict):
            message = "{place} holds a {kind}; expected one object a line"
            raise ReadError(tr(message, place=place, kind=type(row).__name__))
        rows.append(row)
    return rows


def _column(cells: list[Any]) -> Any:
    if cells and all(isinstance(cell, int) and not isinstance(cell, bool) and abs(cell) < 2**63 for cell in cells):
        return np.array(cells, dtype=np.int64)
    if all(isinstance(cell, (int, float, type(None))) and not isinstance(cell, bool) for cell in cells):
        return np.array([np.nan if cell is None else cell for cell in cells], dtype=np.float64)
    column = np.empty(len(cells), dtype=object)
    column[:] = [cell if isinstance(cell, (str, int, float, type(None))) else str(cell) for cell in cells]
    return column
