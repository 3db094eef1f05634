"""The findings of a diagnosis, root cause first."""

from __future__ import annotations

from typing import Any

from tidegate.core.translate import Language, tr
from tidegate.report.chart import Chart
from tidegate.report.markup import Markup, el, join
from tidegate.report.view import RunView


def section(view: RunView, lang: Language) -> Markup | None:
    """A summary, then each finding with its evidence, cause and remedy; None without a diagnosis."""
    findings = view.findings
    if findings is None:
        return None
    items = [_finding(item, number, lang) for number, item in enumerate(findings, 1)]
    return join(el("p", findings.summary(lang)), *items)


def _finding(item: Any, number: int, lang: Language) -> Markup:
    rows = [
        (tr("How grave", lang), item.severity_text(lang)),
        (tr("Seen", lang), item.text(lang)),
        (tr("Cause", lang), item.cause(lang)),
        (tr("Remedy", lang), item.advice(lang)),
    ]
    cells = [join(el("dt", name), el("dd", value)) for name, value in rows]
    return el("div", el("h3", f"{number}. {item.title(lang)}"), el("dl", *cells, class_="facts"), _figure(item, lang))


def _figure(item: Any, lang: Language) -> Markup | None:
    ...
