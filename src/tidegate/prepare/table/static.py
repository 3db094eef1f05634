"""Static covariates: one value per series, scaled or one-hot."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import DataError, SchemaError
from tidegate.core.table import Note, Table
from tidegate.prepare.options import PrepareOptions
from tidegate.prepare.scale import measure
from tidegate.prepare.table import encode
from tidegate.prepare.table.columns import ColumnState, NumberState, TextState
from tidegate.prepare.table.fitting import category_notes


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
            raise SchemaError(f"static column {state.name!r} held {kind} when the model was fitted, and does not now")
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
        raise SchemaError(f"static column {name!r} is not in the table; it has {sorted(table.static)}")
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
        raise DataError(f"static column {name!r} has an infinite value{place}; correct it")
