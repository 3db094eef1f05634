"""Temperature scaling: one number, fitted on validation, that makes a classifier as sure as it is right.

Everything here takes logits or probabilities and labels and looks at nothing else: give it the validation part, never
the test part.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tidegate.core.errors import ConfigError, DataError
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.evaluate.label.metrics.classes import labels_of
from tidegate.evaluate.label.metrics.multilabel import flags_of
from tidegate.evaluate.label.metrics.probability import counts_by_threshold, ece, log_loss, reliability

Array = NDArray[np.float64]
HOTTEST, COLDEST = 20.0, 0.05
_STEPS = 100


@dataclass(frozen=True)
class Calibration:
    """A fitted temperature, and what it changed on the labels that it was fitted on.

    Attributes:
        temperature: T; probabilities are softmax(logits / T) (sigmoid for several labels at once). Above 1 the model
            was too sure.
        loss_before, loss_after: log loss at T = 1 and at T.
        error_before, error_after: expected calibration error at both.
        labels: how many things it was fitted on.
    """

    temperature: float
    loss_before: float
    loss_after: float
    error_before: float
    error_after: float
    labels: int

    @property
    def note(self) -> Note:
        """What was found, for the run's notes."""
        message = (
            "Probabilities were calibrated on the {labels} labels of the validation part with temperature "
            "{temperature}: their calibration error there went from {before} to {after}."
        )
        values = {
            "labels": self.labels,
            "temperature": f"{self.temperature:.3f}",
            "before": f"{self.error_before:.3f}",
            "after": f"{self.error_after:.3f}",
        }
        return Note("calibration", message, values)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> Calibration:
        return cls(**state)


def softened(logits: ArrayLike, temperature: float = 1.0, *, multilabel: bool = False) -> Array:
    """Probabilities of logits [M, K] at a temperature: softmax over the classes, or each label's own sigmoid."""
    z = np.asarray(logits, dtype=np.float64) / temperature
    if multilabel:
        return np.asarray(np.exp(-np.logaddexp(0.0, -z)))
    z = np.exp(z - z.max(axis=1, keepdims=True))
    return np.asarray(z / z.sum(axis=1, keepdims=True))


def fit_temperature(logits: ArrayLike, actual: ArrayLike) -> float:
    """The temperature at which the labels are likeliest.

        T = argmin_T mean_i ( log sum_k exp(z_ik / T) - z_iy / T )

    The loss is convex in 1 / T, so that its slope has one zero; Newton's steps find it, bisection where one would leave
    the bracket. The order of the classes never changes, and with it no decision.

    Args:
        logits: [M, K] of the validation part.
        actual: [M] class numbers, or [M, K] bool for several labels at once (sigmoids in place of the softmax).

    Returns:
        T between 0.05 and 20; 1 where all logits are equal. Where every label is predicted right already, the
        likelihood grows without end towards 0, and certainty is not what so clean a sample proves: after n that are all
        right, the next is with a probability of (n + 1) / (n + 2) (Laplace's rule), and the temperature, at most 1, is
        the one at which the probabilities average that.

    Raises:
        DataError: shapes do not fit, or logits are not finite.

    Source: Guo, Pleiss, Sun and Weinberger (2017), arXiv:1706.04599.
    """
    z, y = _checked(logits, actual)
    if y.ndim == 1:
        z = z - z.max(axis=1, keepdims=True)
        picked = z[np.arange(len(z)), y]
        clean = bool((picked == 0.0).all())
    else:
        picked = np.where(y, z, 0.0)
        clean = bool(((z > 0) == y).all() and (z != 0).all())
    if float(np.ptp(z, axis=1).max()) == 0.0 and y.ndim == 1:
        return 1.0
    if clean:
        return _of_clean(z, several=y.ndim == 2)
    low, high = 1.0 / HOTTEST, 1.0 / COLDEST
    sharp = 1.0
    for _ in range(_STEPS):
        slope, bend = _slope(z, picked, sharp, several=y.ndim == 2)
        if slope > 0:
            high = sharp
        else:
            low = sharp
        step = sharp - slope / bend if bend > 0 else low
        following = step if low < step < high else (low + high) / 2.0
        if abs(following - sharp) <= 1e-10 * sharp:
            break
        sharp = following
    return float(1.0 / sharp)


