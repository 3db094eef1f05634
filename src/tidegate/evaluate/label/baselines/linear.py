"""Logistic and ridge regression whose strength is chosen inside the training part."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from tidegate.core.optional import require

Array = NDArray[np.float64]
Rows = NDArray[np.int64]

STRENGTHS = (0.01, 0.1, 1.0, 10.0)  # of logistic regression: the inverse of the penalty
PENALTIES = tuple(
    float(10.0**power) for power in range(-3, 6)
)  # of ridge regression, for each row of the training part
FOLDS = 3
CHOOSING = 6_000  # rows on which a strength is chosen at most
_LARGE = 1_500_000  # numbers from which on one fold chooses


class Deadline:
    """So many seconds of computing that work should not go beyond.

    The process's own time is counted, not the clock's: a busy machine must not change which baselines there are.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds, self._end = seconds, time.process_time() + seconds

    @property
    def passed(self) -> bool:
        return time.process_time() > self._end


def folds(y: NDArray[Any] | None, rows: int, groups: NDArray[Any] | None, seed: int) -> Rows:
    """[M] a fold for each row: classes spread evenly, or no group in two folds.

    Args:
        y: [M] class numbers; None where there are none.
        rows: M.
        groups: [M] or None.
        seed: of the shuffling.
    """
    rng = np.random.default_rng(seed)
    if groups is not None:
        names, place = np.unique(np.asarray([str(group) for group in groups]), return_inverse=True)
        return np.asarray(rng.permutation(len(names))[place] % FOLDS, dtype=np.int64)
    order = rng.permutation(rows)
    if y is not None:
        order = order[np.argsort(y[order], kind="stable")]
    out = np.empty(rows, dtype=np.int64)
    out[order] = np.arange(rows) % FOLDS
    return out


def fit_logistic(x: Any, y: Rows, count: int, **how: Any) -> Callable[[Any], Array]:
    """Logistic regression of classes on rows of numbers, its strength as `choose_strength` finds it by the same `how`.

    Returns:
        A function from rows [M', F] to probabilities [M', K].
    """
    if len(np.unique(y)) < 2:
        sure = np.eye(count)[int(y[0])] if len(y) else np.full(count, 1.0 / count)
        return lambda rows: np.tile(sure, (rows.shape[0], 1))
    model = logistic(x, y, choose_strength(x, y, count, **how))
    return lambda rows: _spread(model, rows, count)


def choose_strength(
    x: Any,
    y: Rows,
    count: int,
    *,
    groups: NDArray[Any] | None,
    seed: int,
    deadline: Deadline,
    strengths: tuple[float, ...] = STRENGTHS,
) -> float:
    """The inverse penalty of a logistic regression that has the least log loss over folds.

    Args:
        x: [M, F], dense or sparse. y: [M] class numbers. count: K.
        groups: [M]: the folds that choose the strength keep them apart. seed: of the folds.
        deadline: when it is near, fewer strengths are tried.
        strengths: inverse penalties to choose from.
    """
    best = strengths[len(strengths) // 2]
    some = np.random.default_rng(seed).permutation(len(y))[:CHOOSING] if len(y) > CHOOSING else np.arange(len(y))
    part = folds(y[some], len(some), None if groups is None else groups[some], seed)
    kept, left = some[part != 0], some[part == 0]
    if len(np.unique(y[kept])) > 1 and left.size:
        tried = 1 if x.shape[0] * x.shape[1] > _LARGE and isinstance(x, np.ndarray) else FOLDS
        loss = np.full(len(strengths), np.inf)
        for place, strength in enumerate(strengths):
            if deadline.passed:
                break
            loss[place] = np.mean([_loss(x, y, some, part == fold, count, strength) for fold in range(tried)])
            if place and loss[place] > loss[place - 1]:  # the loss has one valley; weaker penalties also take longer
                break
        best = strengths[int(np.argmin(loss))] if np.isfinite(loss).any() else best
    return best


def fit_ridge(x: Array, y: Array, *, groups: NDArray[Any] | None, seed: int) -> Callable[[Array], Array]:
    """Ridge regression of P numbers on rows of numbers, the penalty chosen by squared error over three folds.

    Args:
        x: [M, F] standardised. y: [M, P] without NaN. groups, seed: as for `fit_logistic`.

    Returns:
        A function from rows [M', F] to numbers [M', P].
    """
    part = folds(None, len(y), groups, seed)
    error = np.zeros((len(PENALTIES), y.shape[1]))
    for fold in np.unique(part):
        kept = part != fold
        if not kept.any():
            continue
        solve = _ridges(x[kept], y[kept])
        for place, penalty in enumerate(PENALTIES):
            error[place] += ((solve(penalty)(x[~kept]) - y[~kept]) ** 2).sum(axis=0)
    solve = _ridges(x, y)
    chosen = [solve(PENALTIES[place]) for place in error.argmin(axis=0)]
    return lambda rows: np.stack([each(rows)[:, target] for target, each in enumerate(chosen)], axis=1)


def _ridges(x: Array, y: Array) -> Callable[[float], Callable[[Array], Array]]:
    """Solutions for any penalty, from one singular value decomposition."""
    middle, mean = x.mean(axis=0), y.mean(axis=0)
    left, singular, right = np.linalg.svd(x - middle, full_matrices=False)
    turned = left.T @ (y - mean)

    def solve(penalty: float) -> Callable[[Array], Array]:
        shrunk = singular / (singular**2 + penalty * len(x) + 1e-12)
        weights = right.T @ (shrunk[:, None] * turned)
        return lambda rows: np.asarray(mean + (rows - middle) @ weights)

    return solve


def _loss(x: Any, y: Rows, some: Rows, out: NDArray[np.bool_], count: int, strength: float) -> float:
    """Log loss on the rows of one fold of a regression fitted on the others; NaN where that cannot be."""
    kept, left = some[~out], some[out]
    if len(np.unique(y[kept])) < 2 or not left.size:
        return float("nan")
    p = _spread(logistic(x[kept], y[kept], strength), x[left], count)
    return float(-np.log(np.clip(p[np.arange(len(left)), y[left]], 1e-6, 1.0)).mean())


def logistic(x: Any, y: Rows, strength: float) -> Any:
    """scikit-learn's logistic regression of classes [M] on rows [M, F]; strength: the inverse penalty."""
    linear = require("sklearn.linear_model", extra="train", purpose="fit the baselines of a classifier")
    # One thread: the same sums on every machine, and no waiting for a second core that others use.
    with threadpool_limits(limits=1), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says when 200 iterations were not enough; for a baseline they are
        return linear.LogisticRegression(C=strength, max_iter=200, tol=1e-3).fit(x, y)


def _spread(model: Any, rows: Any, count: int) -> Array:
    """Probabilities of all classes, 0 for those that the model never saw."""
    out = np.zeros((rows.shape[0], count))
    out[:, model.classes_] = model.predict_proba(rows)
    return out
