"""A search over options as a folder: the leaderboard as CSV and JSON, the best model, and a page."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from tidegate.core.names import metric_name
from tidegate.core.translate import Language, language, tr
from tidegate.report.page.document import document, write_results
from tidegate.report.page.markup import Markup, el, join
from tidegate.report.page.parts import figure, header, plain_table
from tidegate.report.page.verdict import verdict_of
from tidegate.report.svg.chart import Chart
from tidegate.report.svg.ticks import number
from tidegate.tasks.run import plain


def write_tuning(folder: Path, found: Any, *, title: str = "", lang: Language | None = None) -> Path:
    """Write leaderboard.csv, leaderboard.json, model/ (the best) and tuning.html, in the reader's language if None.

    `found` is a `tidegate.tasks.search.tune.Tuned`; what is given and raised is as of `write_results`.
    """
    page = "tuning.html", render_tuning(found, lang or language(), title)
    return write_results(folder, found.model, "leaderboard", found.board.columns(), plain(found.to_json()), page)


def render_tuning(found: Any, lang: Language, title: str = "") -> str:
    """The page as text; the same search gives the same text."""
    board = found.board
    message = "{count} trainings with different options; the validation part chose {name}."
    said = tr(message, lang, count=len(board.entries), name=board.chosen)
    head = header(tr("Search for options", lang), title or tr("Search for options", lang), said)
    first, *rest = board.rows(lang)
    costs = tr("What a faster answer costs", lang) if board.timed else tr("What a smaller network costs", lang)
    parts: list[tuple[str, str, Markup | None]] = [
        ("leaderboard", tr("On the validation part", lang), plain_table(first, rest)),
        ("front", costs, front(found, lang)),
        ("options", tr("What each option did", lang), pictures(found, lang)),
    ]
    if found.after is not None:
        parts.append(("test", tr("What the test part says", lang), tested(found, lang)))
    return document(title or tr("Search for options", lang), head, parts, lang)


def tested(found: Any, lang: Language) -> Markup:
    """What the test part says, which chose nothing."""
    verdict = verdict_of(found.after, lang) if hasattr(found.after, "verdict") else None
    return join(el("p", found.luck(lang)), *([] if verdict is None else [verdict]))


def front(found: Any, lang: Language) -> Markup | None:
    """Score by weights, or by latency where it was measured; those that none as small or as fast beats stand out.

    None where all are alike.
    """
    board = found.board
    known = [entry for entry in board.entries if board.cost(entry) and math.isfinite(entry.score)]
    if len({board.cost(entry) for entry in known}) < 2:
        return None
    best = board.front()
    score = tr("validation {metric}", lang, metric=metric_name(board.metric, lang))
    across = tr("one answer, ms", lang) if board.timed else tr("weights", lang)
    chart = Chart(across, score, lang, height=220, x_whole=not board.timed)
    rest = [entry for entry in known if entry not in best]
    first = tr("Best as fast", lang) if board.timed else tr("Best of its size", lang)
    for own, word, role in ((rest, tr("Trial", lang), "baseline"), (best, first, "model")):
        if own:
            labels = [f"{entry.name}, {number(board.cost(entry))}: {number(entry.score)}" for entry in own]
            chart.points([board.cost(e) for e in own], [e.score for e in own], word, role, labels=labels)  # type: ignore[arg-type]
    if board.timed:
        caption = tr("Milliseconds of one answer without torch: from left to right, the best as fast as this.", lang)
        return figure(chart.about(tr("Score by latency", lang)), caption)
    caption = tr("Fewer weights answer faster: from left to right, what is the best that each size gave.", lang)
    return figure(chart.about(tr("Score by weights", lang)), caption)


def pictures(found: Any, lang: Language) -> Markup | None:
    """For each option the score of every training by its value; the one that was chosen stands out."""
    drawn = [picture(found, name, lang) for name in found.space]
    caption = tr("Each dot is a training. Options change together: a row of dots is no proof of one alone.", lang)
    figures = [figure(chart, caption if place == 0 else "") for place, chart in enumerate(drawn) if chart is not None]
    return join(*figures) if figures else None


def picture(found: Any, name: str, lang: Language) -> Chart | None:
    """Scores by the value of one option; None where fewer than two values were tried, or they are no numbers."""
    board = found.board
    pairs = [
        (entry.changes[name], entry.score, entry.name == board.chosen)
        for entry in board.entries
        if name in entry.changes and math.isfinite(entry.score)
    ]
    numbers = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value, *_ in pairs)
    if not numbers or len({value for value, *_ in pairs}) < 2:
        return None
    score = tr("validation {metric}", lang, metric=metric_name(board.metric, lang))
    whole = all(isinstance(value, int) for value, *_ in pairs)
    chart = Chart(name, score, lang, height=220, x_whole=whole)
    for taken, word, role in ((False, tr("Trial", lang), "baseline"), (True, tr("Chosen", lang), "model")):
        own = [(value, score) for value, score, chosen in pairs if chosen == taken]
        if own:
            x, y = zip(*own, strict=True)
            labels = [f"{name}={value}: {number(score)}" for value, score in own]
            chart.points(x, y, word, role, labels=labels)  # type: ignore[arg-type]
    return chart.about(tr("Score by {option}", lang, option=name))
