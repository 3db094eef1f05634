"""The findings of a diagnosis, root cause first."""

from __future__ import annotations

from typing import Any

from tidegate.core.translate import Language, tr
from tidegate.report.chart import Chart
from tidegate.report.markup import Markup, el, join
from tidegate.report.view import Run


def section(view: Run, lang: Language) -> Markup | None:
    """A summary, then each finding with its evidence, cause and remedy; None without a diagnosis."""
    findings = view.findings
    if findings is None:
        return None
    items = [_finding(item, number, lang) for number, item in enumerate(findings, 1)]
    return join(el("p", findings.summary(lang)), *items)


def _finding(item: Any, number: int, lang: Language) -> Markup:
    rows = [
        (tr("Seen", lang), item.text(lang)),
        (tr("Why", lang), item.cause(lang)),
        (tr("Try", lang), item.advice(lang)),
    ]
    pairs = [el("tr", el("th", name, scope="row"), el("td", value)) for name, value in rows]
    mark = el("span", item.grade(lang), class_=f"grade {item.severity}")
    heading = el("h3", f"{number}. {item.title(lang)} ", mark)
    return el("div", heading, el("table", el("tbody", *pairs), class_="finding"), _figure(item, lang), class_="case")


def _figure(item: Any, lang: Language) -> Markup | None:
    if item.figure is None or len(item.figure["x"]) < 2:
        return None
    x_title, y_title = item.axes(lang)
    positive = [value for value in item.figure["y"] if value > 0]
    log = len(positive) == len(item.figure["y"]) and max(positive) > 20 * min(positive)
    chart = Chart(x_title, y_title, lang, height=180, log=log, legend=False, zero=not log)
    drawing = chart.line(item.figure["x"], item.figure["y"], y_title, "model", dots=True).svg(item.title(lang))
    return el("figure", el("div", drawing, class_="drawing", tabindex="0"), class_="wide")
