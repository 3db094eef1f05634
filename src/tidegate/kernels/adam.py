"""Adam and AdamW for all parameters in one native call, with clipping of the gradient's norm in the same pass."""

from __future__ import annotations

import ctypes
import math
import struct
from array import array
from collections.abc import Callable, Iterable, Sequence
from operator import is_
from typing import Any, cast

import torch
from torch import Tensor
from torch.optim import optimizer as hooks

from tidegate.core.errors import ConfigError
from tidegate.kernels.library import native, threads
from tidegate.kernels.stack import TYPES, call

_LAYOUT = struct.Struct("<4q5Q9d")
_KEYS = ("exp_avg", "exp_avg_sq")
_NAMES = {torch.float32: "float32", torch.float64: "float64"}
_NUMBERS: dict[torch.dtype, Any] = {torch.float32: ctypes.c_float, torch.float64: ctypes.c_double}


def can_update(parameters: Sequence[Tensor]) -> bool:
    """Whether `Adam` runs here for these: the library is there, they are dense CPU tensors of one type."""
    return native() is not None and all(
        p.layout == torch.strided and p.dtype in _NAMES and p.dtype == parameters[0].dtype and p.is_contiguous()
        and p.device.type == "cpu" and type(p) in (Tensor, torch.nn.Parameter) for p in parameters
    )  # fmt: skip


def _unwrapped(method: Any) -> Any:
    return getattr(method, "__wrapped__", method)


class Adam(torch.optim.Optimizer):
    """Adam (Kingma and Ba 2015); with decoupled=True AdamW (Loshchilov and Hutter 2019).

        m = b1 m + (1 - b1) g    v = b2 v + (1 - b2) g^2    w -= lr (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)

    The same arithmetic as `torch.optim.Adam`, and its `state_dict` keys (step, exp_avg, exp_avg_sq): states load both
    ways. Parameters must be contiguous CPU tensors of one type, float32 or float64.

    Args:
        params: parameters or groups of them.
        lr, betas, eps, weight_decay: as in torch.
        decoupled: weight decay acts on the weights themselves (AdamW) instead of through the gradient.
        clip: largest norm of all gradients together; None leaves them.

    Raises:
        ConfigError: a parameter that the native call cannot update, or the library is absent.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        decoupled: bool = False,
        clip: float | None = None,
    ) -> None:
        if native() is None:
            raise ConfigError("this Adam is native; use torch.optim.Adam where the engine is absent.")
        super().__init__(
            params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "decoupled": decoupled}
        )
        self.clip = clip
        self._tables: dict[int, _Table] = {}
        self.norm = math.nan  # of the last gradient, before clipping
        if not can_update([p for group in self.param_groups for p in group["params"]]):
            raise ConfigError(
                "parameters must be contiguous CPU tensors, all float32 or all float64; use torch.optim.Adam."
            )

    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Update every parameter that has a gradient; returns the closure's value."""
        if _watched(self):
            return cast("float | None", _step_with_hooks(self, closure))
        return _step(self, closure)

    # torch's own import all of torch._dynamo when first called, for seconds, to be left out by compilers.
    add_param_group = _unwrapped(torch.optim.Optimizer.add_param_group)
    state_dict = _unwrapped(torch.optim.Optimizer.state_dict)

    step.hooked = True  # type: ignore[attr-defined]  # torch's own wrapper costs more than the update of a small model

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all gradients; with set_to_none=False set them to zero."""
        if not set_to_none:
            super().zero_grad(set_to_none=False)
            return
        for group in self.param_groups:
            for p in group["params"]:
                p.grad = None

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the state of another Adam, torch's or ours."""
        super().load_state_dict(state_dict)
        self._tables.clear()

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "clip": self.clip}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._tables, self.norm = {}, math.nan
        super().__setstate__(state)

    def _table(self, group: dict[str, Any], used: list[Tensor]) -> _Table:
        known = self._tables.get(id(group))
        if known is None or not known.fits(used):
            for p in used:
                if not self.state[p]:
                    self.state[p].update({"step": torch.tensor(0.0)} | {key: torch.zeros_like(p) for key in _KEYS})
            known = self._tables[id(group)] = _Table(used, [self.state[p] for p in used])
        return known

    def _run(
        self, group: dict[str, Any], table: _Table, gradients: list[Tensor], addresses: array[int], scale: float
    ) -> None:
        if table.counter is None:  # parameters that joined later: each with its own count
            for p, g, address in zip(table.used, gradients, addresses, strict=True):
                self._run(group, _Table([p], [self.state[p]]), [g], array("Q", [address]), scale)
            return
        step = table.count()
        b1, b2 = group["betas"]
        description = _LAYOUT.pack(
            _LAYOUT.size, table.dtype, len(gradients), threads(),
            table.values.buffer_info()[0], addresses.buffer_info()[0], *table.rest,
            group["lr"], b1, b2, group["eps"], group["weight_decay"], float(group["decoupled"]), scale,
            1 - b1**step, 1 - b2**step,
        )  # fmt: skip
        call("tg_adam_step", description)


