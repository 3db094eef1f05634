"""The report of a language model: its scores in three ways, what it writes, what it copied, and what surprised it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tidegate.core.names import metric_name
from tidegate.core.table import Note
from tidegate.core.text import number
from tidegate.core.translate import Language, tr
from tidegate.evaluate.language.evaluation import FRAMES
from tidegate.prepare.notes import chords_of
from tidegate.report.language.roll import SCRIPT, rolls
from tidegate.report.page.build import Kind, Sections, explanation
from tidegate.report.page.markup import Markup, el, join
from tidegate.report.page.parts import capital, header, key_list, plain_table, soft
from tidegate.report.page.scores import Columns, percent, saved, table
from tidegate.report.page.view import Run
from tidegate.report.page.words import MODEL, method_name
from tidegate.runtime.language.copies import Copied
from tidegate.runtime.language.sampling import Sampling
from tidegate.runtime.language.written import Written, visible
from tidegate.tasks.explain.language import Surprise

TEXTS, TOKENS, STEPS = 3, 400, 64  # that are written for the page
LOUD = 8.0  # bits at which a token is fully marked
_SIZE = "{characters} characters"


@dataclass(frozen=True)
class LanguageView(Run):
    """Everything on the page of a language model.

    Attributes:
        written: texts of its own. copied: how much of them stands in the training text. surprise: of the beginning of
            the test part. learned: of music, a piece of the training part; rate: steps a second, 0 of text.
    """

    written: tuple[Written, ...] = ()
    copied: Copied | None = None
    surprise: Surprise | None = None
    learned: str = ""
    rate: float = 0.0


def language_view(model: Any, evaluated: Any = None) -> LanguageView:
    """What is drawn of its test part."""
    from tidegate.tasks.language.evaluate import evaluate_part

    evaluated = evaluated or evaluate_part(model, "test")
    music = model.fitted_.music
    length = TOKENS if music is None else STEPS
    written = tuple(model.generation(length=length, count=TEXTS, sampling=Sampling()).run())
    sizes = {name: sum(map(len, model.fitted_.parts[name])) for name in ("train", "validation", "test")}
    return LanguageView(
        tr("Language model") if music is None else tr("Model of music"),
        evaluated.evaluation,
        schema=tuple(
            Note(name, "{characters} characters", {"characters": f"{size:,}"}) for name, size in sizes.items()
        ),
        written=written,
        copied=model.copied(written),
        surprise=model.explain(),
        learned=model.fitted_.parts.train[0] if music else "",
        rate=music["rate"] if music else 0.0,
    )


def about(view: LanguageView, lang: Language) -> tuple[str, tuple[str, ...]]:
    """What was read."""
    found = view.evaluation
    if view.rate:
        what = tr("{frames} frames of music that no training has seen", lang, frames=f"{found.tokens:,}")
        return tr("Report of a model of music", lang), (what,)
    values = {"tokens": f"{found.tokens:,}", "characters": f"{found.characters:,}"}
    what = tr("{tokens} tokens ({characters} characters) of text that no training has seen", lang, **values)
    return tr("Report of a language model", lang), (what,)


def key_numbers(view: LanguageView, lang: Language) -> list[tuple[str, str, str]]:
    """Bits per character, perplexity, and what is gained on the best baseline."""
    found = view.evaluation
    own = found.overall[MODEL]
    bits = own[found.criterion]
    items = (
        [(capital(metric_name(found.criterion, lang)), number(bits), "")]
        if view.rate
        else [
            (capital(metric_name("bits_per_character", lang)), number(bits), tr("the state carried", lang)),
            (capital(metric_name("perplexity", lang)), number(own["perplexity"]), tr("of a token", lang)),
        ]
    )
    if found.best_baseline is not None:
        other = found.overall[found.best_baseline][found.criterion]
        items += [(tr("Best baseline", lang), number(other), method_name(found.best_baseline, lang))]
        items += saved(bits, other, lang)
    if view.copied is not None:
        words = tr("of what it wrote, in stretches of {length} characters", lang, length=view.copied.length)
        items.append((tr("Copied", lang), percent(100 * view.copied.share, lang), words))
    return items


def scores(view: LanguageView, lang: Language) -> Markup:
    """Every way of reading and every baseline, best first."""
    found = view.evaluation
    columns = Columns(
        found.columns(),
        lambda method, metric: number(found.overall[method][metric]),
        lambda metric: (capital(metric_name(metric, lang)), ""),
        tr("This model", lang) if found.criterion in FRAMES else tr("This model, its state carried", lang),
    )
    caption = tr("What each method gives the test part, best first: fewer bits are better.", lang)
    if found.criterion in FRAMES:
        caption = tr("What each method gives the test part, best first: fewer nats are better.", lang)
    return table(found, columns, caption, lang, *(soft(text) for text in found.details(lang) if text))


def writes(view: LanguageView, lang: Language) -> Markup | None:
    """Texts of its own, as text, and what of them was copied."""
    if not view.written or view.copied is None:
        return None
    found = view.copied
    intro = soft(tr("Written at temperature 0.8, each from nothing; the seeds are 0, 1, 2.", lang))
    if view.rate:
        named = [(tr("Written, seed {seed}", lang, seed=place), own.text) for place, own in enumerate(view.written)]
        named.append((tr("A piece of the training part", lang), view.learned))
        shown = [rolls([(name, chords_of(text)) for name, text in named], view.rate, lang)]
    else:
        shown = [el("pre", visible(own.text), class_="text", tabindex="0") for own in view.written]
    message = (
        "{share} % of it stands in the training text, in stretches of at least {length} characters. The longest "
        "common stretch has {count} characters:"
    )
    copies = tr(message, lang, share=f"{100 * found.share:.1f}", length=found.length, count=len(found.longest))
    return join(intro, *shown, el("p", copies), el("pre", visible(found.longest), class_="text"))


def surprise(view: LanguageView, lang: Language) -> Markup | None:
    """The beginning of the test part, each token marked by how surprising it was."""
    return None if view.surprise is None else picture(view.surprise, lang)


def picture(found: Surprise, lang: Language) -> Markup:
    """A text with every token marked by its bits, and the most surprising ones in a table."""
    spans = []
    for token, bits, likely in zip(found.tokens, found.bits.tolist(), found.expected, strict=True):
        words = ", ".join(f"{visible(one)!r} {100 * share:.0f} %" for one, share in likely)
        title = tr("{bits} bits; expected {tokens}", lang, bits=f"{bits:.1f}", tokens=words)
        depth = min(bits / LOUD, 1.0)
        spans.append(el("span", visible(token), style=f"--depth:{depth:.2f}", title=title))
    message = (
        "Each token is the darker the more it surprised the model: {loud} bits are one chance in {chance}. Hold the "
        "pointer on one to see what was expected. On average {mean} bits a token."
    )
    intro = tr(message, lang, loud=f"{LOUD:g}", chance=f"{2**LOUD:,.0f}", mean=f"{found.mean:.2f}")
    head = [tr("what stood before", lang), tr("came", lang), tr("bits", lang), tr("expected", lang)]
    rows = found.rows()
    return join(
        soft(intro),
        el("pre", *spans, class_="text surprise", tabindex="0"),
        plain_table([capital(name) for name in head], rows, (2,)),
    )


def surprised(found: Surprise, lang: Language) -> tuple[Markup, str, Sections]:
    """Head, title and sections of a page on one text."""
    title = tr("What surprised the model", lang)
    numbers = [
        (tr("Tokens", lang), f"{len(found.bits):,}", ""),
        (tr("Bits of a token", lang), f"{found.mean:.2f}", tr("on average", lang)),
    ]
    head = join(header(tr("Explanation of a language model", lang), title), key_list(numbers))
    return head, title, [("surprise", tr("Token by token", lang), picture(found, lang))]


report_surprise = explanation(surprised)


def script(view: LanguageView) -> str:
    """What plays music."""
    return SCRIPT if view.rate else ""


PAGE = Kind(about, key_numbers, {"scores": scores, "writes": writes, "surprise": surprise}, script)
