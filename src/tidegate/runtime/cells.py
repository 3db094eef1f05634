"""The recurrent cells in numpy (guide 2.2, 2.3), weights laid out as in torch: what runs where the engine is absent."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tidegate.artifacts.spec import Recurrent
from tidegate.runtime.flow import Array, Lengths, Weights, taken, within

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
    product = np.ascontiguousarray(sequence.transpose(1, 0, 2)) @ weights[f"{prefix}.weight_ih_{tail}"].T
    product = product + weights[f"{prefix}.bias_ih_{tail}"]
    bias, matrix = weights[f"{prefix}.bias_hh_{tail}"], np.ascontiguousarray(weights[f"{prefix}.weight_hh_{tail}"].T)
    if layer.cell != "gru":
        product += bias
    steps, batch, units = product.shape[0], product.shape[1], matrix.shape[0]
    zeros = np.zeros((batch, units), np.float32)
    state: State = start if start is not None else ((zeros,) if layer.cell == "gru" else (zeros, zeros))
    peephole = weights.get(f"{prefix}.weight_peephole_{tail}")  # [3H]: i, f, o
    kept = None if lengths is None else within(lengths, steps)
    outputs = np.empty((steps, batch, units), dtype=np.float32)
    for t in range(steps):
        recurrent = state[0] @ matrix
        new = STEPS[layer.cell](product[t], recurrent + bias if layer.cell == "gru" else recurrent, state, peephole)
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


def _lstm(product: Array, recurrent: Array, state: State, peephole: Array | None) -> State:
    """LSTM, and with peepholes the LSTM whose gates see the cell state."""
    hidden, cell = state
    units = hidden.shape[1]
    gates = product + recurrent  # [B, 4H]: i, f, g, o
    candidate = np.tanh(gates[:, 2 * units : 3 * units])
    if peephole is not None:
        gates[:, : 2 * units] += np.concatenate([cell, cell], axis=1) * peephole[: 2 * units]
    both = sigmoid(gates[:, : 2 * units])
    cell = both[:, units:] * cell + both[:, :units] * candidate
    if peephole is not None:
        gates[:, 3 * units :] += cell * peephole[2 * units :]
    return sigmoid(gates[:, 3 * units :]) * np.tanh(cell), cell


def _coupled(product: Array, recurrent: Array, state: State, peephole: Array | None) -> State:
    hidden, cell = state
    units = hidden.shape[1]
    gates = product + recurrent  # [B, 3H]: f, g, o
    candidate = np.tanh(gates[:, units : 2 * units])
    cell = candidate + sigmoid(gates[:, :units]) * (cell - candidate)
    return sigmoid(gates[:, 2 * units :]) * np.tanh(cell), cell


def _gru(product: Array, recurrent: Array, state: State, peephole: Array | None) -> State:
    hidden = state[0]
    units = hidden.shape[1]
    both = sigmoid(product[:, : 2 * units] + recurrent[:, : 2 * units])  # [B, 3H]: r, z, n
    reset, update = both[:, :units], both[:, units:]
    candidate = np.tanh(product[:, 2 * units :] + reset * recurrent[:, 2 * units :])
    return (candidate + update * (hidden - candidate),)


STEPS: dict[str, Callable[[Array, Array, State, Array | None], State]] = {
    "lstm": _lstm,
    "peephole": _lstm,
    "coupled": _coupled,
    "gru": _gru,
}
