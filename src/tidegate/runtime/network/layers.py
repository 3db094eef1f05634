"""The layers of a network in numpy: the same spec, the same weights, the same figures as torch.

Shape letters as in the network: B batch, T steps of the window, S steps of the sequence, D its width,
K horizon, C targets of one pass, O outputs, H units, L layers, F known-ahead inputs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tidegate.artifacts.shapes import decoder_stack
from tidegate.artifacts.spec import Decoder, Embed, Head, NetworkSpec, Normalise, OdeRnn, Pool, Recurrent, Segment, Skip
from tidegate.runtime.network.attention import attend, keys, masked, self_attention, softmax, transformer
from tidegate.runtime.network.cells import zeros_of
from tidegate.runtime.network.flow import (
    Array,
    Flow,
    Weights,
    batch_normed,
    clear,
    convolution,
    ending,
    lagged,
    linear,
    mean_over,
    repeat,
    row_linear,
    shortened,
    within,
)
from tidegate.runtime.network.recurrent import Loaded, run_stack
from tidegate.runtime.network.sequence_layers import branch, frames, label, next_scores, pictures, tokens
from tidegate.runtime.network.write import series, write


def flow_state(weights: Weights, at: str, h: Array, interval: Array, steps: int) -> Array:
    """h [B, H] after `interval` [B] units of time, by Runge-Kutta steps of equal size (the 3/8 rule)."""
    size = (interval / np.float32(steps))[:, None]

    def motion(state: Array) -> Array:
        return np.asarray(size * linear(weights, f"{at}.linear2", np.tanh(linear(weights, f"{at}.linear1", state))))

    third, eighth, three = np.float32(1 / 3), np.float32(1 / 8), np.float32(3)
    for _ in range(steps):
        a = motion(h)
        b = motion(h + a * third)
        c = motion(h + b - a * third)
        d = motion(h + a - b + c)
        h = h + (a + three * (b + c) + d) * eighth
    return h


def ode_rnn(spec: NetworkSpec, layer: OdeRnn, weights: Weights, at: str, flow: Flow) -> None:
    """Recurrent layers whose state flows between observations."""
    one = Recurrent(cell=layer.cell, hidden_size=layer.hidden_size)
    x, observed = flow.sequence, np.ones(flow.sequence.shape[:2], dtype=np.bool_)
    if layer.missing:
        observed = (x[:, :, list(layer.missing)] < np.float32(0.5)).any(axis=2)
    intervals, flow.state = np.ones(x.shape[:2], dtype=np.float32), []
    if flow.lengths is not None:  # past a row's end nothing is observed and no time passes
        kept = within(flow.lengths, x.shape[1])[:, :, 0]
        observed, intervals = observed & kept, intervals * kept
    for level in range(layer.num_layers):
        state = zeros_of(one, len(x))
        outputs = np.empty((*x.shape[:2], layer.hidden_size), dtype=np.float32)
        for step in range(x.shape[1]):
            h = flow_state(weights, f"{at}.ode.flows.{level}", state[0], intervals[:, step], layer.solver_steps)
            before = (h, *state[1:])
            _, found = run_stack(one, weights, f"{at}.ode.cells.{level}", x[:, step : step + 1], [before])
            seen = observed[:, step, None]
            state = tuple(np.where(seen, new, old) for new, old in zip(found[0], before, strict=True))
            outputs[:, step] = state[0]
        x = outputs
        flow.state.append(state)
    flow.sequence = clear(x, flow.lengths)


def decoder(spec: NetworkSpec, layer: Decoder, weights: Weights, at: str, flow: Flow) -> None:
    """A recurrence over the horizon, started from the encoder's state."""
    batch, steps = flow.future.shape[0], spec.horizon // layer.segment
    parts = [flow.future.reshape(batch, steps, layer.segment * flow.future.shape[2])]
    if layer.lags:
        parts.append(lagged(flow.targets, layer.lags, spec.horizon, flow.given).reshape(batch, steps, -1))
    if layer.position:
        position = weights[f"{at}.position"]
        parts.append(np.broadcast_to(position, (batch, *position.shape)))
    if spec.find("embed") is not None:
        parts.append(repeat(flow.static, steps))
    if flow.attention is not None and flow.context is not None:
        parts.append(repeat(flow.context, steps))
    inputs = np.concatenate(parts, axis=2)
    if layer.feedback is not None or layer.attention == "additive":
        flow.output = _walk(spec, layer, weights, at, flow, inputs).reshape(batch, spec.horizon, -1)
        return
    if inputs.shape[2] == 0:
        inputs = np.zeros((batch, steps, 1), dtype=np.float32)
    hidden, _ = run_stack(_stack(spec, weights, at), weights, f"{at}.rnn", inputs, flow.state)
    if layer.attention is not None:
        known = keys(layer.attention, weights, f"{at}.attention", flow.sequence)
        hidden, flow.decoder_attention = _look_up(layer.attention, weights, at, hidden, flow, known)
    flow.output = linear(weights, f"{at}.output", hidden).reshape(batch, spec.horizon, -1)


def _stack(spec: NetworkSpec, weights: Weights, at: str) -> Recurrent:
    if isinstance(weights, Loaded):
        return weights.once(f"{at}.stack", lambda: decoder_stack(spec))
    return decoder_stack(spec)


def _look_up(kind: str, weights: Weights, at: str, hidden: Array, flow: Flow, known: Array) -> tuple[Array, Array]:
    context, shares = attend(kind, weights, f"{at}.attention", hidden, flow.sequence, known, flow.lengths)
    return np.tanh(np.concatenate([context, hidden], axis=2) @ weights[f"{at}.combine.weight"].T), shares


def _walk(spec: NetworkSpec, layer: Decoder, weights: Weights, at: str, flow: Flow, inputs: Array) -> Array:
    """Step by step, [B, K / segment, segment * C * O]: what a step reads depends on the one before it."""
    batch, count = flow.targets.shape[0], flow.targets.shape[2]
    kind, stack, state = layer.attention, _stack(spec, weights, at), flow.state
    known = flow.sequence if kind is None else keys(kind, weights, f"{at}.attention", flow.sequence)
    anchor = lagged(flow.targets, (spec.anchor,), spec.horizon, flow.given) if spec.anchor else None
    previous = ending(flow.targets, layer.segment, flow.given)  # [B, segment, C]
    outputs, shares = [], []
    for step in range(inputs.shape[1]):
        parts = [inputs[:, step : step + 1]]
        if layer.feedback is not None:
            parts.append(previous.reshape(batch, 1, -1))
        if kind == "additive":
            query = state[-1][0][:, None]
            context, share = attend(kind, weights, f"{at}.attention", query, flow.sequence, known, flow.lengths)
            parts.append(context)
            shares.append(share)
        hidden, state = run_stack(stack, weights, f"{at}.rnn", np.concatenate(parts, axis=2), state)
        if kind is not None and kind != "additive":
            hidden, share = _look_up(kind, weights, at, hidden, flow, known)
            shares.append(share)
        outputs.append(linear(weights, f"{at}.output", hidden))
        if layer.feedback is not None:
            previous = outputs[-1].reshape(batch, layer.segment, count, spec.outputs)[..., layer.feedback]
            if anchor is not None:
                previous = previous + anchor[:, step * layer.segment : (step + 1) * layer.segment]
    flow.decoder_attention = np.concatenate(shares, axis=1) if shares else None
    return np.concatenate(outputs, axis=1)


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
