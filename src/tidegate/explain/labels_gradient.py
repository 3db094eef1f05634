"""Integrated gradients of one output for one sequence: every step and channel, or every word by its embedding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.optional import require
from tidegate.explain.groups import Group, Groups
from tidegate.explain.inputs import Floats
from tidegate.explain.shapley import Attribution

STEPS = 32
CALL = 64


def label_gradients(
    number: Callable[[Any], Any],
    values: NDArray[np.floating],
    background: NDArray[np.floating],
    channels: tuple[str, ...],
    *,
    steps: int = STEPS,
) -> Attribution:
    """Integrated gradients of one output, averaged over background sequences.

    Args:
        number: torch tensor [B, T, I] -> [B], such as the logit of a class. Of words [T] pass their embeddings
            [T, E] as values, and the network from there on as the function.
        values: [T, I]. background: [R, T, I], of the same length (see `tidegate.explain.labels.fitted`).
        channels: [I] names.
        steps: points of the Gauss-Legendre integration from each background sequence.

    Returns:
        An `Attribution` with a group per step and channel, [T I, 1]; `residual` is the integration's error.

    Raises:
        MissingExtraError: torch or captum is not installed.

    Source: Sundararajan, Taly and Yan (2017), arXiv:1703.01365; computed by captum.
    """
    torch = require("torch", extra="train", purpose="take gradients")
    captum = require("captum.attr", extra="explain", purpose="integrate gradients")
    window = torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))[None]
    others = torch.from_numpy(np.ascontiguousarray(background, dtype=np.float32))
    tool = captum.IntegratedGradients(number)
    parts = [
        tool.attribute(
            window.expand(len(part), -1, -1), part, n_steps=steps, method="gausslegendre", internal_batch_size=CALL
        )
        for part in torch.split(others, CALL)
    ]
    each = torch.cat(parts).detach().numpy().astype(np.float64).reshape(len(others), -1)
    with torch.no_grad():
        base, whole = number(others).numpy().astype(np.float64), number(window).numpy().astype(np.float64)
    length, width = values.shape
    groups = tuple(Group(channels[i], t - length, t - length + 1) for t in range(length) for i in range(width))
    error = each.std(axis=0, ddof=1) / np.sqrt(len(each)) if len(each) > 1 else np.zeros(each.shape[1])
    return Attribution(
        0,
        Groups(groups, np.arange(length * width)),
        each.mean(axis=0)[:, None],
        error[:, None],
        base.mean(keepdims=True),
        whole,
        "gradients",
        steps * len(others),
    )


def by_step(found: Attribution, length: int) -> Floats:
    """[T] sums over the channels, such as the share of each word."""
    return np.asarray(found.values[:, 0].reshape(length, -1).sum(axis=1))
