"""What a diagnosis looks at, piece by piece: a check declares which piece it needs, whatever the task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tidegate.core.table import Table
from tidegate.data.split import Split
from tidegate.evaluate.verdict import Verdict
from tidegate.prepare import Prepared
from tidegate.train.history import History
from tidegate.train.options import TrainOptions

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
Origins = NDArray[np.int64]
Part = NDArray[np.int64]
SAMPLE = 512  # windows of a part that are looked at


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What every training leaves behind.

    Attributes:
        history: of the training. config: the estimator's arguments.
        verdicts: part -> the model beside the baselines there; asked only where nothing else is found.
        looked: part -> how many examples were looked at, where the evidence does not say so itself.
    """

    unit: ClassVar[str] = "windows"  # what `sample` counts
    history: History
    config: Mapping[str, Any] = field(default_factory=dict)
    verdicts: Callable[[], Mapping[str, Verdict]] = dict
    looked: Mapping[str, int] = field(default_factory=dict)

    @property
    def sample(self) -> Mapping[str, int]:
        """Part -> how many examples of it are looked at."""
        return self.looked

    def lack(self, part: str) -> str:
        """What is missing where a part has no examples."""
        return f"the {part} part has nothing to look at"


@dataclass(frozen=True, kw_only=True)
class Network(Evidence):
    """A network that gradients can be sent through. B examples, T steps.

    Attributes:
        network: an `nn.Module`, in evaluation mode.
        batch: places of examples [B] -> what network and loss take, tensors that begin with [B]; the last says which
            answers count.
        loss: the training loss of network and batch.
        origins: part -> the places of all its examples.
        window: T.
        unlearned: whether even the training part is hardly known, so that what lies far back may be missing.
    """

    network: Any
    batch: Callable[[Origins], tuple[Any, ...]]
    loss: Callable[[Any, tuple[Any, ...]], Any]
    origins: Mapping[str, Origins]
    window: int
    unlearned: bool = False

    @property
    def sample(self) -> Mapping[str, int]:
        """Windows of each part that has any."""
        return {part: min(len(rows), SAMPLE) for part, rows in self.origins.items() if len(rows)}


@dataclass(frozen=True, kw_only=True)
class Training(Network):
    """A training that can be tried again on the side; the validation part has not been learned from.

    Attributes:
        fresh: makes the same network with untrained weights. options: how it was trained.
        usual_rate: the task's own learning rate.
    """

    fresh: Callable[[], Any]
    options: TrainOptions
    usual_rate: float = 2e-3


@dataclass(frozen=True, kw_only=True)
class Case(Training):
    """A trained forecaster. B windows, T steps, K horizon, C targets.

    `batch` gives (past [B, T, I], future [B, K, F], static [B, S], target [B, K, C], observed [B, K, C]), which the
    network takes as network(past, future, static). `config` holds the columns `known`, `observed`, `static` as well.

    Attributes:
        table, split, prepared: the data.
        forecast: origins [B] -> [B, K, C] point forecasts in the target's unit.
        point: the network's output that is the point forecast.
        horizon: the steps of a forecast (all blocks of a recursive one).
        loss_name: "mse", "mae", "huber" or "pinball".
    """

    table: Table
    split: Split
    prepared: Prepared
    forecast: Callable[[Origins], NDArray[np.float64]]
    point: int
    horizon: int
    loss_name: str

    def lack(self, part: str) -> str:
        """What is missing where a part has no windows."""
        return f"the {part} part has no window of {self.window} past and {self.horizon} future steps"


@dataclass(frozen=True)
class LabelPart:
    """A part's labels and what the model predicts for them. M sequences (or steps), K classes, P estimates.

    Attributes:
        labels: [M] places of classes, -1 where unknown; None of estimates.
        chances: [M, K] probabilities; None of estimates.
        actual, found: [M, P] of estimates; None of classes.
        groups: [M] what a sequence came from, or None. ids: [M] names, or () for numbers.
    """

    labels: Labels | None = None
    chances: Floats | None = None
    actual: Floats | None = None
    found: Floats | None = None
    groups: NDArray[Any] | None = None
    ids: tuple[str, ...] = ()

    def __len__(self) -> int:
        first = self.labels if self.labels is not None else self.actual
        return 0 if first is None else len(first)

    @property
    def error(self) -> float:
        """Share of wrong classes, or root mean square error in deviations of the actual values."""
        if self.labels is not None and self.chances is not None:
            seen = self.labels >= 0
            return float(np.mean(self.chances[seen].argmax(axis=1) != self.labels[seen])) if seen.any() else np.nan
        if self.actual is not None and self.found is not None:
            deviation = np.maximum(np.nanstd(self.actual, axis=0), 1e-12)
            return float(np.sqrt(np.nanmean(((self.found - self.actual) / deviation) ** 2)))
        return float("nan")


@dataclass(frozen=True, kw_only=True)
class LabelEvidence(Evidence):
    """The answers of a trained classifier or regressor as arrays.

    Attributes:
        train, validation: the parts; with `refit`, the parts as they were when the epoch was chosen.
        classes: [K] names; () of estimates.
        held: chances [M, K] of the training part from models that had not seen the sequence (cross-validation); None
            where there are none. Label noise is looked for there, else on the validation part.
        threshold: of two classes, in use; None takes the more probable.
        baseline: error of the best simple method on the validation part, and its name; None where there is none.
        parameters: weights of the network.
    """

    unit: ClassVar[str] = "sequences"
    train: LabelPart
    validation: LabelPart
    classes: tuple[str, ...] = ()
    held: Floats | None = None
    threshold: float | None = None
    baseline: tuple[float, str] | None = None
    parameters: int = 0

    @property
    def sample(self) -> Mapping[str, int]:
        """Sequences (or steps) of each part."""
        return {"train": len(self.train), "validation": len(self.validation)}


