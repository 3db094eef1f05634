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
from tidegate.runtime.pretrained.network import read_card

SMALLER = "Smaller, and better than any as small: {names}"
FASTER = "Faster, and better than any as fast: {names}"


@dataclass(frozen=True)
class Entry:
    """One training. `score` on the validation part, NaN where there is none; `seconds` of it, its scoring included;
    `changes` of the options; `failed`: why there is no score; `weights`: numbers in the network, 0 where unknown;
    `latency`: milliseconds of one answer, 0 where it was not measured."""

    name: str
    score: float
    seconds: float
    changes: Mapping[str, Any]
    failed: str = ""
    weights: int = 0
    latency: float = 0.0


def count_weights(model: Any) -> int:
    """How many numbers a fitted model's network has, and the pretrained forecaster where that takes part."""
    own = sum(int(array.size) for array in getattr(model.fitted_, "weights", {}).values())
    beside = getattr(getattr(model, "decoding_", None), "mixture", None) is not None
    return own + (int(read_card()["weights"]) if beside else 0)


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
        """Those that no other one as small (as fast, where latencies were measured) beats, lowest cost first."""
        found: list[Entry] = []
        known = [each for each in self.ranked() if self.cost(each) and not math.isnan(each.score)]
        for own in sorted(known, key=self.cost):  # of equally large ones the best comes first
            if not found or (own.score > found[-1].score if self.higher else own.score < found[-1].score):
                found.append(own)
        return found

    @property
    def timed(self) -> bool:
        """Whether latencies were measured, of all that have a score."""
        return all(each.latency for each in self.entries if not math.isnan(each.score))

    def cost(self, entry: Entry) -> float:
        """What an answer costs: milliseconds where they were measured, else weights."""
        return entry.latency if self.timed else float(entry.weights)

    def rows(self, lang: Language | None = None) -> list[list[str]]:
        """The table as text: a head, then a row for each training, best first."""
        score = tr("validation {metric}", lang, metric=metric_name(self.metric, lang))
        table = [[tr("tried", lang), score, tr("seconds", lang), tr("weights", lang), tr("options", lang)]]
        if self.timed:
            table[0].insert(4, tr("one answer, ms", lang))
        for own in self.ranked():
            mark = " *" if own.name == self.chosen else ""
            value = "-" if math.isnan(own.score) else number(own.score)
            options = own.failed or (words.options(own.changes) if own.changes else tr("as given", lang))
            table.append(
                [own.name + mark, value, f"{own.seconds:.1f}", f"{own.weights:,}" if own.weights else "-", options]
            )
            if self.timed:
                table[-1].insert(4, f"{own.latency:.2f}" if own.latency else "-")
        return table

    def columns(self) -> dict[str, NDArray[Any]]:
        """The trainings as name -> array: tried, score, seconds, weights, latency (ms) if measured, chosen, options."""
        own = self.ranked()
        return {
            "tried": np.array([each.name for each in own], dtype=object),
            "score": np.array([each.score for each in own]),
            "seconds": np.array([each.seconds for each in own]),
            "weights": np.array([each.weights for each in own]),
            **({"latency": np.array([each.latency for each in own])} if self.timed else {}),
            "chosen": np.array([each.name == self.chosen for each in own]),
            "options": np.array([words.options(each.changes) for each in own], dtype=object),
        }

    def __str__(self) -> str:
        lines = aligned(self.rows())
        lines.append(tr("* was taken. Scores of a part that chose are a little too good; the test part's are not."))
        smaller = [own.name for own in self.front() if own.name != self.chosen]
        if smaller:
            lines.append(tr(FASTER if self.timed else SMALLER, names=", ".join(smaller)))
        if self.skipped:
            lines.append(tr("No time was left for: {names}", names=", ".join(self.skipped)))
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Plain numbers and text."""
        entries = [{**vars(own), "changes": dict(own.changes)} for own in self.ranked()]
        named = {"metric": self.metric, "higher": self.higher, "chosen": self.chosen}
        return {**named, "entries": entries, "skipped": list(self.skipped)}
