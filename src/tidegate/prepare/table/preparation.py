"""Preparation: fitted on the training rows, applied everywhere, saved as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError, SchemaError
from tidegate.core.frequency import Frequency
from tidegate.core.table import Note, Schema, Table
from tidegate.prepare.options import PrepareOptions
from tidegate.prepare.table import calendar as cal
from tidegate.prepare.table.columns import ColumnState, NumberState, TextState
from tidegate.prepare.table.fitting import fit_number, fit_text
from tidegate.prepare.table.prepared import Prepared
from tidegate.prepare.table.static import fit_static

HOLIDAY_YEARS_AHEAD = 10


@dataclass(frozen=True)
class Holidays:
    """Holidays of all years from `first` to `last`, as ISO dates: kept, so that a saved model needs no library."""

    first: int
    last: int
    dates: tuple[str, ...]


@dataclass(frozen=True)
class Preparation:
    """Everything that was measured on the training rows.

    Attributes:
        options: as the user chose them.
        schema, frequency, timezone: of the fitted table.
        series: names of the fitted series where they are scaled apart, else ().
        columns: targets, their levels, observed, then known covariates.
        statics: static covariates.
        calendar: calendar features in use.
        holidays: the dates, or None.
        season: steps, for the seasonal fill.
        notes: what was filled, left out or found constant.
    """

    options: PrepareOptions
    schema: Schema
    frequency: Frequency
    timezone: str | None
    series: tuple[str, ...]
    columns: tuple[ColumnState, ...]
    statics: tuple[ColumnState, ...]
    calendar: tuple[str, ...]
    holidays: Holidays | None
    season: int | None
    notes: tuple[Note, ...] = ()

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
            holidays=_fit_holidays(table, rows, options),
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

    def holiday_dates(self, first: int, last: int) -> NDArray[Any] | None:
        """Sorted datetime64[D] that covers the years `first` to `last`; None without holidays.

        Raises:
            MissingExtraError: years beyond the stored ones need the `holidays` library.
        """
        if self.holidays is None:
            return None
        stored = np.array(self.holidays.dates, dtype="datetime64[D]")
        parts = [stored]
        code = self.options.holidays or ""
        if first < self.holidays.first:
            parts.insert(0, cal.holiday_dates(code, first, min(last, self.holidays.first - 1)))
        if last > self.holidays.last:
            parts.append(cal.holiday_dates(code, max(first, self.holidays.last + 1), last))
        return np.concatenate(parts)

    @property
    def history(self) -> int:
        """Past rows that an origin needs beside its window, so that every target has a base: the lag, or 1."""
        return self.options.difference_lag if self.options.target_transform == "difference" else 1

    @property
    def target_names(self) -> tuple[str, ...]:
        """Target channels, [C]."""
        return self.schema.targets

    @property
    def calendar_names(self) -> tuple[str, ...]:
        """Calendar and holiday channels."""
        return cal.feature_names(self.calendar, self.holidays is not None)

    @property
    def past_names(self) -> tuple[str, ...]:
        """Channels of `Prepared.past`, [I]: targets, levels, observed, known, calendar, holidays, masks."""
        masks = tuple(f"{s.name}:missing" for s in self.columns if isinstance(s, NumberState) and s.mask)
        return tuple(name for s in self.columns for name in _names(s)) + self.calendar_names + masks

    @property
    def numeric_inputs(self) -> tuple[int, ...]:
        """Channels of `Prepared.past` that are scaled numbers, which noise may be added to."""
        kinds = [isinstance(s, NumberState) for s in self.columns for _ in _names(s)]
        return tuple(position for position, number in enumerate(kinds) if number)

    @property
    def target_inputs(self) -> tuple[int, ...]:
        """Channels of `Prepared.past` that hold the targets: themselves, and their levels beside a difference."""
        return tuple(range(sum(s.role in ("target", "level") for s in self.columns)))

    @property
    def future_names(self) -> tuple[str, ...]:
        """Channels of `Prepared.future`, [F]: known, calendar, holidays."""
        known = tuple(name for s in self.columns if s.role == "known" for name in _names(s))
        return known + self.calendar_names

    @property
    def static_names(self) -> tuple[str, ...]:
        """Channels of `Prepared.static`, [S]."""
        return tuple(name for s in self.statics for name in _names(s))

    def to_json(self) -> dict[str, Any]:
        """Everything, as JSON values; numbers survive exactly."""
        from tidegate.prepare.table import document

        return document.write(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Preparation:
        """Read what `to_json` wrote.

        Raises:
            ArtifactError: anything is missing, unknown, of the wrong type, not finite, or of a newer format.
        """
        from tidegate.prepare.table import document

        return document.read(value)


def _names(state: ColumnState) -> tuple[str, ...]:
    if isinstance(state, TextState):
        return state.names
    return (f"{state.name}:level",) if state.role == "level" else (state.name,)


def column_roles(schema: Schema, options: PrepareOptions) -> list[tuple[str, tuple[str, ...]]]:
    """Roles and their columns, in the order of the channels."""
    level = schema.targets if options.target_transform == "difference" and options.keep_level else ()
    return [("target", schema.targets), ("level", level), ("observed", schema.observed), ("known", schema.known)]


def _check_rows(table: Table, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    rows = np.asarray(rows, dtype=np.int64)
    if rows.shape != (len(table.ids), 2):
        raise ConfigError(f"training rows have shape {rows.shape}, expected one range per series ({len(table.ids)}, 2)")
    filled = rows[:, 1] > rows[:, 0]
    inside = (rows[:, 0] >= table.starts[:-1]) & (rows[:, 1] <= table.starts[1:])
    if not inside[filled].all():
        series = table.ids[int(np.flatnonzero(filled & ~inside)[0])]
        raise ConfigError(f"training rows of series {series!r} reach outside the series")
    if not filled.any():
        raise ConfigError("the training part has no rows; give it a larger share of the table")
    return rows


def _fit_column(
    table: Table, name: str, role: str, rows: NDArray[np.int64], options: PrepareOptions
) -> tuple[ColumnState, list[Note]]:
    if name not in table.columns:
        raise SchemaError(f"{role} column {name!r} is not a column of the table; it has {sorted(table.columns)}")
    if table.numeric(name):
        return fit_number(table, name, role, rows, options)
    if role in ("target", "level"):
        raise SchemaError(f"target {name!r} holds text; a forecast needs numbers: name a numeric column as target")
    return fit_text(table, name, role, rows)


def _choose_calendar(table: Table, rows: NDArray[np.int64], options: PrepareOptions) -> tuple[str, ...]:
    dated = table.time.dtype.kind == "M"
    if options.calendar is not None:
        if options.calendar and not dated:
            raise ConfigError(
                f"calendar={options.calendar!r} needs dates, but the rows are only counted; "
                "name a time column with dates, or leave the option out"
            )
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
        raise ConfigError(f"fill='seasonal' needs season=steps: rows of step {table.frequency} suggest none")
    return seasons[0]


def _fit_holidays(table: Table, rows: NDArray[np.int64], options: PrepareOptions) -> Holidays | None:
    if options.holidays is None:
        return None
    if table.time.dtype.kind != "M":
        raise ConfigError(f"holidays={options.holidays!r} needs dates, but the rows are only counted")
    filled = rows[rows[:, 1] > rows[:, 0]]
    edges = np.array([table.time[filled[:, 0]].min(), table.time[filled[:, 1] - 1].max()])
    years = edges.astype("datetime64[Y]").astype(int) + 1970
    first, last = int(years[0]) - 1, int(years[1]) + HOLIDAY_YEARS_AHEAD
    found = cal.holiday_dates(options.holidays, first, last)
    return Holidays(first, last, tuple(str(day) for day in found))
