"""What a chart is made of: lines, bands, bars and rules, each able to draw, name and read itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from tidegate.report.page.markup import Markup, join, shape
from tidegate.report.svg.axis import Axis, px, text_width
from tidegate.report.svg.thin import Floats, thin_band, thin_line
from tidegate.report.svg.ticks import number

Role = Literal["actual", "model", "baseline", "second", "muted"]


@dataclass(frozen=True)
class Line:
    """A line through [N] points, with dots on them where there is room."""

    x: Floats
    y: Floats
    name: str
    role: Role
    dots: bool

    def key(self, x: float, y: float) -> Markup:
        """The sample in the legend."""
        return shape("path", d=f"M{px(x)} {px(y - 4)}h22", class_=f"line {self.role}")

    def values(self) -> list[Floats]:
        """What the y axis must hold."""
        return [self.y]

    def places(self) -> Floats:
        """What the x axis must hold."""
        return self.x

    def read(self, x: float) -> str:
        """The value at exactly x, in words; empty where there is none."""
        index = _index(self.x, x)
        return number(float(self.y[index])) if index is not None and math.isfinite(self.y[index]) else ""

    def draw(self, x_axis: Axis, y_axis: Axis) -> Markup:
        x, y = thin_line(self.x, self.y, _parts(x_axis))
        across, up = x_axis.pixels(x), y_axis.pixels(y)
        line = shape("path", d=_path(across, up), class_=f"line {self.role}")
        if not self.dots:
            return line
        spots = [(a, b) for a, b in zip(across, up, strict=True) if math.isfinite(b)]
        return join(line, *(shape("circle", cx=px(a), cy=px(b), r="2.6", class_=f"dot {self.role}") for a, b in spots))


@dataclass(frozen=True)
class Band:
    """The area between two lines of [N] points."""

    x: Floats
    low: Floats
    high: Floats
    name: str
    role: Role

    def key(self, x: float, y: float) -> Markup:
        return shape("rect", x=px(x), y=px(y - 9), width=22, height=10, class_=f"band {self.role}")

    def values(self) -> list[Floats]:
        return [self.low, self.high]

    def places(self) -> Floats:
        return self.x

    def read(self, x: float) -> str:
        index = _index(self.x, x)
        if index is None or not (math.isfinite(self.low[index]) and math.isfinite(self.high[index])):
            return ""
        return f"{number(float(self.low[index]))} \u2026 {number(float(self.high[index]))}"

    def draw(self, x_axis: Axis, y_axis: Axis) -> Markup:
        x, low, high = thin_band(self.x, self.low, self.high, _parts(x_axis))
        area = _area(x_axis.pixels(x), y_axis.pixels(low), y_axis.pixels(high))
        return shape("path", d=area, class_=f"band {self.role}")


@dataclass(frozen=True)
class Bars:
    """Upright bars from zero, [N]; hovering shows a bar's label."""

    left: Floats
    right: Floats
    top: Floats
    name: str
    role: Role
    labels: Sequence[str]

    def key(self, x: float, y: float) -> Markup:
        return shape("rect", x=px(x), y=px(y - 9), width=22, height=10, class_=f"bar {self.role}")

    def values(self) -> list[Floats]:
        return [self.top, np.zeros(1)]

    def places(self) -> Floats:
        return np.concatenate([self.left, self.right])

    def read(self, _x: float) -> str:
        """Nothing: every bar has a label of its own."""
        return ""

    def draw(self, x_axis: Axis, y_axis: Axis) -> Markup:
        base = float(y_axis.pixels(np.zeros(1))[0])
        left, right, top = x_axis.pixels(self.left), x_axis.pixels(self.right), y_axis.pixels(self.top)
        gap = 1.0 if len(left) and float(np.min(right - left)) > 4 else 0.0
        bars = []
        for index, (a, b, c) in enumerate(zip(left, right, top, strict=True)):
            if not math.isfinite(c):
                continue
            label = self.labels[index] if index < len(self.labels) else number(float(self.top[index]))
            size = {"x": px(a), "y": px(min(base, c)), "width": px(max(b - a - gap, 0.5)), "height": px(abs(base - c))}
            bars.append(shape("rect", shape("title", label), class_=f"bar {self.role}", **size))
        return join(*bars)


