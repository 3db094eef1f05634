"""The report of a model that writes: its scores, what it wrote beside what people wrote, and where it looked."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.names import metric_name
from tidegate.core.table import Note
from tidegate.core.translate import Language, tr
from tidegate.evaluate.text.evaluation import TextEvaluation
from tidegate.report.page.build import Kind, Sections, explanation
from tidegate.report.page.markup import Markup, el, join, shape
from tidegate.report.page.parts import capital, figure, header, key_list, plain_table, soft
from tidegate.report.page.scores import Columns, table
from tidegate.report.page.view import Run
from tidegate.report.page.words import MODEL, method_name
from tidegate.report.svg.axis import px, text_width
from tidegate.report.svg.heat import drawing
from tidegate.report.svg.picture import data_uri
from tidegate.runtime.language.written import visible
from tidegate.tasks.explain.translate import Alignment

EXAMPLES, PICTURES, LONG = 12, 3, 30  # texts that are shown, alignments that are drawn, tokens of one at most
CELL, FONT, LEAST = 24.0, 12.0, 720.0
THUMB = 56  # pixels of a picture in a table


@dataclass(frozen=True)
class WrittenView(Run):
    """Everything on the page of a model that writes texts.

    Attributes:
        examples: of some inputs the source ("" where it is none), what people wrote, and what the model and the best
            baseline wrote.
        pictures: of the same inputs, [H, W, C] each; () where they are texts.
        explained: of some inputs where the model looked. draw: one of these on the page.
    """

    examples: tuple[tuple[str, str, str, str], ...] = ()
    pictures: tuple[NDArray[np.uint8], ...] = ()
    explained: tuple[Any, ...] = ()
    draw: Callable[[Any, Language], Markup] | None = None


def translator_view(model: Any, evaluated: Any = None) -> WrittenView:
    """What is drawn of its test part."""
    evaluated = evaluated or model._evaluate_part("test")
    short = [own[0] for own in examples_of(evaluated) if len(model.model_.source.cut(own[0])) <= LONG][:PICTURES]
    explained = tuple(model.explain([text]) for text in short if text.strip())
    return written_view(model, evaluated, tr("Translator"), "{count} pairs", explained=explained, draw=picture)


def written_view(model: Any, evaluated: Any, name: str, unit: str, **drawn: Any) -> WrittenView:
    """What every model that writes draws of its test part: its name, what it counts, and what it draws beside."""
    parts = {part: len(model.fitted_.parts[part]) for part in ("train", "validation", "test")}
    schema = tuple(Note(part, unit, {"count": f"{size:,}"}) for part, size in parts.items())
    return WrittenView(name, evaluated.evaluation, schema=schema, examples=examples_of(evaluated), **drawn)


def examples_of(evaluated: Any) -> tuple[tuple[str, str, str, str], ...]:
    """Source, reference, and what the model and the best baseline wrote, of inputs spread over the part."""
    best = evaluated.evaluation.best_baseline
    count = len(evaluated.references)
    places = spread(count)
    sources = evaluated.sources or [""] * count
    other = evaluated.written[best] if best is not None else [""] * count
    return tuple((sources[n], evaluated.references[n], evaluated.written[MODEL][n], other[n]) for n in places)


def spread(count: int) -> list[int]:
    """Places of the inputs that are shown, of so many."""
    found: list[int] = np.unique(np.linspace(0, count - 1, EXAMPLES).astype(int)).tolist()
    return found


def about(view: WrittenView, lang: Language) -> tuple[str, tuple[str, ...]]:
    """What was written."""
    what = tr("{count} texts were written that no training has seen", lang, count=f"{view.evaluation.count:,}")
    return tr("Report of a model that writes texts", lang), (what,)


def key_numbers(view: WrittenView, lang: Language) -> list[tuple[str, str, str]]:
    """The model's scores, and that of the best baseline."""
    found: TextEvaluation = view.evaluation
    items = []
    for name in found.columns()[:3]:
        low, high = (found.cell(name, end) for end in found.intervals[name])
        known = math.isfinite(found.intervals[name][0])
        words = tr("95 % interval: {low} to {high}", lang, low=low, high=high) if known else ""
        items.append((capital(metric_name(name, lang)), found.cell(name, found.overall[MODEL][name]), words))
    if found.best_baseline is not None:
        other = found.cell(found.criterion, found.overall[found.best_baseline][found.criterion])
        items.append((tr("Best baseline", lang), other, method_name(found.best_baseline, lang)))
    return items


