"""Prepared sequences: numbers, tokens or frames, and batches of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import DataError
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.prepare.sequence.spans import gather, whole


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
