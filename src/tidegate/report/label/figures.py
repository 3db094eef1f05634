"""Charts of a classifier: confusion, classes, reliability, curves; each from plain arrays."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.translate import Language, tr
from tidegate.evaluate.label.metrics.probability import Reliability, precision_recall_curve, roc_curve
from tidegate.report.page.markup import Markup, shape
from tidegate.report.svg.axis import px, text_width
from tidegate.report.svg.chart import Chart
from tidegate.report.svg.heat import drawing, fitted
from tidegate.report.svg.marks import Role
from tidegate.report.svg.thin import Floats
from tidegate.report.svg.ticks import number

_FONT = 12.0
_WIDTH = 760.0
COUNTED = 20  # classes up to which cells show their counts
SCARCE = 5  # predictions below which a bar says little
_POINTS = 200
ROLES: tuple[Role, ...] = ("model", "baseline", "second", "actual", "muted")


def confusion_chart(matrix: NDArray[np.int64], classes: Sequence[str], lang: Language) -> Markup:
    """Cells of actual (rows) against said classes (columns): blue if right, orange if wrong, by share of the row."""
    count = len(classes)
    said, actual = tr("Said by the model", lang), tr("Actual", lang)
    widest = max(text_width(name, _FONT) for name in classes)
    left = max(min(1.15 * widest + 14, 190.0), 1.1 * text_width(actual, _FONT) + 16)
    size = min(56.0, (_WIDTH - left - 10) / count)
    slanted = any(text_width(name, _FONT) > size - 6 for name in classes)
    top = 24.0 + (min(widest, 120.0) * 0.72 + 6 if slanted else 18.0)
    support = matrix.sum(axis=1)
    parts = [shape("text", said, x=px(left), y=12, class_="axis-title")]
    parts.append(shape("text", actual, x=px(left - 8), y=px(top - 6), text_anchor="end", class_="axis-title"))
    for place, name in enumerate(classes):
        middle = left + (place + 0.5) * size
        place_of = {"x": px(middle), "y": px(top - 6), "text_anchor": "middle"}
        if slanted:
            place_of = {"transform": f"translate({px(middle + 3)} {px(top - 5)}) rotate(-46)"}
        parts.append(shape("text", fitted(name, 120.0), **place_of))
        row = px(top + (place + 0.5) * size + 4)
        parts.append(shape("text", fitted(name, (left - 10) / 1.1), x=px(left - 8), y=row, text_anchor="end"))
    cells, counts = [], []
    for i in range(count):
        for j in range(count):
            amount = int(matrix[i, j])
            share = amount / support[i] if support[i] else 0.0
            if not amount and count > COUNTED:
                continue
            x, y = left + j * size, top + i * size
            message = "{count} of {all} “{actual}” called “{said}”"
            words = tr(
                message, lang, count=f"{amount:,}", all=f"{int(support[i]):,}", actual=classes[i], said=classes[j]
            )
            place_of = {"x": px(x), "y": px(y), "width": px(size - 1), "height": px(size - 1)}
            role = "more" if i == j else "less"
            depth = math.sqrt(share)  # so that rare mistakes can be seen beside what is right
            cells.append(shape("rect", shape("title", words), class_=role, fill_opacity=f"{depth:.2f}", **place_of))
            if count <= COUNTED and amount and text_width(f"{amount:,}", 11) < size:
                tone = "count light" if depth > 0.6 else "count"
                counts.append(shape("text", f"{amount:,}", x=px(x + size / 2), y=px(y + size / 2 + 4), class_=tone))
    frame = shape("rect", class_="frame", x=px(left), y=px(top), width=px(count * size), height=px(count * size))
    # Slanted names of the last columns reach beyond the cells, and so may the title above them.
    right = 0.7 * min(widest, 120.0) - size / 2 if slanted else 0.0
    width, height = (
        left + max(count * size + max(right, 0.0), 1.1 * text_width(said, _FONT)) + 10,
        top + count * size + 4,
    )
    return _whole(
        [*parts, shape("g", *cells, class_="heat"), frame, *counts],
        tr("Confusion matrix", lang),
        max(width, 300.0),
        height,
    )


def class_chart(rows: Mapping[str, Mapping[str, float]], lang: Language) -> Markup:
    """A bar for each class's F1, a triangle at its precision and a dot at its recall."""
    names = list(rows)
    left = min(1.15 * max((text_width(name, _FONT) for name in names), default=0.0) + 14, 220.0)
    room = 118.0
    line, top = 26.0, 26.0
    width = _WIDTH - left - room
    keys = [("bar", "F1"), ("triangle", tr("Precision", lang)), ("dot", tr("Recall", lang))]
    parts, x = [], 0.0
    for kind, name in keys:
        parts += [_mark(kind, x + 8, 10.0), shape("text", name, x=px(x + 22), y=14, class_="legend")]
        x += 44 + text_width(name, _FONT)
    base = top + len(names) * line
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        at = left + share * width
        parts.append(shape("path", d=f"M{px(at)} {px(top)}V{px(base)}", class_="axis" if share == 0 else "grid"))
        parts.append(shape("text", f"{share:g}", x=px(at), y=px(base + 16), text_anchor="middle", class_="tick"))
    for place, name in enumerate(names):
        row = rows[name]
        middle = top + (place + 0.5) * line
        parts.append(
            shape("text", fitted(name, (left - 10) / 1.1), x=px(left - 8), y=px(middle + 4), text_anchor="end")
        )
        said = f"{name}\nF1 {row['f1']:.3f}\n{keys[1][1]} {row['precision']:.3f}\n{keys[2][1]} {row['recall']:.3f}"
        bar = {"x": px(left), "y": px(middle - 7), "width": px(max(row["f1"] * width, 0.5)), "height": 14}
        parts.append(shape("rect", shape("title", said), class_="bar model", **bar))
        parts.append(_mark("triangle", left + row["precision"] * width, middle))
        parts.append(_mark("dot", left + row["recall"] * width, middle))
        end = f"{row['f1']:.3f}"
        parts.append(shape("text", end, x=px(_WIDTH - room + 12), y=px(middle + 4), class_="legend"))
        amount = tr("of {count}", lang, count=f"{row['support']:,.0f}")
        parts.append(shape("text", amount, x=px(_WIDTH - room + 54), y=px(middle + 4)))
    return _whole(parts, tr("Precision, recall and F1 of each class", lang), _WIDTH, base + 22)


