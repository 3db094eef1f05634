"""Texts with a label: a column of a table, lines of JSON, or lines that begin with the label."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import DataError, ReadError, SchemaError
from tidegate.core.sequences import Sequences
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.data.cells.columns import Role, Source
from tidegate.data.schema import Names, as_names, require_columns
from tidegate.data.sources import labels as of
from tidegate.data.sources.archive import lines_of
from tidegate.data.sources.build import attach, check_ids, listed
from tidegate.data.sources.folder import files_below, name_all

TEXTS = (".txt",)
_PREFIX = "__label__"


def read_texts(
    texts: Any,
    *,
    ids: Any = None,
    labels: Any = None,
    label_names: Any = (),
    groups: Any = None,
    notes: tuple[Note, ...] = (),
) -> Sequences:
    """Sequences of a list of texts; N is 0 until tokens are made of them.

    Raises:
        DataError: every text is empty.
        SchemaError: what is given is no text; another number of labels or groups.
    """
    held = [None if text is None or text != text else text for text in _list(texts)]  # noqa: PLR0124
    odd = [place for place, text in enumerate(held) if text is not None and not isinstance(text, str)]
    if odd:
        message = "text {odd} is {held!r}, a {kind}; expected text"
        raise SchemaError(tr(message, odd=odd[0], held=held[odd[0]], kind=type(held[odd[0]]).__name__))
    names = check_ids(ids, len(held))
    empty = [name for name, text in zip(names, held, strict=True) if not (text or "").strip()]
    if len(empty) == len(held):
        raise DataError(tr("every text is empty; check the text column"))
    if empty:
        message = "{count} texts are empty (first: {first})."
        notes = (*notes, Note("empty_text", message, {"count": len(empty), "first": empty[0]}))
    array = np.empty(len(held), dtype=object)
    array[:] = held
    starts = np.zeros(len(held) + 1, dtype=np.int64)
    made = Sequences(names, starts, np.empty((0, 0)), (), texts=array, notes=notes)
    return attach(made, labels, names=label_names, groups=groups)


def _list(texts: Any) -> list[Any]:
    for convert in ("to_list", "tolist", "to_pylist"):
        if hasattr(texts, convert):
            return list(getattr(texts, convert)())
    return list(texts)


def read_text_table(
    source: Source, *, text: str, label: Names = None, id: str | None = None, group: str | None = None
) -> Sequences:
    """Texts of one column of a table.

    Raises:
        SchemaError: a column is missing.
        DataError: every text is empty.
    """
    names = as_names(label)
    wanted = {"text": (text,), "label": names, "id": as_names(id), "group": as_names(group)}
    require_columns(source, wanted)
    used = [name for columns in wanted.values() for name in columns]
    roles: dict[str, Role] = dict.fromkeys(used, "text")
    roles |= dict.fromkeys(names, "label")
    loaded = source.load(roles).values
    held = [of.from_texts(_cells(loaded[name])) for name in names]
    labels = None if not held else held[0] if len(held) == 1 else of.several(held, names)
    unused = [name for name in source.names if name not in used]
    notes = list(source.notes)
    if unused:
        message = "Columns that are not used beside the text: {columns}."
        notes.append(Note("unused", message, {"columns": listed(unused)}))
    return read_texts(
        _cells(loaded[text]),
        ids=None if id is None else _cells(loaded[id]),
        labels=labels,
        label_names=names,
        groups=None if group is None else np.array(_cells(loaded[group]), dtype=object),
        notes=tuple(notes),
    )


def _cells(values: NDArray[Any]) -> list[str]:
    if values.dtype.kind == "O":
        return ["" if cell is None else str(cell) for cell in values.tolist()]
    return ["" if cell != cell else f"{cell:.17g}" for cell in values.tolist()]  # noqa: PLR0124


def read_labelled_lines(path: Path, encoding: str | None = None) -> Sequences:
    """Lines of a label, a blank or tab, and a text.

    Raises:
        ReadError: a line holds one word only.
    """
    labels, texts = [], []
    for number, line in lines_of(path, encoding):
        pair = line.split("\t", 1) if "\t" in line else line.split(None, 1)
        if len(pair) < 2:
            message = "{name}, line {number}: expected a label, a blank and a text, found {line!r}"
            raise ReadError(tr(message, name=path.name, number=number, line=line[:40]))
        labels.append(pair[0].removeprefix(_PREFIX))
        texts.append(pair[1].strip())
    found = of.from_texts(labels)
    message = "Each line was read as a label and then a text; there are {count} different labels."
    note = Note("lines", message, {"count": len({str(label) for label in found.tolist()})})
    return replace(read_texts(texts, labels=found), notes=(note,))


def begins_with_labels(path: Path, encoding: str | None = None) -> bool:
    """Whether a file without a header is lines of a label and a text: `__label__` before the label, or one label, tab
    and sentence a line, of which the first label comes again."""
    pairs = [line.split("\t") for _, line in islice(lines_of(path, encoding), 200)]
    if pairs and all(cells[0].startswith(_PREFIX) for cells in pairs):
        return True
    labels = [cells[0] for cells in pairs]
    words = [len(cells[-1].split()) > 2 or not cells[-1].isascii() for cells in pairs]
    return all(len(cells) == 2 for cells in pairs) and labels.count(labels[0]) > 1 and sum(words) > len(words) / 2


def read_text_folder(root: Path, pattern: str | None = None, encoding: str | None = None) -> Sequences:
    """A text file a sequence; the folder it lies in is its label, or what `pattern` finds in its name.

    Raises:
        ReadError: a file is no text.
    """
    named = name_all(root, files_below(root, TEXTS), pattern)
    held = ["\n".join(line for _, line in lines_of(path, encoding)) for path in named.paths]
    found = read_texts(held, ids=named.ids, labels=named.labels, groups=named.groups, notes=tuple(named.notes))
    return replace(found, label_names=("label",)) if named.labels is not None else found
