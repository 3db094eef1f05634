"""A trained language model with numpy alone: texts scored, continued, and read as they come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.artifacts.artifact import Artifact
from tidegate.artifacts.spec import NetworkSpec
from tidegate.core.checks import whole
from tidegate.core.errors import ArtifactError, ConfigError, DataError
from tidegate.core.translate import tr
from tidegate.prepare.notes import MUSIC, PITCHES, chords_of, roll_of, text_of
from tidegate.prepare.vocabulary import END, UNKNOWN, Vocabulary
from tidegate.runtime.language.generate import Generation
from tidegate.runtime.language.music import Frames, check_melody, is_music
from tidegate.runtime.language.sampling import Sampling
from tidegate.runtime.language.writer import CHUNK, Writer
from tidegate.runtime.language.written import Written
from tidegate.runtime.limits import DOUBLE, FLOAT, check_room
from tidegate.runtime.model import Model, require_task
from tidegate.runtime.network.cells import State
from tidegate.runtime.network.network import run_network
from tidegate.runtime.network.recurrent import Loaded
from tidegate.runtime.state import Expected, check_state, fingerprint, pack, unpack

TASK = "language"


@dataclass(frozen=True)
class Scored:
    """How surprising a text was, token by token, the state carried from its beginning.

    Attributes:
        tokens: [N] as they stand in the text. nats: [N] -log p of each, after those before it. characters: of the text.
        unknown: how many tokens the vocabulary has not.
    """

    tokens: tuple[str, ...]
    nats: NDArray[np.float64]
    characters: int
    unknown: int

    @property
    def perplexity(self) -> float:
        """exp of the mean of -log p of a token (guide 5.1)."""
        return float(np.exp(self.nats.mean())) if len(self.nats) else float("nan")

    @property
    def bits_per_character(self) -> float:
        """-log2 p of the text over its characters."""
        return float(self.nats.sum() / np.log(2) / self.characters) if self.characters else float("nan")


@dataclass(frozen=True)
class TextModel(Model[Sequence[str], list[Scored]]):
    """A trained language model that needs numpy only.

    Attributes:
        spec: the network's. weights: its tensors, as the engine likes them. vocabulary: of its tokens.
        several: whether it was trained on several texts, so that it can end one.
        music: of music: `low` and `high`, its lowest and highest note, `most` at once, `rate`, steps a second.
    """

    spec: NetworkSpec
    weights: Loaded
    vocabulary: Vocabulary
    several: bool
    music: Mapping[str, float] | None = None

    @property
    def task(self) -> str:
        return TASK

    @classmethod
    def of(cls, artifact: Artifact) -> TextModel:
        require_task(artifact, (TASK,))
        state, decoding, spec = artifact.preparation, artifact.record.decoding, artifact.record.network
        if set(state) != {"vocabulary"} or not isinstance(decoding.get("several"), bool):
            raise ArtifactError(
                "model.json, preparation.json: expected a vocabulary, and whether there were several texts"
            )
        vocabulary, music = Vocabulary.from_json(state["vocabulary"]), decoding.get("music")
        outputs = PITCHES if vocabulary.method == "frames" else len(vocabulary)
        if spec.layers[-1].kind != "next" or outputs != spec.outputs:
            raise ArtifactError("preparation.json: the vocabulary does not fit the network")
        if set(decoding) - {"several", "music"} or (vocabulary.method in MUSIC) != is_music(music):
            raise ArtifactError("model.json: decoding: music has low, high, most and rate, and nothing else has")
        return cls(spec, Loaded(artifact.weights), vocabulary, decoding["several"], music)

    def predict(self, data: Sequence[str]) -> list[Scored]:
        """How surprising each text is.

        Raises:
            DataError: what is given is no list of texts. ConfigError: one takes more memory than one prediction may.
        """
        if isinstance(data, str) or any(not isinstance(text, str) for text in data):
            raise DataError(tr("a language model scores a list of texts"))
        return [self._score(text) for text in data]

    def _score(self, text: str) -> Scored:
        if self.vocabulary.method == "frames":
            return self._score_frames(text)
        numbers = self.vocabulary.encode(text)
        pieces = self.vocabulary.cut(text)
        fed: NDArray[Any] = np.concatenate([np.array([END], np.int32), numbers[:-1]])
        scores = min(len(numbers), CHUNK) * self.spec.outputs * (FLOAT + 2 * DOUBLE)
        check_room(scores + DOUBLE * len(numbers), f"a text of {len(numbers)} tokens")
        nats = np.empty(len(numbers))
        state: list[State] = []
        for first in range(0, len(numbers), CHUNK):
            found = run_network(self.spec, self.weights, fed[None, first : first + CHUNK], state=state)
            state = found.state or []
            nats[first : first + CHUNK] = surprise(found.values[0, :, 0], numbers[first : first + CHUNK])
        return Scored(tuple(pieces), nats, len(text), int((numbers == UNKNOWN).sum()))

    def _score_frames(self, text: str) -> Scored:
        chords = chords_of(text)
        check_room(FLOAT * len(chords) * 4 * PITCHES, f"a piece of {len(chords)} steps")
        roll = roll_of(chords)
        fed = np.concatenate([np.zeros_like(roll[:1]), roll[:-1]])
        scores = run_network(self.spec, self.weights, fed[None]).values[0, :, 0].astype(np.float64)
        nats = np.logaddexp(0, np.where(roll > 0, -scores, scores)).sum(axis=1)
        return Scored(tuple(text_of([chord]) + " " for chord in chords), nats, len(text), 0)

    def generate(self, prompt: str = "", **how: Any) -> list[Written]:
        """Texts that continue a prompt; arguments and errors as of `generation`."""
        return self.generation(prompt, **how).run()

    def generation(
        self, prompt: str = "", *, sampling: Sampling | Mapping[str, Any] | None = None, melody: Any = None, **how: Any
    ) -> Generation | Frames:
        """Texts that continue a prompt, to go through as they are written; arguments and errors as of `Generation`."""
        if isinstance(sampling, Mapping):
            sampling = Sampling(**sampling)
        tune = check_melody(melody, self.music)
        own = (self.spec, self.weights)
        if self.music is not None:
            prompt = text_of(chords_of(prompt)) if isinstance(prompt, str) else text_of(prompt, "prompt")
            how["length"] = len(tune) or how.get("length", 64)
            if self.vocabulary.method == "frames":
                how = {name: value for name, value in how.items() if name in ("length", "count")}
                return Frames(*own, self.music, prompt, sampling=sampling, melody=tune, **how)
            how |= {"music": self.music, "melody": tune}
        return Generation(*own, self.vocabulary, prompt, sampling=sampling, ends=self.several, **how)

    def stream(self, snapshot: bytes | None = None) -> TextStream:
        """A text that comes piece by piece, new or as a snapshot left it.

        Raises:
            ArtifactError: a snapshot that is none. ConfigError: the model reads whole frames.
        """
        if self.vocabulary.method == "frames":
            raise ConfigError(tr("a stream reads token by token: fit with tokens='notes', or give pieces to predict()"))
        found = TextStream(self)
        if snapshot is not None:
            found.restore(snapshot)
        return found


def surprise(scores: NDArray[np.float32], tokens: NDArray[np.int32]) -> NDArray[np.float64]:
    """-log softmax of scores [N, V] at tokens [N]."""
    wide = scores.astype(np.float64)
    top = wide.max(axis=1)
    found: NDArray[np.float64] = (
        top + np.log(np.exp(wide - top[:, None]).sum(axis=1)) - wide[np.arange(len(tokens)), tokens]
    )
    return found


class TextStream:
    """A text that comes piece by piece: how surprising each piece was, and what is likely to come next."""

    def __init__(self, model: TextModel) -> None:
        self.model = model
        self._writer = Writer(model.spec, model.weights, 1)
        self._scores = self._writer.step(np.array([END]))
        self._name = fingerprint(model.spec, model.weights, model.vocabulary.to_json())

    def update(self, values: Any, time: Any = None) -> Scored:
        """Read on. Byte pairs are cut within what is given, so that pieces should end where words do.

        Args:
            values: the next stretch of the text. time: not used.

        Raises:
            DataError: it is no text.
        """
        if not isinstance(values, str):
            raise DataError(tr("a stream of text takes text, got {name}", name=type(values).__name__))
        vocabulary = self.model.vocabulary
        numbers, pieces = vocabulary.encode(values), vocabulary.cut(values)
        nats = np.empty(len(numbers))
        for place, number in enumerate(numbers):
            nats[place] = surprise(self._scores, numbers[place : place + 1])[0]
            self._scores = self._writer.step(number[None])
        return Scored(tuple(pieces), nats, len(values), int((numbers == UNKNOWN).sum()))

    def next(self, count: int = 5) -> list[tuple[str, float]]:
        """The likeliest tokens to come, with their probabilities.

        Raises:
            ConfigError: a count below 1.
        """
        whole("count", count, 1)
        shares = np.exp(self._scores[0].astype(np.float64) - self._scores[0].max())
        shares /= shares.sum()
        best = np.argsort(-shares, kind="stable")[:count]
        return [(self.model.vocabulary.decode([number]), float(shares[number])) for number in best]

    def snapshot(self) -> bytes:
        """All that the stream carries, without pickle."""
        arrays = dict(zip(("h", "c"), self._writer.state, strict=False))
        return pack(self._name, {}, {**arrays, "scores": self._scores})

    def restore(self, snapshot: bytes) -> None:
        """Go on from a snapshot of a stream of the same model.

        Raises:
            ArtifactError: it is damaged or of another model; the stream then is as before.
        """
        _, arrays = unpack(snapshot, self._name)
        own = dict(zip(("h", "c"), self._writer.state, strict=False))
        expected = {name: Expected(array.shape, np.float32) for name, array in {**own, "scores": self._scores}.items()}
        check_state(arrays, expected, "snapshot")
        for name, array in own.items():
            array[...] = arrays[name]
        self._scores = arrays["scores"].copy()
