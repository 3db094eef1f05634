"""What a text is, given scores of its symbols and of a blank at every step: greedy, prefix beam search, alignment.

Shape letters: T steps, V symbols, the first of them the blank; N symbols of a text.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
BLANK = 0
NEVER = -math.inf


def log_shares(scores: NDArray[np.floating]) -> Floats:
    """Logarithm of the softmax over the last axis."""
    wide = scores.astype(np.float64)
    wide -= wide.max(axis=-1, keepdims=True)
    return np.asarray(wide - np.log(np.exp(wide).sum(axis=-1, keepdims=True)))


class Decoder(Protocol):
    """Takes steps in their order and knows the text so far."""

    def push(self, shares: Floats) -> None:
        """Read on; shares: [T, V] logarithms of probabilities."""

    def best(self, *, ended: bool = True) -> list[int]:
        """The symbols so far; `ended` asks what a text would be that ends here."""


class Greedy:
    """The likeliest symbol of every step, repetitions joined, blanks left out."""

    def __init__(self) -> None:
        self.symbols: list[int] = []
        self._last = BLANK

    def push(self, shares: Floats) -> None:
        for symbol in shares.argmax(axis=1).tolist():
            if symbol not in (BLANK, self._last):
                self.symbols.append(symbol)
            self._last = symbol

    def best(self, *, ended: bool = True) -> list[int]:
        return list(self.symbols)


class Scorer(Protocol):
    """What a language thinks of texts that grow by one symbol; states are its own and never change."""

    def start(self) -> Any:
        """The state before the first symbol."""

    def follow(self, states: Sequence[Any], symbols: Sequence[int]) -> list[Any]:
        """The state after one more symbol, of several texts at once."""

    def gains(self, state: Any) -> Floats:
        """[V] what is added to a text's score for each next symbol."""

    def end(self, state: Any) -> float:
        """What is added where the text ends here."""


class _Prefix:
    """A text so far: log p of the alignments that end in a blank, and of those that end in its last symbol."""

    __slots__ = ("blank", "children", "gain", "gains", "parent", "state", "symbol", "voiced")

    def __init__(self, parent: _Prefix | None, symbol: int, gain: float) -> None:
        self.parent, self.symbol, self.gain = parent, symbol, gain
        self.blank, self.voiced = NEVER, NEVER
        self.children: dict[int, _Prefix] = {}
        self.state: Any = None
        self.gains: list[float] | None = None

    @property
    def total(self) -> float:
        return _add(self.blank, self.voiced)

    def symbols(self) -> list[int]:
        found, at = [], self
        while at.parent is not None:
            found.append(at.symbol)
            at = at.parent
        return found[::-1]


