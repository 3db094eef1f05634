"""How a network is trained: every choice, its default and the reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from tidegate.core.checks import Amount, Checked, Count, Range, Ratio, Whole
from tidegate.core.errors import ConfigError
from tidegate.core.translate import tr

OptimizerName = Literal["adam", "adamw", "sgd"]
Precision = Literal["float32", "bfloat16"]
ScheduleName = Literal["constant", "step", "plateau", "cosine", "one_cycle"]


@dataclass(frozen=True)
class TrainOptions(Checked):
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
        precision: `float32`, or `bfloat16`: products of rounded numbers, with sums, gates, weights and validation in
            float32. A step takes little more than half the time where the processor has AVX-512 BF16, else longer.
        seed: of weights, dropout and the order of windows.
    """

    optimizer: OptimizerName = "adam"
    learning_rate: Annotated[float, Range(0, 100, above=True)] = 2e-3
    weight_decay: Amount = 0.0
    schedule: ScheduleName = "cosine"
    step_epochs: Count = 10
    factor: Annotated[float, Range(0, 1, above=True)] = 0.5
    plateau_patience: Whole = 3
    warmup: Ratio = 0.0
    clip: Amount = 1.0
    batch_size: Count = 64
    max_epochs: Count = 100
    steps_per_epoch: Count | None = None
    patience: Whole | None = None
    min_delta: Amount = 0.0
    average: Annotated[float, Range(0, 0.99999)] = 0.995
    precision: Precision = "float32"
    seed: Whole = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.schedule == "one_cycle" and self.warmup:
            raise ConfigError(
                tr("schedule='one_cycle' has a rise of its own: leave warmup at 0; got {warmup!r}", warmup=self.warmup)
            )
