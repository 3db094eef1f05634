"""The layers of a network in numpy: the same spec, the same weights, the same figures as torch.

Shape letters as in the network: B batch, T steps of the window, S steps of the sequence, D its width,
K horizon, C targets of one pass, O outputs, H units, L layers, F known-ahead inputs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tidegate.artifacts.spec import Embed, Head, NetworkSpec, Normalise, Pool, Recurrent, Segment, Skip
from tidegate.runtime.network.attention import masked, softmax
from tidegate.runtime.network.convolution import convolution
from tidegate.runtime.network.decoder import decoder
from tidegate.runtime.network.flow import (
    Flow,
    Weights,
    batch_normed,
    clear,
    ending,
    lagged,
    linear,
    mean_over,
    repeat,
    row_linear,
    shortened,
    within,
)
from tidegate.runtime.network.ode import ode_rnn
from tidegate.runtime.network.recurrent import run_stack
from tidegate.runtime.network.sequence_layers import branch, frames, label, next_scores, pictures, tokens
from tidegate.runtime.network.transformer import self_attention, transformer
from tidegate.runtime.network.write import series, write

SMALLEST_SCALE = np.float32(1e-4)


def normalise(spec: NetworkSpec, layer: Normalise, weights: Weights, at: str, flow: Flow) -> None:
    """Shift and rescale the targets of each window."""
    x = flow.targets
    if layer.by == "scale":
        flow.scale = np.maximum(mean_over(np.abs(x), flow.given, layer.period), SMALLEST_SCALE)
        flow.targets = x / flow.scale
    else:
        flow.loc = ending(x, 1, flow.given) if layer.by == "last" else mean_over(x, flow.given)
        flow.targets = clear(x - flow.loc, flow.given)
        if layer.by == "standard":
            spread = np.sqrt(mean_over(np.square(flow.targets), flow.given))
            flow.scale = np.maximum(spread, SMALLEST_SCALE)
            flow.targets = flow.targets / flow.scale
    flow.sequence = np.concatenate([flow.targets, flow.sequence[:, :, x.shape[2] :]], axis=2)


def skip(spec: NetworkSpec, layer: Skip, weights: Weights, at: str, flow: Flow) -> None:
    """A linear forecast of each target's own window."""
    found = np.einsum("btc,ckt->bkc", flow.targets, weights[f"{at}.weight"])  # as in row_linear
    flow.skip = np.asarray(found + weights[f"{at}.bias"].T, dtype=np.float32), weights[f"{at}.share"]


def segment(spec: NetworkSpec, layer: Segment, weights: Weights, at: str, flow: Flow) -> None:
    """Join neighbouring steps and project them."""
    sequence = clear(flow.sequence, flow.lengths)
    short = -sequence.shape[1] % layer.length
    if short:
        sequence = np.pad(sequence, ((0, 0), (0, short), (0, 0)))
    batch, steps, width = sequence.shape
    joined = sequence.reshape(batch, steps // layer.length, layer.length * width)
    flow.sequence = np.maximum(linear(weights, f"{at}.linear", joined), np.float32(0))
    flow.lengths = shortened(flow.lengths, layer.length)


def embed(spec: NetworkSpec, layer: Embed, weights: Weights, at: str, flow: Flow) -> None:
    """Project the static inputs and give them to every step."""
    dense = row_linear if spec.horizon == 1 else linear
    flow.static = dense(weights, f"{at}.linear", flow.static)
    flow.sequence = np.concatenate([flow.sequence, repeat(flow.static, flow.sequence.shape[1])], axis=2)


def recurrent(spec: NetworkSpec, layer: Recurrent, weights: Weights, at: str, flow: Flow) -> None:
    """The recurrence."""
    flow.sequence, flow.state = run_stack(layer, weights, f"{at}.rnn", flow.sequence, flow.start, flow.lengths)


def batch_norm(spec: NetworkSpec, layer: Any, weights: Weights, at: str, flow: Flow) -> None:
    """Batch normalisation with the training part's statistics."""
    flow.sequence = batch_normed(weights, f"{at}.norm", flow.sequence)


def pool(spec: NetworkSpec, layer: Pool, weights: Weights, at: str, flow: Flow) -> None:
    """One vector out of the sequence."""
    x, lengths, ahead = flow.sequence, flow.lengths, spec.encoder.hidden_size
    if layer.by == "attention":
        score = linear(weights, f"{at}.score", x)[:, :, 0]  # [B, S]
        flow.attention = softmax(masked(score, lengths))
        flow.context = np.einsum("bs,bsd->bd", flow.attention, x)
    elif layer.by == "mean":
        flow.context = mean_over(x, lengths)[:, 0]
    elif layer.by == "max":
        x = x if lengths is None else np.where(within(lengths, x.shape[1]), x, np.float32(-np.inf))
        flow.context = x.max(axis=1)
    else:
        flow.context = ending(x, 1, lengths)[:, 0]
        if layer.by == "ends" and x.shape[2] > ahead:
            flow.context = np.concatenate([flow.context[:, :ahead], x[:, 0, ahead:]], axis=1)
    if flow.branch is not None:
        flow.context = np.concatenate([flow.context, flow.branch], axis=1)


def dropout(spec: NetworkSpec, layer: Any, weights: Weights, at: str, flow: Flow) -> None:
    """Nothing is dropped once training is over."""


def head(spec: NetworkSpec, layer: Head, weights: Weights, at: str, flow: Flow) -> None:
    """All K steps at once."""
    assert flow.context is not None
    dense = row_linear if spec.horizon == 1 else linear  # one step ahead may be streamed
    context = dense(weights, f"{at}.context", flow.context)
    parts = [context.reshape(-1, spec.horizon, layer.hidden_size), flow.future]
    if layer.lags:
        parts.append(lagged(flow.targets, layer.lags, spec.horizon, flow.given))
    if spec.find("embed") is not None:
        parts.append(repeat(flow.static, spec.horizon))
    hidden = np.maximum(dense(weights, f"{at}.output", np.concatenate(parts, axis=2)), np.float32(0))
    flow.output = dense(weights, f"{at}.final", hidden)


LAYERS = {
    "tokens": tokens,
    "frames": frames,
    "pictures": pictures,
    "normalise": normalise,
    "skip": skip,
    "branch": branch,
    "convolution": convolution,
    "segment": segment,
    "embed": embed,
    "recurrent": recurrent,
    "transformer": transformer,
    "ode_rnn": ode_rnn,
    "batch_norm": batch_norm,
    "self_attention": self_attention,
    "pool": pool,
    "dropout": dropout,
    "head": head,
    "decoder": decoder,
    "label": label,
    "tag": label,
    "ctc": label,
    "next": next_scores,
    "write": write,
    "series": series,
}
