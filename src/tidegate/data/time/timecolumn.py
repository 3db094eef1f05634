"""A whole time column: day or month first, integers as dates or epochs, offsets and zones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import TimeError
from tidegate.core.table import Note
from tidegate.data.cells.digits import from_integers, integers, is_integer
from tidegate.data.cells.numbers import BadCellError
from tidegate.data.time import timestamps as stamps
from tidegate.data.time.timestamps import MINUTE, NAT, NO_OFFSET, Fields, Place, Times, assemble

_FIRST = {"dayfirst": True, "monthfirst": False}

_DAY_FIRST = 'Dates such as {text} were read with the day first. To choose: date_format="dayfirst" or "monthfirst".'
_DAY_FIRST_ORDERED = (
    "Dates such as {text} were read with the day first, because only so they are in order. "
    'To choose: date_format="dayfirst" or "monthfirst".'
)
_MONTH_FIRST_ORDERED = (
    "Dates such as {text} were read with the month first, because only so they are in order. "
    'To choose: date_format="dayfirst" or "monthfirst".'
)
_OFFSETS = (
    "Time stamps carry the offset {offsets}; they were converted to UTC. To have hours and days counted on the local "
    'clock pass its timezone=, for instance "Europe/Paris".'
)


class TimeColumn:
    """Collects the cells of a time column chunk by chunk, then judges them together."""

    def __init__(self, name: str, date_format: str | None) -> None:
        self.name = name
        self.form = date_format
        self.fields: list[Fields] = []
        self.numbers: list[NDArray[np.int64]] = []
        self.ready: list[tuple[NDArray[np.datetime64], NDArray[np.int16]]] = []
        self.rows = 0
        self.sample = ""

    def add(self, texts: Sequence[str]) -> None:
        """Take the next cells.

        Raises:
            BadCellError: a cell is no time; its row counts from the first cell of the column.
        """
        if not texts:
            return
        self.sample = self.sample or texts[0]
        try:
            if self.form is not None and self.form not in _FIRST:
                self.ready.append(stamps.by_format(texts, self.form))
            elif self.numbers or (not self.fields and is_integer(texts[0])):
                self.numbers.append(integers(texts))
            else:
                self.fields.append(stamps.parse(texts))
        except BadCellError as error:
            raise BadCellError(self.rows + error.row, error.text, error.reason) from None
        self.rows += len(texts)

    def finish(self, place: Place) -> Times:
        """The column's times.

        Args:
            place: names a row, for messages.

        Raises:
            TimeError: impossible dates, an undecidable order of day and month, stamps with and without a zone.
        """
        if self.numbers:
            return from_integers(np.concatenate(self.numbers), self.name, place)
        if self.ready:
            times = np.concatenate([times for times, _ in self.ready])
            return self._zoned(times, np.concatenate([offset for _, offset in self.ready]), [], place)
        if not self.fields:
            return Times(np.empty(0, dtype="datetime64[us]"))
        joined = {
            name: np.concatenate([getattr(piece, name) for piece in self.fields])
            for name in ("year", "first", "second", "clock", "offset", "order", "missing")
        }
        notes: list[Note] = []
        month, day = joined["first"], joined["second"]
        unsure = joined["order"]
        if unsure.any():
            swap = self._day_first(joined, any(piece.dotted for piece in self.fields), notes, place)
            if swap:
                month, day = np.where(unsure, day, month), np.where(unsure, month, day)
        dates, bad = assemble(joined["year"], month, day)
        if bad.any():
            row = int(np.argmax(bad))
            raise TimeError(
                f"{place(row)}, column {self.name!r}: there is no such date (year {joined['year'][row]}, "
                f"month {month[row]}, day {day[row]}); correct it, or say how dates are written with date_format="
            )
        times = dates.astype("datetime64[us]") + joined["clock"]
        times[joined["missing"]] = NAT
        return self._zoned(times, joined["offset"], notes, place)

    def _day_first(
        self,
        joined: dict[str, NDArray[np.int64]],
        dotted: bool,
        notes: list[Note],
        place: Place,
    ) -> bool:
        unsure = joined["order"]
        if self.form is not None:
            return _FIRST[self.form]
        first, second = joined["first"][unsure], joined["second"][unsure]
        if first.max() > 12 and second.max() > 12:
            rows = np.flatnonzero(unsure)
            day_first, month_first = int(rows[np.argmax(first > 12)]), int(rows[np.argmax(second > 12)])
            raise TimeError(
                f"column {self.name!r} mixes dates with the day first ({place(day_first)}) and with the month first "
                f"({place(month_first)}); write all dates in one way, best as 2024-12-31"
            )
        if first.max() > 12 or second.max() > 12:
            return bool(first.max() > 12)
        if dotted:
            notes.append(Note("date_order", _DAY_FIRST, {"text": self.sample}))
            return True
        ordered = []
        for month, day in ((first, second), (second, first)):
            dates, _ = assemble(joined["year"][unsure], month, day)
            moments = dates.astype("datetime64[us]") + joined["clock"][unsure]
            ordered.append(bool((np.diff(moments.astype(np.int64)) >= 0).all()))
        if ordered[0] != ordered[1]:
            message = _DAY_FIRST_ORDERED if ordered[1] else _MONTH_FIRST_ORDERED
            notes.append(Note("date_order", message, {"text": self.sample}))
            return ordered[1]
        raise TimeError(
            f"column {self.name!r}: dates such as {self.sample!r} may have the day or the month first, and nothing in "
            'the column decides it; pass date_format="dayfirst" or date_format="monthfirst"'
        )

    def _zoned(
        self,
        times: NDArray[np.datetime64],
        offset: NDArray[np.int16],
        notes: list[Note],
        place: Place,
    ) -> Times:
        held = ~np.isnat(times)
        aware = offset != NO_OFFSET
        if not (aware & held).any():
            return Times(times, notes=notes)
        if not aware[held].all():
            with_zone, without = int(np.argmax(aware & held)), int(np.argmax(~aware & held))
            raise TimeError(
                f"column {self.name!r} mixes time zones: {place(with_zone)} carries an offset or Z, {place(without)} "
                "does not; write all stamps in one way, best in UTC"
            )
        found = np.unique(offset[held & aware])
        utc = times - offset.astype(np.int64) * np.int64(MINUTE)
        if len(found) > 2 or (len(found) == 2 and found[1] - found[0] > 60):
            other = int(np.argmax((offset != offset[held][0]) & held))
            raise TimeError(
                f"column {self.name!r} mixes time zones: {len(found)} offsets, {_clock(found[0])} to "
                f"{_clock(found[-1])}, the first change at {place(other)}; convert the stamps to UTC before reading"
            )
        if len(found) == 2:
            notes.append(Note("offsets", _OFFSETS, {"offsets": f"{_clock(found[0])}, {_clock(found[1])}"}))
            return Times(utc, aware=True, zone="UTC", notes=notes)
        minutes = int(found[0])
        if minutes % 60:
            notes.append(Note("offsets", _OFFSETS, {"offsets": _clock(minutes)}))
            return Times(utc, aware=True, zone="UTC", notes=notes)
        zone = "UTC" if minutes == 0 else f"Etc/GMT{-minutes // 60:+d}"
        return Times(utc, aware=True, zone=zone, notes=notes)


def _clock(minutes: int) -> str:
    return f"{'-' if minutes < 0 else '+'}{abs(int(minutes)) // 60:02d}:{abs(int(minutes)) % 60:02d}"
