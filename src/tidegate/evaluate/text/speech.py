"""Word and character error rates of transcripts, by speaker and by whether the training had every word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from tidegate.core.optional import require
from tidegate.core.table import Note
from tidegate.core.translate import Language, tr
from tidegate.evaluate.significance import FEWEST
from tidegate.evaluate.text.evaluation import TextEvaluation, evaluate_texts
from tidegate.evaluate.text.metrics import PURPOSE, cer, same, wer

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
