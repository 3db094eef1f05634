"""Target transforms and their exact inverses.

    log1p        z = ln(1 + y)                 y = e^z - 1
    log          z = ln(1 + max(y, 0))         y = e^z - 1
    difference   d[o+k] = y[o+k] - y[o+k-L]    y[o+k] = d[o+k] + y[o+k-L]

In the inverse of the difference, y[o+k-L] is history while k < L and from there on the forecast itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

LOGARITHMS = ("log1p", "log")


def logged(values: NDArray[Any], transform: str) -> NDArray[Any]:
    """The logarithm of 1 + values; with `log` of what is below 0 as of 0."""
    return np.asarray(np.log1p(np.maximum(values, 0.0) if transform == "log" else values))


def differences(future: NDArray[np.float64], history: NDArray[np.float64]) -> NDArray[np.float64]:
    """Difference of each value from the one L steps before.

    Args:
        future: [B, K] values from the origin on, NaN where missing.
        history: [B, L] the last values before the origin, none missing.

    Returns:
        [B, K]. A missing value counts as unchanged since L steps before: its difference is 0, and the
        values L steps later are measured from what it is unchanged from, as `accumulate` will do.
    """
    lag = history.shape[1]
    result = np.empty_like(future)
    before = history
    for first in range(0, future.shape[1], lag):
        block = future[:, first : first + lag]
        before = before[:, : block.shape[1]]
        level = np.where(np.isnan(block), before, block)
        result[:, first : first + lag] = level - before
        before = level
    return result


def accumulate(steps: NDArray[np.float64], history: NDArray[np.float64]) -> NDArray[np.float64]:
    """Undo `differences`.

    Args:
        steps: [B, K, ...] differences.
        history: [B, L].

    Returns:
        [B, K, ...].
    """
    lag = history.shape[1]
    result = np.empty_like(steps)
    before: NDArray[Any] = history.reshape(history.shape + (1,) * (steps.ndim - 2))
    for first in range(0, steps.shape[1], lag):
        block = steps[:, first : first + lag]
        level = block + before[:, : block.shape[1]]
        result[:, first : first + lag] = level
        before = level
    return result
