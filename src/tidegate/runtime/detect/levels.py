"""From the rarity of a step to its p-value: how often steps as rare as this one have come before.

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

PER_DECADE = 2
COUNT = 15  # levels: down to one in ten million
RARITY = 10.0 ** (-np.arange(COUNT) / PER_DECADE)
TRUST = 3.0  # steps to be expected at a level whose own count then weighs as much as the level above
TINY = 1e-300

Array = NDArray[Any]


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
