"""The scores of a classifier or tagger beside the baselines', with intervals, and the verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tidegate.core.errors import DataError
from tidegate.core.names import method_name, metric_name
from tidegate.core.notebook import Notebook
from tidegate.core.table import Note
from tidegate.core.text import aligned, share, spaced
from tidegate.core.translate import Language, tr
from tidegate.evaluate.label.metrics.probability import Reliability
from tidegate.evaluate.verdict import Verdict

Kind = Literal["label", "tag", "labels"]
Interval = tuple[float, float]

COLUMNS: Mapping[Kind, tuple[str, ...]] = {
    "label": ("accuracy", "balanced_accuracy", "f1_macro", "roc_auc", "log_loss", "ece"),
    "tag": ("accuracy", "balanced_accuracy", "f1_macro", "roc_auc", "log_loss", "ece"),
    "labels": ("f1_macro", "f1_micro", "exact", "hamming", "pr_auc", "log_loss"),
}


@dataclass(frozen=True)
class ClassEvaluation(Notebook):
    """How a classifier did on one part of the data, beside the baselines. M things, K classes.

    Attributes:
        kind: "label" (one a sequence), "tag" (one a step), or "labels" (several at once).
        classes: [K] names.
        things: M sequences, or steps for tags; `sequences` they come from.
        units: what was drawn for the intervals ("things", "groups", or "steps": whole sequences of steps), how many.
        criterion: the metric that ranks methods: "accuracy" where classes are balanced, else "f1_macro".
        methods: "model", then the baselines, best first.
        overall: method -> metric -> value; NaN where a metric has no value.
        intervals: method -> metric -> low and high of its 95 % interval.
        difference: metric -> model minus best baseline, and low and high of its interval; empty without baselines.
        per_class: class -> precision, recall, f1, support, predicted, roc_auc, pr_auc of the model.
        confusion: [K][K] how often the model called class i (row) class j (column); empty for several labels at once.
        reliability: of the model's likeliest class (of all decisions, for several labels at once).
        thresholds: from which probability on class 1, or each label, is predicted; empty where the likeliest is.
        best_baseline: the baseline with the best criterion; None without baselines.
        skill: 1 - (1 - model) / (1 - best baseline) in the criterion: the share of its errors that the model avoids.
        mcnemar: p-value of McNemar's exact test against the best baseline; None where things are not independent.
        verdict: what to think of it.
        notes: what was left out, and why.
    """

    kind: Kind
    classes: tuple[str, ...]
    things: int
    sequences: int
    units: tuple[str, int]
    criterion: str
    methods: tuple[str, ...]
    overall: Mapping[str, Mapping[str, float]]
    intervals: Mapping[str, Mapping[str, Interval]]
    difference: Mapping[str, tuple[float, float, float]]
    per_class: Mapping[str, Mapping[str, float]]
    confusion: tuple[tuple[int, ...], ...]
    reliability: Reliability
    thresholds: tuple[float, ...]
    best_baseline: str | None
    skill: float | None
    mcnemar: float | None
    verdict: Verdict
    notes: tuple[Note, ...] = ()

    def rows(self, lang: Language | None = None) -> list[list[str]]:
        """The table as text: a head, then a row per method with its metrics and the model's lead in points."""
        shown = [name for name in COLUMNS[self.kind] if any(_known(self.overall[m], name) for m in self.methods)]
        shown = sorted(shown, key=lambda name: name != self.criterion)
        table = [[tr("method", lang), *(metric_name(name, lang) for name in shown), tr("ahead, points", lang)]]
        model = self.overall["model"][self.criterion]
        for method in self.methods:
            own = self.overall[method]
            above = "" if method == "model" else f"{100 * (model - own[self.criterion]):+.1f}"
            table.append([method_name(method, lang), *(share(own[name]) for name in shown), above])
        return table

    def class_rows(self, lang: Language | None = None) -> list[list[str]]:
        """A head, then a row per class: precision, recall, F1 and how many there are."""
        names = ("precision", "recall", "f1")
        table = [[tr("class", lang), *(metric_name(name, lang) for name in names), tr("count", lang)]]
        for name, found in self.per_class.items():
            table.append([name, *(share(found[metric]) for metric in names), f"{found['support']:,.0f}"])
        return table

    def table(self, lang: Language | None = None) -> str:
        """The table with aligned columns, the model's interval, each class, and the verdict."""
        lines = aligned(self.rows(lang))
        low, high = self.intervals["model"].get(self.criterion, (math.nan, math.nan))
        if math.isfinite(low):
            lines.append(confidence(self.criterion, share(low), share(high), lang))
        if len(self.per_class) <= 30:
            lines += ["", *aligned(self.class_rows(lang))]
        lines += ["", self.summary(lang)]
        return "\n".join(lines)

    def summary(self, lang: Language | None = None) -> str:
        """The verdict in words."""
        return self.verdict.text(lang)

    def __str__(self) -> str:
        return self.table()

    def to_json(self) -> dict[str, Any]:
        """Plain numbers, text, lists and mappings; values that do not exist are null."""
        return {
            "kind": self.kind,
            "classes": list(self.classes),
            "things": self.things,
            "sequences": self.sequences,
            "units": list(self.units),
            "criterion": self.criterion,
            "methods": list(self.methods),
            "overall": plain(self.overall),
            "intervals": plain(self.intervals),
            "difference": plain(self.difference),
            "per_class": plain(self.per_class),
            "confusion": [list(row) for row in self.confusion],
            "reliability": self.reliability.to_json(),
            "thresholds": list(self.thresholds),
            "best_baseline": self.best_baseline,
            "skill": self.skill,
            "mcnemar": self.mcnemar,
            "verdict": self.verdict.to_json(),
            "notes": notes_json(self.notes),
        }

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> ClassEvaluation:
        """The evaluation that `to_json` wrote.

        Raises:
            DataError: a key is missing or unknown.
        """
        check_keys(state, cls.__dataclass_fields__)
        return cls(
            kind=state["kind"],
            classes=tuple(state["classes"]),
            things=state["things"],
            sequences=state["sequences"],
            units=(str(state["units"][0]), int(state["units"][1])),
            criterion=state["criterion"],
            methods=tuple(state["methods"]),
            overall=restored(state["overall"]),
            intervals=restored(state["intervals"]),
            difference=restored(state["difference"]),
            per_class=restored(state["per_class"]),
            confusion=tuple(tuple(int(count) for count in row) for row in state["confusion"]),
            reliability=Reliability.from_json(state["reliability"]),
            thresholds=tuple(float(value) for value in state["thresholds"]),
            best_baseline=state["best_baseline"],
            skill=state["skill"],
            mcnemar=state["mcnemar"],
            verdict=Verdict.from_json(state["verdict"]),
            notes=notes_of(state["notes"]),
        )


