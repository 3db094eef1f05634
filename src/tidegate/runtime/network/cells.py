"""The recurrent cells in numpy (guide 2.2, 2.3), weights laid out as in torch: what runs where the engine is absent."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tidegate.artifacts.spec import Recurrent
from tidegate.kernels.stack import EPSILON
from tidegate.runtime.network.flow import Array, Lengths, Weights, taken, within

State = tuple[Array, ...]


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)) through tanh, which neither overflows nor branches."""
    half = np.float32(0.5)
    return np.asarray(half * (np.tanh(half * x) + np.float32(1)))


def run_cell(
    layer: Recurrent,
    weights: Weights,
    prefix: str,
    tail: str,
    sequence: Array,
    start: State | None = None,
    lengths: Lengths | None = None,
) -> tuple[Array, State]:
    """Run one layer in one direction.

    Args:
        layer: the stack's spec. weights: by name, `prefix`.weight_ih_`tail` and so on.
        sequence: [B, S, I], in the order in which it is walked.
        start: h (and c) [B, H]; None starts from zeros. lengths: [B] steps of each row; None takes all.

    Returns:
        h of every step, [B, S, H], and the final h (and c), each row's at its own end; zeros past it.
    """
    cell = Cell(layer, weights, prefix, tail)
    product = cell.products(np.ascontiguousarray(sequence.transpose(1, 0, 2)))
    steps, batch = product.shape[:2]
    zeros = np.zeros((batch, cell.units), np.float32)
    state: State = start if start is not None else ((zeros,) if layer.cell == "gru" else (zeros, zeros))
    kept = None if lengths is None else within(lengths, steps)
    outputs = np.empty((steps, batch, cell.units), dtype=np.float32)
    for t in range(steps):
        new, _ = cell.step(product[t], state)
        if kept is not None:
            new = tuple(np.where(kept[:, t], ours, old) for ours, old in zip(new, state, strict=True))
        state = new
        outputs[t] = state[0] if kept is None else state[0] * kept[:, t]
    return outputs.transpose(1, 0, 2), state


def reversed_rows(sequence: Array, lengths: Lengths | None) -> Array:
    """Every row of [B, S, D] from its own end to its beginning; what is past its end stays there."""
    if lengths is None:
        return sequence[:, ::-1]
    steps: NDArray[np.int64] = np.arange(sequence.shape[1])
    return taken(sequence, np.where(steps < lengths[:, None], lengths[:, None] - 1 - steps, steps))


class Cell:
    """One layer and direction, with the options of its stack.

    Attributes:
        units: H.
    """

    def __init__(self, layer: Recurrent, weights: Weights, prefix: str, tail: str) -> None:
        self.kind, self.zoneout = layer.cell, np.float32(layer.zoneout)
        self.inputs = weights[f"{prefix}.weight_ih_{tail}"].T
        self.matrix = np.ascontiguousarray(weights[f"{prefix}.weight_hh_{tail}"].T)
        self.bias_ih, self.bias_hh = weights[f"{prefix}.bias_ih_{tail}"], weights[f"{prefix}.bias_hh_{tail}"]
        self.peephole = weights.get(f"{prefix}.weight_peephole_{tail}")  # [3H]: i, f, o
        self.units, gates = self.matrix.shape
        norm = weights[f"{prefix}.weight_norm_{tail}"] if layer.layer_norm else None
        self.norms = None if norm is None else np.split(norm, [gates, 2 * gates, 2 * gates + self.units])

    def products(self, sequence: Array) -> Array:
        """Of the inputs of all steps at once, [S, B, G * H], with the biases that belong to it."""
        product = self._normed(sequence @ self.inputs, 0) + self.bias_ih
        return product if self.kind == "gru" else product + self.bias_hh

    def step(self, product: Array, state: State) -> tuple[State, dict[str, Array]]:
        """One step from [B, G * H] and h (and c) [B, H]: the same anew, and the gates by name."""
        recurrent = self._normed(state[0] @ self.matrix, 1)
        new, gates = STEPS[self.kind](self, product, recurrent, state)
        if self.zoneout:
            new = tuple(ours + self.zoneout * (old - ours) for ours, old in zip(new, state, strict=True))
        return new, gates

    def _normed(self, product: Array, place: int) -> Array:
        return product if self.norms is None else layer_normed(product) * self.norms[place]

    def shown(self, cell: Array) -> Array:
        """tanh of a cell state, normalised where the layer does so."""
        return np.asarray(np.tanh(cell if self.norms is None else layer_normed(cell) * self.norms[2] + self.norms[3]))


def layer_normed(x: Array) -> Array:
    """Each row less its mean, over its standard deviation."""
    centred = x - x.mean(axis=-1, keepdims=True)
    return np.asarray(centred / np.sqrt(np.square(centred).mean(axis=-1, keepdims=True) + np.float32(EPSILON)))


def _lstm(own: Cell, product: Array, recurrent: Array, state: State) -> tuple[State, dict[str, Array]]:
    """LSTM, and with peepholes the LSTM whose gates see the cell state."""
    cell, units = state[1], own.units
    gates = product + recurrent  # [B, 4H]: i, f, g, o
    candidate = np.tanh(gates[:, 2 * units : 3 * units])
    if own.peephole is not None:
        gates[:, : 2 * units] += np.concatenate([cell, cell], axis=1) * own.peephole[: 2 * units]
    both = sigmoid(gates[:, : 2 * units])
    cell = both[:, units:] * cell + both[:, :units] * candidate
    if own.peephole is not None:
        gates[:, 3 * units :] += cell * own.peephole[2 * units :]
    out = sigmoid(gates[:, 3 * units :])
    return (out * own.shown(cell), cell), {"i": both[:, :units], "f": both[:, units:], "g": candidate, "o": out}


def _coupled(own: Cell, product: Array, recurrent: Array, state: State) -> tuple[State, dict[str, Array]]:
    cell, units = state[1], own.units
    gates = product + recurrent  # [B, 3H]: f, g, o
    candidate, forget = np.tanh(gates[:, units : 2 * units]), sigmoid(gates[:, :units])
    cell = candidate + forget * (cell - candidate)
    out = sigmoid(gates[:, 2 * units :])
    return (out * own.shown(cell), cell), {"f": forget, "g": candidate, "o": out}


def _gru(own: Cell, product: Array, recurrent: Array, state: State) -> tuple[State, dict[str, Array]]:
    hidden, units = state[0], own.units
    recurrent = recurrent + own.bias_hh  # [B, 3H]: r, z, n
    both = sigmoid(product[:, : 2 * units] + recurrent[:, : 2 * units])
    reset, update = both[:, :units], both[:, units:]
    candidate = np.tanh(product[:, 2 * units :] + reset * recurrent[:, 2 * units :])
    return (candidate + update * (hidden - candidate),), {"r": reset, "z": update, "n": candidate}


STEPS: dict[str, Callable[[Cell, Array, Array, State], tuple[State, dict[str, Array]]]] = {
    "lstm": _lstm,
    "peephole": _lstm,
    "coupled": _coupled,
    "gru": _gru,
}