@dataclass(frozen=True, kw_only=True)
class TokenEvidence(Evidence):
    """What a model that foresees tokens gives those of its parts.

    Attributes:
        losses: part -> mean -log p of a token, of the training part on some of it.
        counts: [V] of each token in the training part, without special ones.
        unknown: share of the validation part's tokens that the vocabulary has not. method: how texts are cut.
        parameters: weights of the network.
    """

    unit: ClassVar[str] = "tokens"
    losses: Mapping[str, float]
    counts: Labels
    unknown: float
    method: str
    parameters: int


@dataclass(frozen=True, kw_only=True)
class WrittenEvidence(Evidence):
    """What a model wrote for some of the validation part. N texts.

    Attributes:
        written, references: [N] its texts, and what people wrote or said.
    """

    written: tuple[str, ...]
    references: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class WritingEvidence(WrittenEvidence, TokenEvidence):
    """What a model that writes texts for texts wrote.

    Attributes:
        free: mean -log p of the validation part's tokens where it reads its own likeliest tokens before them; NaN where
            it reads none.
    """

    free: float


@dataclass(frozen=True, kw_only=True)
class LanguageEvidence(TokenEvidence):
    """What a language model predicts for its corpus, and what it writes.

    Attributes:
        written: what it wrote at an ordinary temperature. copied: share of it that stands in the training text, in
            stretches of `stretch` characters; longest: the longest. looping: share that repeats what stands right
            before it; usual: the same of the training text.
    """

    written: tuple[str, ...]
    copied: float
    stretch: int
    longest: str
    looping: float
    usual: float


@dataclass(frozen=True, kw_only=True)
class SpeechEvidence(WrittenEvidence):
    """What a transcriber writes down of its recordings.

    Attributes:
        rates: part -> character error rate.
        empty: share of the training recordings that come out empty. blank: share of their steps at which the blank is
            likeliest. seconds: of all training recordings.
    """

    unit: ClassVar[str] = "recordings"
    rates: Mapping[str, float]
    empty: float
    blank: float
    seconds: float


@dataclass(frozen=True, kw_only=True)
class AlarmEvidence(Evidence):
    """What a detector predicted for the rows it was fitted on. N rows, C channels, G series.

    Attributes:
        channels: [C] names. parts: part -> [G, 2] rows of each series.
        values, expected: [N, C], and what was expected in their place; NaN where either is unknown.
        p_values: [N], NaN where nothing was predicted for a row. labelled: [N] known anomalies.
        events: [N] number of the event that an alarming row belongs to, 0 elsewhere; counted per series.
        threshold: the p at or below which a row alarms. budget: events that are allowed in one judged row.
        season: steps of the cycle that the network sees, 1 for none.
    """

    unit: ClassVar[str] = "rows"
    channels: tuple[str, ...]
    parts: Mapping[str, Part]
    values: Floats
    expected: Floats
    p_values: Floats
    labelled: NDArray[np.bool_]
    events: Labels
    threshold: float
    budget: float
    season: int = 1

    @property
    def sample(self) -> Mapping[str, int]:
        """Rows of each part that have a p-value."""
        counts = {name: len(self.judged(name)) for name in self.parts}
        return {name: count for name, count in counts.items() if count}

    def rows(self, part: str) -> Labels:
        """The rows of a part."""
        ranges = self.parts.get(part, np.empty((0, 2), np.int64))
        return np.concatenate([np.empty(0, np.int64), *(np.arange(a, b) for a, b in ranges.tolist())])

    def judged(self, part: str) -> Labels:
        """Its rows that have a p-value and carry no label."""
        rows = self.rows(part)
        return rows[~np.isnan(self.p_values[rows]) & ~self.labelled[rows]]

    def alarms(self, part: str) -> int:
        """Events on its rows without a label."""
        found = 0
        for a, b in self.parts.get(part, np.empty((0, 2), np.int64)).tolist():
            own = self.events[a:b][~self.labelled[a:b]]
            found += len(np.unique(own[own > 0]))
        return found

    def errors(self, part: str) -> dict[str, float]:
        """Mean absolute error of what was expected ("model") and of simple methods, in deviations of the training part.

        `repeat_last` says the value before, `seasonal_naive_24` that of 24 steps before, of the same series.
        """
        rows = self.judged(part)
        said = {"model": self.expected, "repeat_last": self._before(1)}
        if self.season > 1:
            said[f"seasonal_naive_{self.season}"] = self._before(self.season)
        scale = np.maximum(np.nanstd(self.values[self.rows("train")], axis=0), 1e-12)
        error = {name: np.abs(found[rows] - self.values[rows]) / scale for name, found in said.items()}
        both = ~np.isnan(np.stack(list(error.values()))).any(axis=0)
        return {name: float(found[both].mean()) if both.any() else float("nan") for name, found in error.items()}

    def _before(self, steps: int) -> Floats:
        """[N, C] values so many steps earlier in the same series."""
        found = np.full_like(self.values, np.nan)
        bounds = np.stack(list(self.parts.values()))
        for first, end in zip(bounds[..., 0].min(axis=0).tolist(), bounds[..., 1].max(axis=0).tolist(), strict=True):
            found[first + steps : end] = self.values[first : max(end - steps, first)]
        return found
