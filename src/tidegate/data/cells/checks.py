"""Refusing values that cannot be learned from: infinite, all missing, constant."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import DataError, SchemaError, TimeError
from tidegate.core.table import Note
from tidegate.core.translate import tr

_CHUNK = 1 << 18
_FEW = 4
_YEAR = 365.25 * 86_400e6


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
                message = (
                    "{place}, column {column!r}: the value is infinite ({count} in the column); correct it or leave "
                    "the cell empty"
                )
                raise DataError(tr(message, place=place(low + int(np.argmax(bad))), column=name, count=count))


_SENTINELS = [-9, -88, -99, -200, -888, -999, -9999, -99999, -32768, 999, 9999, 99999, 32767, -99.9, -999.9, 999.9]
_SENTINELS += [9999.9, -9999.9, 99.99, -99.99, 999.99, -999.99, 9999.99, 999999, -999999]


_SENTINEL = (
    "Column {column}: {count} values are {value}, far from all others, as files write missing ones. If they are, pass "
    "na={value} (--na)."
)


def sentinels(columns: Mapping[str, NDArray[Any]]) -> list[Note]:
    """Remark on values such as -999 that lie far from all others, as files write missing values.

    Far: further from the nearest other value than all other values lie apart.
    """
    notes = []
    for name, values in columns.items():
        if values.dtype.kind != "f" or not len(values):
            continue
        for end in (np.nanmin, np.nanmax):
            if np.isnan(values).all():
                break
            value = end(values)
            if not np.isclose(_SENTINELS, value, rtol=1e-6).any():
                continue
            others = values[(values != value) & ~np.isnan(values)]
            if not len(others):
                continue
            low, high = others.min(), others.max()
            gap = low - value if value < low else value - high
            if gap <= max(high - low, abs(high), abs(low)):
                continue
            shown = {"column": name, "count": int((values == value).sum()), "value": f"{value:g}"}
            notes.append(Note("sentinel", _SENTINEL, shown))
    return notes


_WHOLE, _DIGITS = 2.0**53, 16
_COARSE = (
    "Column {column} holds whole numbers as large as {value}: above 9007199254740992 the last digits are rounded off. "
    "If they are names of things, pass the column as series; if only their changes matter, subtract a constant first."
)


def coarse(columns: Mapping[str, NDArray[Any]]) -> list[Note]:
    """Remark on whole numbers beyond 2^53 with 16 digits or more, whose last ones a number of 64 bits does not hold."""
    notes = []
    for name, values in columns.items():
        if values.dtype.kind != "f" or not len(values):
            continue
        large = max(np.fmax.reduce(values), -np.fmin.reduce(values))
        digits = repr(float(large)).split("e")[0].replace(".", "").rstrip("0")
        if large >= _WHOLE and len(digits) >= _DIGITS:
            notes.append(Note("coarse", _COARSE, {"column": name, "value": f"{large:.0f}"}))
    return notes


def stray(times: NDArray[Any], place: Callable[[int], str]) -> None:
    """Refuse a few times (1 in 100 at most) that lie a year or more, and ten spans of all others, away from these.

    Raises:
        TimeError: naming the first.
    """
    if times.dtype.kind != "M" or len(times) < _FEW:
        return
    micro = times.astype("datetime64[us]").astype(np.int64)
    micro = micro[~np.isnat(times)]
    most = max(1, len(micro) // 100)
    ordered = np.sort(micro).astype(np.float64)
    if len(ordered) <= 2 * most + 1:
        return
    for cut in range(1, most + 1):
        for rest, far in ((ordered[:-cut], ordered[-cut]), (ordered[cut:], ordered[cut - 1])):
            gap = far - rest[-1] if far > rest[-1] else rest[0] - far
            if gap > max(_YEAR, 10 * (rest[-1] - rest[0])):
                row = int(np.argmax(times.astype("datetime64[us]").astype(np.int64) == np.int64(far)))
                message = "{place}: the time {time} lies {years} years from all others; correct it, or remove the row"
                shown = str(times[row])[:10]
                raise TimeError(tr(message, place=place(row), time=shown, years=f"{gap / _YEAR:.0f}"))


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
            message = "target column {column!r} holds text; a target is a column of numbers"
            raise SchemaError(tr(message, column=name))
        low, high, missing = _extent(values, starts)
        held = ~np.isnan(low)
        if not held.any():
            message = (
                "target column {column!r} has no value in any row; check the column, or how missing values are written"
            )
            raise DataError(tr(message, column=name))
        if np.nanmin(low) == np.nanmax(high):
            message = (
                "target column {column!r} is {value:g} in every row: a constant leaves nothing to forecast; name "
                "another target="
            )
            raise DataError(tr(message, column=name, value=float(np.nanmin(low))))
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
                    message = (
                        "static column {name!r} changes within series {name2!r}; a static column has one value per "
                        "series. Name it as known= or observed= instead"
                    )
                    raise SchemaError(tr(message, name=name, name2=ids[i]))
                single[i] = part[0]
        found[name] = single
    return found
