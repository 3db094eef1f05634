"""Evaluate a model's forecasts: baselines, seasons, scales and the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import DataError
from tidegate.core.table import Note, Table
from tidegate.evaluate.forecast.baselines import Forecast, simple_methods
from tidegate.evaluate.forecast.compare import evaluate
from tidegate.evaluate.forecast.evaluation import Evaluation
from tidegate.evaluate.forecast.lagcopy import LagCopy, lag_copy
from tidegate.evaluate.forecast.metrics import seasonal_error
from tidegate.evaluate.forecast.origins import sample_origins
from tidegate.evaluate.forecast.ridge import LIMIT, Gathers, fit_ridges
from tidegate.evaluate.forecast.season import DAYS, find_seasons
from tidegate.evaluate.forecast.walk import random_walk

Array = NDArray[np.float64]
Rows = NDArray[np.int64]

_SEASONS = 4  # seasonal-naive methods at most
_LAG_WINDOWS = 20_000  # windows in which the forecasts' lag is looked for
_TARGETS = 10  # targets in which seasons are looked for


class Parts(Protocol):
    """A split: rows [G, 2] of each series that belong to a part."""

    @property
    def train(self) -> Rows: ...
    @property
    def validation(self) -> Rows: ...


class Prepared(Gathers, Protocol):
    """A prepared table, as `tidegate.prepare` makes it."""

    def raw_target(self, origins: Rows, horizon: int, /) -> Array: ...


@dataclass(frozen=True)
class Baselines:
    """Everything about a training part that an evaluation needs; computed once, used for any part.

    Attributes:
        methods: name -> function from origins [B] to forecasts [B, K, C] in the target's unit.
        season: steps in a cycle, of the scale; 1 where there is none.
        seasons: every season found, strongest first.
        scale: [G, C] in-sample mean absolute seasonal error; NaN where a series has none.
        squared_scale: [G, C] the same of squares.
        walk: whether every target moves like a random walk.
        notes: which baselines were left out, and why.
    """

    methods: Mapping[str, Forecast]
    season: int
    seasons: tuple[int, ...]
    scale: Array
    squared_scale: Array
    walk: bool
    notes: tuple[Note, ...] = ()


def fit_baselines(
    table: Table,
    split: Parts,
    prepared: Prepared,
    *,
    window: int,
    horizon: int,
    season: int | None = None,
    ridge: bool = True,
    scale_rows: Rows | None = None,
) -> Baselines:
    """Fit all baselines on the training part; the validation part chooses ridge's penalty and nothing else.

    Args:
        table: the raw series.
        split: its parts.
        prepared: the prepared table, which ridge regression sees as the model does.
        window: T, past steps that ridge regression sees.
        horizon: K.
        season: steps in a cycle; None finds it in the training part.
        ridge: whether ridge regression, with and without known-ahead inputs, is among the baselines.
        scale_rows: [G, 2] rows that set the MASE scale; None takes the training part (M4 takes all before the test).
    """
    train = np.asarray(split.train, dtype=np.int64)
    strongest, found = _seasons(table, train)
    chosen = season if season is not None else strongest
    longest = int((train[:, 1] - train[:, 0]).max()) if len(train) else 0
    # A day and a week are compared with even where they do not show: that is what people would try. Rows that are
    # only counted have no calendar, but a cycle as long as a day of some common step has a week.
    usual = table.frequency.seasons()[:2] or tuple(7 * m for m in (chosen, *found) if m in DAYS)
    usual = tuple(m for m in usual if 2 * m <= longest)
    seasons = list(dict.fromkeys([chosen, *found, *usual]))[:_SEASONS]
    methods = simple_methods(table, train, horizon, seasons)
    notes: list[Note] = []
    if ridge:
        starts = np.asarray(table.starts, dtype=np.int64)
        origins = sample_origins(train, starts, window, horizon, LIMIT, inside=True)
        validation = np.asarray(split.validation, dtype=np.int64)
        choosing = sample_origins(validation, starts, window, horizon, LIMIT, inside=False)
        try:
            fits = fit_ridges(prepared, origins, choosing, window, horizon)
            methods |= {name: partial(fit, prepared) for name, fit in fits.items()}
        except DataError as error:
            values = {"method": "ridge", "reason": str(error)}
            notes.append(Note("baseline", "The baseline {method} is left out: {reason}.", values))
    scale = _scales(table, train if scale_rows is None else scale_rows, chosen, squared=False)
    squared = _scales(table, train if scale_rows is None else scale_rows, chosen, squared=True)
    walk = all(random_walk([table.columns[name][a:b] for a, b in train], found) for name in table.schema.targets)
    return Baselines(methods, chosen, found, scale, squared, walk, tuple(notes))


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


def _seasons(table: Table, train: Rows) -> tuple[int, tuple[int, ...]]:
    results = [find_seasons(table, train, name) for name in table.schema.targets[:_TARGETS]]
    strongest = next((result.strongest for result in results if result.strongest > 1), 1)
    every = dict.fromkeys([strongest, *(m for result in results for m in result.all)])
    return strongest, tuple(m for m in every if m > 1)


def _scales(table: Table, rows: Sequence[Sequence[int]] | Rows, season: int, *, squared: bool) -> Array:
    out = np.full((len(table.ids), len(table.schema.targets)), np.nan)
    for c, name in enumerate(table.schema.targets):
        column = table.columns[name]
        for g, (begin, end) in enumerate(rows):
            try:
                out[g, c] = seasonal_error(column[begin:end], season, squared=squared)
            except DataError:  # too short, or exactly periodic: no scale
                continue
    return out
