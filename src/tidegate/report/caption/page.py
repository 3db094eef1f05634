"""The report of a captioner: that of a model that writes, with the pictures, and where it looked for each word."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.translate import Language, tr
from tidegate.data.sources.media.pictures import pixels_of
from tidegate.report.page.build import Sections, explanation
from tidegate.report.page.markup import Markup, el, join, shape
from tidegate.report.page.parts import figure, header, key_list, plain_table, soft
from tidegate.report.page.words import MODEL
from tidegate.report.svg.axis import px
from tidegate.report.svg.heat import drawing
from tidegate.report.svg.picture import data_uri
from tidegate.report.translate.page import PICTURES, WrittenView, spread, written_view
from tidegate.runtime.language.written import visible
from tidegate.tasks.explain.caption import Looks

SIDE, GAP, LINE, ACROSS = 120.0, 12.0, 22.0, 5  # of a panel, in pixels; panels in a row


def captioner_view(model: Any, evaluated: Any = None) -> WrittenView:
    """What is drawn of its test part."""
    evaluated, inputs = evaluated or model._evaluate_part("test"), model._part("test")
    pictures, places = pixels_of(inputs), spread(len(inputs))
    told = [place for place in places if evaluated.written[MODEL][place]][:PICTURES]
    return written_view(
        model,
        evaluated,
        tr("Captioner"),
        "{count} pictures",
        pictures=tuple(pictures[place] for place in places),
        explained=tuple(model.explain(inputs, at=place) for place in told),
        draw=picture,
    )


def picture(found: Looks, lang: Language) -> Markup:
    """One caption: where it looked word by word over the picture, and the covering test."""
    parts = [figure(looks(found, lang), visible(found.found.text))]
    rows = plain_table(found.head(lang), found.rows(), (2, 3))
    return join(*parts, soft(found.check(lang)), el("details", el("summary", tr("Token by token", lang)), rows))


def looks(found: Looks, lang: Language) -> Markup:
    """The picture, then once more for each token, the darker the less it looked there."""
    words = ["", *(visible(token).strip() or "∎" for token in found.found.tokens)]
    if found.found.attention is None:
        words = words[:1]
    source, parts = data_uri(found.picture), []
    for number, word in enumerate(words):
        x, y = (number % ACROSS) * (SIDE + GAP), (number // ACROSS) * (SIDE + LINE + GAP)
        parts.append(shape("image", href=source, x=px(x), y=px(y), width=px(SIDE), height=px(SIDE)))
        if number:
            assert found.found.attention is not None
            parts += _veil(found.found.attention[number - 1], x, y, word)
        parts.append(shape("text", word, x=px(x + SIDE / 2), y=px(y + SIDE + 15), text_anchor="middle"))
    rows = -(-len(words) // ACROSS)
    width = min(len(words), ACROSS) * (SIDE + GAP) - GAP
    return drawing(parts, tr("Where the model looked for each token", lang), width, rows * (SIDE + LINE + GAP))


def _veil(shares: NDArray[np.float32], x: float, y: float, word: str) -> list[Markup]:
    """Places of the grid, each hidden the more the less was looked at, against the place that was looked at most."""
    high, wide = shares.shape
    cells = []
    for row, column in np.ndindex(high, wide):
        share = float(shares[row, column])
        title = shape("title", f"{word}: {100 * share:.0f} %")
        size = {"width": px(SIDE / wide), "height": px(SIDE / high)}
        place = {"x": px(x + column * SIDE / wide), "y": px(y + row * SIDE / high)}
        hidden = 0.85 * (1 - share / max(float(shares.max()), 1e-9))
        cells.append(shape("rect", title, fill="#16202b", fill_opacity=f"{hidden:.2f}", **place, **size))
    return cells


def looked(found: Looks, lang: Language) -> tuple[Markup, str, Sections]:
    """Head, title and sections of a page on one caption."""
    title = tr("What the model looked at", lang)
    numbers = [(tr("Picture", lang), visible(found.id), ""), (tr("Written", lang), visible(found.found.text), "")]
    head = join(header(tr("Explanation of a captioner", lang), title), key_list(numbers))
    return head, title, [("looks", title, picture(found, lang))]


report_looks = explanation(looked)
