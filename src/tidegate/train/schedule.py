"""Learning rate by step: pure functions of the step, so that resuming needs no state but the plateau's."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tidegate.train.options import TrainOptions

WARMUP_START = 0.01
ONE_CYCLE_RISE = 0.3
ONE_CYCLE_START = 1 / 25
ONE_CYCLE_END = 1 / 250_000


@dataclass
class Plateau:
    """Multiply the rate by `factor` after more than `patience` epochs in a row without a better loss."""

    factor: float
    patience: int
    best: float = math.inf
    bad: int = 0
    scale: float = 1.0

    def update(self, loss: float) -> None:
        """Take in an epoch's validation loss."""
        if loss < self.best * (1 - 1e-4):
            self.best, self.bad = loss, 0
            return
        self.bad += 1
        if self.bad > self.patience:
            self.scale, self.bad = self.scale * self.factor, 0


def rate(options: TrainOptions, step: int, steps_per_epoch: int, plateau: Plateau) -> float:
    """Learning rate of a step.

    Args:
        options: the schedule, its peak rate and warm-up.
        step: steps done before this one, over all epochs.
        steps_per_epoch: steps of one epoch.
        plateau: state of the plateau schedule.
    """
    total = options.max_epochs * steps_per_epoch
    factor = 1.0
    if options.schedule == "step":
        factor = options.factor ** (step // (steps_per_epoch * options.step_epochs))
    elif options.schedule == "plateau":
        factor = plateau.scale
    elif options.schedule == "cosine":
        factor = 0.5 * (1 + math.cos(math.pi * step / total))
    elif options.schedule == "one_cycle":
        return options.learning_rate * _one_cycle(step, total)
    warm = round(options.warmup * total)
    if step < warm:
        factor *= WARMUP_START + (1 - WARMUP_START) * step / warm
    return options.learning_rate * factor


def _one_cycle(step: int, total: int) -> float:
    """Cosine up over the first 30 % of the steps, cosine down to nearly nothing (Smith and Topin, 2018)."""
    top = max(ONE_CYCLE_RISE * total - 1, 1e-9)
    if step <= top:
        return _cosine(ONE_CYCLE_START, 1.0, step / top)
    return _cosine(1.0, ONE_CYCLE_END * 1.0, (step - top) / max(total - 1 - top, 1e-9))


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) / 2 * (1 + math.cos(math.pi * min(share, 1.0)))
