"""A classifier or regressor as `tidegate.diagnose.fix` handles it: trained again with other options, and scored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tidegate.core.errors import DataError
from tidegate.core.translate import tr
from tidegate.diagnose import Findings, examine
from tidegate.prepare.sequence.targets import ClassLabels
from tidegate.tasks.diagnose.label import make_evidence
from tidegate.tasks.diagnose.trainee import Trainee
from tidegate.tasks.label.evaluate import evaluate_part, evaluate_seen


class LabelTrainee(Trainee):
    """A fitted classifier or regressor. Its evaluations are kept, so that none is computed twice.

    A remedy is kept if the error (of a share its distance from 1) falls by 1 %, and of classes by more than one
    answer's worth. A threshold is chosen on the part that it is then scored on: its check has tried it on halves that
    had not chosen it.

    Args:
        model: the estimator. first: the one that all this began with, whose baselines and way of training are kept.

    Raises:
        DataError: the validation part is empty.
    """

    of_labels = True

    def __init__(self, model: Any, first: LabelTrainee | None = None) -> None:
        fitted = model.fitted_
        if not len(fitted.parts.validation):
            raise DataError(tr("the validation part is empty: remedies are judged on it; fit with validation=0.15"))
        super().__init__(model, ["validation", *(["test"] if len(fitted.parts.test) else [])])
        self.higher = isinstance(model.labels_, ClassLabels)
        if self.higher:
            self.least = float(np.nextafter(1 / len(fitted.seen["validation"][1]), 1))
        self.first = self if first is None else first
        self.beside: dict[str, Any] = {} if first is None else first.beside
        self._scores: dict[str, Any] = {}

    def findings(self) -> Findings:
        """What is wrong with it."""
        self.score("validation")  # baselines are the same for all options: they are fitted once
        return examine(*make_evidence(self.model, self.beside))

    def retrained(self, changes: Mapping[str, Any]) -> LabelTrainee:
        """The same with some options changed, trained on the same sequences and parts, but not again on both parts."""
        return self._trained({**changes, "training.refit": False})

    def score(self, part: str) -> Any:
        """Scores of a part; of validation those of the network that chose the epochs, which had not seen it."""
        if part not in self._scores:
            if part == "validation":
                self._scores[part] = evaluate_seen(self.model, self.beside)
            else:
                self._scores[part] = evaluate_part(self.model, part).evaluation
        return self._scores[part]

    def finish(self) -> LabelTrainee:
        """Trained on both parts at last, where the first one was."""
        given = self.first.model
        again = given.check().training.refit
        if again is False or not any(note.kind == "refit" for note in given.fitted_.notes):
            self.model.set_params(training__refit=again)
            return self
        return self._trained({"training.refit": again})

    def _trained(self, changes: Mapping[str, Any]) -> LabelTrainee:
        """A new estimator with some options changed, fitted on the same sequences and parts."""
        model = self.model
        other = model.variant(changes)
        other._fit_parts(model.fitted_.sequences, model.fitted_.parts)
        other.reading_ = model.reading_
        return LabelTrainee(other, self.first)
