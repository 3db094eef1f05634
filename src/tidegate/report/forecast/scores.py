"""The top of the report: verdict, key numbers, and the table beside the baselines."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal, Protocol

from tidegate.core.translate import Language, tr
from tidegate.report.forecast.view import RunView
from tidegate.report.page.markup import Markup, el, join, shape
from tidegate.report.page.words import (
    METRICS,
    MODEL,
    PERCENT,
    SHARES,
    UNITLESS,
    duration,
    method_name,
    metric_heading,
    metric_meaning,
)
from tidegate.report.svg.ticks import number

Standing = Literal["better", "same", "worse", "doubt"]


class Told(Protocol):
    """A verdict of any task."""

    @property
    def key(self) -> str: ...
    @property
    def warnings(self) -> tuple[str, ...]: ...


_COLUMNS = ("mae", "rmse", "smape", "mase", "r2")
_ICONS = {
    "better": "M13 25.5l8 8 15-18",
    "same": "M12 19c4-4 8-4 12 0s8 4 12 0M12 30c4-4 8-4 12 0s8 4 12 0",
    "worse": "M15 15l18 18M33 15l-18 18",
    "doubt": "M24 12v15M24 34.5v.5",
}


def verdict(view: RunView, lang: Language) -> Markup:
    """The verdict in big plain words: an icon, a word and a sentence, not colour alone."""
    found = view.evaluation.verdict
    return banner(found, view.evaluation.summary(lang), lang)


def banner(found: Told, text: str, lang: Language) -> Markup:
    """A verdict as icon, word and `text`."""
    words = {
        "beats": tr("Better than every baseline", lang),
        "untested": tr("Lower error than every baseline, but not yet tested", lang),
        "tie": tr("No better than the best baseline", lang),
        "chance": tr("No better than the best baseline", lang),
        "loses": tr("Worse than the best baseline", lang),
        "few": tr("Too little was tested to tell", lang),
        "alone": tr("Nothing to compare with", lang),
        "unlabelled": tr("No labels to judge the alarms by", lang),
    }
    word = tr("Too good to be true", lang) if found.warnings else words.get(found.key, found.key)
    tone = tone_of(found)
    icon = shape(
        "svg",
        shape("circle", cx=24, cy=24, r=22),
        shape("path", d=_ICONS[tone]),
        viewBox="0 0 48 48",
        width=48,
        height=48,
        aria_hidden="true",
    )
    body = el("div", el("h2", word), el("p", text))
    return el("section", icon, body, class_=f"verdict {tone}", aria_label=tr("Verdict", lang))


def tone_of(found: Told) -> Standing:
    """How good the news is; a result that cannot be true is bad news."""
    if found.warnings:
        return "doubt"
    tones: dict[str, Standing] = {"beats": "better", "loses": "worse"}
    return tones.get(found.key, "same")


def key_numbers(view: RunView, lang: Language) -> Markup:
    """Four or five figures that answer a manager's first questions."""
    metric = view.evaluation.criterion
    own = _value(view.evaluation.overall.get(MODEL, {}), metric)
    below = view.unit if metric not in UNITLESS else ""
    items = [(tr("Average error ({metric})", lang, metric=metric_heading(metric, lang)), number(own), below)]
    best = view.evaluation.best_baseline
    if best is not None:
        other = _value(view.evaluation.overall[best], metric)
        items.append((tr("Best baseline", lang), number(other), method_name(best, lang)))
        gain = (1 - own / other) * 100 if other else math.nan
        label = tr("Error added", lang) if gain < 0 else tr("Error saved", lang)
        items.append((label, _percent(abs(gain), lang), tr("against the best baseline", lang)))
    for level, share in sorted(view.evaluation.coverage.items()):
        words = tr("of actual values inside the {level} % interval", lang, level=f"{level * 100:g}")
        items.append((tr("Interval coverage", lang), _percent(share * 100, lang), words))
    if view.seconds is not None:
        items.append((tr("Training time", lang), duration(view.seconds, lang), ""))
    cells = [
        el("div", el("dt", name), el("dd", el("span", value, class_="big"), el("span", note) if note else None))
        for name, value, note in items
    ]
    return el("dl", *cells, class_="key")


