"""Transcriber: from recordings with texts to a model that writes down what is said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from tidegate.core.checks import Share, check_fields
from tidegate.core.errors import ConfigError, DataError
from tidegate.core.optional import require
from tidegate.core.sequences import Sequences
from tidegate.core.translate import tr
from tidegate.data.emit import Frame, to_frame
from tidegate.data.sources.media.sound import read_sound
from tidegate.data.sources.media.speech import read_speech
from tidegate.prepare.augment import SpeechAugment
from tidegate.prepare.sequence.mel import resample
from tidegate.prepare.sequence.speech import SpeechOptions
from tidegate.runtime.transcribe.model import SpeechModel
from tidegate.runtime.transcribe.transcript import Transcript
from tidegate.tasks.estimator import Estimator, FitCall
from tidegate.tasks.options import Size, group, recurrent_options, training_options
from tidegate.tasks.transcribe.options import DecodingOptions, SpeechChoices, SpeechNetwork, SpeechTraining, divide
from tidegate.train.progress import NO_PROGRESS, Progress

if TYPE_CHECKING:
    from tidegate.evaluate.text.evaluation import SpeechEvaluation
    from tidegate.runtime.transcribe.stream import SpeechStream
    from tidegate.tasks.explain.transcribe import Saliency
    from tidegate.tasks.transcribe.fit import SpeechFitted

PARTS = ("validation", "test")
DECODER = ("decoding", "language", "hotwords")
COLUMNS = ("text", "speaker", "part")
LISTS = ("texts", "speakers")  # of a list of recordings, and of no others
WINDOW = 0.025


@dataclass(kw_only=True, eq=False, repr=False)
class Transcriber(Estimator):
    """Writes down what is said in recordings: log-mel features, a recurrent network, CTC.

    The network gives every step of a recording a score for each symbol (a character, or a word) and for a blank; a text
    is what is left when repetitions are joined and blanks left out. How scores become texts (a beam, n-grams of the
    training transcripts) is chosen on the validation part. Parts are drawn by speaker where speakers are known.

    Args:
        bidirectional: read recordings both ways; "auto" does. False can be streamed.
        loss: what training lowers: `ctc`, -log p of all alignments of a text.
        network: the finer `SpeechNetwork` (conv_channels, layer_norm, ...).
        training: the finer `SpeechTraining` (optimizer, schedule, clip, average, patience, ...).
        preparation: `SpeechOptions` (tokens, stack, normalise).
        augment: `SpeechAugment`: how training recordings vary (speed, pitch, noise, SpecAugment, join).
        decoding: `DecodingOptions`: how scores become texts.

    Raises:
        ConfigError: an option that there is not, at once; by `fit` and `check`, a value that cannot work.

    Source: Graves, Fernandez, Gomez and Schmidhuber (2006), doi:10.1145/1143844.1143891.
    """

    READER = staticmethod(read_speech)
    task = "transcriber"
    hidden_size: Size = 128
    num_layers: Size = 2
    dropout: Share = 0.3
    loss: Literal["ctc"] = "ctc"
    learning_rate: float = 4e-3
    bidirectional: bool | Literal["auto"] = "auto"
    network: SpeechNetwork | Mapping[str, Any] | None = None
    training: SpeechTraining | Mapping[str, Any] | None = None
    preparation: SpeechOptions | Mapping[str, Any] | None = None
    augment: SpeechAugment | Mapping[str, Any] | None = None
    decoding: DecodingOptions | Mapping[str, Any] | None = None

    def fit(
        self, data: Any, texts: Sequence[str] | None = None, *,
        validation: float | int = 0.15, test: float | int = 0.2, by: Any = "auto",
        out: str | Path | None = None, resume: bool = False, overwrite: bool = False, progress: bool | None = None,
        source: Mapping[str, Any] | None = None, **reading: Any,
    ) -> Transcriber:  # fmt: skip
        """Read, split, prepare, train, choose the decoding; with `out`, evaluate the test part and leave a run folder.

        Args:
            data: a table of paths and texts, a folder, a list of arrays or files, or `Sequences`; see
                `tidegate.data.sources.media.speech.read_speech`.
            texts: of a list, one for each recording.
            validation, test: share of the recordings, or number of them; 0 for `test` where you have recordings of
                their own for `evaluate`.
            by: how parts are drawn: `given` by the data, `grouped` by speaker, `stratified` by text, `random` or
                `time`; "auto" takes what the data say, else speakers where they are known.
            out: folder of the run. resume: go on from the checkpoints in it. overwrite: take the place of a run that is
                there.
            progress: show a progress bar; None does where there is a terminal.
            source: where the recordings came from, for the run's config.toml.
            reading: options of `read_speech` (path, text, speaker, rate, mels, broken, ...).

        Raises:
            TidegateError: of the kind that names what cannot work, where, and how to fix it.
        """
        require("jiwer", extra="audio", purpose="score transcripts")
        named = {} if texts is None else {"texts": texts}
        split = {"validation": validation, "test": test, "by": by}
        return self._fit(FitCall(data, named, reading, source, split, out, resume, overwrite, progress))

    def check(self) -> SpeechChoices:
        """Refuse constructor arguments that cannot work, before any data is read; gives them in groups."""
        check_fields(self)
        training, left = training_options(self, SpeechTraining)
        choices = SpeechChoices(
            recurrent=recurrent_options(self),
            network=group(SpeechNetwork, self.network),
            training=training,
            auto=left,
            preparation=group(SpeechOptions, self.preparation),
            augment=group(SpeechAugment, self.augment),
            decoding=group(DecodingOptions, self.decoding),
        )
        if choices.preparation.normalise == "recording" and not choices.bidirectional:
            message = (
                "normalise='recording' needs whole recordings, and bidirectional=False is there to do without: take "
                "'running'"
            )
            raise ConfigError(tr(message))
        return choices

    def read(self, data: Any, texts: Any = None, **how: Any) -> Sequences:
        """The data as `fit` reads them: see `tidegate.data.sources.media.speech.read_speech`."""
        return read_speech(data, texts, **how)

    def _train(self, examples: Sequences, call: FitCall, progress: Progress) -> None:
        parts = divide(examples, call.split, self.seed)
        told = {name: value for name, value in call.read_with().items() if value is not None}
        self.reading_ = {name: value for name, value in told.items() if name not in ("data", *LISTS)}
        self.reading_["rate"] = rate_of(examples)
        self._fit_parts(examples, parts, progress)

    def _fit_parts(self, examples: Sequences, parts: Any, progress: Progress = NO_PROGRESS) -> None:
        """Train on parts that are settled."""
        from tidegate.tasks.transcribe.fit import fit_speech_model

        window = self.reading_.get("window", WINDOW)
        reading = {"rate": self.reading_["rate"], "window": window, "hop": 1 / float(examples.rate or 100)}
        self._take(fit_speech_model(examples, parts, self.check(), reading=reading, progress=progress))

    def _read_how(self, call: FitCall) -> Mapping[str, Any]:
        lists = {**call.columns, **call.reading, **(call.source or {})}
        return {**self.reading_, **{name: list(lists[name]) for name in LISTS if lists.get(name) is not None}}

    def _take(self, fitted: SpeechFitted) -> None:
        self.fitted_, self.history_, self.notes_ = fitted, fitted.history, fitted.notes
        self.model_ = fitted.model

    def predict(self, data: Any = None, **how: Any) -> Frame:
        """What is said in recordings: id, text, confidence (of the least sure word), seconds.

        Args:
            data: as of `fit`; None takes those of the test part. Arrays are at the model's rate where nothing is said.
            how: `decoding`, `language`, `hotwords` as of `SpeechModel.decoder`; options of reading.

        Raises:
            TidegateError: recordings that cannot be read; a loaded model has none of its own.
        """
        return to_frame(self.predict_columns(data, **how), timezone=None, like=None)

    def predict_columns(self, data: Any = None, **how: Any) -> dict[str, Any]:
        """What `predict` returns, as name -> array; needs no dataframe library."""
        own = {name: how.pop(name) for name in DECODER if name in how}
        sequences = self._new(data, how)
        self.answer_notes_ = () if data is None else sequences.notes
        found = self.model_.predict(sequences, **own)
        return {
            "id": np.array(sequences.ids, dtype=object),
            "text": np.array([one.text for one in found], dtype=object),
            "confidence": np.array([one.confidence for one in found]),
            "seconds": np.array([one.seconds for one in found]),
        }

    def transcribe(self, sound: str | Path | NDArray[Any], rate: int | None = None, **how: Any) -> Transcript:
        """What is said in one sound, with the times of its words.

        Args:
            sound: a file, or samples [n] from -1 to 1. rate: of samples; the model's own if None.
            how: as of `SpeechModel.decoder`.

        Raises:
            ReadError: the file cannot be read. ConfigError: as of `SpeechModel.decoder`.
        """
        self._require_fitted("model_")
        model: SpeechModel = self.model_
        if isinstance(sound, (str, Path)):
            read_speech([sound], labelled=False, rate=model.preparation.rate)  # its errors name the file
            samples, rate = read_sound(Path(sound))
            return model.hear(samples.mean(axis=1), rate, **how)
        return model.hear(np.asarray(sound), rate or model.preparation.rate, **how)

    def evaluate(
        self, data: Any = None, texts: Sequence[str] | None = None, *, part: str = "test", **how: Any
    ) -> SpeechEvaluation:
        """Word and character error rates beside the most frequent transcript, with a verdict.

        Args:
            data, texts: as of `fit`; None takes a part of what it was fitted on. part: `test` or `validation`.
            how: as of `predict`.

        Raises:
            NotFittedError: a loaded model has no recordings of its own. DataError: there is nothing to score.
        """
        from tidegate.tasks.transcribe.evaluate import evaluate_part, evaluate_recordings

        self._require_fitted("fitted_" if data is None else "model_")
        own = {name: how.pop(name) for name in DECODER if name in how}
        if data is not None:
            return evaluate_recordings(self, self._new(data, how, texts, labelled=True), **own).evaluation
        if part not in PARTS or not len(self.fitted_.parts[part]):
            raise DataError(
                tr("there is no {part} part: fit with {part}=0.2, or give evaluate() recordings", part=part)
            )
        return evaluate_part(self, part, **own).evaluation

    def stream(self, snapshot: bytes | None = None, **how: Any) -> SpeechStream:
        """Sound that comes piece by piece; arguments and errors as of `SpeechModel.stream`."""
        self._require_fitted("model_")
        model: SpeechModel = self.model_
        return model.stream(snapshot, **how)

    def explain(self, data: Any = None, *, at: int | str = 0, word: int = 0, **reading: Any) -> Saliency:
        """Which moments and which pitches a word rests on, with a check: what happens when they are silenced.

        Args:
            data: as of `fit`; None takes the test part. at: place or id of a recording. word: place in its transcript.
            reading: options of reading.

        Raises:
            NotFittedError: a loaded model has no recordings of its own. DataError: there is no such one.
        """
        from tidegate.tasks.explain.transcribe import explain_word

        return explain_word(self, self._new(data, reading), at, word)

    def _new(self, data: Any, reading: Mapping[str, Any], texts: Any = None, *, labelled: bool = False) -> Sequences:
        """New recordings, read as those of the training were unless the caller says otherwise."""
        self._require_fitted("model_")
        if data is None:
            self._require_fitted("fitted_")
            fitted: SpeechFitted = self.fitted_
            parts = fitted.parts
            return fitted.sequences.take(parts.test if len(parts.test) else parts.validation)
        if isinstance(data, Sequences):
            return read_speech(data, texts)
        rate = self.model_.preparation.rate
        kept = {name: own for name, own in self.reading_.items() if labelled or name not in COLUMNS}
        if isinstance(data, (list, tuple, np.ndarray)) and not any(isinstance(own, (str, Path)) for own in data):
            waves = [data] if isinstance(data, np.ndarray) and data.ndim == 1 else list(data)
            data = [resample(np.asarray(wave), int(reading.get("rate") or rate), rate) for wave in waves]
        return read_speech(data, texts, labelled=labelled, **{**kept, **reading, "rate": rate})

    def retrained(self, changes: Mapping[str, Any]) -> Transcriber:
        """The same, fitted on the same parts with some options changed."""
        other = self.variant(changes)
        other.reading_ = self.reading_
        other._fit_parts(self.fitted_.sequences, self.fitted_.parts)
        return other


def rate_of(sequences: Sequences) -> int:
    """Samples a second of the sounds that features were made of.

    Raises:
        DataError: nothing says it.
    """
    rates = [note.values["rate"] for note in sequences.notes if note.kind == "sound"]
    if not rates or not sequences.rate:
        raise DataError(tr("these Sequences are no log-mel features of sounds: give files, a table of them, or arrays"))
    return int(rates[-1])
