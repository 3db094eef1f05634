"""The engine as torch operators: `torch.ops.tidegate.recurrent`, its backward and its gate traces.

`recurrent(stack, ...)` below is what layers call: the native operator on CPU tensors of float32 and float64, the torch
twin everywhere else (no library, another device, another type).
"""

from __future__ import annotations

import ctypes
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor
from torch._compile import _disable_dynamo

from tidegate.kernels import reference as twins
from tidegate.kernels.calls import NAMES, REUSED, Plan, plan
from tidegate.kernels.chunks import Chunked
from tidegate.kernels.eager import Recurrent, is_batched, is_plain, is_transformed, twin_gradients
from tidegate.kernels.library import native
from tidegate.kernels.stack import Stack, knows

_RUNTIME = re.compile(r"/lib(gomp|omp|iomp5)[-.\w]*\.so[.\d]*$")


def _loaded_runtimes() -> list[str]:
    """Paths of the OpenMP runtimes that this process has loaded; Linux only."""
    try:
        lines = Path("/proc/self/maps").read_text().splitlines()
    except OSError:
        return []
    paths = {line.split(maxsplit=5)[5] for line in lines if line.count(" ") >= 5 and "/" in line}
    return sorted(path for path in paths if _RUNTIME.search(path))


def _torchs_runtime() -> str | None:
    """The runtime that torch brought; else the only one there is: other libraries may have loaded their own."""
    runtimes = _loaded_runtimes()
    torch = sys.modules.get("torch")
    folder = str(Path(str(torch.__file__)).parent) if torch is not None else ""
    own = [path for path in runtimes if folder and path.startswith((folder + "/", folder + ".libs/"))]
    found = own or runtimes
    return found[0] if len(found) == 1 else None


def adopt_openmp() -> bool:
    """Use the threads of torch's OpenMP runtime from now on; whether there is one."""
    library = native()
    runtime = _torchs_runtime() if library is not None and sys.platform.startswith("linux") else None
    if library is None or runtime is None:
        return False
    try:
        parallel = ctypes.CDLL(runtime).GOMP_parallel
    except (OSError, AttributeError):
        return False
    library.tg_use_openmp(ctypes.cast(parallel, ctypes.c_void_p))
    return True


_OPTIONS = (
    "str cell, int layers, int directions, bool bias, bool reverse, bool train, "
    "float dropout, float recurrent_dropout, float zoneout_h, float zoneout_c, bool norm, bool bfloat16"
)
_INPUTS = "Tensor x, Tensor? h0, Tensor? c0, Tensor[] weights, Tensor? lengths, Tensor? seed"
_LIBRARY: Any = cast(Any, torch.library).Library("tidegate", "DEF")
_LIBRARY.define(f"recurrent({_INPUTS}, {_OPTIONS}) -> (Tensor y, Tensor h, Tensor c, Tensor stash)")
_LIBRARY.define(
    f"recurrent_backward(Tensor? dy, Tensor? dh, Tensor? dc, {_INPUTS}, Tensor y, Tensor stash, "
    f"bool[] wanted, {_OPTIONS}) -> (Tensor, Tensor, Tensor, Tensor[])"
)
_LIBRARY.define(f"recurrent_gates({_INPUTS}, Tensor y, Tensor stash, {_OPTIONS}) -> Tensor")


def _plan(x: Tensor, weights: Sequence[Tensor], options: Sequence[Any]) -> Plan:
    return plan(Stack(*options), x.dtype, int(x.shape[2]), int(weights[1].shape[1]))


def _seed(seed: int | Tensor | None) -> int:
    return 0 if seed is None else int(seed)


def _forward(x: Tensor, h0: Tensor | None, c0: Tensor | None, weights: list[Tensor], lengths: Tensor | None,
             seed: Tensor | None, *options: Any) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    this = _plan(x, weights, options)
    this.check(x, (h0, c0), weights, lengths)
    stash = x.new_empty(0)
    if this.kept:
        stash = this.stash(x.shape[0], x.shape[1])
        if stash.numel() * stash.element_size() < REUSED:
            stash.zero_()  # its padding is never written: equal calls shall have equal results
    y, h, c, _ = this.forward(x, (h0, c0), weights, lengths, _seed(seed), stash=stash)
    return y, h, c, stash


def _forward_fake(x: Tensor, h0: Tensor | None, c0: Tensor | None, weights: list[Tensor], lengths: Tensor | None,
                  seed: Tensor | None, *options: Any) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    stack = Stack(*options)
    T, B, _ = x.shape
    H, LD = weights[1].shape[1], stack.layers * stack.directions
    y = x.new_empty((T, B, stack.directions * H))
    c = x.new_empty((0,) if stack.cell == "gru" else (LD, B, stack.cell_size(H)))
    size = T * B * _plan(x, weights, options).kept if stack.train else 0
    return y, x.new_empty((LD, B, H)), c, x.new_empty((size,))


