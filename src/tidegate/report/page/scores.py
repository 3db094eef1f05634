"""The scores of every method, best first, beside each other: one table for every task, and what it rests on."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tidegate.core.translate import Language, tr
from tidegate.report.page.markup import Markup, join
from tidegate.report.page.parts import Row, meanings, ranked_table, soft_notes
from tidegate.report.page.words import MODEL, method_name, metric_meaning
from tidegate.report.svg.ticks import number


@dataclass(frozen=True)
class Columns:
    """How the metrics of an evaluation are shown.

    Attributes:
        metrics: their names, the one that ranks first.
        cell: of a method and a metric, as text. heading: of a metric, its name and what stands below it.
        own: name of the model.
        below: of a method, under the first metric, usually an interval; None shows nothing.
        higher: whether a larger first metric is better. whole: the first metric at which a bar is full; None takes the
            largest.
    """

    metrics: Sequence[str]
    cell: Callable[[str, str], str]
    heading: Callable[[str], tuple[str, str]]
    own: str
    below: Callable[[str], str] | None = None
    higher: bool = False
    whole: float | None = None


def table(found: Any, shown: Columns, caption: str, lang: Language, *after: Markup | None) -> Markup:
    """The methods ranked, with a bar for what ranks them, `after` it what must be known, notes, and what metrics mean.

    Args:
        found: an evaluation: `overall` (method -> metric -> value), `best_baseline` and `notes`.
        shown: its columns. caption: above the table.
    """
    first = shown.metrics[0]
    worst = -math.inf if shown.higher else math.inf
    order = sorted(found.overall, key=lambda name: value_of(found, name, first, worst), reverse=shown.higher)
    finite = [value for name in order if math.isfinite(value := value_of(found, name, first))]
    whole = shown.whole or max(finite, default=1.0) or 1.0
    rows = [
        Row(
            shown.own if name == MODEL else method_name(name, lang),
            [shown.cell(name, metric) for metric in shown.metrics],
            value_of(found, name, first, 0.0) / whole,
            shown.below(name) if shown.below is not None else "",
            kind_of(name, found.best_baseline),
        )
        for name in order
    ]
    head = [(tr("Method", lang), ""), *(shown.heading(metric) for metric in shown.metrics)]
    told = [(shown.heading(metric)[0], metric_meaning(metric, lang)) for metric in shown.metrics]
    return join(
        ranked_table(head, rows, caption),
        *after,
        *soft_notes(found.notes, lang),
        meanings(told, lang) if any(text for _, text in told) else None,
    )


def value_of(found: Any, method: str, metric: str, missing: float = math.nan) -> float:
    """A metric of a method; `missing` where it has none."""
    value = found.overall[method].get(metric)
    return float(value) if value is not None and math.isfinite(value) else missing


def kind_of(method: str, best: str | None) -> str | None:
    """How a row is marked: the model's own, the best baseline's, others not."""
    return "own" if method == MODEL else "best" if method == best else None


def saved(own: float, other: float, lang: Language) -> list[tuple[str, str, str]]:
    """The key number of an error against the best baseline's, in percent; nothing where that is none."""
    if not other or not math.isfinite(own / other):
        return []
    gain = (1 - own / other) * 100
    name = tr("Error added", lang) if gain < 0 else tr("Error saved", lang)
    return [(name, percent(abs(gain), lang), tr("against the best baseline", lang))]


def covered(coverage: Mapping[float, float], lang: Language) -> list[tuple[str, str, str]]:
    """The key number of every interval: the share of the actual values that it holds."""
    found = []
    for level, share in sorted(coverage.items()):
        words = tr("of actual values inside the {level} % interval", lang, level=f"{level * 100:g}")
        found.append((tr("Interval coverage", lang), percent(share * 100, lang), words))
    return found


def percent(value: float, lang: Language) -> str:
    """`10.7 %`."""
    return tr("{value} %", lang, value=number(value, 1))
