"""Weights that a network's layers spread over steps, whichever layer makes them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

import numpy as np

from tidegate.explain.groups import Groups
from tidegate.explain.inputs import Explainable, Floats
from tidegate.runtime.network import enter, walk_layers


@dataclass(frozen=True)
class Attention:
    """Weights that one layer gives.

    Attributes:
        kind: of the layer, such as "pool" or "decoder". place: its number in the network.
        weights: [M, S] over the S steps of the sequence, or [M, Q, S] for each of Q queries (decoder steps); a row adds
            up to 1. M C rows where channels are independent.
        stride: window steps of one step of the sequence.
    """

    kind: str
    place: int
    weights: Floats
    stride: int

    def by_step(self) -> Floats:
        """[M, S] mean over the queries."""
        return self.weights if self.weights.ndim == 2 else np.asarray(self.weights.mean(axis=1))

    def by_group(self, groups: Groups, row: int, window: int) -> Floats:
        """[G] weight that falls on each group of past steps (`by_block`); 0 for what is not past."""
        each = self.by_step()[row].repeat(self.stride) / self.stride  # [T]
        found = np.zeros(len(groups))
        for index, group in enumerate(groups.all):
            if group.first is not None and group.end is not None and group.first < 0:
                found[index] = each[window + group.first : window + group.end].sum()
        return found


def trace_attention(model: Explainable) -> tuple[Attention, ...]:
    """Every layer's weights for all windows of a model; empty where no layer attends.

    A layer attends by writing `flow.attention`; what it wrote is kept, so that a new layer needs nothing here.
    """
    spec, weights = model.spec, model.weights
    flow = enter(spec, weights, *model.windows._replace(future=model.windows.future[:, : spec.horizon]))
    found: list[Attention] = []
    seen, before = None, None
    for item in chain(walk_layers(spec, weights, flow), [None]):
        if before is not None and flow.attention is not None and flow.attention is not seen:
            seen = flow.attention
            place, layer, steps = before
            found.append(Attention(layer.kind, place, np.asarray(seen, dtype=np.float64), spec.window // steps))
        if item is not None:
            before = (*item, flow.sequence.shape[1])
    return tuple(found)
