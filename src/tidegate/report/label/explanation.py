"""The page that explains one answer of a classifier or regressor: plain words first, then figures, each checked."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from tidegate.core.translate import Language, language, tr
from tidegate.report.forecast.explained import deletion_words, left_over, with_unit
from tidegate.report.forecast.explanation import TRIFLE, deletion_tests
from tidegate.report.label import explain_figures as figures
from tidegate.report.label.explain_figures import chance, group_name, input_name, percent, quote
from tidegate.report.page.document import document
from tidegate.report.page.markup import Markup, el, join
from tidegate.report.page.parts import definition
from tidegate.report.page.write import write_page
from tidegate.report.svg.heat import signed_number
from tidegate.report.svg.ticks import number
from tidegate.tasks.label.explaining import LabelAnswer

TOP = 3


def report_label_explanation(
    path: str | Path, answer: LabelAnswer, *, title: str = "", unit: str = "", lang: Language | None = None
) -> Path:
    """Write the page of an answer's explanation: one HTML file that needs nothing else.

    Args:
        path: the file. answer: from `Classifier.explain` or `Regressor.explain`.
        title: of the page; "" names the sequence. unit: of the quantity. lang: None takes the reader's.

    Raises:
        OutputError: the file cannot be written.
    """
    lang = lang or language()
    return write_page(Path(path), render_label_explanation(answer, lang, title=title, unit=unit))


def render_label_explanation(answer: LabelAnswer, lang: Language, *, title: str = "", unit: str = "") -> str:
    """The page as text; the same answer gives the same text."""
    name = tr("Sequence {id}", lang, id=answer.id)
    if answer.step is not None:
        name = tr("Sequence {id}, step {step}", lang, id=answer.id, step=answer.step)
    classes = answer.kind != "numbers"
    parts = [
        ("said", tr("What it said", lang), figures.said(answer, lang) if classes or len(answer.said) > 1 else None),
        ("words", tr("Word by word", lang), figures.words(answer, lang)),
        ("saw", tr("What it saw, and what mattered in it", lang), figures.saw(answer, unit, lang)),
        ("mattered", tr("What mattered for this answer", lang), figures.shares(answer, unit, lang)),
        ("general", tr("What matters for the model as a whole", lang), figures.general(answer, unit, lang)),
        ("checks", tr("Can this explanation be trusted?", lang), checks(answer, unit, lang)),
        ("method", tr("How this was worked out", lang), method(answer, unit, lang)),
    ]
    head = join(
        el(
            "header",
            el("p", tr("An answer explained", lang), class_="over"),
            el("h1", title or _title(answer, name, unit, lang)),
            el("p", name if title else tr("What the model says, what it rests on, and whether that holds", lang),
               class_="soft"),
        ),
        lead(answer, unit, lang),
    )  # fmt: skip
    return document(title or name, head, parts, lang)


def lead(answer: LabelAnswer, unit: str, lang: Language) -> Markup:
    """What was said and how sure, what moved it, and whether that can be believed."""
    first, moved, rest = label_summary(answer, unit, lang)
    items = el("ul", *(el("li", item) for item in moved)) if moved else None
    return el("section", el("p", first), items, *(el("p", item) for item in rest), class_="lead")


def label_summary(answer: LabelAnswer, unit: str, lang: Language) -> tuple[str, list[str], list[str]]:
    """The page's first words: the answer, what moved it most, what is known to be true, and the check."""
    found = answer.explanation
    each = next(iter(found.attributions.values()))
    base, whole = float(each.base[0]), float(each.prediction[0])
    gap = "" if lang == "zh_TW" else " "
    text = [_said(answer, unit, lang)]
    if answer.kind == "numbers":
        ends = {"base": with_unit(number(base), unit), "moved": with_unit(number(abs(whole - base)), unit)}
        up = tr(
            "Without a look at this sequence it would say {base}: what it saw moved the answer up by {moved}.",
            lang,
            **ends,
        )
        down = tr(
            "Without a look at this sequence it would say {base}: what it saw moved the answer down by {moved}.",
            lang,
            **ends,
        )
        text.append(up if whole >= base else down)
    else:
        text.append(
            tr(
                "Without a look at this sequence it would give “{name}” {base}; with it, {whole}.",
                lang,
                name=found.output,
                base=chance(base),
                whole=chance(whole),
            )
        )
    rest = []
    if answer.actual is not None:
        rest.append(_truth(answer, unit, lang))
    test = next(iter(found.faithfulness.values()), None)
    if test is not None:
        rest.append(deletion_words(test, lang))
    return gap.join(text), _moved(answer, unit, lang), rest


def _said(answer: LabelAnswer, unit: str, lang: Language) -> str:
    """The answer in a sentence, with how sure it is."""
    if answer.kind == "numbers":
        value = with_unit(number(answer.said[answer.explanation.output]), unit)
        return tr("The model estimates {name} at {value}.", lang, name=answer.explanation.output, value=value)
    if answer.kind == "labels":
        if not answer.chosen:
            return tr("The model says none of the labels.", lang)
        each = [(quote(n, lang), f"{percent(answer.said[n])}\u202f%") for n in answer.chosen]
        listed = _listed([f"{name}（{sure}）" if lang == "zh_TW" else f"{name} ({sure})" for name, sure in each], lang)
        return tr("The model says {listed}.", lang, listed=listed)
    name = answer.chosen[0] if answer.chosen else max(answer.said, key=lambda key: answer.said[key])
    sure = percent(answer.said[name])
    return tr("The model says “{name}” and is {sure} % sure of it.", lang, name=name, sure=sure)


