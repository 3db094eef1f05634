"""The nearest training sequence: by Euclidean distance, and by dynamic time warping within a band."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tidegate.core.sequences import Sequences
from tidegate.evaluate.label.baselines.summary import plain_values

Array = NDArray[np.float32]
Rows = NDArray[np.int64]

BAND = 0.1  # steps that warping may shift, as a share of the length
LONGEST = 256  # steps to which longer sequences are averaged down before they are warped
_CHUNK = 200_000  # what a chunk of warped pairs holds: it should stay in the cache
_TABLE = 8_000_000  # distances that are held at once


def common_length(train: Sequences) -> int:
    """Steps that sequences are brought to before they are compared: the median length of the training part."""
    return max(1, int(np.median(train.lengths)))


def grid_of(sequences: Sequences, length: int, mean: Array, scale: Array) -> Array:
    """Sequences [M, length, C], scaled, missing values carried forward (the mean where nothing came before).

    A sequence of another length is stretched: values between its steps by straight lines; where it is much longer,
    steps are averaged.
    """
    values = (plain_values(sequences).astype(np.float32) - mean) / scale
    out = np.zeros((len(sequences), length, values.shape[1]), dtype=np.float32)
    for index, (begin, end) in enumerate(zip(sequences.starts[:-1], sequences.starts[1:], strict=True)):
        if end > begin:
            out[index] = stretched(_filled(values[begin:end]), length)
    return out


def stretched(values: Array, length: int) -> Array:
    """A sequence [T, C] at `length` steps."""
    steps = len(values)
    if steps == length:
        return values
    if steps >= 2 * length:
        edges = np.linspace(0, steps, length + 1).astype(np.int64)
        counts = np.diff(edges)[:, None]
        return np.asarray(np.add.reduceat(values, edges[:-1], axis=0) / counts, dtype=np.float32)
    at = np.linspace(0, steps - 1, length)
    low = np.floor(at).astype(np.int64)
    high = np.minimum(low + 1, steps - 1)
    share = (at - low)[:, None].astype(np.float32)
    return np.asarray(values[low] * (1 - share) + values[high] * share, dtype=np.float32)


def _filled(values: Array) -> Array:
    seen = np.isfinite(values)
    if seen.all():
        return values
    last = np.where(seen, np.arange(len(values))[:, None], 0)
    last = np.maximum.accumulate(last, axis=0)
    return np.nan_to_num(np.take_along_axis(values, last, axis=0), nan=0.0, posinf=0.0, neginf=0.0)


def nearest(train: Array, test: Array, count: int = 1) -> Rows:
    """[M, count] places in `train` of the sequences nearest to each of `test` by Euclidean distance, nearest first.

    Args:
        train: [M', T, C]. test: [M, T, C].
    """
    a, b = train.reshape(len(train), -1), test.reshape(len(test), -1)
    own = np.einsum("ij,ij->i", a, a)
    count = min(count, len(a))
    found = np.empty((len(b), count), dtype=np.int64)
    size = max(1, _TABLE // max(len(a), 1))
    for begin in range(0, len(b), size):
        distance = own - 2.0 * (b[begin : begin + size] @ a.T)  # but for what is the same for all of train
        rows = np.argpartition(distance, count - 1, axis=1)[:, :count]
        order = np.argsort(np.take_along_axis(distance, rows, axis=1), axis=1, kind="stable")
        found[begin : begin + size] = np.take_along_axis(rows, order, axis=1)
    return found


def nearest_warped(train: Array, test: Array, candidates: Rows) -> Rows:
    """[M] which of its candidates [M, A] (places in `train`) is nearest to each test sequence under warping."""
    own = np.repeat(np.arange(len(test)), candidates.shape[1])
    distance = warped(test, train, own, candidates.reshape(-1)).reshape(candidates.shape)
    return np.asarray(candidates[np.arange(len(test)), distance.argmin(axis=1)], dtype=np.int64)


def warp_cost(pairs: int, length: int, channels: int) -> float:
    """Multiplications that so many warped distances take."""
    return float(pairs) * 2 * length * (band_of(length) + 1) * max(channels, 1)


def band_of(length: int) -> int:
    """Steps that warping may shift: a tenth of the length, at least 1."""
    return max(1, round(BAND * length))


def warped(first: Array, second: Array, left: Rows, right: Rows) -> Array:
    """Squared distances under dynamic time warping of pairs of sequences of one length.

        D_ij = |x_i - y_j|^2 + min(D_(i-1)j, D_i(j-1), D_(i-1)(j-1)),   |i - j| <= band

    Runs along the diagonals i + j = s, on which no cell needs another, for many pairs at once.

    Args:
        first: [M, T, C]. second: [M', T, C]. left: [P] places in `first`. right: [P] places in `second`.

    Returns:
        [P].

    Source: Sakoe and Chiba (1978), doi:10.1109/TASSP.1978.1163055.
    """
    length, channels = first.shape[1], first.shape[2]
    band = band_of(length)
    out = np.empty(len(left), dtype=np.float32)
    size = max(1, _CHUNK // ((band + 1) * max(channels, 1)))
    for begin in range(0, len(left), size):
        part = slice(begin, begin + size)
        out[part] = _warped(first[left[part]], second[right[part]], band)
    return out


def _warped(x: Array, y: Array, band: int) -> Array:
    """[P] of pairs [P, T, C]. Cells lie by i - j in 2 band + 3 places: those of one diagonal in every second."""
    pairs, length, _ = x.shape
    far = np.float32(np.inf)
    before = np.full((pairs, 2 * band + 3), far, dtype=np.float32)  # diagonal s - 1; place band + 1 holds i = j
    older = before.copy()  # diagonal s - 2
    older[:, band + 1] = 0.0  # so that the first cell starts from nothing
    back = y[:, ::-1]
    for s in range(2 * length - 1):
        reach = min(band, s, 2 * (length - 1) - s)
        reach -= (reach + s) % 2
        first, count = (s - reach) // 2, reach + 1
        gap = x[:, first : first + count] - back[:, length - 1 - (s + reach) // 2 :][:, :count]
        cost = np.einsum("pkc,pkc->pk", gap, gap)
        own = slice(band + 1 - reach, band + 2 + reach, 2)
        near = before[:, band - reach : band + 3 + reach : 2]
        now = np.full_like(before, far)
        now[:, own] = cost + np.minimum(np.minimum(near[:, :-1], near[:, 1:]), older[:, own])
        before, older = now, before
    return np.asarray(before[:, band + 1])
