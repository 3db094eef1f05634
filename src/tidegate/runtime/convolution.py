"""Convolutions over time in numpy, as `tidegate.nn.convolution` does them in torch."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tidegate.artifacts.shapes import conv_padding
from tidegate.artifacts.spec import Convolution, NetworkSpec
from tidegate.runtime.flow import Flow, Weights


def convolution(spec: NetworkSpec, layer: Convolution, weights: Weights, at: str, flow: Flow) -> None:
    """Convolutions over time, one after the other, each with a relu."""
    x = flow.sequence
    for index, channels in enumerate(layer.channels):
        matrix = weights[f"{at}.convs.{index}.conv.weight"].reshape(channels, -1)  # [channels, D * kernel]
        pads = conv_padding(x.shape[1], layer.kernel, layer.stride, layer.padding)
        padded = np.pad(x, ((0, 0), pads, (0, 0)))
        rows = sliding_window_view(padded, layer.kernel, axis=1)[:, :: layer.stride]  # [B, S', D, kernel]
        product = rows.reshape(*rows.shape[:2], -1) @ matrix.T + weights[f"{at}.convs.{index}.conv.bias"]
        x = np.maximum(product, np.float32(0))
    flow.sequence = x
