"""Simple forecasts that the network mixes: means, repeats of up to two seasons, trends and regressions on lags."""

from __future__ import annotations

import numpy as np

from tidegate.runtime.pretrained.filters import PATCH, Array, Batch, Index, seasonal_mean
from tidegate.runtime.pretrained.linear import linear

CANDIDATES = 17


def candidates(batch: Batch, rows: Index, origin: Index, K: int) -> tuple[Array, Array]:
    """Simple forecasts at each origin, [R, CANDIDATES, K], in the series' units; errors of the last two, [R, 2]."""
    y, start = batch.y, batch.start
    state = batch.mean[rows, origin // PATCH]
    m1, m2 = batch.seasons[:, 0], batch.seasons[:, 1]
    k = np.arange(K)[None]
    t = origin[:, None] + k
    o = origin[:, None]
    one = np.ones((1, K))
    last = y[rows, origin - 1][:, None] * one
    slope = state[:, 3:4] * np.cumsum(0.95 ** np.arange(1, K + 1))[None]
    s11 = seasonal_mean(y, start, m1, rows, t, o, 1)
    s13 = seasonal_mean(y, start, m1, rows, t, o, 3)
    s18 = seasonal_mean(y, start, m1, rows, t, o, 8)
    s21 = seasonal_mean(y, start, m2, rows, t, o, 1)
    s23 = seasonal_mean(y, start, m2, rows, t, o, 3)
    cycle = np.minimum(1 + k // m1[rows][:, None], 8)
    # y[t - m1] + y[t - m2] - y[t - m1 - m2], both seasons taken together
    b1, b2 = m1[rows][:, None], m2[rows][:, None]
    j1, j2 = (k // b1 + 1) * b1, (k // b2 + 1) * b2
    both = s11 + s21 - y[rows[:, None], np.maximum(t - j1 - j2, start[rows][:, None])]
    found = [
        last, state[:, 0:1] * one, state[:, 1:2] * one, state[:, 2:3] * one, state[:, 0:1] + slope,
        s11, s11 + state[:, 4:5], s11 + state[:, 5:6] * cycle, s13 + state[:, 6:7],
        s21, s21 + state[:, 7:8], s23 + state[:, 8:9], both,
        state[:, 17:18] * one, s18 + state[:, 18:19],
    ]  # fmt: skip
    fitted, missed = linear(batch, rows, origin, K)
    return np.concatenate([np.stack(found, 1), fitted], 1), missed