def scores(view: WrittenView, lang: Language) -> Markup:
    """The model and every baseline, best first, and what scores need to be compared."""
    found: TextEvaluation = view.evaluation
    columns = Columns(
        found.columns(),
        lambda method, metric: found.cell(metric, found.overall[method][metric]),
        lambda metric: (capital(metric_name(metric, lang)), ""),
        tr("This model", lang),
        higher=found.verdict.higher,
    )
    caption = tr("What each method wrote for the test part, best first.", lang)
    return table(found, columns, caption, lang, *(soft(text) for text in found.details(lang) if text))


def writes(view: WrittenView, lang: Language) -> Markup | None:
    """Examples as text, side by side."""
    if not view.examples:
        return None
    best = view.evaluation.best_baseline
    head = [tr("What people wrote", lang), tr("What the model wrote", lang)]
    head += [capital(method_name(best, lang))] if best is not None else []
    if view.pictures:
        first: list[str] = [thumbnail(pixels) for pixels in view.pictures]
    else:
        first = [visible(own[0]) for own in view.examples if any(each[0] for each in view.examples)]
    rows = []
    for place, (_, reference, own, other) in enumerate(view.examples):
        cells = [reference, own] + ([other] if best is not None else [])
        rows.append([*first[place : place + 1], *map(visible, cells)])
    named = tr("Picture", lang) if view.pictures else tr("Source", lang)
    return plain_table(([named] if first else []) + head, rows, ())


def thumbnail(pixels: NDArray[np.uint8]) -> Markup:
    """A small picture in a table."""
    return el("img", src=data_uri(pixels), width=THUMB, height=THUMB, alt="")


def looks(view: WrittenView, lang: Language) -> Markup | None:
    """Where it looked, each beside its check."""
    if not view.explained or view.draw is None:
        return None
    return join(*(view.draw(own, lang) for own in view.explained))


def picture(found: Alignment, lang: Language) -> Markup:
    """One alignment: the drawing, what matters, and the deletion test."""
    parts = [] if found.attention is None else [figure(alignment(found, lang), visible(found.found.text))]
    return join(
        *parts,
        soft(found.check(lang)) if found.check(lang) else None,
        el(
            "details", el("summary", tr("Token by token", lang)), plain_table(found.head(lang), found.rows(), (1, 2, 3))
        ),
    )


def alignment(found: Alignment, lang: Language) -> Markup:
    """Source tokens across, written tokens down, each cell the darker the more was looked at."""
    assert found.attention is not None
    across = [visible(token).strip() or "∎" for token in found.found.source_tokens]
    down = [visible(token).strip() or "∎" for token in found.found.tokens]
    left = max(text_width(name, FONT) for name in down) + 10
    top = 0.75 * max(text_width(name, FONT) for name in across) + 14
    parts, cells = [], []
    for place, name in enumerate(across):
        x, y = left + (place + 0.5) * CELL, top - 6
        turn = f"rotate(-48 {px(x)} {px(y)})"
        parts.append(shape("text", name, x=px(x), y=px(y), transform=turn))
    for row, name in enumerate(down):
        y = top + row * CELL
        parts.append(shape("text", name, x=px(left - 6), y=px(y + CELL / 2 + 4), text_anchor="end"))
        for place, share in enumerate(found.attention[row].tolist()):
            title = shape("title", f"{name} ← {across[place]}: {100 * share:.0f} %")
            size = {"x": px(left + place * CELL), "y": px(y), "width": px(CELL - 1), "height": px(CELL - 1)}
            cells.append(shape("rect", title, class_="more", fill_opacity=f"{max(share, 0.01):.2f}", **size))
    width = left + len(across) * CELL + 0.7 * max(text_width(name, FONT) for name in across[-4:]) + 6
    height = top + len(down) * CELL + 4
    whole = [*parts, shape("g", *cells, class_="heat")]
    return drawing(whole, tr("Where the model looked for each token", lang), max(width, LEAST), height)


def looked(found: Alignment, lang: Language) -> tuple[Markup, str, Sections]:
    """Head, title and sections of a page on one text."""
    title = tr("What the model looked at", lang)
    source, text = visible(found.found.source), visible(found.found.text)
    numbers = [(tr("Source", lang), source, ""), (tr("Written", lang), text, "")]
    head = join(header(tr("Explanation of a translator", lang), title), key_list(numbers))
    return head, title, [("looks", title, picture(found, lang))]


report_alignment = explanation(looked)


PAGE = Kind(about, key_numbers, {"scores": scores, "writes": writes, "looks": looks})
