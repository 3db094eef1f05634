"""Sound as log-mel features: how strong each band of pitch is, a hundred times a second; sound at another rate."""

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


FLOOR = 1e-10
_PIECE = 1 << 12


def to_mel(frequency: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Pitch in mel of a frequency in Hz: 2595 log10(1 + f / 700).

    Source: O'Shaughnessy (1987), Speech Communication.
    """
    return np.asarray(2595.0 * np.log10(1.0 + np.asarray(frequency) / 700.0))


def from_mel(mel: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Frequency in Hz of a pitch in mel."""
    return np.asarray(700.0 * (10.0 ** (np.asarray(mel) / 2595.0) - 1.0))


def centres(mels: int, rate: int) -> NDArray[np.float64]:
    """[mels] middle frequencies in Hz of bands that lie evenly in mel from 0 to half the rate."""
    return from_mel(np.linspace(0.0, float(to_mel(rate / 2)), mels + 2)[1:-1])


def filters(mels: int, rate: int, size: int) -> NDArray[np.float64]:
    """[size / 2 + 1, mels] triangles of height 1 over the frequencies of a transform of `size` points.

    Each rises from the middle of the band below to its own and falls to that of the band above.
    """
    edges = from_mel(np.linspace(0.0, float(to_mel(rate / 2)), mels + 2))
    frequency = np.arange(size // 2 + 1)[:, None] * (rate / size)
    rising = (frequency - edges[:-2]) / np.diff(edges)[:-1]
    falling = (edges[2:] - frequency) / np.diff(edges)[1:]
    return np.asarray(np.maximum(0.0, np.minimum(rising, falling)))


@lru_cache(maxsize=8)
def _plan(mels: int, rate: int, width: int) -> tuple[NDArray[np.float32], NDArray[np.float32], int]:
    """The window, the filters and the size of the transform, doubled until every band covers some frequency."""
    size = 1 << (width - 1).bit_length()
    while (filters(mels, rate, size).sum(axis=0) == 0).any():
        size *= 2
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(width) / width)
    return window.astype(np.float32), filters(mels, rate, size).astype(np.float32), size


def log_mel(
    wave: NDArray[np.floating], rate: int, mels: int = 40, window: float = 0.025, hop: float = 0.010
) -> NDArray[np.float32]:
    """Natural logarithm of the power in each band of pitch.

        X_t = DFT(hann * wave[t * hop : t * hop + window])
        feature[t, m] = ln(max(sum_f filter[f, m] |X_t[f]|^2, 1e-10))

    Args:
        wave: [n] samples from -1 to 1.
        rate: samples a second.
        mels: M, bands.
        window, hop: seconds of sound that one step sees, and from one step to the next.

    Returns:
        [T, M] with T = 1 + (n - window) // hop; a sound shorter than one window is lengthened with silence.
    """
    width, step = max(round(window * rate), 2), max(round(hop * rate), 1)
    shape, bands, size = _plan(mels, rate, width)
    wave = np.asarray(wave, dtype=np.float32)
    if len(wave) < width:
        wave = np.pad(wave, (0, width - len(wave)))
    frames = np.lib.stride_tricks.sliding_window_view(wave, width)[::step]
    out = np.empty((len(frames), mels), dtype=np.float32)
    for first in range(0, len(frames), _PIECE):
        spectrum = np.fft.rfft(frames[first : first + _PIECE] * shape, n=size)
        power = spectrum.real**2 + spectrum.imag**2
        out[first : first + _PIECE] = np.log(np.maximum(power.astype(np.float32) @ bands, np.float32(FLOOR)))
    return out
