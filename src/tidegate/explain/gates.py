"""Gates and states of every recurrent step, and what they say about a unit's memory.

The recurrence is walked once more in numpy, so that no torch is needed; tests hold it to the engine's own gates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain

import numpy as np

from tidegate.artifacts.spec import Recurrent
from tidegate.core.errors import ConfigError
from tidegate.core.translate import tr
from tidegate.explain.groups import Groups
from tidegate.explain.inputs import Array, Explainable, Floats
from tidegate.runtime.network.cells import Cell, Matrices, zeros_of
from tidegate.runtime.network.flow import Given
from tidegate.runtime.network.network import enter, first_member, walk_layers

#: Gates in (0, 1), by cell; "keep" is the share of the old state that a step lets through.
SIGMOID: dict[str, tuple[str, ...]] = {"lstm": ("i", "f", "o"), "peephole": ("i", "f", "o"), "gru": ("r", "z")}
SIGMOID |= dict.fromkeys(("coupled", "slstm", "mlstm"), ("f", "o"))
KEEP = {cell: "z" if cell == "gru" else "f" for cell in SIGMOID}
NEARLY_OPEN, NEARLY_SHUT = 0.95, 0.05
DEAD = 1e-3
LARGEST_TRACE = 20_000_000  # numbers kept


@dataclass(frozen=True)
class Gates:
    """Activations of one recurrent layer and direction.

    Attributes:
        cell: its kind. layer, backwards: its place in the stack.
        values: name -> [M, S, H]: i, f, g, o, c, h (lstm, peephole), f, g, o, c, h (coupled), r, z, n, h (gru), in
            order of time also where the layer reads backwards. Of an slstm as of coupled: f is the share that its
            normalised state c / n keeps. Of an mlstm f, o, h: f is its head's.
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

    Of an ensemble the first member is shown; of many windows the first, as many as leave 20 million numbers.

    Raises:
        ConfigError: there is no recurrent layer; or walked once more, the recurrence does not give what the runtime
            gives (an option unknown here).
    """
    spec, weights = first_member(model.spec, model.weights)
    recurrent = spec.find("recurrent")
    if recurrent is None:
        raise ConfigError(tr("this network has no recurrent layer: there are no gates to show"))
    steps = model.windows.past.shape[1]  # of a network for sequences of any length the spec names none
    each = steps * recurrent.hidden_size * recurrent.num_layers * (1 + recurrent.bidirectional) * 6
    windows = model.windows.take(slice(0, max(1, LARGEST_TRACE // each)))
    flow = enter(spec, weights, Given(*windows._replace(future=windows.future[:, : spec.horizon])))
    found: tuple[Gates, ...] = ()
    for index, layer in walk_layers(spec, weights, flow):
        if found:
            break
        if isinstance(layer, Recurrent):
            stride = steps // flow.sequence.shape[1]
            found = trace_stack(layer, weights, f"layers.{index}.rnn", flow.sequence, stride)
    shown = np.concatenate([gates.values["h"] for gates in found[-1 - recurrent.bidirectional :]], axis=2)
    if shown.shape != flow.sequence.shape or not np.allclose(shown, flow.sequence, atol=1e-3):
        raise ConfigError(tr("the recurrent layer has options that its gates cannot be traced with"))
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
            steps = _walk(layer, weights, prefix, tail, sequence[:, ::-1] if backwards else sequence)
            values = {name: np.stack([step[name] for step in steps], axis=1) for name in steps[0]}
            if backwards:
                values = {name: value[:, ::-1] for name, value in values.items()}
            found.append(Gates(layer.cell, level, backwards, values, stride))
            outputs.append(values["h"])
        sequence = np.concatenate(outputs, axis=2)
    return tuple(found)


def _walk(
    layer: Recurrent, weights: Mapping[str, Array], prefix: str, tail: str, sequence: Array
) -> list[dict[str, Array]]:
    """Gates, c and h of every step of one layer and direction; c and h as the next step finds them."""
    state = zeros_of(layer, len(sequence))
    if layer.cell == "mlstm":
        hidden, _, shown = Matrices(layer, weights, prefix, tail).run(sequence, state, None)
        return [
            {name: own[:, step] for name, own in (*shown.items(), ("h", hidden))} for step in range(hidden.shape[1])
        ]
    cell, names = Cell(layer, weights, prefix, tail), ("h",) if layer.cell in ("gru", "slstm") else ("h", "c")
    steps = []
    for product in cell.products(np.ascontiguousarray(sequence.transpose(1, 0, 2))):
        state, gates = cell.step(product, state)
        steps.append({**gates, **dict(reversed(list(zip(names, state, strict=False))))})
    return steps


@dataclass(frozen=True)
class Attention:
    """Weights that one layer gives.

    Attributes:
        kind: of the layer, such as "pool" or "decoder". place: its number in the network.
        weights: [M, S] over the S steps of the sequence, or [M, Q, S] for each of Q queries (decoder steps, or steps of
            the sequence itself; the mean of several heads); a row adds up to 1. M C rows of independent channels.
    """

    kind: str
    place: int
    weights: Floats

    def by_step(self) -> Floats:
        """[M, S] mean over the queries."""
        return self.weights if self.weights.ndim == 2 else np.asarray(self.weights.mean(axis=1))

    def by_group(self, groups: Groups, row: int, window: int) -> Floats:
        """[G] weight that falls on each group of past steps (`by_block`); 0 for what is not past."""
        weights = self.by_step()[row]
        place = np.arange(window) * len(weights) // window  # the step of the sequence that each past step is part of
        each = weights[place] / np.bincount(place, minlength=len(weights))[place]
        found = np.zeros(len(groups))
        for index, group in enumerate(groups.all):
            if group.first is not None and group.end is not None and group.first < 0:
                found[index] = each[window + group.first : window + group.end].sum()
        return found


def trace_attention(model: Explainable) -> tuple[Attention, ...]:
    """Every layer's weights for all windows of a model; empty where no layer attends.

    A layer attends by writing weights [M, ..., S] to a field of the flow whose name ends in "attention"; whatever it
    wrote is shown, so that a new layer needs nothing here.
    """
    spec, weights = first_member(model.spec, model.weights)
    flow = enter(spec, weights, Given(*model.windows._replace(future=model.windows.future[:, : spec.horizon])))
    found: list[Attention] = []
    seen: dict[str, int] = {}
    before = None
    for item in chain(walk_layers(spec, weights, flow), [None]):
        written = {name: value for name, value in vars(flow).items() if name.endswith("attention")}
        for name, value in written.items():
            if before is not None and value is not None and seen.get(name) != id(value):
                seen[name] = id(value)
                found.append(Attention(before[1].kind, before[0], _queries(np.asarray(value, dtype=np.float64))))
        before = item
    return tuple(found)


def _queries(weights: Floats) -> Floats:
    """Mean over the heads, where there are any: [M, S] or [M, Q, S]."""
    return weights if weights.ndim < 4 else np.asarray(weights.mean(axis=tuple(range(1, weights.ndim - 2))))
