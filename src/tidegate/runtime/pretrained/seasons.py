"""Season lengths of many series at once, from their values and what the calendar suggests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Index = NDArray[np.int64]

LONGEST = 800  # lags that are looked at without a calendar
NEAR = 1.25  # times the error of the best repeat that a shorter season's may have
_PEAKS = 4


def _alike(m: Index) -> Iterable[tuple[int, Index]]:
    """Every length, and where it stands."""
    order = np.argsort(m, kind="stable")
    lengths, first = np.unique(m[order], return_index=True)
    return zip(lengths.tolist(), np.split(order, first[1:]), strict=True)


def correlation(y: Array, start: Index, rows: Index, m: Index) -> Array:
    """How much rows, less their moving mean over m steps, are like themselves m steps before; [P], 0 if too short.

    The mean is centred; both its ends weigh half where m is even.
    """
    found, N = np.zeros(len(rows)), y.shape[1]
    total, spread = np.concatenate([np.zeros((len(y), 1)), np.cumsum(y, 1)], 1), np.abs(y).max(1)
    for length, which in _alike(m):
        own, half = rows[which], length // 2
        if N - 2 * half <= length:
            continue
        part, sums = y[own], total[own]
        mean = sums[:, 2 * half + 1 :] - sums[:, : N - 2 * half]
        if length % 2 == 0:
            mean -= 0.5 * (part[:, : N - 2 * half] + part[:, 2 * half :])
        x = part[:, half : N - half] - mean / length
        a, b = x[:, length:], x[:, :-length]
        first = start[own]
        count = np.maximum(a.shape[1] - first, 1)[:, None]
        both = (np.arange(a.shape[1]) >= first[:, None]) if first.any() else np.ones((1, 1), bool)
        a, b = (np.where(both, one, 0.0) for one in (a, b))
        a, b = (one - one.sum(1, keepdims=True) / count * both for one in (a, b))
        size = np.sqrt(np.einsum("pn,pn->p", a, a) * np.einsum("pn,pn->p", b, b))
        fine = (a.shape[1] - first > 3) & (size > 1e-16 * count[:, 0] * spread[own] ** 2)
        found[which] = np.where(fine, np.einsum("pn,pn->p", a, b) / np.where(size > 0, size, 1.0), 0.0)
    return found


def _repeat_error(y: Array, start: Index, rows: Index, m: Index) -> Array:
    """Mean |change over m steps|: what a repeat misses."""
    found = np.zeros(len(rows))
    for length, which in _alike(m):
        own = rows[which]
        part, first = y[own], start[own]
        d = np.abs(part[:, length:] - part[:, :-length])
        if first.any():
            d = np.where(np.arange(d.shape[1]) >= first[:, None], d, 0.0)
        found[which] = d.sum(1) / np.maximum(d.shape[1] - first, 1)
    return found


def _peaks(y: Array, start: Index) -> tuple[Index, Index]:
    """Rows and lags of the chief maxima of the autocorrelation about a slow mean, and of the shortest high one."""
    B, N = y.shape
    n, t = N - start, np.arange(N)[None]
    begun = t >= start[:, None]
    # The slow mean is over a third of the series, and reaches as far as there is anything at both ends.
    half = ((np.maximum(3, n // 3) | 1) // 2)[:, None]
    total = np.concatenate([np.zeros((B, 1)), np.cumsum(y, 1)], 1)
    low, high = np.maximum(t - half, start[:, None]), np.minimum(t + half + 1, N)
    own = np.arange(B)[:, None]
    mean = (total[own, high] - total[own, np.minimum(low, high)]) / np.maximum(high - low, 1)
    x = np.where(begun, y - mean, 0.0)
    top = 4.0 * np.sqrt((x * x).sum(1) / n)[:, None]
    x = np.clip(x, -top, top)
    lags = int(min(N // 2, LONGEST))
    size = 1 << int(N + lags).bit_length()
    products = np.fft.irfft(np.abs(np.fft.rfft(x, size)) ** 2, size)[:, : lags + 1]
    lag = np.arange(lags + 1)[None]
    acf = products / np.maximum(products[:, :1], 1e-300) * (n[:, None] / np.maximum(n[:, None] - lag, 1)) ** 0.5
    inner = acf[:, 2:-1]
    peak = (inner > acf[:, 1:-2]) & (inner >= acf[:, 3:]) & (lag[:, 2:-1] < (n // 2)[:, None]) & (inner > 0.05)
    height = np.where(peak, inner, 0.0)
    if not height.shape[1]:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    best = np.argsort(-height, 1)[:, :_PEAKS]
    shortest = (height >= 0.7 * np.maximum(height.max(1, keepdims=True), 1e-9)).argmax(1)
    best = np.concatenate([best, shortest[:, None]], 1)
    row, column = np.nonzero(np.take_along_axis(height, best, 1) > 0)
    return row, best[row, column] + 2


def find(y: Array, start: Index, hints: Sequence[int] = (), fundamental: bool = True) -> Index:
    """Up to two seasons of each series, the shorter first; [B, 2], 1 where there is none.

    Candidates are `hints` and the peaks of the autocorrelation about a slow mean; one is believed if the series,
    less its moving mean over it, is like itself one season before, by more than chance.

    Args:
        y: [B, N], right-aligned, without gaps. start: [B], first row of each.
        fundamental: take the shortest length whose repeat errs nearly as little as the best one's, and the calendar's
            for those beside it; otherwise the best one, which may be a multiple (as version 1 was trained).
    """
    B, N = y.shape
    n = N - start
    begun = np.arange(N)[None] >= start[:, None]
    y = np.where(begun, y - ((y * begun).sum(1) / n)[:, None], 0.0)
    row, lag = _peaks(y, start)
    rows = np.concatenate([row, row, np.tile(np.arange(B), len(hints))])
    m = np.concatenate([lag, 7 * lag, np.repeat(np.asarray(hints, np.int64), B)])  # days may come in weeks
    told = np.arange(len(rows)) >= 2 * len(row)
    seen = (n[rows] >= np.where(told, 2.0, 2.5) * m) & (m > 1)
    unique = np.unique(np.stack([rows, m, ~told])[:, seen], axis=1)  # those that the calendar tells come first
    rows, m, told = unique[0], unique[1], unique[2] == 0
    if not len(rows):
        return np.ones((B, 2), np.int64)
    score = correlation(y, start, rows, m)
    error = _repeat_error(y, start, rows, m)
    plain = _repeat_error(y, start, np.arange(B), np.ones(B, np.int64))[rows]
    chance = 1.0 / np.sqrt(n[rows] / m)
    few = n[rows] < 3 * m  # a moving mean leaves no whole pair: the repeat itself decides
    need = np.where(told, np.maximum(0.2, chance), np.maximum(0.3, 1.6 * chance))
    good = np.where(few, told & (error < 0.7 * plain), score > need)
    rows, m, told, error = rows[good], m[good], told[good], error[good]
    if fundamental:
        beside = np.zeros(len(m), bool)
        for hint in hints:
            believed = np.zeros(B, bool)
            believed[rows[told & (m == hint)]] = True
            beside |= ~told & believed[rows] & (m / hint > 0.85) & (m / hint < 1.18)
        rows, m, told, error = rows[~beside], m[~beside], told[~beside], error[~beside]
        least = np.full(B, np.inf)
        np.minimum.at(least, rows, error)
        near = error <= NEAR * least[rows]
        shortest = np.full(B, np.iinfo(np.int64).max)
        np.minimum.at(shortest, rows[near], m[near])
        error = np.where(near & (m == shortest[rows]), 0.999 * least[rows], error)
    return _choose(B, rows, m, told, error)


def _choose(B: int, rows: Index, m: Index, told: NDArray[np.bool_], error: Array) -> Index:
    """The season whose repeat errs least and one more, of those that are believed."""
    found, least = np.ones((B, 2), np.int64), np.full(B, np.inf)
    for i in np.lexsort((error, rows)):
        b, length, first = rows[i], m[i], found[rows[i], 0]
        if first == 1:
            found[b, 0], least[b] = length, error[i]
        elif found[b, 1] == 1 and not 0.85 < length / first < 1.18:
            ratio = length / first
            multiple = ratio > 1.5 and abs(ratio - round(ratio)) <= 0.1  # repeats as well as the season itself does
            if not multiple or (told[i] and error[i] < 1.15 * least[b]):
                found[b, 1] = length
    swap = (found[:, 1] > 1) & (found[:, 0] > found[:, 1])
    return np.where(swap[:, None], found[:, ::-1], found)
