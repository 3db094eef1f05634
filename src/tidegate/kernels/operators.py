"""The engine as torch operators: `torch.ops.tidegate.recurrent`, its backward and its gate traces.

`recurrent(stack, ...)` below is what layers call: the native operator on CPU tensors of float32 and float64, the torch
twin everywhere else (no library, another device, another type).
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor

from tidegate.kernels import twins
from tidegate.kernels.library import native, reused_bytes
from tidegate.kernels.openmp import adopt_openmp
from tidegate.kernels.stack import Stack, call, describe, pointer_array, size_of

_OPTIONS = (
    "str cell, int layers, int directions, bool bias, bool reverse, bool train, "
    "float dropout, float recurrent_dropout, float zoneout_h, float zoneout_c"
)
_INPUTS = "Tensor x, Tensor? h0, Tensor? c0, Tensor[] weights, Tensor? lengths, Tensor? seed"
_LIBRARY: Any = cast(Any, torch.library).Library("tidegate", "DEF")
_LIBRARY.define(f"recurrent({_INPUTS}, {_OPTIONS}) -> (Tensor y, Tensor h, Tensor c, Tensor stash)")
_LIBRARY.define(
    f"recurrent_backward(Tensor? dy, Tensor? dh, Tensor? dc, {_INPUTS}, Tensor y, Tensor stash, "
    f"bool[] wanted, {_OPTIONS}) -> (Tensor, Tensor, Tensor, Tensor[])"
)
_LIBRARY.define(f"recurrent_gates({_INPUTS}, Tensor y, Tensor stash, {_OPTIONS}) -> Tensor")

_NAMES = {torch.float32: "float32", torch.float64: "float64"}
_REUSED = 1 << 16  # bytes from which memory comes from the engine's pool


def _empty(shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    """An uninitialised tensor whose pages are already mapped where it is large."""
    size = dtype.itemsize
    for length in shape:
        size *= length
    if size < _REUSED:
        return torch.empty(shape, dtype=dtype)
    return torch.from_numpy(reused_bytes(size)).view(dtype).view(*shape)


def _address(tensor: Tensor | None) -> int:
    return 0 if tensor is None else tensor.data_ptr()


def _rows(x: Tensor) -> Tensor:
    """x with a contiguous last axis."""
    return x if x.stride(-1) == 1 or x.shape[-1] == 1 else x.contiguous()


def _dense(tensor: Tensor | None) -> Tensor | None:
    return None if tensor is None else tensor.contiguous()


def _seed(seed: Tensor | None) -> int:
    return 0 if seed is None else int(seed.item())


class _Call:
    """Everything that forward and backward describe alike; keeps the tensors alive that the description points to."""

    def __init__(self, stack: Stack, x: Tensor, h0: Tensor | None, c0: Tensor | None, weights: Sequence[Tensor],
                 lengths: Tensor | None, seed: Tensor | None) -> None:  # fmt: skip
        self.stack, self.x, self.h0, self.c0 = stack, _rows(x), _dense(h0), _dense(c0)
        self.weights = [w.contiguous() for w in weights]
        self.lengths = None if lengths is None else lengths.to(torch.int64).contiguous()
        self.seed = _seed(seed)
        self.T, self.B, self.I = x.shape
        self.H = weights[1].shape[1]
        self.table = pointer_array(stack.slots([w.data_ptr() for w in self.weights]))

    def describe(self, y: Tensor | None, h: Tensor | None, c: Tensor | None, stash: Tensor | None,
                 back: Sequence[Tensor | None] = (None,) * 6, table: Any = None) -> bytes:  # fmt: skip
        """back: dy, dhn, dcn, dx, dh0, dc0; table: pointers of the weights' gradients."""
        strides = [0] * 8
        for i, tensor in enumerate((self.x, y, back[0], back[3])):
            if tensor is not None:
                strides[2 * i], strides[2 * i + 1] = tensor.stride(0), tensor.stride(1)
        pointers = [_address(t) for t in (self.lengths, self.x, self.h0, self.c0, y, h, c, stash)]
        pointers += [ctypes.addressof(self.table), 0, *(_address(t) for t in back)]
        pointers.append(0 if table is None else ctypes.addressof(table))
        sizes = (self.B, self.T, self.I, self.H)
        return describe(self.stack, _NAMES[self.x.dtype], sizes, (*strides,), pointers, self.seed)  # type: ignore[arg-type]


