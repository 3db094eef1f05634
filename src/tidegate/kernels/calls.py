"""Calls of the native engine on torch tensors; what is the same in every call of a stack is worked out once."""

from __future__ import annotations

import functools
import math
from array import array
from collections.abc import Sequence
from operator import itemgetter
from typing import Any

import torch
from torch import Tensor

from tidegate.kernels.library import KernelError, native, reused, threads
from tidegate.kernels.stack import CELLS, EPSILON, LAYOUT, TYPES, Stack, describe, size_of

NAMES = {torch.float32: "float32", torch.float64: "float64"}
KINDS = {torch.float32: "f4", torch.float64: "f8"}
REUSED = 1 << 16  # bytes from which memory comes from the engine's pool
States = tuple[Tensor | None, Tensor | None]


def empty(shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    """An uninitialised tensor whose pages are already mapped where it is large; float32 or float64."""
    if math.prod(shape) * dtype.itemsize < REUSED:
        return torch.empty(shape, dtype=dtype)
    return torch.from_numpy(reused(tuple(shape), KINDS[dtype]))


def _dense(tensor: Tensor | None) -> Tensor | None:
    return tensor if tensor is None or tensor.is_contiguous() else tensor.contiguous()


def _rows(x: Tensor) -> Tensor:
    """x with a contiguous last axis."""
    return x if x.stride(-1) == 1 or x.shape[-1] == 1 else x.contiguous()


def _address(tensor: Tensor | None) -> int:
    return 0 if tensor is None else tensor.data_ptr()


class Plan:
    """A stack with its type and sizes, ready to be called on tensors of any length and batch.

    Args:
        stack: cell, layers, directions and options.
        dtype: float32 or float64.
        I, H: inputs and units.
    """

    def __init__(self, stack: Stack, dtype: torch.dtype, I: int, H: int) -> None:
        library = native()
        if library is None:
            raise KernelError("the native engine is not available; `tidegate info` says why.")
        self.stack, self.dtype, self.I, self.H = stack, dtype, I, H
        self.LD = stack.layers * stack.directions
        self.width = stack.directions * H
        self.shapes = stack.shapes(I, H)
        self._large = [math.prod(shape) >= REUSED for shape in self.shapes]  # 256 KB and more
        count = len(self.shapes)
        slots = stack.slots(range(1, count + 1))  # which weight goes where; 0: none
        self._spread = itemgetter(*(slot - 1 if slot else count for slot in slots))
        self._head = (LAYOUT.size, CELLS[stack.cell], TYPES[NAMES[dtype]], stack.flags)
        self._sizes = (I, H, stack.layers, stack.directions)
        self._options = (stack.dropout, stack.recurrent_dropout, stack.zoneout_h, stack.zoneout_c, EPSILON)
        self._forward, self._backward, self._pack = library.tg_forward, library.tg_backward, library.tg_pack
        self._gates, self._message = library.tg_gates, library.tg_message
        one = describe(stack, NAMES[dtype], (1, 1, I, H), (0,) * 8, (0,) * 17)
        self.kept = size_of("tg_stash_bytes", one) // dtype.itemsize if stack.train else 0
        self.packed_bytes = size_of("tg_packed_bytes", one)

    def check(self, x: Tensor, states: States, weights: Sequence[Tensor], lengths: Tensor | None) -> None:
        """Refuse tensors that the engine would read or write beyond their ends, or of another type or device."""
        if len(weights) != len(self.shapes):
            raise RuntimeError(f"{len(self.shapes)} weights expected, {len(weights)} given")
        alike = [w.shape for w in weights] == self.shapes and all(w.is_cpu and w.dtype is self.dtype for w in weights)
        for index, (weight, shape) in enumerate([] if alike else zip(weights, self.shapes, strict=True)):
            if weight.shape != shape or weight.dtype != self.dtype or not weight.is_cpu:
                raise RuntimeError(
                    f"weight {index} is {weight.dtype} {list(weight.shape)} on {weight.device}; "
                    f"expected {self.dtype} {list(shape)} on {x.device}"
                )
        for state, width in zip(states, (self.H, self.stack.cell_size(self.H)), strict=True):
            shape = (self.LD, x.shape[1], width)
            if state is not None and (state.shape != shape or state.dtype != self.dtype or not state.is_cpu):
                raise RuntimeError(
                    f"a state is {state.dtype} {list(state.shape)} on {state.device}; "
                    f"expected {self.dtype} {list(shape)} on {x.device}"
                )
        if lengths is not None and (lengths.shape != x.shape[1:2] or not lengths.is_cpu):
            raise RuntimeError(f"lengths are {list(lengths.shape)} on {lengths.device}; expected [{x.shape[1]}] on cpu")

    def _table(self, weights: Sequence[Tensor | None]) -> array[int]:
        """Addresses of the weights in the engine's slots."""
        return array("Q", self._spread([*(0 if w is None else w.data_ptr() for w in weights), 0]))

    def _describe(
        self, B: int, T: int, seed: int, step0: int, strides: Sequence[int], pointers: Sequence[int]
    ) -> bytes:
        return LAYOUT.pack(
            *self._head, B, T, *self._sizes, threads(), seed & 0xFFFFFFFFFFFFFFFF, *self._options,
            *strides, *pointers, step0,
        )  # fmt: skip

    def _call(self, function: Any, description: bytes, *rest: int) -> None:
        status = function(description, *rest)
        if status:
            raise KernelError(f"{function.__name__}: {self._message(status).decode()}.")

    def stash(self, T: int, B: int) -> Tensor:
        """Room for what forward keeps for backward."""
        return empty((T * B * self.kept,), self.dtype)

    def pack(self, weights: Sequence[Tensor]) -> Tensor:
        """The weights in the engine's order, for `forward` without gradients."""
        own = [w.contiguous() for w in weights]
        room = torch.empty(self.packed_bytes + 64, dtype=torch.uint8)
        start = -room.data_ptr() % 64
        data = room[start : start + self.packed_bytes]
        table = self._table(own)
        pointers = (0, 0, 0, 0, 0, 0, 0, 0, table.buffer_info()[0], 0, 0, 0, 0, 0, 0, 0, 0)
        self._call(self._pack, self._describe(0, 0, 0, 0, (0,) * 8, pointers), data.data_ptr())
        return data

    def forward(self, x: Tensor, states: States, weights: Sequence[Tensor], lengths: Tensor | None, seed: int = 0, *,
                step0: int = 0, y: Tensor | None = None, stash: Tensor | None = None,
                packed: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:  # fmt: skip
        """Run the stack.

        Args:
            x: [T, B, I]. states: h0 and c0, [L*D, B, H] (c of an slstm 2 H) or None. weights: in torch's order.
            lengths: [B] or None. seed, step0: of the masks.
            y: [T, B, D*H] with a contiguous last axis; where the outputs go. stash: of `stash(T, B)`.
            packed: of `pack`; read in place of the weights.

        Returns:
            y, h_n, c_n ([0] for gru) and the stash (None without `train`).
        """
        T, B, _ = x.shape
        x, h0, c0 = _rows(x), _dense(states[0]), _dense(states[1])
        own = [w if w.is_contiguous() else w.contiguous() for w in weights]
        ends = None if lengths is None else lengths.to(torch.int64).contiguous()
        gru = self.stack.cell == "gru"
        if y is None:
            y = empty((T, B, self.width), self.dtype)
        h = torch.empty(self.LD, B, self.H, dtype=self.dtype)
        c = torch.empty((0,) if gru else (self.LD, B, self.stack.cell_size(self.H)), dtype=self.dtype)
        if self.kept and stash is None:
            stash = self.stash(T, B)
        table = self._table(own)
        pointers = (
            _address(ends), x.data_ptr(), _address(h0), _address(c0), y.data_ptr(), h.data_ptr(),
            0 if gru else c.data_ptr(), _address(stash),
            table.buffer_info()[0], _address(packed), 0, 0, 0, 0, 0, 0, 0,
        )  # fmt: skip
        strides = (x.stride(0), x.stride(1), y.stride(0), y.stride(1), 0, 0, 0, 0)
        self._call(self._forward, self._describe(B, T, seed, step0, strides, pointers))
        return y, h, c, stash

    def backward(self, incoming: Sequence[Tensor | None], wanted: Sequence[bool], x: Tensor, states: States,
                 weights: Sequence[Tensor], lengths: Tensor | None, seed: int, y: Tensor, stash: Tensor, *,
                 step0: int = 0) -> tuple[Tensor | None, ...]:  # fmt: skip
        """Gradients of x, h0, c0 and every weight; None where not wanted or absent.

        Args:
            incoming: gradients of y, h_n and c_n, or None.
            wanted: for x, h0, c0 and every weight.
        """
        T, B, _ = x.shape
        x, h0, c0 = _rows(x), _dense(states[0]), _dense(states[1])
        own = [w if w.is_contiguous() else w.contiguous() for w in weights]
        ends = None if lengths is None else lengths.to(torch.int64).contiguous()
        dy = None if incoming[0] is None else _rows(incoming[0])
        dhn, dcn = _dense(incoming[1]), None if self.stack.cell == "gru" else _dense(incoming[2])
        dx = empty((T, B, self.I), self.dtype) if wanted[0] else None
        dh0 = torch.empty(h0.shape, dtype=self.dtype) if wanted[1] and h0 is not None else None
        dc0 = torch.empty(c0.shape, dtype=self.dtype) if wanted[2] and c0 is not None else None
        gradients = [
            (empty if large else torch.empty)(shape, dtype=self.dtype) if want else None
            for shape, want, large in zip(self.shapes, wanted[3:], self._large, strict=True)
        ]
        table, back = self._table(own), self._table(gradients)
        pointers = (
            _address(ends), x.data_ptr(), _address(h0), _address(c0), y.data_ptr(), 0, 0, stash.data_ptr(),
            table.buffer_info()[0], 0, _address(dy), _address(dhn), _address(dcn),
            _address(dx), _address(dh0), _address(dc0), back.buffer_info()[0],
        )  # fmt: skip
        strides = (
            x.stride(0), x.stride(1), y.stride(0), y.stride(1),
            *((0, 0) if dy is None else (dy.stride(0), dy.stride(1))),
            *((0, 0) if dx is None else (dx.stride(0), dx.stride(1))),
        )  # fmt: skip
        self._call(self._backward, self._describe(B, T, seed, step0, strides, pointers))
        if dc0 is not None and self.stack.cell == "gru":
            dc0.zero_()
        return dx, dh0, dc0, *gradients

    def gates(self, x: Tensor, states: States, weights: Sequence[Tensor], lengths: Tensor | None, seed: int, y: Tensor,
              stash: Tensor) -> Tensor:  # fmt: skip
        """Gates of every step, [L*D, T, B, E, H], out of the stash."""
        T, B, _ = x.shape
        x, h0, c0 = _rows(x), _dense(states[0]), _dense(states[1])
        own = [w.contiguous() for w in weights]
        ends = None if lengths is None else lengths.to(torch.int64).contiguous()
        E = 5 if self.stack.cell in ("lstm", "peephole") else 4
        out = torch.zeros(self.LD, T, B, E, self.H, dtype=self.dtype)
        table = self._table(own)
        pointers = (
            _address(ends), x.data_ptr(), _address(h0), _address(c0), y.data_ptr(), 0, 0, stash.data_ptr(),
            table.buffer_info()[0], 0, 0, 0, 0, 0, 0, 0, 0,
        )  # fmt: skip
        strides = (x.stride(0), x.stride(1), y.stride(0), y.stride(1), 0, 0, 0, 0)
        description = self._describe(B, T, seed, 0, strides, pointers)
        for index in range(self.LD if out.numel() else 0):
            layer, direction = divmod(index, self.stack.directions)
            self._call(self._gates, description, layer, direction, out[index].data_ptr())
        return out


@functools.lru_cache(1024)
def plan(stack: Stack, dtype: torch.dtype, I: int, H: int) -> Plan:
    """The plan of a stack; made once."""
    return Plan(stack, dtype, I, H)


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
