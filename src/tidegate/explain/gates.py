"""Gates and states of every recurrent step, and what they say about a unit's memory.

The recurrence is walked once more in numpy, so that no torch is needed; tests hold it to the engine's own gates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tidegate.artifacts.spec import Recurrent
from tidegate.core.errors import ConfigError
from tidegate.explain.inputs import Array, Explainable, Floats
from tidegate.runtime.cells import sigmoid
from tidegate.runtime.network import enter, walk_layers

#: Gates in (0, 1), by cell; "keep" is the share of the old state that a step lets through.
SIGMOID = {"lstm": ("i", "f", "o"), "peephole": ("i", "f", "o"), "coupled": ("f", "o"), "gru": ("r", "z")}
KEEP = {"lstm": "f", "peephole": "f", "coupled": "f", "gru": "z"}
NEARLY_OPEN, NEARLY_SHUT = 0.95, 0.05
DEAD = 1e-3
LARGEST_TRACE = 20_000_000  # numbers kept


@dataclass(frozen=True)
class Gates:
    """Activations of one recurrent layer and direction.

    Attributes:
        cell: its kind. layer, backwards: its place in the stack.
        values: name -> [M, S, H]: i, f, g, o, c, h (lstm, peephole), f, g, o, c, h (coupled), r, z, n, h (gru), in
            order of time also where the layer reads backwards.
        stride: window steps of one recurrent step.
    """

    cell: str
    layer: int
    backwards: bool
    values: Mapping[str, Array]
    stride: int

    @property
    def units(self) -> int:
        """H."""
        return int(self.values["h"].shape[2])

    def saturation(self) -> dict[str, Floats]:
        """Per sigmoid gate, [H, 2] share of steps below 0.05 and above 0.95."""
        found = {}
        for name in SIGMOID[self.cell]:
            gate = self.values[name].reshape(-1, self.units)
            found[name] = np.stack([(gate < NEARLY_SHUT).mean(axis=0), (gate > NEARLY_OPEN).mean(axis=0)], axis=1)
        return found

    def dead(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """[H] whether a unit's output hardly varies over all windows and steps (standard deviation below 0.001)."""
        return np.asarray(self.values["h"].reshape(-1, self.units).std(axis=0) < DEAD)

    def half_life(self) -> Floats:
        """[H] window steps after which half of a unit's memory is gone, were its forget gate always at its mean.

            half-life = ln 2 / -ln(mean f) recurrent steps, times the window steps of one

        For `gru`, the update gate z takes the place of f. Infinite where the gate never closes at all.
        """
        keep = self.values[KEEP[self.cell]].reshape(-1, self.units).mean(axis=0)
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(2) / -np.log(np.minimum(keep, 1.0)) * self.stride)


