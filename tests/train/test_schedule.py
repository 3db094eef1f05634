"""Learning rates against torch's own schedulers."""

import itertools
import math
from typing import Any

import pytest
import torch
from torch.optim import lr_scheduler

from tidegate.core.errors import ConfigError
from tidegate.train.options import TrainOptions
from tidegate.train.schedule import Plateau, rate

STEPS, EPOCHS, PEAK = 5, 12, 0.3


def ours(options: TrainOptions) -> list[float]:
    plateau = Plateau(options.factor, options.plateau_patience)
    return [rate(options, step, STEPS, plateau) for step in range(options.max_epochs * STEPS)]


def optimizer() -> torch.optim.SGD:
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=PEAK)


def theirs(scheduler: Any, steps: int, every: int = 1) -> list[float]:
    found = []
    for step in range(steps):
        found.append(scheduler.optimizer.param_groups[0]["lr"])
        scheduler.optimizer.step()
        if (step + 1) % every == 0:
            scheduler.step()
    return found


def options(**changes: Any) -> TrainOptions:
    return TrainOptions(**{"learning_rate": PEAK, "max_epochs": EPOCHS, **changes})


def test_constant() -> None:
    assert ours(options(schedule="constant")) == [PEAK] * (EPOCHS * STEPS)


def test_step() -> None:
    expected = theirs(lr_scheduler.StepLR(optimizer(), step_size=3, gamma=0.2), EPOCHS * STEPS, every=STEPS)
    assert ours(options(schedule="step", step_epochs=3, factor=0.2)) == pytest.approx(expected)


def test_cosine() -> None:
    expected = theirs(lr_scheduler.CosineAnnealingLR(optimizer(), T_max=EPOCHS * STEPS), EPOCHS * STEPS)
    assert ours(options(schedule="cosine")) == pytest.approx(expected)


@pytest.mark.parametrize("epochs", [2, 12])
def test_one_cycle(epochs: int) -> None:
    total = epochs * STEPS
    scheduler = lr_scheduler.OneCycleLR(optimizer(), max_lr=PEAK, total_steps=total, cycle_momentum=False)
    found = ours(options(schedule="one_cycle", max_epochs=epochs))
    assert found == pytest.approx([*theirs(scheduler, total - 1), PEAK / 250_000])


def test_plateau() -> None:
    losses = [5, 4, 4, 4, 3.99999, 4, 3, 3.5, 3.5, 3.5, 3.5, 3.5, 3.5, math.inf, 1, 2, 2, 2, 2]
    given = optimizer()
    scheduler = lr_scheduler.ReduceLROnPlateau(given, factor=0.1, patience=2)
    plateau, chosen = Plateau(0.1, 2), options(schedule="plateau", factor=0.1, plateau_patience=2)
    for loss in losses:
        scheduler.step(loss)
        plateau.update(loss)
        assert rate(chosen, 0, STEPS, plateau) == pytest.approx(given.param_groups[0]["lr"])
    assert given.param_groups[0]["lr"] < PEAK / 100


@pytest.mark.parametrize("schedule", ["constant", "cosine", "step", "plateau"])
def test_warm_up_rises_linearly_and_then_leaves_the_schedule_alone(schedule: Any) -> None:
    cold, warm = ours(options(schedule=schedule)), ours(options(schedule=schedule, warmup=0.25))
    shares = [b / a for a, b in zip(cold, warm, strict=True)]
    rising = torch.optim.lr_scheduler.LinearLR(optimizer(), start_factor=0.01, total_iters=15)
    assert shares == pytest.approx([value / PEAK for value in theirs(rising, len(shares))])


def test_one_cycle_refuses_a_warm_up_that_it_would_ignore() -> None:
    with pytest.raises(ConfigError, match="warmup"):
        options(schedule="one_cycle", warmup=0.1)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *itertools.product(["optimizer", "schedule"], ["rmsprop", None, "", 3]),
        *itertools.product(["batch_size", "max_epochs", "step_epochs", "steps_per_epoch"], [0, -1, 1.5, True, "8"]),
        *itertools.product(["patience", "plateau_patience", "seed"], [-1, 0.5]),
        *itertools.product(["plateau_patience", "seed"], [None]),
        *itertools.product(["learning_rate", "factor"], [0, -1, math.nan, math.inf, "fast", True]),
        *itertools.product(["clip", "weight_decay", "min_delta", "warmup", "average"], [-0.1, math.nan, None]),
        ("average", 1.0),
    ],
)
def test_options_that_cannot_work_are_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=f"{name} is"):
        TrainOptions(**{name: value})
