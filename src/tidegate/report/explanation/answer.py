"""An answer about a sequence explained: its sentences, the words of a text, the lines of its channels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tidegate.core.translate import Language, tr
from tidegate.explain.groups import Group, steps_of
from tidegate.explain.permutation import Importance
from tidegate.explain.shapley import Attribution
from tidegate.report.explanation.names import left_over
from tidegate.report.explanation.words import Words
from tidegate.report.page.markup import Markup, el, text
from tidegate.report.page.parts import definition, figure, listed, sentences, with_unit
from tidegate.report.svg.heat import ranked_bars, signed_number
from tidegate.report.svg.overlay import Strip, overlaid
from tidegate.report.svg.ticks import number

MOST_SAID = 12
MOST_CHANNELS = 6
NUMBERED = 0.15  # of the largest share: smaller ones of a word go without their number


@dataclass(frozen=True)
class AnswerWords(Words):
    """Of an `Answer`: a class's shares are log-odds, a quantity's in its own unit."""

    headings: ClassVar[dict[str, str]] = {
        "said": "What it said",
        "words": "Word by word",
        "saw": "What it saw, and what mattered in it",
        "mattered": "What mattered for this answer",
    }
    ranked: ClassVar[tuple[str, ...]] = ("word", "feature", "block")

    @property
    def number(self) -> bool:
        """Whether a quantity is estimated."""
        return bool(self.case.kind == "numbers")

    @property
    def scale(self) -> str:
        """The unit of shares."""
        return self.unit if self.number else ""

    def head(self, title: str) -> tuple[str, str, str]:
        case, lang = self.case, self.lang
        name = tr("Sequence {id}", lang, id=case.id)
        if case.step is not None:
            name = tr("Sequence {id}, step {step}", lang, id=case.id, step=case.step)
        over = tr("An answer explained", lang)
        if title:
            return over, title, name
        answer = self.sized(case.said[case.output]) if self.number else quote(case.output, lang)
        why = "{name}: why {answer}" if self.number or case.output in case.chosen else "{name}: why not {answer}"
        below = tr("What the model says, what it rests on, and whether that holds", lang)
        return over, tr(why, lang, name=name, answer=answer), below

    def first(self) -> str:
        each = next(iter(self.found.attributions.values()))
        base, whole = float(each.base[0]), float(each.prediction[0])
        if self.number:
            up = "Without a look at this sequence it would say {base}: what it saw moved the answer up by {moved}."
            down = "Without a look at this sequence it would say {base}: what it saw moved the answer down by {moved}."
            values = {"base": self.sized(base), "moved": self.sized(abs(whole - base))}
            then = tr(up if whole >= base else down, self.lang, **values)
        else:
            message = "Without a look at this sequence it would give “{name}” {base}; with it, {whole}."
            then = tr(message, self.lang, name=self.case.output, base=chance(base), whole=chance(whole))
        return sentences([self._said(), then], self.lang)

    def _said(self) -> str:
        """The answer in a sentence, with how sure it is."""
        case, lang = self.case, self.lang
        if self.number:
            value = self.sized(case.said[case.output])
            return tr("The model estimates {name} at {value}.", lang, name=case.output, value=value)
        if case.kind == "labels":
            if not case.chosen:
                return tr("The model says none of the labels.", lang)
            each = [(quote(n, lang), f"{percent(case.said[n])}\u202f%") for n in case.chosen]
            names = [f"{name}（{sure}）" if lang == "zh_TW" else f"{name} ({sure})" for name, sure in each]
            return tr("The model says {listed}.", lang, listed=listed(names, lang))
        name = case.chosen[0] if case.chosen else max(case.said, key=lambda key: case.said[key])
        return tr("The model says “{name}” and is {sure} % sure of it.", lang, name=name, sure=percent(case.said[name]))

    def moved(self, name: str, share: float, reach: float) -> str:
        if self.number:
            up, down = "“{name}” raised it by {size}.", "“{name}” lowered it by {size}."
            return tr(up if share > 0 else down, self.lang, name=name, size=self.sized(abs(share)))
        up, down = "“{name}” spoke for “{output}” ({size}).", "“{name}” spoke against “{output}” ({size})."
        values = {"name": name, "output": self.case.output, "size": signed_number(share, 2)}
        return tr(up if share > 0 else down, self.lang, **values)

    def sure(self) -> str:
        case, lang, actual = self.case, self.lang, self.case.actual
        if actual is None:
            return ""
        if self.number:
            error = abs(case.said[case.output] - float(actual))
            told = "The true value is known: {actual}; the answer is off by {error}."
            return tr(told, lang, actual=self.sized(float(actual)), error=self.sized(error))
        if case.kind == "labels":
            return tr("What is true is known: {actual}.", lang, actual=actual or tr("none of the labels", lang))
        if case.chosen == (actual,):
            return tr("The true answer is known, and it is this one.", lang)
        return tr("The true answer is known: it is “{actual}”, so this answer is wrong.", lang, actual=actual)

    def group(self, group: Group, kind: str) -> str:
        seen, lang = self.case.recording, self.lang
        if kind == "importance":
            return tr("{first} to {last} % of the sequence", lang, first=group.first, last=group.end)
        if kind == "word":
            return self.case.words[steps_of(group, len(self.case.words))[0]] if self.case.words else ""
        if group.feature is not None or seen is None:
            return group.feature or str(group)
        first, end = steps_of(group, len(seen.values))
        if seen.rate:
            times = [number((seen.first + step) / seen.rate) for step in (first, end)]
            return tr("{first} to {last} s", lang, first=times[0], last=times[1])
        if end - first == 1:
            return tr("step {step}", lang, step=seen.first + first)
        return tr("steps {first} to {last}", lang, first=seen.first + first, last=seen.first + end - 1)

    def drawn(self) -> dict[str, Markup | None]:
        several = not self.number or len(self.case.said) > 1
        return {"said": self.said() if several else None, "words": self.text(), "saw": self.saw()}

    def said(self) -> Markup:
        """The probabilities, or the estimates of several quantities."""
        pairs = list(self.case.said.items())
        if self.number:
            return definition((name, number(value)) for name, value in pairs)
        pairs = sorted(pairs, key=lambda pair: -pair[1])
        shown = pairs[:MOST_SAID]
        values = np.array([100 * value for _, value in shown])
        title = tr("Probability in percent", self.lang)
        caption = tr("Probability in percent.", self.lang)
        if len(pairs) > len(shown):
            most = "Probability in percent; the {count} most probable of {all} classes."
            caption = tr(most, self.lang, count=len(shown), all=len(pairs))
        return figure(ranked_bars([name for name, _ in shown], values, title, signed=False), caption)

    def text(self) -> Markup | None:
        """The text itself, each word in the colour and under the sign of its share; None where it is no text."""
        words = self.case.words
        if not words or "word" not in self.found.attributions:
            return None
        each = self.found.attributions["word"]
        shares = np.zeros(len(words))
        shares[[steps_of(group, len(words))[0] for group in each.groups.all]] = each.values[:, 0]
        largest = float(np.abs(shares).max()) or 1.0
        parts: list[Markup] = []
        for place, (word, share) in enumerate(zip(words, shares.tolist(), strict=True)):
            depth = abs(share) / largest
            begins = word.startswith("▁")
            shown = word[1:] if begins else word
            if place and (begins or not (_dense(shown) and _dense(words[place - 1]))):
                parts.append(text(" "))
            mark = signed_number(share, 2) if depth >= NUMBERED else ""
            role = ("more" if share > 0 else "less") if depth >= 0.02 else None
            named = {"title": signed_number(share), "style": f"--depth:{depth:.2f}"}
            parts.append(el("ruby", shown or "\u2423", el("rt", mark), class_=role, **named))
        raised = (
            "Solid line, blue, plus: raised {output}. Dashed line, orange, minus: lowered it. The deeper the colour, "
            "the more."
        )
        spoke = (
            "Solid line, blue, plus: speaks for {output}. Dashed line, orange, minus: speaks against it. The deeper "
            "the colour, the more."
        )
        key = tr(raised if self.number else spoke, self.lang, output=quote(self.case.output, self.lang))
        return el("figure", el("p", *parts, class_="words"), el("figcaption", key))

    def saw(self) -> Markup | None:
        """The channels' lines with the shares of their stretches behind them; None of texts."""
        seen, lang = self.case.recording, self.lang
        if seen is None:
            return None
        each = self.found.attributions["cell" if "cell" in self.found.attributions else "block"]
        length = len(seen.values)
        scale, shift = seen.rate or 1.0, 0.5 if seen.rate is None else 0.0
        strips = []
        for column, name in enumerate(seen.names):
            own = [place for place, group in enumerate(each.groups.all) if group.feature in (name, None)]
            own.sort(key=lambda place: steps_of(each.groups.all[place], length)[0])
            ends = [steps_of(each.groups.all[place], length) for place in own]
            edges = (seen.first + np.array([ends[0][0], *(end for _, end in ends)], dtype=np.float64) - shift) / scale
            strips.append(Strip(name, seen.values[:, column], edges, each.values[own, 0], each.unsure()[own]))
        ranked = sorted(strips, key=lambda strip: -float(np.abs(strip.shares).sum()))[:MOST_CHANNELS]
        caption = [
            tr(
                "Behind each line stands what its stretch did to the answer: blue with a plus raised it, orange with a "
                "minus lowered it; pale stretches hardly mattered.",
                lang,
            )
        ]
        if len(strips) > len(ranked):
            most = "The {count} of {all} inputs that mattered most are drawn."
            caption.append(tr(most, lang, count=len(ranked), all=len(strips)))
        if seen.names == ("",):
            caption.append(tr("The line is the mean brightness of each picture.", lang))
        error = float(np.max(each.error, initial=0.0))
        if error > 0:
            told = "The shares are sampled; their standard error is {error} at most."
            caption.append(tr(told, lang, error=with_unit(f"{error:.2g}", self.scale)))
        x = (seen.first + np.arange(length, dtype=np.float64)) / scale
        title = tr("Seconds", lang) if seen.rate else tr("Step", lang)
        drawing = overlaid(ranked, x, tr("What the model saw, and what mattered in it", lang), x_title=title)
        return figure(drawing, sentences(caption, lang))

    def shares(self) -> str:
        estimate = (
            "Every bar is a share of the difference between this answer and the one without a look at the sequence: "
            "blue raised it, orange lowered it. Together the bars give the whole difference."
        )
        odds = (
            "Every bar is a share, in log-odds, of the difference between this answer and the one without a look at "
            "the sequence: blue spoke for {output}, orange against it; +0.7 doubles the odds. Together the bars give "
            "the whole difference."
        )
        return tr(estimate if self.number else odds, self.lang, output=quote(self.case.output, self.lang))

    def total(self, each: Attribution) -> str:
        whole = float(each.prediction[0])
        size = max(abs(whole), float(np.abs(each.values).sum()))
        return tr(
            "{base} without the sequence and {sum} from the bars make {prediction}; left over: {residual}.",
            self.lang,
            base=number(float(each.base[0])),
            sum=signed_number(float(each.values.sum())),
            residual=left_over(float(each.residual[0]), size, self.lang),
            prediction=with_unit(number(whole), self.scale),
        )

    def usual(self, measured: Importance) -> tuple[str, float]:
        if self.number:
            score, scale = with_unit(number(measured.score), "" if len(self.case.said) > 1 else self.unit), 1.0
            begin = tr("How much larger the root mean square error (now {score}) gets", self.lang, score=score)
        else:
            score, scale = f"{100 * measured.score:.1f}\u2009%", 100.0
            begin = tr("How many more answers in a hundred are wrong (now {score})", self.lang, score=score)
        message = (
            "when an input is shuffled among {count} sequences, so that each gets it from another. The thin line "
            "spans two standard errors to each side, over {repeats} shuffles."
        )
        rest = tr(message, self.lang, count=measured.windows, repeats=len(measured.repeats))
        return begin + ("，" if self.lang == "zh_TW" else " ") + rest, scale

    def test(self) -> tuple[str, str]:
        told = tr(
            "Inputs are taken away one after another, those that the explanation calls most important first. If it is "
            "right, the answer moves farther, sooner, than when they go in a random order.",
            self.lang,
        )
        return told, self.unit if self.number else tr("Log-odds", self.lang)

    def remarks(self) -> list[str]:
        message = (
            "Shares are of the log-odds of “{name}”, the logarithm of its probability over that of everything else: 0 "
            "is even, +0.7 doubles the odds, −0.7 halves them."
        )
        odds = tr(message, self.lang, name=self.case.output)
        taken = "What is taken away is replaced by the same share of other sequences, drawn at random."
        if self.case.words:
            taken = "A word that is taken away is replaced by the unknown word."
        return [*([] if self.number else [odds]), tr(taken, self.lang)]


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


def _dense(word: str) -> bool:
    """Whether a token joins its neighbours without a space: Chinese and Japanese, and punctuation among them."""
    return bool(word) and all("\u2e80" <= letter <= "\u9fff" or "\uff00" <= letter <= "\uffef" for letter in word)
