"""Writing the report to disk, whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from tidegate.core.errors import OutputError
from tidegate.core.translate import Language, language
from tidegate.report.forecast.page import render
from tidegate.report.forecast.view import RunView


def write_report(path: str | os.PathLike[str], view: RunView, lang: Language | None = None) -> Path:
    """Write the report of a run as one HTML file that needs nothing else.

    The file appears complete or not at all: it is written beside its place, synced and renamed.

    Args:
        path: the file; its folder must exist. A file already there is replaced.
        view: what to show.
        lang: language of all words; None takes the reader's.

    Returns:
        The file's path.

    Raises:
        OutputError: the file cannot be written: no folder, no permission, disk full.
    """
    return write_page(path, render(view, lang or language()))


def write_page(path: str | os.PathLike[str], page: str) -> Path:
    """Write an HTML document, whole or not at all.

    Raises:
        OutputError: as `write_report`.
    """
    target = Path(path)
    content = page.encode("utf-8")
    beside = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with open(beside, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, target)
    except OSError as error:
        beside.unlink(missing_ok=True)
        reason = error.strerror or str(error)
        raise OutputError(
            f"cannot write the report to {target}: {reason}. Give a file in an existing folder that you may write to, "
            f"on a disk with {len(content):,} bytes free."
        ) from error
    return target
