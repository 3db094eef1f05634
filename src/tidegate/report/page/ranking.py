"""A table of methods, best first, with a bar for what ranks them, and the key numbers above it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tidegate.report.page.markup import Markup, el


@dataclass(frozen=True)
class Row:
    """One method.

    Attributes:
        name: in words. cells: the metrics, the first beside the bar.
        share: 0 to 1, length of the bar. below: under the first metric, usually its interval.
        kind: "own" for the model, "best" for the best baseline, None for others.
    """

    name: str
    cells: Sequence[str]
    share: float
    below: str = ""
    kind: str | None = None


def ranked_table(head: Sequence[tuple[str, str]], rows: Sequence[Row], caption: str) -> Markup:
    """The table; `head` holds the name of each column and what stands below it, that of the methods first."""
    first, *others = head
    titles = [el("th", first[0], scope="col")]
    titles += [
        el("th", name, el("small", below) if below else None, scope="col", class_="num") for name, below in others
    ]
    body = [_row(row) for row in rows]
    parts = el("caption", caption), el("thead", el("tr", *titles)), el("tbody", *body)
    short = not any(row.below for row in rows)
    table = el("table", *parts, class_="scores ranked short" if short else "scores ranked")
    return el("div", table, class_="scroll", tabindex="0")


def _row(row: Row) -> Markup:
    bar = el("span", class_="meter", style=f"width:{100 * min(max(row.share, 0.0), 1.0):.1f}%")
    shown = el("span", row.cells[0], el("small", row.below) if row.below else None)
    cells = [el("td", el("span", bar, class_="track", aria_hidden="true"), shown, class_="num bars")]
    cells += [el("td", text, class_="num") for text in row.cells[1:]]
    return el("tr", el("th", row.name, scope="row"), *cells, class_=row.kind)


def key_list(items: Sequence[tuple[str, str, str]]) -> Markup:
    """Key numbers: name, value and a note below it, each."""
    cells = [
        el("div", el("dt", name), el("dd", el("span", value, class_="big"), el("span", note) if note else None))
        for name, value, note in items
    ]
    return el("dl", *cells, class_="key")


def meanings(pairs: Sequence[tuple[str, str]], colon: str) -> Markup:
    """What each metric says, in a line each."""
    return el("ul", *(el("li", el("b", name), colon, text) for name, text in pairs), class_="meanings")


def plain_table(head: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[int] = ()) -> Markup:
    """A table of text; columns in `numbers` are set right."""
    align = ["num" if place in numbers else None for place in range(len(head))]
    titles = [el("th", name, scope="col", class_=kind) for name, kind in zip(head, align, strict=True)]
    body = [
        el(
            "tr",
            el("th", row[0], scope="row"),
            *(el("td", text, class_=kind) for text, kind in zip(row[1:], align[1:], strict=True)),
        )
        for row in rows
    ]
    table = el("table", el("thead", el("tr", *titles)), el("tbody", *body))
    return el("div", table, class_="scroll", tabindex="0")
