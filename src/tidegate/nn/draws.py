"""Random draws of the layers: from the generator that a training owns, or from torch's global one.

A training in one thread must not shift the draws of a training in another, and torch's global generator is one for all
threads. So whatever draws in a forward pass asks `source()`, and a new network is built under `building`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

_OWN: ContextVar[torch.Generator | None] = ContextVar("tidegate_draws", default=None)
_GLOBAL = threading.RLock()
_STARTS = {torch.Tensor.uniform_, torch.Tensor.normal_, torch.rand, torch.randn}
_STARTS |= {nn.init.uniform_, nn.init.normal_, nn.init.kaiming_uniform_, nn.init.xavier_uniform_}


@contextmanager
def drawing(generator: torch.Generator) -> Iterator[None]:
    """Let the layers that run in this thread draw from a generator of their own."""
    token = _OWN.set(generator)
    try:
        yield
    finally:
        _OWN.reset(token)


def source() -> torch.Generator | None:
    """The generator to draw from; None stands for torch's global one."""
    return _OWN.get()


class _Starts(TorchFunctionMode):
    """Gives every draw of a start weight the same generator, whoever makes it."""

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__()
        self.generator = generator

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = dict(kwargs or {})
        if func in _STARTS and given.get("generator") is None:
            given["generator"] = self.generator
        return func(*args, **given)


def building(seed: int) -> TorchFunctionMode:
    """A context in which modules are built from a seed: as after `torch.manual_seed(seed)`, which it leaves alone."""
    generator = torch.Generator("cpu")
    generator.manual_seed(seed)
    return _Starts(generator)


@contextmanager
def lent() -> Iterator[None]:
    """Lend the state of `source` to torch's global generator, for layers of torch's own that draw from no other."""
    generator = source()
    if generator is None:
        yield
        return
    with _GLOBAL:
        before = torch.get_rng_state()
        torch.set_rng_state(generator.get_state())
        try:
            yield
        finally:
            generator.set_state(torch.get_rng_state())
            torch.set_rng_state(before)


def dropout(x: Tensor, rate: float) -> Tensor:
    """`torch.nn.functional.dropout(x, rate)` in training, with the draws of `source`."""
    generator = source()
    if generator is None or rate in (0.0, 1.0) or not x.numel():
        return nn.functional.dropout(x, rate)
    kept = torch.empty_like(x).bernoulli_(1 - rate, generator=generator)
    return x * kept.div_(1 - rate)


class Dropout(nn.Dropout):
    """`torch.nn.Dropout` with the draws of `source`."""

    def forward(self, input: Tensor) -> Tensor:
        """`input` with elements zeroed at random while training."""
        return dropout(input, self.p) if self.training else input