class PrefixBeam:
    """The likeliest texts, each with the probability of all its alignments, and with what a language thinks of it.

        score = log sum over alignments p(alignment) + what the scorer adds

    Args:
        width: texts that are kept after every step. scorer: of texts; None adds nothing.
        least: symbols below this log p at a step do not lengthen a text; -inf lets all do.

    Source: Graves (2012), Supervised Sequence Labelling, chapter 7.5; Hannun, Maas, Jurafsky and Ng (2014),
        arXiv:1408.2873.
    """

    def __init__(self, width: int, scorer: Scorer | None = None, least: float = -9.0) -> None:
        self.width, self.scorer, self.least = width, scorer, least
        root = _Prefix(None, BLANK, 0.0)
        root.blank = 0.0
        if scorer is not None:
            root.state = scorer.start()
            root.gains = scorer.gains(root.state).tolist()
        self.kept = [root]

    def push(self, shares: Floats) -> None:
        for row in shares.tolist():
            self._step(row)

    def _step(self, row: list[float]) -> None:
        blank, open_ = row[BLANK], [s for s in range(1, len(row)) if row[s] > self.least]
        found: dict[_Prefix, list[float]] = {}
        for prefix in self.kept:
            total = prefix.total
            own = found.setdefault(prefix, [NEVER, NEVER])
            own[0] = _add(own[0], total + blank)
            own[1] = _add(own[1], prefix.voiced + row[prefix.symbol] if prefix.parent is not None else NEVER)
            for symbol in open_:
                before = prefix.blank if symbol == prefix.symbol and prefix.parent is not None else total
                if before == NEVER:
                    continue
                child = prefix.children.get(symbol)
                if child is None:
                    more = 0.0 if prefix.gains is None else prefix.gains[symbol]
                    child = prefix.children[symbol] = _Prefix(prefix, symbol, prefix.gain + more)
                other = found.setdefault(child, [NEVER, NEVER])
                other[1] = _add(other[1], before + row[symbol])
        for prefix in self.kept:
            prefix.blank = prefix.voiced = NEVER
        for prefix, (ends, voiced) in found.items():
            prefix.blank, prefix.voiced = ends, voiced
        kept = heapq.nlargest(self.width, found, key=lambda own: own.total + own.gain)
        for prefix in set(found).difference(kept):
            prefix.blank = prefix.voiced = NEVER
        self.kept = kept
        self._look_up([prefix for prefix in kept if prefix.gains is None])

    def _look_up(self, fresh: list[_Prefix]) -> None:
        """What may follow texts that were just found."""
        if self.scorer is None or not fresh:
            return
        states = self.scorer.follow([own.parent.state for own in fresh if own.parent], [own.symbol for own in fresh])
        for prefix, state in zip(fresh, states, strict=True):
            prefix.state, prefix.gains = state, self.scorer.gains(state).tolist()

    def ranked(self, *, ended: bool = True) -> list[tuple[list[int], float]]:
        """Texts with their scores, best first."""

        def score(own: _Prefix) -> float:
            end = self.scorer.end(own.state) if self.scorer is not None and ended else 0.0
            return own.total + own.gain + end

        return [(own.symbols(), score(own)) for own in sorted(self.kept, key=score, reverse=True)]

    def best(self, *, ended: bool = True) -> list[int]:
        return self.ranked(ended=ended)[0][0]


def _add(one: float, other: float) -> float:
    """log(e^one + e^other)."""
    if one < other:
        one, other = other, one
    return one if other == NEVER else one + math.log1p(math.exp(other - one))


def align(shares: Floats, symbols: Sequence[int]) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
    """Where each symbol of a text lies in its likeliest alignment.

    Args:
        shares: [T, V] logarithms of probabilities. symbols: [N] of the text; an alignment needs T >= N steps, and one
            more for each symbol that follows itself.

    Returns:
        First and last step [N] of each symbol, and the mean log p [N] of it there.
    """
    count, steps = len(symbols), len(shares)
    states = np.zeros(2 * count + 1, np.int64)  # a blank, then each symbol and a blank after it
    states[1::2] = symbols
    skips = np.zeros(len(states), bool)
    skips[3::2] = states[3::2] != states[1:-2:2]
    score = np.full(len(states), NEVER)
    score[:2] = shares[0, states[:2]] if steps else 0.0
    back = np.zeros((steps, len(states)), np.int8)
    for step in range(1, steps):
        ways = np.full((3, len(states)), NEVER)
        ways[0], ways[1, 1:] = score, score[:-1]
        ways[2, 2:] = np.where(skips[2:], score[:-2], NEVER)
        back[step] = ways.argmax(axis=0)
        score = ways.max(axis=0) + shares[step, states]
    at = len(states) - 1 if count == 0 or score[-1] >= score[-2] else len(states) - 2
    path = np.empty(steps, np.int64)
    for step in range(steps - 1, -1, -1):
        path[step] = at
        at -= int(back[step, at])
    places = [np.flatnonzero(path == 2 * n + 1) for n in range(count)]
    first, last = (np.array([own[side] for own in places], np.int64) for side in (0, -1))
    mean = np.array([shares[own, symbol].mean() for own, symbol in zip(places, symbols, strict=True)])
    return first, last, mean
