"""The report of a backtest: the verdict over all folds, their scores side by side, and when each was trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tidegate.core.translate import Language, language, tr
from tidegate.report.forecast.figures import draw_methods, level_name, not_drawn, titled
from tidegate.report.page.document import document, write_page
from tidegate.report.page.markup import Markup, el, join
from tidegate.report.page.parts import Row, figure, header, listed, plain_table, ranked_table, sentences
from tidegate.report.page.scores import kind_of, percent
from tidegate.report.page.verdict import verdict_of
from tidegate.report.page.words import MODEL, UNITLESS, method_name, metric_heading
from tidegate.report.svg.chart import Chart
from tidegate.report.svg.ticks import number, time_label
from tidegate.tasks.resample.alarms import AlarmBacktest, shown_time

LISTED = 100  # events on the page


def report_backtest(
    path: str | Path, found: Any, *, title: str = "", unit: str = "", lang: Language | None = None
) -> Path:
    """Write the report of a backtest as one HTML file.

    Args:
        path: the file. found: what `tidegate.backtest` returned.
        title: of the page; "" names the targets. unit: of the targets. lang: None takes the reader's.

    Raises:
        OutputError: the file cannot be written.
    """
    lang = lang or language()
    if isinstance(found, AlarmBacktest):
        return write_page(path, render_alarms(found, title, lang))
    return write_page(path, render(found, title, unit, lang))


def render(found: Any, title: str, unit: str, lang: Language) -> str:
    """The page."""
    scores, targets = found.scores, found.table.schema.targets
    title = title or listed(targets, lang)
    windows = sum(evaluation.origins for evaluation in found.evaluations)
    how = tr("{folds} folds, {windows} forecasts", lang, folds=scores.folds, windows=f"{windows:,}")
    sections: list[tuple[str, str, Markup | None]] = [
        ("scores", tr("Beside the baselines", lang), table(found, unit, lang)),
        ("folds", tr("Fold by fold", lang), join(chart(found, unit, lang), folds(found, unit, lang))),
    ]
    head = join(header(tr("Backtest report", lang), title, how), verdict_of(scores, lang, scores.text(lang)))
    return document(title, head, sections, lang)


def render_alarms(found: AlarmBacktest, title: str, lang: Language) -> str:
    """The page of a detector's backtest: how often it alarmed after every cutoff, and what it found."""
    title = title or listed(found.table.schema.targets, lang)
    head, *rows = found.rows(lang)
    edges = np.arange(len(found.folds) + 1, dtype=np.float64) + 0.5
    rates = np.array([one.rate for one in found.evaluations])
    per = tr("Events a week", lang) if found.clock else tr("Events in 1,000 rows", lang)
    drawn = Chart(tr("Fold", lang), per, lang, height=220, zero=True, x_whole=True, legend=False)
    drawn.bars(edges[:-1], edges[1:], rates, labels=[number(rate) for rate in rates])
    drawn.rule(found.evaluations[0].budget, tr("budget", lang), upright=False)
    words = tr("How often it alarmed after each cutoff; the line is the budget.", lang)
    events = found.columns()
    names = [name for name in events if name not in ("event", "score")]
    listing = [[_shown(events[name][row]) for name in names] for row in range(len(events["fold"]))][:LISTED]
    sections: list[tuple[str, str, Markup | None]] = [
        ("folds", tr("Fold by fold", lang), join(figure(drawn, words), plain_table(head, rows, range(2, len(head))))),
        ("events", tr("Events", lang), plain_table(names, listing, ()) if listing else None),
    ]
    how = tr("{folds} folds", lang, folds=len(found.folds))
    top = join(header(tr("Backtest report", lang), title, how), el("p", found.verdict(lang), class_="lead"))
    return document(title, top, sections, lang)


def _shown(value: Any) -> str:
    if isinstance(value, (float, np.floating)):
        return number(float(value))
    text = str(value)
    return shown_time(text) if "T" in text and ":" in text else text


def table(found: Any, unit: str, lang: Language) -> Markup:
    """Every method: mean and spread over the folds, the best and the worst fold, skill."""
    scores = found.scores
    head, *rows = scores.rows(lang)
    below = unit if scores.criterion not in UNITLESS else ""
    mean = {name: scores.mean(name) for name in scores.methods}
    cells = dict(zip(scores.methods, rows, strict=True))
    largest = max((value for value in mean.values() if np.isfinite(value)), default=1.0) or 1.0
    ranked = [
        Row(method_name(name, lang), cells[name][1:], mean[name] / largest, kind=kind_of(name, scores.best_baseline))
        for name in sorted(mean, key=lambda name: mean[name])
    ]
    titles = [(tr("Method", lang), ""), *((name, "" if place else below) for place, name in enumerate(head[1:]))]
    caption = tr("Mean over the folds, its standard deviation, and the lowest and highest fold; best first.", lang)
    return ranked_table(titles, ranked, caption)


def chart(found: Any, unit: str, lang: Language) -> Markup:
    """The criterion of every method, fold by fold, with how to read it."""
    caption = "Lines that keep their order from fold to fold are a difference to rely on; lines that cross are not."
    scores = found.scores
    above = not_drawn(by_fold(scores), scores.best_baseline, "" if scores.criterion in UNITLESS else unit, lang)
    said = tr(caption, lang)
    return figure(fold_chart(scores, unit, lang), sentences([said, above], lang) if above else said)


def by_fold(scores: Any) -> dict[str, Any]:
    """Method -> the criterion of each fold."""
    return {method: scores.per_fold[method][scores.criterion] for method in scores.methods}


def fold_chart(scores: Any, unit: str, lang: Language) -> Chart:
    """The criterion of every method, fold by fold."""
    name = metric_heading(scores.criterion, lang)
    title = name if scores.criterion in UNITLESS else titled(name, unit, lang)
    drawn = Chart(tr("Fold", lang), title, lang, height=280, zero=True, x_whole=True)
    draw_methods(drawn, by_fold(scores), scores.best_baseline, 1.0, lang)
    return drawn.about(tr("Error of each method in each fold", lang))


def folds(found: Any, unit: str, lang: Language) -> Markup:
    """When each fold was trained and tested, and its scores."""
    criterion, best = found.scores.criterion, found.scores.best_baseline
    levels = sorted({level for evaluation in found.evaluations for level in evaluation.coverage})
    names = [tr("Fold", lang), tr("Trained until", lang), tr("Tested", lang), tr("Forecasts", lang)]
    names += [method_name(name, lang) for name in (MODEL, best) if name is not None]
    names += [level_name(level, lang) for level in levels]
    rows = []
    for fold in found.folds:
        about, scores = fold.about, fold.evaluation
        tested = f"{_time(about['test_begin'], lang)} – {_time(about['test_end'], lang)}"
        cells = [str(about["fold"]), _time(about["validation_end"], lang), tested, f"{scores.origins:,}"]
        cells += [number(scores.overall[name][criterion]) for name in (MODEL, best) if name is not None]
        shares = [scores.coverage.get(level) for level in levels]
        rows.append([*cells, *("" if share is None else percent(100 * share, lang) for share in shares)])
    return plain_table(names, rows, range(3, len(names)))


def _time(text: str, lang: Language) -> str:
    """A stored time for people; rows that are only counted stay numbers."""
    return text if text.lstrip("-").isdigit() else time_label(np.datetime64(text), lang)
