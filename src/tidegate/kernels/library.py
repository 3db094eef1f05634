"""Finds and loads the native library; says which instruction set and how many threads it uses. No torch here.

Environment:
    TIDEGATE_NATIVE       "auto" (default: use it if it is there), "require" (else an error), "off" (torch twins).
    TIDEGATE_LIBRARY      path of the library, instead of the one installed beside this file.
    TIDEGATE_ISA          "baseline", "avx2" or "avx512": not more than this instruction set.
    TIDEGATE_NUM_THREADS  threads of the engine and of numpy's BLAS; otherwise torch's setting, otherwise the cores.
"""

from __future__ import annotations

import ctypes
import functools
import importlib.resources
import logging
import math
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError
from tidegate.core.translate import tr

ABI = 3
ADDED = (
    "tg_can_write",
    "tg_write",
    "tg_largest",
    "tg_find_nearest",
)  # since this version began: a library that was built before lacks them
_ORDER = "<" if sys.byteorder == "little" else ">"
_CHOSEN: ContextVar[int | None] = ContextVar("tidegate_threads", default=None)
NAMES = {"win32": "tidegate_native.dll", "darwin": "libtidegate_native.dylib"}


class KernelError(ConfigError):
    """The native engine refused its arguments, or is required and missing."""


def _path() -> Path | None:
    chosen = os.environ.get("TIDEGATE_LIBRARY")
    if chosen:
        return Path(chosen)
    name = NAMES.get(sys.platform, "libtidegate_native.so")
    path = Path(str(importlib.resources.files("tidegate.kernels").joinpath(name)))
    return path if path.is_file() else None


def _declare(library: ctypes.CDLL) -> None:
    pointer, integer, real = ctypes.c_void_p, ctypes.c_int64, ctypes.c_double
    results: dict[str, Any] = {
        "tg_abi": ([], integer),
        "tg_isa": ([], ctypes.c_char_p),
        "tg_message": ([ctypes.c_int], ctypes.c_char_p),
        "tg_stash_bytes": ([pointer], integer),
        "tg_packed_bytes": ([pointer], integer),
        "tg_pack": ([pointer, pointer], ctypes.c_int),
        "tg_forward": ([pointer], ctypes.c_int),
        "tg_backward": ([pointer], ctypes.c_int),
        "tg_step": ([pointer], ctypes.c_int),
        "tg_gates": ([pointer, integer, integer, pointer], ctypes.c_int),
        "tg_acquire": ([integer], pointer),
        "tg_release": ([pointer], None),
        "tg_held_bytes": ([], integer),
        "tg_trim": ([], None),
        "tg_adam_step": ([pointer], ctypes.c_int),
        "tg_square_sum": ([integer, integer, pointer, pointer, integer, pointer], ctypes.c_int),
        "tg_same": ([integer, pointer, pointer, pointer, integer], ctypes.c_int),
        "tg_use_openmp": ([pointer], None),
        "tg_bfloat16_products": ([], ctypes.c_int),
        "tg_peak": ([integer, integer, real], real),
        "tg_can_write": ([], ctypes.c_int),
        "tg_write": ([pointer], integer),
        "tg_largest": ([pointer], ctypes.c_int),
        "tg_find_nearest": ([pointer], ctypes.c_int),
    }
    for name, (arguments, result) in results.items():
        if name in ADDED and not hasattr(library, name):
            continue
        function = getattr(library, name)
        function.argtypes, function.restype = arguments, result


