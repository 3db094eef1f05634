"""Named arrays in one .npz file: sequences, their lengths, labels and groups."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tidegate.core.errors import ReadError, SchemaError
from tidegate.data.files.dialect import open_bytes

_ROLES: dict[str, tuple[str, ...]] = {
    "data": ("x", "x_train", "data", "values"),
    "lengths": ("lengths", "length"),
    "labels": ("y", "y_train", "labels", "label"),
    "groups": ("groups", "group"),
    "ids": ("ids", "id"),
    "joints": ("joints",),
    "channels": ("channels",),
}


def is_store(data: Any) -> bool:
    """Whether data are an .npz file or its arrays, of which one, X, holds all sequences."""
    if isinstance(data, Path):
        return data.suffix.lower() == ".npz"
    return isinstance(data, Mapping) and "X" in data and np.ndim(data["X"]) > 1


def read_store(source: Path | Mapping[str, Any], given: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The array of sequences, and the options with lengths, labels and so on out of the others.

    Args:
        source: .npz file, or its arrays: X (or x, data, values), and where there are some lengths, labels (or y),
            groups, ids, joints, channels. What is given as an option comes before what the file says; other arrays (a
            test part, say) are not used.
        given: the options.

    Raises:
        ReadError: no .npz, damaged, or with pickled objects.
        SchemaError: no array of sequences.
    """
    held = _load(source) if isinstance(source, Path) else dict(source)
    lower = {name.lower(): name for name in held}
    found: dict[str, Any] = {}
    for role, names in _ROLES.items():
        name = next((lower[name] for name in names if name in lower), None)
        if name is not None:
            found[role] = held[name]
    if "data" not in found:
        raise SchemaError(f"there is no array X among {', '.join(held) or 'none'}; name the array of sequences X")
    data = found.pop("data")
    if "joints" in found:
        found["joints"] = [str(name) for name in np.asarray(found["joints"]).tolist()]
    return data, {**found, **given}


def _load(path: Path) -> dict[str, Any]:
    open_bytes(path).close()
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as store:
            return {name: store[name] for name in store.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ReadError(f"{path} is no readable .npz file of plain arrays ({str(error)[:80]})") from None
