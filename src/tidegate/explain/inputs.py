"""What an explanation needs of a model: a network, windows of inputs, a way to predict and a metric.

Shape letters: M windows, R background windows, B rows of a call, P input cells of one window, D predicted values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from tidegate.artifacts.spec import NetworkSpec
from tidegate.core.frequency import Frequency

Array = NDArray[np.float32]
Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
LARGEST_CALL = 8_000_000  # input cells of one batched call, 32 MB


class Inputs(NamedTuple):
    """Windows as a network reads them: past [B, T, I], known-ahead [B, K, F], static [B, S]."""

    past: Array
    future: Array
    static: Array

    def flat(self) -> Array:
        """[B, P], P = T I + K F + S: every input cell of a window in one row."""
        return np.concatenate([part.reshape(len(self.past), -1) for part in self], axis=1)

    def take(self, rows: Any) -> Inputs:
        """Some of the windows."""
        return Inputs(*(part[rows] for part in self))


@dataclass(frozen=True)
class Layout:
    """Where the cells of a window lie, and which feature each channel belongs to.

    Attributes:
        window, horizon: T and K.
        past, future, static: [I], [F], [S] the feature of every channel; the channels of one feature (a category's
            columns, sine and cosine of a clock) carry the same name, in the past and ahead.
    """

    window: int
    horizon: int
    past: tuple[str, ...]
    future: tuple[str, ...] = ()
    static: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """P, input cells of one window."""
        return self.window * len(self.past) + self.horizon * len(self.future) + len(self.static)

    def cells(self) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
        """[P] feature of every cell, and [P] its step: -T to -1 in the past, 0 to K - 1 ahead, K where static."""
        T, K = self.window, self.horizon
        features = np.array([*self.past * T, *self.future * K, *self.static], dtype=object)
        steps = np.concatenate(
            [
                np.repeat(np.arange(-T, 0), len(self.past)),
                np.repeat(np.arange(K), len(self.future)),
                np.full(len(self.static), K),
            ]
        )
        return features, steps

    def unflatten(self, cells: Any) -> Inputs:
        """[B, P] back to the network's arrays (of numpy or of torch)."""
        B, past, future = len(cells), self.window * len(self.past), self.horizon * len(self.future)
        return Inputs(
            cells[:, :past].reshape(B, self.window, len(self.past)),
            cells[:, past : past + future].reshape(B, self.horizon, len(self.future)),
            cells[:, past + future :],
        )


class Explainable(Protocol):
    """A trained model with the windows to explain; any task can be put into this form."""

    spec: NetworkSpec
    weights: Mapping[str, Array]
    layout: Layout
    windows: Inputs  # [M]
    background: Inputs  # [R], what stands for an input that is taken away

    def predict(self, inputs: Inputs, rows: Rows) -> Floats:
        """Predictions [B, D] in the user's unit.

        Args:
            inputs: B changed windows. rows: [B], the window that each was made from (it sets what is not input, such
                as the level a difference is added to).
        """
        ...

    def score(self, predictions: Floats, rows: Rows) -> float:
        """The user's metric of predictions [B, D] for windows `rows`; smaller is better."""
        ...


def predict_cells(model: Explainable, cells: Array, rows: Rows) -> Floats:
    """Predictions [B, D] of flat windows [B, P], in calls of bounded size."""
    each = max(1, LARGEST_CALL // max(1, model.layout.size))
    parts = [
        model.predict(model.layout.unflatten(cells[first : first + each]), rows[first : first + each])
        for first in range(0, len(cells), each)
    ]
    return np.concatenate(parts)


@dataclass(frozen=True)
class Case:
    """A forecast, in the reader's units and clock.

    Attributes:
        series: its name, "" for a single one. target: name. frequency: of the rows. zone: of the clock, or "".
        past_time: [T]; history: [T]. time: [K]; mean, actual: [K] (NaN where not yet known).
        quantiles: [K, Q] of `levels`.
        seasons: lengths of the cycles, in steps, that the model was built on.
    """

    series: str
    target: str
    frequency: Frequency
    zone: str
    past_time: NDArray[Any]
    history: Floats
    time: NDArray[Any]
    mean: Floats
    actual: Floats
    quantiles: Floats
    levels: tuple[float, ...]
    seasons: tuple[int, ...] = ()


@dataclass(frozen=True)
class Recording:
    """What a model saw of a sequence. T steps, I inputs.

    Attributes:
        names: [I] of the inputs. values: [T, I], of channels as they were given, of other inputs as prepared.
        first: the sequence's step that is the first of these. rate: steps a second, or None.
    """

    names: tuple[str, ...]
    values: NDArray[np.float64]
    first: int = 0
    rate: float | None = None


@dataclass(frozen=True)
class Answer:
    """What is answered about a sequence, or one of its steps.

    Attributes:
        id: of the sequence. output: the class or quantity whose shares are explained: of a class in log-odds, of a
            quantity in its own unit.
        said: of each class its probability, or of each quantity its estimate.
        kind: "classes", "labels" (several at once) or "numbers". chosen: the classes that are answered.
        actual: what is known to be true: names of classes, or the quantity's value as text; None where it is unknown.
        step: of the sequence, from 0, where each step has an answer. recording: what the model saw; None of texts.
        words: of a text, in its order; else ().
    """

    id: str
    output: str
    said: Mapping[str, float]
    kind: str = "classes"
    chosen: tuple[str, ...] = ()
    actual: str | None = None
    step: int | None = None
    recording: Recording | None = None
    words: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Alarm(Answer):
    """What a detector predicts for one row; its one quantity is the surprise, log10 of one over the row's rarity.

    Attributes:
        time: of the row, on its clock. alarm: whether it alarms. p_value: of the row. threshold: p at which one alarms.
    """

    time: str
    alarm: bool
    p_value: float
    threshold: float
