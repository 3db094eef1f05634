"""What flows between the layers of a network in numpy, and what several of them use.

Shape letters as in the network: B batch, T steps of the window, S steps of the sequence, D its width,
K horizon, C targets of one pass, O outputs, H units, L layers, F known-ahead inputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from tidegate.artifacts.inputs import lag_rows
from tidegate.artifacts.shapes import conv_padding
from tidegate.artifacts.spec import Convolution, NetworkSpec
from tidegate.kernels.int8 import Dense8

Array = NDArray[np.float32]
Lengths = NDArray[np.int64]
_lag_rows = lru_cache(maxsize=256)(lag_rows)  # not to be written to
Weights = Mapping[str, Array]


class Given(NamedTuple):
    """What a network is given, as of `run_network`."""

    past: NDArray[Any]
    future: Array | None = None
    static: Array | None = None
    lengths: Lengths | None = None


@dataclass
class Flow:
    """What flows between the layers of one forward pass."""

    targets: Array  # [B, T, C]
    sequence: Array  # [B, S, D]; a layer that looks at neighbouring steps clears what is past a row's end itself
    future: Array  # [B, K, F]
    static: Array  # [B, S_raw], then [B, E]
    loc: Array | None = None  # [B, 1, C]
    scale: Array | None = None  # [B, 1, C]
    start: list[tuple[Array, ...]] | None = None  # a layer each: h (and c) [B, H] to go on from; None for zeros
    state: list[tuple[Array, ...]] = field(default_factory=list)  # a layer each: h (and c) [B, H]
    branch: Array | None = None  # [B, channels]
    skip: tuple[Array, Array] | None = None  # a linear forecast [B, K, C], and the share [1] of the network beside it
    tokens: NDArray[np.int64] | None = None  # [B, T], as they were read
    context: Array | None = None  # [B, D]
    attention: Array | None = None  # [B, S]
    decoder_attention: Array | None = None  # [B, K / segment, S]
    self_attention: Array | None = None  # [B, heads, S, S]
    truth: NDArray[np.int64] | None = None  # [B, K] tokens that a decoder reads
    gate: Array | None = None  # [B, K], log-odds that a token is written and not copied
    output: Array | None = None  # [B, K, C * O]
    lengths: Lengths | None = None  # [B] steps of each row of the sequence; None: all of them
    given: Lengths | None = None  # [B] steps of each row of the targets; None: all of them


def within(lengths: Lengths, steps: int) -> NDArray[np.bool_]:
    """[B, S, 1], true at the steps that each row has."""
    return (np.arange(steps) < lengths[:, None])[:, :, None]


def clear(sequence: Array, lengths: Lengths | None) -> Array:
    """The sequence [B, S, D] with zeros past each row's end."""
    if lengths is None:
        return sequence
    return np.where(within(lengths, sequence.shape[1]), sequence, np.zeros((), sequence.dtype))


def taken(sequence: Array, steps: NDArray[np.int64]) -> Array:
    """The steps [B, n] of each row of a sequence [B, S, D]: [B, n, D]."""
    return sequence[np.arange(len(steps))[:, None], steps]


def ending(sequence: Array, count: int, lengths: Lengths | None) -> Array:
    """The last `count` steps of each row, [B, count, D]."""
    if lengths is None:
        return sequence[:, -count:]
    return taken(sequence, lengths[:, None] - count + np.arange(count))


