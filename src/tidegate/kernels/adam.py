"""Adam and AdamW for all parameters in one native call, with clipping of the gradient's norm in the same pass."""

from __future__ import annotations

import ctypes
import math
import struct
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from tidegate.core.errors import ConfigError
from tidegate.kernels.library import native, threads
from tidegate.kernels.stack import TYPES, call, pointer_array

_LAYOUT = struct.Struct("<4q5Q9d")
_KEYS = ("exp_avg", "exp_avg_sq")
_NAMES = {torch.float32: "float32", torch.float64: "float64"}


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
        self._tables: dict[int, tuple[list[Tensor], Any, Any, Any, Any]] = {}
        self.norm = math.nan  # of the last gradient, before clipping
        every = [p for group in self.param_groups for p in group["params"]]
        if any(
            p.dtype not in _NAMES or p.dtype != every[0].dtype or not p.is_contiguous() or p.device.type != "cpu"
            for p in every
        ):
            raise ConfigError(
                "parameters must be contiguous CPU tensors, all float32 or all float64; use torch.optim.Adam."
            )

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Update every parameter that has a gradient; returns the closure's value."""
        value = None
        if closure is not None:
            with torch.enable_grad():
                value = closure()
        groups = [(group, [p for p in group["params"] if p.grad is not None]) for group in self.param_groups]
        gradients = [[_dense(p.grad) for p in used] for _, used in groups]
        scale = 1.0
        if self.clip is not None:
            self.norm = gradient_norm([g for own in gradients for g in own])
            scale = min(1.0, self.clip / (self.norm + 1e-6))
        for (group, used), own in zip(groups, gradients, strict=True):
            if used:
                self._update(group, used, own, scale)
                torch.autograd.graph.increment_version(used)
        return value

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the state of another Adam, torch's or ours."""
        super().load_state_dict(state_dict)
        self._tables.clear()

    def _prepare(self, used: list[Tensor]) -> tuple[list[Tensor], Any, Any, Any, Any]:
        """Parameters and the pointer tables of values, means, squares and lengths; one step counter for all of them."""
        for p in used:
            if not self.state[p]:
                start = {"step": torch.tensor(0.0), "exp_avg": torch.zeros_like(p), "exp_avg_sq": torch.zeros_like(p)}
                self.state[p].update(start)
        states = [self.state[p] for p in used]
        if len({float(state["step"]) for state in states}) == 1:
            for state in states:
                state["step"] = states[0]["step"]
        tables = [
            pointer_array([t.data_ptr() for t in own]) for own in (used, *([s[k] for s in states] for k in _KEYS))
        ]
        lengths = (ctypes.c_int64 * len(used))(*(p.numel() for p in used))
        return used, tables[0], tables[1], tables[2], lengths

    def _update(self, group: dict[str, Any], used: list[Tensor], gradients: list[Tensor], scale: float) -> None:
        known = self._tables.get(id(group))
        if (
            known is None
            or len(known[0]) != len(used)
            or any(
                a is not b or a.data_ptr() != pointer for a, b, pointer in zip(known[0], used, known[1], strict=True)
            )
        ):
            known = self._tables[id(group)] = self._prepare(used)
        _, values, means, squares, lengths = known
        counters = {id(self.state[p]["step"]): self.state[p]["step"] for p in used}
        if len(counters) > 1 and len({float(c) for c in counters.values()}) > 1:
            for p, g in zip(used, gradients, strict=True):  # parameters that joined later: each with its own count
                self._tables.pop(id(group), None)
                self._run(group, self._prepare([p])[1:], [g], scale, self.state[p]["step"])
            return
        self._run(group, (values, means, squares, lengths), gradients, scale, *counters.values())

    def _run(
        self, group: dict[str, Any], tables: tuple[Any, ...], gradients: list[Tensor], scale: float, *counters: Tensor
    ) -> None:
        for counter in counters:
            counter.add_(1)
        step = float(counters[0])
        values, means, squares, lengths = tables
        table = pointer_array([g.data_ptr() for g in gradients])
        b1, b2 = group["betas"]
        description = _LAYOUT.pack(
            *(_LAYOUT.size, TYPES[_NAMES[gradients[0].dtype]], len(gradients), threads()),
            *(ctypes.addressof(own) for own in (values, table, means, squares, lengths)),
            *(group["lr"], b1, b2, group["eps"], group["weight_decay"], float(group["decoupled"]), scale),
            *(1 - b1**step, 1 - b2**step),
        )
        call("tg_adam_step", description)


def _dense(gradient: Tensor | None) -> Tensor:
    assert gradient is not None
    return gradient.contiguous()


def gradient_norm(gradients: list[Tensor]) -> float:
    """The Euclidean norm of all gradients together, summed in double precision."""
    if not gradients:
        return 0.0
    out = ctypes.c_double()
    table = pointer_array([g.data_ptr() for g in gradients])
    lengths = (ctypes.c_int64 * len(gradients))(*(g.numel() for g in gradients))
    library = native()
    assert library is not None
    library.tg_square_sum(TYPES[_NAMES[gradients[0].dtype]], len(gradients), table, lengths, ctypes.byref(out))
    return math.sqrt(out.value)
