"""The parts of the report, one function each; a part without data is None."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tidegate.core.translate import Language, tr
from tidegate.report.forecast import figures
from tidegate.report.forecast.view import Residuals, RunView, Sample, Strip
from tidegate.report.page.markup import Markup, el, join
from tidegate.report.page.parts import colon, drawn_of, figure, legend, listed, sentences, side_by_side, with_unit
from tidegate.report.page.words import MODEL, span
from tidegate.report.svg.ticks import has_clock, number, time_label

COMING = 6  # series and targets whose coming steps are drawn
STRETCH = 168  # rows in a close-up: a week of hours
TARGETS = 4  # as many targets are drawn; the text says so where there are more


def coming(view: RunView, lang: Language) -> Markup | None:
    """The steps after the data: what came before them, the forecast, and its interval."""
    if not view.coming and view.needed:
        names = listed(view.needed, lang)
        text = "The steps after the data need {names} ahead: tidegate predict RUN --future FILE forecasts them."
        return el("p", tr(text, lang, names=names))
    if not view.coming:
        return None
    shown = view.coming[:COMING]
    steps = len(shown[0].mean)
    message = "Left of the dotted line are the last values, right of it the forecast of the {span} after them."
    text = tr(message, lang, span=span(steps, view.frequency, lang))
    if len(shown) == 1:
        return figure(figures.sample_chart(shown[0], view.unit, lang, 760.0), text)
    drawn = [
        figure(figures.sample_chart(item, view.unit, lang), heading=_named(view, item), wide=False) for item in shown
    ]
    keys = legend(sample_keys(shown, lang))
    return join(el("p", text), keys, side_by_side(*drawn), drawn_of(len(shown), len(view.coming), lang))


def forecasts(view: RunView, lang: Language) -> Markup | None:
    """Actual against forecast: single forecasts, then the whole test part and two close-ups of it."""
    parts = [samples(view, lang)] if view.samples else []
    lines = [item for item in view.strips if len(item.time) > 1]  # one forecast is shown above and is no line
    shown = lines[:TARGETS]
    furthest = {(item.series, item.target): item.step for item in sorted(shown, key=lambda item: item.step)}
    parts += [strip(view, item, lang, item.step == furthest[item.series, item.target]) for item in shown]
    return join(*parts, drawn_of(len(shown), len(lines), lang)) if parts else None


def samples(view: RunView, lang: Language) -> Markup:
    """A few forecasts side by side with one legend."""
    drawn = [
        figure(figures.sample_chart(sample, view.unit, lang), heading=_sample_title(view, sample, lang), wide=False)
        for sample in view.samples
    ]
    message = "Each panel is one forecast of {span}, made at the dotted line without knowing what came after it."
    note = tr(message, lang, span=span(len(view.samples[0].actual), view.frequency, lang))
    return join(
        el("h3", tr("Single forecasts", lang)),
        el("p", note),
        legend(sample_keys(view.samples, lang)),
        side_by_side(*drawn),
    )


def sample_keys(samples: Sequence[Sample], lang: Language) -> list[tuple[str, str, str]]:
    """The legend of samples."""
    bands = {interval.level for sample in samples for interval in sample.intervals}
    keys = [("line", "model", tr("Forecast", lang)), ("line", "actual", tr("Actual", lang))]
    return keys + [("band", "model", figures.level_name(level, lang)) for level in sorted(bands)]


def _named(view: RunView, item: Sample | Strip) -> str:
    """Series and target of a figure, where there are several."""
    return " \u00b7 ".join(part for part in (item.series, item.target if len(view.targets) > 1 else "") if part)


def _sample_title(view: RunView, sample: Sample, lang: Language) -> str:
    start = sample.time[len(sample.history)]
    name = _named(view, sample)
    begin = tr("from {time}", lang, time=time_label(start, lang, has_clock(sample.time)))
    return f"{name} \u00b7 {begin}" if name else begin


def strip(view: RunView, item: Strip, lang: Language, full: bool = True) -> Markup:
    """The last part of the strip; where `full`, its hardest part, the whole of it, and where the errors fall."""
    ahead = span(item.step, view.frequency, lang)
    name = _named(view, item)
    prefix = name + colon(lang) if name else ""
    count = len(item.time)

    def chart(rows: slice, heading: str, caption: str = "") -> Markup:
        return figure(figures.strip_chart(item, rows, view.unit, view.zone, lang), caption, prefix + heading)

    message = (
        "Every forecast in this chart was made {span} before the time it is for. A forecast that is merely the actual "
        "line shifted to the right would have learnt nothing."
    )
    everything = tr(message, lang, span=ahead)
    if count <= 2 * STRETCH:
        return chart(slice(0, count), tr("The test part, forecast {span} ahead", lang, span=ahead), everything)
    last = slice(count - STRETCH, count)
    title = tr("The last {span}, forecast {ahead} ahead", lang, span=_stretch(view, lang), ahead=ahead)
    if not full:
        return chart(last, title)
    worst = figures.hardest(item, STRETCH)
    length = max(min(view.evaluation.season, count // 40), math.ceil(count / 180))
    message = (
        "Lowest and highest values of every {span}: where the blue lines leave the grey area, forecasts went beyond "
        "what happened or fell short of it."
    )
    whole = tr(message, lang, span=span(length, view.frequency, lang))
    hard = None
    if worst is not None:
        error = float(np.nanmean(np.abs(item.actual - item.mean)[worst]))
        message = "The stretch of this length with the largest errors: {error} on average."
        words = tr(message, lang, error=with_unit(number(error), view.unit))
        hard = chart(worst, tr("The hardest {span}", lang, span=_stretch(view, lang)), words)
    return join(
        chart(last, title, everything),
        hard,
        figure(figures.range_chart(item, length, view.unit, lang), whole, prefix + tr("The whole test part", lang)),
        figure(
            figures.error_over_time(item, view.unit, lang),
            tr("Errors that grow towards the end suggest that the data have changed since training.", lang),
            prefix + tr("Where the errors fall", lang),
        ),
    )


def _stretch(view: RunView, lang: Language) -> str:
    return span(STRETCH, view.frequency, lang)


def steps(view: RunView, lang: Language) -> Markup | None:
    """Error by step ahead."""
    per_step = {name: np.asarray(values, dtype=np.float64) for name, values in view.evaluation.per_step.items()}
    if MODEL not in per_step or len(per_step[MODEL]) < 2:
        return None
    values = per_step[MODEL]
    caption = tr(
        "The model's error is {first} at the first step and {last} at the last.",
        lang,
        first=with_unit(number(float(values[0])), view.unit),
        last=with_unit(number(float(values[-1])), view.unit),
    )
    best = view.evaluation.best_baseline
    if above := figures.not_drawn(per_step, best, view.unit, lang):
        caption = sentences([caption, above], lang)
    return figure(figures.step_chart(per_step, best, view.unit, view.frequency, lang), caption)


def residuals(view: RunView, lang: Language) -> Markup | None:
    """Distribution and autocorrelation of what the model left unexplained."""
    if view.residuals is None or not np.isfinite(view.residuals.values).any():
        return None
    values = view.residuals.values
    values = values[:, :, None] if values.ndim == 2 else values
    shown = min(values.shape[2], TARGETS)
    parts = [_residual_pair(view, view.residuals, values[:, :, channel], channel, lang) for channel in range(shown)]
    return join(*parts, drawn_of(shown, values.shape[2], lang))


def _residual_pair(
    view: RunView, kept: Residuals, values: np.ndarray[Any, Any], channel: int, lang: Language
) -> Markup | None:
    data = values[np.isfinite(values)]
    if not data.size:
        return None
    name = f"{view.targets[channel]} \u00b7 " if len(view.targets) > 1 else ""
    mean, (low, high) = float(data.mean()), np.quantile(data, [0.05, 0.95])
    lean = tr("Forecasts are too low by {size} on average", lang, size=with_unit(number(mean), view.unit))
    if mean < 0:
        lean = tr("Forecasts are too high by {size} on average", lang, size=with_unit(number(-mean), view.unit))
    spread = tr(
        "{lean}; nine in ten residuals lie between {low} and {high}. The outermost bars hold all that lies beyond.",
        lang,
        lean=lean,
        low=with_unit(number(float(low)), view.unit),
        high=with_unit(number(float(high)), view.unit),
    )
    drawn = [
        figure(figures.residual_histogram(values, view.unit, lang), spread, name + tr("Distribution", lang), wide=False)
    ]
    correlation, count = figures.autocorrelation(values[:, 0], kept.series, min(figures.LAGS, max(len(values) // 4, 1)))
    if np.isfinite(correlation).any():
        seen = int(np.isfinite(correlation).sum())
        outside = int((np.abs(correlation) > 1.96 / math.sqrt(count)).sum())
        message = (
            "Residuals one step ahead. {outside} of {lags} bars leave the grey range; by chance alone about {chance} "
            "would. Bars that stand out are structure the model has not used."
        )
        words = tr(message, lang, outside=outside, lags=seen, chance=round(0.05 * seen))
        drawing = figures.autocorrelation_chart(correlation, count, kept, view.frequency, lang)
        drawn.append(figure(drawing, words, name + tr("Autocorrelation", lang), wide=False))
    return side_by_side(*drawn)