@functools.cache
def _load() -> tuple[ctypes.CDLL | None, str]:
    """The library, or None and why not; no reason where it was switched off."""
    wish = os.environ.get("TIDEGATE_NATIVE", "auto")
    if wish not in ("auto", "require", "off"):
        raise KernelError(f"TIDEGATE_NATIVE is {wish!r}; set it to auto, require or off.")
    if wish == "off":
        return None, ""
    path, reason = _path(), "it was not built when tidegate was installed (no C++ compiler was found)"
    if path is not None:
        try:
            library = ctypes.CDLL(str(path))
            _declare(library)
            if library.tg_abi() == ABI:
                return library, ""
            reason = f"{path} has version {library.tg_abi()} of the interface, expected {ABI}"
        except (OSError, AttributeError) as error:
            reason = str(error)
    if wish == "require":
        raise KernelError(
            f"TIDEGATE_NATIVE=require, but the native engine cannot be used: {reason}. Reinstall tidegate."
        )
    return None, reason


def native() -> ctypes.CDLL | None:
    """The loaded library, or None where it is absent, switched off, or of another version.

    Raises:
        KernelError: TIDEGATE_NATIVE=require and it cannot be used, or TIDEGATE_NATIVE has an unknown value.
    """
    return _load()[0]


@functools.cache
def warn_if_missing() -> None:
    """Say once in a process, through logging, that the native engine is missing; nothing where it was switched off."""
    _, reason = _load()
    if reason:
        logging.getLogger("tidegate").warning(
            tr("The native engine is missing, so recurrent layers run slower: {reason}.", reason=reason)
        )


def instruction_set() -> str | None:
    """ "avx512", "avx2", "baseline" or "neon"; None where the torch twins run instead of the library."""
    library = native()
    return None if library is None else library.tg_isa().decode()


@functools.cache
def environment_threads() -> int | None:
    """What TIDEGATE_NUM_THREADS says, or None.

    Raises:
        KernelError: it is no whole number from 1 to 1024.
    """
    value = os.environ.get("TIDEGATE_NUM_THREADS")
    if value is None:
        return None
    if not value.isdecimal() or not 1 <= int(value) <= 1024:
        raise KernelError(f"TIDEGATE_NUM_THREADS is {value!r}; set it to a whole number from 1 to 1024.")
    return int(value)


@functools.cache
def hold_blas() -> None:
    """Let numpy's BLAS use no more threads than TIDEGATE_NUM_THREADS says; as it was where that says nothing.

    Without it a prediction of small products waits for threads that other processes keep from running.
    """
    limit = environment_threads()
    if limit is not None:
        from threadpoolctl import threadpool_limits

        threadpool_limits(limit, user_api="blas")


@contextmanager
def on_threads(count: int) -> Iterator[None]:
    """Let the engine's calls that this thread makes use so many threads."""
    token = _CHOSEN.set(count)
    try:
        yield
    finally:
        _CHOSEN.reset(token)


def threads() -> int:
    """Threads that a call may use: TIDEGATE_NUM_THREADS, else what `on_threads` says, else torch's setting where torch
    is loaded, else the cores."""
    chosen = environment_threads() or _CHOSEN.get()
    if chosen is not None:
        return chosen
    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "get_num_threads"):
        return int(torch.get_num_threads())
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Block:
    """Memory of the engine's pool, given back when the last array that views it is gone."""

    __slots__ = ("__array_interface__", "__weakref__", "pointer", "release")

    def __init__(self, library: ctypes.CDLL, size: int, shape: tuple[int, ...], kind: str) -> None:
        self.pointer = library.tg_acquire(max(size, 1))
        if not self.pointer:
            raise MemoryError(f"no memory for {size} bytes")
        self.release = library.tg_release
        self.__array_interface__ = {"data": (self.pointer, False), "shape": shape, "typestr": kind, "version": 3}

    def __del__(self) -> None:
        if getattr(self, "pointer", None):
            self.release(self.pointer)


def reused(shape: tuple[int, ...], kind: str) -> NDArray[Any]:
    """An array whose pages are usually mapped already; returned to the pool by itself.

    Args:
        shape: its sizes.
        kind: type and bytes of an element as numpy writes them: "f4", "f8".
    """
    library = native()
    if library is None:
        return np.empty(shape, kind)
    return np.asarray(_Block(library, math.prod(shape) * int(kind[1:]), shape, _ORDER + kind))
