"""What is measured on a table's training rows: the state of each column, and the names of its channels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import DataError
from tidegate.core.frequency import Frequency
from tidegate.core.table import Note, Schema, Table
from tidegate.core.translate import tr
from tidegate.prepare import document as state
from tidegate.prepare.options import PrepareOptions
from tidegate.prepare.scale import pieces
from tidegate.prepare.table import calendar as cal
from tidegate.prepare.table import encode

ROLES = ("target", "level", "observed", "known", "static")


@dataclass(frozen=True)
class NumberState:
    """A numeric column.

    Attributes:
        name: of the column.
        role: one of `ROLES`; `level` is the undifferenced target beside its difference.
        offsets, scales: of each fitted series where they are scaled apart, and of all together, last.
        fills: in the column's own unit, what stands before a series' first observation; as `offsets`.
        mask: whether an input tells where it was missing.
        gaps: missing values in the training rows.
        empty: nothing was observed in the training rows; the column is read as 0.
    """

    name: str
    role: str
    offsets: tuple[float, ...]
    scales: tuple[float, ...]
    fills: tuple[float, ...]
    mask: bool
    gaps: int
    empty: bool

    def to_json(self) -> dict[str, Any]:
        return {"kind": "number", **state.plain_fields(self)}


@dataclass(frozen=True)
class TextState:
    """A text column: its categories, and how many values were missing in the training rows."""

    name: str
    role: str
    categories: tuple[str, ...]
    gaps: int

    @property
    def names(self) -> tuple[str, ...]:
        """Names of its inputs."""
        return tuple(f"{self.name}={category}" for category in self.categories)

    def to_json(self) -> dict[str, Any]:
        return {"kind": "text", **state.plain_fields(self)}


ColumnState = NumberState | TextState


def column_from_json(value: object, place: str, width: int) -> ColumnState:
    """Read a column's state; `width` is how many offsets it must have (1 for static columns).

    Raises:
        ArtifactError: it is not what `to_json` writes.
    """
    if isinstance(value, dict) and value.get("kind") == "text":
        found = state.record(value, place, ("kind", "name", "role", "categories", "gaps"))
        categories = state.items(found["categories"], f"{place}.categories", state.text, encode.MAX_CATEGORIES)
        if len(set(categories)) != len(categories):
            raise state.wrong(f"{place}.categories", "without repetition")
        return TextState(
            state.text(found["name"], f"{place}.name"),
            state.choice(found["role"], f"{place}.role", ROLES[2:]),
            categories,
            state.whole(found["gaps"], f"{place}.gaps"),
        )
    keys = ("kind", "name", "role", "offsets", "scales", "fills", "mask", "gaps", "empty")
    found = state.record(value, place, keys)
    state.choice(found["kind"], f"{place}.kind", ("number", "text"))
    role = state.choice(found["role"], f"{place}.role", ROLES)
    offsets = state.items(found["offsets"], f"{place}.offsets", state.number)
    scales = state.items(found["scales"], f"{place}.scales", state.positive)
    fills = state.items(found["fills"], f"{place}.fills", state.number)
    if {len(offsets), len(scales), len(fills)} != {1 if role == "static" else width}:
        raise state.wrong(f"{place}.offsets, scales and fills", f"lists of {width} numbers")
    return NumberState(
        state.text(found["name"], f"{place}.name"),
        role,
        offsets,
        scales,
        fills,
        state.flag(found["mask"], f"{place}.mask"),
        state.whole(found["gaps"], f"{place}.gaps"),
        state.flag(found["empty"], f"{place}.empty"),
    )


def first_time(table: Table, rows: NDArray[np.bool_] | NDArray[np.int64]) -> str:
    """Name the first of some rows (a mask [N] or row numbers) in words: series and time."""
    row = int(np.argmax(rows)) if rows.dtype == bool else int(rows[0])
    name = table.ids[int(table.series_of(np.array([row]))[0])]
    return f"time {table.time[row]}" + (f" of series {name!r}" if name else "")


def refuse(table: Table, name: str, rows: NDArray[np.int64], bad: Callable[[NDArray[Any]], Any], message: str) -> None:
    """Raise DataError where `bad(values)` holds anywhere in the row ranges [G, 2]; `{}` in `message` is where."""
    values = table.columns[name]
    for _, _, where in pieces(rows):
        wrong = np.asarray(bad(values[where]))
        if wrong.any():
            position = int(np.argmax(wrong))
            row = where.start + position if isinstance(where, slice) else int(where[position])
            place = first_time(table, np.array([row]))
            raise DataError(
                tr(
                    "column {name!r} {message} at {place} (value {values!s})",
                    name=name,
                    message=message,
                    place=place,
                    values=values[row],
                )
            )


def check_values(table: Table, name: str, rows: NDArray[np.int64], log1p: bool) -> None:
    """Refuse infinite values, and those that log1p has no value for.

    Raises:
        DataError: names the column and the first place.
    """
    refuse(table, name, rows, np.isinf, "is infinite")
    if log1p:
        refuse(
            table,
            name,
            rows,
            lambda values: values <= -1,
            "is not above -1, as target_transform='log1p' needs; use another transform or correct the value",
        )


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
            parts.insert(0, cal.holiday_dates(code, first, min(last, self.holidays.first - 1))[0])
        if last > self.holidays.last:
            parts.append(cal.holiday_dates(code, max(first, self.holidays.last + 1), last)[0])
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
