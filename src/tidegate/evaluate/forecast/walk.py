"""Whether a series moves like a random walk: its steps cannot be told from its past."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LAGS = 10
_SHORTEST = 50  # steps below which nothing can be concluded
_ROWS = 100_000


def random_walk(parts: Sequence[NDArray[Any]], seasons: Sequence[int] = ()) -> bool:
    """Whether the steps of one or more series show no autocorrelation to speak of.

    Correlations of ranks are used, at lags 1 to 10 and at the seasons: prices come in calm and wild years, and a few
    wild days would decide a correlation of values.

    Args:
        parts: arrays [N_g] of the training part, NaN where missing.
        seasons: lags, in steps, to look at besides.

    Returns:
        True where every correlation, averaged over the series, is below 0.1 or within four standard errors of 0; False
        as well where all series are shorter than 50 steps or stand still.
    """
    lags = [*range(1, _LAGS + 1), *(int(m) for m in seasons if m > _LAGS)]
    sums, counts = np.zeros(len(lags)), np.zeros(len(lags))
    for part in parts:
        steps = np.diff(np.asarray(part[-_ROWS:], dtype=np.float64))
        steps = steps[~np.isnan(steps)]
        if steps.size < _SHORTEST or np.count_nonzero(steps) < steps.size // 2:
            continue
        ranks = np.argsort(np.argsort(steps, kind="stable"), kind="stable").astype(np.float64)
        ranks = (ranks - ranks.mean()) / ranks.std()
        for i, lag in enumerate(lags):
            if ranks.size > 2 * lag:
                sums[i] += float(ranks[lag:] @ ranks[:-lag])
                counts[i] += ranks.size - lag
    if not counts[0]:
        return False
    tested = counts > 0
    correlations = np.abs(sums[tested] / counts[tested])
    return bool(np.all((correlations < 0.1) | (correlations < 4.0 / np.sqrt(counts[tested]))))
