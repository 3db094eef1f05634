"""Losses against scikit-learn and torch, on observed values alone."""

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import mean_absolute_error, mean_pinball_loss, mean_squared_error
from torch import nn

from tidegate.train.losses import ForecastLoss

SHAPE = (5, 4, 2)
LEVELS = (0.1, 0.5, 0.8)


def sample(outputs: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    values = 2 * torch.randn(*SHAPE, outputs, generator=generator)
    target = 2 * torch.randn(*SHAPE, generator=generator)
    return values, target, torch.rand(*SHAPE, generator=generator) > 0.3


def huber(actual: np.ndarray, forecast: np.ndarray) -> float:
    return float(nn.functional.huber_loss(torch.from_numpy(forecast), torch.from_numpy(actual)))


REFERENCES: dict[Any, Any] = {"mse": mean_squared_error, "mae": mean_absolute_error, "huber": huber, None: None}


CASES = [*itertools.product(["mse", "mae", "huber"], [(), LEVELS]), (None, LEVELS)]


@pytest.mark.parametrize(("point", "levels"), CASES)
@pytest.mark.parametrize("masked", [False, True])
def test_the_loss_is_that_of_scikit_learn(point: Any, levels: tuple[float, ...], masked: bool) -> None:
    values, target, observed = sample((point is not None) + len(levels))
    if not masked:
        observed = torch.ones_like(observed)
    found = float(ForecastLoss(point, levels)(values, target, observed))
    actual, forecast = target[observed].numpy(), values[observed].numpy()
    expected = 0.0 if point is None else REFERENCES[point](actual, forecast[:, 0])
    first = 0 if point is None else 1
    if levels:
        pinball = [mean_pinball_loss(actual, forecast[:, first + i], alpha=q) for i, q in enumerate(levels)]
        expected += 2 * np.mean(pinball)
    assert found == pytest.approx(expected, rel=1e-5)


def test_twice_the_pinball_loss_of_the_median_is_the_absolute_error() -> None:
    values, target, observed = sample(1)
    assert float(ForecastLoss(None, (0.5,))(values, target, observed)) == pytest.approx(
        float(ForecastLoss("mae")(values, target, observed))
    )


def test_what_was_not_observed_has_no_gradient() -> None:
    values, target, observed = sample(1)
    values.requires_grad_()
    ForecastLoss("mse")(values, target, observed).backward()
    assert values.grad is not None
    assert (values.grad[..., 0][~observed] == 0).all()
    assert (values.grad[..., 0][observed] != 0).all()
    nothing = torch.zeros_like(observed)
    assert float(ForecastLoss("mse")(values.detach(), target, nothing)) == 0.0
