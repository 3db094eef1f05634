"""How far a score would move with other test things: the paired bootstrap, and McNemar's exact test.

A score that follows from sums over things (accuracy, F1, log loss, RMSE) needs those sums once: drawing things with
replacement is then one matrix product, counts [R, G] times sums [G, F], for all methods together, so that differences
between methods are paired. R resamples, G units that are drawn: things, or whole groups of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tidegate.core.errors import DataError
from tidegate.evaluate.significance import incomplete_beta

Array = NDArray[np.float64]
Rows = NDArray[np.int64]

RESAMPLES = 1_000
MOST_DRAWN = 100_000_000
_CHUNK = 4_000_000  # counts that are held at once


def units_of(groups: ArrayLike | None, rows: int) -> tuple[Rows, int]:
    """[M] which unit is drawn for each thing, and how many units there are; every thing is its own without groups.

    Raises:
        DataError: there are not as many groups as things.
    """
    if groups is None:
        return np.arange(rows), rows
    given = np.asarray(groups)
    if given.shape != (rows,):
        raise DataError(f"groups have shape {given.shape}; expected ({rows},), one for each thing that is scored")
    names, unit = np.unique(np.array([str(group) for group in given]), return_inverse=True)
    return unit.astype(np.int64).reshape(-1), len(names)


def unit_sums(features: Array, unit: Rows, units: int) -> Array:
    """[G, F] sums over the things of each unit of features [M, F]."""
    order = np.argsort(unit, kind="stable")
    first = np.searchsorted(unit[order], np.arange(units))
    filled = np.flatnonzero(np.diff(np.append(first, len(unit))) > 0)
    out = np.zeros((units, features.shape[1]))
    if filled.size:
        out[filled] = np.add.reduceat(features[order], first[filled], axis=0)
    return out


def resamples_for(units: int) -> int:
    """1,000, and fewer from 100,000 units on: down to 200."""
    return int(np.clip(MOST_DRAWN // max(units, 1), 200, RESAMPLES))


def draws(units: int, resamples: int = RESAMPLES, seed: int = 0) -> Iterator[Array]:
    """[r, G] how often each unit was drawn in each resample, in chunks; the same seed draws the same."""
    rng = np.random.default_rng([seed, units])
    size = max(1, _CHUNK // max(units, 1))
    for begin in range(0, resamples, size):
        rows = min(size, resamples - begin)
        drawn = rng.integers(units, size=(rows, units)) + units * np.arange(rows)[:, None]
        yield np.bincount(drawn.ravel(), minlength=rows * units).reshape(rows, units).astype(np.float64)


def resampled(sums: Array, resamples: int = RESAMPLES, seed: int = 0) -> Array:
    """[R, F] the sums of each resample."""
    return np.concatenate([counts @ sums for counts in draws(len(sums), resamples, seed)])


def weighted_areas(positive: ArrayLike, score: ArrayLike, unit: Rows, counts: Array) -> tuple[Array, Array]:
    """ROC-AUC and average precision of each resample, [r] each; NaN where one has no positives, or no negatives.

    Args:
        positive: [M] bool. score: [M]. unit: [M] which unit each belongs to. counts: [r, G].
    """
    y, s = np.asarray(positive, dtype=bool), np.asarray(score, dtype=np.float64)
    order = np.argsort(-s, kind="stable")
    last = np.append(np.flatnonzero(np.diff(s[order]) != 0), s.size - 1)
    weight = counts[:, unit[order]]
    true = np.cumsum(np.where(y[order], weight, 0.0), axis=1)[:, last]
    named = np.cumsum(weight, axis=1)[:, last]
    false = named - true
    positives, negatives = true[:, -1:], false[:, -1:]
    gained = np.diff(true, axis=1, prepend=0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        middle = true - gained / 2.0
        roc = np.sum(np.diff(false, axis=1, prepend=0.0) * middle, axis=1) / (positives * negatives)[:, 0]
        precision = np.where(named > 0, true / named, 0.0)
        area = np.sum(gained * precision, axis=1) / positives[:, 0]
    return roc, area


def mcnemar(right: ArrayLike, other: ArrayLike) -> float:
    """McNemar's exact test: whether two classifiers are right equally often on the same things.

    Only things count on which one is right and the other wrong; if both were equally good, each would be a coin's toss:
    p = 2 P(X <= min(b, c)) with X binomial of b + c tosses, at most 1.

    Args:
        right: [M] whether the first was right. other: [M] the second.

    Returns:
        The two-sided p-value; 1 where they never differ.

    Source: McNemar (1947), doi:10.1007/BF02295996.

    >>> round(mcnemar([True, True, True, True, True, False], [False] * 6), 4)
    0.0625
    """
    first, second = np.asarray(right, dtype=bool), np.asarray(other, dtype=bool)
    if first.shape != second.shape or first.ndim != 1:
        raise DataError(f"hits have shapes {first.shape} and {second.shape}; both must be [M]")
    ahead, behind = int((first & ~second).sum()), int((~first & second).sum())
    less, tosses = min(ahead, behind), ahead + behind
    if tosses == 0:
        return 1.0
    return min(1.0, 2.0 * incomplete_beta(tosses - less, less + 1.0, 0.5))


def repeats(counts: NDArray[Any], unit: Rows) -> Rows:
    """The things of one resample, each as often as its unit was drawn: counts [G] to places among [M]."""
    return np.repeat(np.arange(len(unit)), counts[unit].astype(np.int64))
