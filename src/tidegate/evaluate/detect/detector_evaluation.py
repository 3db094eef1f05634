"""The result for a detector of ours: its alarms as any detector's are scored, and whether its p-values hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.core.errors import DataError
from tidegate.core.notebook import Notebook
from tidegate.core.translate import Language, tr
from tidegate.evaluate.detect import DetectionEvaluation

LEVELS = (0.1, 0.01, 0.001)
EXPECTED = 10  # p-values below a level that must be expected before their share is held against it


@dataclass(frozen=True)
class DetectorEvaluation(Notebook):
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

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": "detection",
            "alarms": self.alarms.to_json(),
            "budget": self.budget,
            "threshold": self.threshold,
            "tuned": self.tuned,
            "rate": self.rate,
            "clock": self.clock,
            "calibration": {f"{level:g}": share for level, share in self.calibration.items()},
        }

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> DetectorEvaluation:
        """What `to_json` wrote.

        Raises:
            DataError: a key is missing or unknown.
        """
        expected = {*cls.__dataclass_fields__, "kind"}
        if set(state) != expected:
            odd = sorted(set(state) ^ expected)
            raise DataError(f"saved evaluation has missing or unknown keys {odd}; evaluate again with this version")
        return cls(
            alarms=DetectionEvaluation.from_json(state["alarms"]),
            budget=float(state["budget"]),
            threshold=float(state["threshold"]),
            tuned=bool(state["tuned"]),
            rate=float(state["rate"]),
            clock=bool(state["clock"]),
            calibration={float(level): float(share) for level, share in state["calibration"].items()},
        )
