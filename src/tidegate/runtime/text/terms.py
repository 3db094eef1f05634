"""Terms that a text must hold: which of a glossary's a source asks for, and how far hypotheses have come with them.

Shape letters: B texts, W hypotheses of each, M candidates, C terms, V vocabulary, X numbers beyond it for copied words.

Source: grid beam search, Hokamp and Liu (2017), arXiv:1704.07138.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError
from tidegate.core.translate import tr
from tidegate.prepare.sequence.tokens import UNSPACED
from tidegate.prepare.sides import SPACED, Side, tidy
from tidegate.prepare.vocabulary import SPECIAL, UNKNOWN

Ints = NDArray[np.int64]
_LETTER = re.compile(rf"(?![{UNSPACED}])\w")  # of a word that goes on until a blank or a mark
OTHER, GOES_ON = 0, 1  # tokens of no term: any, and those that go on with the word before them


@dataclass(frozen=True)
class Term:
    """Tokens that a text must hold; with `whole` what follows them must not go on with their last word."""

    tokens: tuple[int, ...]
    whole: bool


class Glossary:
    """Terms of sources and how they are to be written.

    Args:
        terms: source term -> target term. source, target: tokens of both sides. copying: whether words of a source that
            the target's vocabulary lacks can be written.

    Raises:
        ConfigError: an empty term, one that is there twice, or one with tokens that the model cannot write.
    """

    def __init__(self, terms: Mapping[str, str], source: Side, target: Side, *, copying: bool) -> None:
        if not isinstance(terms, Mapping):
            raise ConfigError(tr("a glossary is a mapping of source terms to target terms"))
        self.target, self.terms = target, dict[str, str]()
        for term, written in terms.items():
            if not isinstance(term, str) or not isinstance(written, str) or not term.strip() or not written.strip():
                message = "glossary: {term!r} -> {written!r}: expected two texts that are not empty"
                raise ConfigError(tr(message, term=term, written=written))
            key = tidy(term, "char", False).lower()
            if self.terms.setdefault(key, written) != written:
                message = "glossary: {term!r} is to be written as {first!r} and as {written!r}; leave one"
                raise ConfigError(tr(message, term=term, first=self.terms[key], written=written))
            known = {*target.vocabulary.numbers, *(source.cut(term) if copying else ())}
            strange = [piece for piece in _cut(target, written) if piece not in known]
            if strange:
                message = (
                    "glossary: {written!r} holds {piece!r}, which the model has no token for; choose another term, or "
                    "train with tokens='bpe', which can write anything"
                )
                raise ConfigError(tr(message, written=written, piece=strange[0].strip()))
        longest = sorted(self.terms, key=len, reverse=True)
        self.pattern = re.compile("|".join(map(_bounded, longest)) or r"(?!)", re.IGNORECASE)

    def wanted(self, text: str, extra: Sequence[str]) -> list[Term]:
        """Terms that the target of a source must hold, the longest where several begin at one place.

        Args:
            text: the source. extra: its words that the target's vocabulary lacks and that can be copied.
        """
        found = [self.terms[own.lower()] for own in self.pattern.findall(tidy(text, "char", False))]
        known, size = self.target.vocabulary.numbers, len(self.target)
        numbers = {**{word: size + place for place, word in enumerate(extra)}, **known}
        whole = self.target.vocabulary.method in SPACED
        return [
            Term(
                tuple(numbers.get(piece, UNKNOWN) for piece in _cut(self.target, own)),
                whole and _LETTER.match(own.strip()[-1]) is not None,
            )
            for own in dict.fromkeys(found)
        ]


def _cut(side: Side, text: str) -> list[str]:
    """Tokens of a term within a text: scripts without blanks have none before it."""
    if side.vocabulary.method in SPACED and re.match(rf"\s*[{UNSPACED}]", text):
        return side.vocabulary.cut(tidy(text, side.vocabulary.method, side.lowercase).strip())
    return side.cut(text)


def _bounded(term: str) -> str:
    """A pattern of a term that is no part of a longer word."""
    before, after = (_LETTER.match(letter) is not None for letter in (term[0], term[-1]))
    letter = rf"(?![{UNSPACED}])\w"
    return (f"(?<!{letter})" if before else "") + re.escape(term) + (f"(?!{letter})" if after else "")


def going_on(side: Side) -> NDArray[np.bool_]:
    """[V] whether a token goes on with the word before it."""
    found = np.zeros(len(side), np.bool_)
    if side.vocabulary.method in SPACED:
        texts = [piece.decode("utf-8", "replace") for piece in side.vocabulary.pieces]
        found[:] = [bool(_LETTER.match(text)) or text[:1] == "\ufffd" for text in texts]
        found[: len(SPECIAL)] = False
    return found


class Terms:
    """Terms that texts must hold as automata over tokens, all in arrays, so that a step of many takes one look-up.

    A hypothesis is in the bank of as many tokens as it has of its terms: those of all that are complete, and of one
    that is begun. Each bank keeps as many hypotheses as the beam is wide, and those of the last one alone may end.

    Args:
        wanted: [B] of each text its terms, in all of one number of tokens. goes_on: [V] as `going_on`. extra: X.
    """

    def __init__(self, wanted: Sequence[Sequence[Term]], goes_on: NDArray[np.bool_], extra: int) -> None:
        self.total = sum(len(term.tokens) for term in wanted[0])
        goes_on = np.concatenate([goes_on, np.zeros(extra, np.bool_)])
        self.kinds = np.tile(np.where(goes_on, GOES_ON, OTHER), (len(wanted), 1))
        made = []
        for row, terms in enumerate(wanted):
            symbols = sorted({token for term in terms for token in term.tokens})
            self.kinds[row, symbols] = np.arange(2, 2 + len(symbols))
            goes = [False, True, *goes_on[symbols].tolist()]
            made.append([_automaton(term, [-1, -1, *symbols], goes) for term in terms])
        shape = (len(wanted), max(map(len, wanted)), max(len(one) for own in made for one in own))
        self.moves = np.zeros((*shape, 2 + self.total), np.int64)
        self.came, self.done, self.next = np.zeros(shape, np.int64), np.ones(shape, np.bool_), np.full(shape, -1)
        for row, own in enumerate(made):
            for place, states in enumerate(own):
                for number, (moves, came, done, following) in enumerate(states):
                    at = row, place, number
                    self.moves[at][: len(moves)] = moves
                    self.came[at], self.done[at], self.next[at] = came, done, following

    @property
    def count(self) -> int:
        """C."""
        return self.moves.shape[1]

    def after(self, texts: Ints, states: Ints, tokens: Ints) -> Ints:
        """States [B', M, C] of terms after tokens [B', M], from states before them, of texts at these places [B']."""
        kinds = self.kinds[texts[:, None], tokens]
        return np.asarray(self.moves[texts[:, None, None], np.arange(self.count), states, kinds[:, :, None]])

    def bank(self, texts: Ints, states: Ints) -> Ints:
        """[B', M] how many tokens of their terms hypotheses have; `total` where they have all."""
        at = texts[:, None, None], np.arange(self.count), states
        came, done = self.came[at], self.done[at]
        return np.asarray((came * done).sum(axis=2) + (came * ~done).max(axis=2))

    def following(self, texts: Ints, states: Ints) -> Ints:
        """[B', W, C] the token that each term needs next, once where several need it; -1 where none."""
        found = self.next[texts[:, None, None], np.arange(self.count), states]
        for place in range(1, self.count):
            found[(found[:, :, :place] == found[:, :, place : place + 1]).any(axis=2), place] = -1
        return np.asarray(found)


def _automaton(term: Term, symbols: Sequence[int], goes: Sequence[bool]) -> list[tuple[list[int], int, bool, int]]:
    """States of a term, the first before any token: of each where every kind of token leads, how many tokens of the
    term are there, whether it is complete, and the token that it needs next, or -1.

    Args:
        term: it. symbols: token of each kind, -1 where of no term. goes: whether the kind goes on with a word.
    """
    size, met = len(term.tokens), frozenset({-1})
    states = [frozenset({0})]  # how many tokens of the term may have been written just now
    found = []
    for state in states:  # which grow as it goes
        moves = []
        for symbol, going in zip(symbols, goes, strict=True):
            grown = frozenset({0} | {came + 1 for came in state if came < size and term.tokens[came] == symbol})
            complete = state == met or (size in state and not going) or (size in grown and not term.whole)
            to = met if complete else grown
            if to not in states:
                states.append(to)
            moves.append(states.index(to))
        complete = state == met or size in state
        most = size if complete else max(state)
        found.append((moves, most, complete, -1 if complete else term.tokens[most]))
    return found