def _mark(kind: str, x: float, y: float) -> Markup:
    if kind == "bar":
        return shape("rect", x=px(x - 8), y=px(y - 5), width=16, height=10, class_="bar model")
    if kind == "triangle":
        return shape("path", d=f"M{px(x - 5)} {px(y + 4)}h10l-5 -9z", class_="point baseline")
    return shape("circle", cx=px(x), cy=px(y), r="4", class_="point actual")


def _whole(parts: Sequence[Markup], description: str, width: float, height: float) -> Markup:
    """A drawing that keeps its size: stretched to the page's width its letters would be out of scale."""
    return drawing(parts, description, width, height, style=f"max-width:{px(width)}px")


def reliability_chart(found: Reliability, lang: Language) -> Markup:
    """Bars of how often the model was right at each confidence, with the line on which confidence is accuracy."""
    edges = np.linspace(0.0, 1.0, len(found.count) + 1)
    chart = Chart(tr("Confidence", lang), tr("Share that was right", lang), lang, width=370, height=300)
    chart.y_range = 0.0, 1.0
    labels = _bin_labels(found, lang)
    few = (found.count > 0) & (found.count < SCARCE)
    if few.any():
        name = tr("Fewer than {count} predictions", lang, count=SCARCE)
        chart.bars(edges[:-1], edges[1:], np.where(few, found.right, np.nan), name, labels=labels, role="muted")
    chart.bars(edges[:-1], edges[1:], np.where(few, np.nan, found.right), tr("Model", lang), labels=labels)
    chart.line([0.0, 1.0], [0.0, 1.0], tr("As sure as right", lang), "baseline")
    return chart.svg(tr("Confidence against accuracy", lang))


