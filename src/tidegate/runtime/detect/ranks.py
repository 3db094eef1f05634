"""p-values of errors: their rank among the errors that a stream has seen, and a tail beyond the largest of them.

Past errors are counted in bins of a logarithmic scale, so that a stream keeps a few dozen numbers, however long it
runs. With n past errors e_1 ... e_n, an error x has

    p(x) = 1 / (n + 1) * sum_i w(e_i / x),    w(r) = min(1, max(r^24, r^a / 100))

A past error at least as large counts whole, as in a rank test. A smaller one counts a little: as a steep tail that
begins at it and smooths the ranks, and, further out, as a Pareto tail of index a. So p falls below 1 / n where x lies
beyond every error seen: by the generalised Pareto law with shape 1 / a that extreme-value theory puts there (peaks over
threshold). Where one of several channels has a heavier tail than that, of index b < 6 by Hill's estimate, a new stream
begins with shares of errors beyond its largest: its jumps would else be the rarest of all, and hide what is rare in the
other channels. Where errors themselves fall off with a power b < 24, p is larger than their share by the factor
24 / (24 - b): too large rather than too small. Old errors fade, so that p follows a drift.

Sources: Siffer et al. (2017), doi:10.1145/3097983.3098144 (tail); Hill (1975), doi:10.1214/aos/1176343247; Laxhammar
and Falkman (2014), doi:10.1007/s10472-013-9381-7 (ranks of errors).

From the rarity of a step to its p-value: how often steps as rare as this one have come before.

The smallest of several ranks, times their number, is at most as rare as it says (Bonferroni); where channels and means
go together, and where ranks are smoothed, it is two to five times too large. So a stream also counts how often its
rarity r fell to certain levels r_0 = 1 > r_1 > ... With N_j of n scored steps at or below r_j,

    p_0 = 1,    m_j = p_(j-1) r_j / r_(j-1),    p_j = min(p_(j-1), m_j (N_j + M) / (n m_j + M))

which is the mean of a Poisson rate after N_j steps in n, where before it was a Gamma law of mean m_j and shape M. What
was seen decides where enough steps were to be expected (n m_j >> M); where too few were, p falls from the level above
it as r does. Between the levels p follows a power of r. Only steps before this one are counted.

Source: Laxhammar and Falkman (2014), doi:10.1007/s10472-013-9381-7 (p-values as ranks of any measure of
nonconformity).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 112
PER_DOUBLING = 6
BELOW = 2  # doublings below the base that the first bin begins at
TAIL = 8.0
STEEP, HEAVY = 24.0, 0.01
TOP, HEAVIEST = 30, 6.0  # largest errors that a channel's own index is estimated from; what is heavy
SHARE = 0.9  # of an error, at most, in a bin beyond the largest
_TINY = 1e-30
_TOGETHER = 2048  # streams whose counts stay in the cache

Array = NDArray[Any]


def bin_position(errors: Array, base: Array) -> NDArray[np.float64]:
    """Where errors lie on the scale of bins, from 0: bin floor(position); above `BINS` beyond the last.

    Args:
        errors: [..., C, K] not negative. base: [C, K], an ordinary error of each kind.
    """
    doublings = np.log2(np.maximum(errors, _TINY) / base)
    return np.asarray(np.maximum((doublings + BELOW) * PER_DOUBLING, 0.0))


def tail_shares(tail: float = TAIL) -> NDArray[np.float32]:
    """[BINS + 1, BINS]: what a past error in bin b adds to the rank of an error at edge j, w(e_b / x_j)."""
    edge, middle = np.arange(BINS + 1)[:, None], np.arange(BINS)[None] + 0.5
    ratio = np.exp2((middle - edge) / PER_DOUBLING)
    return np.minimum(1.0, np.maximum(ratio**STEEP, HEAVY * ratio**tail)).astype(np.float32)


def p_values(counts: Array, total: Array, position: Array, shares: Array, tail: float = TAIL) -> NDArray[np.float64]:
    """p of errors at `position`, [..., C, K].

    Args:
        counts: [..., C, K, BINS] past errors in each bin. total: [..., C, K] their sums.
        shares: of `tail_shares(tail)`.
    """
    if len(counts) > _TOGETHER:
        parts = [slice(first, first + _TOGETHER) for first in range(0, len(counts), _TOGETHER)]
        return np.concatenate([p_values(counts[own], total[own], position[own], shares, tail) for own in parts])
    inside = np.minimum(position, BINS)
    low = inside.astype(np.int64)
    part = inside - low
    # einsum adds each row by itself, in one order: a stream's p does not depend on what other streams stand beside it.
    rank = np.einsum("...b,...b->...", counts, shares[low]).astype(np.float64)
    above = np.einsum("...b,...b->...", counts, shares[np.minimum(low + 1, BINS)]).astype(np.float64)
    rank = rank * (above / np.maximum(rank, _TINY)) ** part  # powers between the edges, as the tail is
    beyond = np.exp2(-tail * (position - inside) / PER_DOUBLING)
    return np.asarray(np.minimum(rank * beyond / (total + 1.0), 1.0))


def count_errors(counts: Array, total: Array, position: Array, seen: Array, memory: float) -> None:
    """Add errors to the bins in place; the older ones fade once there are more than `memory`.

    Args:
        counts: [S, C, K, BINS]. total: [S, C, K]. position: [S, C, K]. seen: [S, C] bool, which count.
        memory: errors, at most, that a stream remembers; infinite forgets none.
    """
    full = (total >= memory) & seen[:, :, None]
    if full.any():
        fade = np.where(full, 1.0 - 1.0 / max(memory, 1.0), 1.0)
        counts *= fade[..., None].astype(np.float32)
        total *= fade
    flat = counts.reshape(-1)  # a view: counts are contiguous
    place = np.minimum(position, BINS - 1).astype(np.int64).ravel() + np.arange(0, flat.size, BINS)
    flat[place] += np.repeat(seen.ravel(), counts.shape[2]).astype(np.float32)
    total += seen[:, :, None]


def first_counts(errors: Array, base: Array, most: float) -> NDArray[np.float32]:
    """Bins that a new stream begins with, from the errors of rows that the network was not trained on.

    Args:
        errors: [N, C, K], NaN where there was none. base: [C, K].
        most: errors that they may count as; more are scaled down.

    Returns:
        counts [C, K, BINS].
    """
    shape = errors.shape[1:]
    counts = np.zeros((*shape, BINS), dtype=np.float32)
    position = np.minimum(bin_position(np.nan_to_num(errors), base), BINS - 1)
    place = position.astype(np.int64)
    for c, k in np.ndindex(*shape):
        seen = ~np.isnan(errors[:, c, k])
        own = np.bincount(place[seen, c, k], minlength=BINS).astype(np.float64)
        if shape[0] > 1:
            own += own_tail(position[seen, c, k])
        counts[c, k] = own * min(1.0, most / max(own.sum(), 1))
    return counts


def own_tail(position: Array) -> NDArray[np.float64]:
    """[BINS] shares of errors to be expected beyond the largest, where the tail is heavy; else zeros.

    With a the index of Hill's estimate from the TOP largest of n errors x_(1) >= x_(2) ..., an error beyond x is to be
    expected TOP (x / x_(TOP + 1))^-a times.

    Args:
        position: [n] of the errors, as of `bin_position`.
    """
    shares = np.zeros(BINS)
    if len(position) <= 10 * TOP:
        return shares
    top = np.sort(np.partition(position, len(position) - TOP - 1)[-TOP - 1 :])
    inverse = float((top[1:] - top[0]).mean()) * np.log(2) / PER_DOUBLING
    if inverse * HEAVIEST <= 1:
        return shares
    beyond = TOP * np.exp2(-(np.arange(BINS + 1) - top[0]) / (PER_DOUBLING * inverse))
    first = int(top[-1]) + 1
    shares[first:] = np.minimum(beyond[first:-1] - beyond[first + 1 :], SHARE)
    return shares


def largest(counts: Array, rows: int) -> NDArray[np.int64]:
    """[C, K] the last bin of counts [C, K, BINS] that holds an error of so many rows, and not a share of none."""
    one = np.minimum(counts.sum(axis=-1, keepdims=True) / max(rows, 1), 1.0)  # what an error counts as
    came = (counts > 0) & (counts > SHARE * one)
    return np.where(came.any(axis=-1), BINS - 1 - came[..., ::-1].argmax(axis=-1), 0)


PER_DECADE = 2
COUNT = 15  # levels: down to one in ten million
RARITY = 10.0 ** (-np.arange(COUNT) / PER_DECADE)
TRUST = 3.0  # steps to be expected at a level whose own count then weighs as much as the level above
TINY = 1e-300


def calibrated(seen: Array, rarity: Array) -> NDArray[np.float64]:
    """p of steps, [S].

    Args:
        seen: [S, COUNT] how many steps of each stream were as rare as each level; `seen[:, 0]` are all.
        rarity: [S], 0 to 1; NaN where a step was not scored, and p is NaN.
    """
    depth = -PER_DECADE * np.log10(np.maximum(rarity, TINY))
    p = np.where(np.isnan(rarity), np.nan, 1.0)
    rows, above = np.flatnonzero(depth > 0), np.ones(len(rarity))
    for level in range(1, COUNT):  # the deeper, the fewer streams are left
        if not len(rows):
            return p
        before = above[rows]
        likely = before * (RARITY[level] / RARITY[level - 1])
        after = np.minimum(before, likely * (seen[rows, level] + TRUST) / (seen[rows, 0] * likely + TRUST))
        p[rows] = before * (after / before) ** np.minimum(depth[rows] - (level - 1), 1.0)
        above[rows] = after
        rows = rows[depth[rows] > level]
    p[rows] *= 10.0 ** -((depth[rows] - (COUNT - 1)) / PER_DECADE)
    return p


def count_levels(seen: Array, rarity: Array, counts: Array, memory: float) -> None:
    """Count steps in place; the older ones fade once there are more than `memory`.

    Args:
        seen: [S, COUNT]. rarity: [S]. counts: [S] bool, which steps count. memory: steps, at most, that are remembered.
    """
    full = counts & (seen[:, 0] >= memory)
    if full.any():
        seen[full] *= 1.0 - 1.0 / max(memory, 1.0)
    seen += (rarity[:, None] <= RARITY) & counts[:, None]


def first_levels(rarity: Array, most: float) -> NDArray[np.float64]:
    """[COUNT] what a new stream begins with, from the rarities [N] of steps that were held out (NaN: not scored).

    Args:
        most: steps that they may count as; more are scaled down.
    """
    known = rarity[~np.isnan(rarity)]
    found = (known[:, None] <= RARITY).sum(axis=0).astype(np.float64)
    return np.asarray(found * min(1.0, most / max(found[0], 1.0)))
