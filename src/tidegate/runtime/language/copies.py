"""What a generated text copied: how much of it stands in the training text, and the longest stretch that does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidegate.core.checks import whole

Hashes = NDArray[np.uint64]
BASE = 0x9E3779B97F4A7C15  # odd, so that it has an inverse modulo 2^64
INVERSE = pow(BASE, -1, 1 << 64)
LENGTH, CHORDS = 40, 160  # characters of a stretch that counts; of music, some twelve steps


@dataclass(frozen=True)
class Copied:
    """How much of some texts stands in another one.

    Attributes:
        length: characters of a stretch that counts as copied. share: of the texts' characters, those that lie in such
            a stretch. longest: the longest common substring. characters: how many were looked at.
    """

    length: int
    share: float
    longest: str
    characters: int


def copied(texts: Sequence[str], training: str, length: int = LENGTH) -> Copied:
    """Look for stretches of texts in a training text.

    Args:
        texts: what was generated, without prompts. training: what it may have been copied from.
        length: characters of the stretches that are counted; shorter ones are common in any language.

    Raises:
        ConfigError: a length below 1.
    """
    whole("length", length, 1)
    source = _Hashed(training)
    total = marked = 0
    longest = ""
    for text in texts:
        own = _Hashed(text)
        inside = np.isin(own.windows(length), source.windows(length))
        cover = np.zeros(len(text) + 1, np.int64)
        starts = np.flatnonzero(inside)
        np.add.at(cover, starts, 1)
        np.add.at(cover, starts + length, -1)
        marked += int((np.cumsum(cover)[: len(text)] > 0).sum())
        total += len(text)
        found = _longest(text, own, source)
        longest = found if len(found) > len(longest) else longest
    return Copied(length, marked / total if total else 0.0, longest, total)


class _Hashed:
    """Hashes of all windows of a text of any length, without a loop over them."""

    def __init__(self, text: str) -> None:
        codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
        self.size = len(codes)
        self.back = _powers(INVERSE, self.size)
        self.sums: Hashes = np.concatenate([np.zeros(1, np.uint64), np.cumsum((codes + 1) * _powers(BASE, self.size))])

    def windows(self, length: int) -> Hashes:
        """[N - length + 1] a hash of each window."""
        count = max(self.size - length + 1, 0)
        return (self.sums[length : length + count] - self.sums[:count]) * self.back[:count]


def _powers(base: int, count: int) -> Hashes:
    found: Hashes = np.ones(count, np.uint64)
    if count > 1:
        found[1:] = np.cumprod(np.full(count - 1, base, np.uint64))
    return found


def _longest(text: str, own: _Hashed, source: _Hashed) -> str:
    """The longest common substring, by halving: where a length is common, shorter ones are too."""
    low, high, at = 0, min(own.size, source.size), 0
    while low < high:
        middle = (low + high + 1) // 2
        found = np.flatnonzero(np.isin(own.windows(middle), source.windows(middle)))
        if len(found):
            low, at = middle, int(found[0])
        else:
            high = middle - 1
    return text[at : at + low]


def looping(text: str, longest: int = 80, least: int = 20) -> float:
    """The share of a text that only repeats what stands right before it.

    A stretch counts where it equals what stands one period earlier, for a period of up to `longest` characters, over at
    least two more periods and `least` characters; runs of blanks do not count.

    >>> looping("abc" * 20), looping("every word of this is said once, and no more")
    (0.95, 0.0)
    """
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    inside = np.zeros(len(codes), np.bool_)
    blank = np.isin(codes, np.frombuffer(" \n\t".encode("utf-32-le"), np.uint32))
    for period in range(1, min(longest, len(codes) // 3) + 1):
        same = np.concatenate([[False], codes[period:] == codes[:-period], [False]])
        edges = np.flatnonzero(same[1:] != same[:-1]).reshape(-1, 2) + period
        for first, end in edges[(np.diff(edges)[:, 0] >= max(2 * period, least))].tolist():
            if not blank[first:end].all():
                inside[first:end] = True
    return float(inside.mean()) if len(codes) else 0.0
