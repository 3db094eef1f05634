"""Losses of a forecast: a point loss, pinball losses of the quantiles, or both, on observed values only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

PointLoss = Literal["mse", "mae", "huber"]
SPREAD = 5.0  # scales beyond which an error counts by its logarithm


def point_error(name: PointLoss, error: Tensor) -> Tensor:
    """Loss of every element of `error` = forecast - actual; Huber bends at 1."""
    if name == "mse":
        return error.square()
    size = error.abs()
    if name == "mae":
        return size
    return torch.where(size < 1, 0.5 * error.square(), size - 0.5)


def pinball_error(error: Tensor, quantiles: Tensor) -> Tensor:
    """Pinball loss of forecast - actual = `error` [..., Q] for `quantiles` [Q]."""
    return torch.maximum((1 - quantiles) * error, -quantiles * error)


def asinh_pinball(centre: Tensor, quantiles: Tensor, target: Tensor, seen: Tensor, levels: Sequence[float]) -> Tensor:
    """Mean pinball loss in units of a scale; the logarithm of large errors about the centre counts.

        L_q(s asinh((y - c) / s), s asinh((f_q - c) / s))    s = 5

    Args:
        centre, target, seen: [...], seen is 1 where the target was observed, else 0. quantiles: [..., Q]. levels: [Q].
    """
    about = centre.detach()[..., None]
    error = torch.asinh((quantiles - about) / SPREAD) - torch.asinh((target[..., None] - about) / SPREAD)
    each = pinball_error(error, torch.tensor(levels, dtype=torch.float32)) * seen[..., None]
    return SPREAD * each.sum() / (seen.sum().clamp(min=1) * len(levels))


class ForecastLoss:
    """Mean over the observed steps of the point loss plus twice the mean pinball loss.

    Twice the pinball loss of the median is its absolute error, which puts both on one scale.

    Args:
        point: the point loss, or None where only quantiles are forecast.
        quantiles: in (0, 1), rising; () for none. The network's outputs are the point, then these.
    """

    def __init__(self, point: PointLoss | None, quantiles: tuple[float, ...] = ()) -> None:
        self.point = point
        self.quantiles = torch.tensor(quantiles, dtype=torch.float32) if quantiles else None

    def __call__(self, values: Tensor, target: Tensor, observed: Tensor) -> Tensor:
        """Loss of `values` [B, K, C, O] for `target` [B, K, C] where `observed` [B, K, C]."""
        error = values - target.unsqueeze(3)
        total = torch.zeros_like(error[..., 0])
        if self.point is not None:
            total = point_error(self.point, error[..., 0])
        if self.quantiles is not None:
            first = 0 if self.point is None else 1
            total = total + 2 * pinball_error(error[..., first:], self.quantiles.to(error.device)).mean(dim=3)
        count = observed.sum()
        return torch.where(observed, total, 0.0).sum() / count.clamp_min(1)
