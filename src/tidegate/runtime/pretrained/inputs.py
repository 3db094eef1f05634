"""What the network reads: patches of the past for the encoder, the candidates of a patch ahead for the decoder."""

from __future__ import annotations

import numpy as np

from tidegate.runtime.pretrained.candidates import CANDIDATES
from tidegate.runtime.pretrained.filters import PATCH, STATS, Array, Batch, Index, scale, seasonal_mean, stats

WINDOW = 32  # patches that the encoder reads
FURTHEST = 192  # rows ahead that it was trained on; beyond, it is told so many
ENCODED = 4 * PATCH + STATS
DECODED = (CANDIDATES + 1) * PATCH + STATS + 7


def patches(batch: Batch, count: int, end: int | None = None) -> Array:
    """The encoder's inputs: `count` patches of rows up to patch `end` (the last), [B, count, 4 * PATCH + STATS]."""
    B, N = batch.y.shape
    end = N // PATCH if end is None else end
    p = np.arange(end - count, end)
    rows, origin = np.repeat(np.arange(B), count), np.tile(p * PATCH, B)
    begun = np.maximum(origin, batch.start[rows] + 1)
    t = origin[:, None] + np.arange(PATCH)
    # Before a series begins nothing is known: its first patch is scaled by the state at its own end.
    fresh = origin <= batch.start[rows]
    at = np.where(fresh, np.minimum(origin // PATCH + 1, N // PATCH), origin // PATCH)
    r = scale(batch, rows, at * PATCH)[:, None]
    state = batch.mean[rows, at]
    y = batch.y[rows[:, None], t]
    mask = batch.known[rows[:, None], t]
    z = np.arcsinh((y - state[:, 1:2]) / r)
    one = seasonal_mean(batch.y, batch.start, batch.seasons[:, 0], rows, t, begun[:, None], 3) + state[:, 6:7]
    two = seasonal_mean(batch.y, batch.start, batch.seasons[:, 1], rows, t, begun[:, None], 3) + state[:, 8:9]
    own = stats(batch, rows, np.maximum(at * PATCH, 1))
    x = np.concatenate([z, np.arcsinh((y - one) / r), np.arcsinh((y - two) / r)], 1)
    dark = t < batch.start[rows][:, None]
    x = np.where(np.tile(dark, 3), 0.0, x)
    x = np.concatenate([x, mask, own * ~np.all(dark, axis=1, keepdims=True)], 1)
    return x.reshape(B, count, -1)


def decoder_inputs(
    batch: Batch, rows: Index, origin: Index, c: Array, missed: Array, which: Index
) -> tuple[Array, Array, Array]:
    """Inputs of the decoder for chosen patches of the horizon.

    Args:
        c, missed: [R, C, K] and [R, 2] of `candidates`. which: [R, J], patches of the horizon.

    Returns:
        x [R, J, D], chosen candidates [R, J, C, PATCH] and the scale [R].
    """
    R, C, K = c.shape
    J = which.shape[1]
    r = scale(batch, rows, origin)
    part = c.reshape(R, C, K // PATCH, PATCH).transpose(0, 2, 1, 3)[np.arange(R)[:, None], which]
    # The simple method that has missed least is what the others are measured from.
    least = np.array([1, 6, 8, 10, 11])[batch.mean[rows, origin // PATCH, 11:16].argmin(1)]
    centre = part[np.arange(R), :, least][:, :, None]
    unit = r[:, None, None, None]
    spread = np.arcsinh((part - centre) / unit).reshape(R, J, -1)
    level = np.arcsinh((centre[:, :, 0] - batch.y[rows, origin - 1][:, None, None]) / unit[:, :, 0])
    m = batch.seasons[rows].astype(np.float64)
    n = (origin - batch.start[rows]).astype(np.float64)[:, None]
    ahead = np.minimum(which * PATCH, FURTHEST - PATCH) + 1.0
    place = [np.log(ahead) / 3, np.minimum(ahead / m[:, :1], 4) / 2, np.minimum(ahead / m[:, 1:], 4) / 2]
    place += [np.minimum(ahead / n, 2), which == 0]
    own = np.concatenate([stats(batch, rows, origin), np.log(np.clip(missed, 0.02, 50.0))], 1)
    own = np.repeat(own[:, None], J, 1)
    return np.concatenate([spread, level, own, np.stack(place, 2)], 2), part, r
