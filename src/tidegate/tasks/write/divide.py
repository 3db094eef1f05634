"""Parts of pairs, and batches of sequences of many lengths."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.sequences import Sequences
from tidegate.core.table import Note
from tidegate.data.partition import Partition, partition

Ints = NDArray[np.int64]
SHUFFLED = 0x5EED  # keeps these draws apart from those of dropout
ROUGH = 0.1  # lengths are ordered but for so much, so that batches differ from epoch to epoch


def divide(sequences: Sequences, *, validation: Any, test: Any, by: Any = "auto", seed: int = 0) -> Partition:
    """Parts of sequences with texts to write; arguments and errors as of `partition`.

    With `auto`, where no groups are named, pairs with an equal source or an equal target lie in one part, so that no
    test sentence was seen on either side.
    """
    if by != "auto" or sequences.groups is not None:
        return partition(sequences, validation=validation, test=test, by=by, seed=seed)
    sizes = partition(replace(sequences, labels=None), validation=validation, test=test, by="random", seed=seed)
    family, rng = _families(sequences), np.random.default_rng(seed)
    order = rng.permutation(int(family.max()) + 1)
    counts = np.bincount(family)[order]
    ends = np.cumsum(counts)
    last = int(np.searchsorted(ends, len(sizes.test)))
    middle = int(np.searchsorted(ends, len(sizes.test) + len(sizes.validation)))
    if len(sizes.test):
        last += 1
    middle = max(middle + 1, last + 1) if len(sizes.validation) else last
    part = np.zeros(len(order), np.int64)
    part[order[:last]], part[order[last:middle]] = 2, 1
    places = [np.nonzero(part[family] == number)[0].astype(np.int64) for number in range(3)]
    notes = []
    if len(order) < len(family):
        message = "{count} pairs share a source or a target with others; all of a kind lie in one part."
        notes.append(Note("apart", message, {"count": int((np.bincount(family)[family] > 1).sum())}))
    return Partition(places[0], places[1], places[2], "apart", tuple(notes))


def _families(sequences: Sequences) -> Ints:
    """[M] a number that sequences share which are joined by equal sources or equal targets."""
    parents = list(range(len(sequences)))

    def root(place: int) -> int:
        while parents[place] != place:
            parents[place] = parents[parents[place]]
            place = parents[place]
        return place

    for texts in (sequences.texts, sequences.labels):
        first: dict[str, int] = {}
        for place, text in enumerate([] if texts is None else texts.tolist()):
            other = first.setdefault(str(text).strip().lower(), place)
            parents[root(place)] = root(other)
    roots = [root(place) for place in range(len(sequences))]
    _, found = np.unique(roots, return_inverse=True)
    return found.astype(np.int64)


class Budget:
    """Places of training examples in batches of about as many steps, alike in length.

    Args:
        lengths: [M, n] steps of each example on each of n sides, padded ones count. steps: of the longest side of a
            batch, at most (one example always fits). seed: of the order.
    """

    def __init__(self, lengths: Ints, steps: int, seed: int) -> None:
        self.lengths, self.steps, self.seed = lengths, steps, seed
        self.count = sum(1 for _ in self._cut(np.argsort(self._keys(), kind="stable")))

    def __len__(self) -> int:
        return self.count

    def ordered(self) -> list[Ints]:
        """All batches, by length: to look at every example once."""
        return list(self._cut(np.argsort(self._keys(), kind="stable")))

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Ints]:
        """The batches of an epoch, in an order of its own; as many as every epoch has."""
        rng = np.random.default_rng([self.seed, epoch, SHUFFLED])
        keys = self._keys() * (1 + ROUGH * rng.random(len(self.lengths)))
        batches = list(self._cut(np.argsort(keys, kind="stable")))
        order = rng.permutation(len(batches))
        chosen = [batches[place] for place in np.resize(order, self.count)]
        yield from chosen[start:]

    def _keys(self) -> NDArray[np.float64]:
        longer, shorter = self.lengths.max(axis=1), self.lengths.min(axis=1)
        return np.asarray(longer + shorter / (1 + self.lengths.max()), np.float64)

    def _cut(self, order: Ints) -> Iterator[Ints]:
        longest = np.maximum.accumulate(self.lengths[order].max(axis=1))
        first = 0
        for place in range(1, len(order) + 1):
            if place == len(order) or (place + 1 - first) * longest[place] > self.steps:
                yield order[first:place]
                first = place
