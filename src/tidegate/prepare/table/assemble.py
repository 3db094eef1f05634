"""From a fitted preparation and a table to the channels that the gathers read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import DataError, SchemaError
from tidegate.core.table import Note, Table
from tidegate.prepare.table import encode, fill
from tidegate.prepare.table.calendar import index_calendar
from tidegate.prepare.table.channels import Gather, Lookup, NumberChannel, TextChannel
from tidegate.prepare.table.columns import NumberState, TextState, check_values
from tidegate.prepare.table.fitted import FittedTable
from tidegate.prepare.table.static import apply_static
from tidegate.prepare.table.transform import LOGARITHMS, logged

_CHUNK = 1 << 20


@dataclass(frozen=True)
class Channels:
    """All that a table's gathers read.

    Attributes:
        columns: targets, levels, observed, known: the order of the past channels.
        targets, known, masked: some of them.
        calendar: by minute of the day, and by day.
        statics: [G, S].
        notes: what was found on the way.
    """

    columns: tuple[NumberChannel | TextChannel, ...]
    targets: tuple[NumberChannel, ...]
    known: tuple[NumberChannel | TextChannel, ...]
    masked: tuple[NumberChannel, ...]
    calendar: tuple[Lookup, ...]
    statics: NDArray[np.float32]
    notes: tuple[Note, ...]


def assemble(preparation: FittedTable, table: Table) -> Channels:
    """Build the channels.

    Raises:
        SchemaError: a column is missing or of another kind than when fitted.
        DataError: an infinite value, a value that log1p refuses, another frequency or time zone.
    """
    _check_grid(preparation, table)
    member, notes = _match_series(preparation, table)
    channels: list[NumberChannel | TextChannel] = []
    roles: list[str] = []
    cache: dict[str, _Cleaned] = {}
    for state in preparation.columns:
        if state.name not in table.columns:
            raise SchemaError(f"column {state.name!r} is not in the table; it has {sorted(table.columns)}")
        if table.numeric(state.name) != isinstance(state, NumberState):
            raise SchemaError(f"column {state.name!r} changed between numbers and text since the model was fitted")
        roles.append(state.role)
        if isinstance(state, TextState):
            channel, found = _text_channel(table, state)
            channels.append(channel)
            notes.extend(found)
        else:
            channels.append(_number_channel(preparation, table, state, member, cache))
    numbers = [channel for channel in channels if isinstance(channel, NumberChannel)]
    return Channels(
        columns=tuple(channels),
        targets=tuple(channel for channel in numbers if channel.state.role == "target"),
        known=tuple(channel for channel, role in zip(channels, roles, strict=True) if role == "known"),
        masked=tuple(channel for channel in numbers if channel.missing is not None),
        calendar=_calendar(preparation, table),
        statics=apply_static(table, preparation.statics),
        notes=tuple(notes),
    )


def _check_grid(preparation: FittedTable, table: Table) -> None:
    if table.frequency != preparation.frequency:
        raise DataError(
            f"rows are {table.frequency} apart, but the model was fitted on rows {preparation.frequency} apart; "
            "resample the table to that step"
        )
    if not preparation.calendar_names:
        return
    if table.time.dtype.kind != "M":
        raise DataError("the model uses calendar features, but the rows of this table have no dates")
    if table.timezone != preparation.timezone:
        raise DataError(
            f"the table's time zone is {table.timezone}, but the model's calendar was fitted in "
            f"{preparation.timezone}; read the table with timezone={preparation.timezone!r}"
        )


def _match_series(preparation: FittedTable, table: Table) -> tuple[NDArray[np.int64], list[Note]]:
    """[G] position of each series' statistics (the last, shared one for a series that was not fitted)."""
    if not preparation.series:
        return np.zeros(len(table.ids), dtype=np.int64), []
    if preparation.series == table.ids:
        return np.arange(len(table.ids)), []
    lookup = {name: position for position, name in enumerate(preparation.series)}
    shared = len(preparation.series)
    member = np.array([lookup.get(name, shared) for name in table.ids], dtype=np.int64)
    new = np.flatnonzero(member == shared)
    if not len(new):
        return member, []
    message = "{count} series were not in the training table (first: {first}); they take the shared scale"
    return member, [Note("scale", message, {"count": len(new), "first": table.ids[int(new[0])]})]


