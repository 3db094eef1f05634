"""Long tables: the steps of sequences as rows, gathered by an id."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError, DataError, SchemaError, TimeError
from tidegate.core.sequences import Sequences
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.data.cells.columns import Keys, Role, Source
from tidegate.data.schema import Columns, Names, as_names, require_columns
from tidegate.data.sources import labels as of
from tidegate.data.sources.build import attach, check_values, listed
from tidegate.data.time.calendars import show


def gather(
    source: Source, rows: int, keys: Keys | None, notes: list[Note]
) -> tuple[NDArray[np.int64] | None, tuple[str, ...], NDArray[np.int64]]:
    """Rows in the order of their sequences (None where they are), names of the sequences, and where each begins.

    Raises:
        SchemaError: an id is missing.
    """
    if keys is None:
        message = "There is no id=: each of the {count} rows is a sequence of one step."
        notes.append(Note("rows", message, {"count": rows}))
        return None, tuple(map(str, range(rows))), np.arange(rows + 1, dtype=np.int64)
    codes = keys.codes
    if "" in keys.names:
        row = int(np.argmax(codes == keys.names.index("")))
        raise SchemaError(tr("{place}: the id is missing; fill it in or remove the row", place=source.place(row)))
    starts = np.concatenate([[0], np.cumsum(np.bincount(codes, minlength=len(keys.names)))]).astype(np.int64)
    if (codes[1:] >= codes[:-1]).all():
        return None, keys.names, starts
    apart = int((codes[1:] < codes[:-1]).sum())
    message = "Rows of one sequence do not lie together ({count} breaks); they were gathered in their order."
    notes.append(Note("gathered", message, {"count": apart}))
    return np.argsort(codes, kind="stable"), keys.names, starts


def by_time(
    source: Source,
    stamps: NDArray[Any],
    order: NDArray[np.int64] | None,
    starts: NDArray[np.int64],
    ids: tuple[str, ...],
    repair: str,
    notes: list[Note],
) -> tuple[NDArray[np.int64] | None, float | None]:
    """Rows with the steps of each sequence in order of time, and steps a second where times are dates.

    Raises:
        TimeError: a time is missing, or runs backward or repeats and `repair` is "error".
    """
    lost = np.isnat(stamps) if stamps.dtype.kind == "M" else np.isnan(stamps.astype(np.float64))
    if lost.any():
        raise TimeError(
            tr("{place}: the time is missing; fill it in or remove the row", place=source.place(int(np.argmax(lost))))
        )
    placed = np.arange(len(stamps)) if order is None else order
    ordered = stamps[placed]
    same = np.ones(max(len(ordered) - 1, 0), dtype=bool)
    same[starts[1:-1] - 1] = False
    step = np.diff(ordered.astype(np.int64) if ordered.dtype.kind == "M" else ordered)
    for kind, bad, what in (("sorted", (step < 0) & same, "runs backward"), ("doubled", (step == 0) & same, "repeats")):
        if not bad.any():
            continue
        at = int(np.argmax(bad)) + 1
        name = ids[int(np.searchsorted(starts, at, side="right")) - 1]
        when = show(ordered[at]) if ordered.dtype.kind == "M" else f"{ordered[at]:g}"
        if repair == "error":
            message = (
                "{place}: the time {what} at {when} within sequence {name!r} ({sum} such places); correct the rows, "
                'or pass repair="sort" to sort them and keep doubles'
            )
            raise TimeError(
                tr(message, place=source.place(int(placed[at])), what=what, when=when, name=name, sum=int(bad.sum()))
            )
        message = "Time ran backward within sequences at {count} places (first: {first}); their steps were sorted."
        if kind == "doubled":
            message = "Times repeat within sequences at {count} places (first: {first}); both steps were kept."
        notes.append(Note(kind, message, {"count": int(bad.sum()), "first": name}))
        if kind == "sorted":
            codes = np.repeat(np.arange(len(ids)), np.diff(starts))
            placed = placed[np.lexsort((ordered, codes))]
            order, ordered = placed, stamps[placed]
            step = np.diff(ordered.astype(np.int64) if ordered.dtype.kind == "M" else ordered)
    usual = float(np.median(step[same])) if ordered.dtype.kind == "M" and same.any() else 0.0
    return order, 1e6 / usual if usual > 0 else None


_GROUPS = ("subject", "speaker", "patient", "person", "user", "engine", "machine", "device", "host", "session", "group")


def read_table(source: Source, named: Columns, *, tag: bool = False, repair: str = "error") -> Sequences:
    """Sequences of a table.

    Args:
        source: its columns.
        named: which of them are what.
        tag: whether each step has a label of its own.
        repair: "error" refuses times that run backward or repeat within a sequence; "sort" sorts them.

    Raises:
        SchemaError: a column is missing or of the wrong kind; a label or group changes within a sequence.
        TimeError: times run backward, repeat, or are missing.
        DataError: an infinite value.
    """
    if repair not in ("error", "sort"):
        raise ConfigError(tr('repair={repair!r} must be "error" or "sort"', repair=repair))
    id = named.id
    if tag and id is None:
        raise ConfigError(tr("tag=True needs id=, the column that says which rows are one sequence"))
    names, time, group = as_names(named.label), named.time, named.group
    wanted = {"label": names, "id": as_names(id), "time": as_names(time), "group": as_names(group)}
    require_columns(source, wanted)
    notes = list(source.notes)
    taken = {name for columns in wanted.values() for name in columns}
    numbers, texts = _features(source, named.features, taken, notes)
    roles: dict[str, Role] = dict.fromkeys(numbers, "number")
    roles |= dict.fromkeys(texts, "any")
    roles |= dict.fromkeys(names, "label")
    if group is not None and group != id:
        roles[group] = "key"
    if id is not None:
        roles[id] = "key"
    if time is not None:
        roles[time] = "number" if source.kind(time) == "number" else "time"
    before = len(source.notes)
    loaded = source.load(roles)
    notes.extend(source.notes[before:])
    order, ids, starts = gather(source, loaded.rows, None if id is None else loaded.values[id], notes)
    rate = None
    if time is not None:
        held = loaded.values[time]
        stamps = held if isinstance(held, np.ndarray) else held.values
        order, rate = by_time(source, stamps, order, starts, ids, repair, notes)

    def rows_of(values: NDArray[Any]) -> NDArray[Any]:
        return values if order is None else values[order]

    values = np.empty((loaded.rows, 0))
    if numbers:
        values = np.stack([rows_of(loaded.values[name]) for name in numbers], axis=1)
    categories = {name: rows_of(_text(loaded.values[name])) for name in texts}
    made = Sequences(ids, starts, values, numbers, categories, rate=rate, notes=tuple(notes))
    check_values(made)
    columns = [rows_of(labels_of(loaded.values[name])) for name in names]
    if not tag:
        columns = [
            _one(column, made, f"label column {name!r}", True) for name, column in zip(names, columns, strict=True)
        ]
    held = None if not names else columns[0] if len(names) == 1 else of.several(columns, names)
    groups = _groups(loaded.values, group, id, made, rows_of)
    made = attach(made, held, tag=tag, names=names, groups=groups)
    return missing_labels(made)


def _features(
    source: Source, features: Names, taken: set[str], notes: list[Note]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Columns of numbers, and columns of text."""
    wanted = as_names(features)
    require_columns(source, {"features": wanted})
    for name in wanted:
        if name in taken:
            raise SchemaError(
                tr("column {name!r} is named in features and has another role; a column has one role", name=name)
            )
    if features is None:
        wanted = tuple(name for name in source.names if name not in taken)
    if not wanted:
        raise SchemaError(tr("no column is left to learn from; name some with features="))
    kinds = {name: source.kind(name) for name in wanted}
    if features is None:
        times = [name for name in wanted if kinds[name] == "time"]
        if times:
            message = "Columns of times are not read as features: {columns}. To order the steps by one, pass time=."
            notes.append(Note("unused", message, {"columns": listed(times)}))
        wanted = tuple(name for name in wanted if kinds[name] != "time")
        suspects = [name for name in wanted if name.lower().replace("_id", "") in _GROUPS]
        if suspects:
            message = (
                "Column {column} is read as a feature, though its name says where a sequence came from; if so, pass "
                "group={column!r}, so that none is on both sides."
            )
            notes.append(Note("suspect_group", message, {"column": suspects[0]}))
    numbers = tuple(name for name in wanted if kinds[name] in ("number", "empty"))
    return numbers, tuple(name for name in wanted if kinds[name] not in ("number", "empty"))


