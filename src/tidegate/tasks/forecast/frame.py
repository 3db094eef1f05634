"""Forecasts as columns, and the future rows that a user fills in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from tidegate.core.errors import SchemaError
from tidegate.core.table import Note, Schema, Table
from tidegate.core.translate import tr
from tidegate.data.future import Ahead, cut_future, read_future, take_future
from tidegate.runtime.forecast.ends import SeriesForecast


def learnable(table: Table) -> Table:
    """The rows to learn from: without those that have not happened yet, and without series that have no others."""
    past, future = cut_future(table)
    return past.keep(np.flatnonzero(past.lengths)) if future.any() else table


def check_names(schema: Schema, levels: tuple[float, ...]) -> None:
    """Refuse a time or series column that has the name of a column of the forecasts.

    Raises:
        SchemaError: it does, and one would hide the other.
    """
    taken = {"mean", *(f"q{level:g}" for level in levels), *(["target"] if len(schema.targets) > 1 else [])}
    for role, name in (("time", schema.time), *(("series", key) for key in schema.key)):
        if name in taken:
            message = "the {role} column is named {name}, as is a column of the forecasts: rename it"
            raise SchemaError(tr(message, role=tr(role), name=repr(name)))


def forecast_columns(found: SeriesForecast, table: Table) -> dict[str, Any]:
    """One row per series, step and target: [series,] time, [target,] mean, one column per quantile.

    Args:
        found: the forecasts. table: gives the column names.
    """
    count, horizon = found.time.shape
    targets = len(found.targets)
    columns: dict[str, Any] = dict(table.named(np.repeat(np.arange(count), horizon * targets)))
    dated = found.time.dtype.kind == table.time.dtype.kind
    columns[(table.schema.time if dated else None) or "step"] = np.repeat(found.time.reshape(-1), targets)
    if targets > 1:
        columns["target"] = np.tile(np.array(found.targets, dtype=object), count * horizon)
    columns["mean"] = found.values.mean.reshape(-1)
    for index, level in enumerate(found.values.levels):
        columns[f"q{level:g}"] = found.values.quantiles[..., index].reshape(-1)
    return columns


def future_columns(model: Any, table: Table) -> dict[str, Any]:
    """Series and times of the steps to forecast, and an empty column for each known-ahead covariate."""
    table, _ = cut_future(table)
    horizon, count = model.decoding.horizon, len(table.ids)
    ahead = table.tail(1).extend(horizon)
    rows = (ahead.starts[1:, None] - horizon + np.arange(horizon)).reshape(-1)
    columns: dict[str, Any] = dict(table.named(np.repeat(np.arange(count), horizon)))
    if table.continues:
        columns[table.schema.time or "step"] = ahead.time[rows]
    else:  # the times are for the user to fill in
        columns[str(table.schema.time)] = np.full(len(rows), None, dtype=object)
    for name in model.preparation.schema.known:
        columns[name] = ahead.columns[name][rows]
    return columns


def ready(model: Any, table: Table, future: Any) -> tuple[Table, Ahead]:
    """The past that a forecast begins after, and what is known of its steps.

    Series that are too short, or of whose steps ahead not all is known, are left out, with a note. Without `future`,
    rows at the end of the data that have no target but known-ahead values are the steps to forecast.

    Raises:
        SchemaError: `future` lacks a column or rows, or is not given although it is needed.
    """
    names, horizon = model.preparation.schema.known, model.decoding.horizon
    past, counts = (table, None) if future is not None or not names else cut_future(table)
    need = model.spec.window + model.preparation.lead
    long = np.flatnonzero(past.lengths >= need)
    notes: list[Note] = []
    if 0 < len(long) < len(past.ids):
        left = [past.ids[i] for i in np.flatnonzero(past.lengths < need)]
        message = (
            "{count} of {total} series have fewer than the {need} rows that a forecast looks at, and have none: "
            "{names}."
        )
        shown = ", ".join(left[:10]) + (" ..." if len(left) > 10 else "")
        values = {"count": len(left), "total": len(past.ids), "need": need, "names": shown}
        notes.append(Note("short_series", message, values))
        past, table = past.keep(long), table.keep(long)
        counts = None if counts is None else counts[long]
    if not names:
        return past, Ahead(notes=tuple(notes))
    if counts is not None and counts.any():
        ahead = take_future(table, past, counts, horizon)
    elif future is None:
        message = (
            "{names} is known ahead: give its values for the {steps} steps to forecast as future=... (--future FILE); "
            "future_frame() (predict --template FILE) makes the rows to fill in"
        )
        raise SchemaError(tr(message, names=", ".join(map(repr, names)), steps=horizon))
    else:
        ahead = read_future(future, past, names, horizon, part=True)
    past = past if ahead.kept is None else past.keep(ahead.kept)
    return past, replace(ahead, notes=(*notes, *ahead.notes, *_unknown(model, ahead)))


def _unknown(model: Any, ahead: Ahead) -> list[Note]:
    """Notes on known-ahead text that says nothing to the model: blank, or never seen in training."""
    notes = []
    for state in model.preparation.columns:
        values = ahead.known.get(state.name)
        if values is None or values.dtype.kind == "f" or not hasattr(state, "categories"):
            continue
        cells = values.reshape(-1).tolist()
        other = [cell for cell in cells if cell is not None and cell not in state.categories]
        if other:
            message = (
                "{column}: {count} values ahead are of categories that the model has no input for (first: {first}); "
                "they were read as none of its categories."
            )
            notes.append(Note("unknown_ahead", message, {"column": state.name, "count": len(other), "first": other[0]}))
        blank = sum(cell is None for cell in cells)
        if blank:
            message = "{column}: {count} values ahead are blank; they were read as none of the column's categories."
            notes.append(Note("blank_ahead", message, {"column": state.name, "count": blank}))
    return notes
