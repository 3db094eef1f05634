"""Forecasts as columns, and the future rows that a user fills in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import SchemaError
from tidegate.core.table import Schema, Table
from tidegate.data.future import read_future
from tidegate.runtime.forecast.predictor import SeriesForecast


def check_names(schema: Schema, levels: tuple[float, ...]) -> None:
    """Refuse a time or series column that has the name of a column of the forecasts.

    Raises:
        SchemaError: it does, and one would hide the other.
    """
    taken = {"mean", *(f"q{level:g}" for level in levels), *(["target"] if len(schema.targets) > 1 else [])}
    for role, name in (("time", schema.time), *(("series", key) for key in schema.key)):
        if name in taken:
            raise SchemaError(f"the {role} column is named {name!r}, as is a column of the forecasts: rename it")


def forecast_columns(found: SeriesForecast, table: Table) -> dict[str, Any]:
    """One row per series, step and target: [series,] time, [target,] mean, one column per quantile.

    Args:
        found: the forecasts. table: gives the column names.
    """
    count, horizon = found.time.shape
    targets = len(found.targets)
    columns: dict[str, Any] = dict(table.named(np.repeat(np.arange(count), horizon * targets)))
    columns[table.schema.time or "step"] = np.repeat(found.time.reshape(-1), targets)
    if targets > 1:
        columns["target"] = np.tile(np.array(found.targets, dtype=object), count * horizon)
    columns["mean"] = found.values.mean.reshape(-1)
    for index, level in enumerate(found.values.levels):
        columns[f"q{level:g}"] = found.values.quantiles[..., index].reshape(-1)
    return columns


def future_columns(model: Any, table: Table) -> dict[str, Any]:
    """Series and times of the steps to forecast, and an empty column for each known-ahead covariate."""
    horizon, count = model.decoding.horizon, len(table.ids)
    ahead = table.tail(1).extend(horizon)
    rows = (ahead.starts[1:, None] - horizon + np.arange(horizon)).reshape(-1)
    columns: dict[str, Any] = dict(table.named(np.repeat(np.arange(count), horizon)))
    columns[table.schema.time or "step"] = ahead.time[rows]
    for name in model.preparation.schema.known:
        columns[name] = ahead.columns[name][rows]
    return columns


def known_ahead(model: Any, table: Table, future: Any) -> Mapping[str, NDArray[Any]]:
    """Known-ahead covariates of the steps to forecast, name -> [G, K].

    Raises:
        SchemaError: `future` lacks a column or rows, or is not given although it is needed.
    """
    names, horizon = model.preparation.schema.known, model.decoding.horizon
    if future is None:
        if names:
            raise SchemaError(
                f"{', '.join(map(repr, names))} is known ahead: give its values for the {horizon} steps to forecast "
                "as future=...; future_frame() makes the rows to fill in"
            )
        return {}
    return read_future(future, table, names, horizon)
