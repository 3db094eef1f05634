"""Inference with numpy alone: whole sequences with weights packed once, and streams that advance step by step."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError
from tidegate.kernels.library import KernelError, native, threads
from tidegate.kernels.stack import CALL, TYPES, Stack, call, describe, pointer_array, size_of

Array = NDArray[Any]
_BYTE = ctypes.c_char
MOST_HEADS = 256  # descriptions that are kept, of one size each


def address(array: Array) -> int:
    """Where a contiguous array begins; several times as fast as `ctypes.data` where it may be written to."""
    if array.flags.writeable and array.size:
        return ctypes.addressof(_BYTE.from_buffer(array))  # type: ignore[arg-type]
    return array.ctypes.data


class Packed:
    """The weights of a stack in the engine's order.

    Args:
        stack: cell, layers, directions; `train` must be off.
        weights: of every layer and direction w_ih [G*H, I], w_hh [G*H, H] and, where the stack has them, b_ih [G*H],
            b_hh [G*H], peepholes [3*H], vectors of the norm; all float32 or all float64.

    Raises:
        ConfigError: a weight has another shape or type than the stack needs.
        KernelError: the native engine is absent.
    """

    def __init__(self, stack: Stack, weights: Sequence[Array]) -> None:
        if stack.train:
            raise ConfigError("packed weights are for inference; make the stack with train=False.")
        self.stack = stack
        self.dtype = str(weights[0].dtype) if len(weights) else ""
        if self.dtype not in TYPES:
            raise ConfigError(f"weights are {self.dtype or 'absent'}; give float32 or float64.")
        self.hidden, self.inputs = int(weights[1].shape[1]), int(weights[0].shape[1])
        own = [np.ascontiguousarray(w) for w in weights]
        self._check(own)
        self._heads: dict[tuple[int, int, int], bytes] = {}
        table = pointer_array(stack.slots([w.ctypes.data for w in own]))
        description = self.describe((0, 0), (0,) * 4, [0] * 8, ctypes.addressof(table))
        size = size_of("tg_packed_bytes", description)
        room = np.empty(size + 64, np.uint8)
        start = -room.ctypes.data % 64
        self.data = room[start : start + size]
        call("tg_pack", description, address(self.data))

    def _check(self, weights: list[Array]) -> None:
        expected = self.stack.shapes(self.inputs, self.hidden)
        for index, (weight, shape) in enumerate(zip(weights, expected, strict=False)):
            if weight.shape != shape or str(weight.dtype) != self.dtype:
                raise ConfigError(
                    f"weight {index} is {weight.dtype} {list(weight.shape)}; expected {self.dtype} {list(shape)}."
                )

    def describe(
        self, sizes: tuple[int, int], strides: tuple[int, int, int, int], arrays: Sequence[int], table: int = 0
    ) -> bytes:
        """The bytes of a `tg_rnn` for B, T, strides of x and y, and lengths, x, h0, c0, y, hn, cn, stash."""
        key = (*sizes, threads())
        head = self._heads.get(key)
        if head is None:
            if len(self._heads) >= MOST_HEADS:
                self._heads.clear()
            whole = describe(self.stack, self.dtype, (*sizes, self.inputs, self.hidden), (0,) * 8, [0] * 17)
            head = self._heads[key] = whole[: -CALL.size]
        packed = 0 if table else address(self.data)
        return head + CALL.pack(*strides, 0, 0, 0, 0, *arrays, table, packed, 0, 0, 0, 0, 0, 0, 0, 0)

    def forward(
        self, x: Array, h0: Array | None = None, c0: Array | None = None, lengths: Array | None = None
    ) -> tuple[Array, Array, Array]:
        """Run whole sequences.

        Args:
            x: [B, T, I], of the weights' type.
            h0, c0: [L*D, B, H] (c of an slstm 2 H); zeros if absent.
            lengths: [B], steps of each row; T if absent.

        Returns:
            y [B, T, D*H], h_n [L*D, B, H] and c_n [L*D, B, H] (zeros for gru).
        """
        if x.ndim != 3 or x.shape[2] != self.inputs:
            raise ConfigError(f"x is {list(x.shape)}; expected [B, T, {self.inputs}].")
        B, T, _ = x.shape
        x = np.ascontiguousarray(x, self.dtype)
        rows = (self.stack.layers * self.stack.directions, B)
        states = [(*rows, width) for width in (self.hidden, self.stack.cell_size(self.hidden))]
        starts = [None if s is None else np.ascontiguousarray(s, self.dtype) for s in (h0, c0)]
        for start, state in zip(starts, states, strict=True):
            if start is not None and start.shape != state:
                raise ConfigError(f"a state is {list(start.shape)}; expected {list(state)}.")
        ends = None if lengths is None else np.ascontiguousarray(lengths, np.int64)
        if ends is not None and ends.shape != (B,):
            raise ConfigError(f"lengths are {list(ends.shape)}; expected [{B}].")
        width = self.stack.directions * self.hidden
        y = np.empty((B, T, width), self.dtype)
        h, c = np.empty(states[0], self.dtype), np.zeros(states[1], self.dtype)
        arrays = [0 if a is None else address(a) for a in (ends, x, *starts, y, h, c)]
        strides = (self.inputs, T * self.inputs, width, T * width)
        call("tg_forward", self.describe((B, T), strides, [*arrays, 0]))
        return y, h, c

    def stepper(self, streams: int = 1) -> Stepper:
        """Streams of this stack."""
        return Stepper(self, streams)


class Stepper:
    """Streams that advance one step per call; the state lives in `h` and `c` [L, B, H] and may be read or set.

    A call writes `x` [B, I] and reads `y` [B, H]: `y = stepper(x)`. Without an argument it takes what `x` holds.
    `y` is the same array every time.

    Args:
        packed: weights of a stack with one direction.
        streams: B, how many streams advance together.
    """

    def __init__(self, packed: Packed, streams: int = 1) -> None:
        library = native()
        if library is None:
            raise KernelError("the native engine is not available; `tidegate info` says why.")
        stack = packed.stack
        if stack.directions != 1 or stack.reverse:
            raise ConfigError("a stream has no future: only stacks of one direction can step.")
        self.packed = packed
        self.x = np.zeros((streams, packed.inputs), packed.dtype)
        self.y = np.zeros((streams, packed.hidden), packed.dtype)
        self.h = np.zeros((stack.layers, streams, packed.hidden), packed.dtype)
        self.c = np.zeros((*self.h.shape[:2], stack.cell_size(packed.hidden)), packed.dtype)
        arrays = [0, *(a.ctypes.data for a in (self.x, self.h, self.c, self.y)), 0, 0, 0]
        strides = (streams * packed.inputs, packed.inputs, streams * packed.hidden, packed.hidden)
        self._description = ctypes.create_string_buffer(packed.describe((streams, 1), strides, arrays))
        self._where = ctypes.c_void_p(ctypes.addressof(self._description))
        self._step = library.tg_step
        self._message = library.tg_message

    def __call__(self, x: Array | None = None) -> Array:
        """Advance every stream by one step and return y [B, H]."""
        if x is not None:
            self.x[...] = x
        status = self._step(self._where)
        if status:
            raise KernelError(f"tg_step: {self._message(status).decode()}.")
        return self.y

    def reset(self) -> None:
        """Set every state to zero."""
        self.h[...] = 0
        self.c[...] = 0
