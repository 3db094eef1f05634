"""From pictures with captions to a trained captioner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from tidegate.core.errors import DataError
from tidegate.core.sequences import Sequences
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.data.partition import Partition
from tidegate.data.sources.media.pictures import pixels_of
from tidegate.prepare.pictures import PictureAugment, PicturePreparation, Pixels, vary_pictures
from tidegate.prepare.sides import Side
from tidegate.prepare.vocabulary import END, PADDING
from tidegate.tasks.caption.options import CaptionChoices, build_spec
from tidegate.tasks.write.evaluate import references_of
from tidegate.tasks.write.fit import Prepared, padded, require_examples
from tidegate.tasks.write.options import method_of
from tidegate.train.loop import Batch

Ints = NDArray[np.int64]
BATCH_SIZE = 32


@dataclass(frozen=True)
class Pictured:
    """Pictures with captions as numbers. M of them.

    Attributes:
        pictures: [M, H, W, C] of 8 bits. targets: of each its tokens, then the end. preparation: of pictures.
        augment: how they vary in training.
    """

    pictures: Pixels
    targets: tuple[Ints, ...]
    preparation: PicturePreparation
    augment: PictureAugment

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def costs(self) -> Ints:
        """[M, 1] ones: a batch has a number of pictures."""
        return np.ones((len(self), 1), np.int64)

    def take(self, places: Sequence[int]) -> Pictured:
        """Some of them."""
        targets = tuple(self.targets[place] for place in places)
        return Pictured(self.pictures[list(places)], targets, self.preparation, self.augment)

    def gather(self, places: Ints, draw: np.random.Generator | None = None) -> Batch:
        """Pictures [B, H, W * C], their rows [B], what is read and what is to be written [B, K], nothing to copy."""
        pictures: Any = self.pictures[places]
        if draw is not None:
            pictures = vary_pictures(pictures, self.augment, draw)
        after = padded([self.targets[place] for place in places], PADDING)
        before = functional.pad(after[:, :-1], (1, 0), value=END)
        rows = torch.full((len(places),), self.preparation.height)
        return torch.from_numpy(self.preparation.scaled(pictures)), rows, before, after, torch.empty(len(places), 0)


def number_captions(
    sequences: Sequences,
    preparation: PicturePreparation,
    target: Side,
    augment: PictureAugment,
    longest: int | None = None,
) -> Pictured:
    """Pictures and captions as numbers; those whose captions have more than `longest` tokens are left out."""
    targets = tuple(target.encode(pieces) for pieces in target.cut_all(references_of(sequences)))
    found = Pictured(pixels_of(sequences), targets, preparation, augment)
    return found if longest is None else found.take([i for i, one in enumerate(targets) if len(one) <= longest])


def prepare(sequences: Sequences, parts: Partition, choices: CaptionChoices) -> Prepared:
    """Choose the vocabulary, and settle what is trained.

    Args:
        sequences: pictures with captions. parts: of them. choices: options.

    Raises:
        DataError: no pictures with captions, too few, or captions that are all too long.
    """
    if sequences.frame is None or sequences.labels is None or len(sequences.values) != len(sequences):
        message = "these Sequences are no pictures with captions: give a step with a frame each, and labels"
        raise DataError(tr(message))
    train = sequences.take(parts.train)
    message = (
        "there are {count} pictures to train on and {held} to choose the epoch by: at least {least} and 1 are needed, "
        "and hundreds to learn from"
    )
    require_examples(len(train), len(parts.validation), message)
    texts, own = references_of(train), choices.preparation
    method = method_of(texts, choices.tokens, "word")
    how_many = own.pieces(method, len(texts))
    kept = {"vocabulary": how_many, "min_count": own.min_count, "lowercase": own.lowercase}
    target, note = Side.fit(texts, method, **kept)  # type: ignore[arg-type]
    preparation = PicturePreparation.fit(pixels_of(train))
    read = (preparation, target, choices.augment)
    examples = {"train": number_captions(train, *read, own.longest)}
    examples |= {name: number_captions(sequences.take(parts[name]), *read) for name in ("validation", "test")}
    notes, short = [note], len(examples["train"])
    message = "only {count} training captions have at most {longest} tokens: raise preparation.longest"
    require_examples(short, 1, message, longest=own.longest)
    if short < len(train):
        message = "{count} training pictures with captions of more than {longest} tokens were left out."
        notes.append(Note("long_captions", message, {"count": len(train) - short, "longest": own.longest}))
    spec = build_spec(choices, preparation.shape, len(target))
    size = choices.batch_size or BATCH_SIZE
    words = sum(map(len, examples["train"].targets))
    counts = {"pictures": f"{short:,}", "tokens": f"{words:,}"}
    message = "{pictures} pictures with captions of {tokens} tokens are trained on, at most {epochs} times."
    notes.append(Note("captions", message, counts))
    work = size * preparation.height * preparation.width * 9 * sum(choices.network.channels)
    return Prepared(spec, preparation, target, examples, notes, size, work, (len(target), preparation.mean))
