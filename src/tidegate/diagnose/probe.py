"""Short trainings on the side: would another learning rate, or more steps, have given a lower loss?"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tidegate.diagnose.evidence import Training
from tidegate.diagnose.measure import BATCH, batch_loss, spread

STEPS = 60
NOTHING = 1e-9  # loss, or gradient, of a network that has nothing left to learn, as where the target stands still
WINDOWS = 32  # of a step
HELD = 256  # validation windows that a probe is evaluated on
RATES, SGD_RATES = (0.001, 0.005, 0.02), (0.001, 0.01, 0.1)  # of Adam, and of plain descent


@dataclass(frozen=True)
class Probes:
    """What short trainings reached, as loss on the same validation windows.

    Attributes:
        trained: of the model as it is. rate: its learning rate.
        rates: learning rate -> loss of an untrained network after `STEPS` steps at it.
        further: of the model after `STEPS` more steps at a tenth of its rate and at its rate, the lower one.
    """

    trained: float
    rate: float
    rates: dict[float, float]
    further: float

    @property
    def best(self) -> float:
        """The rate whose probe reached the lowest loss."""
        return min(self.rates, key=lambda rate: self.rates[rate])


def probe(case: Training) -> Probes:
    """Train untrained copies at several rates and the model itself a little further; the model is left as it is."""
    import torch

    held, batches = _held_out(case), list(_batches(case, STEPS))
    own = case.options.learning_rate
    with torch.random.fork_rng(devices=[]):
        rates = {}
        for rate in RATES if case.options.optimizer != "sgd" else SGD_RATES:
            torch.manual_seed(case.options.seed)
            rates[rate] = _train(case, case.fresh(), batches, held, rate)
        further = [_train(case, copy.deepcopy(case.network), batches, held, rate) for rate in (own, own / 10)]
    return Probes(batch_loss(case, case.network, held), own, rates, min(further))


def race(case: Training, rate: float, steps: int) -> float:
    """Validation loss of an untrained network after `steps` steps at a rate that falls to 0 along half a cosine.

    A fair rival of the whole training where a probe is too short to be one; the model is left as it is.
    """
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(case.options.seed)
        return _train(case, case.fresh(), _batches(case, steps), _held_out(case), rate, fall=steps)


def _held_out(case: Training) -> list[tuple[Any, ...]]:
    held = spread(case.origins["validation"], HELD)
    return [case.batch(held[first : first + BATCH]) for first in range(0, len(held), BATCH)]


def _batches(case: Training, steps: int) -> Iterator[tuple[Any, ...]]:
    generator = np.random.default_rng(case.options.seed)
    rows = case.origins["train"]
    return (case.batch(rows[np.sort(generator.integers(0, len(rows), WINDOWS))]) for _ in range(steps))


def _train(
    case: Training, network: Any, batches: Iterable[tuple[Any, ...]], held: list[Any], rate: float, fall: int = 0
) -> float:
    """Validation loss after one pass over the batches; infinite where it diverged.

    fall: steps over which the rate falls to 0 along half a cosine; 0 holds it.
    """
    from tidegate.train.optimizer import Gradients, build_optimizer

    options = replace(case.options, learning_rate=rate)
    optimizer = build_optimizer(network, options)
    gradients = Gradients(network, options.clip or 1.0)
    network.train()
    for step, batch in enumerate(batches):
        for group in optimizer.param_groups if fall else ():
            group["lr"] = rate * 0.5 * (1.0 + math.cos(math.pi * step / fall))
        optimizer.zero_grad(set_to_none=True)
        loss = case.loss(network, batch)
        loss.backward()
        if not math.isfinite(float(loss.detach())) or not gradients.step():
            return math.inf
        optimizer.step()
    network.eval()
    found = batch_loss(case, network, held)
    return found if math.isfinite(found) else math.inf
