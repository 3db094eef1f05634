"""Apply remedies one after another, and keep what helps on the validation part."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.core.errors import TidegateError
from tidegate.core.translate import Language, tr
from tidegate.diagnose import words
from tidegate.diagnose.case import Patient
from tidegate.diagnose.finding import Finding, Findings
from tidegate.diagnose.run import diagnose
from tidegate.evaluate.verdict import label, number

HELPS = 0.01  # share by which the validation error must fall
TRIES = 4
NEVER = frozenset({"leak"})  # its remedy cannot look better on data that leak; only the user knows


@dataclass(frozen=True)
class Trial:
    """One remedy and what it did: validation error before and after, and whether it was kept."""

    finding: Finding
    before: float
    after: float
    kept: bool
    failed: str = ""


@dataclass(frozen=True)
class Fixed:
    """What `fix` did.

    Attributes:
        model: the model after all kept remedies; the one given where none helped.
        trials: the remedies in the order they were tried.
        changes: all kept options.
        before, after: part -> `Evaluation` of the model given and of `model`.
        criterion: the metric that was compared.
        findings: of the model given.
        skipped: findings whose remedy is left to the user.
    """

    model: Any
    trials: tuple[Trial, ...]
    changes: Mapping[str, Any]
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    criterion: str
    findings: Findings
    skipped: tuple[Finding, ...] = ()

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
            message = (
                tr("{what}: validation error {before} to {after}, kept", lang, **_pair(what, trial))
                if trial.kept
                else tr("{what}: validation error {before} to {after}, not kept", lang, **_pair(what, trial))
            )
            lines.append(message)
        for item in self.skipped:
            lines.append(tr("{title}: left to you. {advice}", lang, title=item.title(lang), advice=item.advice(lang)))
        return lines or [tr("There was nothing to try.", lang)]

    def errors(self, lang: Language | None = None) -> dict[str, list[tuple[str, float]]]:
        """Part -> the criterion before and after, then of every baseline."""
        found = {}
        for part, evaluation in self.after.items():
            found[part] = [
                (tr("before", lang), self.before[part].overall["model"][self.criterion]),
                (tr("after", lang), evaluation.overall["model"][self.criterion]),
                *(
                    (label(name, lang), evaluation.overall[name][self.criterion])
                    for name in evaluation.methods
                    if name != "model"
                ),
            ]
        return found

    def table(self, lang: Language | None = None) -> str:
        """What was tried, then before and after beside the baselines."""
        lines = self.tried(lang)
        for part, rows in self.errors(lang).items():
            heading = tr("{part}, {metric}", lang, part=words.part(part, lang), metric=self.criterion.upper())
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


def fix(model: Patient, data: Any = None, *, tries: int = TRIES, report: Callable[[str], None] | None = None) -> Fixed:
    """Apply the remedies of a diagnosis one after another and keep those that lower the validation error by 1 %.

    After a remedy that helped, the new model is examined again. The test part decides nothing; it is scored before
    and after.

    Args:
        model: a fitted estimator. data: as for `diagnose`.
        tries: trainings, at most.
        report: told what is tried.

    Raises:
        NotFittedError, DataError: as `diagnose`.
    """
    first = findings = diagnose(model, data)
    best, changes = model, dict[str, Any]()
    before = {part: model.score(part) for part in ("validation", "test") if _has(model, part)}
    criterion = before["validation"].criterion
    error = before["validation"].overall["model"][criterion]
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
            candidate = best.refit(finding.remedy)
            found = candidate.score("validation").overall["model"][criterion]
        except TidegateError as refusal:
            trials.append(Trial(finding, error, float("nan"), False, str(refusal)))
            continue
        kept = found < (1 - HELPS) * error
        trials.append(Trial(finding, error, found, kept))
        if kept:
            best, error = candidate, found
            changes |= finding.remedy
            findings = diagnose(best)
    after = {part: best.score(part) for part in before}
    skipped = tuple(item for item in first if item.id in NEVER)
    return Fixed(best, tuple(trials), changes, before, after, criterion, first, skipped)


def _worth(finding: Finding, tried: set[str]) -> bool:
    """Whether a remedy may lower the error and was not tried yet; those that only save time are left out."""
    return (
        bool(finding.remedy) and finding.id not in NEVER and finding.severity != "info" and _key(finding) not in tried
    )


def _key(finding: Finding) -> str:
    return words.options(finding.remedy)


def _has(model: Any, part: str) -> bool:
    return bool(len(model.case().origins.get(part, ())))


def _pair(what: str, trial: Trial) -> dict[str, str]:
    return {"what": what, "before": number(trial.before), "after": number(trial.after)}
