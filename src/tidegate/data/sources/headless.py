"""Tables without a header line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import SchemaError
from tidegate.data.files.frames import ArraySource
from tidegate.data.sources.archive import lines_of


def headless(path: Path, columns: Sequence[str], delimiter: str | None, encoding: str | None) -> ArraySource:
    """A file without a header line as a source of columns.

    Args:
        path: the file, gzip or not.
        columns: their names.
        delimiter: between cells; None takes a comma, semicolon or tab that is in the first line, else blanks.
        encoding: None finds out.

    Raises:
        SchemaError: a line has another number of cells.
    """
    names = list(columns)
    cells: list[list[str]] = []
    sign = delimiter
    for number, line in lines_of(path, encoding):
        if number == 1 and sign is None:
            sign = next((mark for mark in (",", ";", "\t", "|") if mark in line), None)
        row = line.split(sign)
        if len(row) != len(names):
            raise SchemaError(
                f"{path.name}, line {number} has {len(row)} cells where columns= names {len(names)}; name every column"
            )
        cells.append(row)
    arrays = {}
    for name, texts in zip(names, zip(*cells, strict=True), strict=True):
        arrays[name] = _column(texts)
    return ArraySource(arrays, label=path.name)


def _column(texts: Sequence[str]) -> NDArray[Any]:
    """Whole numbers or numbers where all cells are such, else text."""
    for kind, convert in ((np.int64, int), (np.float64, float)):
        if any("_" in text for text in texts):  # Python takes 1_000 for a number
            break
        try:
            return np.array(list(map(convert, texts)), dtype=kind)
        except (ValueError, OverflowError):
            continue
    column = np.empty(len(texts), dtype=object)
    column[:] = texts
    return column
