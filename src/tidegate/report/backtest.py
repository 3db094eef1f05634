"""The report of a backtest: the verdict over all folds, their scores side by side, and when each was trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tidegate.core.translate import Language, language, tr
from tidegate.report.forecast.figures import level_name, with_unit
from tidegate.report.forecast.scores import banner
from tidegate.report.forecast.sections import figure
from tidegate.report.page.document import bare
from tidegate.report.page.markup import Markup, el, join
from tidegate.report.page.words import MODEL, UNITLESS, method_name, metric_heading
from tidegate.report.page.write import write_page
from tidegate.report.svg.chart import Chart
from tidegate.report.svg.marks import Role
from tidegate.report.svg.ticks import number, time_label


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
    return write_page(path, render(found, title, unit, lang or language()))


def render(found: Any, title: str, unit: str, lang: Language) -> str:
    """The page."""
    scores, targets = found.scores, found.table.schema.targets
    title = title or ("、" if lang == "zh_TW" else ", ").join(targets)
    windows = sum(evaluation.origins for evaluation in found.evaluations)
    how = tr("{folds} folds, {windows} forecasts", lang, folds=scores.folds, windows=f"{windows:,}")
    header = el(
        "header",
        el("p", tr("Backtest report", lang), class_="over"),
        el("h1", title),
        el("p", how, class_="soft"),
    )
    sections = [
        ("scores", tr("Beside the baselines", lang), table(found, unit, lang)),
        ("folds", tr("Fold by fold", lang), join(chart(found, unit, lang), folds(found, unit, lang))),
    ]
    body = [el("section", el("h2", heading), content, id=name) for name, heading, content in sections]
    return bare(title, lang, header, banner(scores.verdict, scores.text(lang), lang), *body)


def table(found: Any, unit: str, lang: Language) -> Markup:
    """Every method: mean and spread over the folds, the best and the worst fold, skill."""
    scores = found.scores
    head, *rows = scores.rows(lang)
    below = unit if scores.criterion not in UNITLESS else ""
    cells = [
        el("th", name, el("small", below) if index == 1 and below else None, class_="num")
        for index, name in enumerate(head)
        if index
    ]
    shown = []
    for method, row in zip(scores.methods, rows, strict=True):
        kind = "own" if method == MODEL else "best" if method == scores.best_baseline else None
        values = (el("td", value, class_="num") for value in row[1:])
        shown.append(el("tr", el("th", method_name(method, lang), scope="row"), *values, class_=kind))
    caption = tr(
        "Mean over the folds, its standard deviation, and the lowest and highest fold; baselines best first.", lang
    )
    body = el(
        "table",
        el("caption", caption),
        el("thead", el("tr", el("th", tr("Method", lang), scope="col"), *cells)),
        el("tbody", *shown),
        class_="scores",
    )
    return el("div", body, class_="scroll", tabindex="0")


def chart(found: Any, unit: str, lang: Language) -> Markup:
    """The criterion of every method, fold by fold."""
    scores = found.scores
    name = metric_heading(scores.criterion, lang)
    title = name if scores.criterion in UNITLESS else with_unit(name, unit, lang)
    drawn = Chart(tr("Fold", lang), title, lang, height=280, zero=True, x_whole=True)
    steps = np.arange(1, scores.folds + 1, dtype=np.float64)
    best = scores.best_baseline
    for method in sorted(scores.methods, key=lambda item: (item == MODEL, item == best)):
        role: Role = "model" if method == MODEL else "baseline" if method == best else "muted"
        words = method_name(method, lang) if role != "muted" else tr("Other baselines", lang)
        drawn.line(steps, scores.per_fold[method][scores.criterion], words, role, dots=role != "muted")
    caption = tr(
        "Lines that keep their order from fold to fold are a difference to rely on; lines that cross are not.", lang
    )
    return figure(drawn.svg(tr("Error of each method in each fold", lang)), caption)


def folds(found: Any, unit: str, lang: Language) -> Markup:
    """When each fold was trained and tested, and its scores."""
    criterion, best = found.scores.criterion, found.scores.best_baseline
    levels = sorted({level for evaluation in found.evaluations for level in evaluation.coverage})
    names = [tr("Fold", lang), tr("Trained until", lang), tr("Tested", lang), tr("Forecasts", lang)]
    names += [method_name(name, lang) for name in (MODEL, best) if name is not None]
    names += [level_name(level, lang) for level in levels]
    head = [el("th", name, class_="num" if index > 2 else None) for index, name in enumerate(names)]
    rows = []
    for fold in found.folds:
        about, scores = fold.about, fold.evaluation
        tested = f"{_time(about['test_begin'], lang)} – {_time(about['test_end'], lang)}"
        cells = [el("td", str(about["fold"])), el("td", _time(about["validation_end"], lang)), el("td", tested)]
        figures = [f"{scores.origins:,}"]
        figures += [number(scores.overall[name][criterion]) for name in (MODEL, best) if name is not None]
        shares = [scores.coverage.get(level) for level in levels]
        figures += ["" if share is None else tr("{value} %", lang, value=number(100 * share, 1)) for share in shares]
        rows.append(el("tr", *cells, *(el("td", text, class_="num") for text in figures)))
    body = el("table", el("thead", el("tr", *head)), el("tbody", *rows), class_="scores")
    return el("div", body, class_="scroll", tabindex="0")


def _time(text: str, lang: Language) -> str:
    """A stored time for people; rows that are only counted stay numbers."""
    return text if text.lstrip("-").isdigit() else time_label(np.datetime64(text), lang)
