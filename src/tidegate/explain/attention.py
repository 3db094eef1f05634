"""Weights that a network's layers spread over steps, whichever layer makes them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

import numpy as np

from tidegate.explain.groups import Groups
from tidegate.explain.inputs import Explainable, Floats
from tidegate.runtime.network.network import enter, first_member, walk_layers


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
    flow = enter(spec, weights, *model.windows._replace(future=model.windows.future[:, : spec.horizon]))
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
