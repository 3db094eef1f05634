"""Texts as token ids: words, characters, or byte-pair pieces."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import DataError
from tidegate.core.table import Note
from tidegate.prepare.options import SequenceOptions
from tidegate.prepare.sequence import bytepairs

PADDING, UNKNOWN = 0, 1
SPECIAL = ("<padding>", "<unknown>")
_LONGEST = 1000
# Scripts that are written without blanks: Chinese, kana, Thai, Lao, Tibetan, Burmese, Khmer.
UNSPACED = "\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fdf\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
UNSPACED += "\uf900-\ufaff\U00020000-\U0003ffff"
# Vowel signs and accents, which Python does not count as letters; blocks of Indian scripts hold them throughout.
_MARKS = "\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0963\u0966-\u0dff\u200c\u200d"
_LETTER = rf"(?:[^\W\d_{UNSPACED}]|[{_MARKS}])"
_WORD = re.compile(
    rf"[{UNSPACED}]|\d+(?:[.,]\d+)*|{_LETTER}(?:{_LETTER}|\d)*(?:['\u2019]{_LETTER}+)*|[^\w\s]|_+|\w", re.UNICODE
)

_ASCII = re.compile(r"\d+(?:[.,]\d+)*|[A-Za-z][A-Za-z\d]*(?:'[A-Za-z]+)*|[^\w\s]|_+")


def normal(text: str, lowercase: bool) -> str:
    """The text in Unicode's composed form, in small letters where wanted."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    return text.lower() if lowercase else text


def words(text: str) -> list[str]:
    """Words, numbers and punctuation marks of a text; one character a token where a script has no blanks.

    >>> words("It isn't 3.5 m, 你好!")
    ['It', "isn't", '3.5', 'm', ',', '你', '好', '!']
    """
    return (_ASCII if text.isascii() else _WORD).findall(text)


def characters(text: str) -> list[str]:
    """Characters of a text; blanks at its ends are left out, and runs of blanks are one."""
    return list(" ".join(text.split()))


_CUTS: dict[str, Callable[[str], list[str]]] = {"word": words, "char": characters}


@dataclass(frozen=True)
class TokenState:
    """A fitted vocabulary.

    Attributes:
        source: the column of categories that tokens are the entries of, or "" for texts.
        method: `word`, `char` or `bpe`; `entry` where each step is a token as it stands.
        lowercase: whether capital letters are read as small ones.
        vocabulary: [V] tokens by id: padding, unknown, then by falling count.
        merges: pairs that `bpe` joins, in their order.
    """

    source: str
    method: str
    lowercase: bool
    vocabulary: tuple[str, ...]
    merges: tuple[tuple[str, str], ...] = ()

    def cut(self, texts: Sequence[str]) -> list[list[str]]:
        """The tokens of each text, known or not.

        Raises:
            MissingExtraError: `bpe` without the `tokenizers` library.
        """
        ready = [normal(text, self.lowercase) for text in texts]
        if self.method == "bpe":
            return bytepairs.cut(self.vocabulary, self.merges, ready)
        return [_CUTS[self.method](text) for text in ready]

    def encode(self, texts: Sequence[str]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Token ids of all texts one after another, and how many each has (0 for one without tokens)."""
        return self.lookup(self.cut(texts))

    def lookup(self, pieces: Sequence[Sequence[Any]]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Ids of tokens that are cut already, one after another, and how many each text has."""
        index = {token: code for code, token in enumerate(self.vocabulary) if code > UNKNOWN}
        lengths = np.fromiter(map(len, pieces), dtype=np.int64, count=len(pieces))
        get = index.get
        ids = (get(token, UNKNOWN) for piece in pieces for token in piece)
        return np.fromiter(ids, dtype=np.int32, count=int(lengths.sum())), lengths


def fit_texts(texts: Sequence[str], options: SequenceOptions) -> tuple[TokenState, list[Note]]:
    """Choose the vocabulary of training texts.

    Raises:
        DataError: no token occurs often enough.
        MissingExtraError: `bpe` without the `tokenizers` library.
    """
    ready = [normal(text, options.lowercase) for text in texts]
    if options.tokens == "bpe":
        vocabulary, merges = bytepairs.train(ready, options.vocabulary, options.min_count, SPECIAL)
        state = TokenState("", "bpe", options.lowercase, vocabulary, merges)
        if len(vocabulary) <= len(SPECIAL):
            raise _no_tokens(options)
        message = "The vocabulary has {size} byte-pair pieces."
        return state, [Note("vocabulary", message, {"size": len(vocabulary) - len(SPECIAL)})]
    vocabulary, notes = choose(map(_CUTS[options.tokens], ready), options)
    return TokenState("", options.tokens, options.lowercase, vocabulary), notes


def fit_entries(name: str, entries: Sequence[Any], options: SequenceOptions) -> tuple[TokenState, list[Note]]:
    """Choose the vocabulary of a column whose entries are tokens; a missing one (None) is unknown."""
    vocabulary, notes = choose([[entry for entry in entries if entry is not None]], options)
    return TokenState(name, "entry", False, vocabulary), notes


def choose(pieces: Iterable[Sequence[str]], options: SequenceOptions) -> tuple[tuple[str, ...], list[Note]]:
    """The most frequent tokens, ties in the order of their characters, after padding and unknown.

    Raises:
        DataError: no token occurs often enough.
    """
    counts: Counter[str] = Counter()
    for piece in pieces:
        counts.update(piece)
    ranked = sorted(counts, key=lambda token: (-counts[token], token))
    often = [token for token in ranked if counts[token] >= options.min_count and len(token) <= _LONGEST]
    kept = often[: options.vocabulary - len(SPECIAL)]
    if not kept:
        raise _no_tokens(options)
    return (*SPECIAL, *kept), [kept_note(counts, kept, options.min_count)]


def kept_note(counts: Mapping[str, int], kept: Sequence[str], least: int) -> Note:
    """How many of all tokens a vocabulary has, and what share of the training text is unknown to it."""
    total = sum(counts.values())
    left = total - sum(counts[token] for token in kept)
    message = (
        "The vocabulary has {size} of {all} different tokens (seen at least {least} times); "
        "{share} % of the training tokens are read as unknown."
    )
    share = f"{100 * left / total:.1f}"
    return Note("vocabulary", message, {"size": len(kept), "all": len(counts), "least": least, "share": share})


def _no_tokens(options: SequenceOptions) -> DataError:
    return DataError(
        f"no token occurs at least {options.min_count} times in the training texts; "
        "lower min_count=, or check that the right column holds the text"
    )
