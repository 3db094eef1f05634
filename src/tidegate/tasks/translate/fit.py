"""From pairs of texts to a trained translator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from tidegate.core.sequences import Sequences
from tidegate.core.table import Note
from tidegate.data.partition import Partition
from tidegate.evaluate.text.baselines import taken
from tidegate.prepare.sides import Side
from tidegate.prepare.vocabulary import END, PADDING, UNKNOWN
from tidegate.tasks.translate.options import TranslateChoices, batch_for, build_spec, cut_by
from tidegate.tasks.write.evaluate import references_of
from tidegate.tasks.write.fit import Prepared, padded, require_examples
from tidegate.train.loop import Batch

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Pairs:
    """Pairs of texts as numbers. M pairs.

    Attributes:
        sources, targets: of each pair its tokens, then the end; targets past the vocabulary are words that are copied.
        copies: what each token of a source would be written as; () where nothing is copied.
    """

    sources: tuple[Ints, ...]
    targets: tuple[Ints, ...]
    copies: tuple[Ints, ...] = ()

    def __len__(self) -> int:
        return len(self.sources)

    @property
    def lengths(self) -> Ints:
        """[M, 2] tokens of both sides."""
        return np.array([[len(a), len(b)] for a, b in zip(self.sources, self.targets, strict=True)], np.int64)

    @property
    def costs(self) -> Ints:
        """What a batch has a budget of: `lengths`."""
        return self.lengths

    def take(self, places: Sequence[int]) -> Pairs:
        """Some of them."""
        sides = (self.sources, self.targets, self.copies)
        return Pairs(*(tuple(own[place] for place in places) if own else () for own in sides))

    def gather(self, places: Ints, draw: Any = None) -> Batch:
        """Sources [B, S], their lengths [B], what is read [B, K], what is to be written [B, K], copies [B, S]."""
        sources, targets = ([own[place] for place in places] for own in (self.sources, self.targets))
        lengths = torch.tensor([len(own) for own in sources])
        after = padded(targets, PADDING)
        before = functional.pad(after[:, :-1], (1, 0), value=END)
        copies = padded([self.copies[place] for place in places], -1) if self.copies else torch.empty(len(places), 0)
        return padded(sources, PADDING), lengths, before, after, copies.long()


def make_sides(
    sources: Sequence[str], targets: Sequence[str], choices: TranslateChoices
) -> tuple[Side, Side, list[Note]]:
    """Tokens of both sides of training pairs; one and the same where they are shared."""
    first, second = cut_by(sources, targets, choices)
    preparation = choices.preparation
    own = {"min_count": preparation.min_count, "lowercase": preparation.lowercase}
    shared = preparation.shared
    if shared is None:
        shared = first == second and first != "char"
    if shared:
        size = preparation.pieces(first, len(sources))
        side, note = Side.fit([*sources, *targets], first, vocabulary=size, **own)  # type: ignore[arg-type]
        return side, side, [note]
    made = [
        Side.fit(texts, method, vocabulary=preparation.pieces(method, len(sources)), **own)  # type: ignore[arg-type]
        for texts, method in ((sources, first), (targets, second))
    ]
    return made[0][0], made[1][0], [made[0][1], made[1][1]]


def number_pairs(
    sequences: Sequences, source: Side, target: Side, *, copying: bool, longest: int | None = None
) -> tuple[Pairs, int]:
    """Pairs as numbers; those longer than `longest` tokens on a side are left out, and counted."""
    assert sequences.texts is not None
    sources, targets, copies, left = [], [], [], 0
    both = source.cut_all(list(map(str, sequences.texts.tolist()))), target.cut_all(references_of(sequences))
    for pieces, written in zip(*both, strict=True):
        if longest is not None and max(len(pieces), len(written)) >= longest:
            left += 1
            continue
        sources.append(source.encode(pieces))
        numbers = target.encode(written)
        if copying:
            own, extra = target.copies(pieces)
            places = {word: len(target) + place for place, word in enumerate(extra)}
            for place in np.nonzero(numbers == UNKNOWN)[0]:
                numbers[place] = places.get(written[place], UNKNOWN)
            copies.append(own)
        targets.append(numbers)
    return Pairs(tuple(sources), tuple(targets), tuple(copies)), left


def prepare(sequences: Sequences, parts: Partition, choices: TranslateChoices) -> Prepared:
    """Choose both vocabularies, and settle what is trained.

    Args:
        sequences: pairs. parts: of them. choices: options.

    Raises:
        DataError: too few pairs.
    """
    train = sequences.take(parts.train)
    message = (
        "there are {count} pairs to train on and {held} to choose the epoch by: at least {least} and 1 are needed, and "
        "thousands to learn a language from"
    )
    require_examples(len(train), len(parts.validation), message)
    sources, targets = list(map(str, train.texts.tolist())), references_of(train)  # type: ignore[union-attr]
    source, target, notes = make_sides(sources, targets, choices)
    copying = choices.network.copying
    if copying is None:
        copying = choices.network.attention is not None and taken(sources, targets)
    pairs, left = number_pairs(train, source, target, copying=copying, longest=choices.preparation.longest)
    if left:
        message = "{count} training pairs of more than {longest} tokens were left out (preparation.longest)."
        notes.append(Note("long_pairs", message, {"count": left, "longest": choices.preparation.longest}))
    message = "only {count} training pairs have at most {longest} tokens: raise preparation.longest"
    require_examples(len(pairs), 1, message, longest=choices.preparation.longest)
    examples = {"train": pairs}
    for name in ("validation", "test"):
        examples[name], _ = number_pairs(sequences.take(parts[name]), source, target, copying=copying)
    spec = build_spec(choices, len(source), len(target), shared=source is target, copying=copying)
    units, tokens = choices.recurrent.hidden_size, batch_for(choices.training, int(pairs.lengths.max(axis=1).sum()))
    counts = {"pairs": f"{len(pairs):,}", "tokens": f"{int(pairs.lengths.sum()):,}"}
    message = "{pairs} pairs of {tokens} tokens on both sides are trained on, at most {epochs} times."
    notes.append(Note("pairs", message, counts))
    work = tokens * 4 * units * units // 8
    return Prepared(spec, source, target, examples, notes, tokens, work, (len(source), len(target)))
