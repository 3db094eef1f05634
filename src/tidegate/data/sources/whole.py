"""Tables that hold a whole sequence in each row: its steps in columns of their own, or all of them in one cell."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError, SchemaError
from tidegate.core.sequences import Sequences
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.data.cells.columns import Role, Source
from tidegate.data.schema import Columns, as_names, require_columns
from tidegate.data.sources import labels as of
from tidegate.data.sources.build import listed, pack, without_padding
from tidegate.data.sources.table import labels_of, missing_labels

_UNUSED = "Columns that are not used beside the sequences: {columns}."


def read_whole(source: Source, named: Columns, *, rows: bool = False, cells: str | None = None) -> Sequences:
    """Sequences of one channel.

    Args:
        source: the columns.
        rows: whether the features of a row are the steps of its sequence. cells: column whose cells hold a sequence
            each, numbers between commas or blanks.
        named: columns; features are the steps in their order, None takes all other columns of numbers.

    Raises:
        SchemaError: a column is missing, or holds no numbers.
        ConfigError: rows and cells at once, or a time.
    """
    if rows == (cells is not None):
        raise ConfigError(tr("pass either rows=True or cells=, the column that holds a sequence in each cell"))
    if named.time is not None:
        raise ConfigError(
            tr("time= orders the rows of a sequence; where a row or cell holds a whole one, leave it out")
        )
    names, id, group = as_names(named.label), named.id, named.group
    roles: dict[str, Role] = {
        **dict.fromkeys((*as_names(id), *as_names(group)), "text"),
        **dict.fromkeys(names, "label"),
    }
    steps = (
        (cells,)
        if cells is not None
        else as_names(named.features)
        or tuple(name for name in source.names if name not in roles and source.kind(name) in ("number", "empty"))
    )
    wanted = {"label": names, "id": as_names(id), "group": as_names(group)}
    require_columns(source, {**wanted, "features" if cells is None else "cells": steps})
    loaded = source.load({**dict.fromkeys(steps, "text" if cells is not None else "number"), **roles}).values
    if cells is not None:
        parts = _parts(loaded[cells], cells, source.place)
    else:
        parts = list(np.stack([loaded[name] for name in steps], axis=1)[:, :, None])
    parts, padding = without_padding(parts)
    unused = [name for name in source.names if name not in roles and name not in steps]
    notes = [*source.notes, *padding, *([Note("unused", _UNUSED, {"columns": listed(unused)})] if unused else [])]
    columns = [labels_of(loaded[name]) for name in names]
    return missing_labels(
        pack(
            parts,
            ids=None if id is None else [str(name) for name in loaded[id].tolist()],
            labels=None if not names else columns[0] if len(names) == 1 else of.several(columns, names),
            label_names=names,
            groups=None if group is None else np.array([str(name) for name in loaded[group].tolist()], dtype=object),
            notes=notes,
        )
    )


def _parts(cells: Sequence[Any], name: str, place: Callable[[int], str]) -> list[NDArray[np.float64]]:
    parts = []
    for row, cell in enumerate(cells):
        try:
            numbers = [float(part) for part in re.split(r"[\s,;]+", str(cell).strip("[]() \n"))]
        except ValueError:
            message = (
                "{place}, column {name!r}: {value!r} is no list of numbers; expected numbers between commas or "
                "blanks, such as [1.5, 2, 3]"
            )
            raise SchemaError(tr(message, place=place(row), name=name, value=str(cell)[:40])) from None
        parts.append(np.array(numbers)[:, None])
    return parts
