"""A child of fork can use the engine's memory whatever the parent's other threads were doing."""

import ctypes
import os
import subprocess
import sys

import pytest

from tidegate.kernels.library import native

CHILD = """
import ctypes, os, signal, sys, threading
from tidegate.kernels.library import native

library, stop = native(), threading.Event()

def work(number):
    while not stop.is_set():
        blocks = [library.tg_acquire(256 * (1 + (number + k) % 97)) for k in range(64)]
        for block in blocks:
            library.tg_release(block)
        library.tg_trim()

workers = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(4)]
for worker in workers:
    worker.start()
sys.setswitchinterval(1e-5)
hung = 0
for _ in range(int(sys.argv[1])):
    child = os.fork()
    if child == 0:
        signal.alarm(10)  # ends a child that waits for a lock nobody holds
        library.tg_release(library.tg_acquire(1000))
        os._exit(0)
    hung += os.waitpid(child, 0)[1] != 0
stop.set()
print(hung)
"""


@pytest.mark.skipif(native() is None or not hasattr(os, "fork"), reason="needs the engine, and fork")
def test_a_fork_while_other_threads_allocate_does_not_hang_the_child() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CHILD, "300"], capture_output=True, text=True, check=False, timeout=200
    )
    assert done.stdout.strip() == "0", done.stderr


def test_the_lock_is_free_after_a_fork_in_the_parent_too() -> None:
    library = native()
    if library is None or not hasattr(os, "fork"):
        pytest.skip("needs the engine, and fork")
    child = os.fork()
    if child == 0:
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    block = library.tg_acquire(1000)
    assert isinstance(ctypes.c_void_p(block).value, int)
    library.tg_release(block)
