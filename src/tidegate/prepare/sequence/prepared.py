"""Prepared sequences: numbers, tokens or frames; stretches and batches of them, whole or by windows that slide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import DataError
from tidegate.core.table import Note
from tidegate.core.translate import tr


@dataclass(frozen=True)
class Spans:
    """M stretches of rows, each inside one sequence.

    Attributes:
        first: [M] first row. lengths: [M] rows. sequence: [M] place of the sequence.
    """

    first: NDArray[np.int64]
    lengths: NDArray[np.int64]
    sequence: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.first)

    @property
    def last(self) -> NDArray[np.int64]:
        """[M] the last row of each."""
        return self.first + self.lengths - 1

    def take(self, index: NDArray[np.integer]) -> Spans:
        """Those at these places."""
        return Spans(self.first[index], self.lengths[index], self.sequence[index])


def whole(starts: NDArray[np.int64], index: NDArray[np.int64]) -> Spans:
    """Whole sequences, at the places `index` of all that begin at `starts` [M + 1]."""
    return Spans(starts[index], np.diff(starts)[index], index)


def endings(starts: NDArray[np.int64], index: NDArray[np.int64], window: int) -> Spans:
    """The last `window` rows of each sequence, all of a shorter one."""
    lengths = np.minimum(np.diff(starts)[index], window)
    return Spans(starts[index + 1] - lengths, lengths, index)


def sliding(starts: NDArray[np.int64], index: NDArray[np.int64], window: int, stride: int = 1) -> Spans:
    """Windows that end at every `stride`-th row of each sequence, counted back from its end.

    Windows that would begin before their sequence are left out, but for the one of a sequence shorter than `window`.
    """
    lengths = np.diff(starts)[index]
    counts = np.maximum((lengths - window) // stride + 1, 1)
    sequence = np.repeat(index, counts)
    back = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    end = starts[sequence + 1] - back * stride
    first = np.maximum(end - window, starts[sequence])
    return Spans(first, end - first, sequence)


def gather(
    values: NDArray[np.generic], spans: Spans, index: NDArray[np.integer]
) -> tuple[NDArray[np.generic], NDArray[np.int64]]:
    """A batch, padded with zeros at the end to its longest member.

    Args:
        values: [N, I] float32, or uint8 (given as shares of 255), or [N] tokens. spans: rows of it. index: [B] of them.

    Returns:
        [B, T, I] float32, or [B, T] int64, and the lengths [B].
    """
    first, lengths = spans.first[index], spans.lengths[index]
    steps = np.arange(int(lengths.max(initial=1)))
    rows = np.minimum(first[:, None] + steps, first[:, None] + np.maximum(lengths, 1)[:, None] - 1)
    batch = values[np.minimum(rows, len(values) - 1)]
    beyond = steps >= lengths[:, None]
    if values.ndim == 1:
        batch = batch.astype(np.int64)
    elif values.dtype == np.uint8:
        batch = batch.astype(np.float32) / np.float32(255)
    if beyond.any():
        batch[beyond] = 0
    return batch, lengths


@dataclass(frozen=True)
class PreparedSequences:
    """What a network reads. M sequences, N steps that were kept, I inputs.

    Attributes:
        starts: [M + 1] first step of each sequence, then N.
        values: float32 [N, I]; int32 [N] token ids; or uint8 [N, I] frames, which become 0 to 1 in a batch.
        steps: [N] which step of the sequences that were given each one is; None where all were kept.
        notes: what was cut, filled and unknown.
    """

    starts: NDArray[np.int64]
    values: NDArray[Any]
    steps: NDArray[np.int64] | None = None
    notes: tuple[Note, ...] = ()

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """[M] steps of each sequence."""
        return np.diff(self.starts)

    def kept(self, values: NDArray[Any]) -> NDArray[Any]:
        """Of values at the steps that were given (labels of steps, say), those at the steps that were kept."""
        return values if self.steps is None else values[self.steps]

    def gather(self, index: NDArray[np.integer]) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """A batch, padded at the end with zeros (token 0) to its longest sequence.

        Args:
            index: [B] which sequences.

        Returns:
            past: float32 [B, T, I], or int64 [B, T] token ids.
            lengths: int64 [B].

        Raises:
            DataError: the batch is empty.
        """
        places = np.asarray(index, dtype=np.int64)
        if not len(places):
            raise DataError(tr("a batch needs at least one sequence; give the places of one or more"))
        return gather(self.values, whole(self.starts, places), np.arange(len(places)))
