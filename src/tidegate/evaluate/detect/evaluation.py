"""The scores of a detector: windows found, delays and false alarms beside the baselines', and the verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.core import names
from tidegate.core.table import Note
from tidegate.core.text import aligned, joined, number
from tidegate.core.translate import Language, tr
from tidegate.evaluate.evaluation import Saved
from tidegate.evaluate.significance import FEWEST

_METRICS = {"pr_auc": "PR-AUC by rows", "roc_auc": "ROC-AUC by rows"}


def metric_name(metric: str, lang: Language | None = None) -> str:
    """A metric's name for people."""
    return tr(_METRICS[metric], lang) if metric in _METRICS else names.metric_name(metric, lang)


def method_label(method: str, lang: Language | None = None) -> str:
    """A method's name for people; names of the reader's own stay as they are."""
    return tr("detector", lang) if method == "model" else names.method_name(method, lang)


def duration(value: float, dated: bool, lang: Language | None = None) -> str:
    """Days as minutes, hours or days; where times are no dates, the number."""
    if not math.isfinite(value):
        return "-"
    if not dated:
        return number(value)
    minutes = value * 1440
    if minutes < 90:
        return tr("{value} min", lang, value=f"{minutes:.0f}")
    if minutes < 2880:
        return tr("{value} h", lang, value=f"{minutes / 60:.1f}")
    return tr("{value} days", lang, value=f"{value:.1f}")


COLUMNS = ("found", "false_alarms", "false_per_week", "precision", "recall", "f1", "delay_median", "pr_auc")
UNLABELLED = ("events", "false_per_week", "false_per_1000")
_ANY = {"false_per_week": "alarms_per_week", "false_per_1000": "alarms_per_1000"}
LEVEL = 0.02  # a difference in F1 below it is none

_SENTENCES = {
    "found": "It found {found} of {windows} labelled windows, the median one {delay} after it began, with {false} "
    "false alarms{rate}.",
    "missed": "It found none of the {windows} labelled windows, and raised {false} false alarms{rate}.",
    "unlabelled": "No row that was tested is labelled, so that nothing says which alarms are right; alarms "
    "raised: {false}{rate}.",
    "quiet": "No row that was tested is labelled, and there was no alarm: nothing says whether one is missing.",
}
_RATE = ", {rate} a week"
_BESIDE = {
    "ahead": "The best baseline, {baseline}, found {other} with {others} false alarms: the detector is better "
    "(F1 {f1} against {reference}).",
    "level": "The best baseline, {baseline}, found {other} with {others} false alarms: the detector is no better "
    "(F1 {f1} against {reference}).",
    "chance": "The best baseline, {baseline}, found {other} with {others} false alarms: the detector is no better as "
    "far as can be told (F1 {f1} against {reference}, a difference that is not significant on {windows} windows).",
    "behind": "The best baseline, {baseline}, found {other} with {others} false alarms: the detector is worse "
    "(F1 {f1} against {reference}). Use the baseline.",
    "few": "The best baseline, {baseline}, found {other} with {others} false alarms; {windows} windows are too few to "
    "tell them apart (it needs {needed}).",
}
_BUDGET = {
    "within": "That is within the budget of {budget} false alarms a week.",
    "chance": "That is no more than the budget of {budget} false alarms a week allows in so short a time.",
    "above": "That is more than the budget of {budget} false alarms a week.",
}
SPARE = 2.0  # standard deviations of a count of rare events that chance may add to what a budget allows


