"""From which probability on to predict yes, chosen on validation: for two classes, or for several labels at once.

As with the temperature: the functions see what they are given, which must not be the test part.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tidegate.core.errors import ConfigError
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.evaluate.label.metrics.ranking import counts_by_threshold

Array = NDArray[np.float64]
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
