"""Columns out: as a frame of the kind the user brought, or as CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tidegate.artifacts.atomic import write_file
from tidegate.core.optional import available, require
from tidegate.data.time.zones import to_local

if TYPE_CHECKING:
    from narwhals.typing import IntoDataFrame

Frame: TypeAlias = "IntoDataFrame | Columns"  # of the kind that the user brought
DIGITS = 10
BACKENDS = ("polars", "pandas", "pyarrow")


class Columns(dict[str, NDArray[Any]]):
    """Named columns for when no dataframe library is installed; prints as CSV."""

    def __str__(self) -> str:
        return to_csv(self)


def to_frame(columns: Mapping[str, NDArray[Any]], *, timezone: str | None = None, like: Any = None) -> Frame:
    """A frame of the kind of `like`, else of the first library that is installed, else `Columns`.

    Args:
        columns: name -> [n]; datetime64 columns are UTC where `timezone` is set, and shown on its clock.
        timezone: the zone's name, or None.
        like: a dataframe, or anything else for no preference.
    """
    backend = _backend(like)
    if backend is None:
        return Columns({name: local_time(values, timezone) for name, values in columns.items()})
    import narwhals as nw

    cleaned = {name: values.tolist() if values.dtype == object else values for name, values in columns.items()}
    frame = nw.from_dict(cleaned, backend=backend)
    if timezone is not None:
        dated = [name for name, values in columns.items() if values.dtype.kind == "M"]
        zoned = [nw.col(name).dt.replace_time_zone("UTC").dt.convert_time_zone(timezone) for name in dated]
        frame = frame.with_columns(*zoned)
    native: Frame = _as_given(frame, like).to_native()
    return native


def _as_given(frame: Any, like: Any) -> Any:
    """Columns that `like` has too, in its own types: integers of its width, categories, dates, units and zones of
    times. A time of day that a date cannot hold stays a time."""
    import narwhals as nw

    if type(like).__module__.split(".")[0] not in BACKENDS or not hasattr(like, "columns"):
        return frame
    given = nw.from_native(like).collect_schema()
    for name, now in frame.schema.items():
        kind = given.get(name)
        if kind is None or kind == now:
            continue
        column = nw.col(name)
        if isinstance(now, nw.Datetime) and kind == nw.Date:
            whole = (frame[name] == frame[name].dt.truncate("1d")).all()
            frame = frame.with_columns(column.cast(nw.Date)) if whole and now.time_zone is None else frame
        elif isinstance(now, nw.Datetime) and isinstance(kind, nw.Datetime):
            if now.time_zone is None and kind.time_zone is not None:
                column = column.dt.replace_time_zone(kind.time_zone)
            zone = now.time_zone or kind.time_zone
            frame = frame.with_columns(column.cast(nw.Datetime(kind.time_unit, zone)))
        elif _fits(kind, now, frame[name]):
            frame = frame.with_columns(column.cast(kind))
    return frame


def _fits(kind: Any, now: Any, values: Any) -> bool:
    """Whether values of one type can be given in another without a loss."""
    import narwhals as nw

    if isinstance(kind, (nw.Categorical, nw.Enum)):
        return bool(now == nw.String or now.is_integer())
    if kind == nw.Boolean:
        return bool(now.is_integer() and values.is_in([0, 1]).all())
    return bool(kind.is_integer() and (now.is_integer() or now == nw.Boolean or (now == nw.String and _whole(values))))


def _whole(texts: Any) -> bool:
    """Whether a column of text holds integers as they are written: 1, not 01."""
    return all(isinstance(text, str) and text.lstrip("-").isdigit() and str(int(text)) == text for text in texts)


def to_csv(columns: Mapping[str, NDArray[Any]], *, timezone: str | None = None) -> str:
    """CSV text with ISO times on the zone's clock."""
    shown = {name: local_time(values, timezone) for name, values in columns.items()}
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(shown)
    writer.writerows(zip(*(_cells(values) for values in shown.values()), strict=True))
    return out.getvalue()


def write_columns(columns: Mapping[str, NDArray[Any]], path: Path) -> None:
    """Write columns as .csv, .parquet or .json (a list of rows), whole or not at all.

    Raises:
        OutputError: the file cannot be written.
        MissingExtraError: Parquet needs polars.
    """
    kind = path.suffix.lower()
    if kind == ".parquet":
        polars = require("polars", extra="train", purpose="write Parquet")
        buffer = io.BytesIO()
        polars.DataFrame({name: list(v) if v.dtype == object else v for name, v in columns.items()}).write_parquet(
            buffer
        )
        content = buffer.getvalue()
    elif kind == ".json":
        content = json.dumps(rows_of(columns), ensure_ascii=False, indent=1).encode()
    else:
        content = to_csv(columns).encode()
    write_file(path, content)


def rows_of(columns: Mapping[str, NDArray[Any]]) -> list[dict[str, Any]]:
    """Columns as a list of rows for JSON: name -> value, None where there is none."""
    cells = zip(*(_cells(values, blank=None) for values in columns.values()), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in cells]


def local_time(values: NDArray[Any], timezone: str | None) -> NDArray[Any]:
    """Times of a column on the zone's clock; anything else as it is."""
    return to_local(values, timezone) if timezone is not None and values.dtype.kind == "M" else values


def _cells(values: NDArray[Any], blank: str | None = "") -> list[Any]:
    if values.dtype.kind == "M":
        whole = (values.astype("datetime64[s]") == values).all()
        days = whole and (values.astype("datetime64[D]") == values).all()
        text: list[Any] = np.datetime_as_string(values, unit="D" if days else "s" if whole else "us").tolist()
        return text if days else [item.replace("T", " ") for item in text]
    if values.dtype.kind == "f":
        return [blank if np.isnan(value) else float(f"{value:.{DIGITS}g}") for value in values.tolist()]
    return list(values.tolist())


def _backend(like: Any) -> Any:
    kind = type(like).__module__.split(".")[0]
    if kind in BACKENDS:
        return kind
    return next((name for name in BACKENDS if available(name)), None)
