"""The report's charts on matplotlib axes: what `plot()` of every result draws."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tidegate.core.errors import ConfigError
from tidegate.core.names import method_name, metric_name
from tidegate.core.optional import require
from tidegate.core.translate import Language, language, tr
from tidegate.evaluate import Evaluation
from tidegate.evaluate.detect import DetectionEvaluation
from tidegate.evaluate.detect.evaluation import DetectorEvaluation, method_label
from tidegate.evaluate.fold_scores import Spread
from tidegate.evaluate.label import ClassEvaluation, NumberEvaluation
from tidegate.explain.explanation import Explanation
from tidegate.explain.shapley import Attribution
from tidegate.report.backtest import fold_chart
from tidegate.report.comparison import learning_chart
from tidegate.report.detect.figures import series_chart
from tidegate.report.detect.picture import series_of
from tidegate.report.explanation.page import words_of
from tidegate.report.forecast.figures import sample_chart, step_chart
from tidegate.report.forecast.picture import coming, zero_shot
from tidegate.report.forecast.plot import title_of
from tidegate.report.page.history import loss_chart
from tidegate.report.svg.chart import Chart
from tidegate.report.svg.marks import Band, Bars, Line, Points
from tidegate.tasks.detect.estimator import AnomalyDetector
from tidegate.tasks.detect.view import view
from tidegate.tasks.forecast.estimator import Forecaster
from tidegate.tasks.forecast.zero_shot import ZeroShot
from tidegate.tasks.label.compare import Comparison
from tidegate.tasks.label.estimator import SequenceEstimator
from tidegate.tasks.resample.cross_validate import CrossValidation
from tidegate.tasks.resample.forecasts import Backtest
from tidegate.train import History

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = {"actual": "#1b1d21", "model": "#1565b0", "baseline": "#b65a00", "second": "#7b4fa3", "muted": "#9aa1ab"}
# Families that hold Chinese, as systems name them: matplotlib does not look for one by itself.
CHINESE = (
    "Noto Sans CJK TC", "Noto Sans TC", "Source Han Sans TC", "PingFang TC", "Heiti TC", "Microsoft JhengHei",
    "Noto Sans CJK JP", "WenQuanYi Zen Hei", "AR PL UMing TW", "Droid Sans Fallback", "Arial Unicode MS",
)  # fmt: skip
BARS = 16


def plot(found: Any, ax: Axes | None = None) -> Axes:
    """A result's main chart on `ax`, or on a figure of its own.

    Raises:
        MissingExtraError: matplotlib is not installed. ConfigError: nothing of the result can be drawn.
    """
    pyplot = require("matplotlib.pyplot", extra="plot", purpose="draw a result")
    draw = next((draw for kind, draw in _DRAWN.items() if isinstance(found, kind)), None)
    if draw is None:
        raise ConfigError(tr("{name} has no chart; print it for what it says", name=type(found).__name__))
    with pyplot.rc_context({"font.family": families()}):
        drawn = draw(found, language())
        if ax is None:
            ax = pyplot.subplots(figsize=(7.6, 3.4), layout="constrained")[1]
        if isinstance(drawn, Chart):
            chart(drawn, ax)
        else:
            drawn(ax)
        ax.tick_params(labelfontfamily=families())  # labels of ticks are made later, when the figure is drawn
    shown: Axes = ax
    return shown


def families() -> list[str]:
    """Fonts to draw with: matplotlib's own, then what is installed that holds Chinese."""
    manager = require("matplotlib.font_manager", extra="plot", purpose="draw a result")
    there = {font.name for font in manager.fontManager.ttflist}
    return ["DejaVu Sans", *(name for name in CHINESE if name in there)]


