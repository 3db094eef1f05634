"""What was tried, and how well each did on the validation part."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.names import metric_name
from tidegate.core.notebook import Notebook
from tidegate.core.text import aligned, number
from tidegate.core.translate import Language, tr
from tidegate.diagnose import words


@dataclass(frozen=True)
class Entry:
    """One training. `score` on the validation part, NaN where there is none; `seconds` of it, its scoring included;
    `changes` of the options; `failed`: why there is no score; `weights`: numbers in the network, 0 where unknown."""

    name: str
    score: float
    seconds: float
    changes: Mapping[str, Any]
    failed: str = ""
    weights: int = 0


def count_weights(model: Any) -> int:
    """How many numbers a fitted model's network has."""
    return sum(int(array.size) for array in getattr(model.fitted_, "weights", {}).values())


@dataclass(frozen=True, repr=False)
class Leaderboard(Notebook):
    """What was tried for one model.

    Attributes:
        metric: of the scores. higher: whether more is better. entries: in the order they were tried. chosen: the name
            of the one that was taken. skipped: names for which no time was left.
    """

    metric: str
    higher: bool
    entries: tuple[Entry, ...]
    chosen: str
    skipped: tuple[str, ...] = ()

    def ranked(self) -> list[Entry]:
        """Best first; those without a score last."""
        sign = -1 if self.higher else 1
        return sorted(self.entries, key=lambda each: (math.isnan(each.score), sign * each.score))

    def front(self) -> list[Entry]:
        """Those that no other one of as few weights beats, smallest first: what error a smaller network costs."""
        found: list[Entry] = []
        known = [each for each in self.ranked() if each.weights and not math.isnan(each.score)]
        for own in sorted(known, key=lambda each: each.weights):  # of equally large ones the best comes first
            if not found or (own.score > found[-1].score if self.higher else own.score < found[-1].score):
                found.append(own)
        return found

    def rows(self, lang: Language | None = None) -> list[list[str]]:
        """The table as text: a head, then a row for each training, best first."""
        score = tr("validation {metric}", lang, metric=metric_name(self.metric, lang))
        table = [[tr("tried", lang), score, tr("seconds", lang), tr("weights", lang), tr("options", lang)]]
        for own in self.ranked():
            mark = " *" if own.name == self.chosen else ""
            value = "-" if math.isnan(own.score) else number(own.score)
            options = own.failed or (words.options(own.changes) if own.changes else tr("as given", lang))
            table.append(
                [own.name + mark, value, f"{own.seconds:.1f}", f"{own.weights:,}" if own.weights else "-", options]
            )
        return table

    def columns(self) -> dict[str, NDArray[Any]]:
        """The trainings as name -> array: tried, score, seconds, weights, chosen, options."""
        own = self.ranked()
        return {
            "tried": np.array([each.name for each in own], dtype=object),
            "score": np.array([each.score for each in own]),
            "seconds": np.array([each.seconds for each in own]),
            "weights": np.array([each.weights for each in own]),
            "chosen": np.array([each.name == self.chosen for each in own]),
            "options": np.array([words.options(each.changes) for each in own], dtype=object),
        }

    def __str__(self) -> str:
        lines = aligned(self.rows())
        lines.append(tr("* was taken. Scores of a part that chose are a little too good; the test part's are not."))
        smaller = [own.name for own in self.front() if own.name != self.chosen]
        if smaller:
            lines.append(tr("Smaller, and better than any as small: {names}", names=", ".join(smaller)))
        if self.skipped:
            lines.append(tr("No time was left for: {names}", names=", ".join(self.skipped)))
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Plain numbers and text."""
        entries = [{**vars(own), "changes": dict(own.changes)} for own in self.ranked()]
        named = {"metric": self.metric, "higher": self.higher, "chosen": self.chosen}
        return {**named, "entries": entries, "skipped": list(self.skipped)}
