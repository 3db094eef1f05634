"""One training in a run's folder at a time, and none of what a killed one left half written."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tidegate.artifacts.atomic import unwritable
from tidegate.core.errors import OutputError
from tidegate.core.translate import tr

NAME = ".lock"
LEFTOVER = re.compile(r"\..+\.[0-9a-f]{8}\.tmp|\.probe-[0-9a-f]{8}")  # as `atomic` names what it has not yet renamed
PAUSE = 0.02  # seconds between two looks at a lock that another holds
DEPTH = 2  # folders of a run below which nothing of ours lies


@contextmanager
def hold_run(folder: Path, *, wait: float = 0.0) -> Iterator[None]:
    """Keep a folder to oneself; the system lets go of it when the process ends, however it ends.

    Temporary files of writes that were killed are removed first: nobody else can be writing there.

    Args:
        folder: of a run; made where it is not there, and taken away again if nothing was written to it.
        wait: seconds to wait for another holder.

    Raises:
        OutputError: another process or thread writes into it, or it cannot be written.
    """
    made = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    try:
        handle = _taken(folder, time.monotonic() + wait)
    except OSError as error:
        _remove(made)
        if isinstance(error, OutputError):
            raise
        raise unwritable(folder, error) from error
    try:
        sweep(folder)
        yield
    finally:
        with contextlib.suppress(OSError):
            (folder / NAME).unlink()
        os.close(handle)
        _remove(made)


def sweep(folder: Path, depth: int = DEPTH) -> None:
    """Remove temporary files and folders that killed writes left in a run's folder; nothing else."""
    with contextlib.suppress(OSError):
        for entry in sorted(folder.iterdir()):
            if entry.is_symlink():
                continue
            if LEFTOVER.fullmatch(entry.name):
                if entry.is_dir():
                    shutil.rmtree(entry, ignore_errors=True)
                else:
                    entry.unlink(missing_ok=True)
            elif depth and entry.is_dir():
                sweep(entry, depth - 1)


def _taken(folder: Path, until: float) -> int:
    """The lock of a folder, as an open file; `until`: of the monotonic clock."""
    place = folder / NAME
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(place, os.O_RDWR | os.O_CREAT, 0o644)
        except FileNotFoundError:  # its last holder took the empty folder away in the meantime
            continue
        if not _locked(handle):
            os.close(handle)
            if time.monotonic() < until:
                time.sleep(PAUSE)
                continue
            message = "another process writes into {folder} at this moment: wait for it, or choose another folder"
            raise OutputError(tr(message, folder=folder))
        with contextlib.suppress(OSError):
            if os.path.samestat(os.fstat(handle), os.stat(place)):
                return handle
        os.close(handle)  # its last holder took it away in the meantime


def _locked(handle: int) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows: an open file there cannot be deleted, which is as good
        import msvcrt

        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        except OSError:
            return False
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _remove(made: list[Path]) -> None:
    """Take away folders that were made for nothing."""
    for folder in made:
        with contextlib.suppress(OSError):
            folder.rmdir()
