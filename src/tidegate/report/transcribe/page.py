"""The report of a transcriber: its error rates, transcripts with their errors marked, and what a word rests on."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from tidegate.core.names import metric_name
from tidegate.core.text import number
from tidegate.core.translate import Language, tr
from tidegate.evaluate.text.evaluation import marked
from tidegate.report.page.build import Kind, Sections, explanation
from tidegate.report.page.describe import describe_sequences
from tidegate.report.page.markup import Markup, el, join
from tidegate.report.page.parts import capital, figure, header, key_list, plain_table, soft
from tidegate.report.page.scores import Columns, percent, saved, table
from tidegate.report.page.view import Run
from tidegate.report.page.words import MODEL, method_name
from tidegate.report.svg.heat import HeatMap
from tidegate.tasks.explain.transcribe import Saliency

EXAMPLES = 20
BANDS = 20  # rows of the picture, at most


@dataclass(frozen=True)
class Example:
    """A recording: its id, its words as `marked` gives them, its errors, and the least sure word's probability."""

    id: str
    words: tuple[tuple[str, str, str], ...]
    errors: int
    confidence: float


@dataclass(frozen=True)
class SpeechView(Run):
    """Everything on the page of a transcriber.

    Attributes:
        examples: recordings of the test part, those with most errors first. right: how many had none.
    """

    examples: tuple[Example, ...] = ()
    right: int = 0


def speech_view(model: Any, evaluated: Any = None) -> SpeechView:
    """What is drawn of its test part."""
    from tidegate.tasks.transcribe.evaluate import evaluate_part

    evaluated = evaluated or evaluate_part(model, "test")
    found = []
    triples = zip(evaluated.sequences.ids, evaluated.references, evaluated.transcripts, strict=True)
    for name, said, own in triples:
        words = tuple(marked(said, own.text))
        found.append(Example(name, words, sum(kind != "equal" for kind, *_ in words), own.confidence))
    found.sort(key=lambda one: -one.errors)
    fitted = model.fitted_
    parts = {name: fitted.parts[name] for name in ("train", "validation", "test")}
    return SpeechView(
        tr("Transcriber"),
        evaluated.evaluation,
        schema=describe_sequences(fitted.sequences, parts),
        examples=tuple(found),
        right=sum(not one.errors for one in found),
    )


def about(view: SpeechView, lang: Language) -> tuple[str, tuple[str, ...]]:
    """What was heard."""
    message = "{count} recordings that no training has heard"
    return tr("Report of a transcriber", lang), (tr(message, lang, count=f"{view.evaluation.count:,}"),)


def key_numbers(view: SpeechView, lang: Language) -> list[tuple[str, str, str]]:
    """Error rates of words and characters, whole recordings, and what is gained on the best baseline."""
    found = view.evaluation
    own = found.overall[MODEL]
    low, high = (f"{100 * end:.1f}" for end in found.intervals["wer"])
    ends = tr("95 % interval {low} to {high} %", lang, low=low, high=high) if low != "nan" else ""
    items = [
        (capital(metric_name("wer", lang)), percent(100 * own["wer"], lang), ends),
        (capital(metric_name("cer", lang)), percent(100 * own["cer"], lang), ""),
        (capital(metric_name("same", lang)), percent(100 * own["same"], lang), tr("of the recordings", lang)),
    ]  # fmt: skip
    if found.best_baseline is not None:
        other = found.overall[found.best_baseline]["wer"]
        items += [(tr("Best baseline", lang), percent(100 * other, lang), method_name(found.best_baseline, lang))]
        items += saved(own["wer"], other, lang)
    return items


def scores(view: SpeechView, lang: Language) -> Markup:
    """The model beside the baseline, speakers, and words that are taken for others."""
    found = view.evaluation
    columns = Columns(
        found.columns(),
        lambda method, metric: percent(100 * found.overall[method][metric], lang),
        lambda metric: (capital(metric_name(metric, lang)), ""),
        tr("This model", lang),
    )
    caption = tr("Error rates of the test part, best first.", lang)
    parts: list[Markup | None] = [soft(text) for text in found.details(lang) if text]
    if found.confusions:
        head = [tr("Said", lang), tr("Written", lang), tr("Times", lang)]
        rows = [[said or "-", wrote or "-", str(times)] for said, wrote, times in found.confusions]
        parts.append(plain_table(head, rows, (2,), caption=tr("The commonest errors", lang)))
    return table(found, columns, caption, lang, *parts)


def transcripts(view: SpeechView, lang: Language) -> Markup | None:
    """Recordings with most errors, and some without, each word marked."""
    if not view.examples:
        return None
    shown = [*view.examples[: EXAMPLES - 5], *view.examples[-5:]]
    shown = list({one.id: one for one in shown}.values())
    message = (
        "{right} of {count} recordings are without error. Those with most errors come first, a few without last; words "
        "that were said and not written are struck out, words that were written and not said are underlined."
    )
    rows = [
        el(
            "tr",
            el("th", one.id, scope="row"),
            el("td", *_marked(one)),
            el("td", f"{one.confidence:.2f}", class_="num"),
        )
        for one in shown
    ]
    names = (tr("Recording", lang), tr("Transcript", lang))
    head = el("tr", *(el("th", name, scope="col") for name in names), el("th", tr("Confidence", lang), class_="num"))
    body = el("table", el("thead", head), el("tbody", *rows), class_="plain")
    intro = tr(message, lang, right=view.right, count=len(view.examples))
    return join(soft(intro), el("div", body, class_="scroll", tabindex="0"))


def _marked(one: Example) -> list[Markup | str]:
    found: list[Markup | str] = []
    for kind, said, wrote in one.words:
        if kind == "equal":
            found += [said, " "]
            continue
        found += [el("del", said), " "] if said else []
        found += [el("ins", wrote), " "] if wrote else []
    return found


def picture(found: Saliency, lang: Language) -> Markup:
    """What a word rests on, by moment and band, and the check."""
    group = -(-len(found.bands) // BANDS)
    edges = np.arange(len(found.values) + 1) * found.hop
    bands = list(range(0, len(found.bands), group))[::-1]
    values = np.array([found.values[:, low : low + group].sum(axis=1) for low in bands])
    drawn = HeatMap(
        [found.bands[low] for low in bands],
        edges,
        values,
        lang,
        x_title=tr("second", lang),
        low=tr("speaks against it", lang),
        high=tr("speaks for it", lang),
        height=12.0,
    ).svg(found.about(lang))
    counts = Counter(found.bands)
    caption = tr("Gradient times input, by moment and by the middle of {count} bands.", lang, count=len(counts))
    head = [tr("second", lang), tr("share %", lang), tr("strongest band", lang)]
    return join(
        figure(drawn, caption),
        plain_table([capital(name) for name in head], found.rows(), (0, 1)),
        el("p", found.check(lang)),
    )


def rested(found: Saliency, lang: Language) -> tuple[Markup, str, Sections]:
    """Head, title and sections of a page on one word."""
    title = tr("What the word “{word}” rests on", lang, word=found.word)
    numbers = [
        (tr("Lost without what counts most", lang), number(found.lost), tr("log p of each of its steps", lang)),
        (tr("Lost without as much by chance", lang), number(found.chance), tr("the same", lang)),
    ]
    head = join(header(tr("Explanation of a transcriber", lang), title, found.about(lang)), key_list(numbers))
    return head, title, [("saliency", tr("Moment by moment", lang), picture(found, lang))]


report_saliency = explanation(rested)


PAGE = Kind(about, key_numbers, {"scores": scores, "transcripts": transcripts})
