"""The figures of an answer's explanation: what was said, the words, the channels, the shares."""

from __future__ import annotations

import math

import numpy as np

from tidegate.core.translate import Language, tr
from tidegate.explain.groups import Group
from tidegate.explain.labels import steps_of
from tidegate.explain.permutation import Importance
from tidegate.report.forecast.explained import left_over, with_unit
from tidegate.report.page.markup import Markup, el, join, text
from tidegate.report.page.parts import figure
from tidegate.report.svg.heat import ranked_bars, signed_number
from tidegate.report.svg.overlay import Strip, overlaid
from tidegate.report.svg.ticks import number
from tidegate.tasks.label.explaining import LabelAnswer

MOST_SAID = 12
MOST_CHANNELS = 6
MOST_BARS = 16
NUMBERED = 0.15  # of the largest share: smaller ones of a word go without their number


def quote(name: str, lang: Language) -> str:
    """A name in the language's quotation marks."""
    return f"「{name}」" if lang == "zh_TW" else f"“{name}”"


def chance(log_odds: float) -> str:
    """Log-odds as a percentage."""
    return f"{percent(0.5 * (1 + math.tanh(log_odds / 2)))}\u202f%"


def percent(share: float) -> str:
    """A probability in percent that is never rounded to certainty.

    >>> percent(0.954), percent(0.9962), percent(0.99999), percent(2e-5)
    ('95', '99.6', '>99.9', '<0.1')
    """
    if share > 0.999:
        return ">99.9"
    if share < 0.001:
        return "<0.1"
    return f"{100 * share:.{0 if 0.01 <= share <= 0.99 else 1}f}"


def input_name(kind: str, lang: Language) -> str:
    """What inputs were grouped by."""
    names = {
        "channel": tr("By input", lang),
        "block": tr("By time", lang),
        "cell": tr("By input and time", lang),
        "word": tr("By word", lang),
        "place": tr("By time", lang),
    }
    return names[kind]


def group_name(answer: LabelAnswer, group: Group, lang: Language) -> str:
    """A channel's name, or which steps (or seconds) a block covers."""
    seen = answer.recording
    if group.feature is not None or seen is None:
        return group.feature or str(group)
    first, end = steps_of(group, len(seen.values))
    if seen.rate:
        times = [number((seen.first + step) / seen.rate) for step in (first, end)]
        return tr("{first} to {last} s", lang, first=times[0], last=times[1])
    if end - first == 1:
        return tr("step {step}", lang, step=seen.first + first)
    return tr("steps {first} to {last}", lang, first=seen.first + first, last=seen.first + end - 1)


def said(answer: LabelAnswer, lang: Language) -> Markup:
    """The probabilities, or the estimates of several quantities."""
    pairs = list(answer.said.items())
    if answer.kind == "numbers":
        rows = [el("tr", el("th", name, scope="row"), el("td", number(value), class_="num")) for name, value in pairs]
        return el("table", el("tbody", *rows), class_="pairs")
    pairs = sorted(pairs, key=lambda pair: -pair[1])
    shown = pairs[:MOST_SAID]
    values = np.array([100 * value for _, value in shown])
    title = tr("Probability in percent", lang)
    drawing = ranked_bars([name for name, _ in shown], values, title, signed=False)
    caption = tr("Probability in percent.", lang)
    if len(pairs) > len(shown):
        caption = tr("Probability in percent; the {count} most probable of {all} classes.", lang,
                     count=len(shown), all=len(pairs))  # fmt: skip
    return figure(drawing, caption)


