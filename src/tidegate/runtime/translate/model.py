"""A trained translator with numpy alone: texts in, the likeliest texts out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NoReturn

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError, DataError
from tidegate.core.translate import tr
from tidegate.prepare.sides import Side
from tidegate.runtime.network.network import read_source
from tidegate.runtime.network.write import Pen
from tidegate.runtime.text.beam import Beam, Hypothesis, search
from tidegate.runtime.text.model import AT_ONCE, WritingModel, Written
from tidegate.runtime.text.terms import Glossary, Term, Terms, going_on

STEP = 8  # lengths of sources come in multiples of it, so that a text's figures do not depend on its neighbours
Read = tuple[Sequence[str], Sequence[Term]]  # tokens of a source, and the terms that its text must hold


@dataclass(frozen=True)
class Translation(Written):
    """A text that was written for a source.

    Attributes:
        attention: [K, S] where each token looked. source: as read.
        source_tokens: [S] what was read, the end among it.
    """

    source: str
    source_tokens: tuple[str, ...]


@dataclass(frozen=True)
class TranslationModel(WritingModel[Side, Translation]):
    """A trained translator that needs numpy only; `source` are the tokens of the other side."""

    task: ClassVar[str] = "translator"
    SOURCE: ClassVar[tuple[str, Any]] = ("source", Side)
    VERB: ClassVar[str] = "translate"

    def translate(
        self,
        texts: Sequence[str],
        *,
        allowed: Sequence[str] | None = None,
        glossary: Mapping[str, str] | None = None,
        **how: Any,
    ) -> list[list[Translation]]:
        """The best texts for each source, best first.

        What is written for a source does not depend on which others are beside it, nor on how many threads there are.

        Args:
            texts: sources. allowed: words or texts of whose tokens alone something may be written; None takes all.
            glossary: source term -> how it must be written in the text of a source that holds it.
            how: options of `Beam` other than those of the model.

        Raises:
            DataError: what is given is no list of texts. ConfigError: an option that cannot be; a term of the glossary
                that cannot be written.
        """
        return self._write(texts, allowed, how, glossary=glossary)

    def _fits(self) -> bool:
        tokens = self.spec.find("tokens")
        size = 0 if tokens is None else tokens.vocabulary
        return self.spec.layers[-1].kind == "write" and size == len(self.source)

    def _read(self, inputs: Sequence[Any], options: Beam, glossary: Mapping[str, str] | None = None) -> list[Read]:
        if isinstance(inputs, str) or any(not isinstance(text, str) for text in inputs):
            raise DataError(tr("a translator takes a list of texts"))
        pieces = self.source.cut_all(inputs)
        return list(zip(pieces, self._wanted(inputs, pieces, glossary, options), strict=True))

    def _wanted(
        self, texts: Sequence[str], pieces: Sequence[Sequence[str]], glossary: Mapping[str, str] | None, options: Beam
    ) -> list[list[Term]]:
        """Of each source the terms that its text must hold."""
        if glossary is None:
            return [[] for _ in texts]
        terms = Glossary(glossary, self.source, self.target, copying=self.copying)
        found = []
        for text, own in zip(texts, pieces, strict=True):
            found.append(terms.wanted(text, self.target.copies(own)[1] if self.copying else ()))
            count = sum(len(term.tokens) for term in found[-1])
            if options.max_length is not None and count > options.max_length:
                message = "the glossary's terms for {text!r} take {count} tokens, more than max_length {most}"
                raise ConfigError(tr(message, text=text[:60], count=count, most=options.max_length))
        return found

    def _chunks(self, read: list[Read]) -> Iterable[Sequence[int]]:
        groups: dict[tuple[int, int], list[int]] = {}
        for place, (own, terms) in enumerate(read):
            banks = 1 + sum(len(term.tokens) for term in terms)
            groups.setdefault((-(-(len(own) + 1) // STEP), banks), []).append(place)
        for (_, banks), places in sorted(groups.items(), reverse=True):
            size = max(AT_ONCE // banks, 1)
            yield from (places[first : first + size] for first in range(0, len(places), size))

    def _search(self, read: list[Read], options: Beam, barred: NDArray[np.bool_] | None) -> list[list[Hypothesis]]:
        pieces, wanted = zip(*read, strict=True)
        lengths = np.array([len(own) + 1 for own in pieces], np.int64)
        steps = int(-(-lengths.max() // STEP) * STEP)
        tokens = np.zeros((len(read), steps), np.int64)
        copies = np.full((len(read), steps), -1, np.int64) if self.copying else None
        extra = 0
        for row, own in enumerate(pieces):
            tokens[row, : lengths[row]] = self.source.encode(own)
            if copies is not None:
                copies[row, : lengths[row]], words = self.target.copies(own)
                extra = max(extra, len(words))
        sequence, lengths_read = read_source(self.spec, self.weights, tokens, lengths)
        pen = Pen(self.spec, self.weights, sequence, lengths_read)
        limits = np.minimum(2 * lengths + 10, self.longest)
        if options.max_length is not None:
            limits = np.full(len(read), options.max_length)
        limits = np.maximum(limits, max(options.min_length, sum(len(term.tokens) for term in wanted[0])))
        terms = Terms(wanted, going_on(self.target), extra) if wanted[0] else None
        return search(pen, options, limits, copies=copies, extra=extra, barred=barred, terms=terms)

    @property
    def copying(self) -> bool:
        """Whether it takes tokens from the source."""
        return bool(getattr(self.spec.layers[-1], "copying", False))

    def _made(self, given: Any, read: Read, found: Hypothesis) -> Translation:
        pieces, _ = read
        words = self.target.copies(pieces)[1] if self.copying else ()
        attention = None if found.attention is None else found.attention[:, : len(pieces) + 1]
        tokens = (*shown(self.source, pieces), "")
        return Translation(**self._common(found, words), attention=attention, source=given, source_tokens=tokens)

    def stream(self, snapshot: bytes | None = None) -> NoReturn:
        """Not for this task. Raises: ConfigError: always, with what to do instead."""
        raise ConfigError(
            tr("a translator writes when a source is complete, not step by step: give predict() the texts")
        )


def shown(side: Side, pieces: Sequence[str]) -> list[str]:
    """Tokens as they are read: those of bytes as the letters that they stand for."""
    if side.vocabulary.method != "bpe":
        return list(pieces)
    known, numbers = side.vocabulary.pieces, side.vocabulary.numbers
    return [known[numbers[piece]].decode("utf-8", "replace") if piece in numbers else piece for piece in pieces]
