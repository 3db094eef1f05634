"""The recurrent cells (guide 2.2, 2.3), weights laid out as in torch: on the native engine, or in numpy without it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from tidegate.artifacts.spec import Recurrent
from tidegate.kernels.library import native
from tidegate.kernels.run import Packed
from tidegate.kernels.stack import Stack

Array = NDArray[np.float32]
Weights = Mapping[str, Array]
State = tuple[Array, ...]


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)) through tanh, which neither overflows nor branches."""
    half = np.float32(0.5)
    return np.asarray(half * (np.tanh(half * x) + np.float32(1)))


class Loaded(dict[str, Array]):
    """A network's weights by name; a recurrent stack is packed for the engine when it first runs, and stays so."""

    def __init__(self, weights: Weights) -> None:
        super().__init__(weights)
        self._packed: dict[tuple[str, bool], Packed] = {}

    def __reduce__(self) -> tuple[type[Loaded], tuple[dict[str, Array]]]:
        return Loaded, (dict(self),)

    def packed(self, layer: Recurrent, prefix: str) -> Packed | None:
        """A stack in the engine's order; None where the engine is absent."""
        if native() is None:
            return None
        key = (prefix, layer.bidirectional)
        if key not in self._packed:
            names = ["weight_ih", "weight_hh", "bias_ih", "bias_hh"] + ["weight_peephole"] * (layer.cell == "peephole")
            tails = ["", "_reverse"] if layer.bidirectional else [""]
            own = [
                self[f"{prefix}.{name}_l{level}{tail}"]
                for level in range(layer.num_layers)
                for tail in tails
                for name in names
            ]
            self._packed[key] = Packed(Stack(layer.cell, layer.num_layers, len(tails)), own)
        return self._packed[key]


def _run_packed(packed: Packed, sequence: Array, start: list[State] | None) -> tuple[Array, list[State]]:
    directions, states = packed.stack.directions, 1 if packed.stack.cell == "gru" else 2
    begin: list[Array | None] = [None, None]
    if start is not None:
        begin[:states] = [np.repeat(np.stack([own[i] for own in start]), directions, axis=0) for i in range(states)]
    hidden, *ends = packed.forward(sequence, *begin)
    means = [end.reshape(-1, directions, *end.shape[1:]).mean(axis=1) for end in ends[:states]]
    return hidden, list(zip(*means, strict=True))


def run_stack(
    layer: Recurrent, weights: Weights, prefix: str, sequence: Array, start: list[State] | None = None
) -> tuple[Array, list[State]]:
    """Run a stack of recurrent layers.

    Args:
        layer: the stack's spec. weights: by name, under `prefix`; on the engine if they are `Loaded`.
        sequence: [B, S, I].
        start: state of every layer, h (and c) [B, H]; None starts from zeros.

    Returns:
        The last layer's h for every step, [B, S, H] (twice as wide when bidirectional), and the final
        state of every layer (the mean of both directions when bidirectional).
    """
    packed = weights.packed(layer, prefix) if isinstance(weights, Loaded) else None
    if packed is not None:
        return _run_packed(packed, sequence, start)
    run = CELLS[layer.cell]
    final: list[State] = []
    for level in range(layer.num_layers):
        begin = start[level] if start is not None else None
        tails = [f"l{level}", f"l{level}_reverse"] if layer.bidirectional else [f"l{level}"]
        outputs, states = [], []
        for tail in tails:
            backwards = tail.endswith("_reverse")
            steps = sequence[:, ::-1] if backwards else sequence
            hidden, state = run(weights, prefix, tail, steps, begin)
            outputs.append(hidden[:, ::-1] if backwards else hidden)
            states.append(state)
        sequence = outputs[0] if len(outputs) == 1 else np.concatenate(outputs, axis=2)
        final.append(states[0] if len(states) == 1 else tuple((a + b) / 2 for a, b in zip(*states, strict=True)))
    return sequence, final


