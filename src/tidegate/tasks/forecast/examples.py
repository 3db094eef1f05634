"""Training batches of a forecaster: gathered from the prepared table when they are needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tidegate.artifacts.spec import NetworkSpec
from tidegate.core.errors import SplitError
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.data.windows import Batches, Windows
from tidegate.prepare.augment import AugmentOptions, augment, jitter_origins
from tidegate.prepare.table.prepared import Prepared
from tidegate.train.forcing import Forcing, ForcingSchedule
from tidegate.train.losses import ForecastLoss
from tidegate.train.options import TrainOptions

EVALUATION_BATCH = 512
TEACHER: ContextVar[tuple[Any, float, int] | None] = ContextVar("teacher", default=None)
VALIDATION_WINDOWS = 20_000


def gather(prepared: Prepared, origins: NDArray[np.int64], spec: NetworkSpec) -> tuple[Tensor, ...]:
    """Past [B, T, I], future [B, K, F], static [B, S], target [B, K, C] and where it was observed."""
    target, observed = prepared.target(origins, spec.horizon)
    arrays = (
        prepared.past(origins, spec.window),
        prepared.future(origins, spec.horizon),
        prepared.static(origins),
        target,
        observed,
    )
    return tuple(torch.from_numpy(array) for array in arrays)


@contextmanager
def taught(run: Any, share: float, output: int) -> Iterator[None]:
    """Let the trainings in this context learn from targets that are mixed with a teacher's forecasts.

    Args:
        run: the teacher's network on windows, as `TorchRun.windows`; its preparation must be the student's.
        share: of the teacher. output: which of its outputs is its forecast.
    """
    token = TEACHER.set((run, share, output))
    try:
        yield
    finally:
        TEACHER.reset(token)


class WindowBatches:
    """Shuffled training windows; order and noise are pure functions of seed, epoch and step.

    Args:
        prepared: the table. windows: of the training part. spec: sizes.
        batch_size: B; the last batch of an epoch holds what is left.
        seed: of order, noise and forcing. noise: augmentation.
    """

    def __init__(
        self, prepared: Prepared, windows: Windows, spec: NetworkSpec, batch_size: int, seed: int, noise: AugmentOptions
    ) -> None:
        self.prepared, self.windows, self.spec = prepared, windows, spec
        self.order = Batches(windows, batch_size, seed=seed)
        self.seed, self.noise = seed, noise
        self.forcing: Forcing | None = None
        self.teacher = TEACHER.get()
        self.steps = len(self.order)

    def __len__(self) -> int:
        return len(self.order)

    def force(self, ratio: float | None, schedule: ForcingSchedule, options: TrainOptions) -> None:
        """Add to each batch of a training where its decoder is shown the truth; None does not."""
        self.steps = min(len(self.order), options.steps_per_epoch or len(self.order))
        self.forcing = None if ratio is None else Forcing(ratio, schedule, self.steps * options.max_epochs)

    def epoch(self, epoch: int, start: int) -> Iterator[tuple[Tensor, ...]]:
        """Batches of an epoch from step `start` on."""
        for step, origins in enumerate(self.order.epoch(epoch, skip=start), start):
            batch = self._softened(self._batch(origins, epoch, step))
            yield batch if self.forcing is None else (*batch, self._forced(batch, epoch, step))

    def _softened(self, batch: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The batch, its targets mixed with what the teacher forecasts for the same windows."""
        if self.teacher is None:
            return batch
        run, share, output = self.teacher
        past, future, static, target, observed = batch
        said = torch.from_numpy(run(past.numpy(), future.numpy(), static.numpy()).prepared()[..., output])
        return past, future, static, (1 - share) * target + share * said, observed

    def _forced(self, batch: tuple[Tensor, ...], epoch: int, step: int) -> Tensor:
        """[B, K, C], where the decoder is shown the truth: a coin for each of its steps, and the value observed."""
        assert self.forcing is not None
        observed, segment = batch[4], self.spec.find("decoder").segment
        shape = (len(observed), self.spec.horizon // segment)
        coins = self.forcing.draw((epoch - 1) * self.steps + step, shape, self.seed)
        return observed & torch.from_numpy(coins).repeat_interleave(segment, dim=1).unsqueeze(2)

    def _batch(self, origins: NDArray[np.int64], epoch: int, step: int) -> tuple[Tensor, ...]:
        if not self.noise.active:
            return gather(self.prepared, origins, self.spec)
        generator = np.random.default_rng([self.seed, epoch, step])
        if self.noise.jitter:
            origins = jitter_origins(origins, self.noise, generator, self._legal(origins))
        past, future, static, target, observed = gather(self.prepared, origins, self.spec)
        preparation = self.prepared.preparation
        noisy, scaled = augment(
            past.numpy(),
            target.numpy(),
            self.noise,
            generator,
            noisy=preparation.numeric_inputs,
            scaled=preparation.target_inputs,
        )
        return torch.from_numpy(noisy), future, static, torch.from_numpy(scaled), observed

    def _legal(self, origins: NDArray[np.int64]) -> NDArray[np.int64]:
        """[B, 2] first and last training origin of each origin's series."""
        series = self.prepared.table.series_of(origins)
        counts = np.diff(self.windows.ends, prepend=0)
        first = self.windows.first[series]
        return np.stack([first, first + counts[series] - 1], axis=1)


class BatchLoss:
    """Loss of a batch: in the window's own scale where windows are rescaled by level, else in the prepared one."""

    def __init__(self, spec: NetworkSpec, loss: ForecastLoss) -> None:
        normalise = spec.find("normalise")
        self.by_window = normalise is not None and normalise.by == "scale"
        self.loss = loss

    def __call__(self, network: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
        past, future, static, target, observed, *forced = batch
        output = network(past, future, static, target, *forced) if forced else network(past, future, static)
        if self.by_window:
            return self.loss(output.values, (target - output.loc) / output.scale, observed)
        return self.loss(output.prepared(), target, observed)


def thin(origins: NDArray[np.int64], notes: list[Note], most: int = VALIDATION_WINDOWS) -> NDArray[np.int64]:
    """At most `most` origins, evenly spread, and a note where some were left out."""
    if len(origins) <= most:
        return origins
    message = "Validation looks at {used} of {all} windows, evenly spread."
    notes.append(Note("validation", message, {"used": most, "all": len(origins)}))
    return origins[np.linspace(0, len(origins) - 1, most).astype(np.int64)]


def require_windows(count: int, part: str, window: int, horizon: int) -> None:
    """Refuse a part in which no window fits."""
    if not count:
        message = (
            "the {part} part has no room for one window of {window} past and {horizon} future steps: give it a larger "
            "share, or shorten window or horizon"
        )
        raise SplitError(tr(message, part=part, window=window, horizon=horizon))
