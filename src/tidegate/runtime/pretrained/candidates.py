"""Simple forecasts that the network mixes: means, repeats of up to two seasons, trends and regressions on lags.

The two ridge regressions on a series' own lags are fitted at each origin and iterated over the horizon.
"""

from __future__ import annotations

import numpy as np

from tidegate.runtime.pretrained.filters import PATCH, Array, Batch, Index, scale, seasonal_mean

CANDIDATES = 17
_ROWS = 256  # that they are fitted on


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


def _seasonal_lags(a: Index, b: Index) -> tuple[Index, Array]:
    """Lags [R, 16] and what makes regressors of them, [16, 10]: the step from the value one season before.

    Six latest changes over a season; the changes one and one longer season ago; what the last value is above its
    forerunner; a constant. The seventeenth column, [:, 10], is the value one season before.
    """
    near = np.arange(1, 7)[None]
    lags = np.concatenate([np.repeat(near, len(a), 0), near + a, a, 2 * a, b, a + b], 1)
    make = np.zeros((16, 11))
    make[range(6), range(6)], make[range(6, 12), range(6)] = 1.0, -1.0
    make[12, 6], make[13, 6] = 1.0, -1.0
    make[14, 7], make[15, 7] = 1.0, -1.0
    make[0, 8], make[12, 8] = 1.0, -1.0
    make[12, 10] = 1.0
    return lags, make


def _straight_lags(a: Index, b: Index) -> tuple[Index, Array]:
    """Lags [R, 15] and what makes regressors of them, [15, 16]: the step from the last value, as above."""
    lags = np.concatenate([np.repeat(np.arange(1, 11)[None], len(a), 0), a, a + 1, a - 1, 2 * a, b], 1)
    make = np.zeros((15, 16))
    make[range(1, 15), range(14)] = 1.0
    make[0, :14] = -1.0
    make[0, 15] = 1.0
    return lags, make


def _fit(x: Array, goal: Array, weight: Array) -> Array:
    """Ridge coefficients, [R, F]; the penalty counts as a few rows, and as a hundredth of them all."""
    xw = (x * weight[:, :, None]).transpose(0, 2, 1)
    gram, right = xw @ x, xw @ goal[:, :, None]
    total = weight.sum(1)
    diagonal = np.einsum("rii->ri", gram)
    penalty = (3.0 + 0.01 * total) / np.maximum(total, 1.0)
    lam = penalty[:, None] * (0.5 * diagonal + 0.5 * diagonal.mean(1, keepdims=True)) + 1e-3
    return np.asarray(np.linalg.solve(gram + lam[:, :, None] * np.eye(gram.shape[1]), right)[:, :, 0])


def linear(batch: Batch, rows: Index, origin: Index, K: int) -> tuple[Array, Array]:
    """Two ridge regressions on lags, iterated over the horizon; [R, 2, K], and their mean errors in scales, [R, 2].

    One adds to the value a season before, one to the last value; both shrink towards just repeating it.
    """
    R, start = len(rows), batch.start[rows]
    a, b = batch.seasons[rows, :1], batch.seasons[rows, 1:]
    unit = scale(batch, rows, origin)[:, None]
    W = int(min(_ROWS, max(8, (origin - start).max())))
    t = origin[:, None] - W + np.arange(W)
    age = (origin[:, None] - 1 - t).astype(np.float64)
    weight = np.exp(-age / 400.0)
    now = batch.y[rows[:, None], np.maximum(t, 0)]
    reach = int(min(origin.max(), (2 * np.maximum(a, b) + np.maximum(a, b)).max() + 12))
    past = origin[:, None] - reach + np.arange(reach)
    own = batch.y[rows[:, None], np.maximum(past, 0)]
    low, high = batch.low[rows, origin // PATCH], batch.high[rows, origin // PATCH]
    room = high - low + 4.0 * unit[:, 0]
    low, high = low - room, high + room
    first, each = np.maximum(start - (origin - reach), 0), np.arange(R)[:, None]
    out, missed = np.empty((R, 2, K)), np.ones((R, 2))
    late = [a + np.minimum(a, 6), np.full((R, 1), 4)]
    for which, lagged in enumerate((_seasonal_lags, _straight_lags)):
        lags, make = lagged(a, b)
        lags = np.maximum(lags, 1)
        at = np.maximum(t[:, :, None] - lags[:, None], start[:, None, None])
        both = batch.y[rows[:, None, None], at] @ make  # [R, W, F + 1]
        x, base = both[:, :, :-1] / unit[:, :, None], both[:, :, -1]
        x[:, :, -1] = 1.0
        goal, w = (now - base) / unit, weight * (t - late[which] >= start[:, None])
        beta = _fit(x, goal, w)
        error, total = (np.abs(goal - (x @ beta[:, :, None])[:, :, 0]) * w).sum(1), w.sum(1)
        missed[:, which] = np.where(total > 2.0, error / np.maximum(total, 1e-9), 1.0)
        constant = beta[:, -1] * unit[:, 0]
        weights = beta[:, :-1] @ make[:, :-2].T + make[:, -1]  # [R, L]: of the lagged values themselves
        buffer = np.concatenate([own, np.zeros((R, K))], 1)
        for k in range(K):
            value = (buffer[each, np.maximum(reach + k - lags, first[:, None])] * weights).sum(1) + constant
            buffer[:, reach + k] = np.clip(value, low, high)
        out[:, which] = buffer[:, reach:]
    return out, missed
