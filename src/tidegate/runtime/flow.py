"""What flows between the layers of a network in numpy, and what several of them use.

Shape letters as in the network: B batch, T steps of the window, S steps of the sequence, D its width,
K horizon, C targets of one pass, O outputs, H units, L layers, F known-ahead inputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tidegate.artifacts.lags import lag_rows

Array = NDArray[np.float32]
Weights = Mapping[str, Array]


@dataclass
class Flow:
    """What flows between the layers of one forward pass."""

    targets: Array  # [B, T, C]
    sequence: Array  # [B, S, D]
    future: Array  # [B, K, F]
    static: Array  # [B, S_raw], then [B, E]
    loc: Array | None = None  # [B, 1, C]
    scale: Array | None = None  # [B, 1, C]
    state: list[tuple[Array, ...]] = field(default_factory=list)  # a layer each: h (and c) [B, H]
    context: Array | None = None  # [B, D]
    attention: Array | None = None  # [B, S]
    decoder_attention: Array | None = None  # [B, K / segment, S]
    self_attention: Array | None = None  # [B, heads, S, S]
    output: Array | None = None  # [B, K, C * O]


def lagged(targets: Array, lags: tuple[int, ...], horizon: int) -> Array:
    """Targets `lags` steps before each forecast step, [B, K, len(lags) * C], lag by lag."""
    return np.concatenate([targets[:, lag_rows(targets.shape[1], horizon, lag)] for lag in lags], axis=2)


def linear(weights: Weights, name: str, x: Array) -> Array:
    """x W' + b along the last axis."""
    return np.asarray(x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"], dtype=np.float32)


def repeat(vector: Array, steps: int) -> Array:
    """A vector for every step: [B, D] -> [B, steps, D]."""
    return np.broadcast_to(vector[:, None], (vector.shape[0], steps, vector.shape[1]))
