"""From a fitted preparation and a table to the channels that the gathers read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import DataError, SchemaError
from tidegate.core.table import Note, Table
from tidegate.core.translate import tr
from tidegate.prepare.scale import LOGARITHMS, logged
from tidegate.prepare.table import encode, fill
from tidegate.prepare.table.calendar import index_calendar
from tidegate.prepare.table.fitted import FittedTable, NumberState, TextState, check_values
from tidegate.prepare.table.fitting import apply_static

_MOST_VIEWS = 16
_CHUNK = 1 << 20


def windows(values: NDArray[Any], length: int) -> NDArray[Any]:
    """[N - length + 1, length] view of a column [N]; row r is the window that begins at r."""
    step = values.strides[0]
    shape = (max(len(values) - length + 1, 0), length)
    return np.lib.stride_tricks.as_strided(values, shape, (step, step), writeable=False)


class Gather:
    """Cuts windows out of one column; remembers its window views, which cost more to make than to use."""

    __slots__ = ("_views", "values")

    def __init__(self, values: NDArray[Any]) -> None:
        self.values = values
        self._views: dict[int, NDArray[Any]] = {}

    def __call__(self, first: NDArray[np.int64], length: int) -> NDArray[Any]:
        """[B, length] copies of the windows that begin at rows `first` [B]."""
        view = self._views.get(length)
        if view is None and len(first) == 1:
            return np.array(self.values[None, first[0] : first[0] + length])
        if view is None:
            if len(self._views) >= _MOST_VIEWS:
                self._views.clear()
            view = self._views[length] = windows(self.values, length)
        return np.asarray(view[first])

    def __getstate__(self) -> NDArray[Any]:
        return self.values

    def __setstate__(self, values: NDArray[Any]) -> None:
        self.values = values
        self._views = {}


@dataclass(frozen=True)
class NumberChannel:
    """A numeric column of one table.

    Attributes:
        state: what was fitted.
        raw: [N] gather of the table's own column.
        filled: [N] gather of the column without gaps and, for log1p, transformed; `raw` itself where nothing
            is to be done.
        last: [N] latest observed row, where the fill looks ahead; None where filled values hold at any origin.
        start: [G] what stands before the first observation of a series, as `filled` has it.
        offset, scale: [G], or [1] where shared; in the dtype of `filled`.
        exact_offset, exact_scale: the same in float64.
        missing: [N] gather of 0/1, where there is a mask.
    """

    state: NumberState
    raw: Gather
    filled: Gather
    last: Gather | None
    start: NDArray[Any]
    exact_offset: NDArray[np.float64]
    exact_scale: NDArray[np.float64]
    missing: Gather | None
    offset: NDArray[Any] = field(init=False)
    scale: NDArray[Any] = field(init=False)
    plain: bool = field(init=False)

    def __post_init__(self) -> None:
        dtype = self.filled.values.dtype
        object.__setattr__(self, "offset", self.exact_offset.astype(dtype))
        object.__setattr__(self, "scale", self.exact_scale.astype(dtype))
        object.__setattr__(self, "plain", bool((self.offset == 0).all() and (self.scale == 1).all()))

    def past(
        self, first: NDArray[np.int64], length: int, origins: NDArray[np.int64], series: NDArray[np.int64]
    ) -> NDArray[Any]:
        """[B, length] filled values of the rows from `first` on, all before their origin, as known at it."""
        window = self.filled(first, length)
        if self.last is not None:
            latest = self.last.values[origins - 1]
            open_gap = np.flatnonzero(latest < origins - 1)
            if len(open_gap):
                self._close(window, first, open_gap, latest[open_gap], series[open_gap])
        return window

    def _close(
        self,
        window: NDArray[Any],
        first: NDArray[np.int64],
        chosen: NDArray[np.int64],
        latest: NDArray[Any],
        series: NDArray[np.int64],
    ) -> None:
        """Where the gap reaches the origin, the value after it is not known yet: repeat the one before it."""
        rows = first[chosen, None] + np.arange(window.shape[1])
        value = np.where(latest >= 0, self.filled.values[latest], self.start[series])
        window[chosen] = np.where(rows > latest[:, None], value[:, None], window[chosen])

    def causal(self, first: NDArray[np.int64], length: int, series: NDArray[np.int64]) -> NDArray[Any]:
        """[B, length] filled values, each from its own row and those before it."""
        window = self.filled(first, length)
        if self.last is not None:
            latest = self.last(first, length)
            rows = first[:, None] + np.arange(length)
            before = np.where(latest >= 0, self.filled.values[latest], self.start[series][:, None])
            window = np.where(latest < rows, before, window)
        return window

    def scaled(self, window: NDArray[Any], series: NDArray[np.int64], out: NDArray[np.float32]) -> None:
        """Write (window - offset) / scale into `out` [B, length]; `window` is overwritten."""
        if self.plain:
            out[...] = window
            return
        offset, scale = self.offset, self.scale
        if len(offset) > 1:
            offset, scale = offset[series, None], scale[series, None]
        np.subtract(window, offset, out=window)
        np.divide(window, scale, out=out, casting="same_kind")

    def affine(self, series: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """[B, 1] (or [1, 1] where shared) offset and scale in float64."""
        if len(self.exact_offset) > 1:
            return self.exact_offset[series, None], self.exact_scale[series, None]
        return self.exact_offset[:, None], self.exact_scale[:, None]


class Lookup:
    """Channels that depend on a small whole number per row: a row of a table for each.

    The table is kept as columns of two channels (one complex number each) and, where their count is odd, one
    of a single channel: two are then moved at the price of one.
    """

    __slots__ = ("_parts", "index", "width")

    def __init__(self, index: NDArray[Any], table: NDArray[np.float32]) -> None:
        self.index = Gather(index)
        self.width = table.shape[1]
        self._parts: list[NDArray[Any]] = [
            np.ascontiguousarray(table[:, c : c + 2]).view(np.complex64)[:, 0] for c in range(0, self.width - 1, 2)
        ]
        if self.width % 2:
            self._parts.append(np.ascontiguousarray(table[:, -1]))

    def write(self, first: NDArray[np.int64], length: int, out: NDArray[np.float32]) -> None:
        """Write the channels of the rows from `first` on into `out` [B, length, width]."""
        index = self.index(first, length).astype(np.intp)
        for position, part in enumerate(self._parts):
            c = 2 * position
            place = out[:, :, c : c + 2].view(np.complex64) if part.dtype == np.complex64 else out[:, :, c : c + 1]
            place[:, :, 0] = part.take(index)


@dataclass(frozen=True)
class TextChannel:
    """A text column of one table.

    Attributes:
        name: of the column.
        codes: per row its category, as a one-hot vector.
        complete: no value was missing in the training rows, so a missing one at a forecast step is an error.
        missing: [N].
    """

    name: str
    codes: Lookup
    complete: bool
    missing: NDArray[np.bool_]


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
            message = "column {name!r} is not in the table; it has {columns}"
            raise SchemaError(tr(message, name=state.name, columns=sorted(table.columns)))
        if table.numeric(state.name) != isinstance(state, NumberState):
            raise SchemaError(
                tr("column {name!r} changed between numbers and text since the model was fitted", name=state.name)
            )
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
        message = (
            "rows are {frequency} apart, but the model was fitted on rows {frequency2} apart; resample the table to "
            "that step"
        )
        raise DataError(tr(message, frequency=table.frequency, frequency2=preparation.frequency))
    if not preparation.calendar_names:
        return
    if table.time.dtype.kind != "M":
        raise DataError(tr("the model uses calendar features, but the rows of this table have no dates"))
    if table.timezone != preparation.timezone:
        message = (
            "the table's time zone is {timezone}, but the model's calendar was fitted in {timezone2}; read the table "
            "with timezone={timezone2!r}"
        )
        raise DataError(tr(message, timezone=table.timezone, timezone2=preparation.timezone))


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
