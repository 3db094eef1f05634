"""What a transcriber hears: log-mel features, normalised, several steps joined into one; whole, or as they come.

Shape letters: n samples, T steps of features, M bands, K steps that are joined, S = ceil(T / K).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from tidegate.core.checks import Range
from tidegate.core.errors import DataError
from tidegate.core.translate import tr
from tidegate.prepare import document as state
from tidegate.prepare.options import Options
from tidegate.prepare.sequence.mel import log_mel, resample

Array = NDArray[np.float32]
PRIOR = 100  # steps for which the training part's mean stands in a running mean
LEAST = 1e-3
_NORMALISE = ("recording", "running", "training")


@dataclass(frozen=True)
class SpeechOptions(Options):
    """How sound becomes what a transcriber reads.

    Attributes:
        normalise: whose mean is taken from each band: that of the whole `recording`, a `running` one of what came so
            far (which can be streamed), or that of the `training` part alone; None takes `recording` where the network
            reads both ways, else `running`.
        stack: K, steps of features that are joined into one step of the network.
        tokens: what a text is made of: `char`, or `word` where every word to come is among the training texts; None
            takes words where each is heard at least 8 times.
    """

    normalise: Literal["recording", "running", "training"] | None = None
    stack: Annotated[int, Range(1, 16)] = 3
    tokens: Literal["char", "word"] | None = None


@dataclass(frozen=True)
class SpeechPreparation:
    """Features of sound, fitted on the training part.

    Attributes:
        rate: samples a second. mels: M. window, hop: seconds that a step sees, and from one to the next.
        normalise, stack: as of `SpeechOptions`. mean, scale: [M] of the training part's features.
    """

    rate: int
    mels: int
    window: float
    hop: float
    normalise: str
    stack: int
    mean: tuple[float, ...]
    scale: tuple[float, ...]

    @property
    def inputs(self) -> int:
        """Numbers of a step of the network."""
        return self.mels * self.stack

    @property
    def seconds(self) -> float:
        """From one step of the network to the next."""
        return self.hop * self.stack

    def hear(self, wave: NDArray[np.floating], rate: int) -> Array:
        """[T, M] features of a sound [n] of any rate."""
        return log_mel(resample(wave, rate, self.rate), self.rate, self.mels, self.window, self.hop)

    def scaled(self, features: Array) -> Array:
        """[T, M] over the training part's mean and spread."""
        mean, scale = (np.array(own, np.float32) for own in (self.mean, self.scale))
        return np.asarray((features - mean) / scale)

    def centred(self, scaled: Array) -> Array:
        """[T, M] less the mean of the recording, or of what came so far."""
        if self.normalise == "recording":
            return np.asarray(scaled - scaled.mean(axis=0, keepdims=True))
        return self.running(scaled, np.zeros(self.mels), 0)[0] if self.normalise == "running" else scaled

    def running(self, scaled: Array, total: NDArray[np.float64], count: int) -> tuple[Array, NDArray[np.float64]]:
        """The same of steps after `count` others whose sum is `total` [M]; and the sum with these."""
        sums = np.cumsum(np.vstack([total[None], scaled]), axis=0)[1:]  # one after another, as a stream adds them
        steps = np.arange(count + 1, count + len(scaled) + 1)[:, None]
        return np.asarray(scaled - sums / (steps + PRIOR), np.float32), sums[-1] if len(sums) else total

    def joined(self, features: Array) -> Array:
        """[S, K * M]: K steps in one, zeros after the end."""
        short = -len(features) % self.stack
        return np.pad(features, ((0, short), (0, 0))).reshape(-1, self.inputs)

    def apply(self, features: Array) -> Array:
        """[S, K * M] of a recording's features [T, M]."""
        return self.joined(self.centred(self.scaled(features)))

    def to_json(self) -> dict[str, Any]:
        return {name: list(value) if isinstance(value, tuple) else value for name, value in vars(self).items()}

    @classmethod
    def from_json(cls, value: object) -> SpeechPreparation:
        """What `to_json` wrote.

        Raises:
            ArtifactError: anything is missing, unknown, of the wrong type or out of range.
        """
        found = state.record(value, "speech", tuple(cls.__dataclass_fields__))
        mels, stack, rate = (state.whole(found[name], f"speech.{name}") for name in ("mels", "stack", "rate"))
        window, hop = (state.positive(found[name], f"speech.{name}") for name in ("window", "hop"))
        bounds = 1 <= mels <= 512 and 1 <= stack <= 16 and 100 <= rate <= 1_000_000
        if not bounds or not 0.0005 <= hop <= 10 or not 0.0005 <= window <= 10:
            raise state.wrong("speech", "a rate of 100 to 1,000,000, at most 512 bands and 16 joined steps")
        mean = state.items(found["mean"], "speech.mean", state.number)
        scale = state.items(found["scale"], "speech.scale", state.positive)
        if len(mean) != mels or len(scale) != mels:
            raise state.wrong("speech.mean", "as many numbers as there are bands")
        normalise = state.choice(found["normalise"], "speech.normalise", _NORMALISE)
        return cls(rate, mels, window, hop, normalise, stack, mean, scale)


