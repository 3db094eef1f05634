"""A small problem for the training loop: a network with dropout on shuffled batches of a fixed sample."""

import math
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from tidegate.nn.draws import Dropout
from tidegate.train.checkpoint import Checkpoint
from tidegate.train.history import Epoch, History
from tidegate.train.loop import train
from tidegate.train.options import TrainOptions

ROWS, SIZE = 60, 10


class Sample:
    """Batches whose order is a function of the epoch."""

    def __init__(self, seed: int = 0) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.x = torch.randn(ROWS, 4, generator=generator)
        self.y = self.x.sum(dim=1, keepdim=True) + 0.1 * torch.randn(ROWS, 1, generator=generator)

    def __len__(self) -> int:
        return ROWS // SIZE

    def epoch(self, epoch: int, start: int) -> Iterator[tuple[Tensor, ...]]:
        order = torch.randperm(ROWS, generator=torch.Generator().manual_seed(epoch))
        for first in range(start * SIZE, ROWS, SIZE):
            rows = order[first : first + SIZE]
            yield self.x[rows], self.y[rows]


def network(seed: int = 0) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(4, 8), Dropout(0.3), nn.Linear(8, 1))


def loss(built: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
    return (built(batch[0]) - batch[1]).square().mean()


class Script:
    """Validation losses as written, whatever the network does, and the weights that they were asked for."""

    def __init__(self, losses: list[float]) -> None:
        self.losses = iter(losses)
        self.seen: list[dict[str, Tensor]] = []

    def __call__(self, built: nn.Module) -> float:
        assert not built.training
        self.seen.append({name: tensor.clone() for name, tensor in built.state_dict().items()})
        return next(self.losses)


class Judge:
    """Loss on a sample of its own."""

    def __init__(self) -> None:
        self.sample = Sample(seed=9)

    def __call__(self, built: nn.Module) -> float:
        return float(loss(built, (self.sample.x, self.sample.y)))


class Interrupt:
    """Ends the process, or the call, after so many steps."""

    def __init__(self, after: int, *, kill: bool) -> None:
        self.left, self.kill = after, kill

    def step(self, epoch: int, step: int, steps: int, loss: float) -> None:
        self.left -= 1
        if self.left == 0:
            if not self.kill:
                raise KeyboardInterrupt
            os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(60)

    def epoch(self, epoch: Epoch) -> None:
        pass


def fit(
    options: TrainOptions, folder: Path | None = None, *, seconds: float = 0.0, validate: Any = None, **more: Any
) -> tuple[dict[str, Tensor], History]:
    """Train the toy; its final weights and history."""
    built = more.pop("network", None) or network()
    checkpoint = None if folder is None else Checkpoint(folder, repr(options), seconds)
    history = train(built, Sample(), loss, validate or Judge(), options, checkpoint=checkpoint, **more)
    return dict(built.state_dict()), history


OPTIONS: dict[str, Any] = {"learning_rate": 0.02, "max_epochs": 5, "schedule": "plateau", "plateau_patience": 0}
OPTIONS["average"] = 0.0


def equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    """Whether weights are the same bit for bit."""
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def figures(history: History) -> list[Any]:
    """All of a history but the clock's times, NaN as text."""
    return [
        {
            name: str(value) if isinstance(value, float) and math.isnan(value) else value
            for name, value in vars(epoch).items()
            if not name.endswith("seconds")
        }
        for epoch in history
    ] + [history.stopped]


if __name__ == "__main__":
    kind, folder, after = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    fit(
        TrainOptions(**{**OPTIONS, "optimizer": kind, "average": 0.9}),
        folder,
        seconds=-1.0,
        progress=Interrupt(after, kill=True),
    )
