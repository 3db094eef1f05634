"""Whether probabilities can be believed: log loss, Brier score, calibration error and the reliability curve."""

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
