"""The sums over things from which the metrics of classes follow, so that they can be resampled without a loop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidegate.evaluate.label.metrics.bootstrap import RESAMPLES, draws, resampled, unit_sums, weighted_areas
from tidegate.evaluate.label.metrics.probability import BINS, bin_of, losses, squares
from tidegate.evaluate.significance import interval

Array = NDArray[np.float64]
Rows = NDArray[np.int64]
Interval = tuple[float, float]

MOST_RANKED = 2e8  # things x classes x resamples that areas under curves are resampled for
FEWEST = 100
_CHUNK = 2_000_000


@dataclass(frozen=True)
class Predicted:
    """what one method predicted of M things: probabilities [M, K], and the class it named [M]."""

    probabilities: Array
    named: Rows


def class_features(actual: Rows, chosen: Predicted) -> Array:
    """[M, 3 K + 2 + 2 bins] of each thing: right, named and actual class; its losses; confidence and hit in its bin."""
    rows, count = chosen.probabilities.shape
    place = np.arange(rows)
    out = np.zeros((rows, 3 * count + 2 + 2 * BINS))
    right = actual == chosen.named
    out[place[right], actual[right]] = 1.0
    out[place, count + chosen.named] = 1.0
    out[place, 2 * count + actual] = 1.0
    out[:, 3 * count] = losses(actual, chosen.probabilities)
    out[:, 3 * count + 1] = squares(actual, chosen.probabilities)
    likeliest = chosen.probabilities.argmax(axis=1)
    sure = chosen.probabilities[place, likeliest]
    first = 3 * count + 2 + bin_of(sure)
    out[place, first] = sure
    out[place, first + BINS] = likeliest == actual
    return out


def class_sums(actual: Rows, chosen: Predicted, unit: Rows, units: int) -> Array:
    """[G, F] class features summed over the things of each unit, some things at a time."""
    size = max(1, _CHUNK // chosen.probabilities.shape[1])
    out = np.zeros((units, 0))
    for begin in range(0, len(actual), size):
        part = slice(begin, begin + size)
        features = class_features(actual[part], Predicted(chosen.probabilities[part], chosen.named[part]))
        if units == len(actual) == len(features):
            return features
        out = unit_sums(features, unit[part], units) + (out if out.shape[1] else 0.0)
    return out


def class_metrics(sums: Array, count: int) -> dict[str, Array]:
    """Metrics [R] of sums [R, F] of class features; those of `classes` and `probability`, term by term."""
    right, named, support = (sums[:, k * count : (k + 1) * count] for k in range(3))
    total = support.sum(axis=1)
    seen, there = (support > 0) | (named > 0), support > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        precision = np.where(named > 0, right / named, 0.0)
        recall = np.where(there, right / support, 0.0)
        f1 = np.where(seen, 2 * right / (named + support), 0.0)
    accuracy = right.sum(axis=1) / total
    out = {"accuracy": accuracy, "balanced_accuracy": recall.sum(axis=1) / there.sum(axis=1)}
    for name, values in (("precision", precision), ("recall", recall), ("f1", f1)):
        out[f"{name}_macro"] = values.sum(axis=1) / seen.sum(axis=1)
        out[f"{name}_micro"] = accuracy
        out[f"{name}_weighted"] = (values * support).sum(axis=1) / total
    out["log_loss"], out["brier"] = sums[:, 3 * count] / total, sums[:, 3 * count + 1] / total
    sure, hit = sums[:, 3 * count + 2 :][:, :BINS], sums[:, 3 * count + 2 + BINS :][:, :BINS]
    out["ece"] = np.abs(hit - sure).sum(axis=1) / total
    return out


def flag_features(actual: NDArray[np.bool_], probabilities: Array, chosen: NDArray[np.bool_]) -> Array:
    """[M, 3 K + 4] of each thing with several labels: found, chosen and actual ones; all right; share wrong; losses."""
    p = np.clip(np.where(actual, probabilities, 1.0 - probabilities), np.finfo(np.float64).eps, 1.0)
    extra = [
        (actual == chosen).all(axis=1),
        (actual != chosen).mean(axis=1),
        -np.log(p).mean(axis=1),
        ((probabilities - actual) ** 2).mean(axis=1),
    ]
    return np.concatenate([actual & chosen, chosen, actual, np.stack(extra, axis=1)], axis=1).astype(np.float64)


def flag_metrics(sums: Array, totals: Array, count: int) -> dict[str, Array]:
    """Metrics [R] of sums [R, F] of flag features over `totals` [R] things."""
    found, chosen, support = (sums[:, k * count : (k + 1) * count] for k in range(3))
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = {"precision": (found, chosen), "recall": (found, support), "f1": (2 * found, chosen + support)}
        out = {"exact": sums[:, 3 * count] / totals, "hamming": sums[:, 3 * count + 1] / totals}
        for name, (part, whole) in parts.items():
            values = np.where(whole > 0, part / whole, 0.0)
            every = whole.sum(axis=1)
            out[f"{name}_macro"] = values.mean(axis=1)
            out[f"{name}_micro"] = np.where(every > 0, part.sum(axis=1) / every, 0.0)
            out[f"{name}_weighted"] = (values * support).sum(axis=1) / support.sum(axis=1)
    out["log_loss"], out["brier"] = sums[:, 3 * count + 2] / totals, sums[:, 3 * count + 3] / totals
    return out


def resample_methods(sums: Mapping[str, Array], seed: int, resamples: int = RESAMPLES) -> dict[str, Array]:
    """Sums [R, F] of every method over the same resamples of its units, from their sums [G, F]."""
    edges = np.cumsum([0, *(part.shape[1] for part in sums.values())])
    drawn = resampled(np.concatenate(list(sums.values()), axis=1), resamples, seed)
    return {name: drawn[:, edges[place] : edges[place + 1]] for place, name in enumerate(sums)}


def ranking_intervals(
    positives: NDArray[np.bool_], scores: Array, unit: Rows, units: int, seed: int
) -> tuple[dict[str, Interval], int]:
    """Intervals of `roc_auc` and `pr_auc`, means over columns, and from how many resamples; 0 where there is too much.

    Args:
        positives: [M, K']. scores: [M, K'], one column for two classes.
    """
    room = int(MOST_RANKED / max(positives.size, 1))
    if room < FEWEST:
        return {}, 0
    resamples = min(RESAMPLES, room)
    parts = []
    for counts in draws(units, resamples, seed):
        areas = [weighted_areas(positives[:, k], scores[:, k], unit, counts) for k in range(positives.shape[1])]
        parts.append(_means(np.array(areas)))
    roc, precision = np.concatenate(parts, axis=1)
    return {"roc_auc": interval(roc, units), "pr_auc": interval(precision, units)}, resamples


def _means(areas: Array) -> Array:
    """[2, r] means over classes of [K', 2, r], of those that have a value."""
    known = np.isfinite(areas)
    count = known.sum(axis=0)
    return np.where(count > 0, np.where(known, areas, 0.0).sum(axis=0) / np.maximum(count, 1), np.nan)