def _backward(dy: Tensor | None, dh: Tensor | None, dc: Tensor | None, x: Tensor, h0: Tensor | None, c0: Tensor | None,
              weights: list[Tensor], lengths: Tensor | None, seed: Tensor | None, y: Tensor, stash: Tensor,
              wanted: list[bool], *options: Any) -> tuple[Tensor, Tensor, Tensor, list[Tensor]]:  # fmt: skip
    this = _plan(x, weights, options)
    every = [*wanted, *([True] * len(weights))]
    found = this.backward((dy, dh, dc), every, x, (h0, c0), weights, lengths, _seed(seed), y, stash)
    dx, dh0, dc0, *gradients = (x.new_empty(0) if g is None else g for g in found)
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
    return _plan(x, weights, options).gates(x, (h0, c0), weights, lengths, _seed(seed), y, stash)


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
    again = torch.is_grad_enabled() and is_plain(x)
    if again or is_batched(dy, dh, dc):
        inputs = (x, h0, c0, *weights)
        found = twin_gradients(Stack(*ctx.options), (dy, dh, dc), inputs, lengths, _seed(seed), create_graph=again)
        return *found[:3], found[3:], *nothing
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


def _present(cell: str) -> bool:
    return knows(cell)


# What torch.compiler.assume_constant_result does, without its import of all of torch._dynamo, which takes seconds.
_present._dynamo_marked_constant = True  # type: ignore[attr-defined]


def is_native(x: Tensor, cell: str = "lstm") -> bool:
    """Whether the native operator runs for a tensor like x and a cell."""
    return bool(_present(cell)) and x.device.type == "cpu" and x.dtype in NAMES


def recurrent(
    stack: Stack,
    x: Tensor,
    h0: Tensor | None,
    c0: Tensor | None,
    weights: Sequence[Tensor],
    lengths: Tensor | None = None,
    seed: int | Tensor | None = None,
    gates: bool = False,
    checkpoint_every: int | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    """Run a stack of recurrent layers; arguments, shapes and equations: `twins.recurrent`.

    Args:
        gates: also give the gates of every step, [L*D, T, B, E, H], without gradient, as the fourth result.
        checkpoint_every: keep only the states at every so many steps and recompute the rest in backward; nothing is
            saved where `gates` are asked for. Not for compilers: they see a break in their graph here.
    """
    transformed = is_transformed()  # torch.func needs operations that it can take apart
    engine = is_native(x, stack.cell) and not transformed
    if checkpoint_every is not None and not gates and not transformed and x.device.type != "meta":
        return _chunked(stack, checkpoint_every, engine, lengths, seed, x, h0, c0, weights)
    if not engine or (gates and not stack.train):
        y, h, c, trace = twins.recurrent(stack, x, (h0, c0), weights, lengths, _seed(seed))
        return y, h, c, trace.detach() if gates else None
    if is_plain(x, h0, c0, *weights):
        this = plan(stack, x.dtype, x.shape[2], weights[1].shape[1])
        this.check(x, (h0, c0), weights, lengths)
        apply = cast("Callable[..., tuple[Tensor, Tensor, Tensor, Tensor | None]]", Recurrent.apply)
        return apply(this, gates, lengths, _seed(seed), x, h0, c0, *weights)
    options = stack.arguments
    if isinstance(seed, int):
        seed = torch.tensor(seed)
    y, h, c, stash = torch.ops.tidegate.recurrent(x, h0, c0, list(weights), lengths, seed, *options)
    if not gates:
        return y, h, c, None
    with torch.no_grad():
        arguments = (x, h0, c0, list(weights), lengths, seed, y, stash)
        trace = torch.ops.tidegate.recurrent_gates(*arguments, *options)
        return y, h, c, trace


@_disable_dynamo  # torch.compiler.disable, which imports torch._dynamo only where it is called
def _chunked(
    stack: Stack,
    every: int,
    engine: bool,
    lengths: Tensor | None,
    seed: int | Tensor | None,
    x: Tensor,
    h0: Tensor | None,
    c0: Tensor | None,
    weights: Sequence[Tensor],
) -> tuple[Tensor, Tensor, Tensor, None]:
    if engine:
        plan(stack, x.dtype, x.shape[2], weights[1].shape[1]).check(x, (h0, c0), weights, lengths)
    y, h, c = cast(Any, Chunked.apply)(stack, every, engine, lengths, _seed(seed), x, h0, c0, *weights)
    return y, h, c, None