@dataclass(frozen=True, kw_only=True, repr=False)
class DetectionEvaluation(Saved):
    """How a detector did on some series, beside the baselines.

    Attributes:
        series: how many were watched; `rows` of them, lasting `days` outside labelled windows (NaN without dates).
        methods: "model", then the baselines, best first by the F1 of events.
        overall: method -> windows, found, events, precision, recall, f1, delay_mean, delay_median (days where times are
            dates), false_alarms, false_per_day, false_per_week, false_per_1000, pr_auc, roc_auc (over rows),
            adjusted_f1 (which flatters).
        per_series: series -> the same of the model alone.
        dated: whether times are dates, so that delays are days.
        budget: false alarms a week that were allowed; None where none was stated.
        best_baseline: the baseline with the highest F1; None without baselines or labels.
        key: what to think of it: "ahead" of the best baseline, "level", "chance" (not significant), "behind", "few"
            (too few windows to tell), "alone" (no baseline), "unlabelled".
        notes: the warning that adjusted F1 flatters, and what was left out.
    """

    series: int
    rows: int
    days: float
    methods: tuple[str, ...]
    overall: Mapping[str, Mapping[str, float]]
    per_series: Mapping[str, Mapping[str, float]]
    dated: bool
    budget: float | None
    best_baseline: str | None
    key: str
    notes: tuple[Note, ...] = ()

    def rows_of(self, lang: Language | None = None) -> list[list[str]]:
        """The table as text: a head, then a row per method."""
        shown = self.columns()
        table = [[tr("method", lang), *(self.heading(name, lang) for name in shown)]]
        for method in self.methods:
            own = self.overall[method]
            table.append([method_label(method, lang), *(self.cell(name, own, lang) for name in shown)])
        return table

    @property
    def labelled(self) -> bool:
        """Whether any window is labelled, so that alarms can be right or false."""
        return bool(self.overall["model"]["windows"])

    def columns(self) -> list[str]:
        """The metrics of the table that have a value; how many alarms there were where nothing says which are false."""
        names = COLUMNS if self.labelled else UNLABELLED
        return [name for name in names if any(math.isfinite(self.overall[m][name]) for m in self.methods)]

    def heading(self, name: str, lang: Language | None = None) -> str:
        """A metric's name; without labels no alarm is called false."""
        return metric_name(name if self.labelled else _ANY.get(name, name), lang)

    def cell(self, name: str, row: Mapping[str, float], lang: Language | None = None) -> str:
        """One metric of a row as text."""
        value = row[name]
        if not math.isfinite(value):
            return "-"
        if name == "found":
            return f"{value:.0f}/{row['windows']:.0f}"
        if name in ("false_alarms", "events") or (name.startswith("false") and value == 0):
            return f"{value:,.0f}"
        if name.startswith("delay"):
            return duration(value, self.dated, lang)
        return number(value) if name.startswith("false") else f"{value:.3f}"

    def table(self, lang: Language | None = None) -> str:
        """The table with aligned columns, and the verdict."""
        return "\n".join([*aligned(self.rows_of(lang)), "", self.summary(lang)])

    def summary(self, lang: Language | None = None) -> str:
        """What was found and at which price, beside the best baseline and the budget."""
        own = self.overall["model"]
        rate = own["false_per_week"]
        values: dict[str, Any] = {
            "found": f"{own['found']:.0f}",
            "windows": f"{own['windows']:.0f}",
            "needed": FEWEST,
            "delay": duration(own["delay_median"], self.dated, lang),
            "false": f"{own['false_alarms']:,.0f}",
            "rate": tr(_RATE, lang, rate=number(rate)) if math.isfinite(rate) and own["false_alarms"] else "",
            "budget": "" if self.budget is None else f"{self.budget:g}",
        }
        silent = "quiet" if own["false_alarms"] == 0 else "unlabelled"
        kind = silent if own["windows"] == 0 else "found" if own["found"] else "missed"
        parts = [tr(_SENTENCES[kind], lang, **values)]
        if self.budget is not None and math.isfinite(rate):
            parts.append(tr(_BUDGET[kept_budget(own["false_alarms"], rate, self.budget)], lang, **values))
        if self.best_baseline is not None and self.key in _BESIDE:
            other = self.overall[self.best_baseline]
            values |= {
                "baseline": method_label(self.best_baseline, lang),
                "other": f"{other['found']:.0f}",
                "others": f"{other['false_alarms']:,.0f}",
                "f1": f"{own['f1']:.3f}",
                "reference": f"{other['f1']:.3f}",
            }
            parts.append(tr(_BESIDE[self.key], lang, **values))
        return joined(parts, lang)

    def __str__(self) -> str:
        return self.table()


def kept_budget(count: float, rate: float, budget: float) -> str:
    """Whether a budget was kept ("within"), broken by no more than a Poisson count scatters ("chance"), or "above"."""
    if rate <= budget:
        return "within"
    allowed = count * budget / rate
    return "chance" if count <= allowed + max(1.0, SPARE * math.sqrt(allowed)) else "above"


LEVELS = (0.1, 0.01, 0.001)
EXPECTED = 10  # p-values below a level that must be expected before their share is held against it


@dataclass(frozen=True, kw_only=True, repr=False)
class DetectorEvaluation(Saved):
    """How a detector did on some rows.

    Attributes:
        alarms: windows found, delays and false alarms beside simple detectors at the same threshold; without labels
            every alarm counts as false, real anomalies included.
        budget: false alarms a week of one stream (in 1,000 rows without a clock) that were allowed.
        threshold: the p at or below which a step alarms. tuned: whether labels chose it instead of the budget.
        rate: events a week of one stream (in 1,000 rows without a clock). clock: whether rows have one.
        calibration: level -> share of the p-values at or below it, on rows without a label.
    """

    alarms: DetectionEvaluation
    budget: float
    threshold: float
    tuned: bool
    rate: float
    clock: bool
    calibration: Mapping[float, float]
    kind: str = "detection"

    @property
    def methods(self) -> Mapping[str, Mapping[str, float]]:
        """Method -> metric -> value: "model", then the simple detectors."""
        return self.alarms.overall

    @property
    def verdict(self) -> str:
        """What to think of it, in words."""
        return "\n".join(self.sentences())

    def sentences(self, lang: Language | None = None) -> list[str]:
        """The verdict, sentence by sentence."""
        found = [self.alarms.summary(lang)]
        if not self.clock:
            text = "That is {rate:.2f} events in 1,000 rows, where the budget is {budget:g}."
            found.append(tr(text, lang, rate=self.rate, budget=self.budget))
        return [*found, self._calibrated(lang)] if self.calibration else found

    def _calibrated(self, lang: Language | None) -> str:
        shares = ", ".join(f"p <= {level:g}: {share:.3%}" for level, share in self.calibration.items())
        ratios = [share / level for level, share in self.calibration.items() if level * self.alarms.rows >= EXPECTED]
        worst, least = max(ratios, default=math.nan), min(ratios, default=math.nan)
        if not ratios:
            text = "There are too few rows to tell whether its p-values are as rare as they say ({shares})."
        elif worst <= 1.5 and least < 0.5:
            text = (
                "Its p-values are too large ({shares}): it alarms less often than the budget allows, and may miss more."
            )
        elif worst <= 1.5:
            text = "Its p-values are as rare as they say ({shares})."
        elif worst <= 4:
            text = "Its p-values are somewhat too small ({shares}): expect more alarms than the budget."
        else:
            text = "Its p-values are far too small ({shares}): these rows are not like the rows it was trained on."
        return tr(text, lang, shares=shares)

    def __str__(self) -> str:
        return "\n".join([self.alarms.table(), *self.sentences()[1:]])
