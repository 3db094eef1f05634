"""Pieces of music: read whole, moved to other keys in training, and scored frame by frame.

joint           -log p(notes of a frame | frames before) = sum_k -log p(note_k | notes above it, frames before)
independent     sum_i cross-entropy of sigmoid(score_i) and whether pitch i sounds, each on its own
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from tidegate.prepare.notes import FIRST, PITCHES, STEP, chords_of
from tidegate.prepare.vocabulary import END, PADDING, Vocabulary
from tidegate.tasks.fit import Validation
from tidegate.tasks.language.options import LanguageChoices
from tidegate.train.loop import Batch
from tidegate.train.options import TrainOptions

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]
LONGEST = 1024  # tokens or frames of a piece that gradients flow through; a longer one is cut for training
AT_ONCE = 32


def numbers_of(vocabulary: Vocabulary, texts: Sequence[str]) -> list[Ints]:
    """Tokens of pieces, the last frame closed."""
    found = []
    for text in texts:
        numbers = vocabulary.encode(text)
        found.append(numbers if len(numbers) and numbers[-1] == STEP else np.append(numbers, np.int32(STEP)))
    return found


class Pieces:
    """Whole pieces in batches of about one length; in every epoch each is moved by a number of semitones.

    Args:
        pieces: tokens of each. options: batch_size, and seed. choices: whether notes are joint, and how far keys move.
    """

    def __init__(self, pieces: Sequence[Ints], options: TrainOptions, choices: LanguageChoices) -> None:
        self.pieces = [part for piece in pieces for part in _cut(piece)]
        self.batch, self.seed, self.joint = options.batch_size, options.seed, choices.joint
        transpose = choices.preparation.transpose
        self.lengths = np.array([len(piece) for piece in self.pieces])
        self.shifts = []
        for piece in self.pieces:
            pitches = piece[piece >= FIRST] - FIRST
            low, high = (pitches.min(), pitches.max()) if len(pitches) else (0, PITCHES - 1)
            self.shifts.append((-min(transpose, int(low)), min(transpose, PITCHES - 1 - int(high))))

    def __len__(self) -> int:
        return (len(self.pieces) + self.batch - 1) // self.batch

    def epoch(self, epoch: int, start: int) -> Iterator[Batch]:
        """What is read and what follows, [B, T] each, or frames [B, T, 128]; frames also [B, T] which are real."""
        rng = np.random.default_rng([self.seed, epoch])
        order = np.argsort(self.lengths * rng.uniform(0.8, 1.25, len(self.pieces)), kind="stable")
        moves = [int(rng.integers(low, high + 1)) for low, high in self.shifts]
        batches = [order[first : first + self.batch] for first in range(0, len(order), self.batch)]
        for place in rng.permutation(len(batches)).tolist()[start:]:
            yield batch_of([_moved(self.pieces[own], moves[own]) for own in batches[place]], joint=self.joint)


def _cut(piece: Ints) -> list[Ints]:
    """A piece in parts of at most `LONGEST` tokens, each ending with a frame."""
    ends = np.flatnonzero(piece == STEP) + 1
    found, first = [], 0
    while first < len(piece):
        inside = ends[(ends > first) & (ends <= first + LONGEST)]
        last = int(inside[-1]) if len(inside) else min(first + LONGEST, len(piece))
        found.append(piece[first:last])
        first = last
    return found


def _moved(piece: Ints, by: int) -> Ints:
    return np.where(piece >= FIRST, piece + by, piece).astype(np.int32)


def batch_of(pieces: Sequence[Ints], *, joint: bool) -> Batch:
    """Pieces as rows, padded: see `Pieces.epoch`."""
    if joint:
        rows = np.full((len(pieces), max(map(len, pieces)) + 2), PADDING, np.int64)
        rows[:, 0] = END
        for row, piece in zip(rows, pieces, strict=True):
            row[1 : len(piece) + 1], row[len(piece) + 1] = piece, END
        whole = torch.from_numpy(rows)
        return whole[:, :-1].contiguous(), whole[:, 1:].contiguous()
    rolls = [roll_of_tokens(piece) for piece in pieces]
    ahead = np.zeros((len(rolls), max(map(len, rolls)), PITCHES), np.float32)
    real = np.zeros(ahead.shape[:2], np.float32)
    for place, roll in enumerate(rolls):
        ahead[place, : len(roll)], real[place, : len(roll)] = roll, 1
    read = np.concatenate([np.zeros_like(ahead[:, :1]), ahead[:, :-1]], axis=1)
    return torch.from_numpy(read), torch.from_numpy(ahead), torch.from_numpy(real)


def roll_of_tokens(piece: Ints) -> NDArray[np.float32]:
    """[T, 128] of a piece's tokens."""
    frame = np.cumsum(piece == STEP) - (piece == STEP)
    found = np.zeros((int((piece == STEP).sum()), PITCHES), np.float32)
    notes = piece >= FIRST
    found[frame[notes], piece[notes] - FIRST] = 1
    return found


