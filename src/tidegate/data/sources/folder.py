"""Files of a folder, and what their names say."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tidegate.core.errors import ConfigError, ReadError
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.data.sources import labels as of
from tidegate.data.sources.build import listed


@dataclass(frozen=True)
class Named:
    """Files or folders, one a sequence: names relative to the root, without the ending; labels and groups, or None."""

    paths: list[Path]
    ids: list[str]
    labels: Any
    groups: Any
    notes: list[Note]


def files_below(root: Path, endings: Sequence[str]) -> list[Path]:
    """All files below a folder that end so, in the order of their names; hidden ones are left out."""
    found = [path for path in root.rglob("*") if path.suffix.lower() in endings and path.is_file()]
    return sorted(path for path in found if not any(part.startswith(".") for part in path.relative_to(root).parts))


def name_all(root: Path, paths: list[Path], pattern: str | None) -> Named:
    """Labels and groups out of names.

    Args:
        root: the folder.
        paths: files or folders in it.
        pattern: regular expression, searched for in the path below `root` (with "/"), whose groups named `label` and
            `group` are the label and the group; None takes the sub-folder's name for the label.

    Raises:
        ConfigError: the pattern is broken or has neither group.
        ReadError: a name does not match.
    """
    below = [path.relative_to(root) for path in paths]
    ids = [path.with_suffix("").as_posix() for path in below]
    if len(set(ids)) < len(ids):
        ids = [path.as_posix() for path in below]
    if pattern is None:
        if all(len(path.parts) > 1 for path in below):
            return Named(paths, ids, of.from_texts([path.parts[0] for path in below]), None, [])
        message = (
            "There are no labels, as files lie in the folder itself; sort them into a folder a label, or pass pattern=."
        )
        return Named(paths, ids, None, None, [Note("unlabelled", message)])
    try:
        made = re.compile(pattern)
    except re.error as error:
        raise ConfigError(
            tr("pattern={pattern!r} is no regular expression ({error})", pattern=pattern, error=error)
        ) from None
    parts = set(made.groupindex)
    if not parts or not parts <= {"label", "group"}:
        what = f"a part named {min(parts - {'label', 'group'})}" if parts else "no named part"
        message = (
            "pattern={pattern!r} has {what}; its parts are label and group, as in (?P<label>[^_]+)_(?P<group>[^_]+)"
        )
        raise ConfigError(tr(message, pattern=pattern, what=what))
    found = [made.search(path.as_posix()) for path in below]
    odd = [path.as_posix() for path, match in zip(below, found, strict=True) if match is None]
    if odd:
        message = "{count} names do not match pattern={pattern!r}: {names}; rename or move them"
        raise ReadError(tr(message, count=len(odd), pattern=pattern, names=listed(odd)))
    cells = {
        name: [match.group(name) or "" for match in found if match is not None]
        for name in ("label", "group")
        if name in made.groupindex
    }
    labels = of.from_texts(cells["label"]) if "label" in cells else None
    groups = np.array(cells["group"], dtype=object) if "group" in cells else None
    return Named(paths, ids, labels, groups, [])