def chart(drawn: Chart, ax: Axes) -> None:
    """The marks of one of the report's charts."""
    for mark in drawn.marks:
        if isinstance(mark, Line):
            style = {"baseline": "--", "second": ":"}.get(mark.role, "-")
            options: dict[str, Any] = {
                "color": COLOURS[mark.role],
                "marker": "o" if mark.dots else None,
                "markersize": 3.5,
            }
            ax.plot(_x(drawn, mark.x), mark.y, style, label=mark.name or None, **options)
        elif isinstance(mark, Band):
            shade: dict[str, Any] = {"color": COLOURS[mark.role], "alpha": 0.2, "linewidth": 0}
            ax.fill_between(_x(drawn, mark.x), mark.low, mark.high, label=mark.name or None, **shade)
        elif isinstance(mark, Bars):
            left, width = _x(drawn, mark.left), _x(drawn, mark.right) - _x(drawn, mark.left)
            ax.bar(left, mark.top, width, align="edge", color=COLOURS[mark.role], label=mark.name or None)
        elif isinstance(mark, Points):
            shape = "^" if mark.triangles else "o"
            ax.scatter(_x(drawn, mark.x), mark.y, s=14, color=COLOURS[mark.role], marker=shape, label=mark.name or None)
        else:
            line = ax.axvline if mark.upright else ax.axhline
            at = _x(drawn, np.array([mark.at]))[0] if mark.upright else mark.at
            line(at, color=COLOURS["muted"], linestyle=":", label=mark.label or None)
    _dress(drawn, ax)


def _dress(drawn: Chart, ax: Axes) -> None:
    """Titles, scale, limits and legend."""
    ax.set_title(drawn.description, loc="left", fontsize="medium")
    ax.set_xlabel(drawn.x_title)
    ax.set_ylabel(drawn.y_title)
    if drawn.log:
        ax.set_yscale("log")
    if drawn.y_range is not None:
        ax.set_ylim(drawn.y_range)
    elif drawn.zero:
        ax.set_ylim(bottom=0)
    if drawn.timed:
        dates = require("matplotlib.dates", extra="plot", purpose="draw a result")
        ax.xaxis.set_major_formatter(dates.ConciseDateFormatter(ax.xaxis.get_major_locator()))
    elif drawn.x_whole:
        ticker = require("matplotlib.ticker", extra="plot", purpose="draw a result")
        ax.xaxis.set_major_locator(ticker.MaxNLocator(integer=True))
    handles, names = ax.get_legend_handles_labels()
    if names:
        unique = dict(zip(reversed(names), reversed(handles), strict=True))
        ax.legend(unique.values(), unique.keys(), frameon=False, fontsize="small")
    ax.spines[["top", "right"]].set_visible(False)


def _x(drawn: Chart, values: Any) -> Any:
    """Places on the x axis; microseconds of a time axis as times."""
    return values.round().astype("datetime64[us]") if drawn.timed else values


def _bars(names: Sequence[str], values: Any, errors: Any, faint: Any, title: str) -> Callable[[Axes], None]:
    """Level bars, the largest above; grey what may be chance."""

    def draw(ax: Axes) -> None:
        colours = [
            COLOURS["muted" if doubt else "model" if value >= 0 else "baseline"]
            for value, doubt in zip(values, faint, strict=True)
        ]
        ax.barh(range(len(names)), values, xerr=2 * errors, color=colours, error_kw={"linewidth": 1})
        ax.set_yticks(range(len(names)), names)
        ax.invert_yaxis()
        ax.axvline(0, color=COLOURS["muted"], linewidth=1)
        ax.set_title(title, loc="left", fontsize="medium")
        ax.spines[["top", "right"]].set_visible(False)

    return draw


def _explained(found: Explanation, lang: Language) -> Callable[[Axes], None]:
    """How far each input (word, block of steps) moved the prediction."""
    kind = next((kind for kind in ("word", "feature", "block") if kind in found.attributions), None)
    if kind is None:
        raise ConfigError(tr("this explanation has no Shapley values to draw"))
    each = found.attributions[kind]
    if kind == "feature" and len(each.groups) < 2 and "block" in found.attributions:
        kind, each = "block", found.attributions["block"]
    order = np.argsort(-each.size)[:BARS]
    names = [_group(found, each, index, kind, lang) for index in order]
    title = tr("What moved this prediction", lang)
    return _bars(names, each.mean[order], each.error.mean(axis=1)[order], each.unsure()[order], title)


def _group(found: Explanation, each: Attribution, index: int, kind: str, lang: Language) -> str:
    """A group as the page names it; of bare arrays by its place."""
    known = found.case is not None
    return words_of(found, "", lang).group(each.groups.all[index], kind) if known else found.named(each, index)


