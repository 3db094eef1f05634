"""Rows of a table in the order of their sequences, and of time within each."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import SchemaError, TimeError
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.data.cells.columns import Keys, Source
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
