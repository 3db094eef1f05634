"""The findings of a diagnosis, root cause first, each with its figure."""

from __future__ import annotations

from typing import Any

from tidegate.core.translate import Language, tr
from tidegate.report.page.diagnosis_figures import draw
from tidegate.report.page.markup import Markup, el, join
from tidegate.report.page.parts import definition, soft
from tidegate.report.page.view import Run


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