class PieceLoss:
    """Mean -log p of a token (joint), or of a frame (independent)."""

    def __call__(self, network: nn.Module, batch: Batch) -> Tensor:
        values = network(batch[0]).values[:, :, 0]
        if len(batch) == 2:
            return functional.cross_entropy(values.flatten(0, 1), batch[1].flatten(), ignore_index=PADDING)
        each = functional.binary_cross_entropy_with_logits(values, batch[1], reduction="none").sum(dim=2)
        return (each * batch[2]).sum() / batch[2].sum()


class PieceValidation(Validation):
    """Mean -log p of a frame of held-out pieces, but for the first of each."""

    def __init__(self, pieces: Sequence[Ints], *, joint: bool) -> None:
        self.pieces, self.joint, self.independent = pieces, joint, None

    def __call__(self, network: nn.Module) -> float:
        return float(np.concatenate(frame_nats(network, self.pieces, joint=self.joint)).mean())


def frame_nats(network: nn.Module, pieces: Sequence[Ints], *, joint: bool) -> list[Floats]:
    """-log p of each frame of each piece but its first, after those before it; every piece begins from nothing.

    Source: Boulanger-Lewandowski, Bengio and Vincent (2012), arXiv:1206.6392, for the protocol.
    """
    found: list[Floats] = []
    for first in range(0, len(pieces), AT_ONCE):
        own = pieces[first : first + AT_ONCE]
        batch = batch_of(own, joint=joint)
        with torch.no_grad():
            values: Any = network(batch[0]).values[:, :, 0]
            if joint:
                each = functional.cross_entropy(values.transpose(1, 2), batch[1], reduction="none")
            else:
                each = functional.binary_cross_entropy_with_logits(values, batch[1], reduction="none").sum(dim=2)
        for row, piece in zip(each.double().numpy(), own, strict=True):
            nats = by_frame(row[: len(piece)], piece) if joint else row[: int((piece == STEP).sum())]
            found.append(nats[1:])
    return found


def by_frame(nats: Floats, piece: Ints) -> Floats:
    """Sums over the tokens of each frame, its bar among them."""
    ends = np.flatnonzero(piece == STEP) + 1
    return np.add.reduceat(nats, np.concatenate([[0], ends[:-1]])) if len(ends) else np.empty(0)


def bernoulli_nats(training: Sequence[Ints], pieces: Sequence[Ints]) -> Floats:
    """-log p of each frame but the first of each piece where every pitch has its share of the training frames."""
    roll = np.concatenate([roll_of_tokens(piece) for piece in training]).astype(np.float64)
    share = (roll.sum(axis=0) + 0.5) / (len(roll) + 1)
    own = np.concatenate([roll_of_tokens(piece)[1:] for piece in pieces])
    return np.asarray(-(own * np.log(share) + (1 - own) * np.log1p(-share)).sum(axis=1))


def bounds(texts: Sequence[str]) -> dict[str, int]:
    """Lowest and highest note of pieces, and the most at once."""
    chords = [chord for text in texts for chord in chords_of(text) if chord]
    if not chords:
        return {"low": 0, "high": PITCHES - 1, "most": 1}
    return {
        "low": min(chord[-1] for chord in chords),
        "high": max(chord[0] for chord in chords),
        "most": max(map(len, chords)),
    }
