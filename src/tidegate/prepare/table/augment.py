"""Augmentation of training windows: pure functions of a batch and a generator.

Sliding windows are what training windows are anyway (every origin of the training part); these add variety.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.checks import Amount, Range
from tidegate.prepare.options import MOST_STEPS, Options


@dataclass(frozen=True)
class AugmentOptions(Options):
    """How training windows vary; zeros leave them as they are.

    Attributes:
        noise: standard deviation of normal noise on the numeric inputs, in scaled units.
        jitter: the start of a window moves by up to so many steps to either side.
        scaling: standard deviation of a factor around 1, one per window, on inputs and target alike.
    """

    noise: Amount = 0.0
    jitter: Annotated[int, Range(0, MOST_STEPS)] = 0
    scaling: Amount = 0.0

    @property
    def active(self) -> bool:
        """Whether anything is to be done."""
        return bool(self.noise or self.jitter or self.scaling)


def jitter_origins(
    origins: NDArray[np.int64], options: AugmentOptions, generator: np.random.Generator, legal: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Move origins by a random number of steps, keeping to legal ones.

    Args:
        origins: [B].
        options: `jitter` is the largest move.
        generator: the source of chance.
        legal: [B, 2], first and last origin that each may move to: the training windows of its series.

    Returns:
        [B].
    """
    if not options.jitter:
        return origins
    moved = origins + generator.integers(-options.jitter, options.jitter + 1, size=len(origins))
    return np.asarray(np.clip(moved, legal[:, 0], legal[:, 1]))


def augment(
    past: NDArray[np.float32],
    target: NDArray[np.float32],
    options: AugmentOptions,
    generator: np.random.Generator,
    *,
    noisy: Sequence[int],
    scaled: Sequence[int],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Add noise to, and scale, a training batch; the arguments stay as they are.

    Args:
        past: [B, T, I].
        target: [B, K, C].
        options: what to do.
        generator: the source of chance.
        noisy: channels of `past` that get noise: `Preparation.numeric_inputs`, not calendar and masks.
        scaled: channels of `past` that are scaled: `Preparation.target_inputs`.

    Returns:
        [B, T, I] and [B, K, C]. A window has one factor, before and after its origin, so that the two stay
        in step.
    """
    if not (options.noise or options.scaling):
        return past, target
    past = past.copy()
    if options.scaling:
        factor: Any = (1 + options.scaling * generator.standard_normal(len(past))).astype(np.float32)[:, None, None]
        past[:, :, list(scaled)] *= factor
        target = target * factor
    if options.noise:
        noise = generator.standard_normal((*past.shape[:2], len(noisy)), dtype=np.float32)
        past[:, :, list(noisy)] += np.float32(options.noise) * noise
    return past, target
