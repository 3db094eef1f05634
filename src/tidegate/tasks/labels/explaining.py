"""What one answer of a classifier or regressor rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tidegate.core.errors import ConfigError, DataError
from tidegate.core.sequences import Sequences
from tidegate.core.translate import Language, tr
from tidegate.explain.labels import LabelExplanation, explain_label, word_shares
from tidegate.prepare.labels import ClassLabels
from tidegate.runtime.labels import probabilities

BACKGROUND = 16
SHOWN = 8


@dataclass(frozen=True)
class LabelAnswer:
    """An answer and what it rests on.

    Attributes:
        id: of the sequence. said: what the model says, of each class its probability, or of each quantity its estimate.
        explanation: shares of one output, with their checks. words: of a text, each with its share; else ().
    """

    id: str
    said: Mapping[str, float]
    explanation: LabelExplanation
    words: tuple[tuple[str, float], ...] = ()

    def lines(self, lang: Language | None = None) -> list[str]:
        """The answer in words: what was said, and what moved it."""
        listed = ", ".join(f"{name} {value:.3g}" for name, value in self.said.items())
        found = [tr("Sequence {id}: {said}.", lang, id=self.id, said=listed)]
        output = self.explanation.output
        if self.words:
            ranked = sorted(self.words, key=lambda pair: -abs(pair[1]))[:SHOWN]
            shown = ", ".join(f"{word} {share:+.2f}" for word, share in ranked)
            found.append(tr("Words that moved {output} most: {shown}.", lang, output=output, shown=shown))
        for name, each in self.explanation.attributions.items():
            if name == "word":
                continue
            ranks = np.argsort(-each.size)[:SHOWN]
            shown = ", ".join(f"{each.groups.all[place]} {each.values[place, 0]:+.2f}" for place in ranks)
            place = tr("channels", lang) if name == "channel" else tr("steps", lang)
            if name != "cell":
                found.append(
                    tr("What moved {output} most, by {kind}: {shown}.", lang, output=output, kind=place, shown=shown)
                )
        for name, test in self.explanation.faithfulness.items():
            found.append(
                tr(
                    "Deletion test by {kind}: taking away what matters first moves the answer {ratio:.1f} times as far "
                    "as a random order, farther than {beaten:.0f} % of them.",
                    lang,
                    kind=name,
                    ratio=test.ratio,
                    beaten=100 * test.beaten,
                )
            )
        for name, each in self.explanation.attributions.items():
            found.append(
                tr("The shares by {kind} leave {residual:.1g} over.", lang, kind=name, residual=float(each.residual[0]))
            )
        return found

    def __str__(self) -> str:
        return "\n".join(self.lines())


def explain_answer(
    model: Any,
    sequences: Sequences,
    at: int | str = 0,
    output: Any = None,
    *,
    block: int | None = None,
    permutations: int = 64,
    seed: int = 0,
) -> LabelAnswer:
    """Shapley values of one output for one sequence.

    Args:
        model: fitted or loaded. sequences: among them the one to explain. at: its place, or its id.
        output: class or quantity; None takes what the model says, or the first quantity.
        block, permutations, seed: see `tidegate.explain.labels.explain_label`.

    Raises:
        DataError: there is no such sequence, or no other to put in the place of what is taken away.
        ConfigError: there is no such class or quantity, or the model answers for every step.
    """
    if model.deciding_.per_step:
        raise ConfigError(
            "a model that answers for every step has no single answer to explain: use window=, or slice it"
        )
    place = _place(sequences, at)
    prepared = model.preparation_.apply(sequences)
    spans = model.deciding_.spans(prepared.starts, np.arange(len(sequences)))

    def rows(which: int) -> Any:
        values = prepared.values[spans.first[which] : spans.first[which] + spans.lengths[which]]
        return values.astype(np.float32) / 255 if values.dtype == np.uint8 else values

    def answer(past: Any, lengths: Any) -> Any:
        return model.run_(past, lengths).values[:, 0, 0]

    values = rows(place)
    own = answer(values[None].astype(np.int64) if values.ndim == 1 else values[None], None)
    labels = model.labels_
    found = probabilities(own, labels, model.deciding_)[0] if isinstance(labels, ClassLabels) else labels.decode(own)[0]
    chosen = int(found.argmax()) if output is None else _output(labels, output)
    others = np.delete(np.arange(len(sequences)), place)
    drawn = np.random.default_rng(seed).permutation(others)[:BACKGROUND]
    background = [] if values.ndim == 1 else [rows(which) for which in drawn]
    if values.ndim > 1 and not background:
        raise DataError("an explanation puts other sequences in the place of what it takes away: give it several")
    explanation = explain_label(
        answer,
        values,
        output=chosen,
        name=labels.names[chosen],
        channels=model.preparation_.input_names,
        background=background,
        block=block,
        permutations=permutations,
        seed=seed,
    )
    words: tuple[tuple[str, float], ...] = ()
    if values.ndim == 1 and sequences.texts is not None:
        pieces = model.preparation_.tokens.cut(sequences.texts[place : place + 1])[0]
        words = tuple(word_shares(explanation, list(pieces)[: len(values)]))
    said = {name: float(value) for name, value in zip(labels.names, found, strict=True)}
    return LabelAnswer(sequences.ids[place], said, explanation, words)


def _place(sequences: Sequences, at: int | str) -> int:
    if isinstance(at, int) and 0 <= at < len(sequences):
        return at
    if str(at) in sequences.ids:
        return sequences.ids.index(str(at))
    raise DataError(f"at={at!r} is neither an id nor a place from 0 to {len(sequences) - 1}")


def _output(labels: Any, output: Any) -> int:
    names = list(labels.names)
    if str(output) not in names:
        raise ConfigError(f"output={output!r} is not among {', '.join(names)}")
    return names.index(str(output))
