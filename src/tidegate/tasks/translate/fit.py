"""From pairs of texts to a trained translator."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from tidegate.core.errors import DataError
from tidegate.core.sequences import Sequences
from tidegate.core.table import Note
from tidegate.data.partition import Partition
from tidegate.evaluate.text.baselines import taken
from tidegate.prepare.sides import Side
from tidegate.prepare.vocabulary import END, PADDING, UNKNOWN
from tidegate.runtime.text.beam import Beam
from tidegate.tasks.fit import Fitted, Problem, Trainer, Validation
from tidegate.tasks.translate.options import (
    TranslateChoices,
    WritingTraining,
    batch_for,
    build_spec,
    cut_by,
    epochs_for,
)
from tidegate.tasks.write.divide import Budget
from tidegate.tasks.write.evaluate import references_of
from tidegate.train.forcing import Forcing
from tidegate.train.loop import Batch
from tidegate.train.options import TrainOptions

Ints = NDArray[np.int64]
FEWEST = 8  # pairs to train on


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

    def gather(self, places: Ints) -> Batch:
        """Sources [B, S], their lengths [B], what is read [B, K], what is to be written [B, K], copies [B, S]."""
        sources, targets = ([own[place] for place in places] for own in (self.sources, self.targets))
        lengths = torch.tensor([len(own) for own in sources])
        after = padded(targets, PADDING)
        before = functional.pad(after[:, :-1], (1, 0), value=END)
        copies = padded([self.copies[place] for place in places], -1) if self.copies else torch.empty(len(places), 0)
        return padded(sources, PADDING), lengths, before, after, copies.long()


def padded(rows: Sequence[Ints], value: int) -> Tensor:
    """Rows of many lengths as one array, filled up."""
    found = np.full((len(rows), max(map(len, rows))), value, np.int64)
    for place, row in enumerate(rows):
        found[place, : len(row)] = row
    return torch.from_numpy(found)


@dataclass(frozen=True)
class TranslateFitted(Fitted):
    """A trained translator and everything it was trained with.

    Attributes:
        sequences, parts: what it was fitted on. source, target: tokens of both sides. pairs: part -> its numbers.
        longest: most tokens that a text may have which is written.
    """

    sequences: Sequences
    parts: Partition
    source: Side
    target: Side
    pairs: dict[str, Pairs]
    longest: int

    @property
    def search(self) -> Beam:
        """How texts are searched for where nothing else is said."""
        return Beam()


class PairBatches:
    """Training batches of a token budget."""

    def __init__(self, pairs: Pairs, tokens: int, options: TrainOptions) -> None:
        self.pairs, self.budget = pairs, Budget(pairs.lengths, tokens, options.seed)

    def __len__(self) -> int:
        return len(self.budget)

    def epoch(self, epoch: int, start: int) -> Iterator[Batch]:
        """As of `tidegate.train.loop.Batches`."""
        for places in self.budget.epoch(epoch, start):
            yield self.pairs.gather(places)


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


def fit_translator(sequences: Sequences, parts: Partition, choices: TranslateChoices, **how: Any) -> TranslateFitted:
    """Choose both vocabularies and train.

    Args:
        sequences: pairs. parts: of them. choices: options. how: `checkpoints`, `resume`, `progress` of `Trainer`.

    Raises:
        DataError: too few pairs.
    """
    train = sequences.take(parts.train)
    if len(train) < FEWEST or not len(parts.validation):
        raise DataError(
            f"there are {len(train)} pairs to train on and {len(parts.validation)} to choose the epoch by: at least "
            f"{FEWEST} and 1 are needed, and thousands to learn a language from"
        )
    sources, targets = list(map(str, train.texts.tolist())), references_of(train)  # type: ignore[union-attr]
    source, target, notes = make_sides(sources, targets, choices)
    copying = choices.network.copying
    if copying is None:
        copying = choices.network.attention is not None and taken(sources, targets)
    pairs, left = number_pairs(train, source, target, copying=copying, longest=choices.preparation.longest)
    if left:
        message = "{count} training pairs of more than {longest} tokens were left out (preparation.longest)."
        notes.append(Note("long_pairs", message, {"count": left, "longest": choices.preparation.longest}))
    if len(pairs) < FEWEST:
        raise DataError(f"only {len(pairs)} training pairs have at most {choices.preparation.longest} tokens: raise "
                        "preparation.longest")  # fmt: skip
    held, _ = number_pairs(sequences.take(parts.validation), source, target, copying=copying)
    test, _ = number_pairs(sequences.take(parts.test), source, target, copying=copying)
    trained, more = _train(pairs, held, choices, source, target, copying, parts, how)
    longest = int(1.5 * pairs.lengths[:, 1].max()) + 5
    return TranslateFitted(
        trained.network,
        trained.histories,
        (*sequences.notes, *parts.notes, *notes, *more),
        sequences=sequences,
        parts=parts,
        source=source,
        target=target,
        pairs={"train": pairs, "validation": held, "test": test},
        longest=longest,
    )


def _train(
    pairs: Pairs, held: Pairs, choices: TranslateChoices, source: Side, target: Side, copying: bool, parts: Partition,
    how: dict[str, Any],
) -> tuple[Any, list[Note]]:  # fmt: skip
    spec = build_spec(choices, len(source), len(target), shared=source is target, copying=copying)
    training: WritingTraining = choices.training
    tokens = batch_for(training, int(pairs.lengths.max(axis=1).sum()))
    steps = len(Budget(pairs.lengths, tokens, 0))
    epochs = choices.max_epochs or epochs_for(steps)
    options = replace(training, max_epochs=epochs)
    forcing = None
    if training.teacher_forcing < 1 or training.forcing_schedule != "constant":
        forcing = Forcing(training.teacher_forcing, training.forcing_schedule, steps * epochs)
    loss = WritingLoss(len(target), training.label_smoothing, forcing, training.seed)
    chunks = Budget(held.lengths, 2 * tokens, 0).ordered()
    validation = Validation(loss, chunks, held.gather, lambda batch: int((batch[3] != PADDING).sum()))
    units = choices.recurrent.hidden_size
    trainer = Trainer(
        options,
        work=tokens * 4 * units * units // 8,
        fingerprint=[str(choices), parts.train.tolist(), len(source), len(target)],
        **how,
    )
    problem = Problem(spec, lambda own: PairBatches(pairs, tokens, own), loss, validation)
    counts = {"pairs": f"{len(pairs):,}", "tokens": f"{int(pairs.lengths.sum()):,}", "epochs": epochs}
    message = "{pairs} pairs of {tokens} tokens on both sides are trained on, at most {epochs} times."
    return trainer.train(problem), [Note("pairs", message, counts)]
