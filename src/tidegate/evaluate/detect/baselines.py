"""Two simple detectors as baselines, each as p-values from nothing but the values before.

`gaussian`: how far a value is from the mean of the last values, in their standard deviations. `seasonal`: the same of
the change since one season ago (since the last value where there is none). Both take the tail of a normal distribution.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

WINDOW = 6_400  # as the detector of that name in the Numenta benchmark
FEWEST = 20
_SMALL = 1e-9

Array = NDArray[Any]


def gaussian_p(values: NDArray[np.float64], window: int = WINDOW) -> NDArray[np.float64]:
    """Two-sided p of every value [N] under a normal distribution fitted to the `window` values before it.

    NaN where the value is missing or fewer than 20 came before.
    """
    seen = ~np.isnan(values)
    level = np.nanmean(values) if seen.any() else 0.0  # only shifts the sums, for accuracy
    filled = np.where(seen, values - level, 0.0)
    sums = [_past(part, window) for part in (seen.astype(np.float64), filled, filled**2)]
    count = np.maximum(sums[0], 1.0)
    mean = sums[1] / count
    spread = np.sqrt(np.maximum(sums[2] / count - mean**2, 0.0))
    spread = np.maximum(spread, _SMALL * max(1.0, float(np.abs(level))))
    z = np.abs(filled - mean) / spread
    return np.where(seen & (sums[0] >= FEWEST), _tail(z), np.nan)


def seasonal_p(values: NDArray[np.float64], season: int, window: int = WINDOW) -> NDArray[np.float64]:
    """The same of the change since `season` steps ago."""
    change = np.full(len(values), np.nan)
    change[season:] = values[season:] - values[: len(values) - season]
    return gaussian_p(change, window)


def _past(values: Array, window: int) -> NDArray[np.float64]:
    """[N] sums of the `window` values before each."""
    total = np.concatenate([[0.0], np.cumsum(values)])
    place = np.arange(len(values))
    return np.asarray(total[place] - total[np.maximum(place - window, 0)])


def _tail(z: Array) -> NDArray[np.float64]:
    return np.array([math.erfc(value / math.sqrt(2.0)) for value in z.tolist()])


def join_p(p: Array) -> NDArray[np.float64]:
    """[N] smallest p of the channels [N, C] times how many were scored, at most 1; NaN where none was."""
    known = ~np.isnan(p)
    least = np.where(known, p, 2.0).min(axis=1)
    return np.where(known.any(axis=1), np.minimum(least * known.sum(axis=1), 1.0), np.nan)
