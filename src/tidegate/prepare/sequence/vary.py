"""Speech as it might have been said: pure functions of a recording's features and a generator.

Shape letters: T steps of features, M bands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from tidegate.core.checks import Amount, Range, Share
from tidegate.prepare.options import Options
from tidegate.prepare.sequence.mel import centres, to_mel

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