def words(answer: LabelAnswer, lang: Language) -> Markup | None:
    """The text itself, each word in the colour and under the sign of its share; None where it is no text."""
    if not answer.words:
        return None
    largest = max(abs(share) for _, share in answer.words) or 1.0
    parts: list[Markup] = []
    for place, (word, share) in enumerate(answer.words):
        depth = abs(share) / largest
        begins = word.startswith("▁")
        shown = word[1:] if begins else word
        if place and (begins or not (_dense(shown) and _dense(answer.words[place - 1][0]))):
            parts.append(text(" "))
        mark = signed_number(share, 2) if depth >= NUMBERED else ""
        role = ("more" if share > 0 else "less") if depth >= 0.02 else None
        named = {"title": signed_number(share), "style": f"--depth:{depth:.2f}"}
        parts.append(el("ruby", shown or "\u2423", el("rt", mark), class_=role, **named))
    output = quote(answer.explanation.output, lang)
    if answer.kind == "numbers":
        key = tr(
            "Solid line, blue, plus: raised {output}. Dashed line, orange, minus: lowered it. The deeper the colour, "
            "the more.",
            lang,
            output=output,
        )
    else:
        key = tr(
            "Solid line, blue, plus: speaks for {output}. Dashed line, orange, minus: speaks against it. The deeper "
            "the colour, the more.",
            lang,
            output=output,
        )
    return el("figure", el("p", *parts, class_="words"), el("figcaption", key))


def _dense(word: str) -> bool:
    """Whether a token joins its neighbours without a space: Chinese and Japanese, and punctuation among them."""
    return bool(word) and all("\u2e80" <= letter <= "\u9fff" or "\uff00" <= letter <= "\uffef" for letter in word)


def saw(answer: LabelAnswer, unit: str, lang: Language) -> Markup | None:
    """The channels' lines with the shares of their stretches behind them; None of texts."""
    seen, found = answer.recording, answer.explanation
    if seen is None:
        return None
    kind = "cell" if "cell" in found.attributions else "block"
    each = found.attributions[kind]
    length = len(seen.values)
    scale = seen.rate or 1.0
    shift = 0.5 if seen.rate is None else 0.0
    strips = []
    for column, name in enumerate(seen.names):
        own = [place for place, group in enumerate(each.groups.all) if group.feature in (name, None)]
        own.sort(key=lambda place: steps_of(each.groups.all[place], length)[0])
        ends = [steps_of(each.groups.all[place], length) for place in own]
        edges = (seen.first + np.array([ends[0][0], *(end for _, end in ends)], dtype=np.float64) - shift) / scale
        strips.append(Strip(name, seen.values[:, column], edges, each.values[own, 0]))
    ranked = sorted(strips, key=lambda strip: -float(np.abs(strip.shares).sum()))[:MOST_CHANNELS]
    x = (seen.first + np.arange(length, dtype=np.float64)) / scale
    caption = [tr(
        "Behind each line stands what its stretch did to the answer: blue with a plus raised it, orange with a minus "
        "lowered it; pale stretches hardly mattered.",
        lang,
    )]  # fmt: skip
    if len(strips) > len(ranked):
        caption.append(tr("The {count} of {all} inputs that mattered most are drawn.", lang, count=len(ranked),
                          all=len(strips)))  # fmt: skip
    if seen.names == ("",):
        caption.append(tr("The line is the mean brightness of each picture.", lang))
    error = float(np.max(each.error, initial=0.0))
    if error > 0:
        most = with_unit(f"{error:.2g}", unit if answer.kind == "numbers" else "")
        caption.append(tr("The shares are sampled; their standard error is {error} at most.", lang, error=most))
    title = tr("Seconds", lang) if seen.rate else tr("Step", lang)
    drawing = overlaid(ranked, x, tr("What the model saw, and what mattered in it", lang), x_title=title)
    return figure(drawing, _sentences(caption, lang))


