"""Intervals held against what came: how many values they hold, how wide they are, and which are best."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.notebook import Notebook
from tidegate.core.text import aligned, number
from tidegate.core.translate import Language, tr
from tidegate.evaluate.forecast.conformal import interval_score

NEAR = 0.03  # share of coverage by which an interval may miss its level
_NAMES = {
    "plain": "as the network gives them",
    "split": "calibrated on the validation part",
    "adaptive": "calibrated as errors become known",
}


def method_name(method: str, lang: Language | None = None) -> str:
    """A method in words."""
    return tr(_NAMES[method], lang)


def held(coverage: Mapping[float, float], lang: Language | None = None) -> list[str]:
    """What share of the actual values the interval of each level holds, a sentence each."""
    text = "The {nominal} % interval holds {share} % of the actual values."
    return [tr(text, lang, nominal=f"{100 * level:g}", share=f"{100 * share:.1f}") for level, share in coverage.items()]


@dataclass(frozen=True, repr=False)
class ScoredIntervals(Notebook):
    """Intervals of one level for every answer of a part, by method.

    Attributes:
        level: share of the actual values that an interval should hold.
        actual: [M, ...] what came, NaN where unknown. low, high: method -> [M, ...], in the same unit.
    """

    level: float
    actual: NDArray[np.float64]
    low: Mapping[str, NDArray[np.float64]]
    high: Mapping[str, NDArray[np.float64]]

    def coverage(self, method: str) -> float:
        """Share of the actual values inside."""
        seen = ~np.isnan(self.actual)
        inside = (self.actual >= self.low[method]) & (self.actual <= self.high[method])
        return float(inside[seen].mean())

    def width(self, method: str) -> float:
        """Mean width where a value was observed."""
        return float((self.high[method] - self.low[method])[~np.isnan(self.actual)].mean())

    def score(self, method: str) -> float:
        """Mean interval score: width, and a penalty for values outside; lower is better."""
        return interval_score(self.actual, self.low[method], self.high[method], self.level)

    def rows(self, lang: Language | None = None) -> list[list[str]]:
        """A head, then nominal and achieved coverage, width and score of each method."""
        head = [
            tr("{level} % intervals", lang, level=f"{100 * self.level:g}"),
            tr("nominal %", lang),
            tr("coverage %", lang),
            tr("mean width", lang),
            tr("interval score", lang),
        ]
        return [head] + [
            [
                method_name(name, lang),
                f"{100 * self.level:g}",
                f"{100 * self.coverage(name):.1f}",
                number(self.width(name)),
                number(self.score(name)),
            ]
            for name in self.low
        ]

    def __str__(self) -> str:
        return "\n".join(aligned(self.rows()))

    def verdict(self, lang: Language | None = None) -> str:
        """Which intervals hold what they promise, and the best of these by the interval score."""
        level = f"{100 * self.level:g}"
        if len(self.low) == 1:
            (name,), count = self.low, int(np.count_nonzero(~np.isnan(self.actual)))
            return tr(
                "{coverage} % of {count} actual values lie inside; {level} % are meant, and chance alone moves that by "
                "at least {chance} points.",
                lang,
                coverage=f"{100 * self.coverage(name):.1f}",
                count=f"{count:,}",
                level=level,
                chance=f"{200 * math.sqrt(self.level * (1 - self.level) / count):.1f}",
            )
        holding = [name for name in self.low if abs(self.coverage(name) - self.level) <= NEAR]
        if not holding:
            nearest = min(self.low, key=lambda name: abs(self.coverage(name) - self.level))
            return tr(
                "None is within 3 points of {level} %; the nearest ({name}) holds {coverage} %.",
                lang,
                level=level,
                name=method_name(nearest, lang),
                coverage=f"{100 * self.coverage(nearest):.1f}",
            )
        return tr(
            "{count} of {all} are within 3 points of {level} %; the best of them by interval score: {name}.",
            lang,
            level=level,
            count=len(holding),
            all=len(self.low),
            name=method_name(min(holding, key=self.score), lang),
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values, coverage as a share."""
        methods = {
            name: {"coverage": self.coverage(name), "width": self.width(name), "score": self.score(name)}
            for name in self.low
        }
        return {"level": self.level, "windows": len(self.actual), "methods": methods}
