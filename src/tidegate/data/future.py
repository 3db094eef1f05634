"""Known-ahead covariates of the steps to forecast, matched to them by series and time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import SchemaError
from tidegate.core.table import Note, Table
from tidegate.core.translate import tr
from tidegate.data.read import read
from tidegate.data.time.calendars import show
from tidegate.data.time.zones import to_local


@dataclass(frozen=True)
class Ahead:
    """What is known of the steps to forecast.

    Attributes:
        known: covariate -> [G, K], of the series that have them.
        time: [G, K] their times, where they were given with them; else None.
        notes: what was found.
        kept: [G] places of these series; None for all.
    """

    known: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    time: NDArray[Any] | None = None
    notes: tuple[Note, ...] = ()
    kept: NDArray[np.int64] | None = None


def cut_future(table: Table) -> tuple[Table, NDArray[np.int64]]:
    """Divide a table from the rows at its end that have not happened yet: no target, but all known-ahead covariates.

    Returns:
        The table without them (itself where there are none), and [G] how many each series has.
    """
    schema, none = table.schema, np.zeros(len(table.ids), dtype=np.int64)
    if not schema.known or any(not table.numeric(name) for name in schema.targets):
        return table, none
    blank = np.ones(len(table), dtype=bool)
    for name in schema.targets:
        blank &= np.isnan(table.columns[name])
    for name in schema.known:
        values = table.columns[name]
        blank &= ~np.isnan(values) if table.numeric(name) else np.array([cell is not None for cell in values])
    if not blank[table.starts[1:][table.lengths > 0] - 1].any():
        return table, none
    last = np.where(blank, -1, np.arange(len(table)))
    ends = np.array([last[a:b].max(initial=a - 1) + 1 for a, b in table.rows()], dtype=np.int64)
    counts = table.starts[1:] - np.maximum(ends, table.starts[:-1])
    keep = np.arange(len(table)) < np.repeat(table.starts[1:] - counts, table.lengths)
    columns = {name: values[keep] for name, values in table.columns.items()}
    starts = np.concatenate([[0], np.cumsum(table.lengths - counts)]).astype(np.int64)
    return replace(table, starts=starts, time=table.time[keep], columns=columns), counts


def take_future(table: Table, past: Table, counts: NDArray[np.int64], horizon: int) -> Ahead:
    """The known-ahead covariates that a table's own last rows hold; series without K of them are left out.

    Args:
        table, past, counts: of `cut_future`. horizon: K.

    Raises:
        SchemaError: no series has K such rows.
    """
    kept = np.flatnonzero(counts >= horizon)
    if not len(kept):
        most = int(counts.argmax())
        whose = _whose(table.ids[most]) if len(table.ids) > 1 else ""
        message = (
            "the data have {count} rows at the end{whose} with known-ahead values and no target; the forecast has "
            "{steps} steps. Add the rows that are lacking, or give them as future= (--future); future_frame() "
            "(predict --template) makes them"
        )
        raise SchemaError(tr(message, whose=whose, count=int(counts[most]), steps=horizon))
    rows = (table.starts[1:] - counts)[kept, None] + np.arange(horizon)
    message = (
        "Rows at the end of the data that have no target, but known-ahead values, were taken as the steps to forecast, "
        "from {first} on."
    )
    note = Note("future_rows", message, {"first": show(local_moment(table, table.time[rows[0, 0]]))})
    known = {name: table.columns[name][rows] for name in table.schema.known}
    return Ahead(known, table.time[rows], (note, *left_out(table, kept)), kept)


def left_out(table: Table, kept: NDArray[np.int64]) -> list[Note]:
    """A note on the series that are not forecast, as rows of their future are lacking or blank."""
    lacking = np.delete(np.arange(len(table.ids)), kept)
    if not len(lacking):
        return []
    message = (
        "{count} of {total} series lack rows, or known-ahead values, of the steps to forecast, and have no forecast: "
        "{names}."
    )
    names = ", ".join(table.ids[place] for place in lacking[:10]) + (" ..." if len(lacking) > 10 else "")
    return [Note("no_future", message, {"count": len(lacking), "total": len(table.ids), "names": names})]


def _whose(series: str) -> str:
    return tr(" of series {name}", name=repr(series)) if series else ""


def local_moment(table: Table, moment: Any) -> Any:
    """A time of a table on its clock."""
    dated = table.timezone is not None and isinstance(moment, np.datetime64)
    return to_local(np.array([moment]), str(table.timezone))[0] if dated else moment


def read_future(future: Any, table: Table, names: Sequence[str], horizon: int, *, part: bool = False) -> Ahead:
    """Read the covariates of the `horizon` steps after the end of every series.

    Args:
        future: path, frame or dict with the table's time and series columns and the covariates; rows of other
            times are passed over.
        table: the past. names: the covariates. horizon: K.
        part: leave series out that lack rows, or numbers, where others have them all.

    Returns:
        They and, where rows keep no regular step, their times.

    Raises:
        SchemaError: a column, a series or a step is missing.
    """
    schema = table.schema
    found = read(
        future,
        time=False if schema.time is None else schema.time,
        target=[],
        series=schema.key or None,
        known=list(names),
        frequency=table.frequency if table.time.dtype.kind == "M" else None,
        timezone=table.timezone,
        repair="sort",
        check=False,
    )
    places = {name: index for index, name in enumerate(found.ids)}
    rows = np.zeros((len(table.ids), horizon), dtype=np.int64)
    kept, lacking = [], None
    ahead = table.tail(2).extend(horizon)
    for index, series in enumerate(table.ids):
        place = places.get(series, 0 if len(found.ids) == 1 and schema.series is None else None)
        wanted = ahead.time[ahead.starts[index + 1] - horizon : ahead.starts[index + 1]]
        irregular = table.frequency.unit == "row"
        try:
            if place is None:
                message = "future has no rows of series {name}; it has {names}"
                raise SchemaError(tr(message, name=repr(series), names=", ".join(found.ids[:5])))
            rows[index] = _find(found, place, wanted, series, table.timezone, counted=irregular)
        except SchemaError as error:
            if not part:
                raise
            lacking = lacking or error
            continue
        if not part or not _blank(found, names, rows[index]):
            kept.append(index)
    if lacking is not None and not kept:
        raise lacking
    chosen = np.array(kept, dtype=np.int64) if kept else np.arange(len(table.ids))
    rows = rows[chosen]
    values = {name: _like(name, found.columns[name], table.columns[name]) for name in names}
    dated = found.time.dtype.kind == "M" and table.time.dtype.kind == "M"
    time = found.time[rows] if dated and table.frequency.unit == "row" else None
    known = {name: column[rows] for name, column in values.items()}
    return Ahead(known, time, tuple(left_out(table, chosen)), chosen)


def _blank(found: Table, names: Sequence[str], rows: NDArray[np.int64]) -> bool:
    """Whether a number is lacking among rows [K] of the covariates."""
    return any(found.numeric(name) and bool(np.isnan(found.columns[name][rows]).any()) for name in names)


def _like(name: str, values: NDArray[Any], past: NDArray[Any]) -> NDArray[Any]:
    """A covariate of the future as the past holds it: numbers, or text.

    Raises:
        SchemaError: it is the other.
    """
    if values.dtype.kind == past.dtype.kind:
        return values
    if values.dtype.kind == "f" and np.isnan(values).all():
        return np.full(len(values), None, dtype=object)
    message = (
        "future column {name} holds text, but numbers in the past; correct it (one word among numbers makes a column "
        "text)"
        if past.dtype.kind == "f"
        else "future column {name} holds numbers, but text in the past; correct it"
    )
    raise SchemaError(tr(message, name=repr(name)))


def _find(
    found: Table, place: int, wanted: NDArray[Any], series: str, timezone: str | None, *, counted: bool
) -> NDArray[np.int64]:
    """Rows of a series' forecast steps: by time, or in their order where rows are only counted."""
    first, end = found.starts[place], found.starts[place + 1]
    times = found.time[first:end]
    if counted or times.dtype.kind != "M":
        if len(times) < len(wanted):
            message = "future has {count} rows{whose}; the forecast has {steps} steps"
            raise SchemaError(tr(message, count=len(times), whose=_whose(series), steps=len(wanted)))
        return np.asarray(first + np.arange(len(wanted)))
    at = np.minimum(np.searchsorted(times, wanted), max(len(times) - 1, 0))
    missing = times[at] != wanted if len(times) else np.ones(len(wanted), dtype=bool)
    if missing.any():
        step = wanted[int(np.argmax(missing))]
        clock = to_local(np.array([step]), timezone)[0] if timezone is not None else step
        message = (
            "future lacks the row for {time}{whose}; it needs {count} rows from {first} on. future_frame() "
            "(predict --template) makes them"
        )
        values = {"time": show(clock), "whose": _whose(series), "count": len(wanted), "first": show(wanted[0])}
        raise SchemaError(tr(message, **values))
    return np.asarray(first + at)
