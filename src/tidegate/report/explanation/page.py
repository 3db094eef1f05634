"""The page that explains a prediction of any task: plain words first, then figures, each with its check."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tidegate.core.translate import Language, language, tr
from tidegate.explain.deletion import Faithfulness
from tidegate.explain.explanation import Explanation
from tidegate.explain.inputs import Alarm, Answer, Case
from tidegate.explain.permutation import Importance
from tidegate.report.explanation import figures, gates
from tidegate.report.explanation.alarm import AlarmWords
from tidegate.report.explanation.answer import AnswerWords
from tidegate.report.explanation.forecast import ForecastWords
from tidegate.report.explanation.names import deletion_words, feature_name, is_sure, kind_name, left_over, way_name
from tidegate.report.explanation.words import Words
from tidegate.report.page.document import document, write_page
from tidegate.report.page.markup import Markup, el, join
from tidegate.report.page.parts import (
    colon,
    definition,
    figure,
    header,
    note_list,
    plain_table,
    sentences,
    side_by_side,
    soft,
)
from tidegate.report.svg.heat import ranked_bars
from tidegate.report.svg.ticks import number

TOP = 3
TRIFLE = 0.02  # what moved the prediction less than this share of what moved it most is not named first
MOST_BARS = 16
_WORDS: dict[type, type[Words]] = {Case: ForecastWords, Answer: AnswerWords, Alarm: AlarmWords}
_HEADINGS = {
    "inputs": "Every single input",
    "attention": "Where attention went",
    "general": "What matters for the model as a whole",
    "checks": "Can this explanation be trusted?",
    "gates": "Inside the network",
    "method": "How this was worked out",
}


def report_explanation(
    path: str | Path, explanation: Explanation, *, title: str = "", unit: str = "", lang: Language | None = None
) -> Path:
    """Write the page of an explanation: one HTML file that needs nothing else.

    Args:
        path: the file. explanation: from `explain` of a `Forecaster`, `Classifier` or `Regressor`.
        title: of the page; "" names what is explained. unit: of the target. lang: None takes the reader's.

    Raises:
        OutputError: the file cannot be written.
    """
    return write_page(path, render_explanation(explanation, lang or language(), title=title, unit=unit))


def render_explanation(found: Explanation, lang: Language, *, title: str = "", unit: str = "") -> str:
    """The page as text; the same explanation gives the same text."""
    over, title, below = words_of(found, unit, lang).head(title)
    head = join(header(over, title, below), lead(found, unit, lang))
    return document(title, head, sections(found, unit, lang), lang)


def sections(found: Explanation, unit: str, lang: Language) -> list[tuple[str, str, Markup | None]]:
    """Name, heading and content of the page's sections; None where there is none."""
    words = words_of(found, unit, lang)
    bodies = {
        **words.drawn(),
        "mattered": mattered(words),
        "inputs": figures.inputs(found, unit, lang),
        "attention": figures.attention(found, unit, lang),
        "general": general(words),
        "checks": checks(words),
        "gates": gates.section(found, lang),
        "method": method(words),
    }
    headings = _HEADINGS | words.headings
    return [(name, tr(headings[name], lang), body) for name, body in bodies.items()]


def lead(found: Explanation, unit: str, lang: Language) -> Markup:
    """The page's first words."""
    first, moved, rest = summary(found, unit, lang)
    items = el("ul", *(el("li", item) for item in moved)) if moved else None
    return el("section", el("p", first), items, *(el("p", item) for item in rest), class_="lead")


def words_of(found: Explanation, unit: str, lang: Language) -> Words:
    """The case of an explanation in words."""
    return _WORDS[type(found.case)](found, unit, lang)


def summary(found: Explanation, unit: str, lang: Language) -> tuple[str, list[str], list[str]]:
    """The page's first words: what was predicted, what moved it most, then how sure it is and whether that holds."""
    words = words_of(found, unit, lang)
    shown = [name for name in words.ranked if name in found.attributions]
    kind = next((name for name in shown if len(found.attributions[name].groups) > 1), shown[0])
    each = found.attributions[kind]
    moved = []
    for index in np.argsort(-each.reach, kind="stable")[:TOP]:
        share, size = float(each.mean[index]), float(each.size[index])
        if not size or each.reach[index] < TRIFLE * float(each.reach.max()):
            break
        moved.append(words.moved(words.group(each.groups.all[index], kind), share, size))
    test = found.faithfulness.get(kind) or next(iter(found.faithfulness.values()), None)
    rest = [words.sure(), deletion_words(test, lang) if test is not None else ""]
    return words.first(), moved, [text for text in rest if text]


