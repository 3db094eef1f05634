"""Attention in numpy, as `tidegate.nn.attention` does it in torch."""

from __future__ import annotations

import numpy as np

from tidegate.runtime.network.flow import Array, Lengths, Weights, linear, within


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
