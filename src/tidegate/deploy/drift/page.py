"""The page of a monitoring: the verdict, and for each column its blocks before and now, with what was expected."""

from __future__ import annotations

import html
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.text import number
from tidegate.core.translate import Language, language, tr
from tidegate.deploy.drift.check import Tested
from tidegate.deploy.drift.monitor import WORDS, Drift

WIDTH, HEIGHT, EDGE = 640, 120, 6
SHOWN = 104  # blocks of the reference that are drawn
STYLE = (
    "body{font:16px/1.6 system-ui,'Noto Sans TC',sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;"
    "color:#222;background:#fff}svg{width:100%;height:auto;background:#f6f8f8;border-radius:6px}h2{margin-top:2rem}"
    "table{border-collapse:collapse}td,th{padding:.2em .8em;text-align:left;border-bottom:1px solid #ddd}"
    ".alarm{color:#b3261e;font-weight:600}@media(prefers-color-scheme:dark){body{color:#ddd;background:#161a1a}"
    "svg{background:#202626}td,th{border-color:#444}.alarm{color:#ff8a80}}"
)


def page(drift: Drift, lang: Language | None = None) -> str:
    """The page, which needs nothing from elsewhere."""
    code = lang or language()
    title = tr("Monitoring of {name}", code, name=drift.name)
    verdict = tr("Something has drifted.", code) if drift.drifted else tr("Nothing has drifted.", code)
    words = "".join(f"<p>{html.escape(line)}</p>" for line in drift.text(code).splitlines())
    kind = "alarm" if drift.drifted else "calm"
    parts = [f"<h1>{html.escape(title)}</h1><p class='{kind}'>{html.escape(verdict)}</p>{words}", _table(drift, code)]
    for column in drift.columns:
        name = f"{column.name} {column.series}".strip()
        parts.append(f"<h2>{html.escape(tr(column.kind, code))}: {html.escape(name)}</h2>")
        for test in column.tests:
            caption = html.escape(tr(WORDS[test.statistic], code))
            alarm = " class='alarm'" if test.alarms.any() else ""
            parts.append(f"<figure><figcaption{alarm}>{caption}</figcaption>{chart(test)}</figure>")
    message = (
        "Grey: blocks of the training data. Blue: new blocks. Dashed: what the block before leads to expect. Red: out "
        "of the ordinary at {budget} false alarms a year over everything on this page."
    )
    note = tr(message, code, budget=f"{drift.budget:g}")
    return (
        f"<!doctype html><html lang='{code.replace('_', '-')}'><head><meta charset='utf-8'><title>{html.escape(title)}"
        f"</title><style>{STYLE}</style></head><body>{''.join(parts)}<p>{html.escape(note)}</p></body></html>"
    )


def _table(drift: Drift, code: Language) -> str:
    head = [tr("kind", code), tr("column", code), "PSI", "KS", tr("out of the ordinary", code)]
    rows = []
    for column in drift.columns:
        found = ", ".join(tr(WORDS[name], code) for name in column.drifts)
        name = f"{column.name} {column.series}".strip()
        rows.append([tr(column.kind, code), name, number(column.psi), number(column.ks), found])
    cells = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{''.join(f'<th>{html.escape(cell)}</th>' for cell in head)}</tr>{cells}</table>"


def chart(test: Tested) -> str:
    """Blocks of the reference, then the new ones, as a picture."""
    before = test.reference[-SHOWN:]
    whole = np.concatenate([before, test.values])
    everything = np.concatenate([whole, test.expected])
    finite = everything[np.isfinite(everything)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
    span = max(high - low, 1e-12)

    def point(place: int, value: float) -> str:
        x = EDGE + (WIDTH - 2 * EDGE) * place / max(len(whole) - 1, 1)
        return f"{x:.1f},{HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * (value - low) / span:.1f}"

    def line(values: NDArray[Any], first: int, style: str) -> str:
        places = [point(first + k, float(v)) for k, v in enumerate(values) if np.isfinite(v)]
        return f"<polyline points='{' '.join(places)}' fill='none' {style}/>"

    start = len(before)
    parts = [line(before, 0, "stroke='#9aa5a5' stroke-width='1.5'")]
    parts.append(line(test.values, start, "stroke='#1f77b4' stroke-width='2'"))
    parts.append(line(test.expected, start, "stroke='#1f77b4' stroke-width='1' stroke-dasharray='3 3'"))
    for place in np.flatnonzero(test.alarms & np.isfinite(test.values)).tolist():
        x, y = point(start + place, float(test.values[place])).split(",")
        parts.append(f"<circle cx='{x}' cy='{y}' r='4' fill='#d32f2f'/>")
    return f"<svg viewBox='0 0 {WIDTH} {HEIGHT}' role='img'>{''.join(parts)}</svg>"
