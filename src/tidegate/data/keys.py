"""The series that rows belong to: one column's values, or several columns' together, kept apart again as they were."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import SchemaError
from tidegate.core.translate import tr
from tidegate.data.cells.columns import Keys, Loaded, Source


@dataclass(frozen=True)
class SeriesKeys:
    """Which series each row belongs to.

    Attributes:
        ids: [G] names for messages and for matching; those of several columns are joined by "/".
        codes: [n] index into `ids`, in order of first appearance; None where there is one series without a name.
        columns: key column -> [G] its values, of the kind that was given.
    """

    ids: tuple[str, ...] = ("",)
    codes: NDArray[np.int64] | None = None
    columns: Mapping[str, NDArray[Any]] | None = None


def series_keys(source: Source, loaded: Loaded, names: tuple[str, ...]) -> SeriesKeys:
    """The series of all rows, from one key column or several.

    Raises:
        SchemaError: a row names no series.
    """
    if not names:
        return SeriesKeys()
    parts: list[Keys] = [loaded.values[name] for name in names]
    for name, keys in zip(names, parts, strict=True):
        blank = [i for i, text in enumerate(keys.names) if not text]
        if blank:
            lost = np.isin(keys.codes, blank)
            message = (
                "{place}, column {name!r}: the series has no name ({sum} such rows); fill it in, or remove the rows"
            )
            raise SchemaError(tr(message, place=source.place(int(np.argmax(lost))), name=name, sum=int(lost.sum())))
    if len(parts) == 1:
        return SeriesKeys(parts[0].names, parts[0].codes.astype(np.int64), {names[0]: as_given(parts[0])})
    together = np.zeros(loaded.rows, dtype=np.int64)
    for keys in parts:
        together = together * len(keys.names) + keys.codes
    _, first, inverse = np.unique(together, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    rows = first[order]
    ids = tuple(joined([keys.names[int(keys.codes[row])] for keys in parts]) for row in rows)
    columns = {name: as_given(keys)[keys.codes[rows]] for name, keys in zip(names, parts, strict=True)}
    return SeriesKeys(ids, place[inverse.reshape(-1)], columns)


def joined(parts: list[str]) -> str:
    """One name of several; a slash within a part is marked, so that no two keys share a name."""
    return "/".join(part.replace("\\", "\\\\").replace("/", "\\/") for part in parts)


def as_given(keys: Keys) -> NDArray[Any]:
    """The values of a key column, [G]: of the kind they came in; text that holds plain integers throughout is those."""
    if keys.values is not None:
        return np.asarray(keys.values)
    if keys.names and all(_plain(name) for name in keys.names):
        return np.array([int(name) for name in keys.names], dtype=np.int64)
    return np.array(keys.names, dtype=object)


def _plain(text: str) -> bool:
    """Whether text is an integer exactly as one would be written: 1, not 01 or 1.0."""
    digits = text.removeprefix("-")
    return text.isascii() and digits.isdigit() and len(digits) < 18 and str(int(text)) == text