def _text(values: NDArray[Any]) -> NDArray[Any]:
    if values.dtype.kind == "O":
        return values
    texts = np.empty(len(values), dtype=object)
    texts[:] = [None if value != value else f"{value:g}" for value in values.tolist()]  # noqa: PLR0124
    return texts


def labels_of(values: NDArray[Any]) -> NDArray[Any]:
    """A column of labels as they are kept."""
    if values.dtype.kind == "O":
        cells = values.tolist()
        return of.from_texts(cells) if all(isinstance(cell, str) for cell in cells) else of.tidy(values)
    return of.tidy(values)


def _one(column: NDArray[Any], sequences: Sequences, what: str, tagging: bool) -> NDArray[Any]:
    """[M] the value that each sequence has at all of its steps."""
    first = column[sequences.starts[:-1]]
    spread = np.repeat(first, sequences.lengths)
    both = np.zeros(len(column), dtype=bool)
    if column.dtype.kind == "f":
        both = np.isnan(column) & np.isnan(spread)
    differs = (column != spread) & ~both
    if differs.any():
        at = int(np.searchsorted(sequences.starts, int(np.argmax(differs)), side="right")) - 1
        a, b = sequences.starts[at : at + 2]
        kinds = listed([repr(kind) for kind in dict.fromkeys(column[a:b].tolist())], 3)
        hint = "; correct it, or pass tag=True for a label at each step" if tagging else "; correct it"
        message = "{what} changes within sequence {name!r} ({kinds}){hint}"
        raise SchemaError(tr(message, what=what, name=sequences.ids[at], kinds=kinds, hint=hint))
    return first


