"""The parts of a page on labels or numbers, one function each; a part without data is None."""

from __future__ import annotations

import numpy as np

from tidegate.core.names import method_name as label
from tidegate.core.translate import Language, tr
from tidegate.evaluate.label import ClassEvaluation, NumberEvaluation
from tidegate.report.label import figures as charts
from tidegate.report.label import number_figures
from tidegate.report.label.view import LabelledView
from tidegate.report.page.markup import Markup, el, join
from tidegate.report.page.parts import capital, figure, note_text, plain_table, scroll, sentences, side_by_side, soft
from tidegate.report.svg.ticks import number

MOST_CLASSES = 40
MISTAKES = 8
TARGETS = 4
_SNIPPET = 90


def confusion(view: LabelledView, lang: Language) -> Markup | None:
    """What was taken for what."""
    found = view.evaluation
    if not isinstance(found, ClassEvaluation):
        return None
    if found.kind == "labels":
        return decisions(found, lang)
    if not found.confusion:
        return None
    matrix = np.array(found.confusion)
    wrong = matrix - np.diag(np.diagonal(matrix))
    words = tr("Every test label was right.", lang)
    if wrong.any():
        i, j = np.unravel_index(int(wrong.argmax()), wrong.shape)
        message = (
            "Each row is an actual class; blue is right, orange is wrong, the deeper the larger its share of the row. "
            "Taken for another most often: “{actual}” for “{said}”, {count} times."
        )
        words = tr(
            message, lang, actual=found.classes[int(i)], said=found.classes[int(j)], count=f"{int(wrong.max()):,}"
        )
    if len(found.classes) <= MOST_CLASSES:
        return figure(charts.confusion_chart(matrix, found.classes, lang), words, wide=len(found.classes) > 8)
    order = np.argsort(-wrong.ravel(), kind="stable")[:20]
    pairs = [np.unravel_index(int(place), wrong.shape) for place in order if wrong.ravel()[place]]
    rows = [[found.classes[int(i)], found.classes[int(j)], f"{int(wrong[i, j]):,}"] for i, j in pairs]
    head = [tr("Actual", lang), tr("Said by the model", lang), tr("Times", lang)]
    intro = tr("There are too many classes to draw; these were taken for another most often.", lang)
    return join(el("p", intro), plain_table(head, rows, (2,)))


def decisions(found: ClassEvaluation, lang: Language) -> Markup:
    """Of several labels at once, a row each: what has it and what has it not, and of which it was said."""
    rows = []
    for name, row in found.per_class.items():
        has, said = row["support"], row["predicted"]
        both = round(row["recall"] * has) if has else 0
        counts = both, has - both, said - both, found.things - has - said + both
        cells = []
        for place, (count, of) in enumerate(
            zip(counts, (has, has, found.things - has, found.things - has), strict=True)
        ):
            share = count / of if of else 0.0
            shown = tr("{count} ({share} %)", lang, count=f"{count:,.0f}", share=number(100 * share, 0))
            role = "more" if place in (0, 3) else "less"
            cells.append(el("td", shown, class_=f"num {role}", style=f"--depth:{share:.2f}"))
        rows.append(el("tr", el("th", name, scope="row"), *cells))
    groups = [tr("What has the label", lang), tr("What has it not", lang)]
    first = el("tr", el("td"), *(el("th", text, colspan=2, scope="colgroup") for text in groups))
    heads = [tr("said: right", lang), tr("not said: missed", lang), tr("said: false alarm", lang),
             tr("not said: right", lang)]  # fmt: skip
    second = el(
        "tr", el("th", tr("Label", lang), scope="col"), *(el("th", h, class_="num", scope="col") for h in heads)
    )
    table = el("table", el("thead", first, second), el("tbody", *rows), class_="decisions")
    words = tr(
        "Each label is a yes or no of its own. Blue is right, orange is wrong; the deeper, the larger the share of "
        "those that have the label, or have it not.",
        lang,
    )
    return join(el("p", words), scroll(table))


