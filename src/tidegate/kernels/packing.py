"""Weights in the engine's order, kept between calls without gradients: packing costs more than a short sequence."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from tidegate.kernels.calls import Plan
from tidegate.kernels.library import native, threads


class Packing:
    """One module's packed weights.

    Version counters and addresses miss what is written through `.data` or numpy, so the weights themselves are compared
    with a copy, by all threads: that reads them once, in order, faster than packing them.
    """

    def __init__(self) -> None:
        self._known: _Known | None = None

    def get(self, plan: Plan, weights: Sequence[Tensor]) -> Tensor:
        """The packed weights; packed anew where plan or weights differ from the last call's."""
        known = self._known  # read once: another thread may replace it
        if known is None or known.plan is not plan or not known.holds(weights):
            known = self._known = _Known(plan, weights)
        return known.packed

    def __deepcopy__(self, memo: Any) -> Packing:
        return Packing()

    def __reduce__(self) -> tuple[Any, ...]:
        return Packing, ()


class _Known:
    """Weights as they were when they were packed."""

    def __init__(self, plan: Plan, weights: Sequence[Tensor]) -> None:
        self.plan = plan
        self.copies = [w.detach().clone(memory_format=torch.contiguous_format) for w in weights]
        self.packed = plan.pack(self.copies)
        self._addresses = array("Q", [w.data_ptr() for w in self.copies])
        self._bytes = array("q", [w.numel() * w.element_size() for w in self.copies])
        self._tables = self._addresses.buffer_info()[0], self._bytes.buffer_info()[0]

    def holds(self, weights: Sequence[Tensor]) -> bool:
        """Whether these weights, of the plan's shapes and type, have the same bytes."""
        library = native()
        if library is None or not all(w.is_contiguous() for w in weights):
            return False
        addresses = array("Q", [w.data_ptr() for w in weights])
        return bool(library.tg_same(len(addresses), addresses.buffer_info()[0], *self._tables, threads()) == 1)
