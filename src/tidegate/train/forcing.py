"""Teacher forcing: how often a decoder that reads its own forecasts is shown the truth instead, in training."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

ForcingSchedule = Literal["constant", "linear", "inverse_sigmoid"]
STREAM = 0x7EAC  # keeps these draws apart from those of the windows' noise


@dataclass(frozen=True)
class Forcing:
    """Scheduled sampling: the share of decoder steps that are shown the true value before them.

        constant         r_i = r
        linear           r_i = r (1 - i / N)
        inverse_sigmoid  r_i = r k / (k + exp(i / k)), with k ln k = N / 2, so that half of r is left half-way

    Attributes:
        ratio: r, from 0 (always its own forecasts) to 1. schedule: as above.
        steps: N, training steps in all. i: the step, from 0.

    Source: Williams and Zipser (1989); Bengio, Vinyals, Jaitly and Shazeer (2015), arXiv:1506.03099; guide 6.3.
    """

    ratio: float
    schedule: ForcingSchedule
    steps: int

    def share(self, step: int) -> float:
        """r_i, from 0 to 1."""
        if self.schedule == "constant":
            return self.ratio
        if self.schedule == "linear":
            return self.ratio * max(0.0, 1 - step / self.steps)
        k = _speed(self.steps / 2)
        return self.ratio * k / (k + math.exp(min(step / k, 700.0)))

    def draw(self, step: int, shape: tuple[int, ...], seed: int) -> NDArray[np.bool_]:
        """Which steps are forced: each by a coin of its own, a pure function of seed and step."""
        generator: Any = np.random.default_rng([seed, step, STREAM])
        return np.asarray(generator.random(shape) < self.share(step))


def _speed(half: float) -> float:
    """k with k ln k = half, by Newton's method."""
    k = max(math.e, half / math.log(half + math.e))
    for _ in range(20):
        k -= (k * math.log(k) - half) / (math.log(k) + 1)
    return k
