"""A trained transcriber with numpy alone: recordings to texts, and sound as it comes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from tidegate.artifacts.artifact import Artifact
from tidegate.artifacts.spec import NetworkSpec
from tidegate.core.checks import Range
from tidegate.core.errors import ArtifactError, ConfigError, DataError
from tidegate.core.sequences import Sequences
from tidegate.core.translate import tr
from tidegate.prepare.options import Options
from tidegate.prepare.sequence.speech import SpeechPreparation
from tidegate.prepare.vocabulary import END, UNKNOWN, Vocabulary
from tidegate.runtime.language.model import TextModel
from tidegate.runtime.limits import FLOAT, check_room, network_bytes, require_finite
from tidegate.runtime.model import Model, load, require_task
from tidegate.runtime.network.network import run_network
from tidegate.runtime.network.recurrent import Loaded
from tidegate.runtime.transcribe.ctc import Decoder, Floats, Greedy, PrefixBeam, Scorer, align, log_shares
from tidegate.runtime.transcribe.scorers import BySymbol, ByWord, Grams, Hotwords, Language, Recurrent
from tidegate.runtime.transcribe.stream import SpeechStream
from tidegate.runtime.transcribe.transcript import Transcript, Word

TASK = "transcriber"
Weight = Annotated[float, Range(0, 100)]
AT_ONCE, STEPS_AT_ONCE = 64, 16_384
ORDERS = {"symbol": 6, "word": 3}  # n of n-grams where nothing was said


@dataclass(frozen=True)
class Decoding(Options):
    """How scores become a text.

    Attributes:
        beam: texts that a prefix beam search keeps; 1 takes the likeliest symbol of every step.
        language: whether n-grams of the training transcripts speak with it, by `symbol` or by `word`; `none` asks none.
        order: n; None takes 6 symbols, or 3 words.
        weight: of the language's log p. bonus: for each symbol, or word, of a text.
        boost: for each symbol of a hotword, in nats.
    """

    beam: Annotated[int, Range(1, 4096)] = 1
    language: Literal["none", "symbol", "word"] = "none"
    order: Annotated[int, Range(1, 20)] | None = None
    weight: Weight = 0.0
    bonus: Annotated[float, Range(-100, 100)] = 0.0
    boost: Weight = 1.5


@dataclass(frozen=True)
class SpeechModel(Model[Sequences, list[Transcript]]):
    """A trained transcriber that needs numpy only (and `soundfile` for other files than WAV).

    Attributes:
        spec, weights: of the network. preparation: of its features. vocabulary: of its symbols; its first token, the
            padding of others, is the blank. decoding: how scores become a text.
        transcripts: of the training part, which n-grams are counted in.
    """

    task: ClassVar[str] = TASK
    spec: NetworkSpec
    weights: Loaded
    preparation: SpeechPreparation
    vocabulary: Vocabulary
    decoding: Decoding
    transcripts: tuple[str, ...] = ()
    _counted: dict[Any, Language] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, artifact: Artifact) -> SpeechModel:
        require_task(artifact, (TASK,))
        state, spec = artifact.preparation, artifact.record.network
        if set(state) != {"speech", "vocabulary"}:
            raise ArtifactError("preparation.json: expected speech and vocabulary")
        preparation = SpeechPreparation.from_json(state["speech"])
        vocabulary = Vocabulary.from_json(state["vocabulary"])
        if spec.layers[-1].kind != "ctc" or len(vocabulary) != spec.outputs or spec.past != preparation.inputs:
            raise ArtifactError("preparation.json: the vocabulary or the features do not fit the network")
        tokens = artifact.context.get("transcripts", np.zeros(0, np.int32))
        if tokens.dtype != np.int32 or tokens.ndim != 1 or np.any((tokens < 0) | (tokens >= len(vocabulary))):
            raise ArtifactError("context.safetensors: transcripts are tokens of the vocabulary")
        ends = np.flatnonzero(tokens == END)
        texts = tuple(vocabulary.decode(part[part != END]) for part in np.split(tokens, ends)[1:])
        decoding = Decoding.from_json(artifact.record.decoding)
        return cls(spec, Loaded(artifact.weights), preparation, vocabulary, decoding, texts)

    def predict(self, data: Sequences, **how: Any) -> list[Transcript]:
        """What is said in recordings, given their log-mel features; arguments as of `decoder`.

        Raises:
            DataError: features of another kind. ConfigError: as of `decoder`; too much at once.
        """
        make = self.decoder(**how)
        return [self.transcript(shares, make()) for shares in self.shares(data)]

    def hear(self, wave: NDArray[np.floating], rate: int, **how: Any) -> Transcript:
        """What is said in a sound.

        Args:
            wave: [n] samples from -1 to 1. rate: of them a second. how: as of `decoder`.
        """
        features = self.preparation.apply(self.preparation.hear(np.asarray(wave), rate))
        return self.transcript(self.listen([features])[0], self.decoder(**how)())

    def shares(self, data: Sequences) -> list[Floats]:
        """[S, V] log p of each symbol at each step, of every recording."""
        if data.values.ndim != 2 or data.values.shape[1] != self.preparation.mels:
            message = "the transcriber hears {mels} bands of log-mel features; got {found}: read sounds as in training"
            raise DataError(tr(message, mels=self.preparation.mels, found=list(data.values.shape[1:])))
        pairs = zip(data.starts[:-1].tolist(), data.starts[1:].tolist(), strict=True)
        return self.listen([self.preparation.apply(np.asarray(data.values[a:b], np.float32)) for a, b in pairs])

    def listen(self, features: Sequence[NDArray[np.float32]]) -> list[Floats]:
        """The same of prepared features [S, I] of each."""
        order = sorted(range(len(features)), key=lambda place: len(features[place]))
        found: list[Any] = [None] * len(features)
        while order:
            most = max(1, min(AT_ONCE, STEPS_AT_ONCE // max(len(features[order[-1]]), 1)))
            places, order = order[-most:], order[:-most]
            longest = len(features[places[-1]])
            room = network_bytes(self.spec, len(places), longest, longest)
            check_room(room + 3 * FLOAT * len(places) * longest * self.spec.outputs, tr("transcripts"))
            batch = np.zeros((len(places), longest, self.preparation.inputs), np.float32)
            lengths = np.array([len(features[place]) for place in places], np.int64)
            for row, place in enumerate(places):
                batch[row, : lengths[row]] = features[place]
            scores = run_network(self.spec, self.weights, batch, lengths=lengths).values[:, :, 0]
            for row, place in enumerate(places):
                found[place] = self.usable(scores[row, : lengths[row]])
        return found

    def usable(self, scores: NDArray[np.float32]) -> Floats:
        """Log p of symbols; those that stand for nothing (unknown, end) never come.

        Raises:
            DataError: scores that are no finite numbers.
        """
        message = "the network's outputs are not finite numbers: the sound is far beyond that of the training"
        require_finite(scores, tr(message))
        kept = scores.astype(np.float64)
        kept[:, [UNKNOWN, END]] = -1e9
        return log_shares(kept)

    def decoder(
        self,
        *,
        decoding: Decoding | Mapping[str, Any] | None = None,
        language: Any = None,
        hotwords: Sequence[str] = (),
    ) -> Callable[[], Decoder]:
        """What makes a fresh decoder.

        Args:
            decoding: other options than those it was saved with, or some of them.
            language: a `tidegate.LanguageModel` (or the folder of its run, or the runtime's model), or a list of texts,
                in the place of the training transcripts; by symbols if it has them, else by words.
            hotwords: words that are to be expected.

        Raises:
            ConfigError: an option that there is not; a hotword with symbols that the training had not.
        """
        own = self.decoding
        if isinstance(decoding, Mapping):
            unknown = set(decoding) - set(Decoding.__dataclass_fields__)
            if unknown:
                names = ", ".join(Decoding.__dataclass_fields__)
                raise ConfigError(tr("decoding has no option {name}; it has {known}", name=min(unknown), known=names))
            own = replace(own, **decoding)
        elif decoding is not None:
            own = decoding
        scorer = self._scorer(own, language)
        if hotwords:
            boosted = [hotwords] if isinstance(hotwords, str) else list(hotwords)
            scorer = Hotwords(scorer, self.vocabulary, boosted, own.boost)
        if scorer is None and own.beam == 1:
            return Greedy
        width = max(own.beam, 2) if scorer is None else max(own.beam, 16)
        return lambda: PrefixBeam(width, scorer)

    def _scorer(self, own: Decoding, language: Any) -> Scorer | None:
        by = own.language
        if language is None:
            if by == "none" or (not own.weight and not own.bonus) or not self.transcripts:
                return None
            return self._spoken(self._grams(self.transcripts, by, own.order), by, own)
        if isinstance(language, (list, tuple)):
            by = "symbol" if by == "none" else by
            return self._spoken(self._grams(tuple(language), by, own.order), by, own)
        given = getattr(language, "model_", language)
        model = load(given) if isinstance(given, (str, Path)) else given
        if not isinstance(model, TextModel):
            raise ConfigError(
                tr("language is a tidegate.LanguageModel, or texts; got a {task}", task=type(model).__name__)
            )
        by = "symbol" if model.vocabulary.method == "char" or self.words else "word"
        return self._spoken(Recurrent(model), by, own)

    def _spoken(self, language: Language, by: str, own: Decoding) -> Scorer:
        weight = own.weight or (0.5 if not own.bonus else 0.0)
        if by == "symbol" or self.words:
            return BySymbol(language, self.vocabulary, weight, own.bonus)
        return ByWord(language, self.vocabulary, weight, own.bonus)

    def _grams(self, texts: tuple[str, ...], by: str, order: int | None) -> Language:
        n = order or ORDERS["word" if self.words else by]
        key = (texts, by, n)
        if key not in self._counted:
            if by == "symbol" or self.words:
                vocabulary = self.vocabulary
            else:
                vocabulary, _ = Vocabulary.fit(texts, "symbol")
            self._counted[key] = Grams(vocabulary, texts, n)
        return self._counted[key]

    @cached_property
    def words(self) -> bool:
        """Whether its symbols are words."""
        return self.vocabulary.method == "symbol"

    def transcript(self, shares: Floats, decoder: Decoder) -> Transcript:
        """What a decoder makes of log p [S, V] of a whole recording."""
        decoder.push(shares)
        return self.told(shares, decoder.best(), 0.0)

    def told(self, shares: Floats, symbols: Sequence[int], since: float) -> Transcript:
        """A transcript with its words' times, `since` seconds after the beginning of the sound."""
        first, last, mean = align(shares, symbols)
        step, text = self.preparation.seconds, self.vocabulary.decode(symbols)
        pieces = [self.vocabulary.decode([symbol]) for symbol in symbols]
        words, begin = [], 0
        for end in range(len(symbols) + 1):
            if end < len(symbols) and not self.words and pieces[end] != " ":
                continue
            last_of = min(end + 1, len(symbols)) if self.words else end
            if last_of > begin:
                own = slice(begin, last_of)
                sure = float(np.exp(np.mean(mean[own])))
                start, stop = since + step * first[begin], since + step * (last[last_of - 1] + 1)
                words.append(Word("".join(pieces[own]), float(start), float(stop), sure))
            begin = end + 1
        return Transcript(" ".join(text.split()), tuple(words), since + step * len(shares))

    def stream(self, snapshot: bytes | None = None, *, endpoint: float | None = None, **how: Any) -> SpeechStream:
        """Sound that comes piece by piece.

        Args:
            snapshot: bytes of `SpeechStream.snapshot()` to go on from.
            endpoint: seconds of silence that end an utterance, after which a new one begins; None waits for `finish`.
            how: as of `decoder`.

        Raises:
            ConfigError: the network reads both ways, or the mean of whole recordings is taken; as of `decoder`.
        """
        found = SpeechStream(self, endpoint=endpoint, **how)
        if snapshot is not None:
            found.restore(snapshot)
        return found
