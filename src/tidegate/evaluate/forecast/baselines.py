"""The simple methods that a model must beat: forecasts for any origins, straight from the raw history."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError
from tidegate.core.table import Table
from tidegate.evaluate.forecast.constants import Constants, constant

Array = NDArray[np.float64]
Rows = NDArray[np.int64]
Forecast = Callable[[Rows], Array]  # origins [B] -> [B, K, C], in the target's unit


def fill_forward(values: NDArray[Any], starts: Rows) -> NDArray[Any]:
    """Carry the last observed value of each series into the gaps after it: no value is taken from ahead.

    Args:
        values: [N], NaN where missing.
        starts: [G + 1], first row of each series, then N.

    Returns:
        [N], NaN only before a series' first observation; `values` itself where nothing is missing.
    """
    missing = np.isnan(values)
    if not missing.any():
        return values
    last = np.where(missing, -1, np.arange(values.size))
    np.maximum.accumulate(last, out=last)
    first = np.repeat(starts[:-1], np.diff(starts))
    return np.where(last >= first, values[np.maximum(last, 0)], np.nan)


@dataclass(frozen=True)
class History:
    """What the simple methods look at.

    Attributes:
        columns: C arrays [N], the targets filled forward.
        starts: [G + 1], first row of each series, then N.
        first: [G, C], the row of a series' first observation (its end where there is none).
        means: [G, C], mean of the training part (of all series together where a series has none).
    """

    columns: tuple[NDArray[Any], ...]
    starts: Rows
    first: Rows
    means: Array

    @classmethod
    def of(cls, table: Table, means: Array) -> History:
        """The targets of a table, and the mean [G, C] that stands for each before its first observation."""
        starts = np.asarray(table.starts, dtype=np.int64)
        columns, firsts = [], []
        for name in table.schema.targets:
            raw = table.columns[name]
            columns.append(fill_forward(raw, starts))
            seen = np.append(np.flatnonzero(~np.isnan(raw)), len(raw))
            firsts.append(np.minimum(seen[np.searchsorted(seen, starts[:-1])], starts[1:]))
        return cls(tuple(columns), starts, np.stack(firsts, axis=1), means)

    def at(self, rows: Rows, series: Rows) -> Array:
        """Values [B, ..., C] at rows [B, ...] of series [B]; before the first observation, the training mean."""
        shape = (-1,) + (1,) * (rows.ndim - 1)
        out = np.empty((*rows.shape, len(self.columns)))
        for c, column in enumerate(self.columns):
            first = self.first[series, c].reshape(shape)
            inside = rows >= first
            # A row before the series begins is never read: it would be another series' value.
            values = column[np.where(inside, rows, np.minimum(first, len(column) - 1))]
            out[..., c] = np.where(inside, values, self.means[series, c].reshape(shape))
        return out

    def series_of(self, origins: Rows) -> Rows:
        """[B], the series that each origin lies in."""
        return np.asarray(np.searchsorted(self.starts, origins, side="right") - 1)


def repeat_last(history: History, horizon: int, origins: Rows) -> Array:
    """[B, K, C]: the last value before the origin, at every step."""
    last = history.at(origins - 1, history.series_of(origins))
    return np.repeat(last[:, None, :], horizon, axis=1)


def seasonal_naive(history: History, horizon: int, season: int, origins: Rows) -> Array:
    """[B, K, C]: the value one season before each step, y_(o - m + (k mod m)).

    Where the series has no whole season before the origin, the last value.
    """
    series = history.series_of(origins)
    rows = origins[:, None] - season + np.arange(horizon) % season
    whole = rows >= history.starts[series][:, None]
    return history.at(np.where(whole, rows, origins[:, None] - 1), series)


def drift(history: History, horizon: int, origins: Rows) -> Array:
    """[B, K, C]: the straight line through the first and the last value before the origin, continued."""
    series = history.series_of(origins)
    last = history.at(origins - 1, series)
    out = np.empty((origins.size, horizon, last.shape[1]))
    for c, column in enumerate(history.columns):
        begin = history.first[series, c]
        span = origins - 1 - begin
        usable = span > 0
        first = column[np.where(usable, begin, 0)]
        slope = np.where(usable, (last[:, c] - first) / np.maximum(span, 1), 0.0)
        out[:, :, c] = last[:, c, None] + slope[:, None] * np.arange(1, horizon + 1)
    return out


def from_history(history: History, horizon: int, seasons: Sequence[int] = ()) -> dict[str, Forecast]:
    """The methods that need nothing but the values before an origin: last value, seasonal naive of each, drift."""
    methods: dict[str, Forecast] = {"repeat_last": partial(repeat_last, history, horizon)}
    for season in sorted({int(season) for season in seasons}):
        if season > 1:
            methods[f"seasonal_naive_{season}"] = partial(seasonal_naive, history, horizon, season)
    methods["drift"] = partial(drift, history, horizon)
    return methods


def simple_methods(table: Table, train: Rows, horizon: int, seasons: Sequence[int] = ()) -> dict[str, Forecast]:
    """Every simple method by name, as a function of origins.

    Args:
        table: the raw series; gaps in the targets are filled forward, never from ahead.
        train: [G, 2], rows of the training part, of which "mean" is the mean.
        horizon: K.
        seasons: season lengths in steps; each above 1 gives one "seasonal_naive_<season>".

    Returns:
        name -> function from origins [B] to forecasts [B, K, C] in the target's unit.

    Raises:
        ConfigError: the horizon is below 1.
        DataError: a target has no observed value in the training part.

    Source: Hyndman and Athanasopoulos, Forecasting: Principles and Practice, section 5.2, https://otexts.com/fpp3.
    """
    if horizon < 1:
        raise ConfigError(f"horizon is {horizon}; it counts steps ahead and must be at least 1")
    means = Constants.of(table, train).mean[:-1]
    history = History.of(table, means)
    return {**from_history(history, horizon, seasons), "mean": partial(constant, means, horizon, history)}
