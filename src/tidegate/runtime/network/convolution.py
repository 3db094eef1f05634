"""Convolutions over time in numpy, as `tidegate.nn.convolution` does them in torch."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tidegate.artifacts.shapes import conv_padding
from tidegate.artifacts.spec import Convolution, NetworkSpec
from tidegate.runtime.network.flow import Array, Flow, Lengths, Weights, clear, shortened, taken


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
