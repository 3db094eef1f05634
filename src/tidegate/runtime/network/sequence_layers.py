"""Layers of networks that predict for a sequence in numpy, as `tidegate.nn.sequence_layers` has them in torch.

Shape letters: B batch, T steps, S steps of the sequence, D its width, O outputs, M frames of all rows.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tidegate.artifacts.bag import bag_scores
from tidegate.artifacts.inputs import UNKNOWN, pair_rows
from tidegate.artifacts.spec import Branch, Ctc, Frames, Label, NetworkSpec, Next, Pictures, Tag, Tokens
from tidegate.runtime.network.cells import sigmoid
from tidegate.runtime.network.flow import (
    Array,
    Flow,
    Weights,
    batch_normed,
    clear,
    convolve,
    eight,
    mean_over,
    padded_rows,
    row_linear,
    within,
)

PATCHES = 1 << 22  # numbers of a convolution's patches held at once


def tokens(spec: NetworkSpec, layer: Tokens, weights: Weights, at: str, flow: Flow) -> None:
    """A vector for each token: [B, T] whole numbers -> [B, T, size]."""
    given = flow.tokens = flow.sequence  # type: ignore[assignment]
    found = weights[f"{at}.embedding.weight"][given]
    if layer.pairs:
        before, here = given[:, :-1].astype(np.int64), given[:, 1:].astype(np.int64)
        known = ((before > UNKNOWN) & (here > UNKNOWN))[:, :, None]
        found[:, 1:] += weights[f"{at}.pairs.weight"][pair_rows(before, here, layer.pairs)] * known
    flow.sequence = found


def frames(spec: NetworkSpec, layer: Frames, weights: Weights, at: str, flow: Flow) -> None:
    """A small convolutional network on every step: [B, T, height * width * colours] -> [B, T, channels]."""
    batch, steps, inputs = flow.sequence.shape
    kept = np.ones(batch * steps, np.bool_) if flow.lengths is None else within(flow.lengths, steps).ravel()
    pictures = flow.sequence.reshape(-1, inputs)[kept]
    found = np.zeros((batch * steps, layer.channels[-1]), np.float32)
    each = layer.height * layer.width * layer.kernel**2 * max(layer.colours, *layer.channels)
    some = max(1, PATCHES // each)
    parts = [look(layer, weights, at, pictures[first : first + some]) for first in range(0, len(pictures), some)]
    found[kept] = np.concatenate(parts) if parts else found[:0]
    flow.sequence = found.reshape(batch, steps, -1)


def look(layer: Frames, weights: Weights, at: str, pictures: Array) -> Array:
    """[M, height * width * colours] -> [M, channels]."""
    x = pictures.reshape(-1, layer.height, layer.width, layer.colours)
    for index in range(len(layer.channels)):
        product = convolve_pictures(x, weights[f"{at}.convs.{index}.weight"]) + weights[f"{at}.convs.{index}.bias"]
        x = halve(np.maximum(product, np.float32(0)))
    return np.asarray(x.mean(axis=(1, 2)))


def pictures(spec: NetworkSpec, layer: Pictures, weights: Weights, at: str, flow: Flow) -> None:
    """A convolutional network on a picture: [B, height, width * colours] -> [B, S, channels], S places of a grid.

    Pictures are looked at one by one, so that none depends on those beside it.
    """
    found = []
    for picture in flow.sequence:
        x = picture.reshape(1, layer.height, layer.width, layer.colours)
        for index in range(len(layer.channels)):
            product = convolve_pictures(x, weights[f"{at}.convs.{index}.weight"])
            x = np.maximum(batch_normed(weights, f"{at}.norms.{index}", product), np.float32(0))
            x = halve(x) if index < layer.halvings else x
        found.append(x.reshape(-1, x.shape[3]) + weights[f"{at}.position"])
    flow.sequence, flow.lengths = np.stack(found), None


def convolve_pictures(x: Array, matrix: Array) -> Array:
    """[M, h, w, D] with kernels [channels, D, k, k], zeros around: [M, h, w, channels], as products of patches."""
    kernel, around = matrix.shape[2], (matrix.shape[2] // 2, matrix.shape[2] // 2)
    padded = np.pad(x, ((0, 0), around, around, (0, 0)))
    patches = sliding_window_view(padded, (kernel, kernel), axis=(1, 2))  # [M, h, w, D, k, k]
    flat = patches.reshape(len(x), x.shape[1] * x.shape[2], -1)
    return np.asarray(flat @ matrix.reshape(len(matrix), -1).T).reshape(*x.shape[:3], -1)


def halve(x: Array) -> Array:
    """The largest of each 2 x 2 of pictures [M, h, w, D]; an odd last row or column is left out."""
    high, wide = x.shape[1] // 2, x.shape[2] // 2
    return np.asarray(x[:, : 2 * high, : 2 * wide].reshape(len(x), high, 2, wide, 2, -1).max(axis=(2, 4)))


def branch(spec: NetworkSpec, layer: Branch, weights: Weights, at: str, flow: Flow) -> None:
    """Convolutions beside the recurrence: [B, S, D] -> [B, channels], kept until it joins the context."""
    x, lengths = flow.sequence, flow.lengths
    for index, kernel in enumerate(layer.kernels):
        found = convolve(padded_rows(x, lengths, kernel, 1, "same"), weights[f"{at}.convs.{index}.weight"])
        x = np.maximum(batch_normed(weights, f"{at}.norms.{index}", found), np.float32(0))
        if layer.squeeze_excite and index < len(layer.channels) - 1:
            few = mean_over(x, lengths) @ weights[f"{at}.squeezes.{index}.weight"].T
            gate = np.maximum(few, np.float32(0)) @ weights[f"{at}.excites.{index}.weight"].T
            x = x * sigmoid(gate)
    flow.branch = mean_over(x, lengths)[:, 0]


def label(spec: NetworkSpec, layer: Label | Tag | Ctc, weights: Weights, at: str, flow: Flow) -> None:
    """What is predicted for a sequence, [B, 1, O], or for every step of it, [B, T, O]."""
    x = flow.sequence if flow.context is None else flow.context[:, None]
    if isinstance(layer, Label) and spec.find("embed") is not None:
        x = np.concatenate([x, flow.static[:, None]], axis=2)
    if layer.hidden_size:
        x = np.maximum(row_linear(weights, f"{at}.hidden", x), np.float32(0))
    found = row_linear(weights, f"{at}.final", x)
    if isinstance(layer, Label) and layer.bag:
        assert flow.tokens is not None
        own = (weights[f"{at}.bag.{name}"] for name in ("idf", "weight", "bias"))
        found = found + bag_scores(flow.tokens, layer.bag, *own)[:, None]
    flow.output = clear(found, flow.lengths) if flow.context is None else found


def next_scores(spec: NetworkSpec, layer: Next, weights: Weights, at: str, flow: Flow) -> None:
    """Scores of every token for the place after each step, [B, T, V]."""
    if not layer.tied:
        found = row_linear(weights, f"{at}.final", flow.sequence)
    else:
        x, own, vectors = flow.sequence, weights.get(f"{at}.map.weight"), weights["layers.0.embedding.weight"]
        to_vectors, scores = (
            eight(weights, f"{at}.map.weight"),
            eight(weights, "layers.0.embedding.weight", f"{at}.bias"),
        )
        if own is not None:
            x = x @ own.T if to_vectors is None else to_vectors(x)
        found = scores(x) if scores else np.asarray(x @ vectors.T + weights[f"{at}.bias"], dtype=np.float32)
    flow.output = clear(found, flow.lengths)
