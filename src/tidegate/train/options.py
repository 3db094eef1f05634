"""How a network is trained: every choice, its default and the reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

from tidegate.core.errors import ConfigError

OptimizerName = Literal["adam", "adamw", "sgd"]
ScheduleName = Literal["constant", "step", "plateau", "cosine", "one_cycle"]


@dataclass(frozen=True)
class TrainOptions:
    """Options of the training loop.

    Attributes:
        optimizer: `adam`, `adamw` (decoupled weight decay) or `sgd` (momentum 0.9).
        learning_rate: peak rate; the guide starts at 0.001 (4.3), the engine's Adam bears twice that.
        weight_decay: L2 penalty (`adamw`: decoupled).
        schedule: `constant`; `step` (times `factor` every `step_epochs`); `plateau` (times `factor` after
            `plateau_patience` epochs without a better validation loss); `cosine` to zero; `one_cycle`.
        warmup: share of all steps over which the rate rises linearly from a hundredth.
        clip: largest norm of the whole gradient (guide 7.2); 0 leaves it alone.
        batch_size: windows a step.
        max_epochs: passes over the training windows, at most.
        steps_per_epoch: cut an epoch after so many steps; None takes all windows.
        patience: epochs without improvement before training stops; 0 never stops early; None leaves it to the number
            of epochs (a quarter of them, at least 5, unless the task says otherwise).
        min_delta: smallest drop of the validation loss that counts as improvement.
        average: decay of an exponential moving average of the weights, which is then what is validated and
            kept; 0 keeps the plain weights. 0.995 looks back over some 200 steps and evens out the last batches.
        seed: of weights, dropout and the order of windows.
    """

    optimizer: OptimizerName = "adam"
    learning_rate: float = 2e-3
    weight_decay: float = 0.0
    schedule: ScheduleName = "cosine"
    step_epochs: int = 10
    factor: float = 0.5
    plateau_patience: int = 3
    warmup: float = 0.0
    clip: float = 1.0
    batch_size: int = 64
    max_epochs: int = 100
    steps_per_epoch: int | None = None
    patience: int | None = None
    min_delta: float = 0.0
    average: float = 0.995
    seed: int = 0

    def __post_init__(self) -> None:
        _choice("optimizer", self.optimizer, get_args(OptimizerName))
        _choice("schedule", self.schedule, get_args(ScheduleName))
        for name in ("batch_size", "max_epochs", "step_epochs"):
            _least(name, getattr(self, name), 1)
        for name in ("plateau_patience", "seed"):
            _least(name, getattr(self, name), 0)
        if self.patience is not None:
            _least("patience", self.patience, 0)
        if self.steps_per_epoch is not None:
            _least("steps_per_epoch", self.steps_per_epoch, 1)
        if self.schedule == "one_cycle" and self.warmup:
            raise ConfigError(f"schedule='one_cycle' has a rise of its own: leave warmup at 0; got {self.warmup!r}")
        _within("learning_rate", self.learning_rate, 0.0, 100.0, open_low=True)
        _within("factor", self.factor, 0.0, 1.0, open_low=True)
        _within("warmup", self.warmup, 0.0, 1.0)
        _within("average", self.average, 0.0, 0.99999)
        for name in ("weight_decay", "clip", "min_delta"):
            _within(name, getattr(self, name), 0.0, float("inf"))


def _choice(name: str, value: Any, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ConfigError(f"{name} is one of {', '.join(allowed)}; got {value!r}")


def _least(name: str, value: Any, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ConfigError(f"{name} is a whole number of at least {least}; got {value!r}")


def _within(name: str, value: Any, low: float, high: float, *, open_low: bool = False) -> None:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not (low < value if open_low else low <= value) or not value <= high:
        above = "above" if open_low else "from"
        raise ConfigError(f"{name} is a number {above} {low:g} up to {high:g}; got {value!r}")