def _classes(found: ClassEvaluation, lang: Language) -> Callable[[Axes], None]:
    """The confusion matrix, or F1 by class where several labels hold at once."""
    if not found.confusion:
        names = list(found.per_class)
        zeros = np.zeros(len(names))
        values = np.array([found.per_class[name]["f1"] for name in names])
        return _bars(names, values, zeros, zeros > 0, "F1")
    matrix = np.array(found.confusion)

    def draw(ax: Axes) -> None:
        shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
        ax.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        places = range(len(found.classes))
        ax.set_xticks(places, found.classes, rotation=45 if len(places) > 4 else 0)
        ax.set_yticks(places, found.classes)
        ax.set_xlabel(tr("Said by the model", lang))
        ax.set_ylabel(tr("Actual", lang))
        ax.set_title(tr("Confusion matrix", lang), loc="left", fontsize="medium")
        if len(places) <= 20:
            for (row, column), count in np.ndenumerate(matrix):
                colour = "white" if shares[row, column] > 0.6 else COLOURS["actual"]
                ax.text(column, row, f"{count:,}", ha="center", va="center", color=colour, fontsize="small")

    return draw


def _numbers(found: NumberEvaluation, lang: Language) -> Callable[[Axes], None]:
    """The metric of every method, the model's in its colour."""
    values = np.array([found.overall[name][found.criterion] for name in found.methods])
    names = [method_name(name, lang) for name in found.methods]
    zeros = np.zeros(len(values))
    others = np.array([name != "model" for name in found.methods])
    return _bars(names, values, zeros, others, metric_name(found.criterion, lang))


def _alarms(found: DetectionEvaluation, lang: Language) -> Callable[[Axes], None]:
    """F1 of every method; its alarms where nothing is labelled."""
    metric = "f1" if found.labelled else "false_alarms"
    values = np.array([found.overall[name][metric] for name in found.methods])
    names, others = [method_label(name, lang) for name in found.methods], [name != "model" for name in found.methods]
    return _bars(names, values, 0 * values, np.array(others), found.heading(metric, lang))


def _folds(found: Spread | CrossValidation, lang: Language) -> Chart:
    return fold_chart(found, "", lang)


def _forecast(found: Forecaster, lang: Language) -> Chart:
    return _coming(coming(found), lang)


def _coming(samples: Sequence[Any], lang: Language) -> Chart:
    if not samples:
        raise ConfigError(
            tr("the coming steps cannot be forecast from what the model has: their known-ahead values lack")
        )
    drawn = sample_chart(samples[0], "", lang, 760.0)
    return drawn.about(f"{tr('Forecast', lang)} \u00b7 {title_of(samples[0], lang)}")


def _pretrained(found: ZeroShot, lang: Language) -> Chart:
    return _coming(zero_shot(found), lang)


def _watched(found: AnomalyDetector, lang: Language) -> Chart:
    seen = sorted(view(found), key=lambda own: -max((own.scores[a:b].max() for a, b in own.events), default=0.0))
    return series_chart(series_of(seen[0]), "", lang)


def _history(found: History, lang: Language) -> Chart:
    return loss_chart(found.to_json()["epochs"], "", lang)


def _steps(found: Evaluation, lang: Language) -> Chart:
    return step_chart(found.per_step, found.best_baseline, found.unit, None, lang)


_DRAWN: dict[type, Callable[[Any, Language], Chart | Callable[[Axes], None]]] = {
    Evaluation: _steps,
    ClassEvaluation: _classes,
    NumberEvaluation: _numbers,
    Explanation: _explained,
    History: _history,
    DetectionEvaluation: _alarms,
    DetectorEvaluation: lambda found, lang: _alarms(found.alarms, lang),
    Spread: _folds,
    CrossValidation: _folds,
    Backtest: lambda found, lang: _folds(found.scores, lang),
    Comparison: learning_chart,
    ZeroShot: _pretrained,
    Forecaster: _forecast,
    AnomalyDetector: _watched,
    SequenceEstimator: lambda found, lang: _history(found.history_, lang),
}
