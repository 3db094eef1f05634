"""Sound at another rate: a windowed-sinc filter in polyphase form."""

from __future__ import annotations

from functools import lru_cache
from math import gcd

import numpy as np
from numpy.typing import NDArray

_CROSSINGS = 16
_BETA = 8.0


@lru_cache(maxsize=8)
def _taps(up: int, down: int) -> NDArray[np.float64]:
    """A low-pass filter at `up` times the input rate: a sinc with 16 zero crossings a side under a Kaiser window.

    It cuts at half the lower of both rates, passes a constant unchanged and lets alias in at about -80 dB.
    """
    slower = max(up, down)
    half = _CROSSINGS * slower
    place = np.arange(-half, half + 1) / slower
    taps = np.sinc(place) * np.kaiser(2 * half + 1, _BETA)
    return np.asarray(taps * (up / taps.sum()))


def resample(wave: NDArray[np.floating], rate: int, wanted: int) -> NDArray[np.float32]:
    """The same sound at another rate.

    Args:
        wave: [n] samples.
        rate: samples a second of it.
        wanted: samples a second of the answer.

    Returns:
        float32 [ceil(n * wanted / rate)]; the sample at time t is that of the input at time t, with silence around it.

    Source: Crochiere and Rabiner (1983), Multirate Digital Signal Processing, chapter 3.
    """
    common = gcd(rate, wanted)
    up, down = wanted // common, rate // common
    wave = np.asarray(wave, dtype=np.float32)
    if up == down:
        return wave
    count = -(-len(wave) * up // down)
    taps = _taps(up, down)
    half = len(taps) // 2
    reach = half // up + 1
    padded = np.pad(wave, (reach, reach + 1))
    out = np.empty(count, dtype=np.float32)
    # sample k lies at k * down of the fine grid; it takes the inputs i with |k * down - i * up| <= half
    offsets = np.arange(-reach, reach + 1)
    windows = np.lib.stride_tricks.sliding_window_view(padded, len(offsets))
    for phase in range(min(up, count)):
        first, part = phase * down // up, phase * down % up
        where = half + part - offsets * up
        inside = (where >= 0) & (where < len(taps))
        own = np.zeros(len(offsets), dtype=np.float32)
        own[inside] = taps[where[inside]]
        size = len(range(phase, count, up))
        if down == 1:
            out[phase::up] = np.convolve(padded, own[::-1], "valid")[first : first + size]
        else:
            out[phase::up] = windows[first::down][:size] @ own
    return out