@dataclass(frozen=True)
class _Cleaned:
    raw: Gather
    filled: Gather
    last: Gather | None
    missing: NDArray[np.bool_] | None


def _number_channel(
    preparation: FittedTable, table: Table, state: NumberState, member: NDArray[np.int64], cache: dict[str, _Cleaned]
) -> NumberChannel:
    options = preparation.options
    values = table.columns[state.name]
    log1p = state.role == "target" and options.target_transform in LOGARITHMS
    by_series = len(state.offsets) > 1
    fills = np.array(state.fills)[member] if by_series else np.full(len(table.ids), state.fills[0])
    cleaned = cache.get(state.name)
    if cleaned is None:
        check_values(table, state.name, table.rows(), log1p and options.target_transform == "log1p")
        cleaned = _clean(values, table.starts, options.fill, fills, preparation.season)
        if log1p:
            cleaned = _Cleaned(
                cleaned.raw,
                Gather(logged(cleaned.filled.values, options.target_transform)),
                cleaned.last,
                cleaned.missing,
            )
        cache[state.name] = cleaned
    mask = None
    if state.mask:
        flags = cleaned.missing if cleaned.missing is not None else np.broadcast_to(np.False_, values.shape)
        mask = Gather(flags)
    start = fills.astype(cleaned.filled.values.dtype)
    return NumberChannel(
        state=state,
        raw=cleaned.raw,
        filled=cleaned.filled,
        last=cleaned.last,
        start=logged(start, options.target_transform) if log1p else start,
        exact_offset=np.array(state.offsets)[member] if by_series else np.array(state.offsets),
        exact_scale=np.array(state.scales)[member] if by_series else np.array(state.scales),
        missing=mask,
    )


def _clean(
    values: NDArray[Any], starts: NDArray[np.int64], method: str, fills: NDArray[np.float64], season: int | None
) -> _Cleaned:
    raw = Gather(values)
    missing = find_missing(values)
    if missing is None:
        return _Cleaned(raw, raw, None, None)
    if method == "none":
        return _Cleaned(raw, raw, None, missing)
    filled, last = fill.fill_column(values, missing, starts, method, start=fills, season=season)
    return _Cleaned(raw, Gather(filled), None if last is None else Gather(last), missing)


def find_missing(values: NDArray[Any]) -> NDArray[np.bool_] | None:
    """[N] where a column is NaN, or None for a column without gaps, which is found in bounded memory."""
    for first in range(0, len(values), _CHUNK):
        if np.isnan(values[first : first + _CHUNK]).any():
            return np.asarray(np.isnan(values))
    return None


def _text_channel(table: Table, state: TextState) -> tuple[TextChannel, list[Note]]:
    values = table.columns[state.name]
    codes = encode.encode(values, state.categories)
    other = np.flatnonzero(codes == len(state.categories))
    missing = np.zeros(len(values), dtype=np.bool_)
    missing[other] = [values[row] is None for row in other]
    unseen = other[~missing[other]]
    notes = []
    if len(unseen):
        message = "{column}: {count} values are of categories that got no input (first: {first}); read as none"
        values_ = {"column": state.name, "count": len(unseen), "first": str(values[unseen[0]])}
        notes.append(Note("categories", message, values_))
    lookup = Lookup(codes, encode.one_hot_table(len(state.categories)))
    return TextChannel(state.name, lookup, state.gaps == 0, missing), notes


def _calendar(preparation: FittedTable, table: Table) -> tuple[Lookup, ...]:
    if not preparation.calendar_names:
        return ()
    holidays = None
    if preparation.holidays is not None and len(table):
        edges = np.array([table.time.min(), table.time.max()]).astype("datetime64[D]")
        edges += np.array([-2, 2])
        years = edges.astype("datetime64[Y]").astype(int) + 1970
        holidays = preparation.holiday_dates(int(years[0]), int(years[1]))
    index = index_calendar(table.time, table.timezone, preparation.calendar, holidays)
    found = []
    if index.minute is not None:
        found.append(Lookup(index.minute, index.clock))
    if index.day is not None:
        found.append(Lookup(index.day, index.days))
    return tuple(found)