def _groups(
    values: dict[str, Any], group: str | None, id: str | None, sequences: Sequences, rows_of: Any
) -> NDArray[Any] | None:
    if group is None:
        return None
    if group == id:
        names = np.empty(len(sequences), dtype=object)
        names[:] = sequences.ids
        return names
    keys: Keys = values[group]
    codes = _one(rows_of(keys.codes), sequences, f"group column {group!r}", False)
    named: NDArray[Any] = np.array(keys.names, dtype=object)[codes]
    missing = np.flatnonzero(named == "")
    if len(missing):
        message = "sequence {name!r} has no group in column {group!r}; fill it in"
        raise SchemaError(tr(message, name=sequences.ids[int(missing[0])], group=group))
    return named


def missing_labels(sequences: Sequences) -> Sequences:
    """The sequences with a note on labels that are missing; all missing is an error.

    Raises:
        DataError: no sequence or step has a label.
    """
    from dataclasses import replace

    from tidegate.data.partition import lacks

    if sequences.labels is None:
        return sequences
    missing = lacks(sequences.labels)
    if not missing.any():
        return sequences
    if missing.all():
        raise DataError(tr("no label in {names}; check the label column", names=", ".join(sequences.label_names)))
    message = "{count} of {total} labels are missing."
    note = Note("unlabelled", message, {"count": int(missing.sum()), "total": len(missing)})
    return replace(sequences, notes=(*sequences.notes, note))