def trace_gates(model: Explainable) -> tuple[Gates, ...]:
    """Gates of every layer and direction of a model's encoder, for its windows (M; M C with independent channels).

    Of many windows the first are looked at, as many as leave 20 million numbers.

    Raises:
        ConfigError: there is no recurrent layer; or walked once more, the recurrence does not give what the runtime
            gives (an option unknown here).
    """
    spec, weights = model.spec, model.weights
    recurrent = spec.find("recurrent")
    if recurrent is None:
        raise ConfigError("this network has no recurrent layer: there are no gates to show")
    each = spec.window * recurrent.hidden_size * recurrent.num_layers * (1 + recurrent.bidirectional) * 6
    windows = model.windows.take(slice(0, max(1, LARGEST_TRACE // each)))
    flow = enter(spec, weights, *windows._replace(future=windows.future[:, : spec.horizon]))
    found: tuple[Gates, ...] = ()
    for index, layer in walk_layers(spec, weights, flow):
        if found:
            break
        if isinstance(layer, Recurrent):
            stride = spec.window // flow.sequence.shape[1]
            found = trace_stack(layer, weights, f"layers.{index}.rnn", flow.sequence, stride)
    shown = np.concatenate([gates.values["h"] for gates in found[-1 - recurrent.bidirectional :]], axis=2)
    if shown.shape != flow.sequence.shape or not np.allclose(shown, flow.sequence, atol=1e-3):
        raise ConfigError("the recurrent layer has options that its gates cannot be traced with")
    return found


def trace_stack(
    layer: Recurrent, weights: Mapping[str, Array], prefix: str, sequence: Array, stride: int = 1
) -> tuple[Gates, ...]:
    """Gates of a recurrent stack.

    Args:
        layer: its spec. weights: by name, under `prefix`. sequence: [B, S, I]. stride: window steps of one step.
    """
    found = []
    for level in range(layer.num_layers):
        outputs = []
        for backwards in (False, True)[: 1 + layer.bidirectional]:
            tail = f"l{level}_reverse" if backwards else f"l{level}"
            walk = _gru if layer.cell == "gru" else _coupled if layer.cell == "coupled" else _lstm
            steps = walk(_Weights(weights, prefix, tail), sequence[:, ::-1] if backwards else sequence)
            names = next(iter(steps)).keys()
            values = {name: np.stack([step[name] for step in steps], axis=1) for name in names}
            if backwards:
                values = {name: value[:, ::-1] for name, value in values.items()}
            found.append(Gates(layer.cell, level, backwards, values, stride))
            outputs.append(values["h"])
        sequence = np.concatenate(outputs, axis=2)
    return tuple(found)


class _Weights:
    """One layer and direction."""

    def __init__(self, weights: Mapping[str, Array], prefix: str, tail: str) -> None:
        self.w_ih, self.w_hh = weights[f"{prefix}.weight_ih_{tail}"], weights[f"{prefix}.weight_hh_{tail}"]
        self.b_ih, self.b_hh = weights[f"{prefix}.bias_ih_{tail}"], weights[f"{prefix}.bias_hh_{tail}"]
        self.peephole = weights.get(f"{prefix}.weight_peephole_{tail}")
        self.units = self.w_hh.shape[1]

    def start(self, sequence: Array) -> Array:
        return np.zeros((len(sequence), self.units), dtype=np.float32)

    def inputs(self, sequence: Array) -> Array:
        """[B, S, G H]."""
        return np.asarray(sequence @ self.w_ih.T + self.b_ih)

    def blocks(self, products: Array) -> list[Array]:
        """[B, G H] in blocks of H."""
        return [products[:, first : first + self.units] for first in range(0, products.shape[1], self.units)]


def _lstm(own: _Weights, sequence: Array) -> list[dict[str, Array]]:
    products = own.inputs(sequence) + own.b_hh
    h = c = own.start(sequence)
    p_i, p_f, p_o = np.zeros((3, own.units), np.float32) if own.peephole is None else own.peephole.reshape(3, -1)
    steps = []
    for t in range(sequence.shape[1]):
        a_i, a_f, a_g, a_o = own.blocks(products[:, t] + h @ own.w_hh.T)
        i, f, g = sigmoid(a_i + p_i * c), sigmoid(a_f + p_f * c), np.tanh(a_g)
        c = f * c + i * g
        o = sigmoid(a_o + p_o * c)
        h = o * np.tanh(c)
        steps.append({"i": i, "f": f, "g": g, "o": o, "c": c, "h": h})
    return steps


def _coupled(own: _Weights, sequence: Array) -> list[dict[str, Array]]:
    products = own.inputs(sequence) + own.b_hh
    h = c = own.start(sequence)
    steps = []
    for t in range(sequence.shape[1]):
        a_f, a_g, a_o = own.blocks(products[:, t] + h @ own.w_hh.T)
        f, g, o = sigmoid(a_f), np.tanh(a_g), sigmoid(a_o)
        c = f * c + (1 - f) * g
        h = o * np.tanh(c)
        steps.append({"f": f, "g": g, "o": o, "c": c, "h": h})
    return steps


def _gru(own: _Weights, sequence: Array) -> list[dict[str, Array]]:
    products = own.inputs(sequence)
    h = own.start(sequence)
    steps = []
    for t in range(sequence.shape[1]):
        a_r, a_z, a_n = own.blocks(products[:, t])
        p_r, p_z, p_n = own.blocks(h @ own.w_hh.T + own.b_hh)
        r, z = sigmoid(a_r + p_r), sigmoid(a_z + p_z)
        n = np.tanh(a_n + r * p_n)
        h = (1 - z) * n + z * h
        steps.append({"r": r, "z": z, "n": n, "h": h})
    return steps
