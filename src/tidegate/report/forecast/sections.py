"""The parts of the report, one function each; a part without data is None."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from tidegate.core.translate import Language, tr
from tidegate.report.forecast import figures
from tidegate.report.forecast.describe import line
from tidegate.report.forecast.view import Residuals, Run, RunView, Sample, Strip
from tidegate.report.page.markup import Markup, el, join
from tidegate.report.page.words import MODEL, duration, span
from tidegate.report.svg.ticks import number, time_label

STRETCH = 168  # rows in a close-up: a week of hours
TARGETS = 4  # as many targets are drawn; the text says so where there are more


def figure(drawing: Markup, caption: str = "", heading: str = "", wide: bool = True) -> Markup:
    """A chart under its heading, with a sentence on how to read it."""
    return el(
        "figure",
        el("h3", heading) if heading else None,
        el("div", drawing, class_="drawing", tabindex="0"),
        el("figcaption", caption) if caption else None,
        class_="wide" if wide else "half",
    )


def forecasts(view: RunView, lang: Language) -> Markup | None:
    """Actual against forecast: single forecasts, then the whole test part and two close-ups of it."""
    parts = [samples(view, lang)] if view.samples else []
    shown = view.strips[:TARGETS]
    furthest = {(item.series, item.target): item.step for item in sorted(shown, key=lambda item: item.step)}
    parts += [strip(view, item, lang, item.step == furthest[item.series, item.target]) for item in shown]
    if len(view.strips) > len(shown):
        parts.append(_more(len(shown), len(view.strips), lang))
    return join(*parts) if parts else None


def samples(view: RunView, lang: Language) -> Markup:
    """A few forecasts side by side with one legend."""
    bands = {interval.level for sample in view.samples for interval in sample.intervals}
    keys = [("line", "model", tr("Forecast", lang)), ("line", "actual", tr("Actual", lang))]
    keys += [("band", "model", figures.level_name(level, lang)) for level in sorted(bands)]
    drawn = [
        figure(figures.sample_chart(sample, view.unit, lang), heading=_sample_title(view, sample, lang), wide=False)
        for sample in view.samples
    ]
    note = tr(
        "Each panel is one forecast of {span}, made at the dotted line without knowing what came after it.",
        lang,
        span=span(len(view.samples[0].actual), view.frequency, lang),
    )
    return join(el("h3", tr("Single forecasts", lang)), el("p", note), legend(keys), el("div", *drawn, class_="grid-2"))


def legend(keys: Iterable[tuple[str, str, str]]) -> Markup:
    """A legend above several charts: (line or band, role, name) each."""
    items = []
    for kind, role, name in keys:
        mark = (
            el("path", d="M0 6h22", class_=f"line {role}")
            if kind == "line"
            else el("rect", x=0, y=1, width=22, height=10, class_=f"band {role}")
        )
        items.append(el("li", el("svg", mark, viewBox="0 0 22 12", width=22, height=12, aria_hidden="true"), name))
    return el("ul", *items, class_="legend")


def _sample_title(view: RunView, sample: Sample, lang: Language) -> str:
    start = sample.time[len(sample.history)]
    name = [part for part in (sample.series, sample.target if len(view.targets) > 1 else "") if part]
    return " \u00b7 ".join([*name, tr("from {time}", lang, time=time_label(start, lang))])


def strip(view: RunView, item: Strip, lang: Language, full: bool = True) -> Markup:
    """The last part of the strip; where `full`, its hardest part, the whole of it, and where the errors fall."""
    ahead = span(item.step, view.frequency, lang)
    name = " \u00b7 ".join(part for part in (item.series, item.target if len(view.targets) > 1 else "") if part)
    prefix = f"{name}: " if name and lang == "en" else f"{name}：" if name else ""
    count = len(item.time)

    def chart(rows: slice, heading: str, caption: str = "") -> Markup:
        return figure(figures.strip_chart(item, rows, view.unit, view.zone, lang), caption, prefix + heading)

    everything = tr(
        "Every forecast in this chart was made {span} before the time it is for. A forecast that is merely the actual "
        "line shifted to the right would have learnt nothing.",
        lang,
        span=ahead,
    )
    if count <= 2 * STRETCH:
        return chart(slice(0, count), tr("The test part, forecast {span} ahead", lang, span=ahead), everything)
    last = slice(count - STRETCH, count)
    title = tr("The last {span}, forecast {ahead} ahead", lang, span=_stretch(view, lang), ahead=ahead)
    if not full:
        return chart(last, title)
    worst = figures.hardest(item, STRETCH)
    length = max(min(view.evaluation.season, count // 40), math.ceil(count / 180))
    whole = tr(
        "Lowest and highest values of every {span}: where the blue lines leave the grey area, forecasts went beyond "
        "what happened or fell short of it.",
        lang,
        span=span(length, view.frequency, lang),
    )
    hard = None
    if worst is not None:
        error = float(np.nanmean(np.abs(item.actual - item.mean)[worst]))
        words = tr(
            "The stretch of this length with the largest errors: {error} on average.",
            lang,
            error=_unit(error, view.unit),
        )
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
        first=_unit(float(values[0]), view.unit),
        last=_unit(float(values[-1]), view.unit),
    )
    best = view.evaluation.best_baseline
    return figure(figures.step_chart(per_step, best, view.unit, view.frequency, lang), caption)


def learning(view: Run, lang: Language) -> Markup | None:
    """Learning curves, learning rate and gradient norm."""
    if not view.history:
        return None
    best = figures.best_epoch(view.history)
    count = len(view.history)
    caption = tr("{count} epochs.", lang, count=count)
    if best is not None:
        caption = tr(
            "{count} epochs; the weights of epoch {best} were kept, the best on the validation part.",
            lang,
            count=count,
            best=best,
        )
    parts = [figure(figures.loss_chart(view.history, view.loss, lang), caption)]
    small = []
    for key, title in (("learning_rate", tr("Learning rate", lang)), ("grad_norm", tr("Gradient norm", lang))):
        if np.isfinite(figures.column(view.history, key)).any():
            drawing = figures.history_chart(view.history, key, title, lang, log=True)
            small.append(figure(drawing, heading=title, wide=False))
    if small:
        parts.append(el("div", *small, class_="grid-2"))
    return join(*parts)


def residuals(view: RunView, lang: Language) -> Markup | None:
    """Distribution and autocorrelation of what the model left unexplained."""
    if view.residuals is None or not np.isfinite(view.residuals.values).any():
        return None
    values = view.residuals.values
    values = values[:, :, None] if values.ndim == 2 else values
    shown = min(values.shape[2], TARGETS)
    parts = [_residual_pair(view, view.residuals, values[:, :, channel], channel, lang) for channel in range(shown)]
    if values.shape[2] > shown:
        parts.append(_more(shown, values.shape[2], lang))
    return join(*parts)


def _residual_pair(
    view: RunView, kept: Residuals, values: np.ndarray[Any, Any], channel: int, lang: Language
) -> Markup | None:
    data = values[np.isfinite(values)]
    if not data.size:
        return None
    name = f"{view.targets[channel]} \u00b7 " if len(view.targets) > 1 else ""
    mean, (low, high) = float(data.mean()), np.quantile(data, [0.05, 0.95])
    lean = tr("Forecasts are too low by {size} on average", lang, size=_unit(mean, view.unit))
    if mean < 0:
        lean = tr("Forecasts are too high by {size} on average", lang, size=_unit(-mean, view.unit))
    spread = tr(
        "{lean}; nine in ten residuals lie between {low} and {high}. The outermost bars hold all that lies beyond.",
        lang,
        lean=lean,
        low=_unit(float(low), view.unit),
        high=_unit(float(high), view.unit),
    )
    drawn = [
        figure(figures.residual_histogram(values, view.unit, lang), spread, name + tr("Distribution", lang), wide=False)
    ]
    correlation, count = figures.autocorrelation(values[:, 0], kept.series, min(figures.LAGS, max(len(values) // 4, 1)))
    if np.isfinite(correlation).any():
        seen = int(np.isfinite(correlation).sum())
        outside = int((np.abs(correlation) > 1.96 / math.sqrt(count)).sum())
        words = tr(
            "Residuals one step ahead. {outside} of {lags} bars leave the grey range; by chance alone about {chance} "
            "would. Bars that stand out are structure the model has not used.",
            lang,
            outside=outside,
            lags=seen,
            chance=round(0.05 * seen),
        )
        drawing = figures.autocorrelation_chart(correlation, count, kept, view.frequency, lang)
        drawn.append(figure(drawing, words, name + tr("Autocorrelation", lang), wide=False))
    return el("div", *drawn, class_="grid-2")


def data(view: Run, lang: Language) -> Markup | None:
    """The schema, and what was found and done."""
    if not view.schema and not view.notes:
        return None
    pairs = definition(line(note, lang) for note in view.schema) if view.schema else None
    notes = [
        el("li", tr(note.message, lang, **dict(note.values)))
        for note in view.notes
        if note not in view.evaluation.notes
    ]
    nothing = el("p", tr("Nothing had to be repaired or filled.", lang))
    return join(pairs, el("ul", *notes, class_="notes") if notes else nothing)


def configuration(view: Run, lang: Language) -> Markup | None:
    """All options of the run."""
    flat = list(flatten(view.config))
    return definition(flat, code=True) if flat else None


def repeat(view: Run, lang: Language) -> Markup | None:
    """How to run it again."""
    facts = []
    if view.seed is not None:
        facts.append((tr("Seed", lang), str(view.seed)))
    if view.seconds is not None:
        facts.append((tr("Training time", lang), duration(view.seconds, lang)))
    facts += [(name, version) for name, version in view.versions.items()]
    parts = []
    if view.command:
        parts += [el("h3", tr("In a shell", lang)), el("pre", el("code", view.command), tabindex="0")]
    if view.snippet:
        parts += [el("h3", tr("In Python", lang)), el("pre", el("code", view.snippet), tabindex="0")]
    if facts:
        parts += [el("h3", tr("Seed and versions", lang)), definition(facts)]
    return join(*parts) if parts else None


def flatten(config: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, str]]:
    """Dotted names and values of nested options, in the order given."""
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            yield from flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", _plain(value)


def definition(pairs: Iterable[tuple[str, str]], code: bool = False) -> Markup:
    """Names and values in two columns."""
    rows = [
        el(
            "tr",
            el("th", el("code", name) if code else name, scope="row"),
            el("td", el("code", value) if code else value),
        )
        for name, value in pairs
    ]
    return el("table", el("tbody", *rows), class_="pairs")


def _plain(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(_plain(item) for item in value) or "\u2013"
    if value is None or (isinstance(value, Mapping) and not value):
        return "\u2013"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _unit(value: float, unit: str) -> str:
    return f"{number(value)} {unit}".rstrip()


def _more(shown: int, count: int, lang: Language) -> Markup:
    return el("p", tr("The first {shown} of {count} are drawn.", lang, shown=shown, count=count), class_="soft")
