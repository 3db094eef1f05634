"""Scores by target and by series, where there are several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tidegate.core.translate import Language, tr
from tidegate.report.forecast.view import RunView
from tidegate.report.page.markup import Markup, el, join
from tidegate.report.page.parts import plain_table
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
        message = "The model is better than “{method}” on {won} of {count} series."
        words = tr(message, lang, method=method_name(best, lang), won=f"{won:,}", count=f"{len(order):,}")
        parts.append(el("p", words))
    if len(order) > MOST:
        parts.append(el("p", tr("The {count} series on which it does worst beside the baseline:", lang, count=MOST)))
    return [*parts, _table(tr("Series", lang), found.per_series, order[:MOST], view, lang)]


def _lost(row: Mapping[str, float], best: str | None) -> float:
    """How much larger the model's error is than the baseline's, relative to it; its error where there is none."""
    own = row.get(MODEL, 0.0)
    other = row.get(best, 0.0) if best is not None else 0.0
    return own / other - 1.0 if other > 0 else own


def _table(
    title: str, errors: Mapping[str, Mapping[str, float]], names: Sequence[str], view: RunView, lang: Language
) -> Markup:
    best = view.evaluation.best_baseline
    methods = [MODEL] if best is None else [MODEL, best]
    below = f"MAE, {view.unit}" if view.unit else "MAE"
    head = [(title, ""), *((method_name(name, lang), below) for name in methods)]
    rows = [[name, *(number(errors[name].get(method, float("nan"))) for method in methods)] for name in names]
    return plain_table(head, rows, (1, 2))
