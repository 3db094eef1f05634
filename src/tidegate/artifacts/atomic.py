"""Writing so that a reader sees either the old state or the new, never half of one."""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from collections.abc import Mapping
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
