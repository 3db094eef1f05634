"""Training batches of sequences: of like length, gathered when they are needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tidegate.prepare.augment import SequenceAugment, vary
from tidegate.prepare.sequence.prepared import Spans, gather
from tidegate.tasks.fit import Validation
from tidegate.train.forcing import Forcing
from tidegate.train.label_losses import TEACHER, heard, softened

BATCHES_SORTED = 24  # that many batches are drawn together and sorted by length, so that little is padded
VALIDATION_STEPS = 32_768

Loss = Callable[[Tensor, Tensor, Tensor | None], Tensor]


@dataclass(frozen=True)
class Examples:
    """Stretches of prepared sequences and what is to be predicted for them.

    Attributes:
        values: [N, I] float32 or uint8, or [N] tokens. spans: M stretches.
        targets: [M, ...] of the stretches, or [N, ...] of the steps where `per_step`.
    """

    values: NDArray[Any]
    spans: Spans
    targets: NDArray[Any]
    per_step: bool

    def __len__(self) -> int:
        return len(self.spans)

    @property
    def answers(self) -> NDArray[Any]:
        """Targets of the examples, [M, ...], or of their steps one after another."""
        if not self.per_step:
            return self.targets
        pairs = zip(self.spans.first, self.spans.lengths, strict=True)
        return np.concatenate([self.targets[first : first + count] for first, count in pairs])

    def thinned(self, count: int) -> Examples:
        """So many of them, evenly spread."""
        places = np.linspace(0, len(self) - 1, count).astype(np.int64)
        targets = self.targets if self.per_step else self.targets[places]
        return Examples(self.values, self.spans.take(places), targets, self.per_step)

    def batch(self, index: NDArray[np.integer]) -> tuple[NDArray[Any], NDArray[np.int64], NDArray[Any]]:
        """Inputs, lengths and targets of the examples at these places."""
        past, lengths = gather(self.values, self.spans, index)
        if not self.per_step:
            return past, lengths, self.targets[index]
        rows = self.spans.first[index][:, None] + np.arange(past.shape[1])
        return past, lengths, self.targets[np.minimum(rows, len(self.targets) - 1)]


class SpanBatches:
    """Shuffled batches; order and augmentation are pure functions of seed, epoch and step.

    Args:
        examples: of the training part. batch_size: B at most; the batches of an epoch are of like size, for one of two
            sequences would move weights and the statistics of batch normalisation as far as a full one.
        seed: of order and chance. augment: how the inputs vary. forcing: which rows of a decoder are shown the truth
            before them, None for none; steps: K of it.
    """

    def __init__(
        self,
        examples: Examples,
        batch_size: int,
        seed: int,
        augment: SequenceAugment,
        forcing: Callable[[int], Forcing] | None = None,
        steps: int = 0,
    ) -> None:
        self.examples, self.batch_size, self.seed, self.augment = examples, batch_size, seed, augment
        self.forcing, self.steps = None if forcing is None else forcing(len(self)), steps

    def __len__(self) -> int:
        return (len(self.examples) + self.batch_size - 1) // self.batch_size

    def epoch(self, epoch: int, start: int) -> Iterator[tuple[Tensor, ...]]:
        """Batches of an epoch from step `start` on: inputs, lengths, targets, and [B, K] where the truth is shown."""
        batches = self._order(epoch)
        for step in range(start, len(batches)):
            past, lengths, target = self.examples.batch(batches[step])
            if self.augment.active and past.ndim == 3:
                generator = np.random.default_rng([self.seed, epoch, step])
                past = vary(past, lengths, self.augment, generator)
            if self.forcing is None:
                yield tensors(past, lengths, target)
                continue
            forced = self.forcing.draw((epoch - 1) * len(self) + step, (len(target), self.steps), self.seed)
            yield tensors(past, lengths, target, forced)

    def _order(self, epoch: int) -> list[NDArray[np.int64]]:
        """Places of the examples of each batch."""
        generator = np.random.default_rng([self.seed, epoch])
        order = generator.permutation(len(self.examples))
        lengths, size = self.examples.spans.lengths, self.batch_size
        if lengths.min() != lengths.max():
            block = size * BATCHES_SORTED
            parts = [order[low : low + block] for low in range(0, len(order), block)]
            order = np.concatenate([part[np.argsort(lengths[part], kind="stable")] for part in parts])
        batches = np.array_split(order, len(self))
        return [batches[place] for place in generator.permutation(len(batches))]


def tensors(*parts: NDArray[Any]) -> tuple[Tensor, ...]:
    """A batch as torch takes it."""
    return tuple(torch.from_numpy(np.ascontiguousarray(part)) for part in parts)


class LabelLoss:
    """Loss of a batch of sequences, or of their steps."""

    def __init__(self, loss: Loss, *, per_step: bool) -> None:
        self.loss, self.per_step, self.teacher = loss, per_step, TEACHER.get()

    def __call__(self, network: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
        past, lengths, target, *forced = batch
        steps = past.shape[1]
        ragged = lengths if bool((lengths < steps).any()) else None
        shown = {"truth": target, "forced": forced[0]} if forced else {}
        values = network(past, lengths=ragged, **shown).values
        valid = None
        if self.per_step and ragged is not None:
            valid = torch.arange(steps) < lengths.unsqueeze(1)
        own = values[:, :, 0] if self.per_step else values[:, 0, 0]
        hard = self.loss(own, target, valid)
        if self.teacher is None or not network.training:
            return hard
        said = heard(self.teacher[0], past, ragged)
        said = said[:, :, 0] if self.per_step else said[:, 0, 0]
        if valid is not None:
            own, said = own[valid], said[valid]
        count = own.shape[-1]
        return softened(hard, own.reshape(-1, count), said.reshape(-1, count), self.teacher[1])


def validation_of(examples: Examples, loss: LabelLoss) -> Validation:
    """Mean loss over held-out examples, weighted by sequences, or by their steps; those of like length together."""
    lengths = examples.spans.lengths
    order = np.argsort(lengths, kind="stable")
    chunks, low = [], 0
    while low < len(order):
        most = max(1, VALIDATION_STEPS // max(1, int(lengths[order[low : low + 256]].max())))
        chunks.append(order[low : low + min(most, 256)])
        low += len(chunks[-1])
    return Validation(
        loss,
        chunks,
        lambda places: tensors(*examples.batch(places)),
        lambda batch: int(batch[1].sum()) if examples.per_step else len(batch[1]),
    )
