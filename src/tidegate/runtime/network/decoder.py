"""The decoder in numpy, as `tidegate.nn.decoder` does it in torch."""

from __future__ import annotations

import numpy as np

from tidegate.artifacts.shapes import decoder_stack
from tidegate.artifacts.spec import Decoder, NetworkSpec, Recurrent
from tidegate.runtime.network.attention import attend, keys
from tidegate.runtime.network.flow import Array, Flow, Weights, ending, lagged, linear, repeat
from tidegate.runtime.network.recurrent import Loaded, run_stack


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
