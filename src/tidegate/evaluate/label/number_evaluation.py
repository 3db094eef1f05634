"""The scores of a regressor beside the baselines', with intervals, and the verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from tidegate.core.text import number
from tidegate.core.translate import Language
from tidegate.evaluate.evaluation import ScoreTable
from tidegate.evaluate.intervals import held
from tidegate.evaluate.label.evaluation import Interval, confidence


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
