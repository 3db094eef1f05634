"""Evaluate a classifier, a tagger or several labels at once: metrics, intervals, the best baseline, the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tidegate.core.errors import ConfigError, DataError
from tidegate.core.table import Note
from tidegate.core.text import share
from tidegate.evaluate.label.evaluation import ClassEvaluation
from tidegate.evaluate.label.metrics.bootstrap import RESAMPLES, mcnemar, resamples_for, unit_sums, units_of
from tidegate.evaluate.label.metrics.classes import accuracy as share_right
from tidegate.evaluate.label.metrics.classes import averages, balanced_accuracy, confusion, labels_of, per_class
from tidegate.evaluate.label.metrics.multilabel import flags_of, label_scores, multilabel_scores
from tidegate.evaluate.label.metrics.probability import (
    average_precision,
    brier,
    log_loss,
    one_against_rest,
    probabilities_of,
    ranking,
    reliability,
    roc_auc,
    top_reliability,
)
from tidegate.evaluate.label.metrics.resampling import (
    Predicted,
    class_metrics,
    class_sums,
    flag_features,
    flag_metrics,
    ranking_intervals,
    resample_methods,
)
from tidegate.evaluate.label.verdict import by_class, comparison, decide, rank
from tidegate.evaluate.leaks.sequences import Leaks

Array = NDArray[np.float64]
Criterion = Literal["accuracy", "balanced_accuracy", "f1_macro"]
MODEL = "model"
UNCALIBRATED = 0.03  # from which distance on, if beyond chance, of confidence from accuracy it is said
BALANCED = 0.5  # classes are balanced where the rarest has at least this much of an equal share
CONSTANT = "All {count} actual values are the same ({value}): scores of them say little."
_INTERVALS = "Intervals come from {count} resamples: there is much to resample."
_AREAS = "Intervals of areas under curves come from {count} resamples."
_NO_AREAS = "Intervals of areas under curves are left out: there are too many things and classes."
_THRESHOLD = "The model says “{name}” from probability {threshold} on; methods without a threshold say the likeliest."


def evaluate_classes(
    actual: ArrayLike,
    probabilities: ArrayLike,
    classes: Sequence[Any],
    baselines: Mapping[str, ArrayLike] | None = None,
    *,
    groups: ArrayLike | None = None,
    starts: ArrayLike | None = None,
    threshold: float | Mapping[str, float] | None = None,
    criterion: Criterion | None = None,
    leaks: Leaks | None = None,
    seed: int = 0,
    notes: Sequence[Note] = (),
) -> ClassEvaluation:
    """Score a classifier's probabilities beside the baselines'.

    Args:
        actual: [M] class numbers; [N] at each step for tags.
        probabilities: [M, K] of the model.
        classes: [K] labels.
        baselines: name -> [M, K]; what `class_baselines` or `tag_baselines` gave.
        groups: [M] what each thing came from; groups are drawn whole for the intervals. For tags one for each sequence.
        starts: [sequences + 1] first step of each sequence, for tags: sequences are drawn whole then.
        threshold: for two classes, from which probability on class 1 is predicted: the model's, or one for each method
            ("model" among them). It must come from validation. None predicts the likeliest class.
        criterion: what methods are ranked by; None takes the accuracy where the rarest class has at least half an equal
            share of the things, else macro F1.
        leaks: what `find_leaks` found, for the verdict.
        seed: of the resamples.
        notes: to be kept with the result.

    Raises:
        DataError: shapes that do not fit, probabilities that are none, or a class number out of range.
        ConfigError: a threshold with more than two classes.
    """
    names = tuple(str(label) for label in classes)
    y = labels_of(actual, len(names))
    given = {MODEL: probabilities, **(baselines or {})}
    chosen = {name: _predicted(name, values, y.size, len(names), threshold) for name, values in given.items()}
    owner, kind, sequences = _units(y.size, groups, starts)
    unit, count = units_of(owner, y.size)
    matrices = {name: confusion(y, one.named, len(names)) for name, one in chosen.items()}
    overall = {name: class_scores(y, one, matrices[name]) for name, one in chosen.items()}
    main = criterion or _criterion(matrices[MODEL])
    amount = resamples_for(count)
    sums = resample_methods({name: class_sums(y, one, unit, count) for name, one in chosen.items()}, seed, amount)
    drawn = {name: class_metrics(values, len(names)) for name, values in sums.items()}
    found = rank(overall, drawn, main, count)
    best = found.best_baseline
    found_notes = list(notes)
    if np.unique(y).size == 1:
        found_notes.append(Note("constant", CONSTANT, {"count": y.size, "value": names[int(y[0])]}))
    areas, resamples = ranking_intervals(*_columns(y, chosen[MODEL].probabilities), unit, count, seed)
    found.intervals[MODEL] |= areas
    found_notes += interval_notes(amount, resamples)
    limits = _thresholds(threshold)
    if limits:
        found_notes.append(Note("threshold", _THRESHOLD, {"name": names[1], "threshold": f"{limits[0]:.3f}"}))
    # Steps of one sequence and things of one group are not independent, as the test asks.
    alone = kind == "things" and best is not None
    p = mcnemar(chosen[MODEL].named == y, chosen[best].named == y) if alone and best is not None else None
    remarks, extra = _hidden(matrices[MODEL], names, matrices.get("majority"))
    sureness = _sureness(y, chosen[MODEL])
    if sureness is not None:
        remarks, extra = (*remarks, sureness[0]), extra | sureness[1]
    verdict = decide(
        comparison(found, (kind, count), p=p if main == "accuracy" else None),
        things=int(y.size),
        sequences=sequences,
        remarks=remarks,
        extra=extra,
        leaks=leaks,
    )
    return ClassEvaluation(
        kind="tag" if starts is not None else "label",
        classes=names,
        things=int(y.size),
        sequences=sequences,
        units=(kind, count),
        **found._asdict(),
        per_class=by_class(per_class(matrices[MODEL]), *one_against_rest(y, chosen[MODEL].probabilities), names),
        confusion=tuple(tuple(int(v) for v in row) for row in matrices[MODEL]),
        reliability=top_reliability(y, chosen[MODEL].probabilities),
        thresholds=limits,
        skill=skill(overall, main, best),
        mcnemar=p,
        verdict=verdict,
        notes=tuple(found_notes),
    )


def class_scores(y: NDArray[np.int64], chosen: Predicted, matrix: NDArray[np.int64]) -> dict[str, float]:
    """Every metric of what one method predicted."""
    p = chosen.probabilities
    return {
        "accuracy": share_right(matrix),
        "balanced_accuracy": balanced_accuracy(matrix),
        **averages(matrix),
        **ranking(y, p),
        "log_loss": log_loss(y, p),
        "brier": brier(y, p),
        "ece": top_reliability(y, p).error,
    }


def interval_notes(amount: int, areas: int) -> list[Note]:
    """What was resampled less often than usual: all scores, or areas under curves alone."""
    notes = [Note("interval", _INTERVALS, {"count": amount})] if amount < RESAMPLES else []
    if areas == 0:
        return [*notes, Note("interval", _NO_AREAS)]
    return [*notes, Note("interval", _AREAS, {"count": areas})] if areas < RESAMPLES else notes


def skill(overall: Mapping[str, Mapping[str, float]], metric: str, best: str | None) -> float | None:
    """The share of the best baseline's errors that the model avoids; None without one, 0 where both make none."""
    if best is None:
        return None
    own, other = 1.0 - overall[MODEL][metric], 1.0 - overall[best][metric]
    if other > 0.0:
        return 1.0 - own / other
    return 0.0 if own == 0.0 else -1.0


