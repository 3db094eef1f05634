"""The report of an anomaly detector: its head, its table of scores and its sections."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tidegate.core.translate import Language, tr
from tidegate.evaluate.detect.evaluation import duration, metric_name
from tidegate.report.detect.figures import score_chart, series_chart
from tidegate.report.detect.view import DetectionView, WatchedSeries
from tidegate.report.page.build import Kind
from tidegate.report.page.markup import Markup, join
from tidegate.report.page.parts import capital, drawn_of, figure, plain_table, soft
from tidegate.report.page.scores import Columns, table
from tidegate.report.page.words import MODEL, method_name
from tidegate.report.svg.ticks import number, time_label

SERIES = 6
EVENTS = 12
_COLUMNS = ("f1", "found", "false_alarms", "false_per_week", "precision", "delay_median", "pr_auc")


def about(view: DetectionView, lang: Language) -> tuple[str, tuple[str, ...]]:
    """What was watched."""
    found = view.evaluation
    what = tr("{count} series with {rows} rows were watched", lang, count=f"{found.series:,}", rows=f"{found.rows:,}")
    return tr("Anomaly report", lang), (what,)


def key_numbers(view: DetectionView, lang: Language) -> list[tuple[str, str, str]]:
    """Windows found, false alarms and delay."""
    found = view.evaluation
    own = found.overall[MODEL]
    items = []
    if own["windows"]:
        of = tr("of {count} labelled windows", lang, count=f"{own['windows']:,.0f}")
        items.append((tr("Found", lang), f"{own['found']:,.0f}", of))
    rate = own["false_per_week"]
    budget = "" if found.budget is None else tr("allowed: {budget}", lang, budget=f"{found.budget:g}")
    name = tr("False alarms a week", lang) if own["windows"] else tr("Alarms a week", lang)
    if math.isfinite(rate):
        items.append((name, number(rate), budget))
    else:
        items.append(
            (
                capital(metric_name("false_alarms" if own["windows"] else "events", lang)),
                f"{own['false_alarms']:,.0f}",
                budget,
            )
        )
    if math.isfinite(own["delay_median"]):
        delay = duration(own["delay_median"], found.dated, lang)
        items.append((capital(metric_name("delay_median", lang)), delay, tr("from a window's beginning", lang)))
    if found.best_baseline is not None and own["windows"]:
        shown = f"{found.overall[found.best_baseline]['found']:,.0f}"
        items.append((tr("Best baseline found", lang), shown, method_name(found.best_baseline, lang)))
    return items


def scores(view: DetectionView, lang: Language) -> Markup | None:
    """All methods, best first, by the F1 of events; None without labels."""
    found = view.evaluation
    if found.key == "unlabelled":
        return None
    columns = Columns(
        [name for name in _COLUMNS if any(math.isfinite(found.overall[m][name]) for m in found.methods)],
        lambda method, metric: found.cell(metric, found.overall[method], lang),
        lambda metric: (capital(metric_name(metric, lang)), ""),
        tr("This detector", lang),
        higher=True,
        whole=1.0,
    )
    caption = tr(
        "A run of alarms is one event; it is right where it overlaps a labelled window. F1 joins the share of windows "
        "found and the share of events that are right.",
        lang,
    )
    adjusted = tr(
        "Point-adjusted F1, which papers report: {value}.", lang, value=number(found.overall[MODEL]["adjusted_f1"], 3)
    )
    return table(found, columns, caption, lang, soft(adjusted))


def drawn(view: DetectionView, lang: Language) -> Markup | None:
    """Each series with its labelled windows, alarms and score, and a list of events."""
    if not view.series:
        return None
    parts: list[Markup | None] = []
    for item in view.series[:SERIES]:
        parts.append(figure(series_chart(item, view.unit, lang), heading=item.name))
        words = (
            tr(
                "How rare each row is, from its p-value: 0.5 is one in a thousand. It alarms above the level line.",
                lang,
            )
            if item.threshold is not None
            else ""
        )
        parts.append(figure(score_chart(item, lang), words))
        parts.append(_events(item, lang))
    return join(*parts, drawn_of(min(SERIES, len(view.series)), len(view.series), lang))


def each(view: DetectionView, lang: Language) -> Markup | None:
    """Windows found and false alarms of every series."""
    found = view.evaluation
    if len(found.per_series) < 2 or found.key == "unlabelled":
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
    more = soft(tr("{count} more alarms are not listed.", lang, count=left)) if left else None
    return join(plain_table(head, rows, (2,)), more)


def _time(value: Any, lang: Language) -> str:
    return time_label(value.astype("datetime64[us]") if isinstance(value, np.datetime64) else int(value), lang)


PAGE = Kind(about, key_numbers, {"scores": scores, "series": drawn, "each": each})