class Ear:
    """The same features of a sound that comes piece by piece.

    What `push` and `flush` give, one after another, is what `SpeechPreparation.apply` gives of the whole.

    Args:
        preparation: fitted; its `normalise` is not `recording`.
    """

    def __init__(self, preparation: SpeechPreparation) -> None:
        self.preparation = preparation
        self.width = max(round(preparation.window * preparation.rate), 2)
        self.step = max(round(preparation.hop * preparation.rate), 1)
        self.reset()

    def reset(self) -> None:
        """Begin anew."""
        own = self.preparation
        self.samples, self.begun = np.zeros(0, np.float32), False
        self.left, self.total, self.count = np.zeros((0, own.mels), np.float32), np.zeros(own.mels), 0

    def push(self, samples: NDArray[np.floating]) -> Array:
        """Joined steps [s, K * M] that the samples [n] complete."""
        self.samples = np.concatenate([self.samples, np.asarray(samples, np.float32)])
        count = 1 + (len(self.samples) - self.width) // self.step
        if count < 1:
            return np.zeros((0, self.preparation.inputs), np.float32)
        steps = self._features(self.samples[: (count - 1) * self.step + self.width])
        self.samples, self.begun = self.samples[count * self.step :], True
        return self._joined(steps, last=False)

    def flush(self) -> Array:
        """What is left at the end of the sound."""
        steps = np.zeros((0, self.preparation.mels), np.float32)
        if not self.begun:  # shorter than one window: lengthened with silence, as of a whole recording
            steps = self._features(self.samples)
        self.samples = np.zeros(0, np.float32)
        return self._joined(steps, last=True)

    def _features(self, samples: Array) -> Array:
        own = self.preparation
        scaled = own.scaled(log_mel(samples, own.rate, own.mels, own.window, own.hop))
        if own.normalise == "running":
            found, self.total = own.running(scaled, self.total, self.count)
            self.count += len(scaled)
            return found
        return scaled

    def _joined(self, steps: Array, *, last: bool) -> Array:
        every = np.concatenate([self.left, steps])
        whole = len(every) if last else len(every) // self.preparation.stack * self.preparation.stack
        self.left = every[whole:]
        return self.preparation.joined(every[:whole])


def fit_speech(
    values: Array, options: SpeechOptions, *, rate: int, window: float, hop: float, running: bool
) -> SpeechPreparation:
    """Measure the training part.

    Args:
        values: [N, M] features of all its recordings. options: of preparation. rate, window, hop: of the features.
        running: whether the mean of each recording is a running one, where nothing was said.

    Raises:
        DataError: the training part is silent.
    """
    mean, scale = values.mean(axis=0, dtype=np.float64), values.std(axis=0, dtype=np.float64)
    if not len(values) or float(scale.max(initial=0.0)) < LEAST:
        raise DataError(tr("all training recordings are silent: there is nothing to hear"))
    scale = np.maximum(scale, LEAST)
    normalise = options.normalise or ("running" if running else "recording")
    numbers = (tuple(map(float, mean.tolist())), tuple(map(float, scale.tolist())))
    return SpeechPreparation(rate, values.shape[1], window, hop, normalise, options.stack, *numbers)
