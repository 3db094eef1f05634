"""The figures of an explanation, each from its arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from tidegate.core.translate import Language, tr
from tidegate.explain import Case, Explanation
from tidegate.explain.deletion import Faithfulness
from tidegate.explain.groups import Group
from tidegate.report.explanation.names import feature_name, left_over, steps_name
from tidegate.report.page.markup import Markup
from tidegate.report.page.parts import figure, with_unit
from tidegate.report.page.words import ahead_title, span, step_size
from tidegate.report.svg.chart import Chart
from tidegate.report.svg.heat import HeatMap, signed_number
from tidegate.report.svg.thin import Floats, buckets
from tidegate.report.svg.ticks import number

MOST_QUERIES = 24
MOST_NAMES = 7  # columns that have room for their names
MOST_COLUMNS = 96  # cells across; neighbours are added up beyond that


def cells(found: Explanation, unit: str, lang: Language) -> Markup:
    """Shapley values by feature and block of steps."""
    each, case = found.attributions["cell"], found.case
    features = list(dict.fromkeys(group.feature or "" for group in each.groups.all))
    # Past blocks from the oldest on, then what is known ahead, then static inputs.
    spans = sorted(
        {(group.first, group.end) for group in each.groups.all},
        key=lambda item: (item[0] is None, item[0] if item[0] is not None else 0),
    )
    table = np.full((len(spans), len(features)), np.nan)
    faint = np.zeros(table.shape, dtype=np.bool_)
    for index, (group, doubt) in enumerate(zip(each.groups.all, each.unsure(), strict=True)):
        place = spans.index((group.first, group.end)), features.index(group.feature or "")
        table[place], faint[place] = each.mean[index], doubt
    times = [steps_name(Group(None, *item), case, lang) for item in spans]
    names = [feature_name(name, lang) for name in features]
    before = ""
    if len(features) > MOST_NAMES:  # too many for columns: they become rows, and times the columns, in short
        short = [
            span(-first, case.frequency, lang) if first is not None and first < 0 else time
            for (first, _), time in zip(spans, times, strict=True)
        ]
        before = tr("The block up to so long before the forecast", lang)
        table, faint, times, names = table.T, faint.T, names, short
    drawing = HeatMap(
        times,
        np.arange(table.shape[1] + 1, dtype=np.float64),
        table,
        lang,
        x_title=before,
        low=tr("lowered", lang),
        high=tr("raised", lang),
        names=names,
        faint=faint,
    )
    error = float(np.max(np.abs(each.error.mean(axis=1))))
    left = left_over(float(each.residual.mean()), float(each.prediction.mean()), lang)
    caption = tr(
        "Where and when the input that mattered was. The deepest colour is {deepest}; the standard error of sampling "
        "is {error} at most; left over: {residual}.",
        lang,
        deepest=with_unit(number(float(np.nanmax(np.abs(table)))), unit),
        error=with_unit(number(error), unit),
        residual=left,
    )
    title = tr("By input and time", lang)
    return figure(drawing.svg(title), caption, title)


def ahead(found: Explanation, unit: str, lang: Language) -> Markup | None:
    """Shapley values by feature and step ahead."""
    each, case = found.attributions["feature"], found.case
    steps = each.values.shape[1]
    if steps < 2:
        return None
    order = np.argsort(-each.reach)
    size = step_size(case.frequency)
    edges, values = _join(np.arange(0.5, steps + 1) * size, each.values[order], total=False)
    drawing = HeatMap(
        [feature_name(each.groups.all[index].feature or "", lang) for index in order],
        edges,
        values,
        lang,
        x_title=ahead_title(case.frequency, lang),
        low=tr("lowered", lang),
        high=tr("raised", lang),
        over=((np.arange(steps) + 1.0) * size, case.mean, tr("Forecast", lang)),
    )
    message = "The same shares for every step ahead; the deepest colour is {deepest}."
    caption = tr(message, lang, deepest=with_unit(number(float(np.abs(values).max())), unit))
    title = tr("By input and step ahead", lang)
    return figure(drawing.svg(title), caption, title)


def inputs(found: Explanation, unit: str, lang: Language) -> Markup | None:
    """Integrated gradients of every past cell, below the input itself."""
    if "gradient" not in found.attributions:
        return None
    each, case = found.attributions["gradient"], found.case
    T = len(case.history)
    features = list(dict.fromkeys(group.feature or "" for group in each.groups.all))
    table = np.zeros((len(features), T))
    for index, group in enumerate(each.groups.all):
        if group.first is not None and group.first < 0:
            table[features.index(group.feature or ""), T + group.first] += each.values[index, 0]
    kept = np.abs(table).sum(axis=1) > 0
    edges, values = _join(time_edges(case.past_time), table[kept])
    drawing = HeatMap(
        [feature_name(name, lang) for name, keep in zip(features, kept, strict=True) if keep],
        edges,
        values,
        lang,
        low=tr("lowered", lang),
        high=tr("raised", lang),
        over=(case.past_time, case.history, case.target),
    )
    caption = tr(
        "Each past value's share of the mean forecast (integrated gradients from other windows, on average); "
        "the deepest colour is {deepest}. All values together, those known ahead included, give {sum} of {whole}; "
        "left over: {residual}.",
        lang,
        deepest=with_unit(number(float(np.abs(values).max(initial=0))), unit),
        sum=signed_number(float(each.values.sum())),
        whole=signed_number(float((each.prediction - each.base)[0])),
        residual=left_over(float(each.residual[0]), float(each.prediction[0]), lang),
    )
    return figure(drawing.svg(tr("Every single input", lang)), caption)


def attention(found: Explanation, unit: str, lang: Language) -> Markup | None:
    """Weights over the steps, below the input."""
    if not found.attention:
        return None
    case, parts = found.case, []
    for each in found.attention:
        weights = np.atleast_2d(each.weights[0])
        if len(weights) > MOST_QUERIES:
            parts_of = buckets(len(weights), MOST_QUERIES)
            weights = np.stack([weights[a:b].mean(axis=0) for a, b in parts_of])
        edges, values = _join(step_edges(case, weights.shape[1]), weights * 100)
        names = [tr("Weight", lang)] if len(weights) == 1 else [str(index + 1) for index in range(len(weights))]
        drawing = HeatMap(
            names,
            edges,
            values,
            lang,
            low="0",
            high=f"{number(float(values.max()), 1)}\u2009%",
            over=(case.past_time, case.history, case.target),
        )
        message = (
            "How the layer “{kind}” spread its attention over the window, in percent. Attention says where the "
            "network looked, which is not always what moved the forecast: see the check below."
        )
        caption = tr(message, lang, kind=each.kind)
        parts.append(figure(drawing.svg(tr("Attention over the window", lang)), caption))
    return Markup("".join(parts))


def deletion(test: Faithfulness, heading: str, name: str, unit: str, lang: Language) -> Markup:
    """The curve of a deletion test above the range of random orders."""
    taken = test.taken
    title = unit if name != "importance" else tr("Error added", lang)
    chart = Chart(tr("Inputs taken away", lang), title, lang, 370, 220, x_whole=True, zero=True)
    low, high = np.quantile(test.random, [0.05, 0.95], axis=0)
    chart.band(taken, low, high, tr("Random, 9 in 10", lang), "muted")
    chart.line(taken, test.random.mean(axis=0), tr("Random, mean", lang), "baseline")
    chart.line(taken, test.curve, tr("Explanation", lang), "model")
    return figure(chart.svg(heading), heading=heading, wide=False)


def time_edges(time: Any) -> Any:
    """[T + 1] where steps begin and end, a step from its time on."""
    values = np.asarray(time)
    alone = np.timedelta64(1, "h") if values.dtype.kind == "M" else 1
    step = values[-1] - values[-2] if len(values) > 1 else alone
    return np.concatenate([values, values[-1:] + step])


def step_edges(case: Case, steps: int) -> Any:
    """[S + 1] edges of the network's own steps, which may each cover several of the window."""
    whole = len(case.past_time)
    return time_edges(case.past_time)[-(-np.arange(steps + 1) * whole // steps)]


def _join(edges: Any, values: Floats, total: bool = True) -> tuple[Any, Floats]:
    """At most `MOST_COLUMNS` columns: neighbours added up (or averaged)."""
    count = values.shape[1]
    if count <= MOST_COLUMNS:
        return edges, values
    parts = buckets(count, MOST_COLUMNS)
    joined = np.stack([values[:, a:b].sum(axis=1) if total else values[:, a:b].mean(axis=1) for a, b in parts], axis=1)
    return np.concatenate([edges[[a for a, _ in parts]], edges[-1:]]), joined