@dataclass(frozen=True)
class Points:
    """Points [N] in any order; hovering shows a point's label. Round, or upright triangles."""

    x: Floats
    y: Floats
    name: str
    role: Role
    labels: Sequence[str]
    triangles: bool = False

    def key(self, x: float, y: float) -> Markup:
        return self._point(x + 11, y - 4, "")

    def values(self) -> list[Floats]:
        return [self.y]

    def places(self) -> Floats:
        return self.x

    def read(self, _x: float) -> str:
        """Nothing: every point has a label of its own."""
        return ""

    def draw(self, x_axis: Axis, y_axis: Axis) -> Markup:
        pairs = zip(x_axis.pixels(self.x), y_axis.pixels(self.y), strict=True)
        spots = [(n, a, b) for n, (a, b) in enumerate(pairs) if math.isfinite(a) and math.isfinite(b)]
        return join(*(self._point(a, b, self.labels[n] if n < len(self.labels) else "") for n, a, b in spots))

    def _point(self, x: float, y: float, label: str) -> Markup:
        title = shape("title", label) if label else None
        if self.triangles:
            return shape("path", title, d=f"M{px(x - 6)} {px(y + 5)}h12l-6 -11z", class_=f"point {self.role}")
        return shape("circle", title, cx=px(x), cy=px(y), r="2.4", class_=f"point {self.role}")


@dataclass(frozen=True)
class Rule:
    """A straight line across the chart, upright at an x or level at a y."""

    at: float
    label: str
    upright: bool

    def draw(self, x_axis: Axis, y_axis: Axis, width: float) -> Markup:
        axis, other = (x_axis, y_axis) if self.upright else (y_axis, x_axis)
        at = float(axis.pixels(np.array([self.at]))[0])
        if not math.isfinite(at):
            return Markup("")
        if not self.upright:
            level = shape("path", d=f"M{px(other.start)} {px(at)}H{px(other.end)}", class_="axis")
            where = {"x": px(other.start + 4), "y": px(at - 5 if at - axis.end > 16 else at + 13)}
            return join(level, shape("text", self.label, class_="rule-label", **where) if self.label else None)
        line = shape("path", d=f"M{px(at)} {px(other.start)}V{px(other.end)}", class_="rule")
        if not self.label:
            return line
        flip = at + text_width(self.label, 11) + 6 > width
        place = {"x": px(at + (-5 if flip else 5)), "y": px(other.end + 10), "text_anchor": "end" if flip else None}
        return join(line, shape("text", self.label, class_="rule-label", **place))


Mark: TypeAlias = Line | Band | Bars | Points


def _parts(axis: Axis) -> int:
    """Into how many stretches data are thinned: one for every two pixels."""
    return max(50, int((axis.end - axis.start) / 2))


def _index(x: Floats, at: float) -> int | None:
    index = int(np.searchsorted(x, at))
    return index if index < len(x) and x[index] == at else None


def _path(x: Floats, y: Floats) -> str:
    parts: list[str] = []
    pen = False
    for a, b in zip(x, y, strict=True):
        if not (math.isfinite(a) and math.isfinite(b)):
            pen = False
            continue
        # A point between two gaps still leaves a dot: its line has no length but round ends.
        parts.append(f"{'L' if pen else 'M'}{px(a)} {px(b)}" + ("" if pen else "h0"))
        pen = True
    return "".join(parts)


def _area(x: Floats, low: Floats, high: Floats) -> str:
    finite = np.isfinite(x) & np.isfinite(low) & np.isfinite(high)
    borders = np.flatnonzero(np.diff(np.concatenate([[0], finite.astype(np.int8), [0]])))
    parts: list[str] = []
    for first, end in zip(borders[::2], borders[1::2], strict=True):
        there = [f"{px(a)} {px(b)}" for a, b in zip(x[first:end], high[first:end], strict=True)]
        back = [f"{px(a)} {px(b)}" for a, b in zip(x[first:end][::-1], low[first:end][::-1], strict=True)]
        parts.append("M" + "L".join(there + back) + "Z")
    return "".join(parts)
