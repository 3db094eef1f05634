"""Recurrent stacks, weights laid out as in torch: on the native engine, or in numpy without it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from tidegate.artifacts.spec import Recurrent
from tidegate.artifacts.storage import Tensors
from tidegate.kernels.int8 import Dense8, Layer8, Matrix8, Packed8
from tidegate.kernels.library import native
from tidegate.kernels.run import Packed
from tidegate.kernels.stack import Stack, knows
from tidegate.runtime.network.cells import State, between_heads, reversed_rows, run_cell
from tidegate.runtime.network.flow import Array, Lengths, Weights

MATRICES = ("weight_ih", "weight_hh")
VECTORS = ("bias_ih", "bias_hh", "weight_peephole", "weight_norm")
T = TypeVar("T")


class Loaded(Tensors):
    """A network's weights by name; a recurrent stack is packed for the engine when it first runs, and stays so.

    Recurrent and dense layers whose matrices are stored with 8 bits compute with those.
    """

    def __init__(self, weights: Weights, matrices: Mapping[str, Matrix8] | None = None) -> None:
        super().__init__(weights, getattr(weights, "matrices", {}) if matrices is None else matrices)
        self._packed: dict[tuple[str, bool], Packed | Packed8] = {}
        self._dense: dict[str, Dense8] = {}
        self._below: dict[str, Loaded] = {}
        self._made: dict[str, Any] = {}

    def __reduce__(self) -> tuple[type[Loaded], tuple[dict[str, Array], Mapping[str, Matrix8]]]:
        return Loaded, (dict(self.items()), self.matrices)

    def once(self, name: str, make: Callable[[], T]) -> T:
        """What is made of the weights when it is first asked for, and stays."""
        if name not in self._made:
            self._made[name] = make()
        found: T = self._made[name]
        return found

    def below(self, prefix: str) -> Loaded:
        """The weights whose names begin so, by the rest of their names; the same object every time."""
        if prefix not in self._below:
            own = {name.removeprefix(prefix): self._passing(name) for name in self if name.startswith(prefix)}
            eight = {name.removeprefix(prefix): m for name, m in self.matrices.items() if name.startswith(prefix)}
            self._below[prefix] = Loaded(own, eight)
        return self._below[prefix]

    def dense(self, weight: str, bias: str | None = None) -> Dense8 | None:
        """A dense layer of 8 bits, by the names of its tensors; None where its weight is stored as float32."""
        if weight not in self.matrices:
            return None
        if weight not in self._dense:
            self._dense[weight] = Dense8(self.matrices[weight], None if bias is None else self[bias])
        return self._dense[weight]

    def packed(self, layer: Recurrent, prefix: str) -> Packed | Packed8 | None:
        """A stack in the engine's order; None where the engine, or its cell, is absent and the weights are float32.

        An slstm or mlstm whose weights have 8 bits computes with float32.
        """
        eight = f"{prefix}.weight_hh_l0" in self.matrices and layer.cell != "slstm"
        if not eight and (native() is None or not knows(layer.cell)):
            return None
        key = (prefix, layer.bidirectional)
        if key not in self._packed:
            names = ["weight_ih", "weight_hh", "bias_ih", "bias_hh"]
            names += ["weight_peephole"] * (layer.cell == "peephole") + ["weight_norm"] * layer.layer_norm
            tails = ["", "_reverse"] if layer.bidirectional else [""]
            stack = Stack(
                layer.cell,
                layer.num_layers,
                len(tails),
                zoneout_h=layer.zoneout,
                zoneout_c=0.0 if layer.cell in ("gru", "slstm") else layer.zoneout,
                norm=layer.layer_norm,
            )
            if eight:
                self._packed[key] = self._packed8(stack, prefix, tails)
                return self._packed[key]
            places = itertools.product(range(layer.num_layers), tails, names)
            own = [self[f"{prefix}.{name}_l{level}{tail}"] for level, tail, name in places]
            if layer.num_heads > 1:
                own[1 :: len(names)] = [between_heads(matrix, layer.num_heads) for matrix in own[1 :: len(names)]]
            self._packed[key] = Packed(stack, own)
        return self._packed[key]

    def _packed8(self, stack: Stack, prefix: str, tails: Sequence[str]) -> Packed8:
        layers = []
        for level, tail in itertools.product(range(stack.layers), tails):
            at = {name: f"{prefix}.{name}_l{level}{tail}" for name in (*MATRICES, *VECTORS)}
            matrices = [self.matrices[at[name]] for name in MATRICES]
            layers.append(Layer8(*matrices, *(self.get(at[name]) for name in VECTORS)))  # type: ignore[arg-type]
        return Packed8(stack, layers)


def _run_packed(
    packed: Packed | Packed8, sequence: Array, start: list[State] | None, lengths: Lengths | None
) -> tuple[Array, list[State]]:
    directions, states = packed.stack.directions, 1 if packed.stack.cell == "gru" else 2
    begin: list[Array | None] = [None, None]
    if start is not None:
        for i in range(states):
            joined = np.concatenate([own[i] for own in start]).reshape(len(start), *start[0][i].shape)
            begin[i] = joined if directions == 1 else np.repeat(joined, directions, axis=0)
    hidden, *ends = packed.forward(sequence, begin[0], begin[1], lengths)
    means = ends[:states]
    if directions > 1:
        means = [end.reshape(-1, directions, *end.shape[1:]).mean(axis=1) for end in means]
    return hidden, list(zip(*means, strict=True))


def run_stack(
    layer: Recurrent,
    weights: Weights,
    prefix: str,
    sequence: Array,
    start: list[State] | None = None,
    lengths: Lengths | None = None,
) -> tuple[Array, list[State]]:
    """Run a stack of recurrent layers.

    Args:
        layer: the stack's spec. weights: by name, under `prefix`; on the engine if they are `Loaded`.
        sequence: [B, S, I].
        start: state of every layer, h (and c) [B, H] (c [B, `cell_size`]); None starts from zeros.
        lengths: [B] steps of each row; None takes all. Past a row's end h is zero, and its state the one at its end.

    Returns:
        The last layer's h for every step, [B, S, H] (twice as wide when bidirectional), and the final
        state of every layer (the mean of both directions when bidirectional).
    """
    packed = weights.packed(layer, prefix) if isinstance(weights, Loaded) else None
    if packed is not None:
        return _run_packed(packed, sequence, start, lengths)
    final: list[State] = []
    for level in range(layer.num_layers):
        begin = start[level] if start is not None else None
        tails = [f"l{level}", f"l{level}_reverse"] if layer.bidirectional else [f"l{level}"]
        outputs, states = [], []
        for tail in tails:
            backwards = tail.endswith("_reverse")
            steps = reversed_rows(sequence, lengths) if backwards else sequence
            hidden, state = run_cell(layer, weights, prefix, tail, steps, begin, lengths)
            outputs.append(reversed_rows(hidden, lengths) if backwards else hidden)
            states.append(state)
        sequence = outputs[0] if len(outputs) == 1 else np.concatenate(outputs, axis=2)
        final.append(states[0] if len(states) == 1 else tuple((a + b) / 2 for a, b in zip(*states, strict=True)))
    return sequence, final
