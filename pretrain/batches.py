"""Training batches: synthetic series, several origins of each, and what came after them."""

from __future__ import annotations

from dataclasses import dataclass

import generate
import numpy as np
from numpy.typing import NDArray

from tidegate.runtime.pretrained.candidates import candidates
from tidegate.runtime.pretrained.filters import PATCH, fill, filters
from tidegate.runtime.pretrained.inputs import WINDOW, decoder_inputs, patches
from tidegate.runtime.pretrained.seasons import find

F32 = NDArray[np.float32]
HISTORY = (48, 96, 192, 320, 640, 1280)
HISTORY_SHARES = (0.12, 0.2, 0.22, 0.22, 0.16, 0.08)
HORIZON = (8, 16, 24, 48, 96, 192)
HORIZON_SHARES = (0.1, 0.2, 0.2, 0.28, 0.14, 0.08)
ORIGINS = 6


@dataclass
class Examples:
    """x: [B, S, ENCODED]. row, patch: [R], whose origin, after which of the S patches. z, candidates, target, seen."""

    x: F32
    row: NDArray[np.int64]
    patch: NDArray[np.int64]
    z: F32
    candidates: F32
    target: F32
    seen: F32


def _hide(rng: np.random.Generator, B: int, T: int, history: int) -> NDArray[np.bool_]:
    """Where values are missing: in some rows single ones, in some whole blocks; never the last before the horizon."""
    missing = np.zeros((B, T), bool)
    kind = rng.random(B)
    single = (kind < 0.06)[:, None] & (rng.random((B, T)) < rng.uniform(0.01, 0.3, (B, 1)))
    missing |= single
    t = np.arange(T)[None]
    for _ in range(3):
        begin, size = rng.random((B, 1)) * history, np.exp(rng.uniform(0, np.log(max(2.0, history / 6)), (B, 1)))
        missing |= ((kind > 0.06) & (kind < 0.11))[:, None] & (t >= begin) & (t < begin + size)
    missing[:, history - 1 :] = False
    return missing


def make(seed: int) -> Examples:
    """The batch of a seed; always the same."""
    rng = np.random.default_rng([generate.VERSION, 77, seed])
    history = int(rng.choice(HISTORY, p=HISTORY_SHARES))
    horizon = int(rng.choice(HORIZON, p=HORIZON_SHARES))
    while horizon > history:
        horizon //= 2
    horizon = max(8, horizon // 8 * 8)
    B = int(min(128, 64 * 256 / min(256, history)))
    T = history + horizon
    series = generate.make(seed, B, T)
    short = rng.random(B) < 0.5
    length = np.where(short, np.exp(rng.uniform(np.log(8.5), np.log(history), B)), history).astype(np.int64)
    start = history - length
    t = np.arange(T)[None]
    begun = t >= start[:, None]
    past = begun & (t < history)
    mean = (series.y * past).sum(1) / past.sum(1)
    y = series.y - mean[:, None]
    spread = np.sqrt((y**2 * past).sum(1) / past.sum(1))
    y = y / np.where(spread > 1e-9, spread, np.maximum(np.abs(y).max(1), 1e-9))[:, None]
    hidden = _hide(rng, B, T, history) & begun
    values = np.where(begun & ~hidden, y, np.nan)
    m = _seasons(rng, series, values[:, :history])
    batch = filters(values, m)
    S = min(WINDOW, history // PATCH)
    x = patches(batch, S, history // PATCH)
    last = history // PATCH
    at = rng.integers(last - S + 1, last + 1, (B, ORIGINS))
    at[:, 0] = last
    origin = at * PATCH
    fine = (origin >= start[:, None] + 8) & batch.known[np.arange(B)[:, None], origin - 1]
    fine[:, 0] = True
    rows, order = np.nonzero(fine)
    origin = origin[rows, order]
    c, missed = candidates(batch, rows, origin, horizon)
    J = min(4, horizon // PATCH)
    which = np.argsort(rng.random((len(rows), horizon // PATCH)), 1)[:, :J]
    z, part, r = decoder_inputs(batch, rows, origin, c, missed, which)
    level = batch.y[rows, origin - 1][:, None, None]
    future = origin[:, None, None] + which[:, :, None] * PATCH + np.arange(PATCH)
    own = rows[:, None, None]
    future = np.minimum(future, T - 1)
    target = (y[own, future] - level) / r[:, None, None]
    # A series that has stood still so far has no scale: nothing to learn there, the runtime repeats its value.
    seen = ~hidden[own, future] & (r > 1e-4)[:, None, None]
    target = np.where(seen, target, 0.0)
    part = (part - level[..., None]) / r[:, None, None, None]
    floats = [a.astype(np.float32) for a in (x, z, part, target, seen)]
    return Examples(floats[0], rows, origin // PATCH - (last - S) - 1, *floats[1:])


def _seasons(rng: np.random.Generator, series: generate.Series, values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Season lengths as they may come: the true ones, found ones, now and then wrong ones."""
    B = len(values)
    true = np.maximum(np.round(series.seasons), 1).astype(np.int64)
    known = np.isfinite(values)
    n = known.shape[1] - known.argmax(1)
    true = np.where(true * 1.5 <= n[:, None], true, 1)
    swap = true[:, 0] > true[:, 1]
    true = np.where((swap & (true[:, 1] > 1))[:, None], true[:, ::-1], true)
    true = np.where((true[:, :1] == 1), true[:, ::-1], true)
    y, _, start = fill(values, np.ones(B, np.int64))
    found = find(y, start, fundamental=False)
    how = rng.random(B)
    wrong = rng.choice(generate.CALENDAR, (B, 2)).astype(np.int64)
    wrong = np.sort(np.where(wrong * 2 <= n[:, None], wrong, 1), 1)
    wrong = np.where(wrong[:, :1] == 1, wrong[:, ::-1], wrong)
    return np.where((how < 0.5)[:, None], true, np.where((how < 0.96)[:, None], found, wrong))
