"""The leak audit on the page: the findings in words, and every question that was put."""

from __future__ import annotations

from tidegate.core.translate import Language, tr
from tidegate.evaluate.leaks.audit import Check, poison_name
from tidegate.report.forecast.view import RunView
from tidegate.report.page.markup import Markup, el, join


def section(view: RunView, lang: Language) -> Markup | None:
    """What was replaced, what had to stay the same, and whether it did; None where there was no audit."""
    if view.audit is None:
        return None
    words = [el("p", line) for line in view.audit.text(lang).split("\n")]
    names = [tr("Replaced from", lang), tr("By", lang), tr("Compared", lang), tr("Result", lang)]
    head = el("thead", el("tr", *(el("th", name, scope="col") for name in names)))
    body = el("tbody", *(_row(check, lang) for check in view.audit.checks))
    return join(*words, el("div", el("table", head, body), class_="scroll", tabindex="0"))


def _row(check: Check, lang: Language) -> Markup:
    result = tr("the same, bit for bit", lang)
    if check.refused:
        result = tr("could not be run", lang)
    elif check.finding is not None:
        result = tr("{stage} changed", lang, stage=tr(check.finding.stage, lang))
    stages = tr("{count} stages", lang, count=len(check.stages))
    return el("tr", *(el("td", text) for text in (check.cutoff, poison_name(check.poison, lang), stages, result)))
