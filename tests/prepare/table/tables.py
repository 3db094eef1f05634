"""Small tables for the tests of `prepare`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.frequency import Frequency
from tidegate.core.table import Schema, Table


def make_table(
    columns: dict[str, Any],
    *,
    lengths: tuple[int, ...] = (),
    targets: tuple[str, ...] = ("y",),
    observed: tuple[str, ...] = (),
    known: tuple[str, ...] = (),
    static: dict[str, Any] | None = None,
    frequency: Frequency | None = None,
    start: str | None = "2020-01-01",
    timezone: str | None = None,
) -> Table:
    """A table of float columns (text stays text); series of the given lengths, times from `start` (None: counted)."""
    arrays: dict[str, NDArray[Any]] = {}
    for name, values in columns.items():
        array = np.asarray(values)
        arrays[name] = array if array.dtype.kind == "f" else np.asarray(values, dtype=object)
        if array.dtype.kind in "iub":
            arrays[name] = array.astype(np.float64)
    rows = len(next(iter(arrays.values())))
    lengths = lengths or (rows,)
    frequency = frequency or (Frequency(1, "h") if start else Frequency(1, "row"))
    origin: Any = np.datetime64(start, "us") if start else 0
    time = np.concatenate([frequency.advance(origin, np.arange(length)) for length in lengths])
    ids = ("",) if len(lengths) == 1 else tuple(f"s{g}" for g in range(len(lengths)))
    return Table(
        schema=Schema("time", targets, "series", known, observed, tuple(static or {})),
        frequency=frequency,
        ids=ids,
        starts=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        time=time,
        columns=arrays,
        static={name: np.asarray(values) for name, values in (static or {}).items()},
        timezone=timezone,
    )


def all_rows(table: Table) -> NDArray[np.int64]:
    """The whole table as its training part."""
    return table.rows()


def holes(values: NDArray[Any], share: float, generator: np.random.Generator) -> NDArray[Any]:
    """A copy with a share of the values missing, in runs of up to five."""
    result = values.copy()
    for first in np.flatnonzero(generator.random(len(values)) < share / 3):
        result[first : first + int(generator.integers(1, 6))] = np.nan
    return result