def shares(answer: LabelAnswer, unit: str, lang: Language) -> Markup:
    """Shapley values by input and by time, or by word, each with its sum."""
    found = answer.explanation
    unit = unit if answer.kind == "numbers" else ""
    intro = tr("Every bar is a share of the difference between this answer and the one without a look at the sequence: "
               "blue raised it, orange lowered it. Together the bars give the whole difference.", lang)  # fmt: skip
    if answer.kind != "numbers":
        intro = tr(
            "Every bar is a share, in log-odds, of the difference between this answer and the one without a look at "
            "the sequence: blue spoke for {output}, orange against it; +0.7 doubles the odds. Together the bars give "
            "the whole difference.",
            lang,
            output=quote(found.output, lang),
        )
    parts = [el("p", intro)]
    for name in ("word", "channel", "block"):
        each = found.attributions.get(name)
        if each is None or (name == "channel" and len(each.groups) < 2):
            continue
        values, error = each.values[:, 0], each.error[:, 0]
        if name == "word":
            length = len(answer.words)
            names = [
                answer.words[place][0] if (place := steps_of(group, length)[0]) < length else ""
                for group in each.groups.all
            ]
        else:
            names = [group_name(answer, group, lang) for group in each.groups.all]
        order = np.argsort(-np.abs(values))[:MOST_BARS] if name != "block" else _by_time(each.groups.all, answer)
        heading = input_name(name, lang)
        drawing = ranked_bars([names[place] for place in order], values[order], heading, errors=error[order])
        caption = [_sum(answer, name, unit, lang)]
        if len(order) < len(values):
            caption.append(
                tr("The largest {count} of {all} shares are drawn.", lang, count=len(order), all=len(values))
            )
        if error.any():
            caption.append(tr("The thin line spans two standard errors of sampling to each side.", lang))
        parts.append(figure(drawing, _sentences(caption, lang), heading))
    return join(*parts)


def _by_time(groups: tuple[Group, ...], answer: LabelAnswer) -> np.ndarray:
    length = 0 if answer.recording is None else len(answer.recording.values)
    return np.argsort([steps_of(group, length)[0] for group in groups], kind="stable")


def _sum(answer: LabelAnswer, name: str, unit: str, lang: Language) -> str:
    each = answer.explanation.attributions[name]
    base, whole = float(each.base[0]), float(each.prediction[0])
    return tr(
        "{base} without the sequence and {sum} from the bars make {prediction}; left over: {residual}.",
        lang,
        base=number(base),
        sum=signed_number(float(each.values.sum())),
        residual=left_over(float(each.residual[0]), max(abs(whole), float(np.abs(each.values).sum())), lang),
        prediction=with_unit(number(whole), unit),
    )


def general(answer: LabelAnswer, unit: str, lang: Language) -> Markup | None:
    """Permutation importance on a sample; None where nothing was measured."""
    if not answer.importance:
        return None
    usual = next(iter(answer.importance.values()))
    if answer.kind == "numbers":
        several = len(answer.said) > 1
        score, scale = with_unit(number(usual.score), "" if several else unit), 1.0
        text = tr("How much larger the root mean square error (now {score}) gets", lang, score=score)
    else:
        score, scale = f"{100 * usual.score:.1f}\u2009%", 100.0
        text = tr("How many more answers in a hundred are wrong (now {score})", lang, score=score)
    rest = tr(
        "when an input is shuffled among {count} sequences, so that each gets it from another. The thin line spans two "
        "standard errors to each side, over {repeats} shuffles.",
        lang,
        count=usual.windows,
        repeats=len(usual.repeats),
    )
    parts = [el("p", text + ("，" if lang == "zh_TW" else " ") + rest)]
    for name, each in answer.importance.items():
        if name == "channel" and len(each.groups) < 2:
            continue
        parts.append(_importance(answer, name, each, scale, lang))
    return join(*parts)


def _importance(answer: LabelAnswer, name: str, each: Importance, scale: float, lang: Language) -> Markup:
    groups = each.groups.all
    if name == "channel":
        order, names = np.argsort(-each.mean)[:MOST_BARS], [group.feature or "" for group in groups]
    else:
        order = np.arange(len(groups))
        names = [tr("{first} to {last} % of the sequence", lang, first=g.first, last=g.end) for g in groups]
    heading = input_name(name, lang)
    values, error = scale * each.mean[order], scale * each.error[order]
    caption = ""
    if len(order) < len(groups):
        caption = tr("The largest {count} of {all} are drawn.", lang, count=len(order), all=len(groups))
    return figure(ranked_bars([names[place] for place in order], values, heading, errors=error), caption, heading)


def _sentences(parts: list[str], lang: Language) -> str:
    return ("" if lang == "zh_TW" else " ").join(parts)
