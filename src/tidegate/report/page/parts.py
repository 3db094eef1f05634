"""What pages are put together from: tables, lists, figures, notes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tidegate.core.table import Note
from tidegate.core.translate import Language, tr
from tidegate.report.page.markup import Markup, el
from tidegate.report.svg.chart import Chart


@dataclass(frozen=True)
class Row:
    """One method of a ranked table.

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
    body = [_row(row) for row in rows]
    parts = el("caption", caption), el("thead", el("tr", *titles(head))), el("tbody", *body)
    short = not any(row.below for row in rows)
    return scroll(el("table", *parts, class_="scores ranked short" if short else "scores ranked"))


def _row(row: Row) -> Markup:
    bar = el("span", class_="meter", style=f"width:{100 * min(max(row.share, 0.0), 1.0):.1f}%")
    shown = el("span", row.cells[0], el("small", row.below) if row.below else None)
    cells = [el("td", el("span", bar, class_="track", aria_hidden="true"), shown, class_="num bars")]
    cells += [el("td", text, class_="num") for text in row.cells[1:]]
    return el("tr", el("th", row.name, scope="row"), *cells, class_=row.kind)


def titles(head: Sequence[tuple[str, str]]) -> list[Markup]:
    """Cells of a head: the first at the left, the others at the right, each with what stands below its name."""
    return [
        el("th", name, el("small", below) if below else None, scope="col", class_="num" if place else None)
        for place, (name, below) in enumerate(head)
    ]


def plain_table(
    head: Sequence[str | tuple[str, str]],
    rows: Sequence[Sequence[str]],
    numbers: Iterable[int] = (),
    *,
    kinds: Sequence[str | None] = (),
    caption: str = "",
) -> Markup:
    """A table of text.

    Args:
        head: of each column its name, or its name and what stands below it. rows: of text, the first cell a heading.
        numbers: columns that are set right. kinds: of each row "own", "best" or None. caption: above the table.
    """
    right = set(numbers)
    align = ["num" if place in right else None for place in range(len(head))]
    pairs = [(name, "") if isinstance(name, str) else name for name in head]
    top = [
        el("th", name, el("small", below) if below else None, scope="col", class_=kind)
        for (name, below), kind in zip(pairs, align, strict=True)
    ]
    body = []
    for place, (first, *others) in enumerate(rows):
        cells = (el("td", text, class_=kind) for text, kind in zip(others, align[1:], strict=True))
        body.append(el("tr", el("th", first, scope="row"), *cells, class_=kinds[place] if kinds else None))
    above = el("caption", caption) if caption else None
    return scroll(el("table", above, el("thead", el("tr", *top)), el("tbody", *body), class_="scores"))


def scroll(table: Markup) -> Markup:
    """A table that scrolls by itself where the page is narrow."""
    return el("div", table, class_="scroll", tabindex="0")


def definition(pairs: Iterable[tuple[str, str]], code: bool = False, kind: str = "pairs") -> Markup:
    """Names and values in two columns, in the style of `kind`."""
    rows = [
        el(
            "tr",
            el("th", el("code", name) if code else name, scope="row"),
            el("td", el("code", value) if code else value),
        )
        for name, value in pairs
    ]
    return el("table", el("tbody", *rows), class_=kind)


def key_list(items: Sequence[tuple[str, str, str]]) -> Markup:
    """Key numbers: name, value and a note below it, each."""
    cells = [
        el("div", el("dt", name), el("dd", el("span", value, class_="big"), el("span", note) if note else None))
        for name, value, note in items
    ]
    return el("dl", *cells, class_="key")


def meanings(pairs: Sequence[tuple[str, str]], lang: Language) -> Markup:
    """What each metric says, in a line each; those without a meaning are left out."""
    return el("ul", *(el("li", el("b", name), colon(lang), text) for name, text in pairs if text), class_="meanings")


def header(over: str, title: str, *below: Markup | str) -> Markup:
    """The page's title, what kind of page it is above it, and what it is about below it."""
    soft = el("p", *below, class_="soft") if below else None
    return el("header", el("p", over, class_="over"), el("h1", title), soft)


def figure(drawing: Markup | Chart, caption: str = "", heading: str = "", wide: bool = True) -> Markup:
    """A chart under its heading, with a sentence on how to read it."""
    return el(
        "figure",
        el("h3", heading) if heading else None,
        el("div", drawing.svg() if isinstance(drawing, Chart) else drawing, class_="drawing", tabindex="0"),
        el("figcaption", caption) if caption else None,
        class_="wide" if wide else "half",
    )


def side_by_side(*figures: Markup) -> Markup:
    """Two figures a row, one below the other where the page is narrow."""
    return el("div", *figures, class_="grid-2")


def legend(keys: Iterable[tuple[str, str, str]]) -> Markup:
    """A legend above several charts: (line or band, role, name) each."""
    items = []
    for kind, role, name in keys:
        mark = (
            el("path", d="M0 6h22", class_=f"line {role}")
            if kind == "line"
            else el("rect", x=0, y=1, width=22, height=10, class_=f"band {role}")
        )
        items.append(el("li", el("svg", mark, viewBox="0 0 22 12", width=22, height=12, aria_hidden="true"), name))
    return el("ul", *items, class_="legend")


def soft(text: str) -> Markup:
    """A paragraph beside the point."""
    return el("p", text, class_="soft")


def soft_notes(notes: Iterable[Note], lang: Language) -> list[Markup]:
    """Notes as paragraphs."""
    return [soft(note_text(note, lang)) for note in notes]


def note_list(notes: Iterable[Note], lang: Language) -> Markup:
    """Notes as a list."""
    return el("ul", *(el("li", note_text(note, lang)) for note in notes), class_="notes")


def note_text(note: Note, lang: Language) -> str:
    """A note in the reader's language."""
    return tr(note.message, lang, **dict(note.values))


def drawn_of(shown: int, count: int, lang: Language) -> Markup | None:
    """How many of all are drawn; None where all are."""
    if shown >= count:
        return None
    return soft(tr("The first {shown} of {count} are drawn.", lang, shown=shown, count=count))


def colon(lang: Language) -> str:
    """Between a name and what is told of it."""
    return "：" if lang == "zh_TW" else ": "


def listed(items: Iterable[str], lang: Language) -> str:
    """Items one after another, with the language's comma."""
    return ("、" if lang == "zh_TW" else ", ").join(items)


def some(names: Sequence[str]) -> Sequence[str]:
    """At most six names: of more, such as the steps of a series, the first three and the last."""
    return names if len(names) <= 6 else [*names[:3], "\u2026", names[-1]]


def sentences(parts: Iterable[str], lang: Language) -> str:
    """Sentences one after another, as the language writes them."""
    return ("" if lang == "zh_TW" else " ").join(parts)


def capital(name: str) -> str:
    """A name fit for the beginning of a line."""
    return name[:1].upper() + name[1:]


def with_unit(value: str, unit: str) -> str:
    """`183.1 vehicles per hour`."""
    return f"{value} {unit}".rstrip()
