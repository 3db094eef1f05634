"""The training of models that write texts: batches of a budget, the loss of the tokens to write, what is left of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from tidegate.artifacts.spec import NetworkSpec
from tidegate.core.errors import DataError
from tidegate.core.sequences import Sequences
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.data.partition import Partition
from tidegate.prepare.sides import Side
from tidegate.prepare.vocabulary import PADDING, UNKNOWN
from tidegate.tasks.fit import Fitted, Problem, Trainer, Validation
from tidegate.tasks.write.divide import Budget
from tidegate.tasks.write.options import WritingChoices, epochs_for
from tidegate.train.forcing import Forcing
from tidegate.train.loop import Batch
from tidegate.train.options import TrainOptions
from tidegate.train.progress import Progress

Ints = NDArray[np.int64]
FEWEST = 8  # examples to train on
VARIED = 0xA6  # keeps what varies inputs apart from the order and from dropout


class Examples(Protocol):
    """Inputs with the texts to write for them, as numbers. M examples."""

    def __len__(self) -> int: ...

    @property
    def targets(self) -> tuple[Ints, ...]:
        """Of each its tokens, then the end."""

    @property
    def costs(self) -> Ints:
        """[M, n] what each takes of a batch's budget."""

    def take(self, places: Sequence[int]) -> Any:
        """Some of them."""

    def gather(self, places: Ints, draw: np.random.Generator | None = None) -> Batch:
        """What is read [B, S] or [B, T, I], its lengths [B], tokens read [B, K] and to write [B, K], copies [B, S].

        With `draw` inputs vary, as in training.
        """


@dataclass(frozen=True)
class WriteFitted(Fitted):
    """A trained model that writes, and everything it was trained with.

    Attributes:
        sequences, parts: what it was fitted on. source: how inputs are read, as `WritingModel` has it.
        target: tokens of what it writes. examples: part -> its numbers.
        longest: most tokens that a text may have which is written.
    """

    sequences: Sequences
    parts: Partition
    source: Any
    target: Side
    examples: Mapping[str, Any]
    longest: int


def padded(rows: Sequence[Ints], value: int) -> Tensor:
    """Rows of many lengths as one array, filled up."""
    found = np.full((len(rows), max(map(len, rows))), value, np.int64)
    for place, row in enumerate(rows):
        found[place, : len(row)] = row
    return torch.from_numpy(found)


def longest_of(examples: Examples) -> int:
    """Most tokens that a text may have which is written: half as many again as any of the training."""
    return int(1.5 * max(map(len, examples.targets))) + 5


class WritingBatches:
    """Training batches of a budget."""

    def __init__(self, examples: Examples, budget: int, options: TrainOptions) -> None:
        self.examples, self.budget, self.seed = examples, Budget(examples.costs, budget, options.seed), options.seed

    def __len__(self) -> int:
        return len(self.budget)

    def epoch(self, epoch: int, start: int) -> Iterator[Batch]:
        """As of `tidegate.train.loop.Batches`."""
        for step, places in enumerate(self.budget.epoch(epoch, start), start):
            yield self.examples.gather(places, np.random.default_rng([self.seed, epoch, step, VARIED]))