def confidence_chart(found: Reliability, lang: Language) -> Markup:
    """How often the model was how sure."""
    edges = np.linspace(0.0, 1.0, len(found.count) + 1)
    chart = Chart(tr("Confidence", lang), tr("Share in %", lang), lang, width=370, height=300, zero=True, legend=False)
    share = 100.0 * found.count / max(int(found.count.sum()), 1)
    chart.bars(edges[:-1], edges[1:], share, labels=_bin_labels(found, lang), role="muted")
    return chart.svg(tr("How sure the model was", lang))


def _bin_labels(found: Reliability, lang: Language) -> list[str]:
    return [
        tr(
            "{count} predictions, confidence {confidence}, right {right}",
            lang,
            count=f"{int(count):,}",
            confidence=number(float(sure), 3) if count else "\u2013",
            right=number(float(right), 3) if count else "\u2013",
        )
        for count, sure, right in zip(found.count, found.confidence, found.right, strict=True)
    ]


def roc_chart(curves: Mapping[str, tuple[NDArray[np.bool_], Floats]], lang: Language) -> Markup:
    """ROC curves: name -> what is positive [M], and scores [M]."""
    chart = Chart(tr("False alarms among the others", lang), tr("Share found", lang), lang, width=370, height=320)
    chart.y_range = 0.0, 1.0
    chart.line([0.0, 1.0], [0.0, 1.0], tr("A coin", lang), "muted")
    for (name, (positive, score)), role in reversed(list(zip(curves.items(), ROLES, strict=False))):
        false, true, _ = roc_curve(positive, score)
        at = np.unique(np.concatenate([np.linspace(0.0, 1.0, _POINTS), false[:: max(1, len(false) // _POINTS)]]))
        chart.line(at, true[np.searchsorted(false, at, side="right") - 1], name, role)
    return chart.svg(tr("ROC curves", lang))


def recall_chart(curves: Mapping[str, tuple[NDArray[np.bool_], Floats]], lang: Language) -> Markup:
    """Precision-recall curves of the same."""
    chart = Chart(tr("Recall", lang), tr("Precision", lang), lang, width=370, height=320)
    chart.y_range = 0.0, 1.0
    for (name, (positive, score)), role in reversed(list(zip(curves.items(), ROLES, strict=False))):
        precision, recall, _ = precision_recall_curve(positive, score)
        at = np.linspace(0.0, 1.0, _POINTS)
        place = np.minimum(np.searchsorted(recall, at, side="left"), len(recall) - 1)
        chart.line(at, precision[place], name, role)
    return chart.svg(tr("Precision-recall curves", lang))


def curves_of(
    actual: NDArray[Any],
    predicted: Floats,
    others: Mapping[str, Floats],
    classes: Sequence[str],
    names: Mapping[str, str],
) -> dict[str, tuple[NDArray[np.bool_], Floats]]:
    """What the curves are drawn of: for two classes every method, for up to five each class; nothing for more.

    Args:
        actual: [M] class numbers. predicted: [M, K]. others: method -> [M, K]. classes: [K].
        names: method -> its name in words, "model" among them.
    """
    if len(classes) == 2:
        positive = np.asarray(actual) == 1
        if positive.all() or not positive.any():
            return {}
        methods = {"model": predicted, **others}
        return {names[name]: (positive, p[:, 1]) for name, p in list(methods.items())[:4]}
    if len(classes) > len(ROLES):
        return {}
    found = {}
    for place, name in enumerate(classes):
        positive = np.asarray(actual) == place
        if positive.any() and not positive.all():
            found[name] = positive, predicted[:, place]
    return found
