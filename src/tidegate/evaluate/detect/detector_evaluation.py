"""The result for a detector of ours: its alarms as any detector's are scored, and whether its p-values hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from tidegate.core.translate import Language, tr
from tidegate.evaluate.detect.evaluation import DetectionEvaluation
from tidegate.evaluate.evaluation import Saved

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
