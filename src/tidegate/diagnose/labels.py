"""The diagnosis of a classifier or regressor: every check on its evidence, ranked."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tidegate.core.errors import DataError
from tidegate.diagnose.checks import history
from tidegate.diagnose.checks import labels as checks
from tidegate.diagnose.evidence import LabelEvidence
from tidegate.diagnose.finding import Finding, Findings
from tidegate.diagnose.rank import rank

Check = Callable[[LabelEvidence], list[Finding]]


def _unstable(case: LabelEvidence) -> list[Finding]:
    rate, clip = (float(case.config.get(name, usual)) for name, usual in (("learning_rate", 2e-3), ("clip", 1.0)))
    return history.unstable(case.history, rate, clip)


def _wasted(case: LabelEvidence) -> list[Finding]:
    return history.wasted(case.history)


LABEL_CHECKS: Mapping[tuple[str, ...], Check] = {
    ("group_leak",): checks.groups,
    ("label_noise",): checks.noise,
    ("few_examples",): checks.few_examples,
    ("class_imbalance",): checks.imbalance,
    ("threshold",): checks.threshold,
    ("label_rate_low",): checks.slow,
    ("few_steps",): checks.brief,
    ("few_units",): checks.narrow,
    ("label_overfitting",): checks.overfitting,
    ("label_underfitting",): checks.underfitting,
    ("unstable_loss",): _unstable,
    ("wasted_epochs",): _wasted,
}


def examine_labels(case: LabelEvidence, which: Mapping[tuple[str, ...], Check] = LABEL_CHECKS) -> Findings:
    """What is wrong with a classifier or regressor, root cause first.

    Args:
        case: its evidence. which: the checks; another task may leave some out or bring its own.

    Raises:
        DataError: a part is empty.
    """
    for name, part in (("train", case.train), ("validation", case.validation)):
        if not len(part):
            raise DataError(f"the {name} part has nothing to look at")
    found = [finding for check in which.values() for finding in check(case)]
    sample = {"train": len(case.train), "validation": len(case.validation)}
    return Findings(rank(found), tuple(id for ids in which for id in ids), sample, "sequences")
