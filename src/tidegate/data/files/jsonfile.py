"""Files of JSON as a source of columns: objects one a line or in a list, objects of lists, answers of web services."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from tidegate.core.errors import ReadError
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.data.files import dialect
from tidegate.data.files.frames import ArraySource
from tidegate.data.files.jsontable import table_in

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
