"""Rows of a table that names files, and files that cannot be used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from tidegate.core.errors import DataError, ReadError, SchemaError
from tidegate.core.sequences import Sequences
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.data.cells.columns import options_of
from tidegate.data.read import open_source
from tidegate.data.schema import first_named, missing_column
from tidegate.data.sources.build import listed
from tidegate.data.sources.folder import files_below

TABLES = (".csv", ".tsv", ".jsonl", ".parquet")
_PARTS = {"train": "train training", "validation": "validation valid val dev devel eval", "test": "test testing"}
_PART = {way: part for part, ways in _PARTS.items() for way in ways.split()}
Own = TypeVar("Own")
Read = TypeVar("Read")


def named_rows(
    data: Any, columns: Mapping[str, str | None], usual: Mapping[str, str], what: str, notes: list[Note]
) -> list[tuple[str, dict[str, str | None]]]:
    """Where each row of a table is, and its cells, by option.

    Args:
        data: the table. columns: option -> its column, None for one that is called as usual. usual: option -> names, in
            lower case between blanks; `path` must be among them. what: is in the files. notes: gets those of the table.

    Raises:
        SchemaError: a column is missing. ReadError: the path of a row is empty. DataError: a part that is none.
    """
    source = open_source(data, options_of())
    names: dict[str, str | None] = {}
    for option, ways in {**usual, "part": "part split"}.items():
        wanted = columns[option]
        if wanted is not None and wanted not in source.names:
            raise missing_column(source, wanted, option)
        names[option] = wanted or first_named(ways, [name for name in source.names if name not in names.values()])
    if names["path"] is None:
        message = "no column names the {what}: give path=; columns are: {columns}"
        raise SchemaError(tr(message, what=what, columns=", ".join(source.names)))
    held = source.load({name: "text" for name in names.values() if name is not None}).values
    notes += source.notes
    rows = {option: held[name].tolist() if name is not None else None for option, name in names.items()}
    if columns["part"] is None and not all(_PART.get(str(own).strip().lower()) for own in rows["part"] or ()):
        rows["part"] = None  # a column that is called so, and says something else
    found = []
    for row, name in enumerate(rows["path"] or ()):
        place = source.place(row)
        if not name:
            raise ReadError(tr("{place}: the path is empty; expected one of the {what}", place=place, what=what))
        cells = {option: None if column is None else str(column[row] or "") for option, column in rows.items()}
        cells["part"] = None if cells["part"] is None else _part(cells["part"], place)
        found.append((place, cells))
    return found


def _part(name: str, place: str) -> str:
    """The part that a cell names.

    Raises:
        DataError: it names none.
    """
    found = _PART.get(name.strip().lower())
    if found is None:
        message = "{place}: {name} is no part; expected train, validation (dev) or test"
        raise DataError(tr(message, place=place, name=repr(name)))
    return found


def usable(
    given: Sequence[Own], places: Sequence[str], read: Sequence[Read | str], broken: str, what: str, notes: list[Note]
) -> tuple[list[Own], list[Read]]:
    """What could be read, where the others are to be left out.

    Args:
        given: N things. places: where each was named. read: what came of each, or what is wrong with it.
        broken: `error` or `skip`. what: they are. notes: gets one on those that are left out.

    Raises:
        ReadError: some cannot be used, or none can.
    """
    failed = [f"{place} ({item})" for place, item in zip(places, read, strict=True) if isinstance(item, str)]
    kept = [(own, item) for own, item in zip(given, read, strict=True) if not isinstance(item, str)]
    if failed and (broken == "error" or not kept):
        message = (
            '{count} of {total} {what} cannot be used: {files}. Remove or replace them, or pass broken="skip" to leave '
            "them out"
        )
        raise ReadError(tr(message, count=len(failed), total=len(given), what=what, files=listed(failed)))
    if failed:
        message = "{count} files cannot be used and were left out: {files}."
        notes.append(Note("broken", message, {"count": len(failed), "files": listed(failed)}))
    return [own for own, _ in kept], [item for _, item in kept]


def items_of(data: Any, endings: Sequence[str], folder: Callable[[Path], Own], table: Callable[..., Own]) -> Any:
    """The items of a list or an array, a single file among them; else what a folder or a table says of them.

    Args:
        data: as a user gave it. endings: of files that are an item. folder: reads one. table: reads one, given it and
            the folder that its paths are in.

    Returns:
        A list or an array of items, or what `folder` or `table` gave, with whether it is the former.
    """
    if isinstance(data, (str, PathLike)):
        root = Path(data).expanduser()
        if root.is_dir():
            return folder(root), False
        if root.suffix.lower() not in endings:
            return table(root, root.parent), False
        return [root], True
    return (data, True) if isinstance(data, (list, tuple, np.ndarray)) else (table(data, Path()), False)


def in_folder(
    root: Path, stem: str, endings: Sequence[str], what: str, table: Callable[[Path], Own],
    files: Callable[[list[Path]], Own],
) -> Own:  # fmt: skip
    """What a folder holds: as its table, called `stem` or `metadata`, says, else as its files do.

    Args:
        root: the folder. stem: of the table. endings: of files. what: they are. table, files: read the one or the
            other.

    Raises:
        ReadError: there are no such files.
    """
    for name in (stem, "metadata"):
        for file in sorted(root.glob(f"{name}.*")):
            if file.suffix.lower() in TABLES:
                return table(file)
    found = files_below(root, endings)
    if not found:
        message = "{folder} holds no {what} ({endings} ...)"
        raise ReadError(tr(message, folder=root, what=what, endings=", ".join(endings[:4])))
    return files(found)


def written_for(made: Sequences, name: str, texts: Sequence[str] | None, parts: Sequence[str | None]) -> Sequences:
    """Sequences with the texts that stand with them, and the parts where every one has its own."""
    known = objects(parts) if all(part is not None for part in parts) else None
    labels = None if texts is None else objects(texts)
    return replace(made, labels=labels, parts=known, label_names=() if texts is None else (name,))


def require_texts(items: Sequence[Any], nothing: str, what: str) -> None:
    """Refuse things without the texts that stand with them.

    Args:
        items: with `text`, `place` and `id`. nothing: what to say where none has one. what: a text is called.

    Raises:
        DataError: none has one, or the first that has an empty one.
    """
    if all(own.text is None for own in items):
        raise DataError(nothing)
    for own in items:
        if not (own.text or "").strip():
            raise DataError(tr("{place}: the {what} of {name} is empty", place=own.place, name=own.id, what=what))


def different(names: Sequence[str]) -> list[str]:
    """Names, those that several have with their places."""
    counts = Counter(names)
    return [name if counts[name] == 1 else f"{name}#{place}" for place, name in enumerate(names)]


def objects(values: Sequence[Any]) -> Any:
    """[N] an array of any things."""
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found
