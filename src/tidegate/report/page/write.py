"""Writing a page to disk, whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from tidegate.artifacts.atomic import write_file


def write_page(path: str | os.PathLike[str], page: str) -> Path:
    """Write an HTML document: it appears complete or not at all. Gives the file's path.

    Raises:
        OutputError: the file cannot be written: no permission, disk full.
    """
    target = Path(path)
    write_file(target, page.encode("utf-8"))
    return target