def _predicted(
    name: str, values: ArrayLike, rows: int, count: int, threshold: float | Mapping[str, float] | None
) -> Predicted:
    p = probabilities_of(values, rows, name)
    if p.shape[1] != count:
        raise DataError(f"probabilities of {name!r} have {p.shape[1]} columns; expected {count}, one for each class")
    limit = threshold.get(name) if isinstance(threshold, Mapping) else threshold if name == MODEL else None
    if limit is None:
        return Predicted(p, p.argmax(axis=1))
    if count != 2:
        raise ConfigError(f"a threshold was given for {count} classes; it decides between two. Leave it out")
    return Predicted(p, (p[:, 1] >= limit).astype(np.int64))


def _units(rows: int, groups: ArrayLike | None, starts: ArrayLike | None) -> tuple[NDArray[Any] | None, str, int]:
    """What each thing belongs to for resampling, the kind of unit, and how many sequences there are."""
    if starts is None:
        return (None, "things", rows) if groups is None else (np.asarray(groups), "groups", rows)
    edges = np.asarray(starts, dtype=np.int64)
    if edges.ndim != 1 or edges.size < 2 or edges[0] != 0 or edges[-1] != rows or (np.diff(edges) < 0).any():
        raise DataError(f"starts must rise from 0 to {rows}, the number of labelled steps; got {edges[:3]} ...")
    owner = np.repeat(np.arange(edges.size - 1), np.diff(edges))
    if groups is None:
        return owner, "steps", int(edges.size - 1)
    return np.asarray(groups)[owner], "groups", int(edges.size - 1)