def confidence(metric: str, low: str, high: str, lang: Language | None = None) -> str:
    """The sentence on the model's interval."""
    if low == high:
        text = tr(
            "Every resample of what was tested gave the same {metric}: how far chance may carry it cannot be told.",
            lang,
            metric=metric_name(metric, lang),
        )
        return spaced(text, lang)
    text = tr(
        "The model's {metric} lies between {low} and {high} with 95 % confidence.",
        lang,
        metric=metric_name(metric, lang),
        low=low,
        high=high,
    )
    return spaced(text, lang)


def plain(value: Any) -> Any:
    """Mappings, lists and numbers for JSON; what is not finite is null."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return float(value) if math.isfinite(value) else None


def restored(value: Any) -> Any:
    """What `plain` made, lists as tuples and null as NaN."""
    if isinstance(value, Mapping):
        return {key: restored(item) for key, item in value.items()}
    if isinstance(value, list):
        return tuple(restored(item) for item in value)
    return math.nan if value is None else float(value)


def notes_json(notes: Sequence[Note]) -> list[dict[str, Any]]:
    """Notes for JSON."""
    return [{"kind": note.kind, "message": note.message, "values": dict(note.values)} for note in notes]


def notes_of(state: Sequence[Mapping[str, Any]]) -> tuple[Note, ...]:
    """Notes from JSON."""
    return tuple(Note(note["kind"], note["message"], note["values"]) for note in state)


def check_keys(state: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Raise DataError unless the saved state has exactly these keys."""
    if set(state) != set(expected):
        odd = sorted(set(state) ^ set(expected))
        raise DataError(f"saved evaluation has missing or unknown keys {odd}; evaluate again with this version")


def _known(row: Mapping[str, float], name: str) -> bool:
    return math.isfinite(row.get(name, math.nan))
