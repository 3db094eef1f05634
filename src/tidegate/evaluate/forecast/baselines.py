"""The simple methods that a model must beat: forecasts for any origins, straight from the raw history.

Shapes: N rows, G series, C targets, m steps in a season.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError, DataError
from tidegate.core.table import Table
from tidegate.core.translate import tr

Array = NDArray[np.float64]
Rows = NDArray[np.int64]
Middle = Literal["mean", "median"]
Forecast = Callable[[Rows], Array]  # origins [B] -> [B, K, C], in the target's unit

LARGEST = 5_000_000  # numbers of one seasonal table; a longer one is left out
_MONDAY = np.datetime64("1970-01-05", "D")


@dataclass(frozen=True)
class Constants:
    """What each series is on average; the last entry stands for all series together, and for one that is unknown.

    Attributes:
        mean, median: [G + 1, C]. The median has the lowest absolute error of any constant, the mean the lowest squared.
        seasonal: "seasonal_mean_<m>" and "seasonal_median_<m>" -> [G + 1, m, C], the same for each place in a season.
    """

    mean: Array
    median: Array
    seasonal: Mapping[str, Array]

    @classmethod
    def of(cls, table: Table, train: Rows, seasons: Sequence[int] = ()) -> Constants:
        """The constants of the training rows [G, 2].

        Raises:
            DataError: a target has no observed value in the training part.
        """
        means, medians = ([_middles(table, train, name, 1, how) for name in table.schema.targets] for how in _BOTH)
        mean, median = (np.concatenate(parts, axis=2)[:, 0] for parts in (means, medians))
        size = (len(table.ids) + 1) * len(table.schema.targets)
        seasonal = {}
        for m in (m for m in seasons if m > 1 and m * size <= LARGEST):
            for how, whole in zip(_BOTH, (mean, median), strict=True):
                found = np.concatenate([_middles(table, train, name, m, how) for name in table.schema.targets], axis=2)
                seasonal[f"seasonal_{how}_{m}"] = np.where(np.isnan(found), whole[:, None, :], found)
        return cls(mean, median, seasonal)


_BOTH: tuple[Middle, Middle] = ("mean", "median")


def clock(table: Table) -> Rows:
    """[N], each row's place on a clock that all tables of a frequency share; in its series where rows are counted."""
    unit, count = table.frequency.unit, table.frequency.count
    if unit == "row" or table.time.dtype.kind != "M":
        return np.asarray(np.arange(len(table)) - np.repeat(table.starts[:-1], table.lengths))
    if unit == "M":
        return np.asarray(table.time.astype("datetime64[M]").astype(np.int64) // count)
    if unit == "B":
        days = np.busday_count(_MONDAY, table.time.astype("datetime64[D]"))
        return np.asarray(days.astype(np.int64) // count)
    size = table.frequency.microseconds or 1
    return np.asarray(table.time.astype("datetime64[us]").astype(np.int64) // size)


def shifts(table: Table, middles: Array, places: Rows, rows: int) -> Rows:
    """[G], by how many steps each series of counted rows must be turned for its first rows to fit its season best.

    Args:
        table: rows without a calendar. middles: [G', m, C] of the training part. places: [G] which of them each series
            is. rows: first rows of each series, which are not scored.
    """
    m = middles.shape[1]
    out = np.zeros(len(table.ids), dtype=np.int64)
    turned = (np.arange(m)[:, None] + np.arange(min(rows, max(2 * m, LARGEST // m)))) % m  # [m, L]
    for g, (begin, end) in enumerate(table.rows().tolist()):
        errors = np.zeros(m)
        for c, name in enumerate(table.schema.targets):
            y = np.asarray(table.columns[name][begin : min(end, begin + turned.shape[1])], dtype=np.float64)
            seen = ~np.isnan(y)
            if seen.any():
                away = np.abs(middles[places[g], :, c][turned[:, : len(y)][:, seen]] - y[seen])
                errors += away.mean(axis=1) / (float(np.abs(y[seen]).mean()) or 1.0)
        out[g] = int(errors.argmin())
    return out


def intermittent(table: Table, train: Rows, seasonal: Array | None) -> bool:
    """Whether demand is intermittent: mostly zeros, and what is none comes at no time that the season tells.

    A series counts where its median is 0, it is never negative, and more than half of its sum lies at places of the
    season whose median is 0 too; the table counts where most of its series do. Solar power, 0 at night, does not.

    Args:
        table: the series. train: [G, 2]. seasonal: [G', m, C] medians by place, or None where there is no season.

    Source: after the average interval between demands of Syntetos and Boylan (2005),
    doi:10.1016/j.ijforecast.2004.10.001.
    """
    votes = []
    rows = np.concatenate([np.arange(a, b) for a, b in train.tolist()] or [np.zeros(0, dtype=np.int64)])
    if all(np.mean(table.columns[name][rows] == 0.0) < 0.1 for name in table.schema.targets if rows.size):
        return False
    index = clock(table)
    for c, name in enumerate(table.schema.targets):
        for g, (begin, end) in enumerate(train.tolist()):
            y = np.asarray(table.columns[name][begin:end], dtype=np.float64)
            seen = ~np.isnan(y)
            total = float(y[seen].sum())
            if not seen.any() or total == 0.0:
                continue
            if np.median(y[seen]) != 0.0 or y[seen].min() < 0.0:
                votes.append(False)
                continue
            expected = 0.0 if seasonal is None else seasonal[g, index[begin:end] % seasonal.shape[1], c]
            votes.append(float(y[seen & (expected == 0.0)].sum()) > 0.5 * total)
    return bool(votes) and 2 * sum(votes) > len(votes)


def _middles(table: Table, train: Rows, name: str, m: int, middle: Middle) -> Array:
    """[G + 1, m, 1], mean or median of each series' training rows at each place in a season, NaN where it has none."""
    rows = np.concatenate([np.arange(a, b) for a, b in train.tolist()] or [np.zeros(0, dtype=np.int64)])
    values = np.asarray(table.columns[name][rows], dtype=np.float64)
    seen = ~np.isnan(values)
    if not seen.any():
        message = "target {name!r} has no observed value in the training part; move the split or check the column"
        raise DataError(tr(message, name=name))
    rows, values = rows[seen], values[seen]
    place = clock(table)[rows] % m
    groups = len(table.ids)
    each = _grouped(values, table.series_of(rows) * m + place, groups * m, middle).reshape(groups, m)
    whole = _grouped(values, place, m, middle)[None]
    if m == 1:
        each = np.where(np.isnan(each), whole, each)
    return np.concatenate([each, whole])[:, :, None]


def _grouped(values: Array, keys: Rows, count: int, middle: Middle) -> Array:
    """[count], mean or median of the values of each key; NaN where there is none."""
    size = np.bincount(keys, minlength=count)
    if middle == "mean":
        return np.where(size > 0, np.bincount(keys, values, count) / np.maximum(size, 1), np.nan)
    ordered = np.append(values[np.lexsort((values, keys))], np.nan)
    first = np.cumsum(size) - size
    low, high = first + (size - 1) // 2, first + size // 2
    return np.where(size > 0, (ordered[np.maximum(low, 0)] + ordered[high]) / 2.0, np.nan)


class Located(Protocol):
    """Knows which series an origin lies in."""

    def series_of(self, origins: Rows) -> Rows: ...


def constant(values: Array, horizon: int, located: Located, origins: Rows) -> Array:
    """[B, K, C], one value [G, C] of the series for every step of windows at origins [B]."""
    return np.repeat(values[located.series_of(origins)][:, None, :], horizon, axis=1)


def by_season(values: Array, index: Rows, horizon: int, located: Located, origins: Rows) -> Array:
    """[B, K, C], what each step's place in the season is worth: values [G, m, C], clock [N], origins [B]."""
    place = (index[origins][:, None] + np.arange(horizon)) % values.shape[1]
    return np.asarray(values[located.series_of(origins)[:, None], place])


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
        raise ConfigError(tr("horizon is {horizon}; it counts steps ahead and must be at least 1", horizon=horizon))
    means = Constants.of(table, train).mean[:-1]
    history = History.of(table, means)
    return {**from_history(history, horizon, seasons), "mean": partial(constant, means, horizon, history)}
