"""Evaluate a model's forecasts: baselines, seasons, scales and the verdict."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import DataError
from tidegate.core.table import Note, Table
from tidegate.core.translate import tr
from tidegate.evaluate.forecast.baselines import Forecast
from tidegate.evaluate.forecast.evaluation import Evaluation, decide
from tidegate.evaluate.forecast.fitted import Baselines, Criterion, Parts, Prepared, fit_baselines
from tidegate.evaluate.forecast.lagcopy import LagCopy, lag_copy
from tidegate.evaluate.forecast.metrics import quantile_weights
from tidegate.evaluate.forecast.scores import QuantileScores, Scores
from tidegate.evaluate.significance import FEWEST, DieboldMariano, diebold_mariano, independent_windows, paired_test
from tidegate.evaluate.verdict import skill_of

Array = NDArray[np.float64]
Rows = NDArray[np.int64]
Windows = NDArray[np.floating] | Callable[[slice], Array]  # [M, K, C], or a function from a slice of M to that part

_CHUNK = 2_000_000  # numbers of one method at a time
_SERIES_SHOWN = 1_000


def evaluate(
    actual: Windows,
    forecast: NDArray[np.floating],
    quantiles: Mapping[float, NDArray[np.floating]] | None = None,
    baselines: Mapping[str, Windows] | None = None,
    *,
    targets: Sequence[str] = (),
    unit: str = "",
    ids: Sequence[str] = ("",),
    series: Rows | None = None,
    positions: Rows | None = None,
    criterion: Criterion = "absolute",
    season: int = 1,
    scale: Array | None = None,
    squared_scale: Array | None = None,
    random_walk: bool = False,
    missing: Sequence[str] = (),
    notes: Sequence[Note] = (),
) -> Evaluation:
    """Score forecasts beside baselines. M windows, K steps ahead, C targets, G series.

    Args:
        actual: [M, K, C], the values that came in the target's unit, NaN where missing; or a function that gives a
            slice of the windows, so that only a chunk is in memory.
        forecast: [M, K, C], the model's point forecasts.
        quantiles: level -> [M, K, C], the model's quantile forecasts.
        baselines: name -> [M, K, C], or a function that gives a slice of them.
        targets: [C] names; none gives "target_1" and so on.
        unit: of the targets.
        ids: [G] names of the series.
        series: [M] which series each window belongs to; None where there is one.
        positions: [M] when each window begins, in steps on a clock that all series share, for the Diebold-Mariano
            test; None: one after another.
        criterion: whether methods are ranked by "absolute" errors or by "squared" ones, which no constant zero wins
            where demand is intermittent.
        season: steps in a cycle that `scale` was computed with.
        scale: [G, C] in-sample mean absolute seasonal error of each series (`seasonal_error`), NaN where it has none;
            None: no MASE.
        squared_scale: [G, C] the same of squares; None: no RMSSE.
        random_walk: whether the training part moves like a random walk (for the verdict's warning).
        missing: baselines that cannot be computed here; there is no verdict without them.
        notes: what should be noted besides.

    Returns:
        Evaluation. Methods are ranked by MAE (RMSE) where there is one series with one target, else by MASE (RMSSE),
        the mean over series and targets of each one's own, as in M4 (M5): large series would outvote small ones.

    Raises:
        DataError: shapes do not fit, nothing was observed, or a forecast is not finite where it must be scored.
    """
    if forecast.ndim != 3 or forecast.shape[0] == 0:
        raise DataError(
            f"forecasts have shape {forecast.shape}; expected [windows, steps, targets] with at least one window"
        )
    windows, horizon, channels = forecast.shape
    groups = len(ids)
    series = np.zeros(windows, dtype=np.int64) if series is None else np.asarray(series, dtype=np.int64)
    if series.shape != (windows,) or series.min() < 0 or series.max() >= groups:
        raise DataError(
            f"series must give one of {groups} series for each of {windows} windows, got shape {series.shape}"
        )
    unscaled = np.full((groups, channels), np.nan)
    scale, squared_scale = unscaled if scale is None else scale, unscaled if squared_scale is None else squared_scale
    if scale.shape != unscaled.shape or squared_scale.shape != unscaled.shape:
        raise DataError(
            f"scales have shapes {scale.shape} and {squared_scale.shape}; expected {unscaled.shape}, [series, targets]"
        )
    used = scale[np.unique(series)]
    scaled = used.size > 1 and bool(np.isfinite(used).any())
    sources: dict[str, Windows] = {"model": forecast, **(baselines or {})}
    rank = {"absolute": ("mae", "mase"), "squared": ("rmse", "rmsse")}[criterion][int(scaled)]
    scores = {name: Scores(horizon, scale, squared_scale, rank) for name in sources}
    levels = sorted(quantiles or {})
    spread = QuantileScores(levels) if levels else None
    step = max(1, _CHUNK // (horizon * channels))
    for begin in range(0, windows, step):
        part = slice(begin, min(begin + step, windows))
        came = _take(actual, part)
        if came.shape != (part.stop - begin, horizon, channels):
            expected = (part.stop - begin, horizon, channels)
            raise DataError(f"actual values have shape {came.shape}; expected {expected}, as the forecasts")
        for name, source in sources.items():
            scores[name].add(name, came, _take(source, part), series[part])
        if spread is not None and quantiles is not None:
            spread.add(came, [_take(quantiles[level], part) for level in levels])
    if scores["model"].observed == 0:
        raise DataError(
            tr("nothing to score: no actual value is observed in any of the {windows} windows", windows=windows)
        )
    overall = {name: sums.overall() for name, sums in scores.items()}
    ranked = sorted((name for name in sources if name != "model"), key=lambda name: overall[name][rank])
    best = ranked[0] if ranked else None
    model = overall["model"][rank]
    pair = [scores[name].window_losses() for name in (("model", best) if best is not None else ())]
    test = compare_losses(pair[0], pair[1], series, positions, horizon) if pair else None
    skill = math.nan if best is None else skill_of(model, overall[best][rank])
    if spread is not None:
        weights = quantile_weights(levels)
        losses = spread.loss / spread.count
        overall["model"] |= {"pinball": float(losses.mean()), "crps": float(2.0 * weights @ losses)}
    names = tuple(targets) or tuple(f"target_{c + 1}" for c in range(channels))
    shown = [name for name in ("model", best) if name is not None]
    every = np.unique(series)
    kept = every[np.unique(np.linspace(0, every.size - 1, min(every.size, _SERIES_SHOWN)).astype(np.int64))]
    by_series = {name: scores[name].series_mae() for name in shown}
    by_target = {name: sums.target_metrics() for name, sums in scores.items()}
    repeat = overall["repeat_last"][rank] if "repeat_last" in overall else None
    return Evaluation(
        targets=names,
        unit=unit,
        origins=windows,
        horizon=horizon,
        season=season,
        criterion=rank,
        methods=("model", *ranked),
        overall=overall,
        per_step={name: sums.step_mae() for name, sums in scores.items()},
        per_target={target: {name: by_target[name][c] for name in sources} for c, target in enumerate(names)},
        per_series={ids[g]: {name: float(by_series[name][g]) for name in shown} for g in kept},
        best_baseline=best,
        skill=skill if math.isfinite(skill) else None,
        dm=test,
        verdict=decide(
            rank,
            model,
            best,
            overall[best][rank] if best is not None else math.nan,
            test,
            independent=_independent(series, positions, horizon),
            looks=len(ranked),
            repeat_last=repeat,
            random_walk=random_walk,
            missing=missing,
        ),
        coverage=_by_level(spread, "inside"),
        coverage_per_step=_by_step(spread),
        interval_width=_by_level(spread, "width"),
        quantile_share={} if spread is None else dict(zip(levels, (spread.below / spread.count).tolist(), strict=True)),
        notes=tuple(chain(notes, _left_out(scores["model"], every, used, kept.size, scaled))),
    )


def _independent(series: Rows, positions: Rows | None, horizon: int) -> int:
    """How many forecasts do not overlap, or how many series there are where they share no clock."""
    if positions is None and np.unique(series).size > 1:
        return int(np.unique(series).size)
    return independent_windows(np.arange(series.size) if positions is None else positions, horizon)


def _take(source: Windows, part: slice) -> Array:
    return np.asarray(source(part) if callable(source) else source[part], dtype=np.float64)


def _by_level(spread: QuantileScores | None, what: str) -> dict[float, float]:
    if spread is None:
        return {}
    values = getattr(spread, what) / spread.count
    return {round(high - low, 9): float(value) for (low, high), value in zip(spread.pairs, values, strict=True)}


def _by_step(spread: QuantileScores | None) -> dict[float, list[float]]:
    if spread is None:
        return {}
    shares = spread.by_step[:-1] / np.maximum(spread.by_step[-1], 1)
    return {round(high - low, 9): each.tolist() for (low, high), each in zip(spread.pairs, shares, strict=True)}


def _left_out(model: Scores, every: Rows, used: Array, kept: int, scaled: bool) -> list[Note]:
    notes = []
    if model.nonzero < model.observed:
        count = model.observed - model.nonzero
        notes.append(Note("mape", "MAPE leaves out {count} actual values that are 0.", {"count": count}))
    without = int((~np.isfinite(used)).sum())
    if scaled and without:
        notes.append(
            Note(
                "mase",
                "MASE leaves out {count} series or targets whose training part is too short or repeats itself exactly.",
                {"count": without},
            )
        )
    if kept < every.size:
        values = {"shown": kept, "count": int(every.size)}
        notes.append(Note("series", "Errors per series are kept for {shown} of {count} series, spread evenly.", values))
    return notes


def compare_losses(
    first: Array, second: Array, series: Rows, positions: Rows | None, horizon: int
) -> DieboldMariano | None:
    """Diebold-Mariano test over time, or over series where time is too short for one.

    Of several series, the losses of windows that begin together are averaged first: series move together, and each
    would otherwise count as fresh evidence. Where fewer than 8 forecasts follow each other without overlap, each
    series' mean loss is one value, and series are taken as independent.

    Args:
        first, second: [M] losses of each window, NaN where it cannot be scored.
        series: [M]. positions: [M], or None: one after another. horizon: K.

    Returns:
        None where there are too few windows.
    """
    keep = np.isfinite(first) & np.isfinite(second)
    first, second, series = first[keep], second[keep], series[keep]
    place = np.flatnonzero(keep) if positions is None else np.asarray(positions, dtype=np.int64)[keep]
    one_clock = positions is not None or np.unique(series).size == 1
    if one_clock and independent_windows(place, horizon) >= FEWEST:
        where, one, other = _averages(place, first, second)
        return diebold_mariano(one, other, horizon, where)
    _, one, other = _averages(series, first, second)
    return paired_test(one, other) if one.size >= FEWEST else None


def _averages(keys: Rows, first: Array, second: Array) -> tuple[Rows, Array, Array]:
    where, inverse = np.unique(keys, return_inverse=True)
    count = np.bincount(inverse)
    return where, np.bincount(inverse, first) / count, np.bincount(inverse, second) / count


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
