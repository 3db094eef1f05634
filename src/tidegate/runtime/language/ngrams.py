"""Interpolated Kneser-Ney n-grams: what a model of text has to beat, counted with sorted arrays instead of a loop.

    p(w | h) = max(c(h w) - D, 0) / c(h) + D N(h) / c(h) p(w | h')          h' is h without its first token
    p(w)     = max(N(. w) - D, 0) / N(. .) + D N / N(. .) 1 / V

N(h) is how many different tokens follow h. c counts occurrences for the longest history; for a shorter one it counts
the different tokens before h w, which tells how many ways lead there. D = n1 / (n1 + 2 n2) for each length, of the
counts that are 1 and 2.

Source: Kneser and Ney (1995), doi:10.1109/ICASSP.1995.479394; Chen and Goodman (1999), doi:10.1006/csla.1999.0128.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _Level:
    """n-grams of one length.

    Attributes:
        keys: [M] history * V + token, sorted; a history is the place of its own n-gram one level below.
        counts: [M] of each. histories: [H] that occur, sorted; totals: [H] sum of their counts; kinds: [H] how many
            different tokens follow. discount: D.
    """

    keys: Ints
    counts: Ints
    histories: Ints
    totals: Ints
    kinds: Ints
    discount: float


class KneserNey:
    """n-grams of a text, one text after another with the tokens between them.

    Args:
        tokens: [N] whole numbers below `size`. size: V. order: n, tokens of the longest n-gram.
    """

    def __init__(self, tokens: NDArray[np.int32], size: int, order: int) -> None:
        self.size, self.order = size, order
        self.levels: list[_Level] = []
        own = tokens.astype(np.int64)
        places = np.zeros(len(own), np.int64)  # of the history that ends before each token; one empty history at first
        above: list[tuple[Ints, Ints, Ints]] = []
        for length in range(1, order + 1):
            keys = places[length - 1 :] * size + own[length - 1 :]
            unique, inverse, counts = np.unique(keys, return_inverse=True, return_counts=True)
            above.append((unique, inverse, counts))
            places = np.zeros(len(own), np.int64)
            places[length:] = inverse[:-1]
        for length, (unique, _, occurrences) in enumerate(above, 1):
            counts = occurrences
            if length < order:  # different tokens before it: n-grams one longer, by what they end with
                longer, which, _ = above[length]
                ends = np.empty(len(longer), np.int64)
                ends[which] = above[length - 1][1][1:]
                counts = np.bincount(ends, minlength=len(unique))
            self.levels.append(_level(unique, counts, size))

    def probabilities(self, tokens: NDArray[np.int32], before: NDArray[np.int32]) -> Floats:
        """p of each of tokens [M], after the tokens `before` them and one another."""
        kept = before[max(len(before) - self.order + 1, 0) :]
        whole = np.concatenate([kept, tokens]).astype(np.int64)
        first, count = len(kept), len(whole)
        found = np.full(count, 1 / self.size)
        ends = places = np.zeros(count, np.int64)  # of the history before each token; -1 where training has it not
        for length, level in enumerate(self.levels, 1):
            if length > 1:
                places = np.full(count, -1)
                places[length - 1 :] = ends[length - 2 : -1]
            total, kinds = _of_history(level, places)
            keys = places * self.size + whole
            at = np.minimum(np.searchsorted(level.keys, keys), len(level.keys) - 1)
            known = (places >= 0) & (level.keys[at] == keys)
            seen = np.where(known, level.counts[at], 0)
            some = total > 0
            share = (np.maximum(seen - level.discount, 0) + level.discount * kinds * found) / np.maximum(total, 1)
            found = np.where(some, share, found)
            ends = np.where(known, at, -1)
        return found[first:]

    def following(self, before: Sequence[int]) -> Floats:
        """[V] p of every token after the tokens before it, of which the last `order` - 1 count."""
        found = np.full(self.size, 1 / self.size)
        for length, level in enumerate(self.levels, 1):
            place = self._place(tuple(before[len(before) - length + 1 :])) if len(before) >= length - 1 else -1
            if place < 0:
                break
            total, kinds = _of_history(level, np.array([place]))
            if total[0]:
                low, high = np.searchsorted(level.keys, [place * self.size, (place + 1) * self.size])
                seen = np.zeros(self.size)
                seen[level.keys[low:high] - place * self.size] = level.counts[low:high]
                found = (np.maximum(seen - level.discount, 0) + level.discount * kinds[0] * found) / total[0]
        return found

    def _place(self, tokens: tuple[int, ...]) -> int:
        """Of an n-gram among those of its length; -1 where training has it not."""
        place = 0
        for level, token in zip(self.levels, tokens, strict=False):
            key = place * self.size + token
            place = int(np.searchsorted(level.keys, key))
            if place == len(level.keys) or level.keys[place] != key:
                return -1
        return place


def _level(keys: Ints, counts: Ints, size: int) -> _Level:
    histories, starts = np.unique(keys // size, return_index=True)
    totals = np.add.reduceat(counts, starts)
    ones, twos = int((counts == 1).sum()), int((counts == 2).sum())
    discount = ones / (ones + 2 * twos) if ones and twos else 0.5
    # histories whose tokens have no count at this level (nothing comes before them) say nothing
    return _Level(keys, counts, histories, totals, np.add.reduceat((counts > 0).astype(np.int64), starts), discount)


def _of_history(level: _Level, places: Ints) -> tuple[Ints, Ints]:
    at = np.minimum(np.searchsorted(level.histories, places), len(level.histories) - 1)
    known = (places >= 0) & (level.histories[at] == places)
    return np.where(known, level.totals[at], 0), np.where(known, level.kinds[at], 0)


def unigram(training: NDArray[np.int32], tokens: NDArray[np.int32], size: int) -> Floats:
    """p of each of tokens [M] by its share of the training text, with one added to every count."""
    counts = np.bincount(training, minlength=size) + 1.0
    return np.asarray(counts[tokens] / counts.sum())
