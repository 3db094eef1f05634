"""Apply remedies one after another, and keep what helps on the validation part."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tidegate.core.errors import TidegateError
from tidegate.core.names import method_name, metric_name
from tidegate.core.notebook import Notebook
from tidegate.core.text import number
from tidegate.core.translate import Language, tr
from tidegate.diagnose import words
from tidegate.diagnose.finding import Finding, Findings

HELPS = 0.01  # share by which the validation error must fall
TRIES = 4
NEVER = frozenset({"leak", "group_leak"})  # its remedy cannot look better on data that leak; only the user knows


@dataclass(frozen=True)
class Trial:
    """One remedy and what it did: the criterion on the validation part before and after, and whether it was kept."""

    finding: Finding
    before: float
    after: float
    kept: bool
    failed: str = ""


@dataclass(frozen=True, repr=False)
class Fixed(Notebook):
    """What `fix` did.

    Attributes:
        model: the model after all kept remedies; the one given where none helped.
        trials: the remedies in the order they were tried.
        changes: all kept options.
        before, after: part -> `Evaluation` of the model given and of `model`.
        criterion: the metric that was compared.
        findings: of the model given.
        skipped: findings whose remedy is left to the user.
        of_labels: whether the model says something of sequences, whose metrics and baselines have names of their own.
    """

    model: Any
    trials: tuple[Trial, ...]
    changes: Mapping[str, Any]
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    criterion: str
    findings: Findings
    skipped: tuple[Finding, ...] = ()
    of_labels: bool = False

    @property
    def improved(self) -> bool:
        """Whether a remedy was kept."""
        return bool(self.changes)

    def tried(self, lang: Language | None = None) -> list[str]:
        """Every remedy that was tried with what it did, and those that are left to the user."""
        lines = []
        for trial in self.trials:
            what = f"{trial.finding.title(lang)}: {words.options(trial.finding.remedy)}"
            if trial.failed:
                lines.append(tr("{what}: could not be trained ({reason})", lang, what=what, reason=trial.failed))
                continue
            pair = {"what": what, "before": number(trial.before), "after": number(trial.after)}
            if self.of_labels:
                pair["metric"] = self.metric(lang)
                lines.append(
                    tr("{what}: validation {metric} {before} to {after}, kept", lang, **pair)
                    if trial.kept
                    else tr("{what}: validation {metric} {before} to {after}, not kept", lang, **pair)
                )
                continue
            lines.append(
                tr("{what}: validation error {before} to {after}, kept", lang, **pair)
                if trial.kept
                else tr("{what}: validation error {before} to {after}, not kept", lang, **pair)
            )
        for item in self.skipped:
            lines.append(tr("{title}: left to you. {advice}", lang, title=item.title(lang), advice=item.advice(lang)))
        return lines or [tr("There was nothing to try.", lang)]

    def metric(self, lang: Language | None = None) -> str:
        """The criterion's name."""
        return metric_name(self.criterion, lang)

    def errors(self, lang: Language | None = None) -> dict[str, list[tuple[str, float]]]:
        """Part -> the criterion before and after, then of every baseline."""
        found = {}
        for part, evaluation in self.after.items():
            found[part] = [
                (tr("before", lang), self.before[part].overall["model"][self.criterion]),
                (tr("after", lang), evaluation.overall["model"][self.criterion]),
                *(
                    (method_name(name, lang), evaluation.overall[name][self.criterion])
                    for name in evaluation.methods
                    if name != "model"
                ),
            ]
        return found

    def table(self, lang: Language | None = None) -> str:
        """What was tried, then before and after beside the baselines."""
        lines = self.tried(lang)
        for part, rows in self.errors(lang).items():
            heading = tr("{part}, {metric}", lang, part=words.part(part, lang), metric=self.metric(lang))
            lines += ["", heading, *(f"  {number(value):>12}  {name}" for name, value in rows)]
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.table()

    def to_json(self) -> dict[str, Any]:
        """The trials and both evaluations for machines."""
        return {
            "trials": [
                {
                    "id": trial.finding.id,
                    "remedy": dict(trial.finding.remedy),
                    "before": trial.before,
                    "after": trial.after,
                    "kept": trial.kept,
                    "failed": trial.failed,
                }
                for trial in self.trials
            ],
            "changes": dict(self.changes),
            "skipped": [item.id for item in self.skipped],
            "criterion": self.criterion,
            "before": {part: found.to_json() for part, found in self.before.items()},
            "after": {part: found.to_json() for part, found in self.after.items()},
        }


class Trainee(Protocol):
    """A fitted estimator as `fix` handles it: trained again with other options, and scored."""

    model: Any
    parts: Sequence[str]  # what is scored before and after; `validation` first
    higher: bool  # whether more of the criterion is better; its distance from 1 is then the error
    least: float  # by how much the error must fall besides the 1 %
    of_labels: bool  # see `Fixed`

    def findings(self) -> Findings:
        """What is wrong with it."""

    def retrained(self, changes: Mapping[str, Any]) -> Trainee:
        """The same, fitted on the same data and parts with some options changed."""

    def score(self, part: str) -> Any:
        """The evaluation of a part, that of validation by a network that had not seen it."""

    def finish(self) -> Trainee:
        """What is handed over, such as after training on more data."""


class Fixable(Protocol):
    """A fitted estimator of any task."""

    def trainee(self) -> Trainee:
        """What `fix` handles."""


def fix(model: Fixable, *, tries: int = TRIES, report: Callable[[str], None] | None = None) -> Fixed:
    """Apply the remedies of a diagnosis one after another and keep those that lower the validation error by 1 %.

    After a remedy that helped, the new model is examined again. The test part decides nothing; it is scored before
    and after.

    Args:
        model: a fitted estimator.
        tries: trainings, at most.
        report: told what is tried.

    Raises:
        NotFittedError, DataError: as `diagnose`.
    """
    given = model.trainee()
    first = findings = given.findings()
    best, changes = given, dict[str, Any]()
    before = {part: given.score(part) for part in given.parts}
    criterion = before["validation"].criterion

    def error_of(value: float) -> float:
        return 1 - value if given.higher else value

    value = before["validation"].overall["model"][criterion]
    trials: list[Trial] = []
    tried: set[str] = set()
    while len(trials) < tries:
        finding = next((item for item in findings if _worth(item, tried)), None)
        if finding is None:
            break
        tried.add(_key(finding))
        if report is not None:
            report(f"{finding.title()}: {words.options(finding.remedy)}")
        try:
            candidate = best.retrained(finding.remedy)
            found = candidate.score("validation").overall["model"][criterion]
        except TidegateError as refusal:
            trials.append(Trial(finding, value, float("nan"), False, str(refusal)))
            continue
        error = error_of(value)
        kept = bool(error_of(found) < min((1 - HELPS) * error, error - given.least))
        trials.append(Trial(finding, value, found, kept))
        if kept:
            best, value = candidate, found
            changes |= finding.remedy
            findings = best.findings()
    if changes:
        best = best.finish()
    after = {part: best.score(part) for part in before} if changes else before
    skipped = tuple(item for item in first if item.id in NEVER)
    return Fixed(best.model, tuple(trials), changes, before, after, criterion, first, skipped, given.of_labels)


def _worth(finding: Finding, tried: set[str]) -> bool:
    """Whether a remedy may lower the error and was not tried yet; those that only save time are left out."""
    return (
        bool(finding.remedy) and finding.id not in NEVER and finding.severity != "info" and _key(finding) not in tried
    )


def _key(finding: Finding) -> str:
    return words.options(finding.remedy)