class WritingLoss:
    """Mean -log p of the tokens to write; in training smoothed, and perhaps after the model's own tokens.

    Args:
        outputs: V. smoothing: e; (1 - e) log p of the token + e mean log p of all. forcing: None always shows the
            truth. seed: of what is forced.
    """

    def __init__(self, outputs: int, smoothing: float, forcing: Forcing | None, seed: int) -> None:
        self.outputs, self.smoothing, self.forcing, self.seed = outputs, smoothing, forcing, seed
        self.step = 0

    def __call__(self, network: nn.Module, batch: Batch, forced: Tensor | None = None) -> Tensor:
        source, lengths, before, after, copies = batch
        if network.training and self.forcing is not None:
            forced = torch.from_numpy(self.forcing.draw(self.step, tuple(before.shape), self.seed))
            self.step += 1
        read = before.masked_fill(before >= self.outputs, UNKNOWN)
        output = network(source, None, None, read, forced, lengths)
        smoothing = self.smoothing if network.training else 0.0
        scores = output.values.flatten(0, 2)
        if output.gate is None:
            return functional.cross_entropy(scores, after.flatten(), ignore_index=PADDING, label_smoothing=smoothing)
        return self._copied(scores, output, after, copies, smoothing)

    def _copied(self, scores: Tensor, output: Any, after: Tensor, copies: Tensor, smoothing: float) -> Tensor:
        """Of the mixture of what is written and what is taken from the source."""
        kept = (after != PADDING).flatten()
        logs = torch.log_softmax(scores, dim=1)
        own = after.masked_fill(after >= self.outputs, PADDING).flatten()
        written = logs.gather(1, own.unsqueeze(1)).squeeze(1) + functional.logsigmoid(output.gate.flatten())
        written = written.masked_fill((after >= self.outputs).flatten(), -torch.inf)
        same = copies.unsqueeze(1) == after.unsqueeze(2)  # [B, K, S]
        share = (output.decoder_attention * same).sum(dim=2).flatten().clamp_min(1e-30)
        found = torch.logaddexp(written, share.log() + functional.logsigmoid(-output.gate.flatten()))
        loss = -found[kept].mean()
        return loss if not smoothing else (1 - smoothing) * loss - smoothing * logs.mean(dim=1)[kept].mean()

    def carried(self) -> dict[str, Tensor]:
        """The step, for a checkpoint."""
        return {"step": torch.tensor(self.step)}

    def carry(self, tensors: dict[str, Tensor]) -> None:
        """Go on from the step of a checkpoint."""
        self.step = int(tensors["step"])


class Prepared(NamedTuple):
    """What a task makes of its parts before a network that writes is trained.

    Attributes:
        spec: of the network. source, target, examples: as of `WriteFitted`.
        notes: of the preparation; the last one is told the passes.
        batch: budget of one, in the unit of `costs`. work, fingerprint: as of `Trainer`; options and training part are
            in the fingerprint anyway.
    """

    spec: NetworkSpec
    source: Any
    target: Side
    examples: Mapping[str, Any]
    notes: Sequence[Note]
    batch: int
    work: int
    fingerprint: Sequence[Any]


def require_examples(count: int, held: int, message: str, **values: Any) -> None:
    """Refuse too few examples of a part to train on, or none to choose the epoch by.

    Raises:
        DataError: `message`, whose fields are count, held, least and `values`.
    """
    if count < FEWEST or not held:
        raise DataError(tr(message, count=count, held=held, least=FEWEST, **values))


def train_writing(
    prepared: Prepared, sequences: Sequences, parts: Partition, choices: WritingChoices, progress: Progress
) -> WriteFitted:
    """Train a network that writes.

    Args:
        prepared: by the task. sequences, parts: what it was prepared from. choices: options. progress: as of `Trainer`.
    """
    spec, source, target, examples, notes, batch, work, own = prepared
    train, held, training = examples["train"], examples["validation"], choices.training
    steps = len(Budget(train.costs, batch, 0))
    epochs = choices.max_epochs or epochs_for(steps)
    fingerprint = [str(choices), parts.train.tolist(), *own]
    forcing = None
    if training.teacher_forcing < 1 or training.forcing_schedule != "constant":
        forcing = Forcing(training.teacher_forcing, training.forcing_schedule, steps * epochs)
    loss = WritingLoss(spec.outputs, training.label_smoothing, forcing, training.seed)
    chunks = Budget(held.costs, 2 * batch, 0).ordered()
    validation = Validation(loss, chunks, held.gather, lambda own: int((own[3] != PADDING).sum()))
    trainer = Trainer(replace(training, max_epochs=epochs), work=work, fingerprint=fingerprint, progress=progress)
    problem = Problem(spec, lambda own: WritingBatches(train, batch, own), loss, validation)
    trained = trainer.train(problem)
    told = [*notes[:-1], replace(notes[-1], values={**notes[-1].values, "epochs": epochs})]
    found, longest = (*sequences.notes, *parts.notes, *told), longest_of(train)
    return WriteFitted(trained.network, trained.histories, found, sequences, parts, source, target, examples, longest)
