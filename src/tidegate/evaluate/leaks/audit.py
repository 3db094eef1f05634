"""The result of a leak audit: what was replaced, what had to stay the same, and the first place that moved."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import DataError
from tidegate.core.notebook import Notebook
from tidegate.core.table import Note
from tidegate.core.translate import Language, language, tr
from tidegate.evaluate.leaks.perturb import POISONS, Difference, first_difference

_KINDS = {"noise": "noise", "extremes": "extreme values", "missing": "missing values"}
_SENTENCES = {
    "moved": "A leak: {stage} changed{where} when every value from {cutoff} on was replaced by {perturbation}: "
    "{before} became {after}.",
    "copy": "A leak: the known-ahead column {column} is the target {target}{shift}, as a straight line maps one to the "
    "other exactly. Its future values tell what is to be forecast.",
    "moved_test": "A leak: {stage} changed{where} when the test sequences were replaced by {perturbation}: {before} "
    "became {after}.",
    "copies": "{count} of {of} test sequences have an exact copy in the training part, such as {ids}: remove them, or "
    "split so that copies stay together.",
    "near": "{count} of {of} test sequences are nearly a training sequence, such as {ids}: cut from the same "
    "recording, or smoothed? Split so that they stay together.",
    "groups": "{count} of {of} test sequences come from a group that the training part has seen: split by group.",
    "label": "The input {column} is the label, value for value: leave it out.",
    "shuffled": "A leak: trained on shuffled labels the model still knows the test labels ({score}, where chance gives "
    "{chance} at most).",
    "blind": "Nothing that the pipeline returns changed when its past was replaced: it does not look at the data, or "
    "the audit does not look at what it does.",
}
_PASSED = "No leak: {stages} stayed the same, bit for bit, in {count} checks that replaced all values after a cutoff."
_PASSED_SEQUENCES = (
    "No leak: {stages} stayed the same, bit for bit, in {count} checks that replaced the test sequences. No copy, near "
    "copy or group is on both sides, no input is the label, and with shuffled labels nothing is learned."
)
_PLACES = {
    "column": " in {column}",
    "time": " at {time}",
    "series": " of series {series}",
    "steps": " ({steps} steps before the cutoff)",
    "part": " at {part}",
    "sources": " The values come from: {columns}.",
    "ahead": " {steps} steps ahead",
    "behind": " {steps} steps back",
}


@dataclass(frozen=True)
class Place:
    """Where in the table a moved value belongs: any of it may be unknown ("" or None)."""

    column: str = ""
    series: str = ""
    time: str = ""
    steps: int | None = None
    part: str = ""


Locate = Callable[[Difference], Place]


@dataclass(frozen=True)
class Stage:
    """Something that a pipeline made on its way to a forecast, and that must not depend on what comes later.

    Attributes:
        name: of the stage. value: mappings, sequences, arrays and plain values, nested at will.
        locate: finds the place of a difference in the table. limit: cuts arrays to the part that must be equal.
    """

    name: str
    value: Any
    locate: Locate | None = None
    limit: Callable[[NDArray[Any]], NDArray[Any]] | None = None


@dataclass(frozen=True)
class Finding:
    """A leak, or a reason not to trust the audit.

    Attributes:
        key: `moved`, `copy` or `blind`.
        stage: what moved first, in the order of the pipeline. place: where in it.
        values: cutoff, perturbation, before, after, column, target, shift, sources.
    """

    key: str
    stage: str = ""
    place: Place = field(default_factory=Place)
    values: Mapping[str, Any] = field(default_factory=dict)

    def text(self, lang: Language | None = None) -> str:
        """The finding in words."""
        place, values = self.place, dict(self.values)
        where = ""
        for name in ("column", "part", "series", "time", "steps"):
            value = getattr(place, name)
            if value or value == 0:
                where += tr(_PLACES[name], lang, **{name: value})
        shift = int(values.pop("shift", 0))
        moved = tr(_PLACES["ahead" if shift > 0 else "behind"], lang, steps=abs(shift)) if shift else ""
        sources = ", ".join(values.pop("sources", ()))
        kind = values.pop("perturbation", "")
        perturbation = perturbation_name(kind, lang) if kind else ""
        values |= {"where": where, "stage": tr(self.stage, lang), "shift": moved, "perturbation": perturbation}
        words = tr(_SENTENCES[self.key], lang, **values)
        return words + (tr(_PLACES["sources"], lang, columns=sources) if sources else "")

    def __str__(self) -> str:
        return self.text()

    def to_json(self) -> dict[str, Any]:
        place = {name: getattr(self.place, name) for name in ("column", "series", "time", "steps", "part")}
        return {"key": self.key, "stage": self.stage, "place": place, "values": dict(self.values)}


def perturbation_name(kind: str, lang: Language | None = None) -> str:
    """What values were replaced by, in words."""
    return tr(_KINDS[kind], lang)


@dataclass(frozen=True)
class Check:
    """One question that was put: `stages` had to be the same after `perturbation` from `cutoff` on.

    Attributes:
        cutoff: the first time that was replaced. perturbation: with what. stages: what was compared, in order.
        finding: the first that moved; None where none did.
        refused: the pipeline's error, where it would not run on the perturbed data.
    """

    cutoff: str
    perturbation: str
    stages: tuple[str, ...]
    finding: Finding | None = None
    refused: str = ""


@dataclass(frozen=True, repr=False)
class Audit(Notebook):
    """The result of an audit; print it for the findings in words.

    Attributes:
        checks: every question that was put. findings: the leaks, first first. notes: what to know besides.
        kind: of what was replaced, "rows" after a cutoff or the test part's "sequences".
    """

    checks: tuple[Check, ...]
    findings: tuple[Finding, ...]
    notes: tuple[Note, ...] = ()
    kind: str = "rows"

    @property
    def passed(self) -> bool:
        """Whether nothing moved and every question could be answered by at least one perturbation."""
        return not self.findings

    def text(self, lang: Language | None = None) -> str:
        """What was found, and how much was compared."""
        asked = [check for check in self.checks if not check.refused]
        stages = list(dict.fromkeys(stage for check in asked for stage in check.stages))
        lines = [finding.text(lang) for finding in self.findings]
        if self.passed:
            gap = "、" if (lang or language()) == "zh_TW" else ", "
            listed = gap.join(tr(stage, lang) for stage in stages)
            passed = _PASSED if self.kind == "rows" else _PASSED_SEQUENCES
            lines.append(tr(passed, lang, stages=listed, count=len(asked)))
        lines += [_note(note, lang) for note in self.notes]
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.text()

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        checks = [
            {"cutoff": c.cutoff, "perturbation": c.perturbation, "stages": list(c.stages),
             "moved": c.finding is not None, "refused": c.refused}
            for c in self.checks
        ]  # fmt: skip
        findings = [{**finding.to_json(), "text": finding.text("en")} for finding in self.findings]
        notes = [{"kind": note.kind, "message": note.message, "values": dict(note.values)} for note in self.notes]
        return {"passed": self.passed, "findings": findings, "checks": checks, "notes": notes}


def _note(note: Note, lang: Language | None) -> str:
    values = dict(note.values)
    if note.kind == "refused":
        values["perturbation"] = perturbation_name(values["perturbation"], lang)
    return tr(note.message, lang, **values)


Run = Callable[[str, Sequence[str]], Sequence[Stage]]


def put_questions(
    run: Run, clean: Sequence[Stage], names: Sequence[str], cutoff: str, *, sources: int = 12
) -> list[Check]:
    """Run a pipeline on perturbed data and compare every stage with that of the clean data.

    Args:
        run: (kind of perturbation, columns) -> stages of the pipeline on data perturbed so.
        clean: stages on the data as they are.
        names: columns to perturb.
        cutoff: the first time that is replaced, for people.
        sources: where something moved, at most so many columns are tried alone, to tell which it comes from.

    Returns:
        One check per kind of perturbation.
    """
    order = tuple(stage.name for stage in clean)
    checks = []
    for kind in POISONS:
        try:
            found = compare(clean, run(kind, names), cutoff, kind)
        except Exception as error:  # a pipeline of the user's own may refuse what it finds, in its own way
            checks.append(Check(cutoff, kind, order, refused=f"{type(error).__name__}: {str(error)[:200]}"))
            continue
        if found is not None and 1 < len(names) <= sources and not any(check.finding for check in checks):
            found = _with_sources(run, clean, names, found)
        checks.append(Check(cutoff, kind, order, found))
    return checks


def _with_sources(run: Run, clean: Sequence[Stage], names: Sequence[str], found: Finding) -> Finding:
    kind, cutoff = found.values["perturbation"], found.values["cutoff"]
    moving = []
    for name in names:
        try:
            alone = compare(clean, run(kind, [name]), cutoff, kind)
        except Exception:
            continue
        if alone is not None and alone.stage == found.stage:
            moving.append(name)
    return Finding(found.key, found.stage, found.place, {**found.values, "sources": tuple(moving)})


def require_same(clean: Sequence[Stage], again: Sequence[Stage], *, training: bool = True) -> None:
    """Refuse to audit a training, or a user's pipeline, that does not repeat itself on the same data.

    Raises:
        DataError: it does not.
    """
    found = compare(clean, again, "", "noise")
    if found is None:
        return
    message = (
        "two runs of the pipeline on the same data differ in {stage!r} ({part}): set its seeds, and let it start "
        "anew in each run"
    )
    if training:
        message = (
            "two trainings on the same data differ in {stage!r} ({part}): nothing can be proved of a model that does "
            "not repeat itself"
        )
    raise DataError(tr(message, stage=found.stage, part=found.place.part or "at once"))


def compare(before: Sequence[Stage], after: Sequence[Stage], cutoff: str, kind: str) -> Finding | None:
    """The first stage that moved, and where; None where none did."""
    for one, two in zip(before, after, strict=True):
        found = first_difference(one.value, two.value, one.limit)
        if found is not None:
            place = one.locate(found) if one.locate is not None else Place(part=part_name(found))
            values = {
                "cutoff": cutoff,
                "perturbation": kind,
                "before": _short(found.before),
                "after": _short(found.after),
            }
            return Finding("moved", one.name, place, values)
    return None


def unmoved(clean: Sequence[Stage], run: Callable[[], Sequence[Stage]]) -> list[Finding]:
    """A finding where nothing moves although the past was replaced: an audit of it would prove nothing.

    Args:
        clean: stages on the data as they are. run: gives them on data whose past was replaced.
    """
    try:
        moved = compare(clean, run(), "", "noise")
    except Exception:
        return []  # it looked at the past, or it would not have stumbled over it
    return [] if moved is not None else [Finding("blind")]


def part_name(found: Difference) -> str:
    """Keys, then the index, of a difference: `mean_[2]`."""
    path = ".".join(found.path)
    return path + (f"[{', '.join(map(str, found.index))}]" if found.index else "")


def _short(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)[:80]


def conclude(checks: Sequence[Check], extra: Sequence[Finding] = (), notes: Sequence[Note] = ()) -> Audit:
    """The audit from its checks; what every perturbation of a cutoff refused to answer is an error.

    Raises:
        DataError: no check could be made, or none of those at one cutoff.
    """
    answered = {(check.cutoff, check.stages) for check in checks if not check.refused}
    silent = [check for check in checks if (check.cutoff, check.stages) not in answered]
    if silent or not checks:
        reason = silent[0].refused if silent else "there was none to make"
        message = "the pipeline runs on none of the perturbed copies of the data, which proves nothing: {reason}"
        raise DataError(tr(message, reason=reason))
    message = "The pipeline does not run where what comes after {cutoff} is replaced by {perturbation}: {reason}"
    refusals = [
        Note("refused", message, {"cutoff": c.cutoff, "perturbation": c.perturbation, "reason": c.refused})
        for c in checks
        if c.refused
    ]
    moved = [check.finding for check in checks if check.finding is not None]
    order = {name: place for check in checks for place, name in enumerate(check.stages)}
    moved = sorted(moved, key=lambda finding: order[finding.stage])
    unique = {(finding.stage, finding.place): finding for finding in reversed(moved)}
    findings = [*extra, *(finding for finding in moved if unique[finding.stage, finding.place] is finding)]
    return Audit(tuple(checks), tuple(findings), (*notes, *refusals))


def copied_target(
    target: NDArray[Any], known: NDArray[Any], series: NDArray[np.int64], horizon: int, rows: int = 20_000
) -> int | None:
    """How far a known-ahead column is the target itself, up to a straight line, moved by so many rows.

        known_t = a + b y_(t + s),   -K < s <= K

    With such an s, the known-ahead values of a forecast's K steps hold target values that are to be forecast.

    Args:
        target, known: [N]. series: [N] of each row. horizon: K. rows: at most so many are looked at, from the end.

    Returns:
        s, or None where there is none. Columns that stand still, and fewer than 30 pairs, give none.
    """
    y, x, own = (np.asarray(values[-rows:]) for values in (target, known, series))
    y, x = y.astype(np.float64), x.astype(np.float64)
    for shift in sorted(range(1 - horizon, horizon + 1), key=lambda s: (abs(s), s)):
        size = len(y) - abs(shift)
        if size < _PAIRS:
            continue
        ahead, here = (y[shift:], slice(0, size)) if shift >= 0 else (y[:shift], slice(-shift, None))
        there = slice(shift, None) if shift >= 0 else slice(0, size)
        one, two = x[here], ahead
        both = np.isfinite(one) & np.isfinite(two) & (own[here] == own[there])
        if both.sum() < _PAIRS:
            continue
        one, two = one[both] - one[both].mean(), two[both] - two[both].mean()
        power = float(one @ one) * float(two @ two)
        if power > 0.0 and 1.0 - float(one @ two) ** 2 / power < _EXACT:
            return shift
    return None


_PAIRS = 30
_EXACT = 1e-6