class _Table:
    """Addresses of the values, means and squares of parameters that are updated together, good while those stay."""

    def __init__(self, used: list[Tensor], states: list[dict[str, Any]]) -> None:
        self.used = list(used)
        self.dtype = TYPES[_NAMES[used[0].dtype]]
        self.values = array("Q", [p.data_ptr() for p in used])
        self._kept = [array("Q", [state[key].data_ptr() for state in states]) for key in _KEYS]
        self.lengths = array("q", [p.numel() for p in used])
        self.rest = tuple(own.buffer_info()[0] for own in (*self._kept, self.lengths))
        counters = [state["step"] for state in states]
        self.counter: Tensor | None = None
        if len({float(c) for c in counters}) == 1:
            self.counter = counters[0]
            for state in states:  # one tensor for all, so that one addition counts for all
                state["step"] = self.counter
        else:
            for state in states:
                state["step"] = state["step"].clone()
        self._number: Any = None  # the counter's own memory: an operation of torch takes as long as a small update
        if self.counter is not None and self.counter.dtype in _NUMBERS and self.counter.device.type == "cpu":
            self._number = _NUMBERS[self.counter.dtype].from_address(self.counter.data_ptr())

    def count(self) -> float:
        """One step more; how many there have been."""
        assert self.counter is not None
        if self._number is None:
            return float(self.counter.add_(1))
        self._number.value += 1
        return float(self._number.value)

    def fits(self, used: list[Tensor]) -> bool:
        """Whether these are the parameters, and still where they were."""
        same = len(used) == len(self.used) and all(map(is_, used, self.used))
        return same and array("Q", [p.data_ptr() for p in used]) == self.values

    def square_sum(self, addresses: array[int]) -> float:
        """Sum of the squares of all gradients, in double precision."""
        out = ctypes.c_double()
        library = native()
        assert library is not None
        library.tg_square_sum(
            self.dtype, len(addresses), addresses.buffer_info()[0], self.lengths.buffer_info()[0], threads(),
            ctypes.byref(out),
        )  # fmt: skip
        return out.value


def _step(optimizer: Adam, closure: Callable[[], float] | None = None) -> float | None:
    value = None
    if closure is not None:
        with torch.enable_grad():
            value = closure()
    work = []
    for group in optimizer.param_groups:
        pairs = [(p, g) for p in group["params"] if (g := p.grad) is not None]
        if pairs:
            used = [p for p, _ in pairs]
            gradients = [g if g.is_contiguous() else g.contiguous() for _, g in pairs]
            addresses = array("Q", [g.data_ptr() for g in gradients])
            work.append((group, used, optimizer._table(group, used), gradients, addresses))
    scale = 1.0
    if optimizer.clip is not None:
        optimizer.norm = math.sqrt(sum(table.square_sum(addresses) for _, _, table, _, addresses in work))
        scale = min(1.0, optimizer.clip / (optimizer.norm + 1e-6))
    for group, used, table, gradients, addresses in work:
        optimizer._run(group, table, gradients, addresses, scale)
        torch.autograd.graph.increment_version(used)
    return value


_step_with_hooks: Any = torch.optim.Optimizer.profile_hook_step(_step)


def _watched(optimizer: Adam) -> bool:
    """Whether someone wants to see every step: hooks of this optimiser or of all, or a profiler."""
    return bool(
        optimizer._optimizer_step_pre_hooks
        or optimizer._optimizer_step_post_hooks
        or hooks._global_optimizer_pre_hooks
        or hooks._global_optimizer_post_hooks
        or torch._C._autograd._profiler_enabled()
    )
