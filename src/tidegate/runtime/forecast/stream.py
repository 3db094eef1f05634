"""A stream of one series: each new row moves the window on, and the coming steps are forecast anew."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ArtifactError, ConfigError, DataError, SchemaError, TimeError
from tidegate.core.table import Table
from tidegate.core.translate import tr
from tidegate.prepare.table.assemble import assemble
from tidegate.prepare.table.preparation import Preparation
from tidegate.prepare.table.prepared import Origins, Prepared
from tidegate.runtime.clock import microseconds
from tidegate.runtime.forecast.decode import Decoding
from tidegate.runtime.forecast.ends import SeriesForecast, pack_context, predict_ends, predict_prepared, unpack_context
from tidegate.runtime.model import Streamed
from tidegate.runtime.network.network import Output
from tidegate.runtime.state import fingerprint, measured, pack, unpack

SPARE = 64  # rows that a tape takes in before a new one is made
Array = NDArray[np.float32]


class Tape(Prepared):
    """The last rows of one series, prepared, and room for the next ones.

    Made only where a row's place and inputs do not depend on the rows after it: no gap, numbers only, none of them
    known ahead, steps of one length. What it gives is then, bit for bit, what the whole way from a table gives.

    Args:
        model: has `spec`, `decoding`, `preparation` and `rows`. table: its rows so far, of one series.
    """

    def __init__(self, model: Any, table: Table) -> None:
        self.model, self.count, self._begin = model, len(table), len(table)
        self.window, self.horizon = int(model.spec.window), int(model.decoding.horizon)
        full = table.extend(SPARE + self.horizon)
        super().__init__(model.preparation, full, assemble(model.preparation, full))
        origin = self.origin
        self._past = self.begun(self.count, self.window, SPARE)
        self._future = super().future(origin, SPARE + self.horizon)
        self._static = super().static(origin)

    @classmethod
    def of(cls, model: Any, table: Table) -> Tape | None:
        """A tape of a table; None where each row has to be prepared with all others."""
        numbers = all(values.dtype.kind == "f" and not np.isnan(values).any() for values in table.columns.values())
        even = table.frequency.microseconds is not None or table.time.dtype.kind != "M"
        if not numbers or not even or not table.continues or table.schema.known:
            return None
        return cls(model, table)

    @property
    def origin(self) -> Origins:
        """[1] the row of the first step to forecast, which is all that it is asked about."""
        return np.array([self.count], dtype=np.int64)

    @property
    def rows(self) -> Table:
        """The rows so far, as many as a forecast can depend on."""
        rows = slice(max(self.count - self.model.rows, 0), self.count)
        return self.table.cut(np.zeros(1, np.int64), rows, np.array([rows.stop - rows.start]))

    @property
    def last(self) -> Any:
        """The time of the last row."""
        return self.table.time[self.count - 1]

    def past(self, origins: Origins, length: int, out: Array | None = None) -> Array:
        if out is not None or self._past is None:
            return super().past(origins, length, out)
        at = self.window + self.count - self._begin
        return self._past[:, at - length : at]

    def future(self, origins: Origins, steps: int, out: Array | None = None) -> Array:
        at = self.count - self._begin
        return self._future[:, at : at + steps]

    def static(self, origins: Origins) -> Array:
        return self._static

    def take(self, row: Mapping[str, float]) -> bool:
        """Write one row, by column; False, and nothing is written, where it needs more than that."""
        at = self.window + self.count - self._begin
        if at == self.window + SPARE or len(row) != len(self.table.columns):
            return False
        if not self.write_row(self.count, row, None if self._past is None else self._past[:, at : at + 1]):
            return False
        self.count += 1
        return True

    def back(self) -> None:
        """As if the last row had never come."""
        self.count -= 1
        self.memory.clear()


_COUNTED = "time={time}: rows of this series are counted; give a whole number, or leave it out"
LONGEST_GAP = 10_000


class Forecasts(Streamed[Preparation], Protocol):
    """What a stream asks of a model: see `tidegate.runtime.forecast.model.ForecastModel`."""

    @property
    def decoding(self) -> Decoding: ...
    @property
    def rows(self) -> int: ...

    def context(self) -> Table: ...
    def run(self, past: NDArray[Any], future: NDArray[Any], static: NDArray[Any]) -> Output: ...


class ForecastStream:
    """The last rows of one series; made by `ForecastModel.stream`.

    After any rows its forecast is that of `predict` for a table that ends with them, bit for bit.

    Args:
        model: the trained model. table: rows of one series to begin with, perhaps none.
    """

    def __init__(self, model: Forecasts, table: Table) -> None:
        self.model = model
        self._tape: Tape | None = None
        self._name = ""
        self.table = table.tail(model.rows)
        self.like = self.table.tail(0)  # what its rows are like

    @property
    def table(self) -> Table:
        """Its last rows."""
        return self._table if self._tape is None else self._tape.rows

    @table.setter
    def table(self, table: Table) -> None:
        self._table, self._tape = table, None

    def update(self, values: Any, time: Any = None, *, known: Mapping[str, Any] | None = None) -> SeriesForecast | None:
        """Take in one row and forecast the steps after it.

        Args:
            values: a number, [C] for several targets, or a mapping from columns to their values; what is not given is
                missing.
            time: of the row; None means one step after the last. Steps between them are missing rows.
            known: known-ahead covariates of the steps to forecast, name -> [K].

        Returns:
            The forecast; None while there are fewer rows than it looks at.

        Raises:
            DataError: a value is infinite or no number. SchemaError: a column is unknown, or a known-ahead one is not
            given. TimeError: the time is not after the last, or not on the series' grid. The stream then is as before.
        """
        row = self._row(values)
        if not known and self._written(row, time):
            return self._forecast()
        table = self._appended(row, time)
        if len(table) < self.model.spec.window + self.model.preparation.lead:
            self.table = table
            return None
        ahead = {name: np.asarray(column)[None] for name, column in (known or {}).items()}
        found = predict_ends(self.model.run, self.model, table, ahead)
        self.table = table
        self._tape = Tape.of(self.model, table)
        return found

    def _written(self, row: Mapping[str, Any], time: Any) -> bool:
        """Whether the row is the next one, and could be written onto the tape."""
        tape = self._tape
        if tape is None:
            return False
        missing, _ = self._gap(tape.last, time)
        return not missing and tape.take(row)

    def _forecast(self) -> SeriesForecast:
        """The forecast after the tape's last row, which is taken back where there is none."""
        assert self._tape is not None
        tape = self._tape
        try:
            return predict_prepared(self.model.run, self.model, tape.table, tape, tape.origin)
        except BaseException:
            tape.back()
            raise

    def snapshot(self) -> bytes:
        about, arrays = pack_context(self.table, self.model.rows)
        return pack(self._fingerprint(), about, arrays)

    def restore(self, snapshot: bytes) -> None:
        about, arrays = unpack(snapshot, self._fingerprint())
        own = self.table
        table = unpack_context(about, arrays, own.schema, own.frequency, own.timezone, "snapshot")
        kinds = {name: values.dtype.kind for name, values in own.columns.items()}
        if (
            len(table.ids) != 1
            or {name: values.dtype.kind for name, values in table.columns.items()} != kinds
            or table.time.dtype != own.time.dtype
            or len(table) > self.model.rows
        ):
            raise ArtifactError(tr("snapshot: its rows are not of one series of this model"))
        self.table = table

    def _fingerprint(self) -> str:
        if not self._name:
            about = self.model.preparation.to_json(), self.model.decoding.to_json()
            self._name = fingerprint(self.model.spec, self.model.weights, *about)
        return self._name

    def _row(self, values: Any) -> dict[str, Any]:
        """name -> its number, text or None, of the columns that are given."""
        columns, targets = self.like.columns, self.like.schema.targets
        if not isinstance(values, Mapping):
            given = measured(values, targets)
            if given.size != len(targets):
                message = "a row has {count} target(s), {targets}; got {given} values"
                raise DataError(tr(message, count=len(targets), targets=", ".join(targets), given=given.size))
            return dict(zip(targets, given.ravel().tolist(), strict=True))
        strangers = sorted(set(values) - set(columns))
        if strangers:
            message = "column {name} is not one of the model's: {columns}"
            raise SchemaError(tr(message, name=repr(strangers[0]), columns=", ".join(columns)))
        row: dict[str, Any] = {}
        for name, value in values.items():
            if columns[name].dtype.kind == "f":
                row[name] = float(measured(np.nan if value is None else value))
            else:
                row[name] = None if value is None else str(value)
        return row

    def _appended(self, given: Mapping[str, Any], time: Any) -> Table:
        """The rows with one more, and missing ones for the steps between."""
        table = self.table
        kinds = {name: np.float64 if isinstance(value, float) else object for name, value in given.items()}
        row = {name: np.full((1, 1), value, dtype=kinds[name]) for name, value in given.items()}
        if not len(table):
            return self._first(row, time)
        missing, stamp = self._gap(table.time[-1], time)
        if missing:
            table = table.extend(missing).tail(self.model.rows)
        at = None if stamp is None else np.full((1, 1), stamp, dtype=table.time.dtype)
        return table.extend(1, row, at).tail(self.model.rows)

    def _first(self, row: Mapping[str, NDArray[Any]], time: Any) -> Table:
        table = self.table
        if table.time.dtype.kind == "M":
            if time is None:
                raise TimeError(tr("the first row of a new stream needs its time: update(values, time=...)"))
            number = microseconds(time, table.timezone)
        elif isinstance(time, bool) or not isinstance(time, (int, np.integer, type(None))):
            raise TimeError(tr(_COUNTED, time=repr(time)))
        else:
            number = int(time or 0)
        return table.extend(1, row, np.full((1, 1), number, np.int64).astype(table.time.dtype))

    def _gap(self, last: Any, time: Any) -> tuple[int, Any]:
        """Rows that are missing before a time, and the time as the table keeps it; None where it goes on by itself."""
        if time is None:
            return 0, None
        table = self.like
        dated = table.time.dtype.kind == "M"
        if not dated and (isinstance(time, bool) or not isinstance(time, (int, np.integer))):
            raise TimeError(tr(_COUNTED, time=repr(time)))
        now = np.datetime64(microseconds(time, table.timezone), "us") if dated else np.int64(time)
        if now <= last:
            message = "time goes backwards: {time} is not after {last}; give rows in order, each time once"
            raise TimeError(tr(message, time=now, last=last))
        if dated and table.frequency.unit == "row":
            return 0, now
        grid = table.frequency.advance(last, np.arange(1, LONGEST_GAP + 1, dtype=np.int64))
        place = int(np.searchsorted(grid, now))
        if place == len(grid):
            message = "more than {most} steps are missing before {time}: begin a new stream, fresh=True"
            raise TimeError(tr(message, most=LONGEST_GAP, time=now))
        if grid[place] != now:
            message = "{time} is not on the series' grid: the next times are {next} and after"
            raise TimeError(tr(message, time=now, next=grid[max(place - 1, 0)]))
        return place, now


def open_stream(model: Forecasts, snapshot: bytes | None, *, series: str | None, fresh: bool) -> ForecastStream:
    """A stream; arguments and errors as of `ForecastModel.stream`."""
    table = model.context()
    if series is None and len(table.ids) > 1 and snapshot is None:
        message = "the model forecasts {count} series: make a stream of each, series={name} and so on"
        raise ConfigError(tr(message, count=len(table.ids), name=repr(table.ids[0])))
    if series is not None and series not in table.ids:
        message = "series {name} was not kept; there are {names}"
        raise ConfigError(tr(message, name=repr(series), names=", ".join(map(repr, table.ids[:5]))))
    own = table.keep(np.array([0 if series is None else table.ids.index(series)]))
    stream = ForecastStream(model, own.tail(0) if fresh else own)
    if snapshot is not None:
        stream.restore(snapshot)
    return stream
