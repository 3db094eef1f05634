"""A trained translator with numpy alone: texts in, the likeliest texts out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NoReturn

import numpy as np
from numpy.typing import NDArray

from tidegate.artifacts.artifact import Artifact
from tidegate.artifacts.spec import NetworkSpec
from tidegate.core.errors import ArtifactError, ConfigError, DataError
from tidegate.core.translate import tr
from tidegate.prepare.sides import Side
from tidegate.prepare.vocabulary import END
from tidegate.runtime.model import Model, require_task
from tidegate.runtime.network.network import read_source
from tidegate.runtime.network.recurrent import Loaded
from tidegate.runtime.network.write import Pen
from tidegate.runtime.text.beam import Beam, Hypothesis, search
from tidegate.runtime.text.terms import Glossary, Term, Terms, going_on
from tidegate.runtime.text.written import barred_by, decoding_of, on_all

TASK = "translator"
AT_ONCE = 48  # texts that are written together
STEP = 8  # lengths of sources come in multiples of it, so that a text's figures do not depend on its neighbours
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Translation:
    """A text that was written for a source.

    Attributes:
        source, text: as read and as written. log_probability: of the whole text. score: what ranks it.
        source_tokens: [S] what was read, the end among it. tokens: [K] what was written, then "" for the end.
        attention: [K, S] where each of them looked; None where the network has no attention.
        numbers: [K - 1] of the tokens, those past the vocabulary copied.
    """

    source: str
    text: str
    log_probability: float
    score: float
    source_tokens: tuple[str, ...]
    tokens: tuple[str, ...]
    attention: NDArray[np.float32] | None
    numbers: tuple[int, ...] = ()

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class TranslationModel(Model[Sequence[str], list[str]]):
    """A trained translator that needs numpy only.

    Attributes:
        spec: the network's. weights: its tensors, as the engine likes them. source, target: tokens of both sides.
        search: how texts are searched for where nothing else is said. longest: most tokens of a training target.
    """

    task: ClassVar[str] = TASK
    spec: NetworkSpec
    weights: Loaded
    source: Side
    target: Side
    search: Beam
    longest: int

    @classmethod
    def of(cls, artifact: Artifact) -> TranslationModel:
        require_task(artifact, (TASK,))
        state, spec = artifact.preparation, artifact.record.network
        beam, longest = decoding_of(artifact, {"source", "target"})
        source, target = Side.from_json(state["source"]), Side.from_json(state["target"])
        sizes = (spec.find("tokens").vocabulary if spec.find("tokens") is not None else 0, spec.outputs)
        if spec.layers[-1].kind != "write" or sizes != (len(source), len(target)):
            raise ArtifactError("preparation.json: the vocabularies do not fit the network")
        return cls(spec, Loaded(artifact.weights), source, target, beam, longest)

    def predict(self, data: Sequence[str], **how: Any) -> list[str]:
        """The best text for each source; arguments and errors as of `translate`."""
        return [found[0].text for found in self.translate(data, **how)]

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
        if isinstance(texts, str) or any(not isinstance(text, str) for text in texts):
            raise DataError(tr("a translator takes a list of texts"))
        options = self.search.changed(how)
        barred = barred_by(allowed, self.target)
        pieces = self.source.cut_all(texts)
        wanted = self._wanted(texts, pieces, glossary, options)
        groups: dict[tuple[int, int], list[int]] = {}
        for place, own in enumerate(pieces):
            banks = 1 + sum(len(term.tokens) for term in wanted[place])
            groups.setdefault((-(-(len(own) + 1) // STEP), banks), []).append(place)
        chunks = [
            ordered[first : first + max(AT_ONCE // banks, 1)]
            for (_, banks), ordered in sorted(groups.items(), reverse=True)
            for first in range(0, len(ordered), max(AT_ONCE // banks, 1))
        ]
        found: list[list[Translation]] = [[] for _ in texts]

        def write(chunk: list[int]) -> None:
            each = self._write([pieces[at] for at in chunk], options, barred, [wanted[at] for at in chunk])
            for place, own in zip(chunk, each, strict=True):
                found[place] = [self._made(texts[place], pieces[place], one) for one in own]

        on_all(chunks, write)
        return found

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

    def _write(
        self,
        pieces: Sequence[Sequence[str]],
        options: Beam,
        barred: NDArray[np.bool_] | None,
        wanted: Sequence[Sequence[Term]],
    ) -> list[list[Hypothesis]]:
        lengths = np.array([len(own) + 1 for own in pieces], np.int64)
        steps = int(-(-lengths.max() // STEP) * STEP)
        tokens = np.zeros((len(pieces), steps), np.int64)
        copies = np.full((len(pieces), steps), -1, np.int64) if self.copying else None
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
            limits = np.full(len(pieces), options.max_length)
        limits = np.maximum(limits, max(options.min_length, sum(len(term.tokens) for term in wanted[0])))
        terms = Terms(wanted, going_on(self.target), extra) if wanted[0] else None
        return search(pen, options, limits, copies=copies, extra=extra, barred=barred, terms=terms)

    @property
    def copying(self) -> bool:
        """Whether it takes tokens from the source."""
        return bool(getattr(self.spec.layers[-1], "copying", False))

    def _made(self, source: str, pieces: Sequence[str], found: Hypothesis) -> Translation:
        words = self.target.copies(pieces)[1] if self.copying else ()
        known, size = self.target.vocabulary.pieces, len(self.target)
        tokens = [
            known[number].decode("utf-8", "replace") if number < size else words[number - size]
            for number in (*found.tokens, END)
        ]
        attention = None if found.attention is None else found.attention[:, : len(pieces) + 1]
        return Translation(
            source,
            self.target.decode(found.tokens, words),
            found.log_probability,
            found.score,
            (*shown(self.source, pieces), ""),
            tuple(tokens),
            attention,
            found.tokens,
        )

    def stream(self, snapshot: bytes | None = None) -> NoReturn:
        """Not for this task. Raises: ConfigError: always, with what to do instead."""
        raise ConfigError("a translator writes when a source is complete, not step by step: give predict() the texts")


def shown(side: Side, pieces: Sequence[str]) -> list[str]:
    """Tokens as they are read: those of bytes as the letters that they stand for."""
    if side.vocabulary.method != "bpe":
        return list(pieces)
    known, numbers = side.vocabulary.pieces, side.vocabulary.numbers
    return [known[numbers[piece]].decode("utf-8", "replace") if piece in numbers else piece for piece in pieces]
