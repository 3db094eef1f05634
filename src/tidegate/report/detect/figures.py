"""Charts of a detector: a series with its labelled windows and alarms, and the score that raised them."""

from __future__ import annotations

import numpy as np

from tidegate.core.translate import Language, tr
from tidegate.evaluate.detect.events import runs
from tidegate.report.detect.view import WatchedSeries
from tidegate.report.page.markup import Markup
from tidegate.report.svg.chart import Chart
from tidegate.report.svg.thin import Floats


def series_chart(item: WatchedSeries, unit: str, lang: Language) -> Chart:
    """The values, labelled windows as areas, and a triangle below where each alarm begins."""
    title = f"{item.channel} ({unit})" if item.channel and unit else item.channel or unit
    chart = Chart(y_title=title, lang=lang, height=240)
    low, high = _ends(item.values)
    low -= 0.1 * (high - low)
    chart.y_range = low, high
    for first, last in item.windows:
        span = np.array([first, last], dtype=item.times.dtype)
        chart.band(span, [low, low], [high, high], tr("Labelled as abnormal", lang), "baseline")
    chart.line(item.times, item.values, tr("Values", lang), "actual")
    begins = [first for first, _ in runs(item.alarms)]
    if begins:  # in a row of their own below the line, where nothing hides them
        at = np.full(len(begins), low + 0.05 * (high - low))
        chart.points(item.times[begins], at, tr("Alarm begins", lang), "second", triangles=True)
    return chart.about(tr("Series {name} with alarms and labelled windows", lang, name=item.name))


def score_chart(item: WatchedSeries, lang: Language) -> Markup:
    """The score, and the threshold from which on it alarms."""
    chart = Chart(y_title=tr("Anomaly score", lang), lang=lang, height=150, legend=False)
    low, high = _ends(item.scores)
    if item.threshold is not None:
        low, high = min(low, item.threshold), max(high, item.threshold + 0.04 * (high - low))
    chart.y_range = low, high
    for first, last in item.windows:
        span = np.array([first, last], dtype=item.times.dtype)
        chart.band(span, [low, low], [high, high], "", "baseline")
    chart.line(item.times, item.scores, tr("Score", lang), "model")
    if item.threshold is not None:
        chart.rule(item.threshold, tr("Threshold: alarms above", lang), upright=False)
    return chart.svg(tr("Anomaly score of series {name}", lang, name=item.name))


def _ends(values: Floats) -> tuple[float, float]:
    """Lowest and highest value with a little room."""
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    room = 0.06 * (high - low) or 0.5
    return low - room, high + room
