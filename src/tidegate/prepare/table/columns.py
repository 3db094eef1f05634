"""What is fitted per column: the states, and how they are read back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import DataError
from tidegate.core.table import Table
from tidegate.prepare import document as state
from tidegate.prepare.scale import pieces
from tidegate.prepare.table import encode

ROLES = ("target", "level", "observed", "known", "static")


@dataclass(frozen=True)
class NumberState:
    """A numeric column.

    Attributes:
        name: of the column.
        role: one of `ROLES`; `level` is the undifferenced target beside its difference.
        offsets, scales: of each fitted series where they are scaled apart, and of all together, last.
        fills: in the column's own unit, what stands before a series' first observation; as `offsets`.
        mask: whether an input tells where it was missing.
        gaps: missing values in the training rows.
        empty: nothing was observed in the training rows; the column is read as 0.
    """

    name: str
    role: str
    offsets: tuple[float, ...]
    scales: tuple[float, ...]
    fills: tuple[float, ...]
    mask: bool
    gaps: int
    empty: bool

    def to_json(self) -> dict[str, Any]:
        return {"kind": "number", **state.plain_fields(self)}


@dataclass(frozen=True)
class TextState:
    """A text column: its categories, and how many values were missing in the training rows."""

    name: str
    role: str
    categories: tuple[str, ...]
    gaps: int

    @property
    def names(self) -> tuple[str, ...]:
        """Names of its inputs."""
        return tuple(f"{self.name}={category}" for category in self.categories)

    def to_json(self) -> dict[str, Any]:
        return {"kind": "text", **state.plain_fields(self)}


ColumnState = NumberState | TextState


def column_from_json(value: object, place: str, width: int) -> ColumnState:
    """Read a column's state; `width` is how many offsets it must have (1 for static columns).

    Raises:
        ArtifactError: it is not what `to_json` writes.
    """
    if isinstance(value, dict) and value.get("kind") == "text":
        found = state.record(value, place, ("kind", "name", "role", "categories", "gaps"))
        categories = state.items(found["categories"], f"{place}.categories", state.text, encode.MAX_CATEGORIES)
        if len(set(categories)) != len(categories):
            raise state.wrong(f"{place}.categories", "without repetition")
        return TextState(
            state.text(found["name"], f"{place}.name"),
            state.choice(found["role"], f"{place}.role", ROLES[2:]),
            categories,
            state.whole(found["gaps"], f"{place}.gaps"),
        )
    keys = ("kind", "name", "role", "offsets", "scales", "fills", "mask", "gaps", "empty")
    found = state.record(value, place, keys)
    state.choice(found["kind"], f"{place}.kind", ("number", "text"))
    role = state.choice(found["role"], f"{place}.role", ROLES)
    offsets = state.items(found["offsets"], f"{place}.offsets", state.number)
    scales = state.items(found["scales"], f"{place}.scales", state.positive)
    fills = state.items(found["fills"], f"{place}.fills", state.number)
    if {len(offsets), len(scales), len(fills)} != {1 if role == "static" else width}:
        raise state.wrong(f"{place}.offsets, scales and fills", f"lists of {width} numbers")
    return NumberState(
        state.text(found["name"], f"{place}.name"),
        role,
        offsets,
        scales,
        fills,
        state.flag(found["mask"], f"{place}.mask"),
        state.whole(found["gaps"], f"{place}.gaps"),
        state.flag(found["empty"], f"{place}.empty"),
    )


def first_time(table: Table, rows: NDArray[np.bool_] | NDArray[np.int64]) -> str:
    """Name the first of some rows (a mask [N] or row numbers) in words: series and time."""
    row = int(np.argmax(rows)) if rows.dtype == bool else int(rows[0])
    name = table.ids[int(table.series_of(np.array([row]))[0])]
    return f"time {table.time[row]}" + (f" of series {name!r}" if name else "")


def refuse(table: Table, name: str, rows: NDArray[np.int64], bad: Callable[[NDArray[Any]], Any], message: str) -> None:
    """Raise DataError where `bad(values)` holds anywhere in the row ranges [G, 2]; `{}` in `message` is where."""
    values = table.columns[name]
    for _, _, where in pieces(rows):
        wrong = np.asarray(bad(values[where]))
        if wrong.any():
            position = int(np.argmax(wrong))
            row = where.start + position if isinstance(where, slice) else int(where[position])
            place = first_time(table, np.array([row]))
            raise DataError(f"column {name!r} {message} at {place} (value {values[row]!s})")


def check_values(table: Table, name: str, rows: NDArray[np.int64], log1p: bool) -> None:
    """Refuse infinite values, and those that log1p has no value for.

    Raises:
        DataError: names the column and the first place.
    """
    refuse(table, name, rows, np.isinf, "is infinite")
    if log1p:
        refuse(
            table,
            name,
            rows,
            lambda values: values <= -1,
            "is not above -1, as target_transform='log1p' needs; use another transform or correct the value",
        )
