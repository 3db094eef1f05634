"""Batch normalisation of sequences."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tidegate.nn.flow import on_steps


class UnitNorm(nn.Module):
    """torch's batch_norm with just the tensors that an artifact keeps (no count of batches)."""

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))
        self.register_buffer("running_mean", torch.zeros(width))
        self.register_buffer("running_var", torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise [B, D, S] over B and S (or [M, D] over M), with the batch's statistics while training."""
        return nn.functional.batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, training=self.training
        )


def normed(norm: nn.Module, x: Tensor, lengths: Tensor | None) -> Tensor:
    """Normalise [B, S, D] over the steps that rows have; what is past them comes out as anything."""
    if lengths is None or not norm.training:
        return torch.as_tensor(norm(x.transpose(1, 2)).transpose(1, 2))
    return on_steps(norm, x, lengths)
