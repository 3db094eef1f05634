"""Writing so that a reader sees the old state or the new, never half of one; one training in a folder at a time."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tidegate.core.errors import OutputError
from tidegate.core.translate import tr


def write_file(path: Path, content: bytes) -> None:
    """Replace a file at once: temporary file beside it, flush to disk, rename.

    Raises:
        OutputError: the folder cannot be written, or the disk is full; the old file is untouched.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(temporary, content)
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise unwritable(path, error) from error


def write_folder(path: Path, files: Mapping[str, bytes]) -> None:
    """Replace a folder at once with one that holds just these files.

    A folder that was there stays readable under its own name or, for the moment between two renames,
    under `<name>.old`, which `existing_folder` knows.

    Raises:
        OutputError: the folder cannot be written, the disk is full, or what is there holds other files, which
            would be lost; the old folder is untouched.
    """
    path = Path(os.path.abspath(path))
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    old = _old(path)
    try:
        temporary.mkdir(parents=True)
        for name, content in files.items():
            _write(temporary / name, content)
        _sync_folder(temporary)
        if path.exists():
            _refuse_strangers(path, files)
            shutil.rmtree(old, ignore_errors=True)
            os.replace(path, old)
        os.replace(temporary, path)
        _sync_folder(path.parent)
        shutil.rmtree(old, ignore_errors=True)
    except BaseException as error:
        shutil.rmtree(temporary, ignore_errors=True)
        if not path.exists() and old.exists():
            with contextlib.suppress(OSError):
                os.replace(old, path)
        if isinstance(error, OSError) and not isinstance(error, OutputError):
            raise unwritable(path, error) from error
        raise


def existing_folder(path: Path) -> Path:
    """The folder as it was last written whole, even if a write was cut between its two renames."""
    return path if path.exists() or not _old(path).exists() else _old(path)


def check_writable(path: Path) -> None:
    """Find out before hours of work whether a folder can be written, and leave nothing behind.

    Raises:
        OutputError: it cannot.
    """
    probe = path / f".probe-{uuid.uuid4().hex[:8]}"
    made = [folder for folder in (path, *path.parents) if not folder.exists()]
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        for folder in made:
            with contextlib.suppress(OSError):
                folder.rmdir()


def unwritable(path: Path, error: OSError) -> OutputError:
    """The error a user reads when a result cannot be written."""
    return OutputError(
        f"cannot write {path}: {error.strerror or error}. "
        "Nothing was replaced; choose a folder that can be written and has room."
    )


def _old(path: Path) -> Path:
    return path.with_name(f"{path.name}.old")


def _refuse_strangers(path: Path, files: Mapping[str, bytes]) -> None:
    """Replacing a folder deletes it: only one that holds nothing but files of these names may go."""
    if not path.is_dir() or path.is_symlink():
        message = (
            "cannot write {path}: it is a file or a link, not a folder. Nothing was replaced; choose another name."
        )
        raise OutputError(tr(message, path=path))
    strangers = sorted(entry.name for entry in path.iterdir() if entry.name not in files)
    if strangers:
        message = (
            "cannot replace {path}: it holds {shown}{more}, which would be lost. Nothing was replaced; choose a new "
            "folder, or one that was written here before."
        )
        raise OutputError(
            tr(message, path=path, shown=", ".join(strangers[:3]), more=" and more" if len(strangers) > 3 else "")
        )


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    if os.name != "posix":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


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
