"""How long a last training is worth: every epoch within one standard error of the lowest loss is as good."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from tests.diagnose.crafted import history
from tidegate.tasks.fit import Problem, Trained, Trainer, Validation
from tidegate.train.options import TrainOptions

LOSSES = (0.0, 2.0, 4.0, 6.0)  # of four validation examples: deviation sqrt(5), standard error sqrt(5) / 2 = 1.118


def worth(losses: list[float], best: int, independent: int | None = None) -> int:
    def loss(network: Any, batch: Any) -> torch.Tensor:
        return torch.tensor(LOSSES)[batch].mean()

    chunks = [np.array([0, 1]), np.array([2, 3])]
    validation = Validation(loss, chunks, torch.from_numpy, len, independent)
    found = history(losses)
    found.epochs[best - 1] = type(found.epochs[0])(**{**vars(found.epochs[best - 1]), "best": True})
    network: Any = torch.nn.Identity()
    trained = Trained((network,), (found,))
    spec: Any = None
    problem = Problem(spec, lambda options: None, loss, validation)  # type: ignore[arg-type, return-value]
    return Trainer(TrainOptions(), work=1).epochs_worth(trained, problem)[0]


def test_the_last_epoch_within_a_standard_error_is_taken() -> None:
    assert worth([3.0, 1.0, 2.10, 2.15, 2.2], best=2) == 3  # 1 + 1.118 lies between the third and the fourth
    assert worth([3.0, 1.0, 2.2, 2.1, 2.2], best=2) == 4  # the last such epoch, not the first
    assert worth([3.0, 1.0, 2.2], best=2) == 2


def test_examples_that_overlap_count_as_fewer() -> None:
    assert worth([3.0, 1.0, 3.2, 3.3], best=2, independent=1) == 3  # 1 + sqrt(5) = 3.236
    assert worth([3.0, 1.0, 3.2, 3.3], best=2) == 2


def test_the_margin_is_the_standard_error_of_a_mean() -> None:
    def loss(network: Any, batch: Any) -> torch.Tensor:
        return torch.tensor(LOSSES)[batch].mean()

    own = Validation(loss, [np.arange(4)], torch.from_numpy, len)
    network: Any = torch.nn.Identity()
    assert own.margin(network) == pytest.approx(np.std(LOSSES) / 2)
    assert own(network) == pytest.approx(3.0)
