"""What a server asks of every task: read a body, answer several at once, and take a stream on by a row."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np

from tidegate.artifacts.artifact import Artifact
from tidegate.core.errors import DataError, TidegateError
from tidegate.core.frequency import Frequency
from tidegate.core.table import Schema, Table
from tidegate.core.translate import tr
from tidegate.runtime.model import Model, Stream
from tidegate.serve.body import Body, numbers
from tidegate.serve.settings import RequestError

M = TypeVar("M", bound="Model[Any, Any]")


@dataclass(frozen=True)
class Ask:
    """A body, read for a model: what to predict for, and what is known ahead of it.

    Attributes:
        data: a table, sequences or texts. known: of a forecast. alike: asks of one key can be answered together.
        size: how much work it is, in rows.
    """

    data: Any
    known: Mapping[str, Any] | None = None
    alike: Any = None
    size: int = 1


class Adapter(Generic[M]):
    """A task behind a server.

    Args:
        model: what answers. artifact: where it came from.
    """

    streams: ClassVar[bool] = True

    def __init__(self, model: M, artifact: Artifact) -> None:
        self.model, self.artifact = model, artifact

    def read(self, body: Body) -> Ask:
        """What a body asks.

        Raises:
            RequestError, TidegateError: it does not fit the model.
        """
        raise NotImplementedError

    def answer(self, asks: Sequence[Ask]) -> list[dict[str, Any]]:
        """Columns for each of some asks that are alike."""
        raise NotImplementedError

    def open(self, options: Mapping[str, Any]) -> Stream:
        """A new stream."""
        check_options(options, ())
        found: Stream = self.model.stream()
        return found

    def take(self, stream: Any, row: Mapping[str, Any]) -> dict[str, Any] | None:
        """Take a row in and say what the stream answers; null while it warms up."""
        raise NotImplementedError

    def inputs(self) -> dict[str, Any]:
        """What a request may hold, for people."""
        return {}


def check_options(options: Mapping[str, Any], known: Sequence[str]) -> None:
    """Refuse options of a stream that its task has not."""
    strangers = sorted(set(options) - set(known))
    if strangers:
        listed = ", ".join(known) or tr("none")
        raise RequestError(422, tr("{key} is unknown; expected {keys}", key=repr(strangers[0][:60]), keys=listed))


def row_of(row: Any, known: Sequence[str] = ("values", "time")) -> tuple[Any, Any]:
    """Values and time of a row."""
    if not isinstance(row, dict) or "values" not in row:
        raise RequestError(422, tr("a row is an object with {keys}", keys=", ".join(known)))
    check_options(row, known)
    time = row.get("time")
    if not isinstance(time, (str, int, type(None))) or isinstance(time, bool):
        raise RequestError(422, tr("time is a text or a whole number"))
    return row["values"], time


@dataclass(frozen=True)
class Form:
    """How tables of a model are: as the training table was.

    Attributes:
        schema, frequency, timezone: of the training table. numeric: its columns, if all are numbers; else ().
        reading: options that it was read with.
    """

    schema: Schema
    frequency: Frequency
    timezone: str | None
    numeric: tuple[str, ...]
    reading: Mapping[str, Any]

    def table(self, body: Body) -> Table:
        """The rows of a body; one plain series of numbers is made at once, all else read as any file is."""
        if body.columns is not None:
            found = self._plain(body.columns)
            if found is not None:
                return found
            return self._read({name: _array(name, values) for name, values in body.columns.items()})
        if body.frame is not None:
            return self._read(body.frame)
        if body.text is None:
            raise RequestError(422, tr("give columns, rows, CSV or Arrow"))
        with tempfile.TemporaryDirectory(prefix="tidegate-") as folder:
            place = Path(folder) / "body.csv"
            place.write_bytes(body.text)
            return self._read(place)

    def _read(self, source: Any) -> Table:
        from tidegate.data.read import read_like

        roles = {role: getattr(self.schema, role) for role in ("known", "observed", "static")}
        try:
            return read_like(source, self.schema, self.timezone, self.frequency, self.reading, **roles)
        except TidegateError as error:
            text = str(error).replace(str(source), "body") if isinstance(source, Path) else str(error)
            raise RequestError(422, text) from error

    def _plain(self, columns: Mapping[str, list[Any]]) -> Table | None:
        """A table of one series whose times are on the grid; None where more has to be looked at."""
        schema, size = self.schema, len(next(iter(columns.values())))
        if not self.numeric or schema.key or schema.static or self.timezone is not None:
            return None
        names = {*self.numeric, *([schema.time] if schema.time else [])}
        if set(columns) != names or (self.frequency.unit == "row" and schema.time is not None):
            return None
        time: Any = np.arange(size, dtype=np.int64)
        if schema.time is not None:
            given = columns[schema.time]
            if set(map(type, given)) != {str} or not set(map(len, given)) <= {10, 16, 19}:
                return None
            try:
                time = np.array(given, dtype="datetime64[us]")
            except ValueError:
                return None
            if not (self.frequency.advance(time[0], np.arange(size, dtype=np.int64)) == time).all():
                return None
        values = {name: numbers(columns[name], name) for name in self.numeric}
        starts = np.array([0, size], dtype=np.int64)
        return Table(schema, self.frequency, ("",), starts, time, values, {}, None)


def _array(name: str, values: list[Any]) -> Any:
    """A column as an array: numbers where all are, else objects."""
    if set(map(type, values)) <= {int, float, type(None)}:
        return numbers(values, name)
    return np.array(values, dtype=object)


def joined(tables: Sequence[Table]) -> Table:
    """Tables of one plain series each as one table of so many series, which bear the same name."""
    first = tables[0]
    if len(tables) == 1:
        return first
    return Table(
        first.schema,
        first.frequency,
        first.ids * len(tables),
        np.concatenate([[0], np.cumsum([len(table) for table in tables])]).astype(np.int64),
        np.concatenate([table.time for table in tables]),
        {name: np.concatenate([table.columns[name] for table in tables]) for name in first.columns},
        {},
        first.timezone,
    )


def local(values: Any, timezone: str | None) -> Any:
    """Times as the zone's clock has them."""
    if timezone is None or values.dtype.kind != "M":
        return values
    from tidegate.data.time.zones import to_local

    return to_local(values, timezone)


def require_rows(table: Table) -> Table:
    """Refuse a table without a row."""
    if not len(table):
        raise DataError(tr("there are no rows"))
    return table
