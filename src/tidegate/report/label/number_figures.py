"""Charts of a regressor: estimates against actual values, and where the errors lie."""

from __future__ import annotations

import numpy as np

from tidegate.core.translate import Language, tr
from tidegate.report.forecast.figures import titled
from tidegate.report.page.markup import Markup
from tidegate.report.svg.chart import Chart
from tidegate.report.svg.thin import Floats
from tidegate.report.svg.ticks import number

MOST = 1_500  # points that are drawn
STRETCHES = 10
FEWEST = 5  # things in a stretch of actual values


def scatter_chart(
    actual: Floats, predicted: Floats, unit: str, lang: Language, margin: tuple[float, float] | None = None
) -> Chart:
    """Every estimate against the actual value, with the line on which both are equal.

    Args:
        margin: level in percent and half-width of an interval, a band around the line.
    """
    known = np.flatnonzero(np.isfinite(actual))
    if len(known) > MOST:
        known = known[np.linspace(0, len(known) - 1, MOST).round().astype(np.int64)]
    y, f = actual[known], predicted[known]
    ends = [float(min(y.min(), f.min())), float(max(y.max(), f.max()))]
    actual_title = titled(tr("Actual value", lang), unit, lang)
    chart = Chart(actual_title, titled(tr("Estimate", lang), unit, lang), lang, height=420)
    if margin is not None:
        level, half = margin
        low, high = [end - half for end in ends], [end + half for end in ends]
        chart.band(ends, low, high, tr("{level} % interval", lang, level=f"{level:g}"))
    chart.line(ends, ends, tr("Exactly right", lang), "baseline")
    labels = [f"{number(a)} \u2192 {number(b)}" for a, b in zip(y, f, strict=True)]
    chart.points(y, f, tr("Estimates", lang), "model", labels=labels)
    return chart.about(tr("Estimates against actual values", lang))


def error_chart(actual: Floats, predicted: Floats, unit: str, lang: Language) -> Markup | None:
    """The middle error and the range of nine in ten by actual value; None where there are too few things."""
    known = np.isfinite(actual)
    y, error = actual[known], (predicted - actual)[known]
    parts = min(STRETCHES, len(y) // FEWEST)
    order = np.argsort(y, kind="stable")
    chunks = list(np.array_split(order, parts)) if parts >= 3 else []
    # Equal values belong together: capped targets would else fill several stretches at one place.
    at = [float(np.median(y[chunk])) for chunk in chunks]
    merged: dict[float, list[int]] = {}
    for place, chunk in zip(at, chunks, strict=True):
        merged.setdefault(place, []).extend(chunk.tolist())
    if len(merged) < 3:
        return None
    places = sorted(merged)
    spread = np.array([np.quantile(error[merged[place]], [0.05, 0.5, 0.95]) for place in places])
    title = titled(tr("Estimate minus actual value", lang), unit, lang)
    chart = Chart(titled(tr("Actual value", lang), unit, lang), title, lang, height=250)
    chart.band(places, spread[:, 0], spread[:, 2], tr("Nine in ten errors", lang))
    chart.line(places, spread[:, 1], tr("Middle error", lang), "model", dots=True)
    return chart.rule(0.0, upright=False).svg(tr("Errors by actual value", lang))


def error_histogram(actual: Floats, predicted: Floats, unit: str, lang: Language) -> Markup:
    """How often each size of error occurs; the rarest 0.5 % at each end are drawn at the border."""
    error = (predicted - actual)[np.isfinite(actual)]
    reach = float(np.abs(np.quantile(error, [0.005, 0.995])).max()) or 1.0
    title = titled(tr("Estimate minus actual value", lang), unit, lang)
    chart = Chart(title, tr("Share in %", lang), lang, height=220, legend=False)
    chart.histogram(np.clip(error, -reach, reach), tr("Errors", lang), bins=min(41, max(9, len(error) // 8)))
    return chart.rule(0.0).svg(tr("Distribution of the errors", lang))
