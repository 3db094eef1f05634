"""Keep freed memory in the process, so that a training step does not pay for fresh pages.

glibc hands blocks above 128 KB back to the system when they are freed; a step frees and asks for many
such buffers, and the page faults cost as much as the arithmetic of a small model.
"""

from __future__ import annotations

import ctypes
import platform
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
LARGEST = 256 * 1024 * 1024


def keep_memory() -> bool:
    """Ask glibc to keep freed blocks of up to 256 MB; True where it agreed (Linux with glibc)."""
    if not sys.platform.startswith("linux") or platform.libc_ver()[0] != "glibc":
        return False
    library = ctypes.CDLL(None)
    kept = library.mallopt(_MMAP_THRESHOLD, LARGEST) and library.mallopt(_TRIM_THRESHOLD, LARGEST)
    return bool(kept)