def _of_clean(z: Array, *, several: bool) -> float:
    """The temperature at which n answers that are all right are as sure as their number proves; at most 1."""
    n = z.size if several else len(z)

    def sureness(temperature: float) -> float:
        p = softened(z, temperature, multilabel=several)
        return float(np.maximum(p, 1.0 - p).mean() if several else p.max(axis=1).mean())

    low, high = COLDEST, 1.0
    if sureness(high) >= (n + 1) / (n + 2):
        return 1.0
    for _ in range(_STEPS // 2):
        middle = (low + high) / 2
        low, high = (middle, high) if sureness(middle) >= (n + 1) / (n + 2) else (low, middle)
    return low


def calibrate(logits: ArrayLike, actual: ArrayLike) -> Calibration:
    """Fit the temperature, with what it changed. Arguments and errors are those of `fit_temperature`."""
    z, y = _checked(logits, actual)
    temperature = fit_temperature(z, y)
    found = [_quality(softened(z, t, multilabel=y.ndim == 2), y) for t in (1.0, temperature)]
    (before, gap), (after, left) = found
    return Calibration(temperature, before, after, gap, left, len(y))


def _slope(z: Array, picked: Array, sharp: float, *, several: bool) -> tuple[float, float]:
    """First and second derivative of the loss by 1 / T."""
    if several:
        p = softened(z, 1.0 / sharp, multilabel=True)
        return float(np.mean(p * z - picked)), float(np.mean(p * (1.0 - p) * z * z))
    p = softened(z, 1.0 / sharp)
    mean = np.sum(p * z, axis=1)
    return float(np.mean(mean - picked)), float(np.mean(np.sum(p * z * z, axis=1) - mean * mean))


def _quality(p: Array, y: NDArray[Any]) -> tuple[float, float]:
    if y.ndim == 1:
        return log_loss(y, p), ece(y, p)
    given = np.clip(np.where(y, p, 1.0 - p), np.finfo(np.float64).eps, 1.0)
    return float(-np.log(given).mean()), reliability(p.ravel(), y.ravel()).error


def _checked(logits: ArrayLike, actual: ArrayLike) -> tuple[Array, NDArray[Any]]:
    z, y = np.asarray(logits, dtype=np.float64), np.asarray(actual)
    if z.ndim != 2 or z.size == 0 or len(y) != len(z):
        raise DataError(f"logits have shape {z.shape} and labels {y.shape}; expected [M, K] and [M] or [M, K]")
    if not np.isfinite(z).all():
        raise DataError(f"{int((~np.isfinite(z)).any(axis=1).sum())} of {len(z)} rows of logits are NaN or infinite")
    return z, flags_of(y, z.shape[1]) if y.ndim == 2 else labels_of(y, z.shape[1])


Aim = Literal["f1", "balanced_accuracy", "youden", "cost"]
FEW = 10  # positives, or negatives, below which a chosen threshold is mostly luck


@dataclass(frozen=True)
class Threshold:
    """A chosen threshold.

    Attributes:
        value: yes is predicted from here on.
        aim: what was maximised (for `cost`, minus the mean cost).
        score: of the aim at the threshold; `plain` at 0.5.
        positives, negatives: what it was chosen on.
    """

    value: float
    aim: Aim
    score: float
    plain: float
    positives: int
    negatives: int

    @property
    def notes(self) -> tuple[Note, ...]:
        """What was chosen, and a warning where it rests on few labels."""
        found = [
            Note(
                "threshold",
                "The threshold {value} was chosen on the validation part: {aim} {score} there, {plain} at 0.5.",
                {
                    "value": f"{self.value:.3f}",
                    "aim": self.aim,
                    "score": f"{self.score:.3f}",
                    "plain": f"{self.plain:.3f}",
                },
            )
        ]
        if min(self.positives, self.negatives) < FEW:
            message = (
                "That threshold rests on {positives} positive and {negatives} negative labels, fewer than ten of one "
                "kind: it is mostly luck."
            )
            found.append(Note("few_labels", message, {"positives": self.positives, "negatives": self.negatives}))
        return tuple(found)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> Threshold:
        return cls(**state)


def choose_threshold(
    actual: ArrayLike, probability: ArrayLike, aim: Aim = "f1", *, cost: tuple[float, float] = (1.0, 1.0)
) -> Threshold:
    """The threshold that serves the aim best on the labels given.

    Candidates lie half-way between neighbouring probabilities; of those equally good the one nearest to 0.5 is taken.

    Args:
        actual: [M] bool.
        probability: [M] of yes.
        aim: `f1`; `balanced_accuracy`, mean of both recalls; `youden`, recall of yes + recall of no - 1, which has the
            same best threshold; `cost`.
        cost: of a false alarm and of a miss, for the aim `cost`.

    Returns:
        0.5 where only one of yes and no occurs: nothing can be chosen then.

    Raises:
        DataError: shapes differ, or a probability is not finite.
        ConfigError: an unknown aim, or a cost that is negative or all zero.

    >>> choose_threshold([False, False, True, True], [0.1, 0.2, 0.3, 0.9]).value
    0.25
    """
    if aim not in get_args(Aim):
        raise ConfigError(tr("aim is {aim!r}; expected one of {aim2}", aim=aim, aim2=", ".join(get_args(Aim))))
    if min(cost) < 0 or max(cost) == 0:
        raise ConfigError(
            tr("cost is {cost}; expected what a false alarm and what a miss costs, not below 0, not both 0", cost=cost)
        )
    y, p = np.asarray(actual, dtype=bool), np.asarray(probability, dtype=np.float64)
    levels, true, false = counts_by_threshold(y, p)
    positives, negatives = int(true[-1]), int(false[-1])
    plain = _plain(y, p, aim, cost)
    if positives == 0 or negatives == 0:
        return Threshold(0.5, aim, plain, plain, positives, negatives)
    edges = np.concatenate([[max(float(np.nextafter(levels[0], np.inf)), (1.0 + levels[0]) / 2.0)], levels, [0.0]])
    between = np.concatenate([edges[:1], (edges[1:-1] + edges[2:]) / 2.0])  # no yes at all, then one level more each
    between = np.minimum(between, np.concatenate([[np.inf], levels]))
    scores = _score(np.append(0.0, true), np.append(0.0, false), positives, negatives, aim, cost)
    best = np.flatnonzero(scores >= scores.max() - 1e-12)
    chosen = int(best[np.argmin(np.abs(between[best] - 0.5))])
    return Threshold(float(between[chosen]), aim, float(scores[chosen]), plain, positives, negatives)


def _plain(y: NDArray[np.bool_], p: Array, aim: Aim, cost: tuple[float, float]) -> float:
    said = p >= 0.5
    true, false = np.array([(y & said).sum()], float), np.array([(~y & said).sum()], float)
    return float(_score(true, false, int(y.sum()), int((~y).sum()), aim, cost)[0])


def _score(true: Array, false: Array, positives: int, negatives: int, aim: Aim, cost: tuple[float, float]) -> Array:
    """The aim at every threshold, from true and false positives [L]."""
    if aim == "f1":
        both = true + false + positives
        return np.where(both > 0, 2.0 * true / np.where(both > 0, both, 1.0), 0.0)
    if aim == "cost":
        return np.asarray(-(cost[0] * false + cost[1] * (positives - true)) / max(positives + negatives, 1))
    found, quiet = true / max(positives, 1), (negatives - false) / max(negatives, 1)
    return np.asarray(found + quiet - 1.0 if aim == "youden" else (found + quiet) / 2.0)
