"""What a language says of texts that a beam search writes: n-grams or a recurrent model, of symbols or of words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError
from tidegate.core.translate import tr
from tidegate.prepare.vocabulary import END, UNKNOWN, Vocabulary
from tidegate.runtime.language.model import TextModel
from tidegate.runtime.language.ngrams import KneserNey
from tidegate.runtime.network.network import run_network
from tidegate.runtime.transcribe.ctc import Floats, Scorer, log_shares

LETTERS = 30.0  # a word that a language has not is as likely as its letters drawn from so many


class Language(Protocol):
    """What comes next in a text, by its own tokens."""

    vocabulary: Vocabulary

    def start(self) -> Any:
        """The state at the beginning of a text."""

    def follow(self, states: Sequence[Any], tokens: Sequence[int]) -> list[Any]:
        """The state after one more token, of several texts at once."""

    def shares(self, state: Any) -> Floats:
        """[V] log p of each next token."""


class Grams:
    """Kneser-Ney n-grams of texts; a state is the last tokens."""

    def __init__(self, vocabulary: Vocabulary, texts: Sequence[str], order: int) -> None:
        self.vocabulary, self.order = vocabulary, order
        parts = [part for text in texts for part in ([END], vocabulary.encode(text).tolist())]
        tokens = np.array([token for part in parts for token in part] + [END], np.int32)
        self._grams = KneserNey(tokens, len(vocabulary), order)
        self._known: dict[tuple[int, ...], Floats] = {}

    def start(self) -> tuple[int, ...]:
        return (END,)

    def follow(self, states: Sequence[tuple[int, ...]], tokens: Sequence[int]) -> list[tuple[int, ...]]:
        return [(*state, token)[1 - self.order :] for state, token in zip(states, tokens, strict=True)]

    def shares(self, state: tuple[int, ...]) -> Floats:
        if state not in self._known:
            self._known[state] = np.log(self._grams.following(state))
        return self._known[state]


class Recurrent:
    """A trained `tidegate.LanguageModel`; a state is that of its layers, and what it expects next."""

    def __init__(self, model: TextModel) -> None:
        self.model, self.vocabulary = model, model.vocabulary
        self._start = self._read(np.array([[END]]), [])[0]

    def start(self) -> Any:
        return self._start

    def follow(self, states: Sequence[Any], tokens: Sequence[int]) -> list[Any]:
        levels, kinds = len(states[0][0]), len(states[0][0][0])
        joined = [
            tuple(np.stack([state[0][level][kind] for state in states]) for kind in range(kinds))
            for level in range(levels)
        ]
        return self._read(np.array(tokens)[:, None], joined)

    def shares(self, state: Any) -> Floats:
        found: Floats = state[1]
        return found

    def _read(self, tokens: NDArray[Any], state: list[Any]) -> list[Any]:
        found = run_network(self.model.spec, self.model.weights, tokens, state=state)
        shares = log_shares(found.values[:, -1, 0])
        ends = found.state or []
        return [([tuple(part[row] for part in level) for level in ends], shares[row]) for row in range(len(tokens))]


class BySymbol:
    """A language whose tokens are the transcriber's own symbols: it speaks at every symbol.

    Args:
        language: of texts. vocabulary: of the transcriber. weight: of log p; bonus: for each symbol, against the
            language's liking for short texts.
    """

    def __init__(self, language: Language, vocabulary: Vocabulary, weight: float, bonus: float) -> None:
        self.language, self.weight, self.bonus = language, weight, bonus
        known = {piece.strip(): number for number, piece in reversed(list(enumerate(language.vocabulary.pieces)))}
        exact = {piece: number for number, piece in enumerate(language.vocabulary.pieces)}
        words = vocabulary.method == "symbol"
        self._table = np.array(
            [known.get(own.strip(), UNKNOWN) if words else exact.get(own, UNKNOWN) for own in vocabulary.pieces]
        )

    def start(self) -> Any:
        return self.language.start()

    def follow(self, states: Sequence[Any], symbols: Sequence[int]) -> list[Any]:
        return self.language.follow(states, self._table[list(symbols)].tolist())

    def gains(self, state: Any) -> Floats:
        return np.asarray(self.weight * self.language.shares(state)[self._table] + self.bonus)

    def end(self, state: Any) -> float:
        return self.weight * float(self.language.shares(state)[END])


class ByWord:
    """A language of words over a transcriber of letters: it speaks where a word ends.

    Args:
        language, vocabulary, weight: as of `BySymbol`. bonus: for each word.
    """

    def __init__(self, language: Language, vocabulary: Vocabulary, weight: float, bonus: float) -> None:
        self.language, self.vocabulary, self.weight, self.bonus = language, vocabulary, weight, bonus
        self._letters = [piece.decode("utf-8", "replace") for piece in vocabulary.pieces]
        self._blank = self._letters.index(" ") if " " in self._letters else -1
        self._numbers = {piece: number for number, piece in enumerate(language.vocabulary.pieces)}
        self._silent = np.zeros(len(vocabulary))

    def start(self) -> Any:
        return self.language.start(), "", True

    def follow(self, states: Sequence[Any], symbols: Sequence[int]) -> list[Any]:
        ends = [n for n, (state, symbol) in enumerate(zip(states, symbols, strict=True)) if self._ends(state, symbol)]
        found = [(own, word + self._letters[s], first) for (own, word, first), s in zip(states, symbols, strict=True)]
        if ends:
            words = [self._word(states[n][1], states[n][2]) for n in ends]
            for n, state in zip(ends, self.language.follow([states[n][0] for n in ends], words), strict=True):
                found[n] = (state, "", False)
        return found

    def _ends(self, state: Any, symbol: int) -> bool:
        return symbol == self._blank and bool(state[1])

    def gains(self, state: Any) -> Floats:
        if not state[1] or self._blank < 0:
            return self._silent
        found = self._silent.copy()
        found[self._blank] = self._gain(state)
        return np.asarray(found)

    def end(self, state: Any) -> float:
        own, word, first = state
        if not word:
            return self.weight * float(self.language.shares(own)[END])
        after = self.language.follow([own], [self._word(word, first)])[0]
        return self._gain(state) + self.weight * float(self.language.shares(after)[END])

    def _word(self, word: str, first: bool) -> int:
        ways = (word, f"{word} ", f" {word}") if first else (f" {word}", f"{word} ", word)
        return next((self._numbers[own.encode()] for own in ways if own.encode() in self._numbers), UNKNOWN)

    def _gain(self, state: Any) -> float:
        own, word, first = state
        number = self._word(word, first)
        share = float(self.language.shares(own)[number])
        if number == UNKNOWN:
            share -= len(word) * float(np.log(LETTERS))
        return self.weight * share + self.bonus


class Hotwords:
    """Words that are to be expected: every symbol on the way through one adds to a text, and is taken back if it ends
    otherwise.

    Args:
        inner: another scorer, or None. vocabulary: of the transcriber. words: phrases. boost: for each symbol.

    Raises:
        ConfigError: a phrase has a symbol that the transcriber has not.
    """

    def __init__(self, inner: Scorer | None, vocabulary: Vocabulary, words: Sequence[str], boost: float) -> None:
        self.inner, self.boost, self.size = inner, boost, len(vocabulary)
        self.tree: dict[int, Any] = {}
        self.free = vocabulary.method == "symbol"  # whole words: one may end, and begin, after each
        self.blank = -1 if self.free else int(vocabulary.encode(" ")[0])
        for word in words:
            if unseen := vocabulary.unseen(word):
                message = "the hotword {word} has {symbols}, which the training texts have not"
                raise ConfigError(tr(message, word=repr(word), symbols=", ".join(map(repr, unseen))))
            at = self.tree
            for symbol in vocabulary.encode(word).tolist():
                at = at.setdefault(symbol, {})
            at[END] = True

    def start(self) -> Any:
        return (None if self.inner is None else self.inner.start()), self.tree, 0

    def follow(self, states: Sequence[Any], symbols: Sequence[int]) -> list[Any]:
        inner = [None] * len(states)
        if self.inner is not None:
            inner = self.inner.follow([state[0] for state in states], symbols)
        return [(own, *self._walk(state, s)) for own, state, s in zip(inner, states, symbols, strict=True)]

    def _walk(self, state: Any, symbol: int) -> tuple[Any, int]:
        """Place in the tree (None within another word), and how many symbols were boosted that may be taken back."""
        _, at, count = state
        if at is not None and symbol in at:
            return at[symbol], count + 1
        if self.free:
            again = self.tree.get(symbol)
            return (again, 1) if again is not None else (self.tree, 0)
        return (self.tree, 0) if symbol == self.blank else (None, 0)

    def gains(self, state: Any) -> Floats:
        own, at, count = state
        found = np.zeros(self.size) if self.inner is None else self.inner.gains(own).copy()
        done = at is not None and END in at
        keeps = np.zeros(self.size, bool)
        keeps[self.blank if not self.free else slice(None)] = done
        found -= np.where(keeps, 0.0, self.boost * count)
        onward = [symbol for symbol in at or () if symbol != END]
        found[onward] += self.boost * (1 + count * ~keeps[onward])
        if self.free and at is not self.tree:
            found[[symbol for symbol in self.tree if symbol not in (at or ())]] += self.boost
        return found

    def end(self, state: Any) -> float:
        own, at, count = state
        lost = 0.0 if at is not None and END in at else self.boost * count
        return (0.0 if self.inner is None else self.inner.end(own)) - lost