def shortened(lengths: Lengths | None, stride: int) -> Lengths | None:
    """ceil(lengths / stride)."""
    return None if lengths is None else -(-lengths // stride)


def lagged(targets: Array, lags: tuple[int, ...], horizon: int, lengths: Lengths | None = None) -> Array:
    """Targets `lags` steps before each forecast step, [B, K, len(lags) * C], lag by lag."""
    if lengths is not None:  # rows counted from each row's own end
        rows = [lengths[:, None] + _lag_rows(0, horizon, lag) for lag in lags]
        return np.concatenate([taken(targets, row) for row in rows], axis=2)
    return np.concatenate([targets.take(_lag_rows(targets.shape[1], horizon, lag), 1) for lag in lags], axis=2)


def mean_over(x: Array, lengths: Lengths | None, period: int = 0) -> Array:
    """Mean of [B, T, C] over the last `period` steps of each row, or all where 0: [B, 1, C]."""
    if lengths is None:
        recent = x[:, -period:] if period else x
        return np.asarray(recent.mean(axis=1, keepdims=True))
    kept, counts = within(lengths, x.shape[1]), lengths
    if period:
        kept = kept & ~within(lengths - period, x.shape[1])
        counts = np.minimum(counts, period)
    total = np.where(kept, x, np.float32(0)).sum(axis=1, keepdims=True)
    return np.asarray(total / counts.astype(np.float32)[:, None, None])


def eight(weights: Weights, weight: str, bias: str | None = None) -> Dense8 | None:
    """A dense layer that computes with 8 bits (`Loaded.dense`), where the weights are stored that way."""
    dense = getattr(weights, "dense", None)
    found: Dense8 | None = None if dense is None else dense(weight, bias)
    return found


def linear(weights: Weights, name: str, x: Array) -> Array:
    """x W' + b along the last axis."""
    own = eight(weights, f"{name}.weight", f"{name}.bias")
    if own is not None:
        return own(x)
    return np.asarray(x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"], dtype=np.float32)


def row_linear(weights: Weights, name: str, x: Array) -> Array:
    """As `linear`, but no row's figures depend on how many there are: a stream gives, bit for bit, what a batch does.

    The order in which a product of matrices sums depends on their sizes; here each number is a sum of its own.
    """
    own = eight(weights, f"{name}.weight", f"{name}.bias")
    if own is not None:
        return own(x)
    product = np.einsum("...i,oi->...o", np.ascontiguousarray(x), weights[f"{name}.weight"])
    return np.asarray(product + weights[f"{name}.bias"], dtype=np.float32)


def repeat(vector: Array, steps: int) -> Array:
    """A vector for every step: [B, D] -> [B, steps, D]."""
    return np.broadcast_to(vector[:, None], (vector.shape[0], steps, vector.shape[1]))


BATCH_NORM_EPSILON = np.float32(1e-5)


def batch_normed(weights: Weights, at: str, x: Array) -> Array:
    """[B, S, D] with the training part's statistics."""
    gain = weights[f"{at}.weight"] / np.sqrt(weights[f"{at}.running_var"] + BATCH_NORM_EPSILON)
    return np.asarray((x - weights[f"{at}.running_mean"]) * gain + weights[f"{at}.bias"])


def convolution(spec: NetworkSpec, layer: Convolution, weights: Weights, at: str, flow: Flow) -> None:
    """Convolutions over time, one after the other, each with a relu."""
    x = flow.sequence
    for index in range(len(layer.channels)):
        padded = padded_rows(x, flow.lengths, layer.kernel, layer.stride, layer.padding)
        product = convolve(padded, weights[f"{at}.convs.{index}.conv.weight"], layer.stride)
        product = product + weights[f"{at}.convs.{index}.conv.bias"]
        flow.lengths = shortened(flow.lengths, layer.stride)
        x = clear(np.maximum(product, np.float32(0)), flow.lengths)
    flow.sequence = x


def convolve(padded: Array, kernels: Array, stride: int = 1) -> Array:
    """[B, steps, D] with kernels [channels, D, kernel], every `stride` steps: [B, S, channels]."""
    channels, _, kernel = kernels.shape
    rows = sliding_window_view(padded, kernel, axis=1)[:, ::stride]  # [B, S, D, kernel]
    return np.asarray(rows.reshape(*rows.shape[:2], -1) @ kernels.reshape(channels, -1).T)


def padded_rows(x: Array, lengths: Lengths | None, kernel: int, stride: int, padding: str) -> Array:
    """[B, S, D] with the zeros around it that a convolution needs; each row has its own before it, by its length."""
    steps = x.shape[1]
    before, after = conv_padding(steps, kernel, stride, padding)
    if lengths is None or stride == 1:
        return np.pad(clear(x, lengths), ((0, 0), (before, after), (0, 0)))
    source = np.arange(before + steps + after) - conv_padding(lengths[:, None], kernel, stride, padding)[0]
    inside = (source >= 0) & (source < lengths[:, None])
    return np.where(inside[:, :, None], taken(x, source.clip(0, steps - 1)), np.float32(0))
