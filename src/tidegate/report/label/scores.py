"""The top of a page on labels or numbers: key numbers, and the table beside the baselines."""

from __future__ import annotations

import math

from tidegate.core.names import method_name as label
from tidegate.core.names import metric_name
from tidegate.core.text import share as share_cell
from tidegate.core.translate import Language, tr
from tidegate.evaluate.label import ClassEvaluation, NumberEvaluation
from tidegate.evaluate.label.evaluation import COLUMNS
from tidegate.report.label.view import LabelledView
from tidegate.report.page.markup import Markup, el, join
from tidegate.report.page.ranking import Row, key_list, meanings, ranked_table
from tidegate.report.page.words import MODEL, duration
from tidegate.report.svg.ticks import number

LEVEL = 0.005  # a lean of confidence that is none
_DASH = "\u2013"


def key_numbers(view: LabelledView, lang: Language) -> Markup:
    """Four or five figures that answer a manager's first questions."""
    found = view.evaluation
    metric, best = found.criterion, found.best_baseline
    own = found.overall[MODEL][metric]
    items = [(capital(metric_name(metric, lang)), shown(found, metric, own), between(found, metric, MODEL, lang))]
    if best is not None:
        other = found.overall[best][metric]
        items.append((tr("Best baseline", lang), shown(found, metric, other), capital(label(best, lang))))
        if isinstance(found, ClassEvaluation):
            gain = f"{100 * (own - other):+.1f}".replace("-", "\u2212")
            items.append((tr("Difference", lang), gain, tr("points against the best baseline", lang)))
        elif other:
            saved = 100 * (1 - own / other)
            name = tr("Error added", lang) if saved < 0 else tr("Error saved", lang)
            value = tr("{value} %", lang, value=number(abs(saved), 1))
            items.append((name, value, tr("against the best baseline", lang)))
    if isinstance(found, ClassEvaluation):
        gap = found.reliability.lean
        words = tr("surer than right, on average", lang) if gap > 0 else tr("less sure than right, on average", lang)
        if found.kind == "labels" or abs(gap) < LEVEL:
            words = ""
        items.append((tr("Calibration error", lang), share_cell(found.reliability.error), words))
        if len(found.thresholds) == 1:
            said = tr("from which “{name}” is said", lang, name=found.classes[1])
            items.append((tr("Threshold", lang), f"{found.thresholds[0]:.3f}", said))
    else:
        items.append((capital(metric_name("r2", lang)), shown(found, "r2", found.overall[MODEL]["r2"]), ""))
    if view.seconds is not None:
        items.append((tr("Training time", lang), duration(view.seconds, lang), ""))
    return key_list(items)


def table(view: LabelledView, lang: Language) -> Markup:
    """All methods, best first, the model highlighted, with a bar and the interval of what ranks them."""
    found = view.evaluation
    higher = isinstance(found, ClassEvaluation)
    columns = _columns(found)
    first = found.criterion
    largest = 1.0 if higher else max(_finite(found.overall[m][first]) for m in found.methods) or 1.0
    order = sorted(found.methods, key=lambda m: (-1 if higher else 1) * found.overall[m][first])
    rows = [
        Row(
            capital(label(method, lang)) if method != MODEL else tr("This model", lang),
            [shown(found, metric, found.overall[method][metric]) for metric in columns],
            _finite(found.overall[method][first]) / largest,
            between(found, first, method, lang),
            "own" if method == MODEL else "best" if method == found.best_baseline else None,
        )
        for method in order
    ]
    head = [(tr("Method", lang), "")]
    head += [(capital(metric_name(metric, lang)), _below(found, metric)) for metric in columns]
    caption = tr("Scores on the test part, best first; below the first column its 95 % interval.", lang)
    if not higher:
        caption = tr("Errors on the test part, best first; below the first column its 95 % interval.", lang)
    told = [(capital(metric_name(metric, lang)), meaning(metric, lang)) for metric in columns if meaning(metric, lang)]
    return join(
        ranked_table(head, rows, caption),
        _chance(found, lang),
        *(el("p", tr(note.message, lang, **dict(note.values)), class_="soft") for note in found.notes),
        meanings(told, ": " if lang == "en" else "："),
    )