def classes(view: LabelledView, lang: Language) -> Markup | None:
    """How each class fares."""
    found = view.evaluation
    if not isinstance(found, ClassEvaluation) or not found.per_class:
        return None
    rows = {name: row for name, row in found.per_class.items() if row["support"] or row["predicted"]}
    kept = sorted(rows, key=lambda name: rows[name]["f1"])[:MOST_CLASSES] if len(rows) > MOST_CLASSES else list(rows)
    worst = min(rows, key=lambda name: rows[name]["f1"])
    words = tr("F1 is high only where a class is found (recall) and what is called so is so (precision).", lang)
    weakest = tr(
        "The weakest is “{name}”: of {count}, {found} % were found, and {right} % of what was called so was right.",
        lang,
        name=worst,
        count=f"{rows[worst]['support']:,.0f}",
        found=number(100 * rows[worst]["recall"], 0),
        right=number(100 * rows[worst]["precision"], 0),
    )
    if len({row["f1"] for row in rows.values()}) > 1:
        words = sentences([words, weakest], lang)
    few = tr("The {shown} classes of {count} with the lowest F1.", lang, shown=len(kept), count=len(rows))
    drawn = figure(charts.class_chart({name: rows[name] for name in kept}, lang), words)
    return join(drawn, soft(few) if len(kept) < len(rows) else None)


def reliability(view: LabelledView, lang: Language) -> Markup | None:
    """Whether confidence can be believed."""
    found = view.evaluation
    if not isinstance(found, ClassEvaluation) or not found.reliability.count.sum():
        return None
    curve = found.reliability
    lean = tr("surer than it is right", lang) if curve.lean > 0 else tr("less sure than it is right", lang)
    message = (
        "Bars below the line: surer than right. On average confidence and accuracy are {error} apart (ECE), and the "
        "model is {lean} by {gap}."
    )
    words = tr(message, lang, error=number(curve.error, 3), lean=lean, gap=number(abs(curve.lean), 3))
    if found.kind == "labels":
        message = (
            "Over all labels. Bars below the line: probabilities too high. On average probability and share are "
            "{error} apart (ECE)."
        )
        words = tr(message, lang, error=number(curve.error, 3))
    drawn = side_by_side(
        figure(charts.reliability_chart(curve, lang), words, wide=False),
        figure(charts.confidence_chart(curve, lang), tr("How sure the model was, and how often.", lang), wide=False),
    )
    note = None if view.calibration is None else view.calibration.note
    return join(None if note is None else el("p", note_text(note, lang)), drawn)


def curves(view: LabelledView, lang: Language) -> Markup | None:
    """ROC and precision-recall curves, where there are few classes."""
    found = view.evaluation
    if not isinstance(found, ClassEvaluation) or found.kind == "labels":
        return None
    if view.actual is None or view.predicted is None:
        return None
    names = {"model": tr("This model", lang)} | {name: capital(label(name, lang)) for name in view.others}
    drawn = charts.curves_of(view.actual, view.predicted, view.others, found.classes, names)
    if not drawn:
        return None
    what = tr("Each class against all others.", lang)
    if len(found.classes) == 2:
        what = tr("Found and falsely found of “{name}” as the threshold falls.", lang, name=found.classes[1])
    share = tr("How pure what is called so stays, as more of it is found.", lang)
    return side_by_side(
        figure(charts.roc_chart(drawn, lang), what, "ROC", wide=False),
        figure(charts.recall_chart(drawn, lang), share, tr("Precision and recall", lang), wide=False),
    )


