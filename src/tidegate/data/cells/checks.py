"""Refusing values that cannot be learned from: infinite, all missing, constant."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import DataError, SchemaError
from tidegate.core.table import Note

_CHUNK = 1 << 18


def finite(columns: Mapping[str, NDArray[Any]], place: Callable[[int], str]) -> None:
    """Refuse infinite numbers.

    Raises:
        DataError: naming the first place.
    """
    for name, values in columns.items():
        if values.dtype.kind != "f":
            continue
        for low in range(0, len(values), _CHUNK):
            bad = np.isinf(values[low : low + _CHUNK])
            if bad.any():
                count = sum(int(np.isinf(values[i : i + _CHUNK]).sum()) for i in range(0, len(values), _CHUNK))
                raise DataError(
                    f"{place(low + int(np.argmax(bad)))}, column {name!r}: the value is infinite ({count} in the "
                    "column); correct it or leave the cell empty"
                )


def targets(
    columns: Mapping[str, NDArray[Any]],
    names: tuple[str, ...],
    starts: NDArray[np.int64],
    ids: tuple[str, ...],
    inserted: int = 0,
) -> list[Note]:
    """Refuse targets without values or without change.

    Args:
        columns: name -> [N].
        names: the targets.
        starts: [G + 1].
        ids: [G].
        inserted: rows without values that were put in to fill gaps, which have a note of their own.

    Returns:
        Notes on single series that are constant or without values, and on missing values.

    Raises:
        SchemaError: a target holds text.
        DataError: a target is missing everywhere, or never changes.
    """
    notes: list[Note] = []
    for name in names:
        values = columns[name]
        if values.dtype.kind != "f":
            raise SchemaError(f"target column {name!r} holds text; a target is a column of numbers")
        low, high, missing = _extent(values, starts)
        held = ~np.isnan(low)
        if not held.any():
            raise DataError(
                f"target column {name!r} has no value in any row; check the column, or how missing values are written"
            )
        if np.nanmin(low) == np.nanmax(high):
            raise DataError(
                f"target column {name!r} is {np.nanmin(low):g} in every row: a constant leaves nothing to forecast; "
                "name another target="
            )
        if missing > inserted:
            notes.append(
                Note(
                    "missing",
                    "Target {column}: {count} rows had no value.",
                    {"column": name, "count": missing - inserted},
                )
            )
        notes.extend(_single(name, held, low == high, ids))
    return notes


def _single(name: str, held: NDArray[np.bool_], flat: NDArray[np.bool_], ids: tuple[str, ...]) -> list[Note]:
    notes = []
    if len(ids) > 1 and flat.any():
        values = {"column": name, "count": int(flat.sum()), "first": ids[int(np.argmax(flat))]}
        notes.append(Note("constant_series", "Target {column}: {count} series never change (first: {first}).", values))
    if len(ids) > 1 and not held.all():
        values = {"column": name, "count": int((~held).sum()), "first": ids[int(np.argmin(held))]}
        notes.append(Note("empty_series", "Target {column}: {count} series have no values (first: {first}).", values))
    return notes


def _extent(values: NDArray[Any], starts: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[Any], int]:
    """Least and greatest value of each series, and how many values are missing, in little memory."""
    low = np.full(len(starts) - 1, np.nan)
    high = low.copy()
    missing = 0
    for begin in range(0, len(values), _CHUNK):
        end = min(begin + _CHUNK, len(values))
        part = values[begin:end]
        missing += int(np.isnan(part).sum())
        first = int(np.searchsorted(starts, begin, side="right")) - 1
        last = int(np.searchsorted(starts, end, side="left"))
        inner = np.maximum(starts[first:last], begin) - begin
        low[first:last] = np.fmin(low[first:last], np.fmin.reduceat(part, inner))
        high[first:last] = np.fmax(high[first:last], np.fmax.reduceat(part, inner))
    return low, high, missing


def static_of(
    columns: Mapping[str, NDArray[Any]], names: tuple[str, ...], starts: NDArray[np.int64], ids: tuple[str, ...]
) -> dict[str, NDArray[Any]]:
    """One value per series of columns that repeat it in every row, [G].

    Raises:
        SchemaError: a value changes within a series.
    """
    found: dict[str, NDArray[Any]] = {}
    for name in names:
        values = columns[name]
        blank: Any = np.nan if values.dtype.kind == "f" else None
        single = np.full(len(ids), blank, dtype=values.dtype)
        for i, (a, b) in enumerate(zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True)):
            part = values[a:b]
            part = part[~np.isnan(part)] if values.dtype.kind == "f" else part[[cell is not None for cell in part]]
            if len(part):
                if (part != part[0]).any():
                    raise SchemaError(
                        f"static column {name!r} changes within series {ids[i]!r}; a static column has one value per "
                        "series. Name it as known= or observed= instead"
                    )
                single[i] = part[0]
        found[name] = single
    return found
