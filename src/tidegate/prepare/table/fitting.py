"""Measure one column on the training rows: scales, fills and categories, of static covariates too."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import DataError, SchemaError
from tidegate.core.table import Note, Table
from tidegate.core.translate import tr
from tidegate.prepare.options import PrepareOptions
from tidegate.prepare.scale import LOGARITHMS, Statistics, logged, measure, pieces
from tidegate.prepare.table import encode
from tidegate.prepare.table.fitted import ColumnState, NumberState, TextState, check_values


def fit_number(
    table: Table, name: str, role: str, rows: NDArray[np.int64], options: PrepareOptions
) -> tuple[NumberState, list[Note]]:
    """Measure a numeric column in `rows` [G, 2].

    Raises:
        DataError: an infinite value, one that the transform refuses, or a target without any value.
    """
    values = table.columns[name]
    transform = options.target_transform if role == "target" else "none"
    check_values(table, name, rows, transform == "log1p")
    total = int(np.maximum(rows[:, 1] - rows[:, 0], 0).sum())
    raw = measure(lambda where: values[where], rows, options.scale)
    gaps = total - int(raw.count[-1])
    if raw.count[-1] == 0:
        if role in ("target", "level"):
            message = (
                "target {name!r} has no value in the training part ({total} rows); check the column, or give the "
                "training part rows where it was measured"
            )
            raise DataError(tr(message, name=name, total=total))
        message = "{column} has no value in the training part; it is read as 0"
        return _empty(name, role, rows, options), [Note("empty", message, {"column": name})]
    found = raw
    if transform in LOGARITHMS:
        found = measure(lambda where: logged(values[where].astype(np.float64), transform), rows, options.scale)
    elif transform == "difference":
        found = _measure_differences(values, name, rows, options)
    offsets, scales = _complete(name, found)
    fills = np.where(np.isnan(raw.center), raw.center[-1], raw.center)
    if not np.isfinite(fills).all():
        raise _too_large(name)
    notes = [] if role == "level" else _notes(table, name, found, raw, options, gaps=gaps)
    mask = role != "level" and (options.mask if options.mask is not None else gaps > 0)
    by_series = options.scale_by == "series"
    if not by_series:
        offsets, scales, fills = offsets[-1:], scales[-1:], fills[-1:]
    return NumberState(name, role, _floats(offsets), _floats(scales), _floats(fills), mask, gaps, False), notes


def _measure_differences(
    values: NDArray[Any], name: str, rows: NDArray[np.int64], options: PrepareOptions
) -> Statistics:
    lag = options.difference_lag
    inner = rows.copy()
    inner[:, 0] += lag

    def get(where: Any) -> NDArray[np.float64]:
        earlier = slice(where.start - lag, where.stop - lag) if isinstance(where, slice) else where - lag
        return np.asarray(np.subtract(values[where], values[earlier], dtype=np.float64))

    found = measure(get, inner, options.scale)
    if found.count[-1] == 0:
        message = (
            "target {name!r} has no two training values {lag} steps apart (difference_lag={lag}); use a shorter lag "
            "or a longer training part"
        )
        raise DataError(tr(message, name=name, lag=lag))
    return found


def _complete(name: str, found: Statistics) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Offsets and scales without holes.

    A constant column has scale 1; a series that is constant, or without a value, borrows the shared scale.
    """
    offsets, scales = found.offset.copy(), found.scale.copy()
    if scales[-1] == 0:
        scales[-1] = 1.0
    scales[np.isnan(scales) | (scales == 0)] = scales[-1]
    offsets[np.isnan(offsets)] = offsets[-1]
    if not (np.isfinite(offsets).all() and np.isfinite(scales).all()):
        raise _too_large(name)
    return np.asarray(offsets), np.asarray(scales)


def _too_large(name: str) -> DataError:
    return DataError(f"values of column {name!r} are too large to be measured in float64; use a larger unit")


def _empty(name: str, role: str, rows: NDArray[np.int64], options: PrepareOptions) -> NumberState:
    width = len(rows) + 1 if options.scale_by == "series" else 1
    total = int(np.maximum(rows[:, 1] - rows[:, 0], 0).sum())
    return NumberState(name, role, (0.0,) * width, (1.0,) * width, (0.0,) * width, False, total, True)


