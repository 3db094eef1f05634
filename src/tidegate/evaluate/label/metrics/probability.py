"""Whether probabilities can be believed, and how well scores put the positive before the negative."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tidegate.core.errors import DataError
from tidegate.evaluate.label.metrics.classes import labels_of

Array = NDArray[np.float64]
BINS = 15
_SMALLEST = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Reliability:
    """The reliability curve: confidence beside the share that was right, in bins of equal width from 0 to 1.

    Attributes:
        count: [bins] how many predictions fell into each.
        confidence: [bins] their mean probability of what was named; NaN where there is none.
        right: [bins] the share of them that was right; NaN likewise.
    """

    count: NDArray[np.int64]
    confidence: Array
    right: Array

    @property
    def error(self) -> float:
        """Expected calibration error: sum over bins of count / M * |right - confidence|."""
        seen = self.count > 0
        gap = np.abs(self.right[seen] - self.confidence[seen])
        return float(np.sum(self.count[seen] * gap) / self.count.sum())

    @property
    def lean(self) -> float:
        """Mean confidence minus accuracy: above 0 the model is surer than it should be."""
        seen = self.count > 0
        return float(np.sum(self.count[seen] * (self.confidence[seen] - self.right[seen])) / self.count.sum())

    def to_json(self) -> dict[str, Any]:
        """Counts and curves as lists, null for an empty bin."""
        curves = {"confidence": self.confidence, "right": self.right}
        return {
            "count": self.count.tolist(),
            **{name: [None if np.isnan(v) else float(v) for v in values] for name, values in curves.items()},
        }

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> Reliability:
        return cls(
            np.array(state["count"], dtype=np.int64),
            np.array(state["confidence"], dtype=np.float64),
            np.array(state["right"], dtype=np.float64),
        )


def probabilities_of(values: ArrayLike, rows: int | None = None, name: str = "model") -> Array:
    """Probabilities [M, K], checked.

    Raises:
        DataError: another shape, a value that is not finite or outside 0 to 1, or rows that do not add up to 1.
    """
    p = np.asarray(values, dtype=np.float64)
    if p.ndim != 2 or p.shape[1] < 2 or (rows is not None and p.shape[0] != rows):
        wanted = "[M, K]" if rows is None else f"[{rows}, K]"
        raise DataError(f"probabilities of {name!r} have shape {p.shape}; expected {wanted} with K at least 2")
    if not np.isfinite(p).all():
        bad = int((~np.isfinite(p)).any(axis=1).sum())
        raise DataError(f"probabilities of {name!r} are NaN or infinite in {bad} of {len(p)} rows")
    sums = p.sum(axis=1)
    if p.min(initial=0.0) < -1e-6 or np.abs(sums - 1.0).max(initial=0.0) > 1e-3:
        worst = float(sums[np.argmax(np.abs(sums - 1.0))]) if sums.size else 0.0
        raise DataError(
            f"probabilities of {name!r} must be at least 0 and add up to 1 in every row; the smallest is "
            f"{p.min():.4g} and one row adds up to {worst:.4g}. Logits go through a softmax first"
        )
    p = np.maximum(p, 0.0)
    return np.asarray(p / p.sum(axis=1, keepdims=True))


def losses(actual: ArrayLike, probabilities: ArrayLike) -> Array:
    """[M] minus the logarithm of the probability that the true class was given, at least the machine epsilon."""
    p = np.asarray(probabilities, dtype=np.float64)
    y = labels_of(actual, p.shape[1])
    return np.asarray(-np.log(np.clip(p[np.arange(y.size), y], _SMALLEST, 1.0)))


def log_loss(actual: ArrayLike, probabilities: ArrayLike) -> float:
    """Mean of -ln p of the true class, in nats: cross-entropy, what most classifiers are trained on.

    Args:
        actual: [M] class numbers.
        probabilities: [M, K], rows add up to 1; a 0 for what then came counts as the machine epsilon.
    """
    return float(np.mean(losses(actual, probabilities)))


def squares(actual: ArrayLike, probabilities: ArrayLike) -> Array:
    """[M] sum_k (p_k - y_k)^2; half of it for two classes, which is the square for class 1 alone."""
    p = np.asarray(probabilities, dtype=np.float64)
    y = labels_of(actual, p.shape[1])
    terms = np.sum(p * p, axis=1) - 2.0 * p[np.arange(y.size), y] + 1.0
    return np.asarray(terms / 2.0 if p.shape[1] == 2 else terms)


def brier(actual: ArrayLike, probabilities: ArrayLike) -> float:
    """Mean squared distance of the probabilities from what came: 0 is perfect.

    With two classes it is mean (p_1 - y)^2, 0.25 for a coin; with more, mean sum_k (p_k - y_k)^2, up to 2.

    Source: Brier (1950), doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2.
    """
    return float(np.mean(squares(actual, probabilities)))


def bin_of(confidence: ArrayLike, bins: int = BINS) -> NDArray[np.int64]:
    """[M] which of the bins ((b / bins, (b + 1) / bins], and 0 in the first) a probability falls into."""
    place = np.ceil(np.asarray(confidence, dtype=np.float64) * bins).astype(np.int64) - 1
    return np.clip(place, 0, bins - 1)


def reliability(confidence: ArrayLike, right: ArrayLike, bins: int = BINS) -> Reliability:
    """The reliability curve of predictions.

    Args:
        confidence: [M] the probability of what was named (of the positive class, for a curve of that class alone).
        right: [M] whether it came.
        bins: of equal width, 15 as is usual.

    Source: Naeini, Cooper and Hauskrecht (2015), AAAI; Guo et al. (2017), arXiv:1706.04599.
    """
    sure, hit = np.asarray(confidence, dtype=np.float64), np.asarray(right, dtype=np.float64)
    place = bin_of(sure, bins)
    count = np.bincount(place, minlength=bins)
    below = np.where(count > 0, count, 1)
    mean, share = np.bincount(place, sure, bins) / below, np.bincount(place, hit, bins) / below
    return Reliability(count.astype(np.int64), np.where(count > 0, mean, np.nan), np.where(count > 0, share, np.nan))


def top_reliability(actual: ArrayLike, probabilities: ArrayLike, bins: int = BINS) -> Reliability:
    """The reliability curve of the likeliest class."""
    p = np.asarray(probabilities, dtype=np.float64)
    named = p.argmax(axis=1)
    return reliability(p[np.arange(len(p)), named], named == np.asarray(actual), bins)


def ece(actual: ArrayLike, probabilities: ArrayLike, bins: int = BINS) -> float:
    """Expected calibration error of the likeliest class: mean distance of confidence from accuracy over the bins."""
    return top_reliability(actual, probabilities, bins).error


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
