"""The report's charts, each from plain arrays."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.frequency import Frequency
from tidegate.core.translate import Language, tr
from tidegate.report.forecast.view import Residuals, Sample, Strip
from tidegate.report.page.markup import Markup
from tidegate.report.page.parts import listed, with_unit
from tidegate.report.page.words import MODEL, ahead_title, cycle, lag_title, method_name, step_size
from tidegate.report.svg.chart import Chart
from tidegate.report.svg.marks import Role
from tidegate.report.svg.thin import Floats, buckets
from tidegate.report.svg.ticks import number

LAGS = 48
HOPELESS = 3.0  # times the model's largest error: errors beyond it are not drawn


def level_name(level: float, lang: Language) -> str:
    """`80 % interval`."""
    return tr("{level} % interval", lang, level=f"{level * 100:g}")


def sample_chart(sample: Sample, unit: str, lang: Language, width: float = 370.0) -> Chart:
    """One forecast: the values before it, what was forecast with its interval, and what came."""
    large = width > 400
    chart = Chart(y_title=unit, lang=lang, width=width, height=270 if large else 220, legend=large)
    past = len(sample.history)
    ahead = sample.time[past:]
    for interval in sample.intervals:
        chart.band(ahead, interval.low, interval.high, level_name(interval.level, lang))
    chart.line(sample.time, np.concatenate([sample.history, sample.actual]), tr("Actual", lang), "actual")
    chart.line(ahead, sample.mean, tr("Forecast", lang), "model", len(ahead) < 2)
    if past:
        chart.rule(sample.time[past - 1])
    return chart.about(tr("Actual values and one forecast of {steps} steps", lang, steps=len(sample.actual)))


def strip_chart(strip: Strip, rows: slice, unit: str, zone: str, lang: Language) -> Markup:
    """Actual against forecast over the strip's `rows`."""
    title = tr("Time ({zone})", lang, zone=zone) if zone else ""
    chart = Chart(x_title=title, y_title=unit, lang=lang, height=270)
    time = strip.time[rows]
    for interval in strip.intervals:
        chart.band(time, interval.low[rows], interval.high[rows], level_name(interval.level, lang))
    chart.line(time, strip.actual[rows], tr("Actual", lang), "actual")
    chart.line(time, strip.mean[rows], tr("Forecast", lang), "model")
    return chart.svg(tr("Actual values and forecasts made {steps} steps ahead", lang, steps=strip.step))


