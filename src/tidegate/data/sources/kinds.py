"""What kind of data was given, and which options that kind takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import numpy as np

from tidegate.core.errors import DataError, ReadError
from tidegate.core.translate import tr
from tidegate.data.cells.columns import OPTIONS as WAYS
from tidegate.data.files.dialect import suffix_of
from tidegate.data.files.jsonfile import JSON
from tidegate.data.sources import archive, texts
from tidegate.data.sources.folder import files_below
from tidegate.data.sources.media.images import IMAGES, VIDEOS
from tidegate.data.sources.media.wav import SOUNDS
from tidegate.data.sources.texts import TEXTS

Kind = Literal["arrays", "table", "archive", "text", "tokens", "sound", "frames", "joints"]

OPTIONS: Mapping[str, tuple[str, ...]] = {
    "arrays": ("labels", "groups", "ids", "channels", "lengths", "steps_first", "tag", "rate"),
    "table": ("label", "id", "time", "features", "group", "tag", "rows", "cells", "repair", *WAYS),
    "archive": ("encoding", "groups", "ids"),
    "text": ("text", "label", "id", "group", "labels", "groups", "ids", "pattern", *WAYS),
    "tokens": ("labels", "groups", "ids", "tag"),
    "sound": ("pattern", "rate", "mels", "window", "hop", "broken"),
    "frames": ("labels", "groups", "ids", "lengths", "pattern", "frame", "colour", "every", "broken", "rate"),
    "joints": ("labels", "groups", "ids", "lengths", "joints", "root", "normalise", "velocities", "tag", "rate"),
}
"""Which options each kind of data takes."""


def kind_of(data: Any, given: Mapping[str, Any]) -> Kind:
    """What the data are, by their type, shape or name.

    Args:
        data: as `read_sequences` takes them.
        given: the options.

    Raises:
        ReadError: a folder without sequences.
        DataError: an empty list.
    """
    if isinstance(data, Path):
        return _kind_of_path(data, given)
    if isinstance(data, np.ndarray) and data.dtype.names is None:
        return _kind_of_array(data, given)
    if isinstance(data, (list, tuple)):
        return _kind_of_list(data)
    return "text" if "text" in given or getattr(data, "ndim", 2) == 1 else "table"


def _kind_of_path(path: Path, given: Mapping[str, Any]) -> Kind:
    if path.is_dir():
        return _kind_of_folder(path)
    suffix = suffix_of(path)
    by_name: dict[Kind, tuple[str, ...]] = {"frames": VIDEOS, "sound": SOUNDS, "archive": (".ts", ".arff")}
    for kind, endings in by_name.items():
        if suffix in endings:
            return kind
    if "text" in given or (suffix in (".txt", ".tsv") and texts.begins_with_labels(path, given.get("encoding"))):
        return "text"
    if suffix in (".parquet", ".pq", *JSON) or set(given) & {
        "label",
        "id",
        "features",
        "rows",
        "cells",
        "columns",
        "skip_rows",
    }:
        return "table"
    return "archive" if suffix in (".tsv", ".txt", ".csv") and archive.is_rows(path, given.get("encoding")) else "table"


def _kind_of_folder(path: Path) -> Kind:
    endings: dict[Kind, tuple[str, ...]] = {"sound": SOUNDS, "frames": (*VIDEOS, *IMAGES), "text": TEXTS}
    for kind, known in endings.items():
        if files_below(path, known):
            return kind
    message = "{path} holds no sound files, videos, folders of pictures or texts (.txt); give a file, or such a folder"
    raise ReadError(tr(message, path=path))


def _kind_of_array(array: Any, given: Mapping[str, Any]) -> Kind:
    if array.dtype.kind in "SU" or (array.dtype.kind == "O" and array.ndim == 1 and len(array)):
        return _kind_of_list(array.tolist())
    if array.dtype == np.uint8 and (array.ndim in (4, 5) or "lengths" in given):
        return "frames"
    if array.ndim == 4 or (array.ndim == 3 and "lengths" in given and array.shape[2] in (2, 3)):
        return "joints"
    return "arrays"


def _kind_of_list(data: Sequence[Any]) -> Kind:
    if not len(data):
        raise DataError(tr("the list is empty; give at least one sequence"))
    first = next((item for item in data if item is not None and len(np.shape(item)) + isinstance(item, str)), data[0])
    if isinstance(first, PathLike):
        return "sound"
    if isinstance(first, str):
        return "text"
    if isinstance(first, (list, tuple)) and first and isinstance(next((t for t in first if t is not None), None), str):
        return "tokens"
    shape, kind = np.shape(first), getattr(first, "dtype", None)
    if kind == np.uint8 and len(shape) in (3, 4):
        return "frames"
    return "joints" if len(shape) == 3 and shape[2] in (2, 3) else "arrays"