def _products(weights: Weights, prefix: str, tail: str, sequence: Array) -> tuple[Array, Array]:
    """Input products of all steps at once, [S, B, G * H], and the recurrent matrix, [H, G * H]."""
    bias = weights[f"{prefix}.bias_ih_{tail}"]
    product = np.ascontiguousarray(sequence.transpose(1, 0, 2)) @ weights[f"{prefix}.weight_ih_{tail}"].T + bias
    return product, np.ascontiguousarray(weights[f"{prefix}.weight_hh_{tail}"].T)


def _lstm(weights: Weights, prefix: str, tail: str, sequence: Array, start: State | None) -> tuple[Array, State]:
    """LSTM, and with `weight_peephole` the LSTM whose gates see the cell state."""
    product, matrix = _products(weights, prefix, tail, sequence)
    product += weights[f"{prefix}.bias_hh_{tail}"]
    peephole = weights.get(f"{prefix}.weight_peephole_{tail}")  # [3H]: i, f, o
    steps, batch, units = product.shape[0], product.shape[1], matrix.shape[0]
    hidden, cell = start if start is not None else (np.zeros((batch, units), np.float32),) * 2
    outputs = np.empty((steps, batch, units), dtype=np.float32)
    for t in range(steps):
        gates = product[t] + hidden @ matrix  # [B, 4H]: i, f, g, o
        candidate = np.tanh(gates[:, 2 * units : 3 * units])
        if peephole is not None:
            gates[:, : 2 * units] += np.concatenate([cell, cell], axis=1) * peephole[: 2 * units]
        both = sigmoid(gates[:, : 2 * units])
        cell = both[:, units:] * cell + both[:, :units] * candidate
        if peephole is not None:
            gates[:, 3 * units :] += cell * peephole[2 * units :]
        hidden = sigmoid(gates[:, 3 * units :]) * np.tanh(cell)
        outputs[t] = hidden
    return outputs.transpose(1, 0, 2), (hidden, cell)


def _coupled(weights: Weights, prefix: str, tail: str, sequence: Array, start: State | None) -> tuple[Array, State]:
    product, matrix = _products(weights, prefix, tail, sequence)
    product += weights[f"{prefix}.bias_hh_{tail}"]
    steps, batch, units = product.shape[0], product.shape[1], matrix.shape[0]
    hidden, cell = start if start is not None else (np.zeros((batch, units), np.float32),) * 2
    outputs = np.empty((steps, batch, units), dtype=np.float32)
    for t in range(steps):
        gates = product[t] + hidden @ matrix  # [B, 3H]: f, g, o
        candidate = np.tanh(gates[:, units : 2 * units])
        cell = candidate + sigmoid(gates[:, :units]) * (cell - candidate)
        hidden = sigmoid(gates[:, 2 * units :]) * np.tanh(cell)
        outputs[t] = hidden
    return outputs.transpose(1, 0, 2), (hidden, cell)


def _gru(weights: Weights, prefix: str, tail: str, sequence: Array, start: State | None) -> tuple[Array, State]:
    product, matrix = _products(weights, prefix, tail, sequence)
    bias = weights[f"{prefix}.bias_hh_{tail}"]
    steps, batch, units = product.shape[0], product.shape[1], matrix.shape[0]
    hidden = start[0] if start is not None else np.zeros((batch, units), np.float32)
    outputs = np.empty((steps, batch, units), dtype=np.float32)
    for t in range(steps):
        recurrent = hidden @ matrix + bias  # [B, 3H]: r, z, n
        both = sigmoid(product[t, :, : 2 * units] + recurrent[:, : 2 * units])
        reset, update = both[:, :units], both[:, units:]
        candidate = np.tanh(product[t, :, 2 * units :] + reset * recurrent[:, 2 * units :])
        hidden = candidate + update * (hidden - candidate)
        outputs[t] = hidden
    return outputs.transpose(1, 0, 2), (hidden,)


CELLS = {"lstm": _lstm, "peephole": _lstm, "coupled": _coupled, "gru": _gru}
