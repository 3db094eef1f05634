"""A forecast as a picture by itself: one page, or one SVG drawing."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from tidegate.core.errors import ConfigError
from tidegate.core.translate import Language, language, tr
from tidegate.report.forecast.figures import sample_chart
from tidegate.report.forecast.view import Sample
from tidegate.report.page.document import document, style, write_page
from tidegate.report.page.markup import Markup, shape
from tidegate.report.page.parts import figure, header
from tidegate.report.svg.ticks import has_clock, time_label

WIDTH, HEIGHT, TITLE = 760.0, 270.0, 26.0
MOST = 60


def write_plot(
    path: str | os.PathLike[str], samples: Sequence[Sample], *, unit: str = "", lang: Language | None = None
) -> Path:
    """Draw the coming steps of every series and target, one below the other, with the values before them.

    Args:
        path: an .html or .svg file, which needs nothing else. samples: as `tidegate.report.forecast.picture.coming`
            makes them; at most 60. unit: of the values. lang: None takes the reader's.

    Raises:
        ConfigError: another kind of file, nothing to draw, or too much. OutputError: the file cannot be written.
    """
    lang, kind = lang or language(), Path(path).suffix.lower()
    if kind not in (".html", ".svg"):
        raise ConfigError(tr("a plot is an .html or an .svg file; got {path!r}", path=os.fspath(path)))
    if not 0 < len(samples) <= MOST:
        message = "{count} series and targets to plot: a page holds 1 to {most}; give fewer series"
        raise ConfigError(tr(message, count=len(samples), most=MOST))
    drawn = [(title_of(item, lang), sample_chart(item, unit, lang, WIDTH).svg()) for item in samples]
    if kind == ".svg":
        return write_page(path, _stacked(drawn, tr("Forecast", lang)))
    title = tr("Forecast", lang)
    parts = [(f"forecast-{place}", name, figure(chart)) for place, (name, chart) in enumerate(drawn, 1)]
    return write_page(path, document(title, header(tr("Forecast", lang), drawn[0][0]), parts, lang))


def title_of(item: Sample, lang: Language) -> str:
    """Series, target and first step of a forecast."""
    begin = tr("from {time}", lang, time=time_label(item.time[len(item.history)], lang, has_clock(item.time)))
    return " \u00b7 ".join(part for part in (item.series, item.target, begin) if part)


def _stacked(drawn: Sequence[tuple[str, Markup]], description: str) -> str:
    parts: list[Markup] = [shape("title", description), shape("style", style())]
    for place, (name, chart) in enumerate(drawn):
        top = place * (HEIGHT + TITLE)
        parts.append(shape("text", name, x=0, y=top + 16, class_="legend"))
        parts.append(Markup(chart.replace("<svg ", f'<svg y="{top + TITLE:.0f}" ', 1)))
    height = len(drawn) * (HEIGHT + TITLE)
    size = {"viewBox": f"0 0 {WIDTH:.0f} {height:.0f}", "width": f"{WIDTH:.0f}", "height": f"{height:.0f}"}
    return shape("svg", *parts, xmlns="http://www.w3.org/2000/svg", class_="chart", **size) + "\n"
