"""Training batches of recordings: varied anew in every epoch, several joined into one, of like length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from tidegate.prepare.augment import SpeechAugment, hide, vary_speech
from tidegate.prepare.sequence.speech import SpeechPreparation
from tidegate.tasks.fit import Validation
from tidegate.train.loop import Batch
from tidegate.train.options import TrainOptions

Array = NDArray[np.float32]
SORTED = 16  # batches are drawn together and sorted by length, so that little is padded
BLANK = 0


@dataclass(frozen=True)
class Recordings:
    """Recordings of a part, with what is said in them.

    Attributes:
        preparation: of features. features: of each [T, M], scaled. texts: of each its symbols [N].
        speakers: whose each is, or None; only recordings of one speaker are joined. blank: symbol between two texts,
            or None.
    """

    preparation: SpeechPreparation
    features: Sequence[Array]
    texts: Sequence[NDArray[np.int32]]
    speakers: Sequence[Any] | None = None
    blank: int | None = None

    def __len__(self) -> int:
        return len(self.features)

    def groups(self, join: int, generator: np.random.Generator) -> list[NDArray[np.int64]]:
        """Places of the recordings that become one, each recording once: 1 to `join` of one speaker."""
        order = generator.permutation(len(self))
        if join == 1:
            return [order[place : place + 1] for place in range(len(order))]
        found = []
        names = [""] * len(self) if self.speakers is None else [str(own) for own in self.speakers]
        for name in sorted(set(names)):
            own = [place for place in order.tolist() if names[place] == name]
            while own:
                count = int(generator.integers(1, join + 1))
                found.append(np.array(own[:count], np.int64))
                own = own[count:]
        return found

    def text(self, group: NDArray[np.int64]) -> NDArray[np.int32]:
        """Symbols of what is said in recordings one after another."""
        parts: list[Any] = [self.texts[group[0]]]
        for place in group[1:]:
            parts += [self.texts[place]] if self.blank is None else [[self.blank], self.texts[place]]
        return np.concatenate(parts).astype(np.int32)

    def heard(
        self, group: NDArray[np.int64], augment: SpeechAugment | None, generator: np.random.Generator | None
    ) -> Array:
        """[S, I] of recordings one after another, varied where there is chance."""
        own = self.preparation
        parts = [self.features[place] for place in group.tolist()]
        if augment is None or generator is None:
            return own.joined(own.centred(np.concatenate(parts)))
        varied = np.concatenate([vary_speech(part, augment, generator, own.rate) for part in parts])
        return own.joined(hide(own.centred(varied), augment, generator, own.hop))


def needed(text: NDArray[np.int32]) -> int:
    """Steps without which a text has no alignment: one for each symbol, and one between two that are alike."""
    return len(text) + int((text[1:] == text[:-1]).sum())


def batch_of(heard: Sequence[Array], texts: Sequence[NDArray[np.int32]]) -> Batch:
    """Features [B, S, I], steps [B], symbols one text after another, symbols [B] of each."""
    lengths = np.array([max(len(own), 1) for own in heard], np.int64)
    past = np.zeros((len(heard), int(lengths.max()), heard[0].shape[1]), np.float32)
    for row, own in enumerate(heard):
        past[row, : len(own)] = own
    symbols = np.concatenate(texts).astype(np.int64)
    counts = np.array([len(text) for text in texts], np.int64)
    return torch.from_numpy(past), torch.from_numpy(lengths), torch.from_numpy(symbols), torch.from_numpy(counts)


class SpeechBatches:
    """Shuffled batches; order and variation are pure functions of seed, epoch and step."""

    def __init__(self, recordings: Recordings, options: TrainOptions, augment: SpeechAugment) -> None:
        self.recordings, self.augment, self.seed = recordings, augment, options.seed
        self.batch_size = options.batch_size
        examples = len(recordings) * 2 / (augment.join + 1)
        self.steps = max(1, int(np.ceil(examples / self.batch_size)))

    def __len__(self) -> int:
        return self.steps

    def epoch(self, epoch: int, start: int) -> Iterator[Batch]:
        own = self.recordings
        generator = np.random.default_rng([self.seed, epoch])
        groups = own.groups(self.augment.join, generator)
        order = generator.permutation(len(groups)).tolist()
        size = [sum(len(own.features[place]) for place in group.tolist()) for group in groups]
        block = self.batch_size * SORTED
        parts = [sorted(order[low : low + block], key=size.__getitem__) for low in range(0, len(order), block)]
        batches = np.array_split(np.array([place for part in parts for place in part]), self.steps)
        for step, number in enumerate(generator.permutation(self.steps).tolist()):
            if step < start:
                continue
            chance = np.random.default_rng([self.seed, epoch, step])
            chosen = [groups[place] for place in batches[number].tolist()]
            heard = [own.heard(group, self.augment, chance) for group in chosen]
            yield batch_of(heard, [own.text(group) for group in chosen])


def ctc_loss(network: nn.Module, batch: Batch) -> Tensor:
    """-log of the probability of all alignments of the texts, over their symbols.

    Source: Graves, Fernandez, Gomez and Schmidhuber (2006), doi:10.1145/1143844.1143891.
    """
    past, lengths, symbols, counts = batch
    ragged = bool((lengths < past.shape[1]).any())
    scores = network(past, lengths=lengths if ragged else None).values[:, :, 0]
    shares = functional.log_softmax(scores, dim=2).transpose(0, 1)
    loss = functional.ctc_loss(shares, symbols, lengths, counts, BLANK, reduction="sum", zero_infinity=True)
    return loss / counts.sum().clamp_min(1)


def validation_of(recordings: Recordings, join: int, batch_size: int) -> Validation:
    """The same of held-out recordings as they are; joined as those of the training are, always alike."""
    groups = recordings.groups(join, np.random.default_rng(0))
    heard = [recordings.heard(group, None, None) for group in groups]
    texts = [recordings.text(group) for group in groups]
    kept = [place for place in range(len(groups)) if needed(texts[place]) <= len(heard[place])]
    order = np.array(sorted(kept, key=lambda place: len(heard[place])), np.int64)
    size = max(batch_size, 16)
    return Validation(
        ctc_loss,
        [order[low : low + size] for low in range(0, len(order), size)],
        lambda places: batch_of([heard[p] for p in places.tolist()], [texts[p] for p in places.tolist()]),
        lambda batch: int(batch[3].sum()),
    )