def table(view: RunView, lang: Language) -> Markup:
    """All methods, best first, the model highlighted, with a bar for the mean absolute error."""
    overall = view.evaluation.overall
    present = {metric for row in overall.values() for metric, value in row.items() if _finite(value)}
    columns = [metric for metric in _COLUMNS if metric in present]
    first = view.evaluation.criterion
    columns = sorted(columns, key=lambda metric: metric != first)
    order = sorted(overall, key=lambda name: _value(overall[name], first))
    largest = max((_value(row, first) for row in overall.values() if _finite(row.get(first))), default=1.0) or 1.0
    head = [el("th", tr("Method", lang), scope="col"), *(_heading(metric, view.unit, lang) for metric in columns)]
    rows = [_row(view, name, columns, largest, lang) for name in order]
    caption = tr("Errors on the test part, best first; smaller is better except for R².", lang)
    meanings = [
        el("li", el("b", metric_heading(metric, lang)), ": " if lang == "en" else "：", metric_meaning(metric, lang))
        for metric in columns
    ]
    return join(
        el(
            "div",
            el("table", el("caption", caption), el("thead", el("tr", *head)), el("tbody", *rows), class_="scores"),
            class_="scroll",
            tabindex="0",
        ),
        _chance(view, lang),
        *(el("p", tr(note.message, lang, **dict(note.values)), class_="soft") for note in view.evaluation.notes),
        el("ul", *meanings, class_="meanings"),
        _every_metric(view, order, columns, present, lang),
    )


def _heading(metric: str, unit: str, lang: Language) -> Markup:
    with_unit = metric not in UNITLESS and metric not in PERCENT and metric not in SHARES and metric != "mse"
    below = "%" if metric in PERCENT | SHARES else unit if with_unit else ""
    return el("th", metric_heading(metric, lang), el("small", below) if below else None, scope="col", class_="num")


def _row(view: RunView, name: str, columns: list[str], largest: float, lang: Language) -> Markup:
    row = view.evaluation.overall[name]
    own = name == MODEL
    cells = []
    for place, metric in enumerate(columns):
        value = _value(row, metric)
        shown = _shown(metric, value)
        if place:
            cells.append(el("td", shown, class_="num"))
            continue
        share = min(max(value / largest, 0.0), 1.0) * 100 if math.isfinite(value) else 0.0
        bar = el("span", class_="meter", style=f"width:{share:.1f}%")
        cells.append(
            el("td", el("span", bar, class_="track", aria_hidden="true"), el("span", shown), class_="num bars")
        )
    label = el("th", method_name(name, lang), scope="row")
    return el("tr", label, *cells, class_="own" if own else "best" if name == view.evaluation.best_baseline else None)


def _chance(view: RunView, lang: Language) -> Markup | None:
    """What the Diebold-Mariano test says about the best baseline."""
    best, found = view.evaluation.best_baseline, view.evaluation.dm
    if found is None or best is None or not math.isfinite(found.p_value):
        return None
    p_value = found.p_value
    shown = tr("below 0.001", lang) if p_value < 0.001 else number(p_value, 3)
    words = tr(
        "If the model and “{method}” were equally good, a difference this large would come about by chance with "
        "probability {p} (Diebold-Mariano test).",
        lang,
        method=method_name(best, lang),
        p=shown,
    )
    return el("p", words)


def _every_metric(
    view: RunView, order: list[str], columns: list[str], present: set[str], lang: Language
) -> Markup | None:
    rest = [metric for metric in METRICS if metric in present and metric not in columns]
    rest += sorted(present - set(METRICS) - set(columns))
    if not rest:
        return None
    head = [el("th", tr("Method", lang), scope="col"), *(_heading(metric, view.unit, lang) for metric in rest)]
    rows = []
    for name in order:
        values = [(metric, _value(view.evaluation.overall[name], metric)) for metric in rest]
        cells = [el("td", _shown(metric, value), class_="num") for metric, value in values]
        own = "own" if name == MODEL else None
        rows.append(el("tr", el("th", method_name(name, lang), scope="row"), *cells, class_=own))
    body = el("table", el("thead", el("tr", *head)), el("tbody", *rows), class_="scores")
    return el("details", el("summary", tr("More metrics", lang)), el("div", body, class_="scroll", tabindex="0"))


def _percent(value: float, lang: Language) -> str:
    return tr("{value} %", lang, value=number(value, 1))


def _shown(metric: str, value: float) -> str:
    return number(value * 100 if metric in SHARES else value)


def _finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _value(row: Mapping[str, float], metric: str) -> float:
    value = row.get(metric)
    return float(value) if value is not None and math.isfinite(value) else math.inf
