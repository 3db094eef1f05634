"""Preparation: fitted on the training rows, applied everywhere, saved as JSON."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError, SchemaError
from tidegate.core.table import Note, Table
from tidegate.core.translate import tr
from tidegate.prepare.document import Written
from tidegate.prepare.options import PrepareOptions
from tidegate.prepare.table import calendar as cal
from tidegate.prepare.table import document
from tidegate.prepare.table.fitted import ColumnState, FittedTable, Holidays, column_roles
from tidegate.prepare.table.fitting import fit_number, fit_static, fit_text
from tidegate.prepare.table.prepared import Prepared

HOLIDAY_YEARS_AHEAD = 10
PARTLY = (
    "The holidays library knows the holidays of {code} for the years {first} to {last}: other rows are taken for days "
    "without one."
)


class Preparation(Written, FittedTable):
    """What was measured on the training rows, and the way to it and from it to windows.

    See `tidegate.prepare.table.fitted.FittedTable` for its attributes.
    """

    FORM: ClassVar = document

    @classmethod
    def fit(cls, table: Table, rows: NDArray[np.int64], options: PrepareOptions | None = None) -> Preparation:
        """Measure the training part.

        Args:
            table: the whole table.
            rows: [G, 2], first row and end of each series' training part; nothing outside is looked at.
            options: None takes the defaults.

        Raises:
            ConfigError: an option does not suit the table.
            DataError: a target without values, an infinite value, a value that log1p refuses.
        """
        options = options or PrepareOptions()
        if options.scale_by is None:
            options = replace(options, scale_by="series" if len(table.ids) > 1 else "shared")
        rows = _check_rows(table, rows)
        schema = table.schema
        columns: list[ColumnState] = []
        notes: list[Note] = []
        for role, names in column_roles(schema, options):
            for name in names:
                state, found = _fit_column(table, name, role, rows, options)
                columns.append(state)
                notes.extend(found)
        statics, found = fit_static(table, rows, options)
        notes.extend(found)
        calendar = _choose_calendar(table, rows, options)
        return cls(
            options=options,
            schema=schema,
            frequency=table.frequency,
            timezone=table.timezone,
            series=table.ids if options.scale_by == "series" else (),
            columns=tuple(columns),
            statics=statics,
            calendar=calendar,
            holidays=_fit_holidays(table, rows, options, notes),
            season=_choose_season(table, options),
            notes=tuple(notes),
        )

    def apply(self, table: Table) -> Prepared:
        """Make a table's windows available; clean float columns stay views of it.

        Raises:
            SchemaError: a column is missing or of another kind than when fitted.
            DataError: an infinite value, a value that log1p refuses, another frequency or time zone.
        """
        return Prepared.build(self, table)


def _check_rows(table: Table, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    rows = np.asarray(rows, dtype=np.int64)
    if rows.shape != (len(table.ids), 2):
        message = "training rows have shape {shape}, expected one range per series ({count}, 2)"
        raise ConfigError(tr(message, shape=rows.shape, count=len(table.ids)))
    filled = rows[:, 1] > rows[:, 0]
    inside = (rows[:, 0] >= table.starts[:-1]) & (rows[:, 1] <= table.starts[1:])
    if not inside[filled].all():
        series = table.ids[int(np.flatnonzero(filled & ~inside)[0])]
        raise ConfigError(tr("training rows of series {number!r} reach outside the series", number=series))
    if not filled.any():
        raise ConfigError(tr("the training part has no rows; give it a larger share of the table"))
    return rows


def _fit_column(
    table: Table, name: str, role: str, rows: NDArray[np.int64], options: PrepareOptions
) -> tuple[ColumnState, list[Note]]:
    if name not in table.columns:
        message = "{role} column {name!r} is not a column of the table; it has {columns}"
        raise SchemaError(tr(message, role=role, name=name, columns=sorted(table.columns)))
    if table.numeric(name):
        return fit_number(table, name, role, rows, options)
    if role in ("target", "level"):
        raise SchemaError(
            tr("target {name!r} holds text; a forecast needs numbers: name a numeric column as target", name=name)
        )
    return fit_text(table, name, role, rows)


def _choose_calendar(table: Table, rows: NDArray[np.int64], options: PrepareOptions) -> tuple[str, ...]:
    dated = table.time.dtype.kind == "M"
    if options.calendar is not None:
        if options.calendar and not dated:
            message = (
                "calendar={calendar!r} needs dates, but the rows are only counted; name a time column with dates, or "
                "leave the option out"
            )
            raise ConfigError(tr(message, calendar=options.calendar))
        return options.calendar
    lengths = rows[:, 1] - rows[:, 0]
    longest = int(np.argmax(lengths))
    step = None
    if dated and lengths[longest] > 1:
        first, end = rows[longest]
        step = float((table.time[end - 1] - table.time[first]) / np.timedelta64(1, "D")) / (int(lengths[longest]) - 1)
    return cal.choose_features(table.frequency, step, int(lengths[longest]))


def _choose_season(table: Table, options: PrepareOptions) -> int | None:
    if options.fill != "seasonal":
        return None
    if options.season is not None:
        return options.season
    seasons = table.frequency.seasons()
    if not seasons:
        raise ConfigError(
            tr("fill='seasonal' needs season=steps: rows of step {frequency} suggest none", frequency=table.frequency)
        )
    return seasons[0]


def _fit_holidays(table: Table, rows: NDArray[np.int64], options: PrepareOptions, notes: list[Note]) -> Holidays | None:
    if options.holidays is None:
        return None
    if table.time.dtype.kind != "M":
        raise ConfigError(
            tr("holidays={holidays!r} needs dates, but the rows are only counted", holidays=options.holidays)
        )
    filled = rows[rows[:, 1] > rows[:, 0]]
    edges = np.array([table.time[filled[:, 0]].min(), table.time[filled[:, 1] - 1].max()])
    years = edges.astype("datetime64[Y]").astype(int) + 1970
    first, last = int(years[0]) - 1, int(years[1]) + HOLIDAY_YEARS_AHEAD
    found, known = cal.holiday_dates(options.holidays, first, last)
    if int(years[0]) < known.start or int(years[1]) >= known.stop:
        said = {"code": options.holidays, "first": known.start, "last": known.stop - 1}
        notes.append(Note("holidays", PARTLY, said))
    return Holidays(first, last, tuple(str(day) for day in found))
