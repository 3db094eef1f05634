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
