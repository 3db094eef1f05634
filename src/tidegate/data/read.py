"""`read`: from a file, a frame or arrays to a table on a regular grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError, SchemaError, TimeError
from tidegate.core.frequency import Frequency
from tidegate.core.table import Note, Schema, Table
from tidegate.core.translate import tr
from tidegate.data.cells import checks
from tidegate.data.cells.columns import WRITTEN, Options, Role, Source, options_of
from tidegate.data.cells.numbers import Decimal
from tidegate.data.files import frames
from tidegate.data.files import wide as wider
from tidegate.data.files.csvfile import CsvFile
from tidegate.data.files.dialect import suffix_of
from tidegate.data.files.jsonfile import JSON, read_json
from tidegate.data.keys import series_keys
from tidegate.data.schema import Names, TimeName, as_names, dates_by_look, resolve, telling_apart
from tidegate.data.time.calendars import show
from tidegate.data.time.grid import Repair, Rows, order, regular
from tidegate.data.time.parts import roles_of
from tidegate.data.time.resample import Resample
from tidegate.data.time.resample import resample as to_grid
from tidegate.data.time.timestamps import Times
from tidegate.data.time.zones import in_zone, times_of, zone

Wide = bool | Literal["rows"]
_TIME_GUESS = (
    "Column {column} was read as the time, as its numbers can only be dates (the first is {first}). To count the rows "
    "instead, pass time=False."
)
_UNUSED = "Columns that are not used: {columns}. To use them, name them as known, observed or static."


def read(
    source: Any,
    *,
    time: TimeName = None,
    target: Names = None,
    series: Names = None,
    known: Names = (),
    observed: Names = (),
    static: Names = (),
    frequency: str | Frequency | None = None,
    repair: Repair = "error",
    resample: Resample | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    decimal: Decimal | None = None,
    thousands: str | None = None,
    timezone: str | None = None,
    static_data: Any = None,
    wide: Wide = False,
    date_format: str | None = None,
    skip_rows: int | None = None,
    columns: Sequence[str] | str | None = None,
    na: Any = None,
    units: bool = False,
    check: bool = True,
) -> Table:
    """Read one or many series onto a regular grid.

    Args:
        source: path of a CSV (.csv, .tsv, .txt, gzip or not) or Parquet file; a pandas, polars or pyarrow frame; a dict
            of arrays; a numpy array [N] or [N, C].
        time: time column, or several (date and time of day; year, month, day); usual names are recognised if None.
            False takes rows in their order.
        target: column to forecast, or several; `y`, `target` or the only column of numbers if None. [] where there is
            none (future covariates).
        series: column that names the series, or several that do so together; `unique_id`, `item_id` and `series_id` are
            recognised if None.
        known: covariates known ahead. observed: covariates known up to now. static: columns of one value per series.
        frequency: step between rows, such as 1h, 15min, D, B or M, or row where rows are counted; recognised if None.
        repair: disorder and doubled times: `error` refuses both, `sort` sorts, `drop` sorts and keeps the first of
            doubles, `mean` sorts and averages doubles. Gaps become missing rows in any case.
        resample: gather irregular rows into steps of `frequency` by their `mean`, `sum` or `last` value.
        encoding: encoding of the file, such as big5; found out if None.
        delimiter: sign between cells: one character, tab or space; found out if None.
        decimal: decimal sign of numbers, a point or a comma; found out if None, and refused where it may be either.
        thousands: sign between thousands, such as a comma, a point or a blank, or "" for none; found out if None.
        timezone: time zone of the clock times, such as Asia/Taipei; times with a zone are counted on its clock.
        static_data: table with one row per series.
        wide: every column of numbers is a series. "rows" where every row is one, its name first.
        date_format: how times are written, such as %d.%m.%Y (of several columns joined by blanks), or `dayfirst`,
            `monthfirst`, `yearfirst` or `roc` (years of the Republic of China); found out if None.
        skip_rows: lines before the header; found out if None.
        columns: names of the columns, a,b,c, of a file without a header line (or another one), or of an array.
        na: what means no value beside the usual markers, such as unavailable or -999; <* means all that begin with <.
        units: take numbers as they stand where the units beside them differ within a column.
        check: whether to refuse targets that are constant or all missing (off for data to predict on).

    Returns:
        The table; its notes say what was recognised, left out and repaired.

    Raises:
        ReadError, SchemaError, TimeError, DataError, ConfigError: with the place, what was expected, and the fix.
    """
    how: dict[str, Any] = {"encoding": encoding, "delimiter": delimiter, "decimal": decimal, "thousands": thousands}
    options = options_of(date_format, skip_rows=skip_rows, columns=columns, na=na, units=units, **how)
    if timezone is not None:
        zone(timezone)
    if wide not in (False, True, "rows"):
        raise ConfigError(tr('wide={wide!r} must be False, True or "rows"', wide=wide))
    opened = open_source(source, options, wide == "rows")
    if wide == "rows":
        rows, schema, aware, starts = _wide_rows(opened, frequency)
    elif wide:
        rows, schema, aware = _wide_columns(opened, time, target, timezone, date_format)
        starts = None
    elif not any((series, known, observed, static)) and (grid := wider.calendar_of(opened, time, target)):
        rows, schema, aware = _calendar(opened, grid, timezone, date_format)
        starts = None
    elif not any((known, observed, static)) and (headed := wider.headed_by_times(opened, time, target)):
        rows, schema, aware = _headed(opened, headed, series, timezone)
        starts = None
    else:
        names: dict[str, Any] = {"time": time, "target": target, "series": series, "known": known}
        rows, schema, aware = _long(opened, timezone, date_format, **names, observed=observed, static=static)
        starts = None
    rows.notes[:0] = opened.notes
    checks.finite(rows.columns, rows.where)
    checks.stray(rows.time, rows.where)
    rows.notes.extend(checks.sentinels(rows.columns))
    rows.notes.extend(checks.coarse(rows.columns))
    if starts is None:
        if resample is not None:
            to_grid(rows, frequency, resample)
        order(rows, repair)
        before = len(rows.time)
        found, starts = regular(rows, frequency)
        inserted = len(rows.time) - before
    else:
        found, inserted = _counted(frequency), 0
    if check:
        rows.notes.extend(checks.targets(rows.columns, schema.targets, starts, rows.ids, inserted))
    held = checks.static_of(rows.columns, schema.static, starts, rows.ids)
    moving = {name: values for name, values in rows.columns.items() if name not in schema.static}
    if static_data is not None:
        schema, held = _static_data(static_data, schema, held, rows.ids, as_names(static))
    return Table(schema, found, rows.ids, starts, rows.time, moving, held, aware, tuple(rows.notes), rows.keys or {})


def read_like(
    data: Any, schema: Schema, timezone: str | None, frequency: Any, how: Mapping[str, Any], **usual: Any
) -> Table:
    """New rows, read as the training rows were.

    Args:
        data: the rows, or a table of them. schema, timezone, frequency: of the training rows.
        how: what they were read with, and what the caller says. usual: what stands for what neither says.

    Raises:
        DataError, SchemaError, TimeError: as of `tidegate.read`.
    """
    if isinstance(data, Table):
        return data
    dated = schema.time is not None
    own = {"time": schema.time if dated else False, "frequency": frequency if dated else None, "timezone": timezone}
    own |= {"target": None if how.get("wide", False) else list(schema.targets), "series": schema.key or None}
    return read(data, **{**own, "check": False, **usual, **how})


def open_source(source: Any, options: Options = WRITTEN, rows: bool = False) -> Source:
    """Whatever was given as a source of columns.

    Raises:
        ReadError, SchemaError: it cannot be read.
    """
    found: frames.ArraySource
    if isinstance(source, (str, PathLike)):
        path = Path(source).expanduser()
        kind = suffix_of(path)
        if kind not in (".parquet", ".pq", *JSON):
            return CsvFile(path, options, rows)
        found = read_json(path, options.encoding) if kind in JSON else frames.from_parquet(path)
    elif isinstance(source, np.ndarray):
        found = frames.from_numpy(source, options.columns)
    elif isinstance(source, Mapping):
        if not source:
            raise SchemaError(tr("the dict has no columns"))
        found = frames.ArraySource({str(name): values for name, values in source.items()}, label="")
    elif isinstance(source, (list, tuple)):
        raise SchemaError(tr("cannot read a list; give a path, a frame, a dict of arrays or a numpy array"))
    else:
        found = frames.from_frame(source)
    found.options = options
    return found


def _counted(frequency: str | Frequency | None) -> Frequency:
    from tidegate.data.time.frequency import parse

    found = Frequency(1, "row") if frequency is None else parse(frequency, np.zeros(1, dtype=np.int64))
    if found.unit != "row":
        message = "frequency={frequency!r} needs a time column, but the rows are only counted; leave it out"
        raise TimeError(tr(message, frequency=frequency))
    return found


def _long(
    source: Source, timezone: str | None, date_format: str | None, **names: Any
) -> tuple[Rows, Schema, str | None]:
    schema, parts = resolve(source, **names, formatted=date_format is not None)
    roles: dict[str, Role] = dict.fromkeys(schema.targets, "number")
    roles |= dict.fromkeys((*schema.known, *schema.observed, *schema.static), "any")
    roles |= roles_of(source, parts, date_format)
    roles |= dict.fromkeys(schema.key, "key")
    loaded = source.load(roles)
    keys = series_keys(source, loaded, schema.key)
    ids, codes = keys.ids, keys.codes
    columns = {name: loaded.values[name] for name in (*schema.targets, *schema.known, *schema.observed, *schema.static)}
    notes: list[Note] = []
    times = times_of(source, loaded, parts, codes, len(ids), date_format)
    stamps, aware = in_zone(times, timezone, codes, source, notes)
    unused = [name for name in source.names if name not in roles]
    if unused:
        shown = ", ".join(unused[:12]) + (" ..." if len(unused) > 12 else "")
        notes.append(Note("unused", _UNUSED, {"columns": shown}))
    if not parts:
        notes.append(Note("no_time_column", "There is no time column: rows are counted in their order."))
    elif names["time"] is None and len(parts) == 1 and dates_by_look(source, parts[0]):
        notes.append(Note("time_guess", _TIME_GUESS, {"column": parts[0], "first": show(stamps[0])}))
    notes.extend(note for note in times.notes if timezone is None or note.kind != "offsets")

    def hint() -> str:
        found = telling_apart(source, schema.key, parts, unused)
        if not found:
            return ""
        names = [*schema.key, *found]
        given = repr(names) if len(names) > 1 else repr(names[0])
        flags = " ".join(f"--series {name}" for name in names)
        if len(found) == 1:
            return tr(". If column {column!r} tells series apart, pass series={given}", column=found[0], given=given)
        shown = tr(" and ").join(map(repr, found))
        message = ". Columns {columns} tell rows of one time apart; if they name series, pass series={given} ({flags})"
        return tr(message, columns=shown, given=given, flags=flags)

    rows = Rows(stamps, codes, ids, columns, source.place, aware is None, hint, notes=notes, keys=keys.columns)
    return rows, schema, aware


def _wide_columns(
    source: Source, time: TimeName, target: Names, timezone: str | None, date_format: str | None
) -> tuple[Rows, Schema, str | None]:
    parts, names = wider.wide_columns(source, time, target)
    roles: dict[str, Role] = dict.fromkeys(names, "number")
    roles |= roles_of(source, parts, date_format)
    loaded = source.load(roles)
    notes: list[Note] = []
    times = times_of(source, loaded, parts, None, 1, date_format)
    stamps, aware = in_zone(times, timezone, None, source, notes)
    notes.extend(note for note in times.notes if timezone is None or note.kind != "offsets")
    index, codes, ids, values, cut = wider.melt(source, names, loaded.values)
    unused = [name for name in source.names if name not in roles]
    if unused:
        notes.append(Note("unused", _UNUSED, {"columns": ", ".join(unused[:12])}))
    if cut:
        message = "{count} blank rows before a series begins or after it ends were left out."
        notes.append(Note("padding", message, {"count": cut}))
    label = None if not parts else parts[0] if len(parts) == 1 else "time"
    rows = Rows(stamps[index], codes, ids, {"value": values}, source.place, aware is None, origin=index, notes=notes)
    return rows, Schema(label, ("value",), "series"), aware


def _calendar(
    source: Source, grid: wider.Calendar, timezone: str | None, date_format: str | None
) -> tuple[Rows, Schema, str | None]:
    roles: dict[str, Role] = dict.fromkeys(grid.columns, "number")
    loaded = source.load({**roles, **roles_of(source, grid.dates, date_format)})
    times = times_of(source, loaded, grid.dates, None, 1, date_format)
    index, stamps, values = grid.unfold(source, times.values, loaded.values)
    told = {"columns": f"{grid.columns[0]} ... {grid.columns[-1]}", "minutes": grid.step}
    notes = [Note("calendar", grid.note, told), *times.notes]
    stamps, aware = in_zone(replace(times, values=stamps), timezone, None, source, notes)
    unused = [name for name in source.names if name not in roles and name not in grid.dates]
    if unused:
        notes.append(Note("unused", _UNUSED, {"columns": ", ".join(unused[:12])}))
    rows = Rows(stamps, None, ("",), {"value": values}, source.place, aware is None, origin=index, notes=notes)
    return rows, Schema(grid.dates[0] if len(grid.dates) == 1 else "time", ("value",)), aware


def _headed(
    source: Source, times: dict[str, np.datetime64], series: Names, timezone: str | None
) -> tuple[Rows, Schema, str | None]:
    """Rows that are series, under columns that are named for their times."""
    others = [name for name in source.names if name not in times]
    loaded = source.load({**dict.fromkeys(times, "number"), **dict.fromkeys(others, "key")})
    found = {name: loaded.values[name].names for name in others}
    telling = [name for name in others if len(found[name]) > 1]
    single = [name for name in telling if len(found[name]) == loaded.rows]
    chosen = as_names(series) or tuple(single[:1] or telling)
    keys = series_keys(source, loaded, chosen)
    stamps = np.array(list(times.values()), dtype="datetime64[us]")
    grid = np.stack([loaded.values[name] for name in times], axis=1)
    held = ~np.isnan(grid)
    inside = (np.cumsum(held, axis=1) > 0) & (np.cumsum(held[:, ::-1], axis=1)[:, ::-1] > 0)
    row, place = np.nonzero(inside)
    message = "Each row was read as a series, and the {count} columns {columns} as its times."
    shown = f"{next(iter(times))} ... {list(times)[-1]}"
    notes = [Note("headed", message, {"count": len(times), "columns": shown})]
    unused = [name for name in others if name not in chosen]
    if unused:
        notes.append(Note("unused", _UNUSED, {"columns": ", ".join(unused[:12])}))
    codes = None if keys.codes is None else keys.codes[row]
    values = {"value": grid[row, place]}
    whole = Times(stamps[place])
    clock, aware = in_zone(whole, timezone, codes, source, notes)
    rows = Rows(clock, codes, keys.ids, values, source.place, aware is None, origin=row, notes=notes, keys=keys.columns)
    return rows, Schema("time", ("value",), "/".join(chosen) or None, (), (), (), chosen), aware


def _wide_rows(source: Source, frequency: str | Frequency | None) -> tuple[Rows, Schema, str | None, NDArray[np.int64]]:
    if isinstance(source, CsvFile):
        ids, starts, values = wider.rows_of_csv(source)
    elif isinstance(source, frames.ArraySource):
        ids, starts, values = wider.rows_of_frame(source)
    else:
        raise SchemaError(tr('wide="rows" needs a CSV file or a frame'))
    time = np.arange(int(starts[-1]), dtype=np.int64) - np.repeat(starts[:-1], np.diff(starts))
    codes = np.repeat(np.arange(len(ids)), np.diff(starts))
    notes = [Note("no_time_column", "There is no time column: rows are counted in their order.")]
    rows = Rows(time, codes, ids, {"value": values}, lambda row: f"value {row} of all series", False, notes=notes)
    return rows, Schema(None, ("value",), source.names[0]), None, starts


def _static_data(
    data: Any, schema: Schema, held: dict[str, NDArray[Any]], ids: tuple[str, ...], wanted: tuple[str, ...]
) -> tuple[Schema, dict[str, NDArray[Any]]]:
    source = open_source(data)
    whole = bool(schema.key) and all(name in source.names for name in schema.key)
    key = schema.key if whole else source.names[:1]
    names = tuple(name for name in source.names if name not in key)
    roles: dict[str, Role] = dict.fromkeys(names, "any")
    loaded = source.load({**roles, **dict.fromkeys(key, "key")})
    keys = series_keys(source, loaded, key)
    assert keys.codes is not None
    if len(keys.ids) < loaded.rows:
        message = "static_data has several rows for one series in column {names}; expected one row per series"
        raise SchemaError(tr(message, names=", ".join(map(repr, key))))
    index = {keys.ids[code]: row for row, code in enumerate(keys.codes)}
    absent = [name for name in ids if name not in index]
    if absent:
        message = (
            "static_data has no row for series {absent!r} ({count} series are absent); its series column is {names}"
        )
        raise SchemaError(tr(message, absent=absent[0], count=len(absent), names=", ".join(map(repr, key))))
    pick = np.array([index[name] for name in ids], dtype=np.int64)
    found = {name: np.asarray(loaded.values[name])[pick] for name in names}
    checks.finite(found, source.place)
    return replace(schema, static=(*wanted, *names)), {**held, **found}
