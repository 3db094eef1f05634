"""The report of a classifier, a tagger or a regressor: its head, its table of scores and its sections."""

from __future__ import annotations

import math

from tidegate.core.names import metric_name
from tidegate.core.text import share as share_cell
from tidegate.core.translate import Language, tr
from tidegate.evaluate.label import ClassEvaluation, NumberEvaluation
from tidegate.evaluate.label.evaluation import COLUMNS
from tidegate.evaluate.significance import FEWEST
from tidegate.report.label import sections
from tidegate.report.label.view import LabelledView
from tidegate.report.page.build import Kind
from tidegate.report.page.markup import Markup
from tidegate.report.page.parts import capital, listed, soft, some
from tidegate.report.page.scores import Columns, covered, saved, table
from tidegate.report.page.words import MODEL, method_name
from tidegate.report.svg.ticks import number

LEVEL = 0.005  # a lean of confidence that is none

Found = ClassEvaluation | NumberEvaluation


def about(view: LabelledView, lang: Language) -> tuple[str, tuple[str, ...]]:
    """What was scored."""
    found = view.evaluation
    count = f"{found.things:,}"
    if not isinstance(found, ClassEvaluation):
        names = listed(some(found.names), lang)
        what = tr("Estimates of {names} for {count} test sequences", lang, names=names, count=count)
        return tr("Regression report", lang), (what,)
    classes = len(found.classes)
    if found.kind == "tag":
        message = "{classes} classes; {count} steps of {sequences} test sequences"
        steps = tr(message, lang, classes=classes, count=count, sequences=f"{found.sequences:,}")
        return tr("Tagging report", lang), (steps,)
    what = tr("{classes} classes; {count} test sequences", lang, classes=classes, count=count)
    if found.kind == "labels":
        what = tr("{classes} labels at once; {count} test sequences", lang, classes=classes, count=count)
    return tr("Classification report", lang), (what,)


def key_numbers(view: LabelledView, lang: Language) -> list[tuple[str, str, str]]:
    """Figures that answer a manager's first questions."""
    found = view.evaluation
    metric, best = found.criterion, found.best_baseline
    own = found.overall[MODEL][metric]
    items = [(capital(metric_name(metric, lang)), shown(found, metric, own), between(found, metric, MODEL, lang))]
    if best is not None:
        other = found.overall[best][metric]
        items.append((tr("Best baseline", lang), shown(found, metric, other), method_name(best, lang)))
        if isinstance(found, ClassEvaluation):
            gain = f"{100 * (own - other):+.1f}".replace("-", "\u2212")
            items.append((tr("Difference", lang), gain, tr("points against the best baseline", lang)))
        else:
            items += saved(own, other, lang)
    if not isinstance(found, ClassEvaluation):
        squared = (capital(metric_name("r2", lang)), shown(found, "r2", found.overall[MODEL]["r2"]), "")
        return [*items, squared, *covered(found.coverage, lang)]
    gap = found.reliability.lean
    words = tr("surer than right, on average", lang) if gap > 0 else tr("less sure than right, on average", lang)
    if found.kind == "labels" or abs(gap) < LEVEL:
        words = ""
    items.append((tr("Calibration error", lang), share_cell(found.reliability.error), words))
    if len(found.thresholds) == 1:
        said = tr("from which “{name}” is said", lang, name=found.classes[1])
        items.append((tr("Threshold", lang), f"{found.thresholds[0]:.3f}", said))
    return items


def scores(view: LabelledView, lang: Language) -> Markup:
    """All methods, best first, with a bar and the interval of what ranks them."""
    found: Found = view.evaluation
    higher = isinstance(found, ClassEvaluation)
    columns = Columns(
        _columns(found),
        lambda method, metric: shown(found, metric, found.overall[method][metric]),
        lambda metric: (capital(metric_name(metric, lang)), _below(found, metric)),
        tr("This model", lang),
        lambda method: between(found, found.criterion, method, lang),
        higher,
        1.0 if higher else None,
    )
    caption = tr("Scores on the test part, best first.", lang)
    if not higher:
        caption = tr("Errors on the test part, best first.", lang)
    if any(between(found, found.criterion, method, lang) for method in found.methods):
        caption = tr("Scores on the test part, best first; below the first column its 95 % interval.", lang)
        if not higher:
            caption = tr("Errors on the test part, best first; below the first column its 95 % interval.", lang)
    return table(found, columns, caption, lang, _drawn(found, lang))


def shown(found: Found, metric: str, value: float) -> str:
    """A metric as text."""
    if not math.isfinite(value):
        return "\u2013"
    if isinstance(found, ClassEvaluation) or metric == "r2":
        return share_cell(value).replace("-", "\u2212")
    return number(value)


def between(found: Found, metric: str, method: str, lang: Language) -> str:
    """The interval of a metric, "" where there is none."""
    low, high = found.intervals.get(method, {}).get(metric, (math.nan, math.nan))
    if not math.isfinite(low):
        return ""
    return tr("{low} to {high}", lang, low=shown(found, metric, low), high=shown(found, metric, high))


def _columns(found: Found) -> list[str]:
    if isinstance(found, NumberEvaluation):
        return found.columns()
    names = [
        m for m in COLUMNS[found.kind] if any(math.isfinite(found.overall[k].get(m, math.nan)) for k in found.methods)
    ]
    return sorted(names, key=lambda metric: metric != found.criterion)


def _below(found: Found, metric: str) -> str:
    unit = isinstance(found, NumberEvaluation) and metric in ("rmse", "mae", "median_ae", "bias")
    return found.unit if unit and isinstance(found, NumberEvaluation) else ""


def _drawn(found: Found, lang: Language) -> Markup:
    """What the intervals were drawn from."""
    texts = {
        "groups": "Intervals come from drawing {count} groups with replacement, each whole.",
        "steps": "Intervals come from drawing {count} sequences with replacement, each with all its steps.",
        "things": "Intervals come from drawing {count} test sequences with replacement.",
    }
    kind, count = found.units
    if count < FEWEST:
        return soft(
            tr("No intervals: {count} is too few to draw from; it needs {needed}.", lang, count=count, needed=FEWEST)
        )
    return soft(tr(texts[kind], lang, count=f"{count:,}"))


PAGE = Kind(
    about,
    key_numbers,
    {
        "scores": scores,
        "estimates": sections.estimates,
        "confusion": sections.confusion,
        "classes": sections.classes,
        "reliability": sections.reliability,
        "curves": sections.curves,
        "mistakes": sections.mistakes,
        "errors": sections.errors,
    },
)
