"""A trained model that writes texts, with numpy alone: inputs in, the likeliest texts out."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from tidegate.artifacts.artifact import Artifact
from tidegate.artifacts.spec import NetworkSpec
from tidegate.core.errors import ArtifactError, ConfigError
from tidegate.core.translate import tr
from tidegate.kernels.library import on_threads, threads
from tidegate.prepare.sides import Side
from tidegate.prepare.vocabulary import END
from tidegate.runtime.model import Model, require_task
from tidegate.runtime.network.recurrent import Loaded
from tidegate.runtime.text.beam import Beam, Hypothesis, unbarred

AT_ONCE = 48  # texts that are written together
Source = TypeVar("Source")
Text = TypeVar("Text", bound="Written")


@dataclass(frozen=True)
class Written:
    """A text that was written for an input.

    Attributes:
        text: as written. log_probability: of all of it. score: what ranks it.
        tokens: [K] what was written, then "" for the end. numbers: [K - 1] of them, those past the vocabulary copied.
        attention: [K, ...] where each of them looked; None where the network has no attention.
    """

    text: str
    log_probability: float
    score: float
    tokens: tuple[str, ...]
    numbers: tuple[int, ...]
    attention: NDArray[np.float32] | None

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class WritingModel(Model[Sequence[Any], list[str]], Generic[Source, Text]):
    """A trained model that writes and needs numpy only.

    A task answers how inputs are read (`_read`), which are written for together (`_chunks`), what is searched for them
    (`_search`), and what a found text tells besides (`_made`).

    Attributes:
        SOURCE: what `preparation.json` calls the state of `source`, and its class. VERB: the method that writes.
        spec: the network's. weights: its tensors, as the engine likes them.
        source: how inputs are read: tokens of the other side, or the preparation of pictures. target: tokens of texts.
        search: how they are searched for where nothing else is said. longest: most tokens of a text.
    """

    SOURCE: ClassVar[tuple[str, Any]]
    VERB: ClassVar[str]
    spec: NetworkSpec
    weights: Loaded
    source: Source
    target: Side
    search: Beam
    longest: int

    @classmethod
    def of(cls, artifact: Artifact) -> Any:
        require_task(artifact, (str(cls.task),))
        (name, kind), state = cls.SOURCE, artifact.preparation
        beam, longest = decoding_of(artifact, {name, "target"})
        source, target = kind.from_json(state[name]), Side.from_json(state["target"])
        model = cls(artifact.record.network, Loaded(artifact.weights), source, target, beam, longest)
        if not model._fits() or model.spec.outputs != len(target):
            raise ArtifactError(f"preparation.json: {name} and target do not fit the network")
        return model

    def predict(self, data: Sequence[Any], **how: Any) -> list[str]:
        """The best text for each input; arguments and errors as of the method that writes."""
        return [found[0].text for found in getattr(self, self.VERB)(data, **how)]

    @abstractmethod
    def _fits(self) -> bool:
        """Whether `source` fits the network."""

    @abstractmethod
    def _read(self, inputs: Sequence[Any], options: Beam) -> list[Any]:
        """What is searched with, for each input; a task may have options of its own."""

    @abstractmethod
    def _chunks(self, read: list[Any]) -> Iterable[Sequence[int]]:
        """Places of inputs that are written for together, at most `AT_ONCE`."""

    @abstractmethod
    def _search(self, read: list[Any], options: Beam, barred: NDArray[np.bool_] | None) -> list[list[Hypothesis]]:
        """The best hypotheses for each input of a chunk."""

    @abstractmethod
    def _made(self, given: Any, read: Any, found: Hypothesis) -> Text:
        """A hypothesis as a text."""

    def _write(
        self, inputs: Sequence[Any], allowed: Sequence[str] | None, how: Mapping[str, Any], **own: Any
    ) -> list[list[Text]]:
        """The best texts for each input, best first; `how` are options of `Beam`, `own` those of `_read`."""
        options, barred = self.search.changed(how), barred_by(allowed, self.target)
        read = self._read(inputs, options, **own)
        found: list[list[Text]] = [[] for _ in read]

        def write(places: Sequence[int]) -> None:
            each = self._search([read[place] for place in places], options, barred)
            for place, best in zip(places, each, strict=True):
                found[place] = [self._made(inputs[place], read[place], one) for one in best]

        on_all(list(self._chunks(read)), write)
        return found

    def _common(self, found: Hypothesis, words: Sequence[str] = ()) -> dict[str, Any]:
        """Fields of a `Written` but for its attention; `words` are tokens past the vocabulary."""
        known, size = self.target.vocabulary.pieces, len(self.target)
        tokens = (
            known[number].decode("utf-8", "replace") if number < size else words[number - size]
            for number in (*found.tokens, END)
        )
        return {
            "text": self.target.decode(found.tokens, words),
            "log_probability": found.log_probability,
            "score": found.score,
            "tokens": tuple(tokens),
            "numbers": found.tokens,
        }


def barred_by(allowed: Sequence[str] | None, target: Side) -> NDArray[np.bool_] | None:
    """[V] the tokens that may not be written, where only those of some words or texts may.

    Raises:
        ConfigError: they are no list of texts, there are none, or one holds a token that the model has not.
    """
    if allowed is None:
        return None
    if isinstance(allowed, str) or not all(isinstance(text, str) for text in allowed) or not "".join(allowed).strip():
        raise ConfigError(tr("allowed is a list of words or texts that may be written, at least one of them"))
    known = target.vocabulary.numbers
    pieces = list(dict.fromkeys(piece for text in allowed for piece in target.cut(text)))
    strange = [piece.strip() for piece in pieces if piece not in known]
    if strange:
        message = "allowed: the model has no token for {pieces}; leave out what it cannot write"
        raise ConfigError(tr(message, pieces=", ".join(map(repr, strange[:5]))))
    return unbarred(sorted(known[piece] for piece in pieces), len(target))


def decoding_of(artifact: Artifact, sides: set[str]) -> tuple[Beam, int]:
    """How an artifact's model searches, and the most tokens of a text.

    Args:
        artifact: of a model that writes. sides: what its preparation must have.

    Raises:
        ArtifactError: its parts do not fit.
    """
    decoding = artifact.record.decoding
    if set(artifact.preparation) != sides or set(decoding) != {"search", "longest"}:
        raise ArtifactError(f"model.json, preparation.json: expected {', '.join(sorted(sides))}, search and longest")
    longest, options = decoding["longest"], decoding["search"]
    if not isinstance(longest, int) or isinstance(longest, bool) or longest < 1 or not isinstance(options, dict):
        raise ArtifactError("model.json: decoding: longest is a whole number from 1, search a mapping")
    try:
        return Beam().changed(options), longest
    except ConfigError as error:
        raise ArtifactError(f"model.json: decoding: search: {error}") from error


def on_all(chunks: Sequence[Any], write: Callable[[Any], None]) -> None:
    """Call a function on chunks, on as many threads as there are, each alone with its own products."""

    def one(chunk: Any) -> None:
        with on_threads(1):
            write(chunk)

    count = min(threads(), len(chunks), os.cpu_count() or 1)
    if count < 2:
        for chunk in chunks:
            one(chunk)
        return
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(count) as pool:
        list(pool.map(one, chunks))
