"""The result of judging a detector: its alarms against the budget and the labels, beside simple detectors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from tidegate.core.errors import DataError
from tidegate.core.table import Note
from tidegate.core.translate import Language, tr
from tidegate.evaluate.evaluation import aligned

LEVELS = (0.1, 0.01, 0.001)
HEADS = {
    "rate": "events/{unit}",
    "false_rate": "false/{unit}",
    "found": "found",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "delay": "delay",
    "pr_auc": "PR-AUC",
}
NAMES = {"model": "this detector", "gaussian": "windowed Gaussian", "seasonal": "seasonal-naive residual"}
SPARE = 2.0  # standard deviations of a Poisson count that a budget may be missed by


@dataclass(frozen=True)
class DetectionEvaluation:
    """How a detector did on some rows.

    Attributes:
        rows, series: how many were judged. units: weeks (thousands of rows where rows have no clock) of all series.
        clock: whether `units` are weeks.
        budget: false alarms a unit and stream that were allowed; threshold: the p that stands for it.
        tuned: whether labels chose another threshold than the budget's.
        windows: labelled anomalies in these rows; None where nothing is labelled.
        methods: "model", then the others -> events, rate (events a unit and stream); with labels found, false,
            false_rate, precision, recall, f1, delay (days, or rows; mean) and pr_auc. NaN where a figure has no value.
        calibration: level -> share of the p-values at or below it (labelled rows left out).
        notes: what was left out, and why.
    """

    rows: int
    series: int
    units: float
    clock: bool
    budget: float
    threshold: float
    tuned: bool
    windows: int | None
    methods: Mapping[str, Mapping[str, float]]
    calibration: Mapping[float, float]
    notes: tuple[Note, ...] = field(default=())

    @property
    def verdict(self) -> str:
        """What to think of it, in words."""
        return "\n".join(self.sentences())

    def sentences(self, lang: Language | None = None) -> list[str]:
        """The verdict, sentence by sentence."""
        own, unit = self.methods["model"], self._unit(lang)
        found = [
            tr(
                "{events:.0f} events in {series} stream(s): {rate:.2f} a {unit} and stream.",
                lang,
                events=own["events"],
                unit=unit,
                series=self.series,
                rate=own["rate"],
            )
        ]
        found += [self._with_labels(lang), self._best(lang)] if self.windows else [self._budget(lang)]
        return [*found, self._calibrated(lang)]

    def _budget(self, lang: Language | None) -> str:
        own = self.methods["model"]["events"]
        allowed = self.budget * self.units
        values = {"budget": self.budget, "unit": self._unit(lang), "allowed": allowed}
        if own <= allowed + SPARE * math.sqrt(max(allowed, 1.0)):
            return tr(
                "That keeps the budget of {budget:g} a {unit} ({allowed:.1f} in all), real anomalies included.",
                lang,
                **values,
            )
        return tr(
            "That is more than the budget of {budget:g} a {unit} ({allowed:.1f} in all). Either these rows hold that "
            "many anomalies, or they differ from the rows it was trained on: look at the events.",
            lang,
            **values,
        )

    def _with_labels(self, lang: Language | None) -> str:
        own = self.methods["model"]
        return tr(
            "It found {found:.0f} of {windows} labelled anomalies, with {false:.0f} false alarms: {false_rate:.2f} a "
            "{unit} and stream, where the budget is {budget:g}.",
            lang,
            found=own["found"],
            windows=self.windows,
            false=own["false"],
            false_rate=own["false_rate"],
            unit=self._unit(lang),
            budget=self.budget,
        )

    def _best(self, lang: Language | None) -> str:
        best = max(
            (name for name in self.methods if name != "model"), key=lambda name: _known(self.methods[name]["f1"])
        )
        ours, theirs = _known(self.methods["model"]["f1"]), _known(self.methods[best]["f1"])
        values = {"method": tr(NAMES[best], lang), "ours": ours, "theirs": theirs}
        if ours > theirs:
            return tr(
                "By events its F1 is {ours:.2f}; the best simple detector ({method}) reaches {theirs:.2f}.",
                lang,
                **values,
            )
        return tr(
            "A simple detector does as well or better: {method} has an event F1 of {theirs:.2f}, this one {ours:.2f}. "
            "Use it, or give more rows to train on.",
            lang,
            **values,
        )

    def _calibrated(self, lang: Language | None) -> str:
        shares = ", ".join(f"p <= {level:g}: {share:.3%}" for level, share in self.calibration.items())
        worst = max((share / level for level, share in self.calibration.items() if level >= 0.01), default=math.nan)
        if worst <= 1.5:
            text = "Its p-values are as rare as they say, or rarer ({shares})."
        elif worst <= 4:
            text = "Its p-values are somewhat too small ({shares}): expect more alarms than the budget."
        else:
            text = "Its p-values are far too small ({shares}): these rows are not like the rows it was trained on."
        return tr(text, lang, shares=shares)

    def _unit(self, lang: Language | None) -> str:
        return tr("week", lang) if self.clock else tr("1,000 rows", lang)

    def table(self, lang: Language | None = None) -> list[list[str]]:
        """Head and rows of the methods' figures."""
        shown = [name for name in HEADS if any(name in values for values in self.methods.values())]
        unit = self._unit(lang)
        head = [tr("method", lang), *(tr(HEADS[name], lang).format(unit=unit) for name in shown)]
        rows = [
            [tr(NAMES[method], lang), *(_cell(name, values.get(name, math.nan), self.windows) for name in shown)]
            for method, values in self.methods.items()
        ]
        return [head, *rows]

    def __str__(self) -> str:
        return "\n".join([*aligned(self.table()), "", *self.sentences()])

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": "detection",
            "rows": self.rows,
            "series": self.series,
            "units": self.units,
            "clock": self.clock,
            "budget": self.budget,
            "threshold": self.threshold,
            "tuned": self.tuned,
            "windows": self.windows,
            "methods": {
                method: {name: value if math.isfinite(value) else None for name, value in values.items()}
                for method, values in self.methods.items()
            },
            "calibration": {f"{level:g}": share for level, share in self.calibration.items()},
            "notes": [asdict(note) for note in self.notes],
            "verdict": self.sentences("en"),
        }

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> DetectionEvaluation:
        """What `to_json` wrote.

        Raises:
            DataError: a key is missing or unknown.
        """
        expected = {*cls.__dataclass_fields__, "kind", "verdict"}
        if set(state) != expected:
            odd = sorted(set(state) ^ expected)
            raise DataError(f"saved evaluation has missing or unknown keys {odd}; evaluate again with this version")
        rest = {name: state[name] for name in cls.__dataclass_fields__}
        rest["methods"] = {
            method: {name: math.nan if value is None else float(value) for name, value in values.items()}
            for method, values in state["methods"].items()
        }
        rest["calibration"] = {float(level): float(share) for level, share in state["calibration"].items()}
        rest["notes"] = tuple(Note(note["kind"], note["message"], note["values"]) for note in state["notes"])
        return cls(**rest)


def _known(value: float) -> float:
    return value if math.isfinite(value) else 0.0


def _cell(name: str, value: float, windows: int | None) -> str:
    if not math.isfinite(value):
        return "-"
    return f"{value:.0f}/{windows}" if name == "found" else f"{value:.2f}"
