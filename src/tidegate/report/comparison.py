"""A comparison of encoders as a folder: the table as CSV and JSON, the best model, and a page."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from tidegate.core.names import metric_name
from tidegate.core.translate import Language, language, tr
from tidegate.evaluate.language.evaluation import LanguageEvaluation
from tidegate.report.label import page as label_page
from tidegate.report.label.view import LabelledView
from tidegate.report.language import page as language_page
from tidegate.report.page.document import document, write_results
from tidegate.report.page.history import DOTS, LOG
from tidegate.report.page.markup import Markup, join
from tidegate.report.page.parts import Row, figure, header, ranked_table
from tidegate.report.page.verdict import verdict_of
from tidegate.report.svg.chart import Chart
from tidegate.report.svg.marks import Role
from tidegate.report.svg.ticks import number


def write_comparison(folder: Path, found: Any, *, title: str = "", lang: Language | None = None) -> Path:
    """Write comparison.csv, comparison.json, model/ (the best) and comparison.html, in the reader's language if None.

    `found` is a `tidegate.tasks.label.compare.Comparison`; what is given and raised is as of `write_results`.
    """
    page = "comparison.html", render_comparison(found, lang or language(), title)
    return write_results(folder, found.model, "comparison", found.columns(), found.to_json(), page)


def render_comparison(found: Any, lang: Language, title: str = "") -> str:
    """The page as text; the same comparison gives the same text."""
    best = found.candidates[0].name
    title = title or tr("Encoders compared", lang)
    message = (
        "{count} encoders were trained on the same parts. The best on the validation part, {name}, was then looked at "
        "on the test part; the others were not."
    )
    intro = tr(message, lang, count=len(found.candidates), name=best)
    head = header(tr("Encoders compared", lang), title, intro)
    parts: list[tuple[str, str, Markup | None]] = [
        ("encoders", tr("On the validation part", lang), table(found, lang)),
        ("learning", tr("Learning curves", lang), learning(found, lang)),
    ]
    if found.evaluation is not None:
        if isinstance(found.evaluation, LanguageEvaluation):
            shown = language_page.scores(language_page.LanguageView(title, found.evaluation), lang)
        else:
            shown = label_page.scores(LabelledView(title=title, evaluation=found.evaluation), lang)
        heading = tr("{name} on the test part, beside the baselines", lang, name=best)
        parts.append(("scores", heading, join(verdict_of(found.evaluation, lang), shown)))
    return document(title, head, parts, lang)


def table(found: Any, lang: Language) -> Markup:
    """The encoders, best first, with a bar for what ranks them."""
    own = found.candidates
    largest = 1.0 if found.higher else max(each.score for each in own) or 1.0
    rows = [
        Row(
            each.name,
            [f"{each.score:.4f}" if found.higher else number(each.score), f"{each.parameters:,}",
             number(each.seconds, 1), number(each.latency, 2)],
            each.score / largest if math.isfinite(each.score) else 0.0,
            kind="own" if place == 0 else None,
        )
        for place, each in enumerate(own)
    ]  # fmt: skip
    metric = metric_name(found.metric, lang)
    head = [(tr("encoder", lang), ""), (metric, ""), (tr("parameters", lang), ""), (tr("training, s", lang), ""),
            (tr("one answer, ms", lang), "")]  # fmt: skip
    caption = tr("Best first. The time of one answer is that of one sequence alone, without torch.", lang)
    return ranked_table(head, rows, caption)


def learning(found: Any, lang: Language) -> Markup | None:
    """Validation loss of each encoder by epoch; None where none was recorded."""
    if not any(each.losses for each in found.candidates):
        return None
    caption = "A line that still falls at its end would gain from more epochs; one that turned up was stopped in time."
    return figure(learning_chart(found, lang), tr(caption, lang))


def learning_chart(found: Any, lang: Language) -> Chart:
    """The same as a chart: the best three in colours of their own."""
    roles: tuple[Role, ...] = ("model", "baseline", "second")
    every = np.concatenate([each.losses for each in found.candidates])
    log = bool(every.size and every.min() > 0 and every.max() > LOG * every.min())
    drawn = Chart(tr("Epoch", lang), tr("Validation loss", lang), lang, height=280, x_whole=True, log=log)
    for place, each in reversed(list(enumerate(found.candidates))):
        role: Role = roles[place] if place < len(roles) else "muted"
        name = each.name if place < len(roles) else tr("Other encoders", lang)
        drawn.line(np.arange(1, len(each.losses) + 1), each.losses, name, role, len(each.losses) <= DOTS)
    return drawn.about(tr("Validation loss of each encoder by epoch", lang))
