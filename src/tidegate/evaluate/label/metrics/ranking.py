"""How well scores put the positive before the negative, whatever the threshold: ROC and precision-recall."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tidegate.core.errors import DataError

Array = NDArray[np.float64]


def counts_by_threshold(positive: ArrayLike, score: ArrayLike) -> tuple[Array, Array, Array]:
    """What lies at or above each threshold, from the highest score down.

    Args:
        positive: [M] bool.
        score: [M] finite; higher means more likely positive.

    Returns:
        thresholds [L], the distinct scores, descending; true positives [L]; false positives [L].

    Raises:
        DataError: shapes differ, nothing given, or a score is not finite.
    """
    y, s = np.asarray(positive, dtype=bool), np.asarray(score, dtype=np.float64)
    if y.ndim != 1 or y.shape != s.shape or y.size == 0:
        raise DataError(f"positives have shape {y.shape} and scores {s.shape}; both must be [M] with M at least 1")
    if not np.isfinite(s).all():
        raise DataError(f"{int((~np.isfinite(s)).sum())} of {s.size} scores are NaN or infinite; they must be finite")
    order = np.argsort(-s, kind="stable")
    s, y = s[order], y[order]
    last = np.append(np.flatnonzero(np.diff(s) != 0), s.size - 1)
    true = np.cumsum(y)[last].astype(np.float64)
    return s[last], true, last + 1.0 - true


def roc_curve(positive: ArrayLike, score: ArrayLike) -> tuple[Array, Array, Array]:
    """False positive rate, true positive rate and thresholds; begins at (0, 0) with an infinite threshold.

    Raises:
        DataError: as `counts_by_threshold`, or all are positive, or none is.
    """
    thresholds, true, false = counts_by_threshold(positive, score)
    if true[-1] == 0 or false[-1] == 0:
        raise DataError(f"{int(true[-1])} positives and {int(false[-1])} negatives: a ROC curve needs both")
    zero = np.zeros(1)
    return (
        np.concatenate([zero, false / false[-1]]),
        np.concatenate([zero, true / true[-1]]),
        np.concatenate([[np.inf], thresholds]),
    )


def roc_auc(positive: ArrayLike, score: ArrayLike) -> float:
    """Area under the ROC curve: the chance that a random positive scores above a random negative, ties counting half.

    Returns:
        0 to 1, 0.5 for a coin; NaN where there are no positives or no negatives.

    Source: Fawcett (2006), doi:10.1016/j.patrec.2005.10.010.

    >>> roc_auc([False, False, True, True], [0.1, 0.4, 0.35, 0.8])
    0.75
    """
    if np.all(positive) or not np.any(positive):
        return float("nan")
    false, true, _ = roc_curve(positive, score)
    return float(np.sum(np.diff(false) * (true[1:] + true[:-1]) / 2.0))


def precision_recall_curve(positive: ArrayLike, score: ArrayLike) -> tuple[Array, Array, Array]:
    """Precision, recall and thresholds, from the highest threshold down.

    Raises:
        DataError: as `counts_by_threshold`, or none is positive.
    """
    thresholds, true, false = counts_by_threshold(positive, score)
    if true[-1] == 0:
        raise DataError("no positives: a precision-recall curve needs at least one")
    return true / (true + false), true / true[-1], thresholds


def average_precision(positive: ArrayLike, score: ArrayLike) -> float:
    """Area under the precision-recall curve as a sum of steps, sum_l (R_l - R_(l-1)) P_l.

    Straight lines between the points would promise what no threshold delivers (Davis and Goadrich 2006,
    doi:10.1145/1143844.1143874).

    Returns:
        0 to 1; a coin scores the share of positives. NaN where there are none.
    """
    if not np.any(positive):
        return float("nan")
    precision, recall, _ = precision_recall_curve(positive, score)
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


def one_against_rest(actual: ArrayLike, probabilities: ArrayLike) -> tuple[Array, Array]:
    """ROC-AUC and average precision of each class against all others, [K] each; NaN where a class has none, or all.

    Args:
        actual: [M] class numbers.
        probabilities: [M, K].
    """
    y, p = np.asarray(actual), np.asarray(probabilities, dtype=np.float64)
    pairs = [(roc_auc(y == k, p[:, k]), average_precision(y == k, p[:, k])) for k in range(p.shape[1])]
    roc, precision = np.array(pairs).T
    return roc, precision


def ranking(actual: ArrayLike, probabilities: ArrayLike) -> dict[str, float]:
    """`roc_auc` and `pr_auc`: of class 1 where there are two, else the plain mean over classes that have a value."""
    y, p = np.asarray(actual), np.asarray(probabilities, dtype=np.float64)
    if p.shape[1] == 2:
        return {"roc_auc": roc_auc(y == 1, p[:, 1]), "pr_auc": average_precision(y == 1, p[:, 1])}
    roc, precision = one_against_rest(y, p)
    return {"roc_auc": mean_of_known(roc), "pr_auc": mean_of_known(precision)}


def mean_of_known(values: Array) -> float:
    """Mean of what is not NaN; NaN where nothing is."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")
