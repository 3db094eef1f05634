"""Texts written by a model: a prompt continued, one token after another, for one text or many at once."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.artifacts.spec import NetworkSpec
from tidegate.core.checks import whole
from tidegate.core.errors import ConfigError, DataError
from tidegate.core.translate import tr
from tidegate.kernels.write import Write
from tidegate.prepare.vocabulary import END, PADDING, UNKNOWN, Vocabulary
from tidegate.runtime.language.music import ChordRule, check_melody
from tidegate.runtime.language.sampling import LOW, Draws, Sampling, kept, penalised
from tidegate.runtime.language.writer import Writer
from tidegate.runtime.language.written import Writing, Written
from tidegate.runtime.limits import check_room
from tidegate.runtime.network.recurrent import Loaded

Array = NDArray[np.float32]
CHUNK = 64  # tokens that are written in one call


@dataclass
class _Text:
    """One text while it is written."""

    prompt: str
    decoder: codecs.IncrementalDecoder = field(default_factory=lambda: codecs.getincrementaldecoder("utf-8")("replace"))
    parts: list[str] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    tail: str = ""
    held: str = ""
    nats: float = 0.0
    stopped: str = ""


class Generation(Writing):
    """Texts that continue one prompt, side by side; go through it for the pieces as they come, or `run()` it.

    Args:
        spec, weights, vocabulary: of a model. prompt: begins every text, and is kept. length: tokens at most.
        count: S, how many texts. sampling: how tokens are drawn. stop: strings that end a text; they are left out.
        ends: whether the model may end a text itself. measure: whether `Written.nats` is wanted.
        music: what a model of notes says of its music; length then counts steps. melody: as of `ChordRule`.

    Raises:
        ConfigError: an option that cannot be. DataError: a symbol of the prompt that the model never saw.
    """

    def __init__(
        self,
        spec: NetworkSpec,
        weights: Loaded,
        vocabulary: Vocabulary,
        prompt: str = "",
        *,
        length: int = 500,
        count: int = 1,
        sampling: Sampling | None = None,
        stop: Sequence[str] = (),
        ends: bool = False,
        measure: bool = True,
        music: Mapping[str, float] | None = None,
        melody: Sequence[int | None] = (),
    ) -> None:
        for name, value in (("length", length), ("count", count)):
            whole(name, value, 1)
        if isinstance(stop, str) or any(not isinstance(part, str) or not part for part in stop):
            raise ConfigError(tr("stop is a list of strings that are not empty; got {stop}", stop=repr(stop)))
        layers, units = spec.encoder.num_layers, spec.encoder.hidden_size
        check_room(4 * count * (2 * layers * units + 3 * spec.outputs) + 64 * count * length, f"{count} texts")
        self.vocabulary, self.length, self.ends = vocabulary, length, ends
        self.sampling = sampling or Sampling()
        self.stop, self.longest = tuple(stop), max(map(len, stop), default=1) - 1
        self.measure = measure or count > 1
        numbers = read_prompt(vocabulary, prompt)
        self.rule = None
        if music is not None:
            tune = check_melody(melody, music)
            self.rule = ChordRule(music, spec.outputs, numbers.tolist(), count, length, tune, ends)
            self.length *= int(music["most"]) + 1  # tokens, at most
            prompt = f"{prompt} " if prompt else prompt
        self.prompt = prompt
        self.writer = Writer(spec, weights, count)
        self.scores = self.writer.read(np.concatenate([np.array([END], np.int32), numbers]))
        self.draws = Draws(self.sampling.seed, count, spec.outputs)
        self.texts = [_Text(prompt) for _ in range(count)]
        self.scale = np.float32(1 / (self.sampling.temperature or 1.0))
        self.never = np.zeros(spec.outputs, np.float32)
        self.never[[PADDING, UNKNOWN, *([] if ends else [END])]] = LOW

    def __iter__(self) -> Iterator[list[str]]:
        """What each text grows by at every token; "" for one that has ended."""
        if self.writer.write is not None and self.sampling.plain and self.rule is None:
            yield from self._at_once(self.writer.write)
            return
        for _ in range(self.length):
            tokens = self._choose()
            grown = [self._grow(own, token) for own, token in zip(self.texts, tokens.tolist(), strict=True)]
            if self.rule is not None:
                for place, (own, token) in enumerate(zip(self.texts, tokens.tolist(), strict=True)):
                    if self.rule.take(place, token) and not own.stopped:
                        own.stopped = "length"
            yield grown
            if all(own.stopped for own in self.texts):
                return
            self.scores = self.writer.step(tokens)
        yield [self._finish(own) for own in self.texts]

    def _at_once(self, write: Write) -> Iterator[list[str]]:
        """One text, some tokens in each call."""
        [own], left, scores = self.texts, self.length, self.scores[0]
        while left:
            count = min(left, CHUNK)
            noise = None if self.sampling.temperature == 0 else self.draws.take(count)[:, 0]
            tokens = np.full(count if noise is None else len(noise), -1, np.int64)
            count, rows = write(scores, tokens, self.never, float(self.scale), noise, END)
            left, scores = left - count, rows[count]
            chosen = tokens[:count].tolist()
            nats = _nats(rows[:count] + self.never, tokens[:count]) if self.measure else [0.0] * count
            for token, gap in zip(chosen, nats, strict=True):
                own.nats += gap
                yield [self._grow(own, token)]
                if own.stopped:
                    return
        yield [self._finish(own)]

    def written(self) -> list[Written]:
        """The texts as they are now."""
        found = []
        for own in self.texts:
            nats = own.nats / max(len(own.tokens), 1) if self.measure else float("nan")
            text = own.prompt + "".join(own.parts)
            found.append(Written(text, len(own.prompt), len(own.tokens), nats, own.stopped or "length"))
        return found

    def _choose(self) -> NDArray[np.intp]:
        scores, sampling = self.scores + self.never, self.sampling
        if self.rule is not None:
            scores += self.rule.mask()
        drawn, scale = scores, self.scale
        if not sampling.plain:
            if sampling.repetition_penalty != 1:
                drawn = penalised(scores, [own.tokens for own in self.texts], sampling)
            drawn, scale = kept(drawn, sampling), np.float32(1)
        tokens = drawn.argmax(axis=1) if sampling.temperature == 0 else self.draws.choose(drawn, scale)
        if self.measure:
            for own, gap in zip(self.texts, _nats(scores, tokens), strict=True):
                if not own.stopped:
                    own.nats += gap
        return tokens

    def _grow(self, own: _Text, token: int) -> str:
        if own.stopped:
            return ""
        own.tokens.append(token)
        if token == END:
            own.stopped = "end"
            return self._finish(own)
        piece = own.decoder.decode(self.vocabulary.pieces[token])
        if not self.stop:
            own.parts.append(piece)
            return piece
        own.held += piece  # a stop string may have begun in what is held back
        where = min((at for at in map(own.held.find, self.stop) if at >= 0), default=-1)
        if where >= 0:
            own.stopped, piece, own.held = "stop", own.held[:where], ""
        else:
            cut = max(len(own.held) - self.longest, 0)
            piece, own.held = own.held[:cut], own.held[cut:]
        own.parts.append(piece)
        return piece

    def _finish(self, own: _Text) -> str:
        rest, own.held = own.held + own.decoder.decode(b"", final=True), ""
        own.parts.append(rest)
        return rest


def _nats(scores: Array, tokens: NDArray[Any]) -> list[float]:
    """-log softmax of scores [N, V] at tokens [N]."""
    top = scores.max(axis=1)
    logs = top + np.log(np.exp(scores - top[:, None]).sum(axis=1))
    found: list[float] = (logs - scores[np.arange(len(tokens)), tokens]).tolist()
    return found


def read_prompt(vocabulary: Vocabulary, prompt: str) -> NDArray[np.int32]:
    """Numbers of a prompt's tokens.

    Raises:
        DataError: tokens that the vocabulary has not, with their place; ConfigError: it is no text.
    """
    if not isinstance(prompt, str):
        raise ConfigError(tr("prompt is a text; got {__name__}", __name__=type(prompt).__name__))
    numbers = vocabulary.encode(prompt)
    strange = np.flatnonzero(numbers == UNKNOWN)
    if len(strange):
        pieces = vocabulary.cut(prompt)
        shown = ", ".join(repr(piece) for piece in dict.fromkeys(pieces[place] for place in strange[:50].tolist()))
        at = len("".join(pieces[: strange[0]])) + 1
        message = (
            "the prompt has {shown} symbols that the training text has not (from character {at}: {shown2}): leave "
            "them out, or train on a text that has them"
        )
        raise DataError(tr(message, shown=len(strange), at=at, shown2=shown))
    return numbers
