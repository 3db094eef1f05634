"""Dataframes, dicts of arrays, numpy arrays and Parquet files as sources of columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ReadError, SchemaError, TimeError
from tidegate.core.optional import available, require
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.data.cells.columns import (
    WRITTEN,
    Keys,
    Kind,
    Loaded,
    Options,
    Role,
    bad_cell,
    column_for,
    finish,
    text_kind,
)
from tidegate.data.cells.notation import Notation, dotted, evidence, notations
from tidegate.data.cells.numbers import BadCellError
from tidegate.data.time.calendars import show
from tidegate.data.time.digits import from_numbers
from tidegate.data.time.timecolumn import TimeColumn
from tidegate.data.time.timestamps import NAT, Times

_SAMPLE = 1000


class ArraySource:
    """Named arrays of equal length.

    Args:
        arrays: name -> [n]; numbers, datetime64, text or objects.
        zones: name -> time zone of a datetime64 column that holds UTC.
        label: what to call the source in messages.
        options: how text in them is written.
        notes: what was done to them before.
    """

    def __init__(
        self,
        arrays: Mapping[str, Any],
        zones: Mapping[str, str] | None = None,
        label: str = "",
        options: Options = WRITTEN,
        notes: Sequence[Note] = (),
    ) -> None:
        self.label = label
        self.options = options
        self.names = tuple(arrays)
        self.notes: list[Note] = list(notes)
        self.kinds: dict[str, Kind] = {}
        self.notation: dict[str, Notation] = {}
        self.zones = dict(zones or {})
        self.arrays = {name: _tidy(name, values) for name, values in arrays.items()}
        lengths = {name: len(values) for name, values in self.arrays.items()}
        if len(set(lengths.values())) > 1:
            raise SchemaError(tr("columns differ in length: {lengths}; give arrays of one length", lengths=lengths))
        self.rows = next(iter(lengths.values()), 0)
        if not self.rows:
            raise ReadError(tr("the {value} has no rows; expected at least one", value=label or "table"))

    def place(self, row: int) -> str:
        return f"{self.label + ', ' if self.label else ''}row {row}"

    def _texts(self, name: str, limit: int | None = None) -> list[str]:
        return ["" if _null(cell) else str(cell) for cell in self.arrays[name][:limit].tolist()]

    def cells(self, name: str) -> list[str]:
        values = self.arrays[name][:_SAMPLE]
        return (
            np.datetime_as_string(values.astype("datetime64[us]")).tolist()
            if values.dtype.kind == "M"
            else self._texts(name, _SAMPLE)
        )

    def kind(self, name: str) -> Kind:
        if name not in self.kinds:
            values = self.arrays[name]
            known: Kind = "time" if values.dtype.kind == "M" else "number"
            texts = [] if values.dtype.kind in "biufM" else self._texts(name, _SAMPLE)
            self.kinds[name] = known if values.dtype.kind in "biufM" else text_kind(texts, self.options.na)
        return self.kinds[name]

    def load(self, roles: dict[str, Role]) -> Loaded:
        return Loaded(self.rows, {name: self._column(name, role) for name, role in roles.items()})

    def _notation(self, name: str) -> Notation:
        """How the numbers of a column of text are written, by all cells of all columns of text."""
        if not self.notation:
            texts = {other: self._texts(other) for other, values in self.arrays.items() if values.dtype.kind == "O"}
            kinds = {other: text_kind(cells[:_SAMPLE], self.options.na) for other, cells in texts.items()}
            found = {other: evidence(cells) if kinds[other] == "number" else (0, 0) for other, cells in texts.items()}
            dates = any(kinds[other] == "time" and dotted(cells[:50]) for other, cells in texts.items())
            self.notation = notations(found, self.options.decimal, self.options.thousands, dates=dates)
        return self.notation[name]

    def _column(self, name: str, role: Role) -> Any:
        values = self.arrays[name]
        kind = values.dtype.kind
        if kind == "M":
            return self._stamps(name, values, role)
        if role == "time" and kind in "iuf":
            return self._counts(name, values, self.options.date_format)
        if role == "key" and kind in "biuf":
            kinds, codes = np.unique(values, return_inverse=True)
            return Keys(codes.astype(np.int32), tuple(str(item) for item in kinds.tolist()), kinds)
        if kind in "biuf":
            numbers = values if values.dtype in (np.float32, np.float64) else values.astype(np.float64)
            return self.options.na.blank(numbers)[0]
        texts = self._texts(name)
        notation = self._notation(name) if role in ("number", "any", "label") else Notation()
        column = column_for(name, role, text_kind(texts[:_SAMPLE], self.options.na), self.options, notation)
        try:
            column.add(texts)
        except BadCellError as error:
            raise bad_cell(error, name, column, self) from None
        made = finish(column, name, self)
        return replace(made, values=np.array(made.names, dtype=object)) if isinstance(made, Keys) else made

    def _stamps(self, name: str, values: NDArray[Any], role: Role) -> Any:
        if role == "number":
            raise SchemaError(
                tr("column {name!r} holds times where numbers are expected; name another column", name=name)
            )
        times = values.astype("datetime64[us]")
        if role == "time":
            zone = self.zones.get(name)
            return Times(times, aware=zone is not None, zone=zone)
        if role == "key":
            kinds, codes = np.unique(times, return_inverse=True)
            names = tuple("" if np.isnat(kind) else show(kind) for kind in kinds)
            return Keys(codes.astype(np.int32), names, kinds)
        texts = np.datetime_as_string(times).tolist()
        column = column_for(name, role, "text", self.options, Notation())
        column.add(texts)
        assert not isinstance(column, TimeColumn)
        return column.finish()

    def _counts(self, name: str, values: NDArray[Any], form: str | None) -> Times:
        if values.dtype.kind == "f" and not np.isfinite(values[~np.isnan(values)]).all():
            row = int(np.argmax(np.isinf(values)))
            message = "{place}, column {name!r}: {value} is neither a time nor a whole number"
            raise TimeError(tr(message, place=self.place(row), name=name, value=values[row]))
        numbers = values if values.dtype.kind == "f" else values.astype(np.int64)
        return from_numbers(numbers, name, self.place, roc=form == "roc")


def _null(cell: Any) -> bool:
    return cell is None or (isinstance(cell, float) and isnan(cell)) or str(cell) in ("<NA>", "NaT", "nan", "NaN")


def _unmasked(values: Any) -> NDArray[Any]:
    """A masked array with missing values where its mask is."""
    if values.dtype.kind in "biu" and np.ma.getmaskarray(values).any():
        values = values.astype(np.float64)
    blank: dict[str, Any] = {"f": np.nan, "M": NAT, "O": None}
    if values.dtype.kind in "SU":
        values = values.astype(object)
    return np.asarray(values.filled(blank[values.dtype.kind]) if values.dtype.kind in blank else values.data)


def _tidy(name: str, values: Any) -> NDArray[Any]:
    if isinstance(values, np.ma.MaskedArray):
        values = _unmasked(values)
    array = values if isinstance(values, np.ndarray) else np.asarray(values)
    if array.ndim != 1:
        raise SchemaError(tr("column {name!r} has shape {shape}; expected one dimension", name=name, shape=array.shape))
    if array.dtype.kind == "O":
        return _objects(name, array)
    if array.dtype.kind in "SUT":
        return array.astype(object)
    if array.dtype.kind in "biufM":
        return array
    raise SchemaError(
        tr("column {name!r} holds {dtype}; expected numbers, times or text", name=name, dtype=array.dtype)
    )


def _objects(name: str, array: NDArray[Any]) -> NDArray[Any]:
    """Object arrays that hold numbers or times become arrays of those."""
    import datetime
    import decimal
    import numbers

    held = [cell for cell in array.tolist() if not _null(cell)]
    if held and all(isinstance(cell, (numbers.Real, decimal.Decimal, np.bool_)) for cell in held):
        return np.array([np.nan if _null(cell) else float(cell) for cell in array.tolist()], dtype=np.float64)
    if held and all(isinstance(cell, datetime.date) for cell in held):
        zoned = [isinstance(cell, datetime.datetime) and cell.tzinfo is not None for cell in held]
        if any(zoned):
            if not all(zoned):
                message = "column {name!r} mixes time zones: some times carry one, some do not; convert all to UTC"
                raise TimeError(tr(message, name=name))
            texts = [None if _null(cell) else cell.isoformat() for cell in array.tolist()]
            return np.array(texts, dtype=object)
        return np.array([NAT if _null(cell) else np.datetime64(cell, "us") for cell in array.tolist()])
    return array


def from_numpy(array: NDArray[Any], columns: Sequence[str] | None = None) -> ArraySource:
    """Columns of a [N] or [N, C] array, views and not copies: as named, else "value", or "value_0" and so on.

    Raises:
        SchemaError: another number of dimensions, or of names.
    """
    if array.dtype.names:
        return ArraySource({name: array[name] for name in array.dtype.names}, label="array")
    if array.ndim not in (1, 2):
        raise SchemaError(tr("the array has shape {shape}; expected [N] or [N, C]", shape=array.shape))
    parts = [array] if array.ndim == 1 else list(array.T)
    names = columns or (["value"] if array.ndim == 1 else [f"value_{i}" for i in range(len(parts))])
    if len(names) != len(parts):
        message = "columns= (--columns) names {count} columns, but the array has {width}; name every column"
        raise SchemaError(tr(message, count=len(names), width=len(parts)))
    return ArraySource(dict(zip(names, parts, strict=True)), label="array")


def from_frame(frame: Any) -> ArraySource:
    """Columns of a pandas, polars or pyarrow frame (whatever narwhals takes); clean numbers are views.

    Raises:
        SchemaError: it is no frame, or has doubled columns.
    """
    import narwhals as nw

    arrays: dict[str, Any] = {}
    zones: dict[str, str] = {}
    notes: list[Note] = []
    index = getattr(frame, "index", None)
    if index is not None and type(frame).__module__.startswith("pandas"):
        if getattr(frame, "ndim", 2) == 1:
            frame = frame.to_frame(frame.name if frame.name is not None else "value")
        if getattr(frame.columns, "nlevels", 1) > 1:
            frame = frame.set_axis(_flat(frame.columns, notes), axis=1)
        doubled = [str(name) for name in frame.columns[frame.columns.duplicated()]]
        if doubled:
            raise SchemaError(
                tr("column name {doubled!r} occurs more than once; give every column its own name", doubled=doubled[0])
            )
        frame = frame if all(isinstance(name, str) for name in frame.columns) else frame.rename(columns=str)
        if type(index).__name__ in ("DatetimeIndex", "PeriodIndex") or (index.names and all(index.names)):
            index = index.to_timestamp() if type(index).__name__ == "PeriodIndex" else index
            level = index.to_frame(index=False)
            level.columns = [str(name) if name is not None else _free("time", frame.columns) for name in index.names]
            frame_index = nw.from_native(level, eager_only=True)
            for series in frame_index.iter_columns():
                if series.name not in frame.columns:
                    arrays[series.name], zone = _series(series)
                    zones |= {series.name: zone} if zone else {}
    try:
        table = nw.from_native(frame)
        table = table.collect() if isinstance(table, nw.LazyFrame) else table
    except (TypeError, ValueError):
        message = (
            "cannot read a {module}.{kind}; give a path, a pandas, polars or pyarrow frame, a dict of arrays or a "
            "numpy array"
        )
        raise SchemaError(tr(message, module=type(frame).__module__, kind=type(frame).__name__)) from None
    for series in table.iter_columns():
        arrays[series.name], zone = _series(series)
        zones |= {series.name: zone} if zone else {}
    if not arrays:
        raise SchemaError(tr("the frame has no columns"))
    return ArraySource(arrays, zones, "frame", notes=notes)


def _flat(columns: Any, notes: list[Note]) -> list[str]:
    """Names of columns that have several levels, without levels that are the same for all."""
    rows = [[str(part).strip() for part in name] for name in columns]
    levels = range(columns.nlevels)
    kept = [i for i in levels if len({row[i] for row in rows}) > 1] or [0]
    names = [" ".join(filter(None, dict.fromkeys(row[i] for i in kept))) for row in rows]
    message = "Columns of {count} levels were given one name each: {names}."
    notes.append(Note("levels", message, {"count": len(levels), "names": ", ".join(names[:6])}))
    return names


def _free(name: str, taken: Any) -> str:
    while name in taken:
        name = f"{name}_index"
    return name


def _series(series: Any) -> tuple[NDArray[Any], str | None]:
    import narwhals as nw

    kind = series.dtype
    zone: str | None = None
    if kind == nw.Datetime and kind.time_zone is not None:
        zone = str(kind.time_zone)
        series = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    elif kind == nw.Date:
        series = series.cast(nw.Datetime("us"))
    elif (
        kind == nw.Boolean or (kind.is_numeric() and not kind.is_float() and series.null_count()) or kind == nw.Decimal
    ):
        series = series.cast(nw.Float64)
    elif kind in (nw.Categorical, nw.Enum):
        native = series.to_native()
        named = getattr(getattr(native, "cat", None), "categories", None)
        if named is not None and named.dtype.kind in "iu" and not series.null_count():
            return np.asarray(native.astype(named.dtype)), None  # categories of pandas that are numbers
        series = series.cast(nw.String)
    elif kind == nw.Duration or kind.is_nested():
        return np.array([None if _null(v) else str(v) for v in series.to_list()], dtype=object), None
    if kind.is_float() and series.null_count():
        return np.asarray(series.fill_null(float("nan")).to_numpy(), dtype=_float(kind, nw)), zone
    return np.asarray(series.to_numpy()), zone


def _float(kind: Any, nw: Any) -> Any:
    return np.float32 if kind == nw.Float32 else np.float64


def from_parquet(path: Path) -> ArraySource:
    """Columns of a Parquet file, through polars or pyarrow.

    Raises:
        ReadError: missing or damaged.
        MissingExtraError: neither library is installed.
    """
    from tidegate.data.files.dialect import open_bytes

    open_bytes(path).close()
    try:
        if available("pyarrow") and not available("polars"):
            frame = require("pyarrow.parquet", extra="train", purpose="read Parquet files").read_table(path)
        else:
            frame = require("polars", extra="train", purpose="read Parquet files").read_parquet(path)
    except ImportError:
        raise
    except Exception as error:
        message = "{path} is no readable Parquet file ({kind}: {value})"
        raise ReadError(tr(message, path=path, kind=type(error).__name__, value=str(error)[:120])) from None
    source = from_frame(frame)
    source.label = path.name
    return source
