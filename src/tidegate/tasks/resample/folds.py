"""Folds of a backtest: where training ends and what is tested after it, and the rows that each fold may see."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tidegate.core.checks import Count, check, whole
from tidegate.core.errors import ConfigError, SplitError
from tidegate.core.table import Table
from tidegate.core.translate import tr
from tidegate.data.split import Split


@dataclass(frozen=True)
class Fold:
    """Places on the clock that all series share: half-open ranges, in steps.

    Attributes:
        index: from 0, oldest first.
        train: what may be learned from. test: what is forecast; it begins `gap` steps after training ends.
    """

    index: int
    train: tuple[int, int]
    test: tuple[int, int]


def make_folds(
    length: int,
    folds: int = 5,
    *,
    test_size: int | None = None,
    step: int | None = None,
    gap: int = 0,
    max_train_size: int | None = None,
) -> tuple[Fold, ...]:
    """Folds that end with the data, oldest first.

    With `step` equal to `test_size` they are those of scikit-learn's TimeSeriesSplit.

    Args:
        length: N, steps on the clock.
        folds: how many.
        test_size: steps that each fold tests; None takes N // (folds + 1).
        step: steps between the beginnings of two test parts; None takes `test_size`, so that every step is tested once.
        gap: steps left out between the end of training and the test.
        max_train_size: steps of the training part, which then slides; None lets it expand from the first step.

    Raises:
        ConfigError: an argument that cannot work.
        SplitError: nothing is left to train the first fold on.
    """
    given = {"folds": folds, "test_size": test_size, "step": step, "max_train_size": max_train_size}
    for name, value in given.items():
        check(name, value, Count | None)
    whole("gap", gap, 0)
    size = length // (folds + 1) if test_size is None else test_size
    stride = size if step is None else step
    first = length - size - (folds - 1) * stride
    if size < 1 or first - gap < 1:
        message = (
            "{folds} folds that test {size} steps, {stride} apart, with a gap of {gap} leave nothing of {length} "
            "steps to train the first one on: ask for fewer folds, or a smaller test_size or step"
        )
        raise SplitError(tr(message, folds=folds, size=size, stride=stride, gap=gap, length=length))
    found = []
    for index in range(folds):
        begin = first + index * stride
        end = begin - gap
        start = 0 if max_train_size is None else max(0, end - max_train_size)
        found.append(Fold(index, (start, end), (begin, begin + size)))
    return tuple(found)


@dataclass(frozen=True)
class Clock:
    """The place of every row on one clock that all series share.

    Attributes:
        places: [N], ascending within a series. length: steps on the clock.
    """

    places: NDArray[np.int64]
    length: int

    @classmethod
    def of(cls, table: Table) -> Clock:
        """Times where there are any; rows that are only counted are lined up at the series' ends."""
        if table.schema.time is not None:
            times, places = np.unique(table.time, return_inverse=True)
            return cls(places.astype(np.int64).reshape(-1), len(times))
        longest = int(table.lengths.max())
        ends = np.repeat(table.starts[1:], table.lengths)
        return cls(np.arange(len(table), dtype=np.int64) - ends + longest, longest)

    def rows(self, table: Table, first: int, end: int) -> NDArray[np.int64]:
        """[G, 2] rows of each series whose places lie in [first, end)."""
        found = [
            (a + np.searchsorted(self.places[a:b], first), a + np.searchsorted(self.places[a:b], end))
            for a, b in table.rows()
        ]
        return np.array(found, dtype=np.int64)


@dataclass(frozen=True)
class FoldTable:
    """What one fold may see.

    Attributes:
        table: its rows, from the beginning of training to the end of the test; series without any are left out.
        split: training, validation and test rows. series: [G'] indices of its series in the whole table.
        offset: [G'] how many rows of each series come before the fold's first one, from row 0 of the whole table.
    """

    table: Table
    split: Split
    series: NDArray[np.int64]
    offset: NDArray[np.int64]


def fold_table(
    table: Table, clock: Clock, fit: Fold, test: Fold, validation: float | int, gap: int, least: int = 1
) -> FoldTable:
    """Cut a fold out of a table.

    Args:
        table: the whole. clock: its rows' places.
        fit: the fold whose training part is learned from. test: the fold that is forecast; the same or a later one.
        validation: share or number of steps of the training part that choose the epoch: its end.
        gap: steps left out between training and validation. least: steps that a share for validation takes at least.

    Raises:
        ConfigError: a validation part that is no share and no number.
        SplitError: nothing is left to train on.
    """
    begin, end = fit.train
    held = held_back(validation, end - begin, least)
    if end - held - gap <= begin:
        raise SplitError(
            tr("fold {fold} has {steps} steps, all taken by validation and gap", fold=fit.index + 1, steps=end - begin)
        )
    whole = clock.rows(table, begin, test.test[1])
    kept = np.flatnonzero(whole[:, 1] > whole[:, 0])
    first, last = whole[kept, 0], whole[kept, 1]
    starts = np.concatenate([[0], np.cumsum(last - first)]).astype(np.int64)
    offset = first - starts[:-1]
    if len(kept) == 1:
        rows: slice | NDArray[np.int64] = slice(int(first[0]), int(last[0]))  # a view: one series is not copied
    else:
        rows = np.arange(starts[-1], dtype=np.int64) + np.repeat(offset, last - first)
    cut = replace(table.cut(kept, rows, last - first), notes=())
    ranges = {"train": (begin, end - held - gap), "validation": (end - held, end), "test": test.test}
    parts = {name: clock.rows(table, *ends)[kept] - offset[:, None] for name, ends in ranges.items()}
    return FoldTable(cut, Split(parts, gap), kept, offset)


def held_back(size: float | int, steps: int, least: int = 1) -> int:
    """Steps at the end of a training part that choose the epoch: `size`, or a share of them, but not below `least`."""
    if isinstance(size, bool) or not isinstance(size, (int, float)) or size <= 0:
        raise ConfigError(
            tr("validation is a share such as 0.1, or steps, of each training part; got {size!r}", size=size)
        )
    return int(size) if isinstance(size, int) else max(least, round(size * steps))
