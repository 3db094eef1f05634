"""The scores of a model that writes, beside baselines, with the verdict of a paired bootstrap."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import DataError
from tidegate.core.names import metric_name
from tidegate.core.optional import require
from tidegate.core.table import Note
from tidegate.core.text import number
from tidegate.core.translate import Language, tr
from tidegate.evaluate.evaluation import MODEL, ScoreTable
from tidegate.evaluate.label.verdict import Comparison, decide
from tidegate.evaluate.significance import FEWEST, interval
from tidegate.evaluate.text.metrics import PURPOSE, Reference, TextMetric, cer, same, wer
from tidegate.evaluate.verdict import Verdict

Floats = NDArray[np.float64]
RESAMPLES = 1_000


@dataclass(frozen=True, kw_only=True)
class TextEvaluation(ScoreTable):
    """How good texts are that a model wrote, beside baselines'.

    Attributes:
        count: N, texts that were scored. signatures: metric -> what two scores must have in common to be compared.
        intervals: metric -> 95 % interval of the model's score.
        interval: 95 % interval of how much better the model is than the best baseline by the criterion; NaN without,
            and where too little was scored.
    """

    count: int
    signatures: Mapping[str, str]
    intervals: Mapping[str, tuple[float, float]]
    interval: tuple[float, float]

    def metrics(self) -> tuple[str, ...]:
        return tuple(self.signatures)

    def cell(self, metric: str, value: float) -> str:
        """Of metrics that are shares a hundred times as much, as papers give them."""
        return f"{100 * value:.1f}" if math.isfinite(value) else number(value)

    def details(self, lang: Language | None = None) -> list[str]:
        """How much was scored, how sure the model's scores are, and the signatures."""
        lines = ["", tr("{count} texts were scored.", lang, count=f"{self.count:,}")]
        low, high = (100 * end for end in self.intervals.get(self.criterion, (math.nan, math.nan)))
        if math.isfinite(low):
            message = "95 % interval of the model's first score: {low} to {high}."
            lines.append(tr(message, lang, low=f"{low:.1f}", high=f"{high:.1f}"))
        return [*lines, *(f"{metric_name(name, lang)}: {text}" for name, text in self.signatures.items())]


def evaluate_texts(
    written: Mapping[str, Sequence[str]],
    references: Sequence[Reference],
    metrics: Sequence[TextMetric],
    *,
    groups: Sequence[Any] | None = None,
    notes: tuple[Note, ...] = (),
) -> TextEvaluation:
    """Score what each method wrote.

    Args:
        written: method -> [N] texts; "model", then the baselines. references: [N] what people wrote; of each one
            text, or several.
        metrics: the first ranks methods, the next where all are level by it.
        groups: [N] what texts came from, such as a speaker: drawn whole.
        notes: for the reader.

    Raises:
        DataError: there is no text.
    """
    if not references:
        raise DataError(tr("there are no texts with a reference: nothing can be scored"))
    first = metrics[0]
    counts = {
        name: {metric.name: _by_group(metric.count(own, references), groups) for metric in metrics}
        for name, own in written.items()
    }
    overall = {
        name: {metric.name: metric.score(own[metric.name].sum(axis=0)) for metric in metrics}
        for name, own in counts.items()
    }
    # Where all methods have the same first score, such as none exactly right, the next one tells which is better.
    telling = next((own for own in metrics if len({each[own.name] for each in overall.values()}) > 1), first)
    sign = -1.0 if telling.higher else 1.0
    others = sorted((name for name in written if name != MODEL), key=lambda name: sign * overall[name][telling.name])
    units = len(counts[MODEL][first.name])
    drawn = np.random.default_rng(0).multinomial(units, np.full(units, 1 / units), RESAMPLES)
    resampled = {metric.name: _scores(metric, counts[MODEL][metric.name], drawn) for metric in metrics}
    best, low, high = (others[0] if others else None), math.nan, math.nan
    if best is not None:
        gains = resampled[telling.name] - _scores(telling, counts[best][telling.name], drawn)
        low, high = interval(gains if telling.higher else -gains, units)
    reference = math.nan if best is None else overall[best][telling.name]
    kind = "things" if groups is None else "groups"
    own = overall[MODEL][telling.name]
    found = Comparison(telling.name, telling.higher, own, best, reference, low, high, kind, units)
    verdict = decide(found, things=len(references), sequences=len(references))
    return TextEvaluation(
        criterion=first.name,
        methods=(MODEL, *others),
        overall=overall,
        best_baseline=best,
        skill=None if best is None or telling.higher or not reference else 1 - own / reference,
        verdict=_scaled(verdict),
        notes=notes,
        count=len(references),
        signatures={metric.name: metric.signature for metric in metrics},
        intervals={name: interval(scores, units) for name, scores in resampled.items()},
        interval=(low, high),
    )


