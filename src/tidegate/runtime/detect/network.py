"""A detector's network one step at a time, for many streams at once: forecasts of the next value, or windows rebuilt.

Every stream's numbers are computed by themselves, in one order: the engine's rows are independent, and the dense layers
are sums of one row each (einsum), not a product of matrices whose order of summation depends on their size. So a stream
gives the same bits alone and among a hundred thousand others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.artifacts.shapes import decoder_stack
from tidegate.artifacts.spec import NetworkSpec
from tidegate.runtime.network.network import members
from tidegate.runtime.network.recurrent import Loaded, run_stack

Array = NDArray[Any]
Weights = Mapping[str, NDArray[np.float32]]


def layer_name(spec: NetworkSpec, kind: str) -> str:
    """The prefix of a layer's tensors."""
    kinds: list[str] = [layer.kind for layer in spec.layers]
    return f"layers.{kinds.index(kind)}"


def dense(x: Array, weight: Array, bias: Array) -> NDArray[np.float32]:
    """x W' + b, each row by itself, [S, O]."""
    return np.asarray(np.einsum("...i,oi->...o", x, weight) + bias, dtype=np.float32)


class ForecastSteps:
    """Forecasts of the next value, from a recurrence that is carried along.

    Args:
        spec: recurrent, pool, head; horizon 1, one output, anchored on the last value.
        weights: by name. streams: S.
    """

    def __init__(self, spec: NetworkSpec, weights: Loaded, streams: int) -> None:
        self.spec, self.weights = spec, weights
        self.prefix = f"{layer_name(spec, 'recurrent')}.rnn"
        self.stepper = None
        layer = spec.encoder
        packed = weights.packed(layer, self.prefix)
        if packed is not None:
            self.stepper = packed.stepper(streams)
            self.h, self.c = self.stepper.h, self.stepper.c
        else:
            self.plain = dict(weights)
            self.h = np.zeros((layer.num_layers, streams, layer.hidden_size), np.float32)
            self.c = np.zeros((*self.h.shape[:2], layer.cell_size or layer.hidden_size), np.float32)
        self.hidden, self.bias, self.final, self.level = fuse_head(spec, weights)

    def __call__(self, inputs: Array, now: Array) -> NDArray[np.float32]:
        """Squashed forecasts of the next values, [S, C], after reading `inputs` [S, I]; `now` [S, C] is the anchor."""
        y = self.stepper(inputs) if self.stepper is not None else self._step(inputs)
        hidden = np.maximum(dense(y, self.hidden, self.bias), np.float32(0))
        return np.asarray(now + dense(hidden, self.final, self.level), dtype=np.float32)

    def restore(self, h: Array, c: Array) -> None:
        """Take over a state [L, S, H]."""
        self.h[...], self.c[...] = h, c

    def forget(self, rows: NDArray[np.bool_]) -> None:
        """Set the state of some streams, [S], back to its start."""
        self.h[:, rows] = 0
        self.c[:, rows] = 0

    def _step(self, inputs: Array) -> Array:
        layer = self.spec.encoder
        gru = layer.cell == "gru"
        start: list[Any] = [(h,) if gru else (h, c) for h, c in zip(self.h, self.c, strict=True)]
        hidden, ends = run_stack(layer, self.plain, self.prefix, inputs[:, None], start)
        for level, end in enumerate(ends):
            self.h[level] = end[0]
            if not gru:
                self.c[level] = end[1]
        return hidden[:, 0]


class ForecastEnsemble:
    """The mean of what the members of an ensemble forecast; their states one after another, [M L, S, H]."""

    def __init__(self, spec: NetworkSpec, weights: Loaded, streams: int) -> None:
        self.parts = [ForecastSteps(spec.member, as_loaded(own), streams) for own in members(spec, weights)]

    @property
    def h(self) -> Array:
        return np.concatenate([part.h for part in self.parts])

    @property
    def c(self) -> Array:
        return np.concatenate([part.c for part in self.parts])

    def __call__(self, inputs: Array, now: Array) -> NDArray[np.float32]:
        return np.asarray(np.stack([part(inputs, now) for part in self.parts]).mean(axis=0), dtype=np.float32)

    def restore(self, h: Array, c: Array) -> None:
        """Take over the states of all members."""
        each = zip(np.split(h, len(self.parts)), np.split(c, len(self.parts)), strict=True)
        for part, (own_h, own_c) in zip(self.parts, each, strict=True):
            part.restore(own_h, own_c)

    def forget(self, rows: NDArray[np.bool_]) -> None:
        """Set the state of some streams, [S], back to its start."""
        for part in self.parts:
            part.forget(rows)


class RebuildEnsemble:
    """The mean of the windows that the members of an ensemble rebuild."""

    def __init__(self, spec: NetworkSpec, weights: Loaded) -> None:
        self.parts = [RebuildSteps(spec.member, as_loaded(own)) for own in members(spec, weights)]

    def __call__(self, windows: Array) -> NDArray[np.float32]:
        return np.asarray(np.stack([part(windows) for part in self.parts]).mean(axis=0), dtype=np.float32)


def as_loaded(weights: Weights) -> Loaded:
    """Weights as the engine likes them."""
    return weights if isinstance(weights, Loaded) else Loaded(weights)


def fuse_head(spec: NetworkSpec, weights: Weights) -> tuple[Array, Array, Array, Array]:
    """The head's first two layers as one (nothing bends between them): its weight and bias, and those of the last."""
    at = layer_name(spec, "head")
    first, second = (weights[f"{at}.{name}.weight"].astype(np.float64) for name in ("context", "output"))
    bias = second @ weights[f"{at}.context.bias"] + weights[f"{at}.output.bias"]
    joined = np.ascontiguousarray((second @ first).astype(np.float32))
    return joined, bias.astype(np.float32), weights[f"{at}.final.weight"], weights[f"{at}.final.bias"]


class RebuildSteps:
    """The last window of every stream, rebuilt by an autoencoder: the encoder's last state unrolled backwards in time.

    Args:
        spec: recurrent, pool, decoder; as many steps out as in, the newest first. weights: by name.
    """

    def __init__(self, spec: NetworkSpec, weights: Loaded) -> None:
        self.spec, self.weights = spec, weights
        self.encoder = f"{layer_name(spec, 'recurrent')}.rnn"
        self.at = layer_name(spec, "decoder")
        self.stack = decoder_stack(spec)

    def __call__(self, windows: Array) -> NDArray[np.float32]:
        """[S, T, C] as rebuilt, oldest first, of windows [S, T, C] of squashed values."""
        spec, at = self.spec, self.at
        _, state = run_stack(spec.encoder, self.weights, self.encoder, windows)
        steps = spec.horizon // spec.find("decoder").segment
        position = self.weights.get(f"{at}.position")
        shape = (len(windows), steps, 1 if position is None else position.shape[1])
        inputs = np.zeros(shape, np.float32) if position is None else np.broadcast_to(position, shape)
        hidden, _ = run_stack(self.stack, self.weights, f"{at}.rnn", np.ascontiguousarray(inputs), state)
        values = dense(hidden, self.weights[f"{at}.output.weight"], self.weights[f"{at}.output.bias"])
        return values.reshape(len(windows), spec.horizon, spec.targets)[:, ::-1]
