"""Scales from data to pixels, and the axes that are drawn for them."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass

import numpy as np

from tidegate.core.translate import Language
from tidegate.report.page.markup import Markup, join, shape
from tidegate.report.svg.thin import Floats
from tidegate.report.svg.ticks import (
    cycle_ticks,
    log_ticks,
    nice_domain,
    nice_ticks,
    number,
    tick_labels,
    time_label,
    time_ticks,
)


def text_width(text: str, size: float) -> float:
    """About how wide a text is, in pixels: a full-width character, an m or a w is one em, any other 0.6."""
    wide = sum(letter in "mwMW%@" or unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return size * (wide + 0.6 * (len(text) - wide))


def px(value: float) -> str:
    """A length with one digit behind the point, none where it is zero."""
    shown = f"{value:.1f}"
    return "0" if shown in ("-0.0", "0.0") else shown.removesuffix(".0")


@dataclass(frozen=True)
class Axis:
    """A scale from [low, high] in data units to [start, end] in pixels, with its ticks.

    Attributes:
        low, high: ends in data units (log10 of them where `log`).
        start, end: where the ends lie, in pixels; on a y axis start is the bottom.
        places: ticks, in data units.
        labels: their labels.
        contexts: a second row of labels (day or year of a time axis), "" where there is none.
        lang: the language of dates; None where x is no time.
    """

    low: float
    high: float
    start: float
    end: float
    places: tuple[float, ...]
    labels: tuple[str, ...]
    contexts: tuple[str, ...] = ()
    log: bool = False
    lang: Language | None = None

    @classmethod
    def of_values(
        cls,
        low: float,
        high: float,
        start: float,
        end: float,
        *,
        log: bool = False,
        zero: bool = False,
        fixed: bool = False,
    ) -> Axis:
        """A y axis that reaches round numbers at both ends, unless the ends are `fixed`."""
        count = max(2, round(abs(end - start) / 45))
        if log and math.isfinite(low) and low > 0:
            bottom, top = math.log10(low), math.log10(high)
            room = max((top - bottom) * 0.06, 0.03)
            bottom, top = bottom - room, top + room
            ticks = log_ticks(10.0**bottom, 10.0**top, count)
            return cls(bottom, top, start, end, tuple(ticks), tuple(_plain(tick) for tick in ticks), log=True)
        if not fixed:
            low, high = nice_domain(low, high, count, zero)
        ticks = nice_ticks(low, high, count)
        return cls(low, high, start, end, tuple(ticks), tuple(tick_labels(ticks)))

    @classmethod
    def of_places(
        cls,
        low: float,
        high: float,
        start: float,
        end: float,
        *,
        lang: Language | None = None,
        whole: bool = False,
        cycle: int = 0,
    ) -> Axis:
        """An x axis that ends where the data end; a time axis in microseconds where a language is given.

        `whole` allows whole numbers only, `cycle` asks for ticks that divide it.
        """
        if not high > low:
            room = 43_200_000_000.0 if lang else max(abs(low) * 0.1, 0.5)
            low, high = low - room, high + room
        if lang:
            marks = time_ticks(low, high, lang, max(2, round((end - start) / 90)))
            labels = tuple(mark.label for mark in marks)
            contexts = tuple(mark.context for mark in marks)
            return cls(low, high, start, end, tuple(mark.at for mark in marks), labels, contexts, lang=lang)
        count = max(2, round((end - start) / 80))
        ticks = cycle_ticks(low, high, cycle, count) if cycle else nice_ticks(low, high, count)
        if whole:
            ticks = sorted({float(round(tick)) for tick in ticks if abs(tick - round(tick)) < 1e-9}) or [low]
        if whole and len(ticks) == 1 and ticks[0] == round(ticks[0]):
            return cls(low, high, start, end, tuple(ticks), (f"{ticks[0]:,.0f}",))
        return cls(low, high, start, end, tuple(ticks), tuple(tick_labels(ticks)))

    def pixels(self, values: Floats) -> Floats:
        """Where values lie, in pixels; NaN stays NaN."""
        if self.log:
            with np.errstate(divide="ignore", invalid="ignore"):
                values = np.log10(np.where(values > 0, values, np.nan))
        return self.start + (values - self.low) / (self.high - self.low) * (self.end - self.start)

    def read(self, value: float) -> str:
        """A place on the axis in words."""
        if self.lang is None:
            return number(value)
        return time_label(np.datetime64(round(value), "us"), self.lang)

    def draw_y(self, across: Axis) -> Markup:
        """Hairlines across the chart, with their labels at the left."""
        parts: list[Markup] = []
        for at, label in zip(self.pixels(np.array(self.places)), self.labels, strict=True):
            parts.append(shape("path", d=f"M{px(across.start)} {px(at)}H{px(across.end)}", class_="grid"))
            parts.append(shape("text", label, x=px(across.start - 6), y=px(at + 4), class_="tick", text_anchor="end"))
        return join(*parts)

    def draw_x(self, upright: Axis, title: str, height: float) -> Markup:
        """The base line with ticks below it; labels that would touch the one before are left out."""
        base = upright.start
        parts = [shape("path", d=f"M{px(self.start)} {px(base)}H{px(self.end)}", class_="axis")]
        free, free_below = -math.inf, -math.inf
        contexts = self.contexts or ("",) * len(self.places)
        for at, label, context in zip(self.pixels(np.array(self.places)), self.labels, contexts, strict=True):
            parts.append(shape("path", d=f"M{px(at)} {px(base)}v4", class_="axis"))
            half = text_width(label, 12) / 2
            middle = min(max(at, half), self.end + 10 - half)
            if middle - half > free:
                parts.append(shape("text", label, x=px(middle), y=px(base + 17), class_="tick", text_anchor="middle"))
                free = middle + half + 6
            half = text_width(context, 12) / 2
            middle = min(max(at, half), self.end + 10 - half)
            if context and middle - half > free_below:
                below = {"x": px(middle), "y": px(base + 32), "text_anchor": "middle"}
                parts.append(shape("text", context, class_="tick context", **below))
                free_below = middle + half + 8
        if title:
            place = {"x": px((self.start + self.end) / 2), "y": px(height - 4), "text_anchor": "middle"}
            parts.append(shape("text", title, class_="axis-title", **place))
        return join(*parts)


def _plain(tick: float) -> str:
    """A logarithmic tick: as it is where it is short, else as a power of ten."""
    return f"{tick:,g}" if 1e-4 <= tick < 1e6 else number(tick)
