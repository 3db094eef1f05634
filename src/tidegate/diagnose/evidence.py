"""What a diagnosis of labels looks at: plain arrays, whatever made them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.train.history import History

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class LabelPart:
    """A part's labels and what the model says of them. M sequences (or steps), K classes, P estimates.

    Attributes:
        labels: [M] places of classes, -1 where unknown; None of estimates.
        chances: [M, K] probabilities; None of estimates.
        actual, found: [M, P] of estimates; None of classes.
        groups: [M] what a sequence came from, or None. ids: [M] names, or () for numbers.
    """

    labels: Labels | None = None
    chances: Floats | None = None
    actual: Floats | None = None
    found: Floats | None = None
    groups: NDArray[Any] | None = None
    ids: tuple[str, ...] = ()

    def __len__(self) -> int:
        first = self.labels if self.labels is not None else self.actual
        return 0 if first is None else len(first)

    @property
    def error(self) -> float:
        """Share of wrong classes, or root mean square error in deviations of the actual values."""
        if self.labels is not None and self.chances is not None:
            seen = self.labels >= 0
            return float(np.mean(self.chances[seen].argmax(axis=1) != self.labels[seen])) if seen.any() else np.nan
        if self.actual is not None and self.found is not None:
            deviation = np.maximum(np.nanstd(self.actual, axis=0), 1e-12)
            return float(np.sqrt(np.nanmean(((self.found - self.actual) / deviation) ** 2)))
        return float("nan")


@dataclass(frozen=True)
class LabelEvidence:
    """A trained classifier or regressor as arrays.

    Attributes:
        train, validation: the parts; with `refit`, the parts as they were when the epoch was chosen.
        history: of the training. config: the estimator's arguments.
        classes: [K] names; () of estimates.
        held: chances [M, K] of the training part from models that had not seen the sequence (cross-validation); None
            where there are none. Label noise is looked for there, else on the validation part.
        threshold: of two classes, in use; None takes the more probable.
        baseline: error of the best simple method on the validation part, and its name; None where there is none.
        parameters: weights of the network.
    """

    train: LabelPart
    validation: LabelPart
    history: History
    config: Mapping[str, Any] = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    held: Floats | None = None
    threshold: float | None = None
    baseline: tuple[float, str] | None = None
    parameters: int = 0
