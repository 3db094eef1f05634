"""Evaluate estimated numbers: metrics, intervals, the best baseline and the verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tidegate.core.errors import ConfigError, DataError
from tidegate.core.table import Note
from tidegate.core.text import number
from tidegate.core.translate import tr
from tidegate.evaluate.intervals import ScoredIntervals
from tidegate.evaluate.label.classes import CONSTANT
from tidegate.evaluate.label.evaluation import NumberEvaluation
from tidegate.evaluate.label.metrics.bootstrap import draws, repeats, resamples_for, unit_sums, units_of
from tidegate.evaluate.label.metrics.numbers import Metric, number_scores
from tidegate.evaluate.label.metrics.resampling import resample_methods
from tidegate.evaluate.label.verdict import comparison, decide, rank
from tidegate.evaluate.leaks.sequences import Leaks
from tidegate.evaluate.significance import interval
from tidegate.evaluate.verdict import skill_of

Array = NDArray[np.float64]
Rows = NDArray[np.int64]
Criterion = Literal["rmse", "mae"]
MODEL = "model"
_LOOPED = 20_000_000  # things x resamples that metrics without sums are computed for


def evaluate_numbers(
    actual: ArrayLike,
    predicted: ArrayLike,
    baselines: Mapping[str, ArrayLike] | None = None,
    *,
    names: Sequence[str] = (),
    unit: str = "",
    criterion: Criterion = "rmse",
    groups: ArrayLike | None = None,
    extra: Mapping[str, Metric] | None = None,
    leaks: Leaks | None = None,
    margins: Mapping[float, Array] | None = None,
    seed: int = 0,
    notes: Sequence[Note] = (),
) -> NumberEvaluation:
    """Score estimates beside the baselines'.

    Args:
        actual: [M] or [M, P] numbers, NaN where nothing is known.
        predicted: the same shape.
        baselines: name -> the same shape; what `number_baselines` gave.
        names: [P] of the numbers.
        unit: of the numbers, "" where unknown.
        criterion: what methods are ranked by: "mae" where the model was trained on absolute errors, else "rmse".
        groups: [M] what each thing came from; groups are drawn whole for the intervals.
        extra: metric -> function of actual and predicted values [n], for instance {"cmapss": cmapss}.
        leaks: what `find_leaks` found, for the verdict.
        margins: level in percent -> [P] half-widths of intervals around the model's estimates.
        seed: of the resamples.
        notes: to be kept with the result.

    Raises:
        DataError: shapes that do not fit, nothing to score, or an estimate that is not finite where it is scored.
        ConfigError: an unknown criterion.
    """
    if criterion not in get_args(Criterion):
        message = "criterion is {criterion!r}; expected one of {criterion2}"
        raise ConfigError(tr(message, criterion=criterion, criterion2=", ".join(get_args(Criterion))))
    y = _table(actual)
    given = {MODEL: _table(predicted), **{name: _table(values) for name, values in (baselines or {}).items()}}
    for name, values in given.items():
        if values.shape != y.shape:
            raise DataError(
                f"estimates of {name!r} have shape {values.shape}; expected {y.shape}, as the actual numbers"
            )
    titles = tuple(str(name) for name in names) or tuple(f"number {place + 1}" for place in range(y.shape[1]))
    if len(titles) != y.shape[1]:
        raise DataError(f"{len(titles)} names were given for {y.shape[1]} numbers")
    overall = {name: number_scores(y, values, extra) for name, values in given.items()}
    per_target = {
        title: {name: number_scores(y[:, place], values[:, place], extra) for name, values in given.items()}
        for place, title in enumerate(titles)
    }
    owner, count = units_of(groups, len(y))
    amount = resamples_for(count)
    sums = {name: unit_sums(_features(y, values), owner, count) for name, values in given.items()}
    drawn = {name: _metrics(values) for name, values in resample_methods(sums, seed, amount).items()}
    looped = _looped(y, given[MODEL], owner, count, {"median_ae": _median, **(extra or {})}, seed)
    found = rank(overall, drawn, criterion, count, higher=False, compared=("mae", "rmse", "r2"))
    found.intervals[MODEL] |= looped
    units = ("things" if groups is None else "groups", count)
    beside = comparison(found, units, higher=False)
    scored = {
        level / 100: ScoredIntervals(level / 100, y, {MODEL: given[MODEL] - half}, {MODEL: given[MODEL] + half})
        for level, half in (margins or {}).items()
    }
    gained = skill_of(beside.model, beside.reference)
    return NumberEvaluation(
        names=titles,
        unit=unit,
        things=int((~np.isnan(y)).any(axis=1).sum()),
        units=units,
        **found._asdict(),
        per_target=per_target,
        coverage={level: own.coverage(MODEL) for level, own in scored.items()},
        interval_width={level: own.width(MODEL) for level, own in scored.items()},
        skill=gained if math.isfinite(gained) else None,
        verdict=decide(beside, things=len(y), sequences=len(y), leaks=leaks),
        notes=(*notes, *_constant(y, titles)),
    )


def _constant(y: Array, names: Sequence[str]) -> list[Note]:
    """A note on every quantity [M, P] whose values are all the same."""
    notes = []
    for name, column in zip(names, y.reshape(len(y), -1).T, strict=True):
        known = column[~np.isnan(column)]
        if known.size and np.ptp(known) == 0.0:
            values = {"count": known.size, "value": f"{name} = {number(float(known[0]))}"}
            notes.append(Note("constant", CONSTANT, values))
    return notes


def _median(actual: ArrayLike, predicted: ArrayLike) -> float:
    """Median absolute error of known numbers, without the checks that were made already."""
    return float(np.nanmedian(np.abs(np.asarray(actual) - np.asarray(predicted))))


def _table(values: ArrayLike) -> Array:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or array.size == 0:
        raise DataError(f"numbers have shape {array.shape}; expected [M] or [M, P] with at least one of each")
    return array


def _features(y: Array, f: Array) -> Array:
    """[M, 6] of each thing: known numbers, absolute and squared errors, errors, numbers and their squares."""
    seen = ~np.isnan(y)
    error = np.where(seen, f - y, 0.0)
    middle = np.nanmean(y)  # squares of large numbers would lose their digits
    value = np.where(seen, y - middle, 0.0)
    parts = [seen, np.abs(error), error * error, error, value, value * value]
    return np.stack([np.sum(part, axis=1, dtype=np.float64) for part in parts], axis=1)


def _metrics(sums: Array) -> dict[str, Array]:
    count, absolute, squared, error, value, square = sums.T
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = square - value * value / count
        return {
            "mae": absolute / count,
            "rmse": np.sqrt(squared / count),
            "bias": error / count,
            "r2": np.where(spread > 0, 1.0 - squared / spread, np.nan),
        }


def _looped(
    y: Array, f: Array, owner: Rows, count: int, metrics: Mapping[str, Metric], seed: int
) -> dict[str, tuple[float, float]]:
    """Intervals of metrics that do not follow from sums, computed on every resample."""
    amount = min(resamples_for(count), _LOOPED // max(y.size, 1))
    if amount < 50:
        return {}
    found: dict[str, list[float]] = {name: [] for name in metrics}
    for counts in draws(count, amount, seed):
        for row in counts:
            chosen = repeats(row, owner)
            for name, metric in metrics.items():
                try:
                    found[name].append(metric(y[chosen], f[chosen]))
                except DataError:  # nothing known in this resample
                    found[name].append(float("nan"))
    return {name: interval(values, count) for name, values in found.items()}
