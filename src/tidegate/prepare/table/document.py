"""The written form of a preparation of tables."""

from __future__ import annotations

from typing import Any

import numpy as np

from tidegate.core.frequency import Frequency
from tidegate.core.table import Schema
from tidegate.prepare import document as state
from tidegate.prepare.options import CALENDAR_FEATURES, PrepareOptions
from tidegate.prepare.table.fitted import ColumnState, FittedTable, Holidays, column_from_json, column_roles

_KEYS = (
    "options",
    "schema",
    "frequency",
    "timezone",
    "series",
    "columns",
    "statics",
    "calendar",
    "holidays",
    "season",
    "notes",
)
_UNITS = ("us", "s", "min", "h", "D", "B", "M", "row")


def write(preparation: FittedTable) -> dict[str, Any]:
    """All fitted numbers as JSON values."""
    holidays = preparation.holidays
    return {
        "format": state.FORMAT,
        "options": preparation.options.to_json(),
        "schema": preparation.schema.to_json(),
        "frequency": preparation.frequency.to_json(),
        "timezone": preparation.timezone,
        "series": list(preparation.series),
        "columns": [column.to_json() for column in preparation.columns],
        "statics": [column.to_json() for column in preparation.statics],
        "calendar": list(preparation.calendar),
        "holidays": holidays and {"first": holidays.first, "last": holidays.last, "dates": list(holidays.dates)},
        "season": preparation.season,
        "notes": [state.write_note(note) for note in preparation.notes],
    }


def read(value: object) -> FittedTable:
    """Read and check what `write` wrote.

    Raises:
        ArtifactError: anything is missing, unknown, of the wrong type, not finite, or of a newer format.
    """
    found = state.document(value, _KEYS)
    options = PrepareOptions.from_json(found["options"])
    series = state.items(found["series"], "series", state.text)
    width = len(series) + 1 if options.scale_by == "series" else 1
    columns = state.items(found["columns"], "columns", lambda entry, place: column_from_json(entry, place, width))
    statics = state.items(found["statics"], "statics", lambda entry, place: column_from_json(entry, place, 1))
    preparation = FittedTable(
        options=options,
        schema=_schema(found["schema"]),
        frequency=_frequency(found["frequency"]),
        timezone=state.optional(found["timezone"], "timezone", state.text),
        series=series,
        columns=columns,
        statics=statics,
        calendar=state.items(found["calendar"], "calendar", lambda v, p: state.choice(v, p, CALENDAR_FEATURES)),
        holidays=state.optional(found["holidays"], "holidays", _holidays),
        season=state.optional(found["season"], "season", state.whole),
        notes=state.items(found["notes"], "notes", state.read_note),
    )
    _check_agreement(preparation)
    return preparation


def _check_agreement(preparation: FittedTable) -> None:
    """The parts must tell the same story."""
    options = preparation.options

    def story(columns: tuple[ColumnState, ...]) -> list[tuple[str, str]]:
        return [(column.role, column.name) for column in columns]

    expected = [(role, name) for role, names in column_roles(preparation.schema, options) for name in names]
    if story(preparation.columns) != expected:
        raise state.wrong("columns", f"those of the schema, in its order: {expected}")
    if story(preparation.statics) != [("static", name) for name in preparation.schema.static]:
        raise state.wrong("statics", "those of the schema, in its order")
    if (options.scale_by == "series") != bool(preparation.series):
        raise state.wrong("series", "given exactly where scale_by is 'series'")
    state.distinct(preparation.series, "series")
    if (options.holidays is None) != (preparation.holidays is None):
        raise state.wrong("holidays", "given exactly where the option is")
    if (options.fill == "seasonal") != (preparation.season is not None) or preparation.season == 0:
        raise state.wrong("season", "given exactly where fill is 'seasonal'")
    state.distinct(preparation.calendar, "calendar")


def _schema(value: object) -> Schema:
    found = state.record(value, "schema", ("time", "series", "targets", "known", "observed", "static"))
    names = {
        key: state.items(found[key], f"schema.{key}", state.text) for key in ("targets", "known", "observed", "static")
    }
    if not names["targets"]:
        raise state.wrong("schema.targets", "a list of at least one column")
    keys: tuple[str, ...] = ()
    if isinstance(found["series"], list):
        keys = state.items(found["series"], "schema.series", state.text)
    return Schema(
        time=state.optional(found["time"], "schema.time", state.text),
        series="/".join(keys) if keys else state.optional(found["series"], "schema.series", state.text),
        keys=keys,
        **names,
    )


def _frequency(value: object) -> Frequency:
    more = [name for name in ("days", "roll", "holidays") if isinstance(value, dict) and name in value]
    found = state.record(value, "frequency", ("count", "unit", "month_end", *more))
    count = state.whole(found["count"], "frequency.count")
    if count < 1:
        raise state.wrong("frequency.count", "at least 1")
    unit: Any = state.choice(found["unit"], "frequency.unit", _UNITS)
    days = state.items(found.get("days", []), "frequency.days", state.whole)
    if any(not 1 <= day <= 31 for day in days) or list(days) != sorted(set(days)) or (days and unit != "M"):
        raise state.wrong("frequency.days", "ascending days of a month, 1 to 31")
    roll = state.choice(found.get("roll", ""), "frequency.roll", ("", "backward", "forward"))
    code = found.get("holidays", "")
    holidays = state.text(code, "frequency.holidays") if code else ""
    return Frequency(count, unit, state.flag(found["month_end"], "frequency.month_end"), days, roll, holidays)


def _holidays(value: object, place: str) -> Holidays:
    found = state.record(value, place, ("first", "last", "dates"))
    first, last = state.whole(found["first"], f"{place}.first"), state.whole(found["last"], f"{place}.last")
    dates = state.items(found["dates"], f"{place}.dates", _date)
    if list(dates) != sorted(set(dates)) or not first <= last <= 9999:
        raise state.wrong(place, "years in order and dates sorted without repetition")
    return Holidays(first, last, dates)


def _date(value: object, place: str) -> str:
    written = state.text(value, place)
    try:
        day = np.datetime64(written, "D")
    except ValueError as error:
        raise state.wrong(place, "a date") from error
    if str(day) != written:
        raise state.wrong(place, "a date such as 2024-12-25")
    return written
