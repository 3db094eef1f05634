"""The scores of a classifier or tagger beside the baselines', with intervals, and the verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tidegate.core.names import metric_name
from tidegate.core.text import aligned, number, share, spaced
from tidegate.core.translate import Language, tr
from tidegate.evaluate.evaluation import ScoreTable
from tidegate.evaluate.intervals import held
from tidegate.evaluate.label.metrics.probability import Reliability

Kind = Literal["label", "tag", "labels"]
Interval = tuple[float, float]

COLUMNS: Mapping[Kind, tuple[str, ...]] = {
    "label": ("accuracy", "balanced_accuracy", "f1_macro", "roc_auc", "log_loss", "ece"),
    "tag": ("accuracy", "balanced_accuracy", "f1_macro", "roc_auc", "log_loss", "ece"),
    "labels": ("f1_macro", "f1_micro", "exact", "hamming", "pr_auc", "log_loss"),
}


@dataclass(frozen=True, kw_only=True, repr=False)
class ClassEvaluation(ScoreTable):
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
    intervals: Mapping[str, Mapping[str, Interval]]
    difference: Mapping[str, tuple[float, float, float]]
    per_class: Mapping[str, Mapping[str, float]]
    confusion: tuple[tuple[int, ...], ...]
    reliability: Reliability
    thresholds: tuple[float, ...]
    mcnemar: float | None

    def metrics(self) -> tuple[str, ...]:
        """What the table may show, of this kind."""
        return COLUMNS[self.kind]

    def cell(self, metric: str, value: float) -> str:
        """A value of the table as text."""
        return share(value)

    def class_rows(self, lang: Language | None = None) -> list[list[str]]:
        """A head, then a row per class: precision, recall, F1 and how many there are."""
        names = ("precision", "recall", "f1")
        table = [[tr("class", lang), *(metric_name(name, lang) for name in names), tr("count", lang)]]
        for name, found in self.per_class.items():
            table.append([name, *(share(found[metric]) for metric in names), f"{found['support']:,.0f}"])
        return table

    def details(self, lang: Language | None = None) -> list[str]:
        """The model's interval, and each class."""
        low, high = self.intervals["model"].get(self.criterion, (math.nan, math.nan))
        lines = [confidence(self.criterion, share(low), share(high), lang)] if math.isfinite(low) else []
        return [*lines, "", *aligned(self.class_rows(lang))] if len(self.per_class) <= 30 else lines


def confidence(metric: str, low: str, high: str, lang: Language | None = None) -> str:
    """The sentence on the model's interval."""
    if low == high:
        message = (
            "Every resample of what was tested gave the same {metric}: how far chance may carry it cannot be told."
        )
        text = tr(message, lang, metric=metric_name(metric, lang))
        return spaced(text, lang)
    message = "The model's {metric} lies between {low} and {high} with 95 % confidence."
    text = tr(message, lang, metric=metric_name(metric, lang), low=low, high=high)
    return spaced(text, lang)


@dataclass(frozen=True, kw_only=True, repr=False)
class NumberEvaluation(ScoreTable):
    """How a regressor did on one part of the data, beside the baselines. M things, P numbers of each.

    Attributes:
        names: [P] of the numbers. unit: theirs, "" where unknown.
        things: M, how many were scored.
        units: what was drawn for the intervals ("things" or "groups"), and how many.
        criterion: the metric that ranks methods: "rmse" or "mae".
        methods: "model", then the baselines, best first.
        overall: method -> metric -> value over all numbers: mae, rmse, r2, median_ae, bias, and extra ones.
        per_target: name -> method -> the same for one number alone.
        intervals: method -> metric -> low and high of its 95 % interval.
        difference: metric -> model minus best baseline, and low and high of its interval; empty without baselines.
        best_baseline: the baseline with the lowest criterion; None without baselines.
        skill: 1 - model / best baseline in the criterion; None without baselines.
        coverage: level of each conformal interval -> share of the numbers inside. interval_width: level -> mean width.
        verdict: what to think of it.
        notes: what was left out, and why.
    """

    COLUMNS = ("rmse", "mae", "r2", "median_ae", "bias")

    names: tuple[str, ...]
    unit: str
    things: int
    units: tuple[str, int]
    per_target: Mapping[str, Mapping[str, Mapping[str, float]]]
    intervals: Mapping[str, Mapping[str, Interval]]
    difference: Mapping[str, tuple[float, float, float]]
    coverage: Mapping[float, float] = field(default_factory=dict)
    interval_width: Mapping[float, float] = field(default_factory=dict)

    def metrics(self) -> tuple[str, ...]:
        """What the table may show, extra ones last."""
        return (*self.COLUMNS, *self.overall["model"])

    def cell(self, metric: str, value: float) -> str:
        """A value of the table as text."""
        return f"{value:.3f}" if metric == "r2" and math.isfinite(value) else number(value)

    def details(self, lang: Language | None = None) -> list[str]:
        """The model's interval, and what its intervals hold."""
        low, high = self.intervals["model"].get(self.criterion, (math.nan, math.nan))
        own = [confidence(self.criterion, number(low), number(high), lang)] if math.isfinite(low) else []
        return [*own, *held(self.coverage, lang)]