def mattered(words: Words) -> Markup:
    """Shapley values by input, by time (or by word), and by both, each with its sum."""
    found, lang = words.found, words.lang
    parts = [el("p", words.shares())]
    for kind in words.ranked:
        each = found.attributions.get(kind)
        if each is None or (kind == "feature" and len(each.groups) < 2):
            continue
        order = words.order(kind, each)[: MOST_BARS if kind != "block" else None]
        error = each.error.mean(axis=1)
        ends = np.stack([np.minimum(each.values, 0).mean(axis=1), np.maximum(each.values, 0).mean(axis=1)], axis=1)
        unsure = each.unsure()
        drawn = ranked_bars(
            [words.group(each.groups.all[index], kind) for index in order],
            each.mean[order],
            kind_name(kind, lang),
            errors=error[order],
            faint=unsure[order],
            ends=ends[order],
        )
        caption = [words.total(each)]
        if len(order) < len(each.groups):
            most = "The largest {count} of {all} shares are drawn."
            caption.append(tr(most, lang, count=len(order), all=len(each.groups)))
        if (np.minimum(-ends[:, 0], ends[:, 1])[order] > 0).any():
            both = (
                "A bar to both sides raised some steps and lowered others: the number is its mean, in brackets how far "
                "it moved a step."
            )
            caption.append(tr(both, lang))
        if error.any():
            caption.append(tr("The thin line spans two standard errors of sampling to each side.", lang))
        if unsure[order].any():
            caption.append(tr("Grey bars are smaller than that: they may be chance.", lang))
        parts.append(figure(drawn, sentences(caption, lang), kind_name(kind, lang)))
    return join(*parts, *words.maps())


def general(words: Words) -> Markup | None:
    """Permutation importance by input and by time, and the Shapley values of a sample."""
    found, lang = words.found, words.lang
    if not found.importance:
        return None
    intro, scale = words.usual(next(iter(found.importance.values())))
    parts: list[Markup | None] = [el("p", intro)]
    parts += [_importance(words, kind, each, scale) for kind, each in found.importance.items()]
    if found.sample_attributions is not None:
        sizes = found.sample_attributions.mean(axis=0)
        error = found.sample_attributions.std(axis=0) / np.sqrt(len(found.sample_attributions))
        order = np.argsort(-sizes)
        groups = found.attributions["feature"].groups.all
        names = [feature_name(groups[index].feature or "", lang) for index in order]
        heading = tr("How far each input usually moves a forecast", lang)
        text = "Size of the Shapley values of {count} other forecasts."
        drawing = ranked_bars(names, sizes[order], heading, errors=error[order], signed=False)
        parts.append(figure(drawing, tr(text, lang, count=len(found.sample_attributions)), heading))
    return join(*parts)


def _importance(words: Words, kind: str, each: Importance, scale: float) -> Markup | None:
    if kind == "feature" and len(each.groups) < 2:
        return None
    lang, groups = words.lang, each.groups.all
    order = np.argsort(-each.mean)[:MOST_BARS] if kind == "feature" else np.arange(len(groups))
    names = [words.group(groups[index], "feature" if kind == "feature" else "importance") for index in order]
    unsure = each.unsure()[order]
    drawing = ranked_bars(
        names, scale * each.mean[order], kind_name(kind, lang), errors=scale * each.error[order], faint=unsure
    )
    caption = []
    if len(order) < len(groups):
        caption.append(tr("The largest {count} of {all} are drawn.", lang, count=len(order), all=len(groups)))
    if unsure.any():
        caption.append(tr("Grey bars are smaller than two standard errors: they may be chance.", lang))
    return figure(drawing, sentences(caption, lang), kind_name(kind, lang))


def checks(words: Words) -> Markup | None:
    """The deletion tests, drawn and in a table; None where there were too few inputs for one."""
    tests, lang = words.found.faithfulness, words.lang
    if not tests:
        return None
    intro, unit = words.test()
    rows = [_result(name, test, lang) for name, test in tests.items()]
    head = [
        tr("Explanation", lang),
        tr("Times as far as random", lang),
        tr("Random orders beaten", lang),
        tr("Orders tried", lang),
        tr("Result", lang),
    ]
    drawn = [figures.deletion(test, kind_name(name, lang), name, unit, lang) for name, test in tests.items()]
    told = [
        el("p", el("b", kind_name(name, lang)), colon(lang), deletion_words(test, lang)) for name, test in tests.items()
    ]
    return join(el("p", intro), *told, plain_table(head, rows, (1, 2, 3)), side_by_side(*drawn))


def _result(name: str, test: Faithfulness, lang: Language) -> list[str]:
    verdict = tr("holds", lang) if is_sure(test) else tr("with care", lang)
    return [
        kind_name(name, lang),
        number(test.ratio, 2),
        f"{test.beaten * 100:.0f}\u2009%",
        str(len(test.random)),
        verdict,
    ]


def method(words: Words) -> Markup:
    """What was computed, on what, and how exactly."""
    found, lang = words.found, words.lang
    rows = []
    for name, each in found.attributions.items():
        left = left_over(float(each.residual.mean()), float(each.prediction.mean()), lang, words.scale)
        message = "{kind}; {count} predictions; left over: {residual}"
        told = tr(message, lang, kind=way_name(each.method, lang), count=f"{each.evaluations:,}", residual=left)
        rows.append((kind_name(name, lang), told))
    caveat = tr(
        "Inputs that say the same thing can stand in for each other: a network may use either, or set one against the "
        "other, and the shares then follow what the network does, not what causes what.",
        lang,
    )
    notes = note_list(found.notes, lang) if found.notes else None
    return join(definition(rows), notes, *(el("p", text) for text in words.remarks()), soft(caveat))
