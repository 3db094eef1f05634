"""Lets the engine work on torch's OpenMP threads instead of threads of its own.

After each parallel region, torch's threads spin for milliseconds while they wait for the next one. Threads of our own
would share the cores with them: on two cores, a training step of a model of two layers of 64 units took 7.4 ms, on
torch's threads 4.9.
"""

from __future__ import annotations

import ctypes
import re
import sys
from pathlib import Path

from tidegate.kernels.library import native

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
