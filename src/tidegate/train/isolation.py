"""Trainings that depend on nothing but what they are given: neither on torch's global state nor on other threads."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch

from tidegate.artifacts.spec import NetworkSpec
from tidegate.nn.draws import building
from tidegate.nn.network import Network

_LOCK = threading.Lock()


class _Default:
    """The default type of floats, which torch keeps for the whole process, while somebody needs it to be float32."""

    users = 0
    before = torch.float32


@contextmanager
def plain_torch() -> Iterator[None]:
    """Run as if nobody had changed torch's defaults: float32 on the CPU, gradients on, no autocast.

    A decorator as well. Default device, gradients and autocast belong to a thread; the default type to the process, so
    the first of several threads sets it and the last sets it back.
    """
    with ExitStack() as stack:
        stack.enter_context(_float32())
        stack.enter_context(torch.inference_mode(mode=False))
        stack.enter_context(torch.enable_grad())
        if torch.get_default_device().type != "cpu":
            stack.enter_context(torch.device("cpu"))
        if torch.is_autocast_enabled("cpu"):
            stack.enter_context(torch.autocast("cpu", enabled=False))
        yield


@contextmanager
def _float32() -> Iterator[None]:
    with _LOCK:
        if not _Default.users:
            _Default.before = torch.get_default_dtype()
            if _Default.before != torch.float32:
                torch.set_default_dtype(torch.float32)
        _Default.users += 1
    try:
        yield
    finally:
        with _LOCK:
            _Default.users -= 1
            if not _Default.users and _Default.before != torch.float32:
                torch.set_default_dtype(_Default.before)


def seeded_network(spec: NetworkSpec, seed: int) -> Network:
    """A new network whose start depends on the seed alone; torch's global generator stays as it is.

    Args:
        spec: its layers. seed: of the start weights; they are those that `torch.manual_seed(seed)` would give.
    """
    with plain_torch(), building(seed):
        return Network(spec)
