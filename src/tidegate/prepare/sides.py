"""One side of pairs of texts: how its texts become tokens and tokens become text again."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ArtifactError
from tidegate.core.table import Note
from tidegate.prepare.sequence import bytepairs
from tidegate.prepare.vocabulary import END, UNKNOWN, Method, Vocabulary

Ints = NDArray[np.int64]
SPACED = ("word", "bpe")  # whose tokens carry the blank before them


@dataclass(frozen=True)
class Side:
    """The tokens of the sources, or of the targets.

    Attributes:
        vocabulary: its tokens. lowercase: whether capitals are read as small letters.
    """

    vocabulary: Vocabulary
    lowercase: bool

    def __len__(self) -> int:
        return len(self.vocabulary)

    @classmethod
    def fit(
        cls, texts: Sequence[str], method: Method, *, vocabulary: int | None, min_count: int | None, lowercase: bool
    ) -> tuple[Side, Note]:
        """Choose the tokens of training texts; arguments and errors as of `Vocabulary.fit`."""
        tidied = [tidy(text, method, lowercase) for text in texts]
        found, note = Vocabulary.fit(tidied, method, vocabulary, min_count)
        return cls(found, lowercase), note

    def cut(self, text: str) -> list[str]:
        """The tokens of a text, known or not."""
        return self.vocabulary.cut(tidy(text, self.vocabulary.method, self.lowercase))

    def cut_all(self, texts: Sequence[str]) -> list[list[str]]:
        """As `cut`, of many texts at once."""
        own = self.vocabulary
        tidied = [tidy(text, own.method, self.lowercase) for text in texts]
        if own.method == "bpe":
            return bytepairs.cut(own.tokens, own.merges, tidied, whole=True)
        return [own.cut(text) for text in tidied]

    def encode(self, pieces: Sequence[str]) -> Ints:
        """Numbers of tokens, then the end."""
        known = self.vocabulary.numbers
        return np.array([*(known.get(piece, UNKNOWN) for piece in pieces), END], np.int64)

    def decode(self, numbers: Sequence[int], extra: Sequence[str] = ()) -> str:
        """The text of tokens; those past the vocabulary are the extra ones."""
        size = len(self.vocabulary)
        text, known = "", []
        for number in numbers:
            if number < size:
                known.append(number)
                continue
            text += self.vocabulary.decode(known) + extra[number - size]
            known = []
        return (text + self.vocabulary.decode(known)).strip()

    def copies(self, pieces: Sequence[str]) -> tuple[Ints, tuple[str, ...]]:
        """What each token of a source is written as in this side, then -1 for its end; and tokens that this lacks.

        Args:
            pieces: of a source. Those that this side's vocabulary lacks are numbered from V on.
        """
        known, size = self.vocabulary.numbers, len(self.vocabulary)
        extra: dict[str, int] = {}
        found = [known[piece] if piece in known else extra.setdefault(piece, size + len(extra)) for piece in pieces]
        return np.array([*found, -1], np.int64), tuple(extra)

    def to_json(self) -> dict[str, Any]:
        return {"vocabulary": self.vocabulary.to_json(), "lowercase": self.lowercase}

    @classmethod
    def from_json(cls, state: Any) -> Side:
        """What `to_json` wrote.

        Raises:
            ArtifactError: it is none.
        """
        fields = {"vocabulary", "lowercase"}
        if not isinstance(state, Mapping) or set(state) != fields or not isinstance(state["lowercase"], bool):
            raise ArtifactError("preparation.json: a side of pairs has vocabulary and lowercase")
        return cls(Vocabulary.from_json(state["vocabulary"]), state["lowercase"])


def tidy(text: str, method: str, lowercase: bool) -> str:
    """Composed letters, single blanks, and before words one blank, so that the first word is as any other."""
    text = " ".join(unicodedata.normalize("NFC", text).split())
    text = text.lower() if lowercase else text
    return f" {text}" if method in SPACED and text else text