def _criterion(matrix: NDArray[np.int64]) -> str:
    return "accuracy" if balanced(matrix) else "f1_macro"


def balanced(matrix: NDArray[np.int64]) -> bool:
    """Whether the rarest of the classes that occur has at least half of an equal share."""
    support = matrix.sum(axis=1)
    support = support[support > 0]
    return bool(support.min() / support.sum() >= BALANCED / support.size)


def _columns(y: NDArray[np.int64], p: Array) -> tuple[NDArray[np.bool_], Array]:
    if p.shape[1] == 2:
        return (y == 1)[:, None], p[:, 1:]
    return y[:, None] == np.arange(p.shape[1]), p


def _thresholds(threshold: float | Mapping[str, float] | None) -> tuple[float, ...]:
    limit = threshold.get(MODEL) if isinstance(threshold, Mapping) else threshold
    return () if limit is None else (float(limit),)


def _sureness(y: NDArray[np.int64], chosen: Predicted) -> tuple[str, dict[str, str]] | None:
    """What to say of probabilities that are too high or too low on average, by more than chance; None if they hold."""
    p = chosen.probabilities.max(axis=1)
    right = float(np.mean(chosen.probabilities.argmax(axis=1) == y))
    gap = float(p.mean()) - right
    chance = float(np.sqrt(np.mean(p * (1.0 - p)) / len(p)))
    if abs(gap) < UNCALIBRATED or abs(gap) < 3.0 * chance:
        return None
    return "too_sure" if gap > 0 else "too_unsure", {"confidence": share(float(p.mean())), "right": share(right)}


def _hidden(
    matrix: NDArray[np.int64], names: tuple[str, ...], majority: NDArray[np.int64] | None
) -> tuple[tuple[str, ...], dict[str, Any]]:
    """What accuracy hides: a rare class, and a class that is never named.

    The class that is always predicted is the training part's commonest, where that baseline was computed.
    """
    support, named = matrix.sum(axis=1), matrix.sum(axis=0)
    remarks: list[str] = []
    extra: dict[str, Any] = {}
    if not balanced(matrix):
        common = int(support.argmax() if majority is None else majority.sum(axis=0).argmax())
        rare = int(np.where(support > 0, support, support.sum() + 1).argmin())
        remarks.append("imbalance")
        extra |= {
            "common": names[common],
            "share": f"{100 * support[common] / support.sum():.1f}",
            "rare": names[rare],
            "recall": f"{100 * matrix[rare, rare] / support[rare]:.0f}",
        }
    unsaid = np.where(named == 0, support, 0)
    if unsaid.any():
        remarks.append("never")
        extra |= {"never": names[int(unsaid.argmax())], "times": int(unsaid.max())}
    return tuple(remarks), extra


