"""The report of an anomaly detector: one self-contained page."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tidegate.core.translate import Language, language, tr
from tidegate.evaluate.detect import DetectionEvaluation
from tidegate.evaluate.detect.words import duration, method_label, metric_name
from tidegate.report import diagnosis
from tidegate.report.detect import figures as alarm_figures
from tidegate.report.forecast import scores, sections
from tidegate.report.forecast.sections import figure
from tidegate.report.label.scores import capital
from tidegate.report.label.view import DetectionView, WatchedSeries
from tidegate.report.page.document import document
from tidegate.report.page.markup import Markup, el, join
from tidegate.report.page.ranking import Row, key_list, plain_table, ranked_table
from tidegate.report.page.words import MODEL
from tidegate.report.page.words import duration as seconds_text
from tidegate.report.page.write import write_page
from tidegate.report.svg.ticks import number, time_label

SERIES = 6
EVENTS = 12
_COLUMNS = ("f1", "found", "false_alarms", "false_per_week", "precision", "delay_median", "pr_auc")
_KEYS = {
    "ahead": "beats",
    "level": "tie",
    "behind": "loses",
    "few": "few",
    "alone": "alone",
    "unlabelled": "unlabelled",
}


@dataclass(frozen=True)
class _Told:
    key: str
    warnings: tuple[str, ...] = ()


def report_alarms(path: str | Path, view: DetectionView, lang: Language | None = None) -> Path:
    """Write the report as one HTML file that needs nothing else.

    Args:
        path: the file; its folder must exist. A file already there is replaced.
        view: what to show.
        lang: language of all words; None takes the reader's.

    Raises:
        OutputError: the file cannot be written.
    """
    return write_page(Path(path), render_alarms(view, lang or language()))


def render_alarms(view: DetectionView, lang: Language) -> str:
    """The page as text; the same view gives the same text."""
    labelled = view.evaluation.key != "unlabelled"
    parts = [
        ("scores", tr("Beside the baselines", lang), table(view, lang) if labelled else None),
        ("diagnosis", tr("Diagnosis", lang), diagnosis.section(view, lang)),
        ("series", tr("Series and alarms", lang), drawn(view, lang)),
        ("each", tr("Series by series", lang), each(view.evaluation, lang) if labelled else None),
        ("learning", tr("Learning curves", lang), sections.learning(view, lang)),
        ("data", tr("What was done to the data", lang), sections.data(view, lang)),
        ("configuration", tr("Configuration", lang), sections.configuration(view, lang)),
        ("repeat", tr("How to repeat it", lang), sections.repeat(view, lang)),
    ]
    told = scores.banner(_Told(_KEYS[view.evaluation.key]), view.evaluation.summary(lang), lang)
    return document(view.title, join(header(view, lang), told, key_numbers(view, lang)), parts, lang)


def header(view: DetectionView, lang: Language) -> Markup:
    """Title, and what was watched."""
    found = view.evaluation
    count, rows = f"{found.series:,}", f"{found.rows:,}"
    what = tr("{count} series with {rows} rows were watched", lang, count=count, rows=rows)
    over = el("p", tr("Anomaly report", lang), class_="over")
    return el("header", over, el("h1", view.title), el("p", what, class_="soft"))


def key_numbers(view: DetectionView, lang: Language) -> Markup:
    """Windows found, false alarms and delay."""
    found = view.evaluation
    own = found.overall[MODEL]
    items = []
    if own["windows"]:
        of = tr("of {count} labelled windows", lang, count=f"{own['windows']:,.0f}")
        items.append((tr("Found", lang), f"{own['found']:,.0f}", of))
    rate = own["false_per_week"]
    budget = "" if found.budget is None else tr("{budget} were allowed", lang, budget=f"{found.budget:g}")
    name = tr("False alarms a week", lang) if own["windows"] else tr("Alarms a week", lang)
    if math.isfinite(rate):
        items.append((name, number(rate), budget))
    else:
        items.append((capital(metric_name("false_alarms", lang)), f"{own['false_alarms']:,.0f}", budget))
    if math.isfinite(own["delay_median"]):
        delay = duration(own["delay_median"], found.dated, lang)
        items.append((capital(metric_name("delay_median", lang)), delay, tr("from a window's beginning", lang)))
    if found.best_baseline is not None and own["windows"]:
        shown = f"{found.overall[found.best_baseline]['found']:,.0f}"
        items.append((tr("Best baseline found", lang), shown, capital(method_label(found.best_baseline, lang))))
    if view.seconds is not None:
        items.append((tr("Training time", lang), seconds_text(view.seconds, lang), ""))
    return key_list(items)


def table(view: DetectionView, lang: Language) -> Markup:
    """All methods, best first, by the F1 of events."""
    found = view.evaluation
    columns = [name for name in _COLUMNS if any(math.isfinite(found.overall[m][name]) for m in found.methods)]
    order = sorted(found.methods, key=lambda m: -_or(found.overall[m]["f1"]))
    rows = [
        Row(
            tr("This detector", lang) if method == MODEL else capital(method_label(method, lang)),
            [found.cell(name, found.overall[method], lang) for name in columns],
            _or(found.overall[method]["f1"]),
            kind="own" if method == MODEL else "best" if method == found.best_baseline else None,
        )
        for method in order
    ]
    head = [(tr("Method", lang), ""), *((capital(metric_name(name, lang)), "") for name in columns)]
    caption = tr(
        "A run of alarms is one event; it is right where it overlaps a labelled window. F1 joins the share of windows "
        "found and the share of events that are right.",
        lang,
    )
    adjusted = tr(
        "Point-adjusted F1, which papers report: {value}.", lang, value=number(found.overall[MODEL]["adjusted_f1"], 3)
    )
    notes = [el("p", tr(note.message, lang, **dict(note.values)), class_="soft") for note in found.notes]
    return join(ranked_table(head, rows, caption), el("p", adjusted, class_="soft"), *notes)


def drawn(view: DetectionView, lang: Language) -> Markup | None:
    """Each series with its labelled windows, alarms and score, and a list of events."""
    if not view.series:
        return None
    parts: list[Markup | None] = []
    for item in view.series[:SERIES]:
        parts.append(figure(alarm_figures.series_chart(item, view.unit, lang), heading=item.name))
        words = (
            tr(
                "How rare each row is, from its p-value: 0.5 is one in a thousand. It alarms above the level line.",
                lang,
            )
            if item.threshold is not None
            else ""
        )
        parts.append(figure(alarm_figures.score_chart(item, lang), words))
        parts.append(_events(item, lang))
    if len(view.series) > SERIES:
        more = tr("The first {shown} of {count} are drawn.", lang, shown=SERIES, count=len(view.series))
        parts.append(el("p", more, class_="soft"))
    return join(*parts)


def each(found: DetectionEvaluation, lang: Language) -> Markup | None:
    """Windows found and false alarms of every series."""
    if len(found.per_series) < 2:
        return None
    names = ("found", "false_alarms", "delay_median", "f1")
    rows = [[name, *(found.cell(metric, row, lang) for metric in names)] for name, row in found.per_series.items()]
    head = [tr("Series", lang), *(capital(metric_name(metric, lang)) for metric in names)]
    return plain_table(head, rows, (1, 2, 3, 4))


def _events(item: WatchedSeries, lang: Language) -> Markup | None:
    if not item.events:
        return None
    shown = item.events[:EVENTS]
    known = any(event.right is not None for event in shown)
    channels = any(event.channel for event in shown)
    head = [tr("Alarm from", lang), tr("to", lang), tr("Highest score", lang)]
    head += [tr("Channel", lang)] if channels else []
    head += [tr("Labelled", lang)] if known else []
    rows = []
    for event in shown:
        row = [_time(event.first, lang), _time(event.last, lang), number(event.score)]
        row += [event.channel] if channels else []
        row += [tr("yes", lang) if event.right else tr("no, a false alarm", lang)] if known else []
        rows.append(row)
    left = len(item.events) - len(shown)
    more = el("p", tr("{count} more alarms are not listed.", lang, count=left), class_="soft") if left else None
    return join(plain_table(head, rows, (2,)), more)


def _time(value: Any, lang: Language) -> str:
    return time_label(value.astype("datetime64[us]") if isinstance(value, np.datetime64) else int(value), lang)


def _or(value: float) -> float:
    return value if math.isfinite(value) else 0.0
