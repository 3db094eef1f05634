"""A fitted detector opened for examination, or trained again with other options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from tidegate.diagnose.evidence import AlarmEvidence, Training
from tidegate.nn.network import build_network
from tidegate.runtime.detect.rules import budget_threshold
from tidegate.runtime.detect.walk import values_of
from tidegate.tasks.detect import fit as detector_fit
from tidegate.tasks.detect.examples import RowBatches, RowLoss, prepare_rows, training_origins
from tidegate.tasks.detect.known_anomalies import tune_threshold
from tidegate.tasks.diagnose.trainee import Trainee, verdicts

USUAL_RATE = 5e-3  # the detector's own


def make_evidence(model: Any) -> tuple[AlarmEvidence, Training]:
    """Its alarms, and its training, for `tidegate.diagnose`."""
    fitted = model.fitted_
    table, split, detector = fitted.table, fitted.split, fitted.detector
    rules, walked = detector.rules, fitted.walked
    labelled = np.zeros(len(table), bool) if fitted.labelled is None else fitted.labelled
    known = ~np.isnan(walked.p_value)[:, None]
    alarms = AlarmEvidence(
        history=fitted.history,
        verdicts=partial(verdicts, model),
        config=model.flat_options(),
        channels=detector.preparation.channels,
        parts=split.parts,
        values=values_of(table, detector.preparation.channels),
        expected=np.where(known, walked.expected, np.nan),
        p_values=walked.p_value,
        labelled=labelled,
        events=walked.event,
        threshold=rules.threshold,
        budget=budget_threshold(rules.budget, detector.preparation.step),
        season=max(detector.preparation.lags, default=1),
    )
    return alarms, _training(model)


def _training(model: Any) -> Training:
    fitted = model.fitted_
    table, split, detector = fitted.table, fitted.split, fitted.detector
    choices = model.check()
    rebuild = choices.method == "reconstruction"
    data = prepare_rows(table, detector.preparation, fitted.labelled)
    windows, _ = training_origins(table, split, choices.window, fitted.labelled)
    options = detector_fit.budget(choices.training, len(windows))
    batches = RowBatches(data, windows, choices.window, options.batch_size, options.seed, rebuild)
    spec = detector.spec.member  # of an ensemble the first one is looked into, whose history it is
    return Training(
        history=fitted.history,
        config=model.flat_options(),
        network=fitted.network.members[0] if detector.spec.members > 1 else fitted.network,
        batch=batches.gather,
        loss=RowLoss(choices.loss, rebuild),
        origins={"train": windows, "validation": detector_fit.validation_windows(table, split, choices.window)},
        window=choices.window,
        fresh=lambda: build_network(spec),
        options=options,
        usual_rate=USUAL_RATE,
    )


@dataclass(frozen=True)
class Errors:
    """How far what was expected of a part lies from what came, beside simple methods.

    Attributes:
        overall: method -> {"mae": mean absolute error in deviations of the training part}.
    """

    overall: Mapping[str, Mapping[str, float]]
    criterion: str = "mae"

    @property
    def methods(self) -> tuple[str, ...]:
        """The model, then the simple methods."""
        return tuple(self.overall)

    def to_json(self) -> dict[str, Any]:
        """Plain numbers."""
        return {"criterion": self.criterion, "overall": {name: dict(found) for name, found in self.overall.items()}}


class DetectorTrainee(Trainee):
    """A fitted detector.

    Without labels nothing says which alarms are right, so that remedies are compared by the error of what it expects on
    the validation part, which decides how small an anomaly stands out.

    Args:
        model: the detector.
    """

    def __init__(self, model: Any) -> None:
        super().__init__(model, [part for part in ("validation", "test") if model.fitted_.split.rows(part)])

    @cached_property
    def _alarms(self) -> AlarmEvidence:
        return make_evidence(self.model)[0]

    def retrained(self, changes: Mapping[str, Any]) -> DetectorTrainee:
        """The same, fitted on the same table and parts with some options changed."""
        model, fitted = self.model, self.model.fitted_
        other = model.variant(changes)
        choices = other.check()
        tune = None if fitted.labelled is None else tune_threshold(fitted.labelled)
        other._take(detector_fit.fit(fitted.table, fitted.split, choices, fitted.labelled, tune=tune))
        other.reading_, other._like = model.reading_, getattr(model, "_like", None)
        return DetectorTrainee(other)

    def score(self, part: str) -> Errors:
        """Errors of a part, of rows without a label."""
        return Errors({name: {"mae": error} for name, error in self._alarms.errors(part).items()})
