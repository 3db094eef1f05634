"""Known-ahead covariates of the steps to forecast, matched to them by series and time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import SchemaError
from tidegate.core.table import Table
from tidegate.data.read import read
from tidegate.data.time.frequency import show
from tidegate.data.time.zones import to_local


def read_future(future: Any, table: Table, names: Sequence[str], horizon: int) -> dict[str, NDArray[Any]]:
    """Read the covariates of the `horizon` steps after the end of every series.

    Args:
        future: path, frame or dict with the table's time and series columns and the covariates; rows of other
            times are passed over.
        table: the past. names: the covariates. horizon: K.

    Returns:
        name -> [G, K].

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
    return {name: found.columns[name][rows] for name in names}


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
