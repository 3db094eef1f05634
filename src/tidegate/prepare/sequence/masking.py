"""Augmentation of training sequences: pure functions of a batch and a generator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.checks import Amount, Share
from tidegate.prepare.options import Options


@dataclass(frozen=True)
class SequenceAugment(Options):
    """How training sequences vary; zeros leave them as they are. Tokens and frames are not touched.

    Attributes:
        noise: standard deviation of normal noise on every value, in scaled units.
        scaling: standard deviation of a factor around 1, one per sequence and channel.
        step_mask: largest share of a sequence's steps that one stretch of zeros hides.
        channel_mask: largest share of the channels that one band of zeros hides (with the former: SpecAugment, Park et
            al. 2019).
    """

    noise: Amount = 0.0
    scaling: Amount = 0.0
    step_mask: Share = 0.0
    channel_mask: Share = 0.0

    @property
    def active(self) -> bool:
        """Whether anything is to be done."""
        return any((self.noise, self.scaling, self.step_mask, self.channel_mask))


def vary(
    batch: NDArray[Any], lengths: NDArray[np.int64], options: SequenceAugment, generator: np.random.Generator
) -> NDArray[np.float32]:
    """A batch with noise, other scales and hidden stretches; padding stays zero.

    Args:
        batch: [B, T, I] float32, zeros from `lengths` [B] on. options: what is done. generator: the source of chance.

    Returns:
        [B, T, I] float32, a new array.
    """
    count, steps, channels = batch.shape
    found = batch.astype(np.float32, copy=True)
    if options.scaling:
        found *= 1 + options.scaling * generator.standard_normal((count, 1, channels), dtype=np.float32)
    if options.noise:
        found += options.noise * generator.standard_normal(found.shape, dtype=np.float32)
    if options.step_mask:
        found[_stretch(lengths, steps, options.step_mask, generator)] = 0
    if options.channel_mask:
        wide = np.full(count, channels, dtype=np.int64)
        hidden = _stretch(wide, channels, options.channel_mask, generator)
        found[np.broadcast_to(hidden[:, None, :], found.shape)] = 0
    found[np.arange(steps) >= lengths[:, None]] = 0
    return found


def _stretch(lengths: NDArray[np.int64], size: int, most: float, generator: np.random.Generator) -> NDArray[np.bool_]:
    """[B, size] one stretch of up to a share `most` of each row's length."""
    wide = (lengths * generator.uniform(0, most, len(lengths))).astype(np.int64)
    first = (generator.uniform(0, 1, len(lengths)) * (lengths - wide + 1)).astype(np.int64)
    place = np.arange(size)
    return np.asarray((place >= first[:, None]) & (place < (first + wide)[:, None]))
