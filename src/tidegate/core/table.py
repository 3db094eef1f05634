"""The table: one or many series on a grid, held once in memory, and the schema that names its columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import SchemaError
from tidegate.core.frequency import Frequency
from tidegate.core.translate import tr


@dataclass(frozen=True)
class Schema:
    """Which columns are what.

    `known` covariates are known ahead (holidays, planned prices), `observed` ones only up to now,
    `static` ones once per series. Where several columns together name the series, `keys` has them and `series` is
    their names joined.
    """

    time: str | None
    targets: tuple[str, ...]
    series: str | None = None
    known: tuple[str, ...] = ()
    observed: tuple[str, ...] = ()
    static: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, ...]:
        """The columns that name the series; empty where none does."""
        return self.keys or (() if self.series is None else (self.series,))

    def to_json(self) -> dict[str, Any]:
        return {
            "time": self.time,
            "series": list(self.keys) if len(self.keys) > 1 else self.series,
            "targets": list(self.targets),
            "known": list(self.known),
            "observed": list(self.observed),
            "static": list(self.static),
        }

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> Schema:
        return cls(
            time=state["time"],
            series=state["series"] if not isinstance(state["series"], list) else "/".join(state["series"]),
            targets=tuple(state["targets"]),
            known=tuple(state["known"]),
            observed=tuple(state["observed"]),
            static=tuple(state["static"]),
            keys=tuple(state["series"]) if isinstance(state["series"], list) else (),
        )


@dataclass(frozen=True)
class Note:
    """Something found in the data, or done to it: nothing happens silently.

    `message` is English with `{named}` places (translated when shown); `values` fills them.
    """

    kind: str
    message: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, repr=False)
class Table:
    """Series one after another, each sorted by time and on its grid.

    Shapes: N rows, G series.

    Attributes:
        schema: what the columns are.
        frequency: the step between rows.
        ids: [G] names of the series ("" where there is one without a name).
        starts: [G + 1] first row of each series, then N.
        time: [N] datetime64[us] (UTC where `timezone` is set), or integers where rows are only counted.
        columns: name -> [N]; float32 or float64 with NaN for missing, or objects (str or None) for text.
            Arrays may be views of the caller's data: never write into them.
        static: name -> [G], numbers or text.
        timezone: the zone that local clock time is read in, or None.
        notes: what was found and repaired while reading.
        keys: key column -> [G] its values as they were given; empty where `ids` are all there is.
    """

    schema: Schema
    frequency: Frequency
    ids: tuple[str, ...]
    starts: NDArray[np.int64]
    time: NDArray[Any]
    columns: Mapping[str, NDArray[Any]]
    static: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    timezone: str | None = None
    notes: tuple[Note, ...] = ()
    keys: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def __len__(self) -> int:
        return int(self.starts[-1])

    def __repr__(self) -> str:
        return f"<Table: {len(self):,} rows, {len(self.ids):,} series, columns {', '.join(self.columns)}>"

    @property
    def lengths(self) -> NDArray[np.int64]:
        """[G] rows of each series."""
        return np.diff(self.starts)

    def series_of(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Index of the series that each row belongs to."""
        return np.searchsorted(self.starts, rows, side="right") - 1

    def named(self, series: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """The columns that name series, for output: key column -> [n], for the indices [n] of series.

        None where there is one series without a name.
        """
        if self.keys:
            return {name: values[series] for name, values in self.keys.items()}
        if self.schema.series is None and len(self.ids) == 1:
            return {}
        return {self.schema.series or "series": np.array(self.ids, dtype=object)[series]}

    def keep(self, series: NDArray[np.int64]) -> Table:
        """The table of these series alone, in this order."""
        ranges = self.rows()[series]
        keep = np.concatenate([np.arange(a, b) for a, b in ranges]) if len(ranges) else np.empty(0, dtype=np.int64)
        return self.cut(series, keep, ranges[:, 1] - ranges[:, 0])

    def cut(self, series: NDArray[np.int64], rows: slice | NDArray[np.int64], lengths: NDArray[np.int64]) -> Table:
        """The table of some rows alone.

        Args:
            series: [G'] whose they are, in order. rows: theirs, one series after the other; of a slice they are views.
            lengths: [G'] how many of each.
        """
        return replace(
            self,
            ids=tuple(self.ids[i] for i in series),
            starts=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            time=self.time[rows],
            columns={name: values[rows] for name, values in self.columns.items()},
            static={name: values[series] for name, values in self.static.items()},
            keys={name: values[series] for name, values in self.keys.items()},
        )

    def rows(self) -> NDArray[np.int64]:
        """[G, 2] first row and end (exclusive) of each series."""
        return np.stack([self.starts[:-1], self.starts[1:]], axis=1)

    @property
    def continues(self) -> bool:
        """Whether the data say when their next rows come: they keep a step, or are counted."""
        return self.time.dtype.kind != "M" or self.frequency.continues

    def numeric(self, name: str) -> bool:
        """Whether a column holds numbers."""
        return bool(self.columns[name].dtype.kind == "f")

    def tail(self, rows: int) -> Table:
        """The last `rows` rows of every series (all of a shorter one)."""
        if len(self.ids) == 1:
            kept = slice(max(len(self) - rows, 0), len(self))
            found = self.cut(np.zeros(1, np.int64), kept, np.array([kept.stop - kept.start]))
            return replace(found, static=self.static, keys=self.keys)
        first = np.maximum(self.starts[:-1], self.starts[1:] - rows)
        keep = np.concatenate([np.arange(a, b) for a, b in zip(first, self.starts[1:], strict=True)])
        starts = np.concatenate([[0], np.cumsum(self.starts[1:] - first)]).astype(np.int64)
        columns = {name: values[keep] for name, values in self.columns.items()}
        return replace(self, starts=starts, time=self.time[keep], columns=columns)

    def _ahead(self, first: int, end: int, later: NDArray[np.int64]) -> NDArray[Any]:
        """Times of the rows after a series: on its grid, or by its median step where dated rows are irregular."""
        last = self.time[end - 1]
        if self.frequency.unit != "row" or self.time.dtype.kind != "M":
            return self.frequency.advance(last, later)
        steps = np.diff(self.time[first:end].astype(np.int64))
        step = np.timedelta64(int(np.median(steps)) if len(steps) else 0, "us")
        return np.asarray(last + later * step)

    def extend(
        self, steps: int, known: Mapping[str, NDArray[Any]] | None = None, time: NDArray[Any] | None = None
    ) -> Table:
        """Append `steps` future rows to every series; what is not known there is missing.

        Args:
            steps: rows to append to each series.
            known: known-ahead covariates for them, name -> [G, steps]; a column that is not given is missing.
            time: [G, steps] their times; None continues the grid, or the median step where dated rows have none.

        Raises:
            SchemaError: `known` names a column the table lacks or has the wrong shape.
        """
        known = known or {}
        count = len(self.ids)
        for name, values in known.items():
            if name not in self.columns:
                message = "future column {name!r} is not a column of the table; it has {columns}"
                raise SchemaError(tr(message, name=name, columns=sorted(self.columns)))
            if values.shape != (count, steps):
                message = "future column {name!r} has shape {shape}, expected ({count}, {steps})"
                raise SchemaError(tr(message, name=name, shape=values.shape, count=count, steps=steps))
        if time is None:
            later = np.arange(1, steps + 1, dtype=np.int64)
            time = np.stack([self._ahead(first, end, later) for first, end in self.rows()])
        where = np.repeat(self.starts[1:], steps) if count > 1 else None
        columns: dict[str, NDArray[Any]] = {}
        for name, values in self.columns.items():
            blank: Any = np.nan if values.dtype.kind == "f" else None
            extra = known.get(name, np.full((count, steps), blank, dtype=values.dtype))
            columns[name] = _inserted(values, where, np.asarray(extra, dtype=values.dtype).reshape(-1))
        starts = self.starts + np.arange(count + 1, dtype=np.int64) * steps
        return replace(self, starts=starts, time=_inserted(self.time, where, time.reshape(-1)), columns=columns)


def _inserted(values: NDArray[Any], where: NDArray[np.int64] | None, extra: NDArray[Any]) -> NDArray[Any]:
    """Values [N] with others before the rows `where`; None appends them."""
    if where is None:
        return np.concatenate([values, extra.astype(values.dtype, copy=False)])
    return np.insert(values, where, extra)
