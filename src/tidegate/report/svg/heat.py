"""Heat maps and ranked bars as SVG text, in the colours of the page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.translate import Language
from tidegate.report.page.markup import Markup, join, shape
from tidegate.report.svg.axis import Axis, px, text_width
from tidegate.report.svg.marks import Line
from tidegate.report.svg.thin import Floats
from tidegate.report.svg.ticks import number

_FONT = 12.0
_SHADES = 7
_HOVERS = 1_000
_LINE = 80.0


@dataclass
class HeatMap:
    """Cells in rows over a common x, blue above zero and orange below; the stronger, the farther from it.

    Attributes:
        rows: [R] names, top first; "" leaves a row without one.
        edges: [X + 1] where the cells begin and end: numbers, or datetime64.
        values: [R, X]; NaN leaves a cell empty.
        lang: of dates. x_title: below the axis.
        low, high: what the ends of the scale mean, in words.
        limit: the value of the deepest colour; None takes the largest.
        zero: the value without colour.
        height: of one row, in CSS pixels.
        over: x, y and name of a line drawn above the cells on the same x axis; None for none.
        names: [X] of the columns, in place of an axis. faint: [R, X] cells without colour, whose value is not certain.
    """

    rows: Sequence[str]
    edges: Any
    values: Floats
    lang: Language = "en"
    x_title: str = ""
    low: str = ""
    high: str = ""
    limit: float | None = None
    zero: float = 0.0
    height: float = 22.0
    over: tuple[Any, Any, str] | None = None
    names: Sequence[str] = ()
    faint: NDArray[np.bool_] | None = None
    width: float = 760.0

    def svg(self, description: str) -> Markup:
        """The drawing; `description` is what a screen reader says."""
        time = np.asarray(self.edges).dtype.kind == "M"
        edges = _numbers(self.edges)
        left = max((text_width(name, _FONT) for name in self.rows), default=0.0) + 10
        line_axis = None
        top = 26.0
        if self.over is not None:
            y = np.asarray(self.over[1], dtype=np.float64)
            ends = (float(np.nanmin(y)), float(np.nanmax(y))) if np.isfinite(y).any() else (0.0, 1.0)
            line_axis = Axis.of_values(*ends, top + _LINE, top + 18)
            left = max(left, max(text_width(label, _FONT) for label in line_axis.labels) + 10)
            top += _LINE + 12
        x_axis = Axis.of_places(
            float(edges[0]), float(edges[-1]), left, self.width - 10, lang=self.lang if time else None
        )
        bottom = top + len(self.rows) * self.height
        height = bottom + (38 if time else 24) + (18 if self.x_title else 0)
        parts = [self._scale(), self._cells(x_axis, edges, top)]
        for index, name in enumerate(self.rows):
            middle = top + (index + 0.5) * self.height + 4
            if name:
                parts.append(shape("text", name, x=px(left - 8), y=px(middle), text_anchor="end"))
        if line_axis is not None and self.over is not None:
            x, y, name = self.over
            parts.append(line_axis.draw_y(x_axis))
            parts.append(Line(_numbers(x), np.asarray(y, np.float64), name, "actual", False).draw(x_axis, line_axis))
            parts.append(shape("text", name, x=px(left), y=px(line_axis.end - 8), class_="axis-title"))
        if self.names:
            at = x_axis.pixels(edges)
            for name, a, b in zip(self.names, at, at[1:], strict=False):
                shown = fitted(name, float(b - a) - 6)
                parts.append(shape("text", shown, x=px((a + b) / 2), y=px(bottom + 17), text_anchor="middle"))
        else:
            parts.append(x_axis.draw_x(Axis(0.0, 1.0, bottom, top, (), ()), self.x_title, height))
        if self.names and self.x_title:
            place = {"x": px((left + self.width - 10) / 2), "y": px(height - 4), "text_anchor": "middle"}
            parts.append(shape("text", self.x_title, class_="axis-title", **place))
        return drawing(parts, description, self.width, height)

    def _reach(self) -> float:
        if self.limit is not None:
            return self.limit
        finite = self.values[np.isfinite(self.values)] - self.zero
        return float(np.abs(finite).max()) if finite.size and np.abs(finite).max() > 0 else 1.0

    def _cells(self, x_axis: Axis, edges: Floats, top: float) -> Markup:
        at, named = x_axis.pixels(edges), self.values.size <= _HOVERS
        gap = 0.5 if named else 0.0
        depths = np.clip((self.values - self.zero) / self._reach(), -1.0, 1.0)
        depths = np.round(depths, 2) if named else np.round(depths * 20) / 20
        cells = []
        for index, row in enumerate(depths):
            for first, end in _runs(row, merge=not named):
                if not math.isfinite(row[first]) or (row[first] == 0 and not named):
                    continue
                title = None
                if named:
                    when = self.names[first] if self.names else x_axis.read(float(edges[first]))
                    value = number(float(self.values[index, first]))
                    title = shape("title", f"{self.rows[index]}\n{when}: {value}".strip())
                place = {
                    "x": px(at[first]),
                    "y": px(top + index * self.height),
                    "width": px(max(at[end] - at[first] - gap, 0.4)),
                    "height": px(self.height - gap),
                }
                role = "more" if row[first] >= 0 else "less"
                if self.faint is not None and self.faint[index, first]:
                    role = "unsure"
                cells.append(shape("rect", title, class_=role, fill_opacity=f"{abs(row[first]):g}", **place))
        frame = {"x": px(at[0]), "y": px(top), "width": px(at[-1] - at[0])}
        outline = shape("rect", class_="frame", height=px(len(self.rows) * self.height), **frame)
        return join(shape("g", *cells, class_="heat"), outline)

    def _scale(self) -> Markup:
        """Shades from one end of the scale to the other, with words at both ends."""
        signed = bool(np.nanmin(self.values, initial=self.zero) < self.zero)
        shades = np.linspace(-1 if signed else 0, 1, _SHADES if signed else _SHADES - 2)
        x = text_width(self.low, _FONT) + 14 if self.low else 0.0
        parts = [shape("text", self.low, x=0, y=14, class_="legend")] if self.low else []
        for shade in shades:
            role = "more" if shade >= 0 else "less"
            size = {"x": px(x), "y": 4, "width": 18, "height": 12}
            parts.append(shape("rect", class_=role, fill_opacity=f"{abs(shade):.2f}", **size))
            x += 18
        whole = {"x": px(x - 18 * len(shades)), "y": 4, "width": 18 * len(shades), "height": 12}
        parts.append(shape("rect", class_="frame", **whole))
        parts.append(shape("text", self.high, x=px(x + 8), y=14, class_="legend"))
        return shape("g", *parts, class_="heat")


def ranked_bars(
    names: Sequence[str],
    values: Floats,
    description: str,
    *,
    errors: Floats | None = None,
    faint: NDArray[np.bool_] | None = None,
    ends: Floats | None = None,
    width: float = 760.0,
    signed: bool = True,
) -> Markup:
    """Level bars from a common zero, each with its name at the left and its number at its end.

    Args:
        names: [R], top first. values: [R]. description: for a screen reader.
        errors: [R] drawn as a whisker of two standard errors to each side. faint: [R] bars without colour, whose value
            is not certain.
        ends: [R, 2] how far down and up a bar reaches where it goes both ways: their sum is its value, their distance
            how far it moves at all, which stands in brackets behind the number. None begins all bars at zero.
        signed: write a plus before numbers above zero; blue bars go right, orange ones left.
    """
    row = 26.0
    errors = np.zeros(len(values)) if errors is None else errors
    faint = np.zeros(len(values), dtype=np.bool_) if faint is None else faint
    ends = np.stack([np.minimum(values, 0.0), np.maximum(values, 0.0)], axis=1) if ends is None else ends
    digits = _digits(values)
    shown = [signed_number(value, digits) if signed else number(value, digits) for value in values]
    for place, (down, up) in enumerate(ends):
        if min(-down, up) > 0.01 * max(-down, up):
            shown[place] += f" ({number(up - down)})"
    room = max((text_width(text, _FONT) for text in shown), default=0.0) + 14
    left = max((text_width(name, _FONT) for name in names), default=0.0) + 12
    low = min(0.0, float(np.min(np.minimum(ends[:, 0], values - 2 * errors), initial=0.0)))
    high = max(0.0, float(np.max(np.maximum(ends[:, 1], values + 2 * errors), initial=0.0)))
    span = (high - low) or 1.0
    begin, end = left + (room if low < 0 else 0.0), width - room
    scale = (end - begin) / span
    zero = begin - low * scale
    parts = []
    for index, (name, value, error, text) in enumerate(zip(names, values, errors, shown, strict=True)):
        top, middle = index * row + 5, index * row + 5 + 8
        tip = zero + value * scale
        parts.append(shape("text", name, x=px(left - 8), y=px(middle + 4), text_anchor="end", class_="legend"))
        title = shape("title", f"{name}: {text}")
        for role, reach in (("less", ends[index, 0]), ("more", ends[index, 1])):
            if reach or (role == "more" and not ends[index].any()):
                size = {"x": px(min(zero, zero + reach * scale)), "width": px(max(abs(reach) * scale, 0.8))}
                kind = "unsure" if faint[index] else role
                parts.append(shape("rect", title, y=px(top), height=16, class_=kind, **size))
        reach = 2 * error * scale
        if reach > 0.5:
            parts.append(shape("path", d=f"M{px(tip - reach)} {px(middle)}H{px(tip + reach)}", class_="whisker"))
        right, far = zero + ends[index, 1] * scale, zero + ends[index, 0] * scale
        after = max(right, tip + reach) + 6 if value >= 0 else min(far, tip - reach) - 6
        parts.append(shape("text", text, x=px(after), y=px(middle + 4), text_anchor="start" if value >= 0 else "end"))
    height = len(names) * row + 4
    axis = shape("path", d=f"M{px(zero)} 0V{px(height)}", class_="axis")
    return drawing([shape("g", *parts, class_="heat ranked"), axis], description, width, height)


def drawing(parts: Sequence[Markup], description: str, width: float, height: float, **attributes: str) -> Markup:
    """Parts as one drawing with a description for a screen reader."""
    size = {"viewBox": f"0 0 {px(width)} {px(height)}", "width": px(width), "height": px(height), **attributes}
    title = shape("title", description)
    return shape("svg", title, *parts, role="img", aria_label=description, class_="chart", **size)


def signed_number(value: float, digits: int | None = None) -> str:
    """A number with its sign: `+126.5`, `\u2212863`; zero has none."""
    shown = number(value, digits)
    return f"+{shown}" if value > 0 and shown.strip("0.") else shown


def fitted(name: str, width: float) -> str:
    """A name cut with an ellipsis where it is wider than its place."""
    if text_width(name, _FONT) <= width:
        return name
    kept = next((end for end in range(len(name), 0, -1) if text_width(name[:end] + "\u2026", _FONT) <= width), 0)
    return name[:kept] + "\u2026"


def _runs(row: Floats, *, merge: bool) -> list[tuple[int, int]]:
    """[first, end) of neighbours of one shade, or of every cell."""
    borders = np.flatnonzero(np.diff(row) != 0) + 1 if merge else np.arange(1, len(row))
    edges = [0, *borders.tolist(), len(row)]
    return list(pairwise(edges))


def _digits(values: Floats) -> int:
    """Digits behind the point that leave the largest value three significant ones."""
    largest = float(np.max(np.abs(values), initial=0.0))
    return max(0, 2 - math.floor(math.log10(largest))) if largest > 0 else 0


def _numbers(values: Any) -> Floats:
    array = np.asarray(values)
    if array.dtype.kind == "M":
        array = array.astype("datetime64[us]").astype(np.int64)
    return array.astype(np.float64)
