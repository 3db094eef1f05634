"""Scores by target and by series, where there are several."""

from __future__ import annotations

from collections.abc import Mapping

from tidegate.core.translate import Language, tr
from tidegate.report.forecast.view import RunView
from tidegate.report.page.markup import Markup, el, join
from tidegate.report.page.words import MODEL, method_name
from tidegate.report.svg.ticks import number

MOST = 10  # series that are listed


def section(view: RunView, lang: Language) -> Markup | None:
    """Mean absolute errors of the model beside the best baseline; None where there is one target and one series."""
    found = view.evaluation
    parts = []
    if len(found.per_target) > 1:
        errors = {
            target: {method: row["mae"] for method, row in methods.items() if "mae" in row}
            for target, methods in found.per_target.items()
        }
        parts.append(_table(tr("Target", lang), errors, list(errors), view, lang))
    if len(found.per_series) > 1:
        parts += _series(view, lang)
    return join(*parts) if parts else None


def _series(view: RunView, lang: Language) -> list[Markup]:
    found = view.evaluation
    best = found.best_baseline
    order = sorted(found.per_series, key=lambda name: -_lost(found.per_series[name], best))
    parts = []
    if best is not None:
        won = sum(_lost(row, best) < 0 for row in found.per_series.values())
        words = tr(
            "The model is better than “{method}” on {won} of {count} series.",
            lang,
            method=method_name(best, lang),
            won=f"{won:,}",
            count=f"{len(order):,}",
        )
        parts.append(el("p", words))
    if len(order) > MOST:
        parts.append(el("p", tr("The {count} series on which it does worst beside the baseline:", lang, count=MOST)))
    shown = order[:MOST]
    parts.append(_table(tr("Series", lang), found.per_series, shown, view, lang))
    return parts


def _lost(row: Mapping[str, float], best: str | None) -> float:
    """How much larger the model's error is than the baseline's, relative to it; its error where there is none."""
    own = row.get(MODEL, 0.0)
    other = row.get(best, 0.0) if best is not None else 0.0
    return own / other - 1.0 if other > 0 else own


def _table(
    title: str, errors: Mapping[str, Mapping[str, float]], names: list[str], view: RunView, lang: Language
) -> Markup:
    best, unit = view.evaluation.best_baseline, view.unit
    methods = [MODEL] if best is None else [MODEL, best]
    small = el("small", f"MAE, {unit}" if unit else "MAE")
    head = [
        el("th", title, scope="col"),
        *(el("th", method_name(name, lang), small, scope="col", class_="num") for name in methods),
    ]
    rows = []
    for name in names:
        cells = [el("td", number(errors[name].get(method, float("nan"))), class_="num") for method in methods]
        rows.append(el("tr", el("th", name, scope="row"), *cells))
    body = el("table", el("thead", el("tr", *head)), el("tbody", *rows), class_="scores")
    return el("div", body, class_="scroll", tabindex="0")
