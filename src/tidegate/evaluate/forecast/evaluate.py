"""Evaluate a model's forecasts: baselines, seasons, scales and the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import DataError
from tidegate.core.table import Table
from tidegate.evaluate.forecast.baselines import Forecast
from tidegate.evaluate.forecast.compare import evaluate
from tidegate.evaluate.forecast.evaluation import Evaluation
from tidegate.evaluate.forecast.fitted import Baselines, Parts, Prepared, fit_baselines
from tidegate.evaluate.forecast.lagcopy import LagCopy, lag_copy

Array = NDArray[np.float64]
Rows = NDArray[np.int64]

_LAG_WINDOWS = 20_000  # windows in which the forecasts' lag is looked for


def evaluate_forecasts(
    table: Table,
    split: Parts,
    prepared: Prepared,
    origins: Rows,
    forecast: NDArray[np.floating],
    *,
    quantiles: Mapping[float, NDArray[np.floating]] | None = None,
    window: int,
    horizon: int,
    season: int | None = None,
    ridge: bool = True,
    unit: str = "",
    baselines: Baselines | None = None,
) -> Evaluation:
    """Score a model's forecasts for a part, beside all baselines.

    Args:
        table: the raw series.
        split: its parts; baselines look at the training part (ridge's penalty at the validation part).
        prepared: the prepared table.
        origins: [M] first forecast row of each window.
        forecast: [M, K, C] point forecasts in the target's unit.
        quantiles: level -> [M, K, C] quantile forecasts.
        window: T, past steps that ridge regression sees: the model's own.
        horizon: K.
        season: steps in a cycle; None finds it in the training part.
        ridge: whether ridge regression is among the baselines.
        unit: of the targets, for the tables.
        baselines: what `fit_baselines` returned, to score several parts or models without fitting again; `window`,
            `season` and `ridge` are its own then.

    Raises:
        DataError: no window, shapes that do not fit, or a forecast that is not finite where it must be scored.
    """
    origins = np.asarray(origins, dtype=np.int64)
    if origins.size == 0 or forecast.shape[:2] != (origins.size, horizon):
        raise DataError(
            f"forecasts have shape {forecast.shape}; expected {origins.size} windows (at least 1) of {horizon} steps"
        )
    fitted = baselines or fit_baselines(
        table, split, prepared, window=window, horizon=horizon, season=season, ridge=ridge
    )
    found = evaluate(
        lambda part: prepared.raw_target(origins[part], horizon),
        forecast,
        quantiles,
        {name: partial(_slice, method, origins) for name, method in fitted.methods.items()},
        targets=table.schema.targets,
        unit=unit,
        ids=table.ids,
        series=table.series_of(origins),
        positions=_positions(table, origins),
        season=fitted.season,
        scale=fitted.scale,
        squared_scale=fitted.squared_scale,
        random_walk=fitted.walk,
        criterion=fitted.criterion,
        missing=fitted.missing,
        notes=fitted.notes,
    )
    return replace(found, lag=_lag(table, prepared, fitted.methods["repeat_last"], origins, forecast))


def _lag(table: Table, prepared: Prepared, repeat_last: Forecast, origins: Rows, forecast: Any) -> LagCopy:
    """What the forecasts of the first target follow, in the last windows."""
    kept = slice(max(0, len(origins) - _LAG_WINDOWS), None)
    rows, horizon = origins[kept], forecast.shape[1]
    return lag_copy(
        prepared.raw_target(rows, horizon)[:, :, 0],
        np.asarray(forecast[kept, :, 0], dtype=np.float64),
        repeat_last(rows)[:, 0, 0],
        rows,
        table.series_of(rows),
    )


def _slice(method: Forecast, origins: Rows, part: slice) -> Array:
    return method(origins[part])


def _positions(table: Table, origins: Rows) -> Rows:
    """When windows begin: the row for one series, else the place in the calendar that all series share."""
    if len(table.ids) == 1:
        return origins
    return np.searchsorted(np.unique(table.time), table.time[origins]).astype(np.int64)
