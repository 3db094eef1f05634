"""Training windows of a detector: every step an example, anomalies that are known left out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tidegate.core.table import Table
from tidegate.data.split import Split
from tidegate.data.windows import Batches, origins
from tidegate.nn.network import every_step
from tidegate.prepare.online import Clock, OnlinePreparation, fill_forward, series_inputs, squash
from tidegate.runtime.detect.walk import microseconds, values_of
from tidegate.tasks.fit import Validation
from tidegate.train.losses import PointLoss, point_error

BURN_IN = 8  # an eighth of a window passes before its errors count: the recurrence starts from nothing
EVALUATION_BATCH = 256


@dataclass(frozen=True)
class Rows:
    """Every row of a table as the network sees it. N rows, I inputs, C channels.

    Attributes:
        inputs: [N, I]. squashed: [N, C] without gaps. observed: [N, C], values that count.
    """

    inputs: NDArray[np.float32]
    squashed: NDArray[np.float32]
    observed: NDArray[np.bool_]


def prepare_rows(table: Table, preparation: OnlinePreparation, labelled: NDArray[np.bool_] | None) -> Rows:
    """Prepare every row; rows that are labelled as anomalies do not count."""
    values, time = values_of(table, preparation.columns), microseconds(table)
    channels = len(preparation.channels)
    clock = Clock(preparation.calendar, preparation.timezone) if preparation.calendar else None
    squashed = np.empty(values.shape, np.float32)
    inputs = np.empty((len(table), len(preparation.input_names)), np.float32)
    for g, (a, b) in enumerate(table.rows().tolist()):
        own = squash(values[a:b], preparation.offset[g], preparation.scale[g])
        squashed[a:b] = fill_forward(own)
        stamps = np.arange(a, b) if time is None else time[a:b]
        inputs[a:b] = series_inputs(preparation, clock, squashed[a:b], stamps)
    observed = ~np.isnan(values[:, :channels])
    if labelled is not None:
        observed &= ~labelled[:, None]
    return Rows(inputs, np.ascontiguousarray(squashed[:, :channels]), observed)


def training_origins(
    table: Table, split: Split, window: int, labelled: NDArray[np.bool_] | None
) -> tuple[NDArray[np.int64], int]:
    """Origins of training windows (rows [o - T, o) and the row o after them), and how many touched a label."""
    found = origins(table, split, "train", window=window, horizon=1)
    if labelled is None:
        return found, 0
    before = np.concatenate([[0], np.cumsum(labelled)])
    clean = before[found + 1] == before[found - window]
    return found[clean], int((~clean).sum())


class RowBatches:
    """Shuffled training windows, or windows in their order.

    Args:
        data: the prepared rows. windows: [M] origins. spec_window: T. batch_size, seed: of the order.
        rebuild: whether the window itself is to be rebuilt, instead of each next value forecast.
    """

    def __init__(
        self, data: Rows, windows: NDArray[np.int64], window: int, batch_size: int, seed: int, rebuild: bool
    ) -> None:
        self.data, self.window, self.rebuild = data, window, rebuild
        self.order = Batches(windows, batch_size, seed=seed)

    def __len__(self) -> int:
        return len(self.order)

    def epoch(self, epoch: int, start: int) -> Iterator[tuple[Tensor, ...]]:
        """Batches of an epoch from step `start` on."""
        for chosen in self.order.epoch(epoch, skip=start):
            yield self.gather(chosen)

    def gather(self, chosen: NDArray[np.int64]) -> tuple[Tensor, ...]:
        """Inputs [B, T, I], targets [B, T, C] and where they count [B, T, C]."""
        rows = chosen[:, None] - self.window + np.arange(self.window)
        data = self.data
        if self.rebuild:
            target, observed = data.squashed[rows], data.observed[rows]
            return torch.from_numpy(target), torch.from_numpy(target), torch.from_numpy(observed)
        observed = data.observed[rows + 1].copy()
        observed[:, : self.window // BURN_IN] = False
        return tuple(map(torch.from_numpy, (data.inputs[rows], data.squashed[rows + 1], observed)))


class RowLoss:
    """Mean loss of the values that count: of the next value after every step, or of the window rebuilt."""

    def __init__(self, point: PointLoss, rebuild: bool) -> None:
        self.point, self.rebuild = point, rebuild

    def __call__(self, network: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
        past, target, observed = batch
        if self.rebuild:
            nothing = past.new_zeros(len(past), past.shape[1], 0)
            values = network(past, nothing, past.new_zeros(len(past), 0)).values[..., 0].flip(1)
        else:
            values = every_step(network, past)  # type: ignore[arg-type]
        error = torch.where(observed, point_error(self.point, values - target), 0.0)
        return error.sum() / observed.sum().clamp_min(1)


def validation_of(batches: RowBatches, windows: NDArray[np.int64], loss: RowLoss) -> Validation:
    """Mean loss over windows of the validation part, weighted by the values that count."""
    chunks = [windows[first : first + EVALUATION_BATCH] for first in range(0, len(windows), EVALUATION_BATCH)]
    return Validation(loss, chunks, batches.gather, lambda batch: int(batch[2].sum()))
