"""How many threads the engine uses in a training: as many as help, and one where more would wait for each other.

A recurrent step is a chain of small products. With a busy neighbour on the machine, threads that meet at every
time step wait for the slowest one each time, and two can be ten times slower than one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from tidegate.kernels import library

LARGE_WORK = 20_000_000


def choose_threads(work: int) -> int:
    """Threads of the engine for a training.

    `TIDEGATE_NUM_THREADS` if it is set; else torch's own setting where somebody chose it (it differs from the number
    of cores, or `OMP_NUM_THREADS` is set) or the work is large; else one.

    Args:
        work: multiplications of the largest recurrent product of one time step, B * 4H * (I + H).

    Raises:
        KernelError: the variable is no whole number from 1 to 1024.
    """
    given = library.environment_threads()
    if given is not None:
        return given
    current = torch.get_num_threads()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    chosen = current != cores or bool(os.environ.get("OMP_NUM_THREADS"))
    return current if chosen or work >= LARGE_WORK else 1


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Run the engine on so many threads and torch on one, and set back what was set.

    The engine's sums are the same for any number of threads; torch's are not (the gradient of a dense layer of 40 by
    384 already differs). With torch on one thread, what is computed here depends on no setting of threads, bit for bit.
    """
    library.hold_blas()
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with library.on_threads(count):
            yield
    finally:
        torch.set_num_threads(before)