@functools.cache
def _kept(stack: Stack, H: int, dtype: torch.dtype) -> int:
    """Elements that one row keeps for backward at one step."""
    return (
        size_of("tg_stash_bytes", describe(stack, _NAMES[dtype], (1, 1, 1, H), (0,) * 8, (0,) * 17)) // dtype.itemsize
    )


def _forward(x: Tensor, h0: Tensor | None, c0: Tensor | None, weights: list[Tensor], lengths: Tensor | None,
             seed: Tensor | None, *options: Any) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    stack = Stack(*options)
    this = _Call(stack, x, h0, c0, weights, lengths, seed)
    LD = stack.layers * stack.directions
    y = _empty((this.T, this.B, stack.directions * this.H), x.dtype)
    h = x.new_empty(LD, this.B, this.H)
    c = x.new_empty((0,) if stack.cell == "gru" else (LD, this.B, this.H))
    stash = x.new_empty(0)
    if stack.train:
        stash = _empty((this.T * this.B * _kept(stack, this.H, x.dtype),), x.dtype)
        if stash.numel() * stash.element_size() < _REUSED:
            stash.zero_()  # its padding is never written: equal calls shall have equal results
    call("tg_forward", this.describe(y, h, c if stack.cell != "gru" else None, stash))
    return y, h, c, stash


def _forward_fake(x: Tensor, h0: Tensor | None, c0: Tensor | None, weights: list[Tensor], lengths: Tensor | None,
                  seed: Tensor | None, *options: Any) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    stack = Stack(*options)
    T, B, _ = x.shape
    H, LD = weights[1].shape[1], stack.layers * stack.directions
    y = x.new_empty((T, B, stack.directions * H))
    c = x.new_empty((0,) if stack.cell == "gru" else (LD, B, H))
    size = T * B * _kept(stack, int(H), x.dtype) if stack.train else 0
    return y, x.new_empty((LD, B, H)), c, x.new_empty((size,))


def _backward(dy: Tensor | None, dh: Tensor | None, dc: Tensor | None, x: Tensor, h0: Tensor | None, c0: Tensor | None,
              weights: list[Tensor], lengths: Tensor | None, seed: Tensor | None, y: Tensor, stash: Tensor,
              wanted: list[bool], *options: Any) -> tuple[Tensor, Tensor, Tensor, list[Tensor]]:  # fmt: skip
    stack = Stack(*options)
    this = _Call(stack, x, h0, c0, weights, lengths, seed)
    dx = _empty((this.T, this.B, this.I), x.dtype) if wanted[0] else None
    dh0 = torch.empty_like(h0, memory_format=torch.contiguous_format) if wanted[1] and h0 is not None else None
    dc0 = torch.empty_like(c0, memory_format=torch.contiguous_format) if wanted[2] and c0 is not None else None
    gradients = [torch.empty(w.shape, dtype=w.dtype) for w in weights]
    table = pointer_array(stack.slots([g.data_ptr() for g in gradients]))
    incoming = [None if g is None else (_rows(g) if i == 0 else g.contiguous()) for i, g in enumerate((dy, dh, dc))]
    if stack.cell == "gru":
        incoming[2] = None
    call("tg_backward", this.describe(y, None, None, stash, (*incoming, dx, dh0, dc0), table))
    none = x.new_empty(0)
    dx, dh0, dc0 = (none.clone() if g is None else g for g in (dx, dh0, dc0))
    return dx, dh0, dc0, gradients


def _backward_fake(dy: Tensor | None, dh: Tensor | None, dc: Tensor | None, x: Tensor, h0: Tensor | None,
                   c0: Tensor | None, weights: list[Tensor], lengths: Tensor | None, seed: Tensor | None, y: Tensor,
                   stash: Tensor, wanted: list[bool],
                   *options: Any) -> tuple[Tensor, Tensor, Tensor, list[Tensor]]:  # fmt: skip
    def like(tensor: Tensor | None, want: bool) -> Tensor:
        return x.new_empty((0,)) if tensor is None or not want else tensor.new_empty(tensor.shape)

    gradients = [w.new_empty(w.shape) for w in weights]
    return like(x, wanted[0]), like(h0, wanted[1]), like(c0, wanted[2]), gradients


