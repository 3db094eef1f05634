"""Files of JSON objects, one a line or all in one list, as a source of columns."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tidegate.core.errors import ReadError
from tidegate.core.translate import tr
from tidegate.data.files import dialect
from tidegate.data.files.frames import ArraySource

JSON = (".jsonl", ".ndjson", ".json")


def read_json(path: Path, encoding: str | None = None) -> ArraySource:
    """Objects as rows: a list of them, one a line, or one object of lists, which are columns.

    Raises:
        ReadError: something else.
    """
    with dialect.open_bytes(path) as file:
        raw = file.read()
    try:
        text = raw.decode(dialect.encoding_of(path, raw[: 1 << 16], encoding)).lstrip("\ufeff")
    except UnicodeError as error:
        raise ReadError(
            tr("{path} cannot be decoded ({error}); pass its encoding= (--encoding)", path=path, error=error)
        ) from None
    rows = list(_rows(path, text))
    if not rows:
        raise ReadError(tr("{path} is empty; expected JSON objects, one a line or in a list", path=path))
    if len(rows) == 1 and all(isinstance(cells, list) for cells in rows[0][1].values()):
        columns = rows[0][1]
        if len({len(cells) for cells in columns.values()}) != 1:
            raise ReadError(tr("{path} holds lists of different lengths; expected one cell a row in each", path=path))
    else:
        columns = {
            name: [row.get(name) for _, row in rows] for name in dict.fromkeys(key for _, row in rows for key in row)
        }
    return ArraySource({name: _column(cells) for name, cells in columns.items()}, label=path.name)


def _rows(path: Path, text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Place and object of each row."""
    start = text.lstrip()[:1]
    try:
        whole = json.loads(text) if start == "[" or path.suffix.lower() == ".json" else None
    except ValueError as error:
        message = "{name} is no JSON ({error}); expected a list of objects, or one object a line"
        raise ReadError(tr(message, name=path.name, error=error)) from None
    if isinstance(whole, dict):
        yield path.name, whole
        return
    lines = enumerate(text.splitlines() if whole is None else whole, 1)
    for number, line in lines:
        if isinstance(line, str) and whole is None and not line.strip():
            continue
        place = f"{path.name}, line {number}" if whole is None else f"{path.name}, entry {number}"
        try:
            row = json.loads(line) if whole is None else line
        except ValueError as error:
            raise ReadError(
                tr("{place} is no JSON ({error}); expected one object a line", place=place, error=error)
            ) from None
        if not isinstance(row, dict):
            raise ReadError(
                tr("{place} holds a {kind}; expected one object a line", place=place, kind=type(row).__name__)
            )
        yield place, row


def _column(cells: list[Any]) -> Any:
    if all(isinstance(cell, (int, float, type(None))) and not isinstance(cell, bool) for cell in cells):
        return np.array([np.nan if cell is None else cell for cell in cells], dtype=np.float64)
    column = np.empty(len(cells), dtype=object)
    column[:] = [cell if isinstance(cell, (str, int, float, type(None))) else str(cell) for cell in cells]
    return column
