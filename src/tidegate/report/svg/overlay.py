"""Lines of several channels over a common x, with what mattered laid behind them in colour and sign."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidegate.report.page.markup import Markup, join, shape
from tidegate.report.svg.axis import Axis, px, text_width
from tidegate.report.svg.heat import drawing, fitted, signed_number
from tidegate.report.svg.marks import Line
from tidegate.report.svg.thin import Floats

_FONT = 12.0
_DEEPEST = 0.5  # opacity of the largest share, so that the line stays legible
_TITLE, _PLOT, _GAP = 34.0, 58.0, 10.0
_NAMED = 0.12  # of the largest share: smaller ones go without their number


@dataclass(frozen=True)
class Strip:
    """One channel: its name, its values [T], and shares [S] of the stretches between `edges` [S + 1]; NaN has none.

    `faint` [S] are shares that are not certain: they go without colour.
    """

    name: str
    values: Floats
    edges: Floats
    shares: Floats
    faint: NDArray[np.bool_] | None = None


def overlaid(
    strips: Sequence[Strip], x: Floats, description: str, *, x_title: str = "", width: float = 760.0
) -> Markup:
    """The channels one below the other, blue behind what raised the answer and orange behind what lowered it.

    Each stretch carries its share as a number with its sign, where there is room, so that colour is not needed.

    Args:
        strips: the channels, top first. x: [T] places of the values. description: for a screen reader.
    """
    largest = max((float(np.nanmax(np.abs(each.shares), initial=0.0)) for each in strips), default=0.0) or 1.0
    digits = max(0, 1 - int(np.floor(np.log10(largest))))
    axes = []
    for place, each in enumerate(strips):
        top = place * (_TITLE + _PLOT + _GAP) + _TITLE
        finite = each.values[np.isfinite(each.values)]
        ends = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
        axes.append(Axis.of_values(*ends, top + _PLOT, top))
    left = max(text_width(label, _FONT) for axis in axes for label in axis.labels) + 10
    edges = np.concatenate([each.edges for each in strips])
    low, high = float(edges.min()), float(edges.max())
    across = Axis.of_places(low, high, left, width - 10, whole=bool(np.all(x == np.round(x))))
    parts: list[Markup] = []
    for each, axis in zip(strips, axes, strict=True):
        name = fitted(each.name, width - left)
        parts.append(shape("text", name, x=px(left), y=px(axis.end - 22), class_="legend"))
        parts.append(_cells(each, across, axis, largest, digits))
        parts.append(axis.draw_y(across))
        parts.append(Line(x, each.values, each.name, "actual", len(x) < 2).draw(across, axis))
        parts.append(_numbers(each, across, axis, largest, digits))
    bottom = axes[-1].start
    height = bottom + 24 + (18 if x_title else 0)
    parts.append(across.draw_x(axes[-1], x_title, height))
    return drawing(parts, description, width, height)


def _cells(each: Strip, across: Axis, axis: Axis, largest: float, digits: int) -> Markup:
    at = across.pixels(each.edges)
    found = []
    for column, (share, a, b) in enumerate(zip(each.shares, at, at[1:], strict=False)):
        if not np.isfinite(share):
            continue
        depth = _DEEPEST * min(abs(float(share)) / largest, 1.0)
        place = {"x": px(a), "y": px(axis.end), "width": px(max(b - a, 0.4)), "height": px(axis.start - axis.end)}
        words = shape("title", f"{each.name}: {signed_number(float(share), digits + 1)}")
        role = "more" if share >= 0 else "less"
        if each.faint is not None and each.faint[column]:
            role = "unsure"
        found.append(shape("rect", words, class_=role, fill_opacity=f"{depth:.3f}", **place))
    return shape("g", *found, class_="heat")


def _numbers(each: Strip, across: Axis, axis: Axis, largest: float, digits: int) -> Markup:
    at = across.pixels(each.edges)
    found = []
    for share, a, b in zip(each.shares, at, at[1:], strict=False):
        if not np.isfinite(share) or abs(share) < _NAMED * largest:
            continue
        text = signed_number(float(share), digits)
        if text_width(text, _FONT) > b - a + 2:
            continue
        place = {"x": px((a + b) / 2), "y": px(axis.end - 5), "text_anchor": "middle"}
        found.append(shape("text", text, **place))
    return join(*found)
