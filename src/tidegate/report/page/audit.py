"""The leak audit on the page: the findings in words, and every question that was put."""

from __future__ import annotations

from tidegate.core.translate import Language, tr
from tidegate.evaluate.leaks.audit import Check, perturbation_name
from tidegate.report.page.markup import Markup, el, join
from tidegate.report.page.parts import plain_table
from tidegate.report.page.view import Run


def section(view: Run, lang: Language) -> Markup | None:
    """What was replaced, what had to stay the same, and whether it did; None where there was no audit."""
    if view.audit is None:
        return None
    head = [tr("Replaced from", lang), tr("By", lang), tr("Compared", lang), tr("Result", lang)]
    rows = [
        [
            check.cutoff,
            perturbation_name(check.perturbation, lang),
            tr("{count} stages", lang, count=len(check.stages)),
            _result(check, lang),
        ]
        for check in view.audit.checks
    ]
    return join(*(el("p", line) for line in view.audit.text(lang).split("\n")), plain_table(head, rows))


def _result(check: Check, lang: Language) -> str:
    if check.refused:
        return tr("could not be run", lang)
    if check.finding is None:
        return tr("the same, bit for bit", lang)
    return tr("{stage} changed", lang, stage=tr(check.finding.stage, lang))
