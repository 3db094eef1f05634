"""The vocabulary of a language model: text to whole numbers and back, with nothing lost between."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ArtifactError, DataError
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.prepare.notes import MUSIC, TOKENS, chords_of
from tidegate.prepare.sequence import bytepairs
from tidegate.prepare.sequence.tokens import UNSPACED, kept_note

Method = Literal["char", "word", "bpe", "symbol", "notes", "frames"]
METHODS: tuple[Method, ...] = get_args(Method)
PADDING, UNKNOWN, END = 0, 1, 2
SPECIAL = ("<padding>", "<unknown>", "<end>")
SIZES = {"char": 10_000, "word": 20_000, "bpe": 2_000, "symbol": 20_000}
LEAST = {"char": 1, "word": 2, "bpe": 2, "symbol": 1}
LARGEST = 1 << 20
# A word with the blank before it, marks with theirs, any other blank alone; scripts without blanks by character.
_WORD = re.compile(rf" ?[{UNSPACED}]| ?(?:(?![{UNSPACED}])\w)+| ?[^\w\s]|\s")
_STRANGE = "\ufffd"


@dataclass(frozen=True)
class Vocabulary:
    """What a text is cut into, and the number of each piece.

    Attributes:
        method: `char`; `word` (with the blank before it); `bpe`, pieces of bytes; `symbol`, what stands between blanks;
            `notes` and `frames`, music note by note or step by step: the bar and all pitches.
        tokens: [V] by number: padding, unknown, the end of a text, then by falling count. merges: of `bpe`.
    """

    method: Method
    tokens: tuple[str, ...]
    merges: tuple[tuple[str, str], ...] = ()

    def __len__(self) -> int:
        return len(self.tokens)

    @classmethod
    def fit(
        cls, texts: Sequence[str], method: Method, vocabulary: int | None = None, min_count: int | None = None
    ) -> tuple[Vocabulary, Note]:
        """Choose the tokens of training texts.

        Args:
            texts: of the training part. method: how they are cut.
            vocabulary: most tokens, those with a meaning of their own (three) among them; None takes 10,000 characters,
                20,000 words or symbols, 2,000 byte pairs.
            min_count: how often one must occur; None takes 1 for characters and symbols, 2 for words and byte pairs.

        Raises:
            DataError: fewer than two tokens are left. MissingExtraError: `bpe` without the `tokenizers` library.
        """
        if method in MUSIC:
            count = sum(len(chords_of(text)) for text in texts)
            return cls(method, (*SPECIAL, *TOKENS)), Note("vocabulary", "{count} steps of music.", {"count": count})
        size = SIZES[method] if vocabulary is None else vocabulary
        least = LEAST[method] if min_count is None else min_count
        counts: Counter[str] = Counter()
        if method == "bpe":
            made = cls("bpe", *bytepairs.train(texts, size, least, SPECIAL, whole=True))
            pieces = len(made) - len(SPECIAL)
            return made, Note("vocabulary", "The vocabulary has {size} pieces of bytes.", {"size": pieces})
        for text in texts:
            counts.update(_cut(text, method))
        ranked = sorted(counts, key=lambda token: (-counts[token], token))
        kept = [token for token in ranked if counts[token] >= least][: size - len(SPECIAL)]
        if len(kept) < 2:
            message = (
                "the training text has {count} different tokens, {count2} of them at least {least} times: nothing can "
                "be learned from it; give a longer text, or cut it otherwise (tokens='char')"
            )
            raise DataError(tr(message, count=len(ranked), count2=len(kept), least=least))
        return cls(method, (*SPECIAL, *kept)), kept_note(counts, kept, least)

    def cut(self, text: str) -> list[str]:
        """The tokens of a text, known or not, which joined are the text (but for blanks between symbols).

        Raises:
            MissingExtraError: `bpe` without the `tokenizers` library.
        """
        if self.method == "bpe":
            return bytepairs.cut(self.tokens, self.merges, [text], whole=True)[0]
        return _cut(text, self.method)

    def encode(self, text: str) -> NDArray[np.int32]:
        """Numbers of a text's tokens, 1 for those that the vocabulary has not.

        Raises:
            MissingExtraError: as `cut`.
        """
        get = self.numbers.get
        if self.method == "char":  # characters by their code points, at once
            codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
            found, where = np.unique(codes, return_inverse=True)
            table = np.array([get(chr(code), UNKNOWN) for code in found.tolist()], np.int32)
            return table[where] if len(codes) else np.empty(0, np.int32)
        pieces = self.cut(text)
        return np.fromiter((get(piece, UNKNOWN) for piece in pieces), np.int32, len(pieces))

    def decode(self, numbers: Any) -> str:
        """The text of tokens; a sign of its own for the unknown one, and for bytes that are no whole character."""
        pieces = self.pieces
        text = b"".join(pieces[number] for number in np.asarray(numbers).tolist()).decode("utf-8", "replace")
        return text.removesuffix(" ") if self.method in ("symbol", *MUSIC) else text

    def unseen(self, text: str) -> list[str]:
        """Tokens of a text that the vocabulary has not, each once."""
        return [piece for piece in dict.fromkeys(self.cut(text)) if piece not in self.numbers]

    @cached_property
    def pieces(self) -> tuple[bytes, ...]:
        """[V] the bytes that each token adds to a text."""
        if self.method == "bpe":
            bytes_of = bytepairs.letters()
            own = [bytes(bytes_of.get(letter, 0x3F) for letter in token) for token in self.tokens[len(SPECIAL) :]]
        else:
            after = " " if self.method in ("symbol", *MUSIC) else ""
            own = [(token + after).encode("utf-8", "replace") for token in self.tokens[len(SPECIAL) :]]
        return (b"", _STRANGE.encode(), b"", *own)

    def to_json(self) -> dict[str, Any]:
        return {"method": self.method, "tokens": list(self.tokens), "merges": [list(pair) for pair in self.merges]}

    @classmethod
    def from_json(cls, state: Any) -> Vocabulary:
        """What `to_json` wrote.

        Raises:
            ArtifactError: it is none.
        """
        if not isinstance(state, Mapping) or set(state) != {"method", "tokens", "merges"}:
            raise ArtifactError("preparation.json: vocabulary: expected method, tokens and merges")
        method, tokens, merges = state["method"], state["tokens"], state["merges"]
        if method not in METHODS or not isinstance(tokens, list) or not isinstance(merges, list):
            raise ArtifactError(f"preparation.json: vocabulary: method is one of {', '.join(METHODS)}, with lists")
        text = all(isinstance(token, str) for token in tokens)
        if not text or len(set(tokens)) != len(tokens) or tuple(tokens[:3]) != SPECIAL or len(tokens) > LARGEST:
            raise ArtifactError(
                "preparation.json: vocabulary: tokens are different texts, first the three special ones"
            )
        if not all(isinstance(p, list) and len(p) == 2 and all(isinstance(x, str) for x in p) for p in merges):
            raise ArtifactError("preparation.json: vocabulary: merges are pairs of texts")
        if method in MUSIC and tuple(tokens) != (*SPECIAL, *TOKENS):
            raise ArtifactError("preparation.json: vocabulary: music has a bar and 128 pitches")
        known = set(tokens)
        if any(left + right not in known or left not in known or right not in known for left, right in merges):
            raise ArtifactError("preparation.json: vocabulary: merges join tokens to tokens")
        return cls(method, tuple(tokens), tuple((left, right) for left, right in merges))

    @cached_property
    def numbers(self) -> dict[str, int]:
        """Token -> number, of those that stand for text."""
        return {token: number for number, token in enumerate(self.tokens) if number >= len(SPECIAL)}


def _cut(text: str, method: str) -> list[str]:
    if method == "char":
        return list(text)
    return _WORD.findall(text) if method == "word" else text.split()
