"""Causal filters of a batch of series: gaps filled, running means of values and of simple methods' errors.

Letters of this folder: `B` series, `N` rows (right-aligned, a multiple of `PATCH`), `R` origins, `K` horizon,
`E` filters, `C` candidates. An origin o is the row of the first unknown value: nothing at or after it is looked at.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Index = NDArray[np.int64]

PATCH = 8  # rows that the encoder takes in at once, and that the decoder forecasts at once
STATS = 17


@dataclass
class Batch:
    """Filled series and the states of their filters.

    y: [B, N], missing values filled. known: [B, N]. start: [B], first row. seasons: [B, 2], 1 where none.
    mean: [B, P + 1, E], filter states before each patch boundary. low, high: [B, P + 1], extremes so far.
    """

    y: Array
    known: NDArray[np.bool_]
    start: Index
    seasons: Index
    mean: Array
    low: Array
    high: Array


def fill(values: Array, season: Index) -> tuple[Array, NDArray[np.bool_], Index]:
    """Values without gaps: one season earlier where that is known, else on a straight line between neighbours."""
    known = np.isfinite(values)
    N = values.shape[1]
    rows = np.arange(N)
    start = np.where(known.any(1), known.argmax(1), N - 1)
    y = np.where(known, values, 0.0)
    if known[:, :].all():
        return y, known, start
    have = known.copy()
    gap = ~known & (rows[None] > start[:, None])
    if gap.any():
        before = np.maximum.accumulate(np.where(have, rows, -1), 1)
        after = np.minimum.accumulate(np.where(have, rows, N)[:, ::-1], 1)[:, ::-1]
        long = gap & ((after - before > 4) | (after >= N)) & (season[:, None] > 1)
        for b in np.flatnonzero(long.any(1)):
            for t in np.flatnonzero(long[b]):
                earlier = t - season[b]
                if earlier >= start[b]:
                    y[b, t], have[b, t] = y[b, earlier], True
        before = np.maximum.accumulate(np.where(have, rows, -1), 1)
        after = np.minimum.accumulate(np.where(have, rows, N)[:, ::-1], 1)[:, ::-1]
        left = np.take_along_axis(y, np.maximum(before, 0), 1)
        right = np.where(after < N, np.take_along_axis(y, np.minimum(after, N - 1), 1), left)
        share = (rows - before) / np.maximum(after - before, 1)
        y = np.where(have, y, left + (right - left) * share)
    first = np.take_along_axis(y, start[:, None], 1)
    return np.where(rows < start[:, None], first, y), known, start


def seasonal_mean(y: Array, start: Index, season: Index, rows: Index, t: Index, origin: Index, most: int) -> Array:
    """Mean of up to `most` values at whole seasons before t, all known at the origin; [R, K].

    rows, origin: [R] (origin may be [R, K]); t: [R, K].
    """
    m, first = season[rows][:, None], start[rows][:, None]
    back = (t - origin) // m
    total, count = np.zeros(t.shape), np.zeros(t.shape)
    for j in range(1, most + 1):
        at = t - (back + j) * m
        ok = at >= first
        total += np.where(ok, y[rows[:, None], np.maximum(at, 0)], 0.0)
        count += ok
    last = y[rows[:, None], np.maximum(origin - 1, 0)]
    return np.where(count > 0, total / np.maximum(count, 1), last)


def _lagged(y: Array, start: Index, season: Index, most: tuple[int, ...]) -> list[Array]:
    """The same one step ahead for every row of every series, for each number of seasons, rising; [B, N] each."""
    B, N = y.shape
    rows, found = np.arange(N)[None], []
    total, count = np.zeros((B, N)), np.zeros((B, N))
    last = np.concatenate([y[:, :1], y[:, :-1]], 1)
    for j in range(1, most[-1] + 1):
        at = rows - j * season[:, None]
        ok = at >= start[:, None]
        total += np.where(ok, np.take_along_axis(y, np.maximum(at, 0), 1), 0.0)
        count += ok
        if j in most:
            found.append(np.where(count > 0, total / np.maximum(count, 1), last))
    return found


def filters(values: Array, seasons: Index) -> Batch:
    """Fill the series and run the exponential filters.

    Args:
        values: [B, N], right-aligned; NaN before a series begins and where it misses. N is a multiple of PATCH.
        seasons: [B, 2], season lengths, the shorter first; 1 where there is none.
    """
    y, known, start = fill(values, np.where(seasons[:, 1] > 1, seasons[:, 1], seasons[:, 0]))
    B, N = y.shape
    m1, m2 = seasons[:, 0], seasons[:, 1]
    last = np.concatenate([y[:, :1], y[:, :-1]], 1)
    fourth = np.concatenate([np.repeat(y[:, :1], 4, 1), y[:, :-4]], 1)
    u11, u13, u18 = (y - one for one in _lagged(y, start, m1, (1, 3, 8)))
    u21, u23 = (y - one for one in _lagged(y, start, m2, (1, 3)))
    diff = y - last
    short = np.minimum(0.5, 2.0 / (m1 + 1.0))
    ones = np.ones(B)
    sources = [
        (y, 0.5 * ones), (y, 0.2 * ones), (y, 0.05 * ones), (diff, 0.1 * ones),
        (u11, 0.5 * ones), (u11, short), (u13, 0.3 * ones), (u21, 0.3 * ones), (u23, 0.3 * ones), (u13, short),
        (np.abs(diff), 0.03 * ones), (np.abs(y - fourth), 0.03 * ones), (np.abs(u11), 0.03 * ones),
        (np.abs(u13), 0.03 * ones), (np.abs(u21), 0.03 * ones), (np.abs(u23), 0.03 * ones),
        (np.abs(diff), 0.2 * ones), (y, 0.01 * ones), (u18, short),
    ]  # fmt: skip
    stack = np.stack([s for s, _ in sources], 2)  # [B, N, E]
    rate = np.stack([a for _, a in sources], 1)
    keep = 1.0 - rate
    state, weight = np.zeros_like(rate), np.zeros_like(rate)
    mean = np.zeros((B, N // PATCH + 1, rate.shape[1]))
    begun = np.arange(N)[None] >= start[:, None]
    for t in range(N):
        on = begun[:, t : t + 1]
        if on.all():
            state = state * keep + stack[:, t] * rate
            weight = weight * keep + rate
        else:
            state = np.where(on, state * keep + stack[:, t] * rate, state)
            weight = np.where(on, weight * keep + rate, weight)
        if t % PATCH == PATCH - 1:
            mean[:, t // PATCH + 1] = state / np.maximum(weight, 1e-12)
    ends = slice(PATCH - 1, None, PATCH)
    low = np.minimum.accumulate(y, 1)[:, ends]
    high = np.maximum.accumulate(y, 1)[:, ends]
    low, high = (np.concatenate([y[:, :1], part], 1) for part in (low, high))
    return Batch(y, known, start, seasons, mean, low, high)


def scale(batch: Batch, rows: Index, origin: Index) -> Array:
    """The size of an error at each origin, [R]: the smallest of the mean errors of the simple methods."""
    state = batch.mean[rows, origin // PATCH]
    errors = state[:, 11:16]
    least = errors.min(1)
    return np.asarray(np.maximum(least, np.maximum(0.02 * errors.max(1), 1e-6)))


def stats(batch: Batch, rows: Index, origin: Index) -> Array:
    """What is known about a series at an origin, [R, STATS]; free of the series' units."""
    state = batch.mean[rows, origin // PATCH]
    r = scale(batch, rows, origin)
    ratios = np.log(np.maximum(state[:, 10:17], 1e-3 * r[:, None]) / r[:, None])
    n = np.maximum(origin - batch.start[rows], 0).astype(np.float64)
    m = batch.seasons[rows].astype(np.float64)
    slopes = np.arcsinh(np.stack([state[:, 3], state[:, 5], state[:, 9], state[:, 0] - state[:, 2]], 1) / r[:, None])
    last = np.arcsinh((batch.y[rows, origin - 1] - state[:, 1]) / r)
    rest = [
        np.log1p(n) / 4,
        np.log(m[:, 0]) / 3,
        np.log(m[:, 1]) / 3,
        np.minimum(n / m[:, 0], 8) / 4,
        np.minimum(n / m[:, 1], 8) / 4,
    ]
    return np.concatenate([ratios, slopes, last[:, None], np.stack(rest, 1)], 1)
