"""Evaluate several labels at once: every label is a yes or no of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tidegate.core.errors import DataError
from tidegate.core.table import Note
from tidegate.evaluate.label.classes import MODEL, interval_notes, skill
from tidegate.evaluate.label.evaluation import ClassEvaluation
from tidegate.evaluate.label.metrics.bootstrap import resamples_for, unit_sums, units_of
from tidegate.evaluate.label.metrics.multilabel import flags_of, label_scores, multilabel_scores
from tidegate.evaluate.label.metrics.probability import reliability
from tidegate.evaluate.label.metrics.ranking import average_precision, roc_auc
from tidegate.evaluate.label.metrics.resampling import flag_features, flag_metrics, ranking_intervals, resample_methods
from tidegate.evaluate.label.ranked import by_class, comparison, rank
from tidegate.evaluate.label.verdict import decide
from tidegate.evaluate.leaks.sequences import Leaks

Array = NDArray[np.float64]


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
