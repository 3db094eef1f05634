"""Sound that comes piece by piece: the text so far, and utterances as silence ends them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError, DataError
from tidegate.core.translate import tr
from tidegate.prepare.sequence.speech import Ear, SpeechPreparation
from tidegate.prepare.vocabulary import Vocabulary
from tidegate.runtime.limits import require_finite
from tidegate.runtime.model import Streamed
from tidegate.runtime.network.steps import Steps
from tidegate.runtime.state import Expected, check_state, fingerprint, pack, unpack
from tidegate.runtime.transcribe.ctc import BLANK, Decoder, Floats
from tidegate.runtime.transcribe.transcript import Transcript

LONGEST = 3_600.0  # seconds of one utterance, whose scores are kept for its words' times


@dataclass(frozen=True)
class Heard:
    """What a stream has heard.

    Attributes:
        text: of the utterance that goes on. finished: utterances that ended with the last samples.
        seconds: of all sound so far.
    """

    text: str
    finished: tuple[Transcript, ...]
    seconds: float


class Hearing(Streamed[SpeechPreparation], Protocol):
    """What a stream asks of a model: see `tidegate.runtime.transcribe.model.SpeechModel`."""

    @property
    def vocabulary(self) -> Vocabulary: ...

    def decoder(
        self, *, decoding: Any = None, language: Any = None, hotwords: Sequence[str] = ()
    ) -> Callable[[], Decoder]: ...
    def usable(self, scores: NDArray[np.float32]) -> Floats: ...
    def told(self, shares: Floats, symbols: Sequence[int], since: float) -> Transcript: ...


class SpeechStream:
    """One voice; made by `SpeechModel.stream`.

    What `finish` gives is what `predict` gives of the whole, however the samples were divided.

    Args:
        model: the trained transcriber. endpoint: seconds of silence that end an utterance; None ends none.
        how: as of `SpeechModel.decoder`.
    """

    def __init__(self, model: Hearing, *, endpoint: float | None = None, **how: Any) -> None:
        if model.preparation.normalise == "recording":
            message = (
                "this transcriber takes the mean of whole recordings, which a stream has not: fit it with "
                "bidirectional=False, or with preparation={{'normalise': 'running'}}"
            )
            raise ConfigError(tr(message))
        if endpoint is not None and (isinstance(endpoint, bool) or not 0.05 <= float(endpoint) <= 60):
            raise ConfigError(tr("endpoint is seconds of silence, 0.05 to 60; got {endpoint}", endpoint=repr(endpoint)))
        self.model, self.endpoint = model, endpoint
        self._make = model.decoder(**how)
        self._steps = Steps(model.spec, model.weights)
        self._ear = Ear(model.preparation)
        self._name = fingerprint(model.spec, model.weights, [model.preparation.to_json(), model.vocabulary.to_json()])
        self._since, self._odd = 0, b""
        self._begin()

    def _begin(self) -> None:
        """Begin a new utterance."""
        self._decoder = self._make()
        self._shares: list[Floats] = []
        self._silent, self._spoken = 0, False

    def update(self, values: Any, time: Any = None) -> Heard:
        """Hear more.

        Args:
            values: bytes of raw 16-bit PCM (mono, little endian) at the model's rate, or [n] samples: int16, or floats
                from -1 to 1. time: not used.

        Raises:
            DataError: other values.
        """
        finished = self._hear(self._ear.push(self._samples(values)))
        return self._heard(finished)

    def finish(self) -> Heard:
        """Hear that the sound has ended; what it still held is in `finished`, and a new utterance begins."""
        finished = self._hear(self._ear.flush())
        if self._shares:
            finished.append(self._end())
        self._ear.reset()
        self._steps.reset()
        return self._heard(finished)

    def _heard(self, finished: list[Transcript]) -> Heard:
        model = self.model
        text = " ".join(model.vocabulary.decode(self._decoder.best(ended=False)).split())
        steps = self._since + len(self._shares)
        return Heard(text, tuple(finished), steps * model.preparation.seconds)

    def _hear(self, rows: NDArray[np.float32]) -> list[Transcript]:
        finished: list[Transcript] = []
        step = self.model.preparation.seconds
        for row in rows:
            shares = self.model.usable(self._steps.step(row[None]))
            self._shares.append(shares)
            self._decoder.push(shares)
            blank = bool(shares[0].argmax() == BLANK)
            self._silent, self._spoken = (self._silent + 1 if blank else 0), self._spoken or not blank
            ended = self.endpoint is not None and self._spoken and self._silent * step >= self.endpoint
            if ended or len(self._shares) * step >= LONGEST:
                finished.append(self._end())
                self._steps.reset()
        return finished

    def _end(self) -> Transcript:
        shares = np.concatenate(self._shares)
        found = self.model.told(shares, self._decoder.best(), self._since * self.model.preparation.seconds)
        self._since += len(shares)
        self._begin()
        return found

    def _samples(self, values: Any) -> NDArray[np.float32]:
        if isinstance(values, (bytes, bytearray, memoryview)):
            raw = self._odd + bytes(values)
            self._odd = raw[len(raw) & ~1 :]
            values = np.frombuffer(raw[: len(raw) & ~1], "<i2").astype(np.int16)
        found = np.asarray(values)
        if found.ndim != 1 or found.dtype.kind not in "if" or (found.dtype.kind == "i" and found.dtype != np.int16):
            message = "a stream hears bytes of 16-bit PCM, or samples [n] (int16, or floats); got {kind} {shape}"
            raise DataError(tr(message, kind=found.dtype, shape=list(found.shape)))
        if found.dtype == np.int16:
            return np.asarray(found.astype(np.float32) / np.float32(32768))
        require_finite(found, tr("samples of a stream are finite numbers"))
        return found.astype(np.float32)

    def snapshot(self) -> bytes:
        """All that the stream carries, without pickle."""
        ear = self._ear
        arrays = {**self._steps.snapshot(), "samples": ear.samples, "left": ear.left, "total": ear.total}
        arrays["shares"] = np.concatenate([np.zeros((0, self.model.spec.outputs)), *self._shares])
        about = {"count": ear.count, "begun": ear.begun, "since": self._since, "odd": self._odd.hex()}
        return pack(self._name, about, arrays)

    def restore(self, snapshot: bytes) -> None:
        """Go on from a snapshot of a stream of the same model.

        Raises:
            ArtifactError: it is damaged or of another model; the stream then is as before.
        """
        about, arrays = unpack(snapshot, self._name)
        sizes = {name: len(arrays.get(name, ())) for name in ("samples", "left", "shares")}
        mels, outputs = self.model.preparation.mels, self.model.spec.outputs
        expected = self._steps.expected() | {
            "samples": Expected((sizes["samples"],), np.float32),
            "left": Expected((sizes["left"], mels), np.float32),
            "total": Expected((mels,), np.float64),
            "shares": Expected((sizes["shares"], outputs), np.float64),
        }
        check_state(arrays, expected, "snapshot")
        whole = [about.get(name) for name in ("count", "since")]
        odd = about.get("odd")
        fine = all(isinstance(own, int) and not isinstance(own, bool) and 0 <= own < 2**53 for own in whole)
        if not fine or odd not in ("", *(f"{byte:02x}" for byte in range(256))) or sizes["left"] > 16:
            raise DataError(tr("the snapshot does not say how much was heard"))
        self._steps.restore({name: arrays[name] for name in self._steps.expected()})
        ear = self._ear
        ear.samples, ear.left, ear.total = (arrays[name].copy() for name in ("samples", "left", "total"))
        ear.count, self._since = int(whole[0]), int(whole[1])  # type: ignore[arg-type]
        ear.begun, self._odd = about.get("begun") is True, bytes.fromhex(str(odd))
        self._begin()
        for row in arrays["shares"]:
            self._shares.append(row[None])
            self._decoder.push(row[None])
            blank = bool(row.argmax() == BLANK)
            self._silent, self._spoken = (self._silent + 1 if blank else 0), self._spoken or not blank
