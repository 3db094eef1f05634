"""The report of a forecaster: its head, its table of scores and its sections."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tidegate.core.translate import Language, tr
from tidegate.report.forecast import groups, sections
from tidegate.report.forecast.view import RunView
from tidegate.report.page.build import Kind
from tidegate.report.page.markup import Markup, el
from tidegate.report.page.parts import listed, plain_table
from tidegate.report.page.scores import Columns, covered, kind_of, saved, table, value_of
from tidegate.report.page.words import METRICS, MODEL, PERCENT, SHARES, UNITLESS, method_name, metric_heading, span
from tidegate.report.svg.ticks import number

_COLUMNS = ("mae", "rmse", "smape", "mase", "r2")


def about(view: RunView, lang: Language) -> tuple[str, tuple[str | Markup, ...]]:
    """What is forecast, and what was scored."""
    names = listed(view.targets, lang)
    what = tr("Forecast of {targets}", lang, targets=names)
    if view.unit:
        what = tr("Forecast of {targets} in {unit}", lang, targets=names, unit=view.unit)
    message = "{origins} forecasts of {span} scored on the test part"
    how = tr(
        message, lang, origins=f"{view.evaluation.origins:,}", span=span(view.evaluation.horizon, view.frequency, lang)
    )
    return tr("Forecast report", lang), (what, el("br"), how)


def key_numbers(view: RunView, lang: Language) -> list[tuple[str, str, str]]:
    """Figures that answer a manager's first questions."""
    found, metric = view.evaluation, view.evaluation.criterion
    own = value_of(found, MODEL, metric, math.inf)
    below = view.unit if metric not in UNITLESS else ""
    items = [(tr("Average error ({metric})", lang, metric=metric_heading(metric, lang)), number(own), below)]
    best = found.best_baseline
    if best is not None:
        other = value_of(found, best, metric, math.inf)
        items.append((tr("Best baseline", lang), number(other), method_name(best, lang)))
        items += saved(own, other, lang)
    return [*items, *covered(found.coverage, lang)]


def scores(view: RunView, lang: Language) -> Markup:
    """All methods, best first, and the metrics that have no room among the first."""
    found = view.evaluation
    present = {metric for row in found.overall.values() for metric, value in row.items() if math.isfinite(value)}
    columns = sorted((m for m in _COLUMNS if m in present), key=lambda metric: metric != found.criterion)

    def cell(method: str, metric: str) -> str:
        value = value_of(found, method, metric, math.inf)
        return number(value * 100 if metric in SHARES else value)

    shown = Columns(columns, cell, lambda metric: _heading(metric, view.unit, lang), method_name(MODEL, lang))
    rest = [metric for metric in METRICS if metric in present and metric not in columns]
    rest += sorted(present - set(METRICS) - set(columns))
    caption = tr("Errors on the test part, best first; smaller is better except for R².", lang)
    made = table(found, shown, caption, lang, _chance(view, lang))
    return Markup(made + (_more(view, shown, rest, lang) if rest else ""))


def _heading(metric: str, unit: str, lang: Language) -> tuple[str, str]:
    bare = metric in UNITLESS or metric == "mse"
    return metric_heading(metric, lang), "%" if metric in PERCENT | SHARES else "" if bare else unit


def _chance(view: RunView, lang: Language) -> Markup | None:
    """What the Diebold-Mariano test says about the best baseline."""
    best, found = view.evaluation.best_baseline, view.evaluation.dm
    if found is None or best is None or not math.isfinite(found.p_value):
        return None
    words = tr(
        "If the model and “{method}” were equally good, a difference this large would come about by chance with "
        "probability {p} (Diebold-Mariano test).",
        lang,
        method=method_name(best, lang),
        p=tr("below 0.001", lang) if found.p_value < 0.001 else number(found.p_value, 3),
    )
    return el("p", words)


def _more(view: RunView, shown: Columns, rest: Sequence[str], lang: Language) -> Markup:
    found, first = view.evaluation, shown.metrics[0]
    order = sorted(found.overall, key=lambda name: value_of(found, name, first, math.inf))
    head = [(tr("Method", lang), ""), *(shown.heading(metric) for metric in rest)]
    rows = [[method_name(name, lang), *(shown.cell(name, metric) for metric in rest)] for name in order]
    body = plain_table(head, rows, range(1, len(head)), kinds=[kind_of(name, None) for name in order])
    return el("details", el("summary", tr("More metrics", lang)), body)


PAGE = Kind(
    about,
    key_numbers,
    {
        "coming": sections.coming,
        "scores": scores,
        "forecasts": sections.forecasts,
        "steps": sections.steps,
        "groups": groups.section,
        "residuals": sections.residuals,
    },
)
