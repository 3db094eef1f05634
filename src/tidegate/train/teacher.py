"""What a teacher says of a batch, mixed into the loss of a student that learns classes or tokens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor, nn
from torch.nn import functional

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