def _truth(answer: LabelAnswer, unit: str, lang: Language) -> str:
    actual = answer.actual or ""
    if answer.kind == "numbers":
        error = number(abs(answer.said[answer.explanation.output] - float(actual)))
        return tr("The true value is known: {actual}; the answer is off by {error}.", lang,
                  actual=with_unit(number(float(actual)), unit), error=with_unit(error, unit))  # fmt: skip
    if answer.kind == "labels":
        return tr("What is true is known: {actual}.", lang, actual=actual or tr("none of the labels", lang))
    if answer.chosen == (actual,):
        return tr("The true answer is known, and it is this one.", lang)
    return tr("The true answer is known: it is “{actual}”, so this answer is wrong.", lang, actual=actual)


def _moved(answer: LabelAnswer, unit: str, lang: Language) -> list[str]:
    """What moved the answer most, a sentence each."""
    found = answer.explanation
    kind = next(iter(found.attributions))
    if kind == "word":
        pairs = sorted(((word, share) for word, share in answer.words), key=lambda pair: -abs(pair[1]))
    else:
        channels = found.attributions.get("channel")
        kind = "channel" if channels is not None and len(channels.groups) > 1 else "block"
        each = found.attributions[kind]
        order = np.argsort(-each.size)
        pairs = [(group_name(answer, each.groups.all[i], lang), float(each.values[i, 0])) for i in order]
    lines = []
    for name, share in pairs[:TOP]:
        if abs(share) < TRIFLE * abs(pairs[0][1]) or share == 0:
            break
        size = signed_number(share, 2)
        if answer.kind == "numbers":
            size = with_unit(number(abs(share)), unit)
            up = tr("“{name}” raised it by {size}.", lang, name=name, size=size)
            down = tr("“{name}” lowered it by {size}.", lang, name=name, size=size)
        else:
            up = tr("“{name}” spoke for “{output}” ({size}).", lang, name=name, output=found.output, size=size)
            down = tr("“{name}” spoke against “{output}” ({size}).", lang, name=name, output=found.output, size=size)
        lines.append(up if share > 0 else down)
    return lines


def checks(answer: LabelAnswer, unit: str, lang: Language) -> Markup | None:
    """The deletion tests; None where there were too few inputs for one."""
    tests = answer.explanation.faithfulness
    if not tests:
        return None
    names = {kind: input_name(kind, lang) for kind in ("channel", "block", "cell", "word")}
    intro = tr(
        "Inputs are taken away one after another, those that the explanation calls most important first. If it is "
        "right, the answer moves farther, sooner, than when they go in a random order.",
        lang,
    )
    told = [el("p", el("b", names[kind]), _colon(lang), deletion_words(test, lang)) for kind, test in tests.items()]
    axis = unit if answer.kind == "numbers" else tr("Log-odds", lang)
    return join(*told, deletion_tests(tests, names, intro, axis, lang))


def method(answer: LabelAnswer, unit: str, lang: Language) -> Markup:
    """What was computed, on what, and how exactly."""
    kinds = {
        "exact": tr("Shapley values, every combination tried", lang),
        "sampled": tr("Shapley values, sampled", lang),
    }
    scale = unit if answer.kind == "numbers" else ""
    rows = []
    for name, each in answer.explanation.attributions.items():
        left = left_over(float(each.residual[0]), float(each.prediction[0]), lang)
        words = tr(
            "{kind}; {count} predictions; left over: {residual}",
            lang,
            kind=kinds[each.method],
            count=f"{each.evaluations:,}",
            residual=with_unit(left, scale) if math.isfinite(float(each.residual[0])) else left,
        )
        rows.append((input_name(name, lang), words))
    parts = [definition(rows)]
    if answer.kind != "numbers":
        parts.append(
            el(
                "p",
                tr(
                    "Shares are of the log-odds of “{name}”, the logarithm of its probability over that of everything "
                    "else: 0 is even, +0.7 doubles the odds, −0.7 halves them.",
                    lang,
                    name=answer.explanation.output,
                ),
            )
        )
    taken = tr("What is taken away is replaced by the same share of other sequences, drawn at random.", lang)
    if answer.words:
        taken = tr("A word that is taken away is replaced by the unknown word.", lang)
    caveat = tr(
        "Inputs that say the same thing can stand in for each other: a network may use either, or set one against the "
        "other, and the shares then follow what the network does, not what causes what.",
        lang,
    )
    return join(*parts, el("p", taken), el("p", caveat, class_="soft"))


def _title(answer: LabelAnswer, name: str, unit: str, lang: Language) -> str:
    """What the page is about: why a class was said, or was not, or why an estimate."""
    output = answer.explanation.output
    if answer.kind == "numbers":
        return tr("{name}: why {value}", lang, name=name, value=with_unit(number(answer.said[output]), unit))
    if output in answer.chosen:
        return tr("{name}: why {answer}", lang, name=name, answer=quote(output, lang))
    return tr("{name}: why not {answer}", lang, name=name, answer=quote(output, lang))


def _listed(items: list[str], lang: Language) -> str:
    return ("、" if lang == "zh_TW" else ", ").join(items)


def _colon(lang: Language) -> str:
    return "：" if lang == "zh_TW" else ": "
