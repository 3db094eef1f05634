"""A classifier or regressor as `tidegate.diagnose.fix` mends it: trained again with other options, and scored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tidegate.core.errors import DataError
from tidegate.diagnose.finding import Findings
from tidegate.diagnose.fix import TRIES, Fixed, mend
from tidegate.diagnose.labels import examine_labels
from tidegate.prepare.sequence.targets import ClassLabels
from tidegate.tasks.label.diagnosing import label_evidence
from tidegate.tasks.label.evaluate import judge_part, judge_seen


class LabelPatient:
    """A fitted classifier or regressor. Its evaluations are kept, so that none is computed twice.

    Args:
        model: the estimator. beside: what baselines say of the validation part, the same for all options.
    """

    def __init__(self, model: Any, beside: dict[str, Any] | None = None) -> None:
        self.model, self.beside = model, {} if beside is None else beside
        self._scores: dict[str, Any] = {}

    def retrained(self, changes: Mapping[str, Any]) -> LabelPatient:
        """The same with some options changed, trained on the same sequences and parts, but not again on both parts."""
        return LabelPatient(_trained(self.model, {**changes, "training.refit": False}), self.beside)

    def score(self, part: str) -> Any:
        """Scores of a part; of validation those of the network that chose the epochs, which had not seen it."""
        if part not in self._scores:
            if part == "validation":
                self._scores[part] = judge_seen(self.model, self.beside)
            else:
                self._scores[part] = judge_part(self.model, part).evaluation
        return self._scores[part]

    def findings(self) -> Findings:
        """What is wrong with it."""
        self.score("validation")  # baselines are the same for all options: they are fitted once
        return examine_labels(label_evidence(self.model, self.beside))


def mend_labels(model: Any, *, tries: int = TRIES, report: Callable[[str], None] | None = None) -> Fixed:
    """Apply the remedies of a diagnosis one after another and keep those that help on the validation part.

    A remedy is kept if the error there (of a share its distance from 1) falls by 1 %, and of classes by more than one
    answer's worth. The test part decides nothing; it is scored before and after. A threshold is chosen on the part that
    it is then scored on: its check has tried it on halves that had not chosen it.

    Args:
        model: a fitted `Classifier` or `Regressor`. tries: trainings, at most. report: told what is tried.

    Raises:
        DataError: the validation part is empty.
    """
    fitted = model.fitted_
    if not len(fitted.parts.validation):
        raise DataError("the validation part is empty: remedies are judged on it; fit with validation=0.15")
    classes = isinstance(model.labels_, ClassLabels)
    answers = len(fitted.seen["validation"][1])
    again = model.check().training.refit

    def finish(patient: LabelPatient) -> LabelPatient:
        """Training on both parts at last, where the model given had that."""
        if again is False or not any(note.kind == "refit" for note in fitted.notes):
            patient.model.set_params(training__refit=again)
            return patient
        return LabelPatient(_trained(patient.model, {"training.refit": again}), patient.beside)

    found = mend(
        LabelPatient(model),
        LabelPatient.findings,
        ["validation", *(["test"] if len(fitted.parts.test) else [])],
        higher=classes,
        least=float(np.nextafter(1 / answers, 1)) if classes else 0.0,
        tries=tries,
        report=report,
        finish=finish,
        of_labels=True,
    )
    return Fixed(**{**vars(found), "model": found.model.model})


def _trained(model: Any, changes: Mapping[str, Any]) -> Any:
    """A new estimator with some options changed, fitted on the same sequences and parts."""
    other = model.variant(changes)
    other._fit_parts(model.fitted_.sequences, model.fitted_.parts)
    other.reading_ = model.reading_
    return other
