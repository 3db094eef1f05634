"""Intervals of a part of the table: as the network gives them, calibrated once, or again as errors come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError, DataError
from tidegate.core.table import Table
from tidegate.core.translate import tr
from tidegate.data.emit import local_time
from tidegate.data.windows import origins as part_origins
from tidegate.evaluate.forecast.conformal import conformal_quantile, errors_needed, track_shifts, usual_error
from tidegate.evaluate.intervals import ScoredIntervals
from tidegate.runtime.limits import require_finite
from tidegate.tasks.forecast.evaluate import needed_rows

METHODS = ("plain", "split", "adaptive")


@dataclass(frozen=True, repr=False)
class Intervals(ScoredIntervals):
    """Intervals of one level for every window of a part, by method; `actual`, `low` and `high` are [M, K, C].

    Attributes:
        table: whose windows they are. origins: [M] rows where the windows begin.
    """

    table: Table
    origins: NDArray[np.int64]

    def columns(self) -> dict[str, NDArray[Any]]:
        """One row per window, step and target: [series,] cutoff, time, step, [target,] actual, low and high by method.

        Times are on the local clock; `cutoff` is the last one that the forecast could see.
        """
        table, (windows, horizon, targets) = self.table, self.actual.shape
        rows = self.origins[:, None] + np.arange(horizon)
        columns: dict[str, NDArray[Any]] = table.named(np.repeat(table.series_of(self.origins), horizon * targets))
        columns["cutoff"] = np.repeat(table.time[self.origins - 1], horizon * targets)
        columns[table.schema.time or "time"] = np.repeat(table.time[rows].reshape(-1), targets)
        columns["step"] = np.tile(np.repeat(np.arange(1, horizon + 1, dtype=np.int32), targets), windows)
        if targets > 1:
            columns["target"] = np.tile(np.array(table.schema.targets, dtype=object), windows * horizon)
        columns["actual"] = self.actual.reshape(-1)
        for name in self.low:
            columns |= {f"low_{name}": self.low[name].reshape(-1), f"high_{name}": self.high[name].reshape(-1)}
        return {name: local_time(values, table.timezone) for name, values in columns.items()}


def intervals(
    model: Any, *, level: float = 80, part: str = "test", method: str | None = None, rate: float = 0.05
) -> Intervals:
    """Intervals around the forecasts of a fitted forecaster, with and without quantiles of its own.

    A model with quantiles of this level has them shifted (conformalized quantile regression); around one without,
    intervals are made of its validation errors (split conformal). The adaptive ones start from there and follow the
    errors of each series through the validation and the test part, each used only once it has been observed.

    Args:
        model: fitted in this process. level: percent that an interval should hold.
        part: `test`, or `validation`, on which the split ones are calibrated: their coverage there proves nothing.
        method: one of `plain`, `split`, `adaptive`; None gives all there are.
        rate: how fast the adaptive ones follow, see `track_shifts`.

    Raises:
        ConfigError: an unknown method, or `plain` of a model without quantiles of this level.
        NotFittedError, DataError: there is no such part, or no validation window to calibrate on.

    Source: arXiv:1905.03222, arXiv:2106.00170, arXiv:2307.16895.
    """
    model._require_fitted("fitted_")
    if not isinstance(level, (int, float)) or not 0 < level < 100:
        raise ConfigError(tr("level is the percentage an interval should hold, such as 80; got {level!r}", level=level))
    if method is not None and method not in METHODS:
        raise ConfigError(tr("method is one of {methods}; got {method!r}", methods=", ".join(METHODS), method=method))
    share = level / 100
    sides = (round((1 - share) / 2, 10), round((1 + share) / 2, 10))
    own = all(side in model.decoding_.quantiles for side in sides)
    if method == "plain" and not own:
        message = "the model has no quantiles of {sides:g} and {sides2:g}: fit it with level={level:g}"
        raise ConfigError(tr(message, sides=sides[0], sides2=sides[1], level=level))
    fitted = model.fitted_
    if not fitted.split.rows(part):
        raise DataError(tr("the split has no {part} part", part=part))
    wanted = (method,) if method is not None else METHODS if own else METHODS[1:]
    parts = {name: _ends(model, name, sides if own else None, calibrated=True) for name in {"validation", part}}
    origins, ends, actual = parts[part]
    found: dict[str, NDArray[np.float64]] = {}
    if "plain" in wanted:
        found["plain"] = _ends(model, part, sides, calibrated=False)[1]
    needed, given = errors_needed(sides), len(parts["validation"][0])
    if not own and given < needed:
        message = (
            "an interval of {level:g} % needs the errors of {needed} validation windows to be calibrated, and there "
            "are {given}: give the validation part a larger share, or ask for a lower level"
        )
        raise DataError(tr(message, level=level, needed=needed, given=given))
    scale = _Scale.of(model, *parts["validation"])
    shift = np.zeros(ends.shape[1:]) if own else scale.shift(*parts["validation"], sides)
    if "split" in wanted:
        found["split"] = ends + shift * scale.per_window(origins)[..., None]
    if "adaptive" in wanted:
        found["adaptive"] = _adaptive(parts, part, sides, shift, scale, rate)
    ordered = {name: model.decoding_.settle(np.sort(values, axis=3)) for name, values in found.items()}
    low, high = ({name: values[..., end] for name, values in ordered.items()} for end in (0, 1))
    return Intervals(share, actual, low, high, fitted.table, origins)


Part = tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]  # origins [M], ends [M, K, C, 2], actual


def _ends(model: Any, part: str, sides: tuple[float, float] | None, *, calibrated: bool) -> Part:
    """Origins, both ends (the point forecast twice where the model has no quantiles), and the actual values."""
    fitted = model.fitted_.of_part(part)
    decoding = fitted.decoding
    horizon = decoding.horizon
    origins = part_origins(fitted.table, fitted.split, part, window=needed_rows(model), horizon=horizon)
    if not len(origins):
        raise DataError(tr("the {part} part has no room for a window", part=part))
    used = decoding if calibrated else replace(decoding, calibration=None)
    found = fitted.forecast(origins, used)
    if sides is None:
        ends = np.repeat(found.mean[..., None], 2, axis=3)
    else:
        ends = found.quantiles[..., [found.levels.index(side) for side in sides]]
    return origins, ends, fitted.prepared.raw_target(origins, horizon)


@dataclass(frozen=True)
class _Scale:
    """A usual error of each series [G, C], so that series of different size share one calibration."""

    table: Any
    sizes: NDArray[np.float64]

    @classmethod
    def of(cls, model: Any, origins: NDArray[np.int64], ends: NDArray[Any], actual: NDArray[Any]) -> _Scale:
        table = model.fitted_.table
        errors, series = actual - ends.mean(axis=3), table.series_of(origins)
        whole = [usual_error(errors[..., c]) for c in range(actual.shape[2])]
        sizes = np.tile(np.array(whole), (len(table.ids), 1))
        order = np.searchsorted(series, np.arange(len(table.ids) + 1))
        for g, (a, b) in enumerate(pairwise(order)):
            for c in range(actual.shape[2]) if b > a else ():
                sizes[g, c] = usual_error(errors[a:b, :, c])
        return cls(table, sizes)

    def per_window(self, origins: NDArray[np.int64]) -> NDArray[np.float64]:
        """[M, 1, C]."""
        return np.asarray(self.sizes[self.table.series_of(origins)][:, None, :])

    def shift(
        self, origins: NDArray[np.int64], ends: NDArray[Any], actual: NDArray[Any], sides: tuple[float, float]
    ) -> NDArray[np.float64]:
        """[K, C, 2] conformal quantiles of scaled errors."""
        errors = (actual[..., None] - ends) / self.per_window(origins)[..., None]
        found = np.stack([conformal_quantile(errors[..., i], side) for i, side in enumerate(sides)], axis=-1)
        message = (
            "too few values of the validation part are observed at some step ahead to calibrate an interval: give it a "
            "larger share, or ask for a lower level"
        )
        require_finite(found, tr(message))
        return found


def _adaptive(
    parts: Mapping[str, Part],
    part: str,
    sides: tuple[float, float],
    shift: NDArray[np.float64],
    scale: _Scale,
    rate: float,
) -> NDArray[np.float64]:
    """Both ends [M, K, C, 2] after tracking each series through the validation part and this one."""
    origins, ends, _ = parts[part]
    joined = [parts["validation"], parts[part]] if part != "validation" else [parts[part]]
    every = np.concatenate([item[0] for item in joined])
    order = np.argsort(every, kind="stable")
    errors = np.concatenate([item[2][..., None] - item[1] for item in joined])[order]
    rows, places = every[order], np.argsort(order, kind="stable")[len(every) - len(origins) :]
    series = scale.table.series_of(rows)
    used = np.empty(errors.shape)
    borders = np.searchsorted(series, np.arange(len(scale.table.ids) + 1))
    for g, (a, b) in enumerate(pairwise(borders)):
        for c in range(errors.shape[2]) if b > a else ():
            size = float(scale.sizes[g, c])
            sizes = np.full(errors.shape[1], size)
            used[a:b, :, c] = track_shifts(
                errors[a:b, :, c], sides, rows[a:b], sizes, rate=rate, start=shift[:, c] * size
            )
    return np.asarray(ends + used[places])
