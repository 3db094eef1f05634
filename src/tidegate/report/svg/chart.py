"""Line, band and bar charts as SVG text: no plotting library, no script, glyphs drawn by the reader's browser.

Colours come from the page (`style.css`) through classes named after the role of a mark, so that a chart
follows light, dark and print. Every mark can be read by hovering (`<title>`) and the whole chart by its
description.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tidegate.core.translate import Language
from tidegate.report.page.markup import Markup, join, shape
from tidegate.report.svg.axis import Axis, px, text_width
from tidegate.report.svg.marks import Band, Bars, Line, Mark, Points, Role, Rule
from tidegate.report.svg.thin import Floats
from tidegate.report.svg.ticks import number

_FONT = 12.0
_ROW = 20.0
EDGE = 0.02  # of the width, left free beside points
_HOVERS = 160


@dataclass
class Chart:
    """A chart in data units; marks are added, then `svg` draws them.

    >>> chart = Chart(y_title="MW").line([1, 2, 3], [4.0, 5.0, 4.5], "Forecast")
    >>> "Forecast of three steps" in chart.svg("Forecast of three steps")
    True

    Attributes:
        x_title, y_title: what the axes show, with units, already translated.
        lang: the language of dates on a time axis.
        width, height: of the drawing, in CSS pixels at its natural size.
        log: y on a logarithmic axis (values at or below zero are gaps).
        zero: the y axis includes zero.
        x_whole: x counts things, so only whole numbers are ticks.
        x_cycle: x counts units of which so many make the next larger one (24 hours): ticks divide it.
        legend: name the marks above the chart, the last added first.
        y_range: ends of the y axis instead of the data's own.
        description: what a screen reader says.
    """

    x_title: str = ""
    y_title: str = ""
    lang: Language = "en"
    width: float = 760.0
    height: float = 260.0
    log: bool = False
    zero: bool = False
    x_whole: bool = False
    x_cycle: int = 0
    legend: bool = True
    y_range: tuple[float, float] | None = None
    description: str = ""
    _marks: list[Mark] = field(default_factory=list)
    _rules: list[Rule] = field(default_factory=list)
    _time: bool = False

    def line(self, x: Any, y: Any, name: str, role: Role = "model", dots: bool = False) -> Chart:
        """A line through [N] points, x ascending (numbers or datetime64); NaN in y breaks it."""
        at, values = self._x(x), np.asarray(y, dtype=np.float64)
        if self.log:
            values = np.where(values > 0, values, np.nan)
        self._marks.append(Line(at, values, name, role, dots))
        return self

    def band(self, x: Any, low: Any, high: Any, name: str, role: Role = "model") -> Chart:
        """The area between two lines of [N] points."""
        self._marks.append(Band(self._x(x), np.asarray(low, np.float64), np.asarray(high, np.float64), name, role))
        return self

    def bars(
        self, left: Any, right: Any, top: Any, name: str = "", *, role: Role = "model", labels: Sequence[str] = ()
    ) -> Chart:
        """Upright bars from zero to `top`, [N] each; `labels` are what hovering shows."""
        edges = self._x(left), self._x(right)
        self._marks.append(Bars(*edges, np.asarray(top, dtype=np.float64), name, role, labels))
        return self

    def points(
        self, x: Any, y: Any, name: str, role: Role = "model", *, labels: Sequence[str] = (), triangles: bool = False
    ) -> Chart:
        """Points [N] in any order; `labels` are what hovering shows."""
        self._marks.append(Points(self._x(x), np.asarray(y, dtype=np.float64), name, role, labels, triangles))
        return self

    def histogram(self, values: Any, name: str, bins: int = 41, role: Role = "model") -> Chart:
        """How often values fall in each of `bins` equal ranges, as shares of all finite values in percent."""
        data = np.asarray(values, dtype=np.float64)
        data = data[np.isfinite(data)]
        if not data.size:
            return self
        low, high = float(data.min()), float(data.max())
        room = 0.0 if high - low > 1e-9 * max(abs(low), abs(high)) else max(abs(low) * 0.01, 1e-9)
        counts, edges = np.histogram(data, bins=bins, range=(low - room, high + room))
        share = counts / data.size * 100
        labels = [
            f"{number(a)} \u2026 {number(b)}: {s:.1f}\u2009%" for a, b, s in zip(edges, edges[1:], share, strict=False)
        ]
        self.zero = True
        return self.bars(edges[:-1], edges[1:], share, name, role=role, labels=labels)

    def rule(self, at: Any, label: str = "", upright: bool = True) -> Chart:
        """A straight line across the chart: upright at an x, or level at a y."""
        place = float(self._x(np.asarray([at]))[0]) if upright else float(at)
        self._rules.append(Rule(place, label, upright))
        return self

    def about(self, description: str) -> Chart:
        """The chart with what a screen reader says of it."""
        self.description = description
        return self

    @property
    def marks(self) -> tuple[Mark | Rule, ...]:
        """What was drawn, in order; places on a time axis are microseconds (`timed`)."""
        return (*self._marks, *self._rules)

    @property
    def timed(self) -> bool:
        """Whether the x axis shows times."""
        return self._time

    def svg(self, description: str = "") -> Markup:
        """The drawing; `description` is what a screen reader says, in place of the chart's own."""
        description = description or self.description
        top = 6.0
        head: list[Markup] = []
        if self.legend:
            legend, rows = self._legend()
            head.append(legend)
            top += rows * _ROW
        if self.y_title:
            head.append(shape("text", self.y_title, x=0, y=px(top + 11), class_="axis-title"))
            top += _ROW + 2
        frame = self._frame(top)
        x_axis, y_axis = frame
        drawn = [mark.draw(x_axis, y_axis) for mark in self._marks]
        rules = [rule.draw(x_axis, y_axis, self.width) for rule in self._rules]
        return shape(
            "svg",
            shape("title", description),
            *head,
            y_axis.draw_y(x_axis),
            x_axis.draw_x(y_axis, self.x_title, self.height),
            *drawn,
            *rules,
            self._hover(x_axis, y_axis),
            viewBox=f"0 0 {px(self.width)} {px(self.height)}",
            width=px(self.width),
            height=px(self.height),
            role="img",
            aria_label=description,
            class_="chart",
        )

    def _x(self, values: Any) -> Floats:
        array = np.asarray(values)
        if array.dtype.kind == "M":
            self._time = True
            array = array.astype("datetime64[us]").astype(np.int64)
        return array.astype(np.float64)

    def _frame(self, top: float) -> tuple[Axis, Axis]:
        y_low, y_high = self.y_range or self._extent()
        bottom = self.height - (34.0 if self._time else 20.0) - (18.0 if self.x_title else 0.0)
        y_axis = Axis.of_values(
            y_low, y_high, bottom, top, log=self.log, zero=self.zero, fixed=self.y_range is not None
        )
        ends = [mark.places() for mark in self._marks]
        every = (
            np.concatenate([*ends, [rule.at for rule in self._rules if rule.upright]]) if ends else np.array([0.0, 1.0])
        )
        every = every[np.isfinite(every)]
        low, high = (float(every.min()), float(every.max())) if every.size else (0.0, 1.0)
        if self._marks and all(isinstance(mark, Points) for mark in self._marks):  # none is cut in half by the border
            low, high = low - EDGE * (high - low), high + EDGE * (high - low)
        left = max((text_width(label, _FONT) for label in y_axis.labels), default=0.0) + 8
        clock = self.lang if self._time else None
        x_axis = Axis.of_places(low, high, left, self.width - 10, lang=clock, whole=self.x_whole, cycle=self.x_cycle)
        return x_axis, y_axis

    def _extent(self) -> tuple[float, float]:
        parts = [values for mark in self._marks for values in mark.values()]
        parts.append(np.array([rule.at for rule in self._rules if not rule.upright], dtype=np.float64))
        every = np.concatenate(parts)
        every = every[np.isfinite(every)]
        return (float(every.min()), float(every.max())) if every.size else (math.nan, math.nan)

    def _legend(self) -> tuple[Markup, int]:
        x, row, items = 0.0, 0, []
        seen: set[str] = set()
        for mark in reversed(self._marks):
            if not mark.name or mark.name in seen:
                continue
            seen.add(mark.name)
            size = 30 + text_width(mark.name, _FONT) + 20
            if x and x + size > self.width:
                x, row = 0.0, row + 1
            y = row * _ROW + 11
            items.append(mark.key(x, y))
            items.append(shape("text", mark.name, x=px(x + 28), y=px(y), class_="legend"))
            x += size
        return join(*items), row + 1 if items else 0

    def _hover(self, x_axis: Axis, y_axis: Axis) -> Markup:
        """Invisible upright slices that name all values at their x."""
        lines = [mark for mark in self._marks if isinstance(mark, Line) and mark.x.size]
        if not lines:
            return Markup("")
        stops = np.unique(np.concatenate([mark.x[np.isfinite(mark.x)] for mark in lines]))
        if len(stops) > _HOVERS:
            stops = stops[np.linspace(0, len(stops) - 1, _HOVERS).round().astype(np.int64)]
        at = x_axis.pixels(stops)
        edges = np.concatenate([[x_axis.start], (at[:-1] + at[1:]) / 2, [x_axis.end]])
        slices = []
        for index, stop in enumerate(stops):
            words = [f"{mark.name}: {value}" for mark in self._marks if (value := mark.read(float(stop)))]
            if not words:
                continue
            title = shape("title", "\n".join([x_axis.read(float(stop)), *words]))
            left, right = float(edges[index]), float(edges[index + 1])
            size = {"x": px(left), "width": px(max(right - left, 0.1))}
            slices.append(
                shape("rect", title, y=px(y_axis.end), height=px(y_axis.start - y_axis.end), class_="hover", **size)
            )
        return join(*slices)
