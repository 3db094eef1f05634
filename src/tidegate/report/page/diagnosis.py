"""The findings of a diagnosis, root cause first, each with its figure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tidegate.core.translate import Language, tr
from tidegate.diagnose import words
from tidegate.report.page.markup import Markup, el, join
from tidegate.report.page.parts import definition, figure, soft
from tidegate.report.page.view import Run
from tidegate.report.svg.chart import Chart
from tidegate.report.svg.heat import ranked_bars
from tidegate.report.svg.marks import Role

HEIGHT = 200
DOTS = 60  # points of a line that still get a dot each
SPREAD = 20.0  # largest over smallest value from which a logarithmic axis shows more


def section(view: Run, lang: Language) -> Markup | None:
    """A summary, then each finding with its evidence, cause, remedy and figure; None without a diagnosis."""
    return None if view.findings is None else findings(view.findings, lang)


def findings(found: Any, lang: Language) -> Markup:
    """The summary, the findings, and how much was looked at."""
    items = [_finding(item, number, lang) for number, item in enumerate(found, 1)]
    return join(el("p", found.summary(lang)), *items, soft(found.sampled(lang)))


def _finding(item: Any, number: int, lang: Language) -> Markup:
    rows = [
        (tr("Seen", lang), item.text(lang)),
        (tr("Why", lang), item.cause(lang)),
        (tr("Try", lang), item.advice(lang)),
    ]
    mark = el("span", item.grade(lang), class_=f"grade {item.severity}")
    heading = el("h3", f"{number}. {item.title(lang)} ", mark)
    return el("div", heading, definition(rows, kind="finding"), draw(item, lang), class_="case")


def draw(item: Any, lang: Language) -> Markup | None:
    """A finding's figure with its caption; None where it has none."""
    if item.figure is None:
        return None
    kind, axes, title = item.figure["kind"], item.axes(lang), item.title(lang)
    drawing = {"curve": _curve, "dots": _curve, "bars": _bars, "histogram": _histogram}[kind](
        item.figure, axes, title, lang
    )
    return figure(drawing, item.caption(lang))


def _curve(shown: Mapping[str, Any], axes: tuple[str, str], title: str, lang: Language) -> Markup:
    x = np.asarray(shown["x"], dtype=np.float64)
    lines = {key: np.array([np.nan if v is None else v for v in values]) for key, values in shown["lines"].items()}
    every = np.concatenate([values[np.isfinite(values)] for values in lines.values()])
    log = bool(every.size and every.min() > 0 and every.max() > SPREAD * every.min())
    whole = bool((x == np.round(x)).all())
    chart = Chart(*axes, lang, height=HEIGHT, log=log, legend=len(lines) > 1, x_whole=whole)
    roles: list[Role] = ["muted", "model"] if len(lines) > 1 else ["model"]
    if "actual" in lines:
        roles = ["actual", "model"]
    for index, ((key, values), role) in enumerate(zip(lines.items(), roles, strict=False)):
        last = index == len(lines) - 1
        dots = len(x) <= DOTS or (shown["kind"] == "dots" and last and len(lines) > 1)
        chart.line(x, values, words.name(key, lang), role, dots)
    for level in shown.get("levels", ()):
        chart.rule(level, upright=False)
    season = shown["marks"].get("season")
    for key, at in shown["marks"].items():
        if key != "season":
            chart.rule(at, words.name(key, lang))
    for index in range(1, int(x[-1] // season) + 1) if season else ():
        chart.rule(index * season, words.name("season", lang) if index == 1 else "")
    return chart.svg(title)


def _bars(shown: Mapping[str, Any], axes: tuple[str, str], title: str, lang: Language) -> Markup:
    names = [words.name(name, lang) for name in shown["names"]]
    return ranked_bars(names, np.array(shown["values"], dtype=np.float64), title, signed=False)


def _histogram(shown: Mapping[str, Any], axes: tuple[str, str], title: str, lang: Language) -> Markup:
    """Shares as lines over the middles of the ranges, or as bars where there is one part."""
    edges = np.asarray(shown["edges"], dtype=np.float64)
    chart = Chart(*axes, lang, height=HEIGHT, zero=True, legend=len(shown["shares"]) > 1)
    roles: tuple[Role, ...] = ("muted", "model")
    if len(shown["shares"]) == 1:
        ((key, shares),) = shown["shares"].items()
        return chart.bars(edges[:-1], edges[1:], shares, words.name(key, lang)).svg(title)
    for (key, shares), role in zip(shown["shares"].items(), roles, strict=False):
        chart.line(np.repeat(edges, 2)[1:-1], np.repeat(shares, 2), words.name(key, lang), role)
    return chart.svg(title)