def _gates(x: Tensor, h0: Tensor | None, c0: Tensor | None, weights: list[Tensor], lengths: Tensor | None,
           seed: Tensor | None, y: Tensor, stash: Tensor, *options: Any) -> Tensor:  # fmt: skip
    stack = Stack(*options)
    this = _Call(stack, x, h0, c0, weights, lengths, seed)
    E = 5 if stack.cell in ("lstm", "peephole") else 4
    out = x.new_zeros(stack.layers * stack.directions, this.T, this.B, E, this.H)
    for index in range(out.shape[0]):
        if out[index].numel():
            description = this.describe(y, None, None, stash)
            call("tg_gates", description, index // stack.directions, index % stack.directions, out[index].data_ptr())
    return out


def _gates_fake(x: Tensor, h0: Tensor | None, c0: Tensor | None, weights: list[Tensor], lengths: Tensor | None,
                seed: Tensor | None, y: Tensor, stash: Tensor, *options: Any) -> Tensor:  # fmt: skip
    stack = Stack(*options)
    E = 5 if stack.cell in ("lstm", "peephole") else 4
    return x.new_empty((stack.layers * stack.directions, x.shape[0], x.shape[1], E, weights[1].shape[1]))


def _save(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    x, h0, c0, weights, lengths, seed, *options = inputs
    y, _, c, stash = output
    ctx.options = options
    ctx.count = len(weights)
    ctx.mark_non_differentiable(*((stash, c) if Stack(*options).cell == "gru" else (stash,)))
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(x, h0, c0, lengths, seed, y, stash, *weights)


def _differentiate(ctx: Any, dy: Tensor | None, dh: Tensor | None, dc: Tensor | None, _: Any) -> tuple[Any, ...]:
    x, h0, c0, lengths, seed, y, stash, *weights = ctx.saved_tensors
    nothing = (None,) * (2 + len(ctx.options))
    if not Stack(*ctx.options).train:
        raise RuntimeError("tidegate::recurrent was called with train=False: it kept nothing to differentiate with.")
    wanted = list(ctx.needs_input_grad[:3])
    dx, dh0, dc0, gradients = torch.ops.tidegate.recurrent_backward(
        dy, dh, dc, x, h0, c0, weights, lengths, seed, y, stash, wanted, *ctx.options
    )
    return (
        dx if wanted[0] else None,
        dh0 if wanted[1] and h0 is not None else None,
        dc0 if wanted[2] and c0 is not None else None,
        gradients,
        *nothing,
    )


adopt_openmp()
_LIBRARY.impl("recurrent", _forward, "CPU")
_LIBRARY.impl("recurrent_backward", _backward, "CPU")
_LIBRARY.impl("recurrent_gates", _gates, "CPU")
torch.library.register_fake("tidegate::recurrent", _forward_fake, lib=_LIBRARY)
torch.library.register_fake("tidegate::recurrent_backward", _backward_fake, lib=_LIBRARY)
torch.library.register_fake("tidegate::recurrent_gates", _gates_fake, lib=_LIBRARY)
torch.library.register_autograd("tidegate::recurrent", _differentiate, setup_context=_save, lib=_LIBRARY)


def options_of(stack: Stack) -> tuple[Any, ...]:
    """The stack as the operators take it, in the order of their schema."""
    return (
        *(stack.cell, stack.layers, stack.directions, stack.bias, stack.reverse, stack.train),
        *(stack.dropout, stack.recurrent_dropout, stack.zoneout_h, stack.zoneout_c),
    )


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def _present() -> bool:
    return native() is not None


def is_native(x: Tensor) -> bool:
    """Whether the native operator runs for a tensor like x."""
    return bool(_present()) and x.device.type == "cpu" and x.dtype in _NAMES


def recurrent(
    stack: Stack,
    x: Tensor,
    h0: Tensor | None,
    c0: Tensor | None,
    weights: Sequence[Tensor],
    lengths: Tensor | None = None,
    seed: Tensor | None = None,
    gates: bool = False,
) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    """Run a stack of recurrent layers; arguments, shapes and equations: `twins.recurrent`.

    `gates=True` needs `stack.train` and returns [L*D, T, B, E, H], without gradient, as the fourth result.
    """
    if not is_native(x):
        y, h, c, trace = twins.recurrent(stack, x, h0, c0, weights, lengths, _seed(seed))
        return y, h, c, trace.detach() if gates else None
    options = options_of(stack)
    y, h, c, stash = torch.ops.tidegate.recurrent(x, h0, c0, list(weights), lengths, seed, *options)
    if not gates:
        return y, h, c, None
    with torch.no_grad():
        arguments = (x, h0, c0, list(weights), lengths, seed, y, stash)
        return y, h, c, torch.ops.tidegate.recurrent_gates(*arguments, *options)