def range_chart(strip: Strip, length: int, unit: str, lang: Language) -> Markup:
    """Lowest to highest value in each `length` rows: an area for the actual values, two lines for the forecasts.

    A season or more per stretch leaves no up and down inside one, so that a long test part stays readable.
    """
    spans = buckets(len(strip.time), math.ceil(len(strip.time) / length))
    at = strip.time[[(a + b - 1) // 2 for a, b in spans]]
    chart = Chart(y_title=unit, lang=lang, height=250)
    ends = {
        name: [_ends(values[a:b]) for a, b in spans]
        for name, values in (("actual", strip.actual), ("mean", strip.mean))
    }
    low, high = np.array(ends["actual"]).T
    chart.band(at, low, high, tr("Actual, lowest to highest", lang), "actual")
    low, high = np.array(ends["mean"]).T
    name = tr("Forecast, lowest and highest", lang)
    chart.line(at, low, name, "model").line(at, high, name, "model")
    return chart.svg(tr("Range of actual values and forecasts over the test part", lang))


def error_over_time(strip: Strip, unit: str, lang: Language, parts: int = 60) -> Markup:
    """Mean absolute error of the strip in `parts` stretches of equal length."""
    error = np.abs(strip.actual - strip.mean)
    spans = [(a, b) for a, b in buckets(len(error), parts) if b > a]
    means = np.array([_mean(error[a:b]) for a, b in spans])
    axis = strip.time.astype("datetime64[us]").astype(np.int64) if strip.time.dtype.kind == "M" else strip.time
    ends = [axis[b] if b < len(axis) else axis[-1] for _, b in spans]
    left, right = np.array([axis[a] for a, _ in spans]), np.array(ends)
    if strip.time.dtype.kind == "M":
        left, right = left.astype("datetime64[us]"), right.astype("datetime64[us]")
    chart = Chart(y_title=titled(tr("Mean absolute error", lang), unit, lang), lang=lang, height=180, zero=True)
    chart.bars(left, right, means, labels=[number(value) for value in means])
    return chart.svg(tr("Mean absolute error over the test part", lang))


def hardest(strip: Strip, length: int) -> slice | None:
    """The `length` rows on which the forecast missed most, on average; None where no such run is half observed."""
    error = np.abs(strip.actual - strip.mean)
    known = np.isfinite(error)
    total = np.concatenate([[0.0], np.cumsum(np.where(known, error, 0.0))])
    count = np.concatenate([[0], np.cumsum(known)])
    seen = count[length:] - count[:-length]
    sums = total[length:] - total[:-length]
    means = np.where(seen >= length // 2, sums / np.maximum(seen, 1), -1.0)
    first = int(np.argmax(means))
    return slice(first, first + length) if means[first] >= 0 else None


def step_chart(
    per_step: Mapping[str, Any], best: str | None, unit: str, frequency: Frequency | None, lang: Language
) -> Chart:
    """Mean absolute error of every method against how far ahead it forecasts."""
    error = titled(tr("Mean absolute error", lang), unit, lang)
    chart = Chart(ahead_title(frequency, lang), error, lang, height=280, zero=True, x_whole=True)
    chart.x_cycle = cycle(frequency)
    draw_methods(chart, per_step, best, step_size(frequency), lang)
    return chart.about(tr("Mean absolute error of each method by step ahead", lang))


def draw_methods(chart: Chart, errors: Mapping[str, Any], best: str | None, size: float, lang: Language) -> None:
    """A line for each method through its errors, `size` apart from x = `size` on; none goes beyond `beyond`."""
    limit, _ = beyond(errors, best)
    chart.y_range = None if limit is None else (0.0, limit)
    for method, values in sorted(errors.items(), key=lambda item: (item[0] == MODEL, item[0] == best)):
        steps = np.arange(1, len(values) + 1, dtype=np.float64) * size
        role: Role = "model" if method == MODEL else "baseline" if method == best else "muted"
        name = method_name(method, lang) if role != "muted" else tr("Other baselines", lang)
        drawn = np.asarray(values, dtype=np.float64)
        drawn = drawn if limit is None else np.where(drawn > limit, np.nan, drawn)
        if np.isfinite(drawn).any():
            chart.line(steps, drawn, name, role, dots=len(values) <= 48 and role != "muted")


def not_drawn(errors: Mapping[str, Any], best: str | None, unit: str, lang: Language) -> str:
    """Names the methods that go beyond the chart, and from where; "" where none does."""
    limit, left = beyond(errors, best)
    if limit is None:
        return ""
    names, shown = listed((method_name(name, lang) for name in left), lang), with_unit(number(limit), unit)
    return tr("Errors above {limit} are not drawn: {names}.", lang, limit=shown, names=names)


def beyond(per_step: Mapping[str, Any], best: str | None) -> tuple[float | None, list[str]]:
    """Where the chart of errors by step or fold ends so that the model's stays readable, and the methods beyond it.

    A hopeless baseline would press all other lines onto the axis: what is above 3 times the largest error of the model
    and of the best baseline is not drawn. None, and no method, where none is.
    """
    peaks = {name: float(np.max(np.asarray(values), initial=0.0, where=np.isfinite(values)))
             for name, values in per_step.items()}  # fmt: skip
    limit = HOPELESS * max(peaks.get(MODEL, 0.0), peaks.get(best or MODEL, 0.0))
    left = [name for name, peak in peaks.items() if peak > limit > 0]
    return (limit if left else None), left


def residual_histogram(values: Floats, unit: str, lang: Language) -> Markup:
    """How often each size of residual occurs; the rarest 0.5 % at each end are drawn at the border."""
    data = values[np.isfinite(values)]
    low, high = np.quantile(data, [0.005, 0.995])
    reach = max(abs(low), abs(high)) or 1.0
    chart = Chart(
        titled(tr("Actual minus forecast", lang), unit, lang), tr("Share in %", lang), lang, 370, 240, legend=False
    )
    chart.histogram(np.clip(data, -reach, reach), tr("Residuals", lang))
    return chart.rule(0.0).svg(tr("Distribution of the residuals", lang))


def autocorrelation(values: Floats, series: NDArray[np.int64] | None, lags: int) -> tuple[Floats, int]:
    """Correlation of residuals with themselves `lag` places later, over pairs within one series.

        r_l = mean of d_i d_(i+l) over the pairs / mean of d_i^2,   d = residual - mean

    Args:
        values: [M], NaN where missing.
        series: [M], or None.
        lags: the largest lag.

    Returns:
        [lags] for lags 1, 2, ...; NaN where there are fewer than two pairs. And the number of residuals.
    """
    d = values - _mean(values)
    power = _mean(d * d)
    out = np.full(lags, np.nan)
    for lag in range(1, min(lags, len(d) - 1) + 1):
        pairs = d[:-lag] * d[lag:]
        if series is not None:
            pairs = pairs[series[:-lag] == series[lag:]]
        if np.isfinite(pairs).sum() > 1 and power > 0:
            out[lag - 1] = _mean(pairs) / power
    return out, int(np.isfinite(values).sum())


def autocorrelation_chart(
    correlation: Floats, count: int, residuals: Residuals, frequency: Frequency | None, lang: Language
) -> Markup:
    """Bars of autocorrelation by lag, with the range in which chance alone would leave 95 % of them."""
    size = step_size(frequency) * residuals.stride
    lags = np.arange(1, len(correlation) + 1, dtype=np.float64) * size
    chart = Chart(lag_title(frequency, lang), tr("Correlation", lang), lang, 370, 240, legend=False, x_whole=True)
    chart.x_cycle = cycle(frequency)
    seen = correlation[np.isfinite(correlation)]
    limit = 1.96 / math.sqrt(max(count, 1))
    low = min(-0.2, -1.3 * limit, float(seen.min()) if seen.size else 0.0)
    high = max(0.4, 1.3 * limit, float(seen.max()) if seen.size else 0.0)
    chart.y_range = math.floor(low * 5) / 5, math.ceil(high * 5) / 5
    chart.band([0.0, lags[-1] + size / 2], [-limit] * 2, [limit] * 2, "", "muted")
    labels = [f"{number(lag, 0)}: {number(value, 2)}" for lag, value in zip(lags, correlation, strict=True)]
    chart.bars(lags - 0.35 * size, lags + 0.35 * size, correlation, labels=labels)
    chart.rule(0.0, upright=False)
    return chart.svg(tr("Autocorrelation of the residuals one step ahead", lang))


def titled(title: str, unit: str, lang: Language) -> str:
    """`Mean absolute error (MW)`."""
    return tr("{title} ({unit})", lang, title=title, unit=unit) if unit else title


def _ends(values: Floats) -> tuple[float, float]:
    values = values[np.isfinite(values)]
    return (float(values.min()), float(values.max())) if values.size else (math.nan, math.nan)


def _mean(values: Floats) -> float:
    values = values[np.isfinite(values)]
    return float(values.mean()) if values.size else math.nan