def _floats(values: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


def _notes(
    table: Table, name: str, found: Statistics, raw: Statistics, options: PrepareOptions, *, gaps: int
) -> list[Note]:
    """What filling and scaling one column came to."""
    notes = []
    if gaps:
        message = "{column}: {count} of {total} training values are missing; filled by {fill}"
        if options.fill == "none":
            message = "{column}: {count} of {total} training values are missing; windows that read them are refused"
        total = gaps + int(raw.count[-1])
        notes.append(Note("fill", message, {"column": name, "count": gaps, "total": total, "fill": options.fill}))
    if found.scale[-1] == 0:
        message = "{column} does not change in the training part; its scale is 1"
        if found is not raw:
            message = "{column}: its transformed values do not change in the training part; their scale is 1"
        elif found.spread[-1] > 0:
            message = "{column}: the middle half of its training values does not change; its scale is 1"
        notes.append(Note("constant", message, {"column": name}))
    bare = np.flatnonzero(raw.count[:-1] == 0)
    if options.scale_by == "series" and len(bare):
        message = "{column}: {count} series have no training value (first: {first}); they take the shared scale"
        notes.append(Note("scale", message, {"column": name, "count": len(bare), "first": table.ids[int(bare[0])]}))
    return notes


def fit_text(table: Table, name: str, role: str, rows: NDArray[np.int64]) -> tuple[TextState, list[Note]]:
    """Count a text column's categories in `rows` [G, 2]."""
    values = table.columns[name]
    categories, left, gaps = encode.choose_categories(
        value for _, _, where in pieces(rows) for value in values[where].tolist()
    )
    return TextState(name, role, categories, gaps), category_notes(name, left, gaps)


def category_notes(name: str, left: int, gaps: int) -> list[Note]:
    """What the one-hot encoding leaves out."""
    notes = []
    if left:
        message = "{column}: the {kept} most frequent categories are kept, {count} rarer ones are read as none"
        notes.append(Note("categories", message, {"column": name, "kept": encode.MAX_CATEGORIES, "count": left}))
    if gaps:
        message = "{column}: {count} training values are missing; read as no category"
        notes.append(Note("fill", message, {"column": name, "count": gaps}))
    return notes


def fit_static(
    table: Table, rows: NDArray[np.int64], options: PrepareOptions
) -> tuple[tuple[ColumnState, ...], list[Note]]:
    """Measure the static columns over the series that have training rows ([G, 2])."""
    taking_part = rows[:, 1] > rows[:, 0]
    states: list[ColumnState] = []
    notes: list[Note] = []
    for name in table.schema.static:
        values = _column(table, name)[taking_part]
        if values.dtype.kind in "fiub":
            number, found = _fit_number(name, values.astype(np.float64), options)
            states.append(number)
        else:
            categories, left, gaps = encode.choose_categories(values.tolist())
            found = category_notes(name, left, gaps)
            states.append(TextState(name, "static", categories, gaps))
        notes.extend(found)
    return tuple(states), notes


def apply_static(table: Table, states: tuple[ColumnState, ...]) -> NDArray[np.float32]:
    """[G, S]: scaled numbers (0 where missing) and one-hot text.

    Raises:
        SchemaError: a column is missing or of another kind than when fitted.
    """
    parts = [np.empty((len(table.ids), 0), dtype=np.float32)]
    for state in states:
        values = _column(table, state.name)
        if (values.dtype.kind in "fiub") != isinstance(state, NumberState):
            kind = "numbers" if isinstance(state, NumberState) else "text"
            message = "static column {name!r} held {kind} when the model was fitted, and does not now"
            raise SchemaError(tr(message, name=state.name, kind=kind))
        if isinstance(state, TextState):
            parts.append(encode.one_hot_table(len(state.categories))[encode.encode(values, state.categories)])
        else:
            numbers = values.astype(np.float64)
            _refuse_infinite(state.name, numbers, table.ids)
            numbers = np.where(np.isnan(numbers), state.fills[0], numbers)
            scaled = (numbers - state.offsets[0]) / state.scales[0] * (not state.empty)
            parts.append(scaled.astype(np.float32)[:, None])
    return np.concatenate(parts, axis=1)


def _column(table: Table, name: str) -> NDArray[Any]:
    if name not in table.static:
        raise SchemaError(
            tr("static column {name!r} is not in the table; it has {static}", name=name, static=sorted(table.static))
        )
    return np.asarray(table.static[name])


def _fit_number(name: str, values: NDArray[np.float64], options: PrepareOptions) -> tuple[NumberState, list[Note]]:
    _refuse_infinite(name, values, None)
    found = measure(lambda where: values[where], np.array([[0, len(values)]]), options.scale)
    gaps = len(values) - int(found.count[-1])
    if gaps == len(values):
        message = "{column} has no value in the training part; it is read as 0"
        return NumberState(name, "static", (0.0,), (1.0,), (0.0,), False, gaps, True), [
            Note("empty", message, {"column": name})
        ]
    notes = []
    if gaps:
        message = "{column}: {count} series have no value; filled with the others' center"
        notes.append(Note("fill", message, {"column": name, "count": gaps}))
    scale = float(found.scale[-1])
    if scale == 0:
        scale = 1.0
        message = "{column} does not change in the training part; its scale is 1"
        notes.append(Note("constant", message, {"column": name}))
    center, offset = float(found.center[-1]), float(found.offset[-1])
    return NumberState(name, "static", (offset,), (scale,), (center,), False, gaps, False), notes


def _refuse_infinite(name: str, values: NDArray[np.float64], ids: tuple[str, ...] | None) -> None:
    wrong = np.isinf(values)
    if wrong.any():
        place = f" of series {ids[int(np.argmax(wrong))]!r}" if ids else ""
        raise DataError(tr("static column {name!r} has an infinite value{place}; correct it", name=name, place=place))
