"""Augmentation of training windows, sequences and speech: pure functions of a batch, or a recording, and a generator.

Sliding windows are what training windows are anyway (every origin of the training part); these add variety.
Of speech: T steps of features, M bands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.checks import Amount, Range, Share
from tidegate.prepare.options import MOST_STEPS, Options
from tidegate.prepare.sequence.mel import centres, to_mel


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


Array = NDArray[np.float32]
LONGEST_MASK = 0.4  # seconds


@dataclass(frozen=True)
class SpeechAugment(Options):
    """How training recordings vary from epoch to epoch; zeros leave them as they are.

    Attributes:
        step_mask: largest share of a recording that one stretch of silence hides, at most 0.4 s of it. step_masks: how
            many. channel_mask: largest share of the bands that one gap hides. channel_masks: how many (with the former:
            SpecAugment, Park et al. 2019, arXiv:1904.08779).
        speed: largest change of speed, as a share (Ko et al. 2015, doi:10.21437/Interspeech.2015-711).
        pitch: largest change of all frequencies, as a share: other speakers have longer or shorter throats (Jaitly and
            Hinton 2013).
        noise: largest level of noise of a random colour, in spreads of the training part above its quiet end.
        gain: largest change of loudness, in spreads.
        join: so many training recordings, at most, become one, with their texts.
    """

    step_mask: Share = 0.2
    step_masks: Annotated[int, Range(0, 64)] = 2
    channel_mask: Share = 0.25
    channel_masks: Annotated[int, Range(0, 64)] = 2
    speed: Annotated[float, Range(0, 0.9, below=True)] = 0.12
    pitch: Annotated[float, Range(0, 0.9, below=True)] = 0.06
    noise: Amount = 1.0
    gain: Amount = 0.3
    join: Annotated[int, Range(1, 64)] = 1


def vary_speech(scaled: Array, options: SpeechAugment, generator: np.random.Generator, rate: int) -> Array:
    """A recording as it might have been: other speed, throat, noise and loudness, [T, M] in scaled units.

    Args:
        scaled: [T, M]. options: what is done. generator: the source of chance. rate: of the sound.
    """
    found = scaled
    if options.speed or options.pitch:
        speed, pitch = (1 + share * generator.uniform(-1, 1) for share in (options.speed, options.pitch))
        found = _warped(found, speed, pitch, rate)
    if options.noise and generator.uniform() < 0.5:
        level = np.quantile(found, 0.1) + generator.uniform(0, options.noise)
        slope = generator.normal(0, 0.3) * np.linspace(-1, 1, found.shape[1])
        found = np.logaddexp(2 * found, 2 * (level + slope + 0.3 * generator.standard_normal(found.shape))) / 2
    if options.gain:
        found = found + options.gain * generator.uniform(-1, 1)
    return np.asarray(found, np.float32)


def hide(features: Array, options: SpeechAugment, generator: np.random.Generator, hop: float) -> Array:
    """Stretches of time and of bands as zeros, [T, M] of centred features; hop: seconds of a step."""
    found: Array = features.copy()
    steps, mels = found.shape
    longest = min(options.step_mask * steps, LONGEST_MASK / hop)
    for _ in range(options.step_masks if options.step_mask else 0):
        wide = int(generator.uniform(0, longest))
        first = int(generator.uniform(0, steps - wide + 1))
        found[first : first + wide] = 0
    for _ in range(options.channel_masks if options.channel_mask else 0):
        wide = int(generator.uniform(0, options.channel_mask * mels))
        first = int(generator.uniform(0, mels - wide + 1))
        found[:, first : first + wide] = 0
    return found


def _warped(features: Array, speed: float, pitch: float, rate: int) -> Array:
    """Features of a sound that is so many times as fast, and whose frequencies are so many times as high."""
    steps, mels = features.shape
    wanted = max(round(steps / speed), 1)
    places = np.linspace(0, steps - 1, wanted)
    low = np.minimum(places.astype(np.int64), max(steps - 2, 0))
    share = (places - low)[:, None].astype(np.float32)
    found = features[low] * (1 - share) + features[np.minimum(low + 1, steps - 1)] * share
    middles = centres(mels, rate)
    own = to_mel(middles)
    bands = np.interp(to_mel(middles / pitch), own, np.arange(mels))
    low = np.minimum(bands.astype(np.int64), max(mels - 2, 0))
    share = (bands - low).astype(np.float32)
    return np.asarray(found[:, low] * (1 - share) + found[:, np.minimum(low + 1, mels - 1)] * share, np.float32)
