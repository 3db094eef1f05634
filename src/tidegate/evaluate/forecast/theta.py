"""The Theta method: what is left of its season, smoothed exponentially, with half of its trend.

Shapes: G series, C targets, B origins, K steps ahead, m steps in a season, R rows to fit on, A smoothing rates.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.table import Table
from tidegate.evaluate.forecast.baselines import History, clock
from tidegate.runtime.forecast.theta import (
    aligned,
    line_ahead,
    seasonal_index,
    slope_and_rate,
    smoothing_weights,
    without,
)

Array = NDArray[np.float64]
Rows = NDArray[np.int64]

LONGEST = 2_000  # rows of a series that are fitted on, or ten seasons
SMALLEST = 1e-6  # weight below which earlier rows do not count
_CHUNK = 2_000_000


@dataclass(frozen=True)
class Theta:
    """What was fitted on each series' training rows; the last of G + 1 entries stands for a series that is unknown.

        f_(o+k) = s_(o+k) (l_o + b/2 (k + (1-a)/a (1 - (1-a)^(n-1)))),  l_t = a y_t/s_t + (1-a) l_(t-1)

    for k from 1: the mean of a line through the n rows before and of simple exponential smoothing of twice the series
    less that line, as one smoothing with a drift. Where a series is not positive everywhere the season is a sum.

    Attributes:
        season: m, 1 where there is none. rate: [G + 1, C], a. slope: [G + 1, C], b. index: [G + 1, m, C], s.
        factor: [G + 1, C], 1 where s is a factor, 0 where it is added.

    Source: Assimakopoulos and Nikolopoulos (2000), doi:10.1016/S0169-2070(00)00066-2; as one smoothing: Hyndman and
    Billah (2003), doi:10.1016/S0169-2070(01)00143-1.
    """

    season: int
    rate: Array
    slope: Array
    index: Array
    factor: Array

    @classmethod
    def of(cls, table: Table, train: Rows, season: int) -> Theta:
        """Fitted on the training rows [G, 2] of each series: at most the last 2,000 of them, or ten seasons."""
        G, C, m = len(table.ids), len(table.schema.targets), max(season, 1)
        rate, slope, factor = np.full((G + 1, C), 0.5), np.zeros((G + 1, C)), np.zeros((G + 1, C))
        index = np.zeros((G + 1, m, C))
        longest = min(max(LONGEST, 10 * m), int((train[:, 1] - train[:, 0]).max(initial=1)))
        at = clock(table) % m
        step = max(1, _CHUNK // longest)
        for c, column in enumerate(History.of(table, np.zeros((G, C))).columns):
            for low in range(0, G, step):
                part = slice(low, min(low + step, G))
                y, first = aligned(column, train[part], longest)
                places = (at[np.maximum(train[part, 1] - 1, 0)][:, None] - np.arange(longest)[::-1]) % m
                factor[part, c] = (y > 0).all(axis=1)
                index[part, :, c] = seasonal_index(y, first, places, m, factor[part, c])
                plain = without(y, np.take_along_axis(index[part, :, c], places, axis=1), factor[part, c, None])
                slope[part, c], rate[part, c] = slope_and_rate(plain, first)
        rate[-1], factor[-1] = np.median(rate[:-1], axis=0), factor[:-1].all(axis=0)
        index[-1] = np.where(factor[-1] > 0, index[:-1].mean(axis=0), 0.0)
        return cls(m, rate, slope, index, factor)

    def forecast(self, history: History, places: Rows, turned: Rows, horizon: int, origins: Rows) -> Array:
        """[B, K, C], smoothed anew from the rows before each origin [B].

        Args:
            history: of the table. places: [G'], which entry each series of it is. turned: [N], the rows' clock.
            horizon: K. origins: [B].
        """
        out = np.empty((len(origins), horizon, len(history.columns)))
        reach = math.ceil(math.log(SMALLEST) / math.log1p(-float(self.rate.min())))
        step = max(1, _CHUNK // reach)
        for low in range(0, len(origins), step):
            own = slice(low, low + step)
            self._forecast(history, places, turned, origins[own], reach, out[own])
        return out

    def _forecast(self, history: History, places: Rows, turned: Rows, origins: Rows, reach: int, out: Array) -> None:
        series = history.series_of(origins)
        entry = places[series]
        back, ahead = np.arange(reach), np.arange(1, out.shape[1] + 1)
        rows = origins[:, None] - 1 - back
        turn = turned[origins - 1][:, None]
        for c, column in enumerate(history.columns):
            n = np.clip(origins - history.first[series, c], 0, reach)[:, None]
            rate, factor, index = self.rate[entry, c, None], self.factor[entry, c, None], self.index[:, :, c]
            y = column[np.maximum(np.where(back < n, rows, 0), 0)].astype(np.float64)
            y = np.where(back < n, without(y, index[entry[:, None], (turn - back) % self.season], factor), 0.0)
            weight = smoothing_weights(rate, n, back)
            level = np.where(n > 0, (weight * y).sum(axis=1, keepdims=True), history.means[series, c, None])
            found = level + line_ahead(self.slope[entry, c, None], rate, n, ahead)
            worth = index[entry[:, None], (turn + ahead) % self.season]
            out[:, :, c] = np.where(factor > 0, found * worth, found + worth)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Arrays by name, for `from_arrays`."""
        return {f"theta.{name}": getattr(self, name) for name in ("rate", "slope", "index", "factor")}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], size: tuple[int, int]) -> Theta:
        """What `to_arrays` gave, for `size` (G + 1, C).

        Raises:
            KeyError, ValueError: something is missing, of another shape, or not finite.
        """
        parts = {name: np.asarray(arrays[f"theta.{name}"], np.float64) for name in ("rate", "slope", "index", "factor")}
        m = parts["index"].shape[1]
        right = all(parts[name].shape == size for name in ("rate", "slope", "factor"))
        if not right or parts["index"].shape != (size[0], m, size[1]):
            raise ValueError("theta is of another shape")
        if not all(np.isfinite(part).all() for part in parts.values()) or not (parts["rate"] > 0).all():
            raise ValueError("theta is not finite")
        return cls(m, **parts)
