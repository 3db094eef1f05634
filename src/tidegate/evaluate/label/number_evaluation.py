"""The scores of a regressor beside the baselines', with intervals, and the verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.core.names import method_name, metric_name
from tidegate.core.notebook import Notebook
from tidegate.core.table import Note
from tidegate.core.text import aligned, number
from tidegate.core.translate import Language, tr
from tidegate.evaluate.label.evaluation import (
    Interval,
    check_keys,
    confidence,
    notes_json,
    notes_of,
    plain,
    restored,
)
from tidegate.evaluate.verdict import Verdict, skill_cell

COLUMNS = ("rmse", "mae", "r2", "median_ae", "bias")


@dataclass(frozen=True)
class NumberEvaluation(Notebook):
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
        verdict: what to think of it.
        notes: what was left out, and why.
    """

    names: tuple[str, ...]
    unit: str
    things: int
    units: tuple[str, int]
    criterion: str
    methods: tuple[str, ...]
    overall: Mapping[str, Mapping[str, float]]
    per_target: Mapping[str, Mapping[str, Mapping[str, float]]]
    intervals: Mapping[str, Mapping[str, Interval]]
    difference: Mapping[str, tuple[float, float, float]]
    best_baseline: str | None
    skill: float | None
    verdict: Verdict
    notes: tuple[Note, ...] = ()

    def columns(self) -> list[str]:
        """The metrics of the table, the criterion first, extra ones last; those without any value are left out."""
        extra = [name for name in self.overall["model"] if name not in COLUMNS]
        names = [name for name in (*COLUMNS, *extra) if any(math.isfinite(self.overall[m][name]) for m in self.methods)]
        return sorted(names, key=lambda name: name != self.criterion)

    def rows(self, lang: Language | None = None) -> list[list[str]]:
        """The table as text: a head, then a row per method with its metrics and the model's skill against it."""
        shown = self.columns()
        table = [[tr("method", lang), *(metric_name(name, lang) for name in shown), tr("skill %", lang)]]
        model = self.overall["model"][self.criterion]
        for method in self.methods:
            own = self.overall[method]
            skill = "" if method == "model" else skill_cell(model, own[self.criterion])
            table.append([method_name(method, lang), *(_cell(name, own[name]) for name in shown), skill])
        return table

    def table(self, lang: Language | None = None) -> str:
        """The table with aligned columns (Chinese characters count twice), the model's interval and the verdict."""
        lines = aligned(self.rows(lang))
        low, high = self.intervals["model"].get(self.criterion, (math.nan, math.nan))
        if math.isfinite(low):
            lines.append(confidence(self.criterion, number(low), number(high), lang))
        lines.extend(["", self.summary(lang)])
        return "\n".join(lines)

    def summary(self, lang: Language | None = None) -> str:
        """The verdict in words."""
        return self.verdict.text(lang)

    def __str__(self) -> str:
        return self.table()

    def to_json(self) -> dict[str, Any]:
        """Plain numbers, text, lists and mappings; values that do not exist are null."""
        return {
            "names": list(self.names),
            "unit": self.unit,
            "things": self.things,
            "units": list(self.units),
            "criterion": self.criterion,
            "methods": list(self.methods),
            "overall": plain(self.overall),
            "per_target": plain(self.per_target),
            "intervals": plain(self.intervals),
            "difference": plain(self.difference),
            "best_baseline": self.best_baseline,
            "skill": self.skill,
            "verdict": self.verdict.to_json(),
            "notes": notes_json(self.notes),
        }

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> NumberEvaluation:
        """The evaluation that `to_json` wrote.

        Raises:
            DataError: a key is missing or unknown.
        """
        check_keys(state, cls.__dataclass_fields__)
        return cls(
            names=tuple(state["names"]),
            unit=state["unit"],
            things=state["things"],
            units=(str(state["units"][0]), int(state["units"][1])),
            criterion=state["criterion"],
            methods=tuple(state["methods"]),
            overall=restored(state["overall"]),
            per_target=restored(state["per_target"]),
            intervals=restored(state["intervals"]),
            difference=restored(state["difference"]),
            best_baseline=state["best_baseline"],
            skill=state["skill"],
            verdict=Verdict.from_json(state["verdict"]),
            notes=notes_of(state["notes"]),
        )


def _cell(metric: str, value: float) -> str:
    return f"{value:.3f}" if metric == "r2" and math.isfinite(value) else number(value)