def evaluate_multilabel(
    actual: ArrayLike,
    probabilities: ArrayLike,
    labels: Sequence[Any],
    baselines: Mapping[str, ArrayLike] | None = None,
    *,
    groups: ArrayLike | None = None,
    thresholds: ArrayLike | Mapping[str, Any] | None = None,
    leaks: Leaks | None = None,
    seed: int = 0,
    notes: Sequence[Note] = (),
) -> ClassEvaluation:
    """Score the probabilities of several labels at once beside the baselines', ranked by macro F1.

    Args:
        actual: [M, K] bool.
        probabilities: [M, K] of the model, each label's own.
        labels: [K] names.
        baselines: name -> [M, K]; what `multilabel_baselines` gave.
        groups: [M], drawn whole for the intervals.
        thresholds: [K] from which probability on each label is predicted, chosen on validation; a mapping gives each
            method its own. 0.5 where nothing is given.
        leaks, seed, notes: as for `evaluate_classes`.

    Raises:
        DataError: shapes that do not fit, or probabilities that are none.
    """
    names = tuple(str(label) for label in labels)
    y = flags_of(actual, len(names))
    given = {MODEL: _checked(probabilities, y.shape, MODEL)}
    given |= {name: _checked(values, y.shape, name) for name, values in (baselines or {}).items()}
    limits = {name: _limits(thresholds, name, len(names)) for name in given}
    overall = {name: multilabel_scores(y, p, limits[name]) for name, p in given.items()}
    main = "f1_macro"
    unit, count = units_of(groups, len(y))
    amount = resamples_for(count)
    features = {name: flag_features(y, p, p >= limits[name]) for name, p in given.items()}
    sums = {name: unit_sums(values, unit, count) for name, values in features.items()}
    sums["things"] = np.bincount(unit, minlength=count)[:, None].astype(np.float64)
    drawn_sums = resample_methods(sums, seed, amount)
    totals = drawn_sums.pop("things")[:, 0]
    drawn = {name: flag_metrics(values, totals, len(names)) for name, values in drawn_sums.items()}
    found = rank(overall, drawn, main, count)
    areas, resamples = ranking_intervals(y, given[MODEL], unit, count, seed)
    found.intervals[MODEL] |= areas
    units = ("things" if groups is None else "groups", count)
    verdict = decide(comparison(found, units), things=len(y), sequences=len(y), leaks=leaks)
    own, chosen = given[MODEL], given[MODEL] >= limits[MODEL]
    return ClassEvaluation(
        kind="labels",
        classes=names,
        things=len(y),
        sequences=len(y),
        units=units,
        **found._asdict(),
        per_class=by_class(label_scores(y, chosen), *_areas(y, own), names),
        confusion=(),
        reliability=reliability(own.ravel(), y.ravel()),
        thresholds=tuple(limits[MODEL].tolist()),
        skill=skill(overall, main, found.best_baseline),
        mcnemar=None,
        verdict=verdict,
        notes=(*notes, *interval_notes(amount, resamples)),
    )


def _checked(values: ArrayLike, shape: tuple[int, ...], name: str) -> Array:
    p = np.asarray(values, dtype=np.float64)
    if p.shape != shape:
        raise DataError(f"probabilities of {name!r} have shape {p.shape}; expected {shape}, as the labels")
    if not np.isfinite(p).all() or p.min() < 0.0 or p.max() > 1.0:
        raise DataError(f"probabilities of {name!r} must lie between 0 and 1; logits go through a sigmoid first")
    return p


def _limits(thresholds: ArrayLike | Mapping[str, Any] | None, name: str, count: int) -> Array:
    given = thresholds.get(name) if isinstance(thresholds, Mapping) else thresholds if name == MODEL else None
    limits = np.asarray(0.5 if given is None else given, dtype=np.float64)
    return np.array(np.broadcast_to(limits, (count,)), dtype=np.float64)


def _areas(y: NDArray[np.bool_], p: Array) -> tuple[list[float], list[float]]:
    pairs = list(zip(y.T, p.T, strict=True))
    return [roc_auc(*pair) for pair in pairs], [average_precision(*pair) for pair in pairs]