def mistakes(view: LabelledView, lang: Language) -> Markup | None:
    """The mistakes that the model was surest of: where wrong labels are found first."""
    found = view.evaluation
    if not isinstance(found, ClassEvaluation) or found.kind == "labels":
        return None
    if view.actual is None or view.predicted is None or not len(view.ids):
        return None
    y, p = np.asarray(view.actual), view.predicted
    said = p.argmax(axis=1)
    sure = p[np.arange(len(p)), said]
    wrong = np.flatnonzero(said != y)
    worst = wrong[np.argsort(-sure[wrong], kind="stable")][:MISTAKES]
    if not worst.size:
        return None
    names = found.classes
    rows = [[_thing(view, int(n)), names[int(y[n])], names[int(said[n])], f"{sure[n]:.3f}"] for n in worst]
    head = [tr("Which", lang), tr("Actual", lang), tr("Said by the model", lang), tr("Confidence", lang)]
    message = (
        "Of {count} mistakes these are the ones that the model was surest of. Where the label itself is wrong, it is "
        "likely to be found here."
    )
    intro = tr(message, lang, count=f"{len(wrong):,}")
    return join(el("p", intro), plain_table(head, rows, (3,)))


def estimates(view: LabelledView, lang: Language) -> Markup | None:
    """Estimates against actual values, and where the errors lie."""
    found = view.evaluation
    if not isinstance(found, NumberEvaluation) or view.actual is None or view.predicted is None:
        return None
    y = np.asarray(view.actual, dtype=np.float64).reshape(len(view.actual), -1)
    f = np.asarray(view.predicted, dtype=np.float64).reshape(len(y), -1)
    parts = []
    for place, name in list(enumerate(found.names))[:TARGETS]:
        if not np.isfinite(y[:, place]).any():
            continue
        heading = name if len(found.names) > 1 else ""
        pair = y[:, place], f[:, place]
        widest = max(view.margins, default=None)
        margin = None if widest is None else (widest, float(view.margins[widest][place]))
        scatter = number_figures.scatter_chart(*pair, found.unit, lang, margin)
        parts.append(figure(scatter, _guarantee(view, lang), heading=heading))
        by_value = number_figures.error_chart(*pair, found.unit, lang)
        if by_value is not None:
            words = tr("Where the area leaves the zero line, estimates lean to one side for such values.", lang)
            parts.append(figure(by_value, words, tr("Errors by actual value", lang)))
        parts.append(
            figure(number_figures.error_histogram(*pair, found.unit, lang), "", tr("How large the errors are", lang))
        )
    return join(*parts) if parts else None


def _guarantee(view: LabelledView, lang: Language) -> str:
    """What the band around the line means; "" without intervals."""
    level = max(view.margins, default=0.0)
    if level / 100 not in view.evaluation.coverage:
        return ""
    message = (
        "The band holds the estimates whose {level} % interval holds the actual value: as wide on both sides as the "
        "errors on validation sequences, which the network had not learned from. Of the test values {share} % lie "
        "inside."
    )
    return tr(message, lang, level=f"{level:g}", share=number(100 * view.evaluation.coverage[level / 100], 1))


def errors(view: LabelledView, lang: Language) -> Markup | None:
    """The largest errors of estimates."""
    if view.actual is None or not isinstance(view.evaluation, NumberEvaluation) or not len(view.ids):
        return None
    y = np.asarray(view.actual, dtype=np.float64).reshape(len(view.ids), -1)[:, 0]
    f = np.asarray(view.predicted, dtype=np.float64).reshape(len(view.ids), -1)[:, 0]
    error = np.where(np.isfinite(y), np.abs(f - y), -1.0)
    worst = [int(n) for n in np.argsort(-error, kind="stable")[:MISTAKES] if error[n] >= 0]
    rows = [[_thing(view, n), number(float(y[n])), number(float(f[n])), number(float(f[n] - y[n]))] for n in worst]
    head = [tr("Which", lang), tr("Actual value", lang), tr("Estimate", lang), tr("Error", lang)]
    return plain_table(head, rows, (1, 2, 3)) if rows else None


def _thing(view: LabelledView, place: int) -> str:
    text = str(view.texts[place]) if len(view.texts) else ""
    if not text:
        return str(view.ids[place])
    return text if len(text) <= _SNIPPET else text[: _SNIPPET - 1] + "\u2026"
