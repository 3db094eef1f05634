"""Known-ahead covariates of the steps to forecast, matched to them by series and time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import SchemaError
from tidegate.core.table import Note, Table
from tidegate.data.read import read
from tidegate.data.time.calendars import show
from tidegate.data.time.zones import to_local


@dataclass(frozen=True)
class Ahead:
    """What is known of the steps to forecast.

    Attributes:
        known: covariate -> [G, K].
        time: [G, K] their times, where they were given with them; else None.
        notes: what was found.
    """

    known: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    time: NDArray[Any] | None = None
    notes: tuple[Note, ...] = ()


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
    """The known-ahead covariates that a table's own last rows hold.

    Args:
        table, past, counts: of `cut_future`. horizon: K.

    Raises:
        SchemaError: a series has fewer than K such rows.
    """
    short = np.flatnonzero(counts < horizon)
    if len(short):
        whose = f"series {table.ids[short[0]]!r} has" if len(table.ids) > 1 else "the data have"
        raise SchemaError(
            f"{whose} {counts[short[0]]} rows at the end with known-ahead values and no target; the forecast has "
            f"{horizon} steps. Add the rows that are lacking, or give them as future=; future_frame() makes them"
        )
    rows = (table.starts[1:] - counts)[:, None] + np.arange(horizon)
    message = (
        "Rows at the end of the data that have no target, but known-ahead values, were taken as the steps to forecast, "
        "from {first} on."
    )
    note = Note("future_rows", message, {"first": show(local_moment(table, table.time[rows[0, 0]]))})
    return Ahead({name: table.columns[name][rows] for name in table.schema.known}, table.time[rows], (note,))


def local_moment(table: Table, moment: Any) -> Any:
    """A time of a table on its clock."""
    dated = table.timezone is not None and isinstance(moment, np.datetime64)
    return to_local(np.array([moment]), str(table.timezone))[0] if dated else moment


def read_future(future: Any, table: Table, names: Sequence[str], horizon: int) -> Ahead:
    """Read the covariates of the `horizon` steps after the end of every series.

    Args:
        future: path, frame or dict with the table's time and series columns and the covariates; rows of other
            times are passed over.
        table: the past. names: the covariates. horizon: K.

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
    rows = np.empty((len(table.ids), horizon), dtype=np.int64)
    ahead = table.tail(2).extend(horizon)
    for index, series in enumerate(table.ids):
        place = places.get(series, 0 if len(found.ids) == 1 and schema.series is None else None)
        if place is None:
            raise SchemaError(f"future has no rows of series {series!r}; it has {', '.join(found.ids[:5])}")
        wanted = ahead.time[ahead.starts[index + 1] - horizon : ahead.starts[index + 1]]
        irregular = table.frequency.unit == "row"
        rows[index] = _find(found, place, wanted, series, table.timezone, counted=irregular)
    values = {name: _like(name, found.columns[name], table.columns[name]) for name in names}
    dated = found.time.dtype.kind == "M" and table.time.dtype.kind == "M"
    time = found.time[rows] if dated and table.frequency.unit == "row" else None
    return Ahead({name: column[rows] for name, column in values.items()}, time)


def _like(name: str, values: NDArray[Any], past: NDArray[Any]) -> NDArray[Any]:
    """A covariate of the future as the past holds it: numbers, or text.

    Raises:
        SchemaError: it is the other.
    """
    if values.dtype.kind == past.dtype.kind:
        return values
    if values.dtype.kind == "f" and np.isnan(values).all():
        return np.full(len(values), None, dtype=object)
    ours, theirs = ("numbers", "text") if past.dtype.kind == "f" else ("text", "numbers")
    raise SchemaError(
        f"future column {name!r} holds {theirs}, but {ours} in the past; correct it (one word among "
        "numbers makes a column text)"
    )


def _find(
    found: Table, place: int, wanted: NDArray[Any], series: str, timezone: str | None, *, counted: bool
) -> NDArray[np.int64]:
    """Rows of a series' forecast steps: by time, or in their order where rows are only counted."""
    first, end = found.starts[place], found.starts[place + 1]
    times = found.time[first:end]
    if counted or times.dtype.kind != "M":
        if len(times) < len(wanted):
            raise SchemaError(
                f"future has {len(times)} rows of series {series!r}; the forecast has {len(wanted)} steps"
            )
        return np.asarray(first + np.arange(len(wanted)))
    at = np.minimum(np.searchsorted(times, wanted), max(len(times) - 1, 0))
    missing = times[at] != wanted if len(times) else np.ones(len(wanted), dtype=bool)
    if missing.any():
        step = wanted[int(np.argmax(missing))]
        clock = to_local(np.array([step]), timezone)[0] if timezone is not None else step
        whose = f" of series {series!r}" if series else ""
        raise SchemaError(
            f"future lacks the row for {show(clock)}{whose}; it needs {len(wanted)} rows from "
            f"{show(wanted[0])} on. future_frame() makes them"
        )
    return np.asarray(first + at)
