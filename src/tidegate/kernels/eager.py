"""The engine as an autograd function for ordinary tensors: the operators' work without the operators' bookkeeping."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

from tidegate.kernels import reference as twins
from tidegate.kernels.calls import Plan
from tidegate.kernels.stack import Stack

_C: Any = torch._C
_PLAIN = frozenset((Tensor, torch.nn.Parameter))


def is_plain(*tensors: Tensor | None) -> bool:
    """Whether these are ordinary tensors that nothing watches: no compiler, tracer, transform or dispatch mode."""
    if torch.compiler.is_compiling() or _C._len_torch_dispatch_stack() or _C._get_tracing_state() is not None:
        return False
    return not is_transformed() and all(t is None or type(t) in _PLAIN for t in tensors)


def is_transformed() -> bool:
    """Whether `torch.func` transforms the computation (grad, jvp, vmap), or tangents travel with it (forward AD)."""
    if torch.compiler.is_compiling():
        return False
    return _C._functorch.peek_interpreter_stack() is not None or forward_ad._current_level >= 0


def is_batched(*tensors: Tensor | None) -> bool:
    """Whether vmap stacks these, as `jacobian(vectorize=True)` and `is_grads_batched` do with gradients."""
    if torch.compiler.is_compiling():
        return False
    return is_transformed() or any(t is not None and _C._functorch.is_legacy_batchedtensor(t) for t in tensors)


def twin_gradients(
    stack: Stack,
    incoming: Sequence[Tensor | None],
    inputs: Sequence[Tensor | None],
    lengths: Tensor | None,
    seed: int,
    step0: int = 0,
    create_graph: bool = True,
) -> list[Tensor | None]:
    """Gradients of x, h0, c0 and the weights, recomputed by the twin; with create_graph they can be differentiated.

    Args:
        incoming: gradients of y, h_n and c_n, or None.
        inputs: x, h0, c0 and the weights; those that require no gradient get None.
    """
    x, h0, c0, *weights = inputs
    assert x is not None
    with torch.enable_grad():
        outputs = twins.recurrent(stack, x, (h0, c0), weights, lengths, seed, step0)[:3]  # type: ignore[arg-type]
        pairs = [(o, g) for o, g in zip(outputs, incoming, strict=True) if g is not None and o.requires_grad]
        leaves = [t for t in inputs if t is not None and t.requires_grad]
        if not pairs or not leaves:
            return [None] * len(inputs)
        found = torch.autograd.grad(
            [o for o, _ in pairs], leaves, [g for _, g in pairs], create_graph=create_graph, allow_unused=True
        )
    rest = iter(found)
    return [next(rest) if t is not None and t.requires_grad else None for t in inputs]


class Recurrent(torch.autograd.Function):
    """One stack over a whole sequence; gives y, h_n, c_n and, if asked for, the gates of every step."""

    @staticmethod
    def forward(ctx: Any, plan: Plan, gates: bool, lengths: Tensor | None, seed: int,
                x: Tensor, h0: Tensor | None, c0: Tensor | None, *weights: Tensor) -> tuple[Any, ...]:  # fmt: skip
        states = (h0, c0)
        y, h, c, stash = plan.forward(x, states, weights, lengths, seed)
        trace = None
        if gates:
            assert stash is not None
            trace = plan.gates(x, states, weights, lengths, seed, y, stash)
            ctx.mark_non_differentiable(trace)
        if plan.stack.cell == "gru":
            ctx.mark_non_differentiable(c)
        ctx.plan, ctx.seed = plan, seed
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(lengths, y, stash, x, h0, c0, *weights)
        return y, h, c, trace

    @staticmethod
    def backward(ctx: Any, *incoming: Any) -> Any:
        lengths, y, stash, x, h0, c0, *weights = ctx.saved_tensors
        again = torch.is_grad_enabled()  # gradients of these gradients will be asked for
        if again or stash is None or is_batched(*incoming):  # stash: nothing was kept, zoneout outside training
            inputs = (x, h0, c0, *weights)
            found = twin_gradients(ctx.plan.stack, incoming[:3], inputs, lengths, ctx.seed, create_graph=again)
            return None, None, None, None, *found
        found = ctx.plan.backward(incoming, ctx.needs_input_grad[4:], x, (h0, c0), weights, lengths, ctx.seed, y, stash)
        return None, None, None, None, *found
