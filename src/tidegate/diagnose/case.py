"""What a diagnosis looks at: one trained network, its history, and windows of its data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tidegate.core.table import Table
from tidegate.data.split import Split
from tidegate.prepare import Prepared
from tidegate.train.history import History
from tidegate.train.options import TrainOptions

Origins = NDArray[np.int64]


@dataclass(frozen=True)
class Case:
    """A trained model, opened for examination. B windows, T steps, K horizon, C targets.

    Attributes:
        table, split, prepared: the data.
        network: an `nn.Module` called as network(past, future, static), in evaluation mode.
        fresh: makes the same network with untrained weights.
        batch: origins [B] -> (past [B, T, I], future [B, K, F], static [B, S], target [B, K, C], observed [B, K, C]).
        loss: the training loss of network and batch.
        forecast: origins [B] -> [B, K, C] point forecasts in the target's unit.
        point: the network's output that is the point forecast.
        origins: part -> every window of it.
        window, horizon: T, and the steps of a forecast (all blocks of a recursive one).
        history, options: how it was trained.
        config: the estimator's arguments, and the columns `known`, `observed` and `static` of the data.
        loss_name: "mse", "mae", "huber" or "pinball".
    """

    table: Table
    split: Split
    prepared: Prepared
    network: Any
    fresh: Callable[[], Any]
    batch: Callable[[Origins], tuple[Any, ...]]
    loss: Callable[[Any, tuple[Any, ...]], Any]
    forecast: Callable[[Origins], NDArray[np.float64]]
    point: int
    origins: Mapping[str, Origins]
    window: int
    horizon: int
    history: History
    options: TrainOptions
    config: Mapping[str, Any]
    loss_name: str


class Patient(Protocol):
    """A fitted estimator that can be examined and trained again with other options."""

    def case(self, data: Any = None) -> Case:
        """The case; `data` is the table it was trained on, for a model without one."""

    def retrained(self, changes: Mapping[str, Any]) -> Patient:
        """A new estimator, fitted on the same data and split with some options changed."""

    def score(self, part: str) -> Any:
        """`Evaluation` of a part beside the baselines."""
