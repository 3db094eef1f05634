"""The whole page."""

from __future__ import annotations

from tidegate.core.translate import Language, tr
from tidegate.report import audit, diagnosis
from tidegate.report.forecast import groups, scores, sections
from tidegate.report.forecast.view import RunView
from tidegate.report.page.document import document
from tidegate.report.page.markup import Markup, el, join
from tidegate.report.page.words import span


def render(view: RunView, lang: Language) -> str:
    """The report as one HTML document: no script, nothing loaded from anywhere, the same view gives the same text."""
    parts = [
        ("scores", tr("Beside the baselines", lang), scores.table(view, lang)),
        ("diagnosis", tr("Diagnosis", lang), diagnosis.section(view, lang)),
        ("forecasts", tr("Actual against forecast", lang), sections.forecasts(view, lang)),
        ("steps", tr("Error by step ahead", lang), sections.steps(view, lang)),
        ("groups", tr("By target and series", lang), groups.section(view, lang)),
        ("learning", tr("Learning curves", lang), sections.learning(view, lang)),
        ("residuals", tr("Residuals", lang), sections.residuals(view, lang)),
        ("audit", tr("Leak audit", lang), audit.section(view, lang)),
        ("data", tr("What was done to the data", lang), sections.data(view, lang)),
        ("configuration", tr("Configuration", lang), sections.configuration(view, lang)),
        ("repeat", tr("How to repeat it", lang), sections.repeat(view, lang)),
    ]
    head = join(header(view, lang), scores.verdict(view, lang), scores.key_numbers(view, lang))
    return document(view.title, head, parts, lang)


def header(view: RunView, lang: Language) -> Markup:
    """Title, and what is forecast."""
    names = ("、" if lang == "zh_TW" else ", ").join(view.targets)
    what = tr("Forecast of {targets}", lang, targets=names)
    if view.unit:
        what = tr("Forecast of {targets} in {unit}", lang, targets=names, unit=view.unit)
    how = tr(
        "{origins} forecasts of {span} scored on the test part",
        lang,
        origins=f"{view.evaluation.origins:,}",
        span=span(view.evaluation.horizon, view.frequency, lang),
    )
    return el(
        "header",
        el("p", tr("Forecast report", lang), class_="over"),
        el("h1", view.title),
        el("p", what, el("br"), how, class_="soft"),
    )
