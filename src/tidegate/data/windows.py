"""Which windows lie in which part, and batches of them; nothing here ever copies a window's values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError
from tidegate.core.table import Table
from tidegate.core.translate import tr
from tidegate.data.split import Split, check_sizes


@dataclass(frozen=True)
class Windows:
    """All windows of one part, kept as one span of origins per series: G numbers, not one per window.

    Attributes:
        first: [G] first origin of each series.
        ends: [G] running count of windows up to and with each series.
        stride: rows between neighbouring origins.
    """

    first: NDArray[np.int64]
    ends: NDArray[np.int64]
    stride: int = 1

    def __len__(self) -> int:
        return int(self.ends[-1]) if len(self.ends) else 0

    def origins(self, ranks: NDArray[np.integer]) -> NDArray[np.int64]:
        """Origins of the windows with these ranks (0 to len - 1), int64, same shape."""
        ranks = ranks.astype(np.int64)
        if len(self.first) == 1:
            return np.asarray(self.first[0] + ranks * self.stride)
        series = np.searchsorted(self.ends, ranks, side="right")
        before = np.concatenate([np.zeros(1, dtype=np.int64), self.ends[:-1]])
        return np.asarray(self.first[series] + (ranks - before[series]) * self.stride)

    def all(self) -> NDArray[np.int64]:
        """Every origin, ascending, [M]."""
        counts = np.diff(self.ends, prepend=0)
        held = counts > 0
        first, counts = self.first[held], counts[held]
        steps = np.full(len(self), self.stride, dtype=np.int64)
        if not len(steps):
            return steps
        last = first + (counts - 1) * self.stride
        steps[0] = first[0]
        steps[np.cumsum(counts)[:-1]] = first[1:] - last[:-1]
        return np.cumsum(steps, out=steps)


def windows(table: Table, split: Split, part: str, *, window: int, horizon: int, stride: int = 1) -> Windows:
    """The windows of a part.

    An origin o is the row of the first forecast step: inputs are rows [o - window, o), targets [o, o + horizon).
    All targets lie in the part; training inputs too; the inputs of other parts may reach back within their series.

    Args:
        table: the data.
        split: its parts.
        part: "train", "validation" or "test".
        window, horizon: T and K, rows.
        stride: rows between origins.

    Raises:
        ConfigError: a size below 1, or the split lacks the part.
    """
    check_sizes(window, horizon)
    if stride < 1:
        raise ConfigError(tr("stride={stride} must be at least 1", stride=stride))
    if part not in split.parts:
        raise ConfigError(tr("the split has no part {part!r}; it has {names}", part=part, names=", ".join(split.parts)))
    begin, end = split.parts[part][:, 0], split.parts[part][:, 1]
    base = begin if part == "train" else table.starts[:-1]
    first = np.maximum(begin, base + window).astype(np.int64)
    room = end - horizon - first
    counts = np.where((room >= 0) & (end > begin), room // stride + 1, 0)
    return Windows(first, np.cumsum(counts).astype(np.int64), stride)


def origins(table: Table, split: Split, part: str, *, window: int, horizon: int, stride: int = 1) -> NDArray[np.int64]:
    """Every origin of a part, int64 [M], ascending; see `windows`."""
    return windows(table, split, part, window=window, horizon=horizon, stride=stride).all()


class Batches:
    """Batches of origins, shuffled or in order; the order depends on the seed and the epoch alone.

    Memory is one 4-byte number per window while an epoch is shuffled, nothing per window otherwise.

    Args:
        windows: `Windows`, or any origins [M].
        batch_size: B, origins per batch.
        seed: of the shuffle.
        shuffle: False keeps the order.
        drop_last: leave out a last batch that is not full (unless it is the only one).
    """

    def __init__(
        self,
        windows: Windows | NDArray[np.int64],
        batch_size: int,
        *,
        seed: int = 0,
        shuffle: bool = True,
        drop_last: bool = False,
    ) -> None:
        if batch_size < 1:
            raise ConfigError(tr("batch_size={batch_size} must be at least 1", batch_size=batch_size))
        self.windows = windows
        self.batch_size = batch_size
        self.seed = seed
        self.shuffle = shuffle
        self.drop_last = drop_last

    def __len__(self) -> int:
        count = len(self.windows)
        full = count // self.batch_size
        return full if self.drop_last and full else -(-count // self.batch_size)

    def epoch(self, number: int, *, skip: int = 0) -> Iterator[NDArray[np.int64]]:
        """The batches of an epoch, int64 [B] each.

        Args:
            number: the epoch, from 0.
            skip: batches to leave out at its begin; the rest are those that a whole pass yields there.
        """
        count = len(self.windows)
        order = self._order(number) if self.shuffle else None
        for batch in range(skip, len(self)):
            low, high = batch * self.batch_size, min((batch + 1) * self.batch_size, count)
            ranks = np.arange(low, high) if order is None else order[low:high]
            yield self.windows.origins(ranks) if isinstance(self.windows, Windows) else self.windows[ranks]

    def __iter__(self) -> Iterator[NDArray[np.int64]]:
        return self.epoch(0)

    def _order(self, number: int) -> NDArray[np.integer]:
        count = len(self.windows)
        kind = np.int32 if count <= np.iinfo(np.int32).max else np.int64
        order: NDArray[np.integer] = np.arange(count, dtype=kind)
        np.random.default_rng([self.seed, number]).shuffle(order)
        return order
