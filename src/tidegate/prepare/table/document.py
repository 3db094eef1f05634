"""The written form of a preparation: `preparation.json`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tidegate.core.errors import ArtifactError
from tidegate.core.frequency import Frequency
from tidegate.core.table import Note, Schema
from tidegate.prepare import state
from tidegate.prepare.options import CALENDAR_FEATURES, PrepareOptions
from tidegate.prepare.table.columns import ColumnState, column_from_json

if TYPE_CHECKING:
    from tidegate.prepare.table.preparation import Holidays, Preparation

FORMAT = 1
_KEYS = (
    "format",
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


def write(preparation: Preparation) -> dict[str, Any]:
    """All fitted numbers as JSON values."""
    holidays = preparation.holidays
    return {
        "format": FORMAT,
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
        "notes": [write_note(note) for note in preparation.notes],
    }


def read(value: object) -> Preparation:
    """Read and check what `write` wrote.

    Raises:
        ArtifactError: anything is missing, unknown, of the wrong type, not finite, or of a newer format.
    """
    from tidegate.prepare.table.preparation import Preparation

    if isinstance(value, dict) and isinstance(value.get("format"), int) and value["format"] > FORMAT:
        raise ArtifactError(
            f"preparation: format {value['format']} is newer than this version reads ({FORMAT}); upgrade tidegate"
        )
    found = state.record(value, "the document", _KEYS)
    if isinstance(found["format"], bool) or found["format"] != FORMAT:
        raise state.wrong("format", str(FORMAT))
    options = PrepareOptions.from_json(found["options"])
    series = state.items(found["series"], "series", state.text)
    width = len(series) + 1 if options.scale_by == "series" else 1
    columns = state.items(found["columns"], "columns", lambda entry, place: column_from_json(entry, place, width))
    statics = state.items(found["statics"], "statics", lambda entry, place: column_from_json(entry, place, 1))
    preparation = Preparation(
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
        notes=state.items(found["notes"], "notes", read_note),
    )
    _check_agreement(preparation)
    return preparation


def _check_agreement(preparation: Preparation) -> None:
    """The parts must tell the same story."""
    from tidegate.prepare.table.preparation import column_roles

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
    if len(set(preparation.series)) != len(preparation.series):
        raise state.wrong("series", "without repetition")
    if (options.holidays is None) != (preparation.holidays is None):
        raise state.wrong("holidays", "given exactly where the option is")
    if (options.fill == "seasonal") != (preparation.season is not None) or preparation.season == 0:
        raise state.wrong("season", "given exactly where fill is 'seasonal'")
    if len(set(preparation.calendar)) != len(preparation.calendar):
        raise state.wrong("calendar", "without repetition")


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
    from tidegate.prepare.table.preparation import Holidays

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


def write_note(note: Note) -> dict[str, Any]:
    """A note as JSON values."""
    return {"kind": note.kind, "message": note.message, "values": dict(note.values)}


def read_note(value: object, place: str) -> Note:
    """Read what `write_note` wrote.

    Raises:
        ArtifactError: it is anything else.
    """
    found = state.record(value, place, ("kind", "message", "values"))
    values = found["values"]
    if not isinstance(values, dict) or len(values) > 20:
        raise state.wrong(f"{place}.values", "an object of at most 20 entries")
    read: dict[str, Any] = {}
    for key, entry in values.items():
        kept = state.text if isinstance(entry, str) else state.whole
        read[key] = kept(entry, f"{place}.values.{key}")
    return Note(state.text(found["kind"], f"{place}.kind"), state.text(found["message"], f"{place}.message"), read)
