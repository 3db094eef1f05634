"""What kind of data was given and which options it takes; which columns of a table are label, text, id and time."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import numpy as np

from tidegate.core.errors import DataError, ReadError
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.data.cells.columns import OPTIONS as WAYS
from tidegate.data.cells.columns import Source
from tidegate.data.cells.numbers import is_missing
from tidegate.data.files.dialect import suffix_of
from tidegate.data.files.jsonfile import JSON
from tidegate.data.schema import first_named
from tidegate.data.sources import archive, texts
from tidegate.data.sources.folder import files_below
from tidegate.data.sources.media.images import IMAGES, VIDEOS
from tidegate.data.sources.media.sound import SOUNDS
from tidegate.data.sources.texts import TEXTS

ROLES = ("label", "id", "time", "features", "text", "rows", "cells")
"""Options of reading that say what columns are."""

_LABELS = """
label labels class classes target y category sentiment emotion activity diagnosis outcome species gesture intent topic
標籤 標記 類別 分類 情感 情緒 類型 标签 类别 分类 情绪
"""
_TEXTS = """
text review reviews sentence message comment content tweet document body sms title headline utterance question
文字 文本 評論 評價 內容 句子 留言 評語 标题 评论 内容
"""
_IDS = "id sequence sequence_id seq_id seq series_id sample_id unit unit_id trial trial_id recording episode case_id"
_TIMES = "time timestamp t step steps cycle tick frame datetime date 時間 時間戳 日期"
_NUMBERED = re.compile(r"(\D*)(\d+)")
_LIST = re.compile(r"[\[(]?\s*[-+]?\d[\d.eE+-]*(?:[\s,;]+[-+]?[\d.][\d.eE+-]*){7,}\s*[\])]?")
_FOUND = "Not named, so recognised by their names: {roles}. To choose, pass {options}."


def recognised(source: Source, given: Mapping[str, Any]) -> tuple[dict[str, Any], list[Note]]:
    """Roles of columns that the caller leaves open, and a note that says which.

    Args:
        source: the columns. given: options of reading; a role named here other than the label leaves all as it is.
    """
    if any(name in given for name in ROLES if name != "label") or "columns" in given:
        return {}, []
    found: dict[str, Any] = {}
    free = list(source.names)
    named = given.get("label")
    label = named if isinstance(named, str) else None if named is not None else first_named(_LABELS, free)
    if label is None and named is None and len(free) == 2:
        label = next((name for name in free if _is_text(source, free[free[0] == name])), None)
    if label is None or label not in free:
        return {}, []
    free.remove(label)
    free = [name for name in free if name != given.get("group")]
    if named is None:
        found["label"] = label
    texts = [name for name in free if _is_text(source, name)]
    lists = [name for name in free if _is_list(source, name)]
    text = first_named(_TEXTS, [name for name in free if _is_text(source, name, words=1)])
    text = text or (texts[0] if len(texts) == 1 else None)
    repeats = [name for name in free if _repeats(source, name)]
    id = first_named(_IDS, repeats)
    if text is not None and not lists and id is None:
        found["text"] = text
    elif lists:
        found["cells"] = lists[0]
    elif id is not None:
        found["id"] = id
        time = first_named(_TIMES, [name for name in free if name != id and source.kind(name) in ("number", "time")])
        if time is not None:
            found["time"] = time
    elif _numbered(source, free):
        found["rows"], found["features"] = True, free
    return found, [_note(found)] if found else []


def _note(found: Mapping[str, Any]) -> Note:
    shown = {name: value for name, value in found.items() if name != "features"}
    roles = ", ".join(f"{name}={value!r}" for name, value in shown.items())
    options = ", ".join(f"{name}=" for name in shown)
    return Note("roles", _FOUND, {"roles": roles, "options": options, "found": dict(found)})


def _held(source: Source, name: str) -> list[str]:
    return [text.strip() for text in source.cells(name) if not is_missing(text)]


def _is_text(source: Source, name: str, words: int = 3) -> bool:
    """Whether a column holds sentences: several words or characters, seldom twice the same."""
    cells = _held(source, name) if source.kind(name) == "text" else []
    long = sum(len(cell.split()) >= words or (not cell.isascii() and len(cell) > 5) for cell in cells)
    return bool(cells) and long > len(cells) / 2 and len(set(cells)) > len(cells) / 2 and not _is_list(source, name)


def _is_list(source: Source, name: str) -> bool:
    cells = _held(source, name) if source.kind(name) == "text" else []
    return bool(cells) and all(_LIST.fullmatch(cell) for cell in cells[:20])


def _repeats(source: Source, name: str) -> bool:
    cells = _held(source, name)
    return len(set(cells)) < len(cells)


def _numbered(source: Source, names: Sequence[str]) -> bool:
    """Whether columns are the steps of a sequence: eight or more of numbers, called alike but for a running number."""
    parts = [_NUMBERED.fullmatch(name.strip()) for name in names]
    if len(names) < 8 or any(source.kind(name) not in ("number", "empty") for name in names):
        return False
    held = [part for part in parts if part is not None]
    counts = [int(part[2]) for part in held]
    return (
        len(held) == len(names)
        and len({part[1] for part in held}) == 1
        and counts == list(range(counts[0], counts[0] + len(counts)))
    )


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
