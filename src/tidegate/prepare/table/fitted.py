"""What was measured on the training rows of a table, and the names of the channels that follow from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.frequency import Frequency
from tidegate.core.table import Note, Schema
from tidegate.prepare.options import PrepareOptions
from tidegate.prepare.table import calendar as cal
from tidegate.prepare.table.columns import ColumnState, NumberState, TextState


@dataclass(frozen=True)
class Holidays:
    """Holidays of all years from `first` to `last`, as ISO dates: kept, so that a saved model needs no library."""

    first: int
    last: int
    dates: tuple[str, ...]


@dataclass(frozen=True)
class FittedTable:
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
    def lead(self) -> int:
        """Rows before a window that its targets' transform needs."""
        return self.history if self.options.target_transform == "difference" else 0

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


def _names(state: ColumnState) -> tuple[str, ...]:
    if isinstance(state, TextState):
        return state.names
    return (f"{state.name}:level",) if state.role == "level" else (state.name,)


def column_roles(schema: Schema, options: PrepareOptions) -> list[tuple[str, tuple[str, ...]]]:
    """Roles and their columns, in the order of the channels."""
    level = schema.targets if options.target_transform == "difference" and options.keep_level else ()
    return [("target", schema.targets), ("level", level), ("observed", schema.observed), ("known", schema.known)]
