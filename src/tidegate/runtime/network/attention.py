"""Attention in numpy, as `tidegate.nn.attention` does it in torch."""

from __future__ import annotations

import numpy as np

from tidegate.artifacts.inputs import sinusoids
from tidegate.artifacts.layers import cell_size
from tidegate.artifacts.spec import NetworkSpec, SelfAttention, Transformer
from tidegate.runtime.network.flow import Array, Flow, Lengths, Weights, ending, linear, within


def softmax(score: Array) -> Array:
    """exp(x) / sum exp(x) along the last axis, from the largest down so that nothing overflows."""
    powers = np.exp(score - score.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True), dtype=np.float32)


def masked(score: Array, lengths: Lengths | None) -> Array:
    """Scores [B, ..., S] with minus infinity at steps past each row's end."""
    if lengths is None:
        return score
    kept = within(lengths, score.shape[-1]).reshape(len(lengths), *(1,) * (score.ndim - 2), -1)
    return np.where(kept, score, np.float32(-np.inf))


def keys(kind: str, weights: Weights, at: str, sequence: Array) -> Array:
    """What of the score depends on the states alone, [B, S, Q or A]."""
    if kind == "dot":
        return sequence
    if kind == "additive":
        return linear(weights, f"{at}.key", sequence)
    matrix = weights[f"{at}.key.weight"] if kind == "general" else weights[f"{at}.both.weight"]
    return np.asarray(sequence @ matrix[:, -sequence.shape[2] :].T)


def attend(
    kind: str, weights: Weights, at: str, query: Array, sequence: Array, known: Array, lengths: Lengths | None = None
) -> tuple[Array, Array]:
    """Look up queries among states.

    Args:
        kind: of the score. weights: by name, under `at`.
        query: [B, K, Q]. sequence: [B, S, D]. known: `keys` of the sequence.
        lengths: [B] steps of each row; None takes all.

    Returns:
        Contexts [B, K, D] and weights [B, K, S].
    """
    if kind in ("dot", "general"):
        score = query @ known.transpose(0, 2, 1)
    else:
        matrix = weights[f"{at}.query.weight" if kind == "additive" else f"{at}.both.weight"]
        own = query @ matrix[:, : query.shape[2]].T
        score = np.tanh(own[:, :, None] + known[:, None]) @ weights[f"{at}.score.weight"][0]
    shares = softmax(masked(score, lengths))
    return shares @ sequence, shares


EPSILON = np.float32(1e-5)


def layer_norm(weights: Weights, at: str, x: Array) -> Array:
    """Each step less its mean, over its standard deviation, times weight plus bias."""
    centred = x - x.mean(axis=-1, keepdims=True)
    spread = np.sqrt(np.square(centred).mean(axis=-1, keepdims=True) + EPSILON)
    return np.asarray(centred / spread * weights[f"{at}.weight"] + weights[f"{at}.bias"], dtype=np.float32)


def multihead(weights: Weights, at: str, x: Array, heads: int, lengths: Lengths | None = None) -> tuple[Array, Array]:
    """torch.nn.MultiheadAttention of a sequence with itself: [B, S, D], and weights [B, heads, S, S]."""
    batch, steps, width = x.shape
    joined = x @ weights[f"{at}.in_proj_weight"].T + weights[f"{at}.in_proj_bias"]
    query, key, value = joined.reshape(batch, steps, 3, heads, width // heads).transpose(2, 0, 3, 1, 4)
    score = query @ key.transpose(0, 1, 3, 2) / np.sqrt(np.float32(width // heads))
    shares = softmax(masked(score, lengths))
    found = (shares @ value).transpose(0, 2, 1, 3).reshape(batch, steps, width)
    return linear(weights, f"{at}.out_proj", found), shares


def self_attention(spec: NetworkSpec, layer: SelfAttention, weights: Weights, at: str, flow: Flow) -> None:
    """Every step looks at every step, with a residual and a layer norm after it."""
    at, heads = f"{at}.block", layer.num_heads
    found, flow.self_attention = multihead(weights, f"{at}.attention", flow.sequence, heads, flow.lengths)
    flow.sequence = layer_norm(weights, f"{at}.norm", flow.sequence + found)


def transformer(spec: NetworkSpec, layer: Transformer, weights: Weights, at: str, flow: Flow) -> None:
    """A pre-norm Transformer encoder; a decoder is started from its last step."""
    at = f"{at}.encoder"
    x = linear(weights, f"{at}.linear", flow.sequence)
    x = x + (weights[f"{at}.position"][: x.shape[1]] if layer.positions == "learned" else sinusoids(*x.shape[1:]))
    for index in range(layer.num_layers):
        block = f"{at}.blocks.{index}"
        normed = layer_norm(weights, f"{block}.norm1", x)
        found, _ = multihead(weights, f"{block}.self_attn", normed, layer.num_heads, flow.lengths)
        x = x + found
        inner = linear(weights, f"{block}.linear1", layer_norm(weights, f"{block}.norm2", x))
        x = x + linear(weights, f"{block}.linear2", np.maximum(inner, np.float32(0)))
    flow.sequence = layer_norm(weights, f"{at}.norm", x)
    last = np.ascontiguousarray(ending(flow.sequence, 1, flow.lengths)[:, 0])
    size = cell_size(layer.cell, layer.hidden_size)
    flow.state = [(last, np.zeros((len(last), size), np.float32)) if size else (last,)]
