"""Losses of what a network predicts for a sequence or about each of its steps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from tidegate.train.losses import PointLoss, point_error

ClassLossName = Literal["cross_entropy", "focal"]


class ClassLoss:
    """Cross-entropy of one class out of K, or of K yes-or-no questions.

        cross_entropy  -sum_k q_k log p_k,  q the truth, (1 - smoothing) of it where it is smoothed
        focal          (1 - p_y)^gamma times that: what is already right counts less

    Args:
        name: which. weights: [K] of the classes, mean one over the training part; None weighs all alike.
        smoothing: share of the truth spread evenly over all classes. gamma: of the focal loss.
        multiple: several classes at once; weights are then those of the positive answers.

    Source: Lin et al. (2017), focal loss, arXiv:1708.02002; Szegedy et al. (2016), label smoothing, arXiv:1512.00567.
    """

    def __init__(
        self,
        name: ClassLossName = "cross_entropy",
        weights: Tensor | None = None,
        *,
        smoothing: float = 0.0,
        gamma: float = 2.0,
        multiple: bool = False,
    ) -> None:
        self.name, self.weights, self.smoothing, self.gamma, self.multiple = name, weights, smoothing, gamma, multiple

    def __call__(self, logits: Tensor, target: Tensor, valid: Tensor | None = None) -> Tensor:
        """Mean loss.

        Args:
            logits: [..., K]. target: [...] places of the classes, or [..., K] of zeros and ones for several at once.
            valid: [...] which of them count; None counts all.
        """
        if valid is not None:
            logits, target = logits[valid], target[valid]
        logits = logits.reshape(-1, logits.shape[-1])
        if self.multiple:
            return self._several(logits, target.reshape(logits.shape))
        target = target.reshape(-1)
        each = functional.cross_entropy(
            logits, target, weight=self.weights, label_smoothing=self.smoothing, reduction="none"
        )
        if self.name == "focal":
            right = functional.log_softmax(logits, dim=1).gather(1, target.unsqueeze(1)).squeeze(1).exp()
            each = (1 - right) ** self.gamma * each
        if self.weights is None:
            return each.mean()
        return each.sum() / self.weights[target].sum().clamp_min(1e-12)

    def _several(self, logits: Tensor, target: Tensor) -> Tensor:
        smooth = target * (1 - self.smoothing) + 0.5 * self.smoothing
        each = functional.binary_cross_entropy_with_logits(logits, smooth, pos_weight=self.weights, reduction="none")
        if self.name == "focal":
            right = torch.where(target > 0.5, torch.sigmoid(logits), torch.sigmoid(-logits))
            each = (1 - right) ** self.gamma * each
        return each.mean()


class NumberLoss:
    """Mean point loss of scaled quantities: `mse`, `mae` or `huber`."""

    def __init__(self, name: PointLoss) -> None:
        self.name = name

    def __call__(self, values: Tensor, target: Tensor, valid: Tensor | None = None) -> Tensor:
        """Mean loss of `values` [..., P] for `target` [..., P] where `valid` [...]."""
        if valid is not None:
            values, target = values[valid], target[valid]
        return point_error(self.name, values - target.reshape(values.shape)).mean()


HEAT = 2.0  # of both softmaxes: what is unlikely says more about the teacher than what is likely
TEACHER: ContextVar[tuple[nn.Module, float] | None] = ContextVar("teacher_network", default=None)


@contextmanager
def taught(network: nn.Module, share: float) -> Iterator[None]:
    """Let the trainings in this context learn from a teacher too.

    Args:
        network: the teacher's, on the same inputs and outputs as the students'. share: of its word in the loss.
    """
    token = TEACHER.set((network.eval().requires_grad_(False), share))
    try:
        yield
    finally:
        TEACHER.reset(token)


def softened(hard: Tensor, logits: Tensor, said: Tensor, share: float) -> Tensor:
    """(1 - share) of the loss against the truth, and share * HEAT^2 * KL(teacher, student), both softmaxes at HEAT.

    Args:
        hard: mean loss. logits, said: [N, K] of student and teacher.

    Source: Hinton, Vinyals and Dean (2015), arXiv:1503.02531.
    """
    own, its = (functional.log_softmax(part / HEAT, dim=1) for part in (logits, said))
    return (1 - share) * hard + share * HEAT**2 * functional.kl_div(own, its, reduction="batchmean", log_target=True)


def heard(network: nn.Module, past: Tensor, lengths: Tensor | None) -> Tensor:
    """What a teacher says, [B, K or T, 1, O]."""
    with torch.no_grad():
        found: Tensor = network(past, lengths=lengths).values
    return found