def shown(found: ClassEvaluation | NumberEvaluation, metric: str, value: float) -> str:
    """A metric as text."""
    if not math.isfinite(value):
        return _DASH
    if isinstance(found, ClassEvaluation) or metric == "r2":
        return share_cell(value).replace("-", "\u2212")
    return number(value)


def between(found: ClassEvaluation | NumberEvaluation, metric: str, method: str, lang: Language) -> str:
    """The interval of a metric, "" where there is none."""
    low, high = found.intervals.get(method, {}).get(metric, (math.nan, math.nan))
    if not math.isfinite(low):
        return ""
    return tr("{low} to {high}", lang, low=shown(found, metric, low), high=shown(found, metric, high))


def capital(name: str) -> str:
    """A name fit for the beginning of a line."""
    return name[:1].upper() + name[1:]


def meaning(metric: str, lang: Language) -> str:
    """One plain sentence on what a metric says; empty for one that is not known."""
    sentences = {
        "accuracy": tr("share of all that were called by their name", lang),
        "balanced_accuracy": tr("the same, every class weighing alike however rare it is", lang),
        "f1_macro": tr("mean over the classes of how completely and how purely each is found", lang),
        "f1_micro": tr("how completely and how purely all labels together are found", lang),
        "exact": tr("share of things whose labels are all right", lang),
        "hamming": tr("share of single yes or no decisions that are wrong", lang),
        "roc_auc": tr("chance that something of a class scores above something else; a coin has 0.5", lang),
        "pr_auc": tr("how pure a class stays as more of it is asked for; a coin has the class's own share", lang),
        "log_loss": tr("how surprised the model was by what came; smaller is better", lang),
        "ece": tr("distance of its confidence from its accuracy; smaller is better", lang),
        "mae": tr("average size of the error", lang),
        "rmse": tr("like MAE, but large errors weigh more", lang),
        "r2": tr("share of the variation that is explained; 1 is perfect, 0 is no better than the mean", lang),
        "median_ae": tr("half of the errors are smaller", lang),
        "bias": tr("mean of estimate minus actual value; above 0 it is too high", lang),
        "cmapss": tr("sum over engines of a cost that grows fast with the error, faster for late warnings", lang),
    }
    return sentences.get(metric, "")


def _columns(found: ClassEvaluation | NumberEvaluation) -> list[str]:
    if isinstance(found, NumberEvaluation):
        return found.columns()
    names = [
        m for m in COLUMNS[found.kind] if any(math.isfinite(found.overall[k].get(m, math.nan)) for k in found.methods)
    ]
    return sorted(names, key=lambda metric: metric != found.criterion)


def _below(found: ClassEvaluation | NumberEvaluation, metric: str) -> str:
    plain = isinstance(found, ClassEvaluation) or metric == "r2" or metric not in ("rmse", "mae", "median_ae", "bias")
    return "" if plain or not isinstance(found, NumberEvaluation) else found.unit


def _chance(found: ClassEvaluation | NumberEvaluation, lang: Language) -> Markup | None:
    """What the intervals were drawn from, where that is not single sequences."""
    kind, count = found.units
    if kind == "groups":
        text = tr("Intervals come from drawing {count} groups with replacement, each whole.", lang, count=f"{count:,}")
    elif kind == "steps":
        text = tr(
            "Intervals come from drawing {count} sequences with replacement, each with all its steps.",
            lang,
            count=f"{count:,}",
        )
    else:
        text = tr("Intervals come from drawing {count} test sequences with replacement.", lang, count=f"{count:,}")
    return el("p", text, class_="soft")


def _finite(value: float) -> float:
    return value if math.isfinite(value) else 0.0