def _by_group(counts: Floats, groups: Sequence[Any] | None) -> Floats:
    """Counts [N, J] summed over the texts of each group, [U, J]; as they are where there are no groups."""
    if groups is None:
        return counts
    _, places = np.unique([str(group) for group in groups], return_inverse=True)
    found = np.zeros((int(places.max()) + 1, counts.shape[1]))
    np.add.at(found, places, counts)
    return found


def _scores(metric: TextMetric, counts: Floats, drawn: NDArray[Any]) -> Floats:
    """[R] the score of each resample, from how often each unit was drawn [R, U]."""
    return np.array([metric.score(sums) for sums in drawn.astype(np.float64) @ counts])


def _scaled(verdict: Verdict) -> Verdict:
    """Shares are told as papers give them: 42.0, not 0.420."""
    return replace(verdict, values={**verdict.values, "hundredths": True})


SHOWN = 12


@dataclass(frozen=True, kw_only=True)
class SpeechEvaluation(TextEvaluation):
    """How well speech was written down, beside the most frequent transcript of the training.

    Attributes:
        speakers: speaker -> word error rate; empty where they are not known.
        shares: `known` and `new`: the recordings whose words training has all, and the others; how many, and their word
            error rate.
        confusions: (said, written, times), most frequent first; "" where a word was left out or added.
    """

    speakers: Mapping[str, float]
    shares: Mapping[str, tuple[float, float]]
    confusions: tuple[tuple[str, str, int], ...]

    def details(self, lang: Language | None = None) -> list[str]:
        """How much was scored, and the error rates of speakers, and of texts with new words."""
        lines = super().details(lang)
        (many, rate), (others, worse) = self.shares["known"], self.shares["new"]
        if others and many:
            message = (
                "Word error rate {rate} % on the {count} recordings whose words the training has all, {worse} % on the "
                "{others} others."
            )
            values = {"rate": f"{100 * rate:.1f}", "count": int(many), "worse": f"{100 * worse:.1f}"}
            lines.append(tr(message, lang, **values, others=int(others)))
        if len(self.speakers) > 1:
            ranked = sorted(self.speakers.items(), key=lambda pair: pair[1])
            shown = ", ".join(f"{name} {100 * rate:.1f} %" for name, rate in ranked[:SHOWN])
            more = "" if len(ranked) <= SHOWN else " ..."
            lines.append(tr("Word error rate by speaker: {shown}", lang, shown=shown + more))
        return lines


def evaluate_speech(
    written: Mapping[str, Sequence[str]],
    references: Sequence[str],
    *,
    speakers: Sequence[Any] | None = None,
    known: Sequence[str] = (),
    notes: tuple[Note, ...] = (),
) -> SpeechEvaluation:
    """Score transcripts.

    Args:
        written: method -> [N] texts; "model", then the baselines. references: [N] what was said.
        speakers: [N], or None. known: texts of the training part. notes: for the reader.

    Raises:
        DataError: there is nothing to score. MissingExtraError: jiwer is not installed.
    """
    names = None if speakers is None else [str(own) for own in speakers]
    many = names is not None and len(set(names)) >= FEWEST  # speakers are drawn whole where there are enough
    found = evaluate_texts(written, references, [wer(), cer(), same()], groups=names if many else None, notes=notes)
    rate, own = wer(), written["model"]

    def part(places: Sequence[int]) -> float:
        return rate([own[place] for place in places], [references[place] for place in places]) if places else 0.0

    every = range(len(references))
    words = {word for text in known for word in text.split()}
    old = [place for place in every if words.issuperset(references[place].split())]
    new = sorted(set(every).difference(old)) if known else []
    by = {} if names is None else {name: [p for p in every if names[p] == name] for name in sorted(set(names))}
    counts = Counter(
        (said, wrong)
        for place in every
        for kind, said, wrong in marked(references[place], own[place])
        if kind != "equal"
    )
    return SpeechEvaluation(
        **{field.name: getattr(found, field.name) for field in fields(found)},
        speakers={name: part(places) for name, places in by.items()},
        shares={"known": (float(len(old)), part(old)), "new": (float(len(new)), part(new))},
        confusions=tuple((*pair, times) for pair, times in counts.most_common(SHOWN)),
    )


def marked(reference: str, hypothesis: str) -> list[tuple[str, str, str]]:
    """A transcript beside what was said, word by word: (`equal`, `substitute`, `delete` or `insert`, said, written)."""
    library = require("jiwer", extra="audio", purpose=PURPOSE)
    said, wrote = reference.split(), hypothesis.split()
    if not said:
        return [("insert", "", word) for word in wrote]
    found = []
    for chunk in library.process_words(reference, hypothesis).alignments[0]:
        left = said[chunk.ref_start_idx : chunk.ref_end_idx]
        right = wrote[chunk.hyp_start_idx : chunk.hyp_end_idx]
        count = max(len(left), len(right))
        pairs = zip(left + [""] * (count - len(left)), right + [""] * (count - len(right)), strict=True)
        found += [(chunk.type, *pair) for pair in pairs]
    return found
