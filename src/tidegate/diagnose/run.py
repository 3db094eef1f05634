"""The diagnosis: every check whose evidence a trained model has, ranked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from tidegate.core.errors import DataError
from tidegate.diagnose.checks import alarms, curve, data, labels, skill, texts
from tidegate.diagnose.evidence import (
    AlarmEvidence,
    Case,
    Evidence,
    LabelEvidence,
    LanguageEvidence,
    Network,
    SpeechEvidence,
    TokenEvidence,
    Training,
    WritingEvidence,
    WrittenEvidence,
)
from tidegate.diagnose.examine import measured
from tidegate.diagnose.finding import Finding, Findings
from tidegate.diagnose.reconcile import EXPLAINS, rank, reconcile


@dataclass(frozen=True)
class Check:
    """Something that is looked for.

    Attributes:
        ids: of the findings it may give. needs: the piece of evidence that it looks at.
        look: called with that piece, and where a network is in it with what was measured on it.
        otherwise: whether it is asked only where those before it found nothing that costs accuracy.
    """

    ids: tuple[str, ...]
    needs: type[Evidence]
    look: Callable[..., list[Finding]]
    otherwise: bool = False


NOTHING = {"independent", "unrelated"}  # is to be learned: what that explains is not shown beside it
CHECKS: tuple[Check, ...] = (
    Check(("leak",), Case, skill.leak),
    Check(("independent",), Case, skill.independent),
    Check(("unscaled_inputs",), Case, data.scaling),
    Check(("outliers",), Case, data.outliers),
    Check(("group_leak",), LabelEvidence, labels.groups),
    Check(("label_noise",), LabelEvidence, labels.noise),
    Check(("unrelated",), LabelEvidence, labels.unrelated),
    Check(("few_examples",), LabelEvidence, labels.few_examples),
    Check(("class_imbalance",), LabelEvidence, labels.imbalance),
    Check(("threshold",), LabelEvidence, labels.threshold),
    Check(("dirty_training",), AlarmEvidence, alarms.dirty),
    Check(("few_errors",), AlarmEvidence, alarms.few),
    Check(("learning_rate_high", "learning_rate_low"), Training, curve.learning_rate),
    Check(("exploding_gradients",), Evidence, curve.exploding),
    Check(("vanishing_gradients",), Network, curve.vanishing),
    Check(("stopped_early",), Training, curve.cut_short),
    Check(("few_steps",), LabelEvidence, labels.brief),
    Check(("few_units",), LabelEvidence, labels.narrow),
    Check(("wasted_epochs",), Evidence, curve.wasted),
    Check(("window_short", "window_long"), Case, data.window),
    Check(("few_cycles",), Case, data.cycles),
    Check(("drift",), Case, data.drift),
    Check(("alarm_drift",), AlarmEvidence, alarms.drift),
    Check(("useless_features",), Case, data.columns),
    Check(("overfitting",), Case, curve.overfitting),
    Check(("label_overfitting",), LabelEvidence, labels.overfitting),
    Check(("underfitting",), Case, curve.underfitting),
    Check(("label_underfitting",), LabelEvidence, labels.underfitting),
    Check(("alarm_underfitting",), AlarmEvidence, alarms.underfitting),
    Check(("vocabulary_large", "vocabulary_small"), TokenEvidence, texts.vocabulary),
    Check(("text_overfitting",), TokenEvidence, texts.overfitting),
    Check(("same_answers",), WrittenEvidence, texts.same),
    Check(("writing_short", "writing_long"), WrittenEvidence, texts.lengths),
    Check(("writing_loops",), WritingEvidence, texts.loops),
    Check(("exposure",), WritingEvidence, texts.exposure),
    Check(("copied_text",), LanguageEvidence, texts.copied),
    Check(("repetition",), LanguageEvidence, texts.repetition),
    Check(("only_blanks",), SpeechEvidence, texts.only_blanks),
    Check(("speech_overfitting",), SpeechEvidence, texts.speech_overfitting),
    Check(("p_values_small", "p_values_large"), AlarmEvidence, alarms.calibration),
    Check(("many_alarms",), AlarmEvidence, alarms.budget),
    Check(("unstable_loss",), Evidence, curve.unstable),
    Check(("saturated_gates",), Network, curve.gates),
    Check(("lag_copy",), Case, skill.lag_copy),
    Check(("capacity",), Case, data.capacity),
    Check(("beaten",), Evidence, skill.beaten, otherwise=True),
)


class Examinable(Protocol):
    """A fitted estimator that can be examined."""

    def evidence(self) -> tuple[Evidence, ...]:
        """What a diagnosis looks at, the piece whose sample counts first."""


def diagnose(model: Examinable) -> Findings:
    """What is wrong with a trained model, root cause first, each with its evidence and a remedy.

    At most 512 windows of every part are looked at, evenly spread; the model is left as it is.

    Args:
        model: a fitted estimator of any task.

    Raises:
        NotFittedError: the model was not fitted here; `tidegate.open_run` opens the folder of a run.
        DataError: there is no training or validation example to look at.
    """
    return examine(*model.evidence())


def examine(*evidence: Evidence, checks: Sequence[Check] = CHECKS) -> Findings:
    """Run the checks whose piece is there.

    Args:
        evidence: the pieces; each check takes the first of its kind. checks: what is looked for.

    Raises:
        DataError: a part is empty.
    """
    first = evidence[0]
    for part in ("train", "validation"):
        if not first.sample.get(part):
            raise DataError(first.lack(part))
    extra = {id(piece): (measured(piece),) for piece in evidence if isinstance(piece, Network)}
    found: list[Finding] = []
    looked: list[str] = []
    for check in checks:
        piece = next((own for own in evidence if isinstance(own, check.needs)), None)
        if piece is None:
            continue
        looked += check.ids
        if check.otherwise and any(item.severity != "info" for item in found):
            continue
        measurements = extra[id(piece)] if issubclass(check.needs, Network) else ()
        found += check.look(piece, *measurements)
    for cause in NOTHING & {item.id for item in found}:
        explained = {item.id for item in found} & EXPLAINS[cause]
        found = [item for item in found if item.id not in explained]
        looked = [id for id in looked if id not in explained]  # or the page would say that they were not found
    return Findings(reconcile(rank(found), first.config), tuple(looked), dict(first.sample), first.unit)
