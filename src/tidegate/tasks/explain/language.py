"""Which tokens surprised a language model, and what it expected in their place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.checks import whole
from tidegate.core.errors import DataError
from tidegate.core.notebook import Notebook
from tidegate.core.text import aligned
from tidegate.core.translate import Language, tr
from tidegate.prepare.notes import chords_of, roll_of, text_of
from tidegate.prepare.vocabulary import END
from tidegate.runtime.language.model import surprise
from tidegate.runtime.language.written import visible
from tidegate.runtime.network.network import run_network

SHOWN, EXPECTED = 12, 3


@dataclass(frozen=True, repr=False)
class Surprise(Notebook):
    """How surprising each token of a text was.

    Attributes:
        tokens: [N] as they stand. bits: [N] -log2 p of each after those before it.
        expected: [N] the likeliest tokens there, each with its probability.
    """

    tokens: tuple[str, ...]
    bits: NDArray[np.float64]
    expected: tuple[tuple[tuple[str, float], ...], ...]

    @property
    def mean(self) -> float:
        """Bits of a token."""
        return float(self.bits.mean())

    def places(self, count: int = SHOWN) -> list[int]:
        """Where it was surprised most, the most surprising first."""
        return [int(place) for place in np.argsort(-self.bits, kind="stable")[:count]]

    def rows(self, count: int = SHOWN) -> list[list[str]]:
        """The most surprising tokens: what stands before, the token, its bits, and what was expected instead."""
        found = []
        for place in self.places(count):
            before = "".join(self.tokens[max(0, place - 24) : place])[-24:]
            likely = ", ".join(f"{_quoted(token)} {100 * share:.0f} %" for token, share in self.expected[place])
            found.append([_quoted(before), _quoted(self.tokens[place]), f"{self.bits[place]:.1f}", likely])
        return found

    def table(self, lang: Language | None = None) -> str:
        """How surprising the text was, and where most."""
        head = [tr("what stood before", lang), tr("came", lang), tr("bits", lang), tr("expected", lang)]
        message = "{count} tokens, {bits} bits each on average; the most surprising:"
        mean = tr(message, lang, count=len(self.bits), bits=f"{self.mean:.2f}")
        return "\n".join([mean, "", *aligned([head, *self.rows()])])

    def __str__(self) -> str:
        return self.table()

    def to_json(self) -> dict[str, Any]:
        """Plain values for machines."""
        expected = [list(map(list, own)) for own in self.expected]
        return {"tokens": list(self.tokens), "bits": self.bits.tolist(), "expected": expected}


def _quoted(text: str) -> str:
    return repr(visible(text))


def explain_text(model: Any, text: str, length: int) -> Surprise:
    """Arguments and errors as of `LanguageModel.explain`."""
    whole("length", length, 1)
    own = model.model_
    vocabulary = own.vocabulary
    if vocabulary.method == "frames":
        return _explain_frames(own, text, length)
    numbers = vocabulary.encode(text if own.music else text[: 8 * length + 64])[:length]
    if not len(numbers):
        raise DataError(tr("the text is empty: there is nothing to explain"))
    pieces = vocabulary.pieces
    fed: NDArray[Any] = np.concatenate([np.array([END], np.int32), numbers[:-1]])
    scores = run_network(own.spec, own.weights, fed[None]).values[0, :, 0]
    bits = surprise(scores, numbers) / np.log(2)
    shares = np.exp(scores.astype(np.float64) - scores.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    best = np.argsort(-shares, axis=1, kind="stable")[:, :EXPECTED]
    expected = tuple(
        tuple((pieces[number].decode("utf-8", "replace"), float(row[number])) for number in chosen)
        for row, chosen in zip(shares, best.tolist(), strict=True)
    )
    tokens = tuple(pieces[number].decode("utf-8", "replace") for number in numbers.tolist())
    return Surprise(tokens, bits, expected)


def _explain_frames(own: Any, text: str, length: int) -> Surprise:
    """Steps in the place of tokens, and notes in that of what was expected, each with a probability of its own."""
    chords = chords_of(text)[:length]
    if not chords:
        raise DataError(tr("the piece is empty: there is nothing to explain"))
    roll = roll_of(chords)
    fed = np.concatenate([np.zeros_like(roll[:1]), roll[:-1]])
    scores = run_network(own.spec, own.weights, fed[None]).values[0, :, 0].astype(np.float64)
    bits = np.logaddexp(0, np.where(roll > 0, -scores, scores)).sum(axis=1) / np.log(2)
    best = np.argsort(-scores, axis=1, kind="stable")[:, :EXPECTED]
    likely = 1 / (1 + np.exp(-np.take_along_axis(scores, best, axis=1)))
    expected = tuple(
        tuple((str(pitch), share) for pitch, share in zip(*pair, strict=True))
        for pair in zip(best.tolist(), likely.tolist(), strict=True)
    )
    return Surprise(tuple(text_of([chord]) + " " for chord in chords), bits, expected)
