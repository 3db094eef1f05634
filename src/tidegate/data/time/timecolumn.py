"""A whole time column: day or month first, integers as dates or epochs, offsets and zones."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import TimeError
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.data.cells.numbers import BadCellError, is_missing
from tidegate.data.time import timestamps as stamps
from tidegate.data.time.dateorder import WORDS, decide
from tidegate.data.time.digits import (
    BUDDHIST,
    BUDDHIST_NOTE,
    BUDDHIST_YEARS,
    NO_TIME,
    as_floats,
    from_numbers,
    is_number,
    numbers,
)
from tidegate.data.time.forms import MINUTE, NO_OFFSET, PQY, SURE, begin_of
from tidegate.data.time.timestamps import NAT, Fields, Place, Times, assemble

_OFFSETS = (
    "Time stamps carry the offset {offsets}; they were converted to UTC. To have hours and days counted on the local "
    'clock pass its timezone=, for instance "Europe/Paris".'
)
_YEAR_PAIRS = "Cells of {column} such as {text} were read as years that end in the next, dated by the first."
_SPANS = "Cells of {column} such as {text} hold two times; the rows are dated by the first."
_OLD_YEARS = (
    "Years of {column} were read as they are written ({text}). If they count from another beginning, as in the Islamic "
    "or Persian calendar, convert them before reading."
)
_ENOUGH = 1000
_DUTCH_QUARTER = re.compile(r"\s*\d{4}KW0[1-4]\s*")


class TimeColumn:
    """Collects the cells of a time column chunk by chunk, then judges them together."""

    def __init__(self, name: str, date_format: str | None) -> None:
        self.name = name
        self.form = date_format
        self.fields: list[Fields] = []
        self.numbers: list[NDArray[Any]] = []
        self.ready: list[tuple[NDArray[np.datetime64], NDArray[np.int16]]] = []
        self.rows = 0
        self.sample = ""
        self.padded = self.six = self.pairs = False

    def add(self, texts: Sequence[str]) -> None:
        """Take the next cells.

        Raises:
            BadCellError: a cell is no time; its row counts from the first cell of the column.
        """
        if not texts:
            return
        self.sample = self.sample or _first(texts)
        try:
            if self.form is not None and self.form not in WORDS:
                self.ready.append(stamps.by_format(texts, self.form))
            elif self.numbers or (not self.fields and is_number(_first(texts)) and not _dotted_months(texts)):
                self.numbers.append(numbers(texts))
                cell = _first(texts).strip()
                self.padded = self.padded or (cell[:1] == "0" and len(cell) in (5, 7))
                self.six = self.six or (cell[:1] == "0" and len(cell) == 6)
            else:
                self.fields.append(stamps.parse(self._first_years(texts)))
        except BadCellError as error:
            raise BadCellError(self.rows + error.row, error.text, error.reason) from None
        self.rows += len(texts)

    def _first_years(self, texts: Sequence[str]) -> Sequence[str]:
        """Years that end in the next, such as `1960/61`, as their first months; the quarters that Dutch statistics
        call `2000KW01` as such."""
        if texts and all(map(_DUTCH_QUARTER.fullmatch, texts[:_ENOUGH])):
            years = {text.strip()[:4] for text in texts[:_ENOUGH]}
            if len(years) > 1 and len(texts) > len(years):
                return [re.sub(r"(?<=\d)KW0(?=[1-4])", "Q", text) for text in texts]
        if not self.rows:
            self.pairs = len(texts) > 2 and all(_two_years(text) for text in texts[:_ENOUGH])
        return [f"{text.strip()[:4]}-01" if _two_years(text) else text for text in texts] if self.pairs else texts

    def finish(self, place: Place) -> Times:
        """The column's times.

        Args:
            place: names a row, for messages.

        Raises:
            TimeError: impossible dates, an undecidable order of day and month, stamps with and without a zone.
        """
        if self.numbers:
            pieces = self.numbers
            if any(piece.dtype.kind == "f" for piece in pieces):
                pieces = [as_floats(piece) for piece in pieces]
            values = np.concatenate(pieces)
            ending = _ending_in_years(values)
            if ending is not None:
                self.numbers, self.fields = [], [ending]
                return self.finish(place)
            return from_numbers(values, self.name, place, padded=self.padded, six=self.six, roc=self.form == "roc")
        if self.ready:
            times = np.concatenate([times for times, _ in self.ready])
            return self._zoned(times, np.concatenate([offset for _, offset in self.ready]), [], place)
        if not self.fields:
            return Times(np.empty(0, dtype="datetime64[us]"))
        *arrays, dotted = zip(*(vars(piece).values() for piece in self.fields), strict=True)
        raw = Fields(*(np.concatenate(each) for each in arrays), any(dotted))  # type: ignore[call-arg, arg-type]
        parts, notes = decide(raw, self.name, self.sample, self.form, place)
        self._era(parts, ~parts.missing, notes)
        dates, bad = assemble(parts.year, parts.month, parts.day)
        if bad.any():
            row = int(np.argmax(bad))
            raise TimeError(
                tr(
                    "{place}, column {name!r}: there is no such date (year {year}, month {month}, day "
                    "{day}); correct it, or say how dates are written with date_format=",
                    place=place(row),
                    name=self.name,
                    year=parts.year[row],
                    month=parts.month[row],
                    day=parts.day[row],
                )
            )
        times = dates.astype("datetime64[us]") + parts.clock
        times[parts.missing] = NAT
        return self._zoned(times, parts.offset, notes, place)

    def _era(self, parts: Fields, held: NDArray[np.bool_], notes: list[Note]) -> None:
        """Say how years were read that are not those of our calendar, or may not be."""
        told = {"column": self.name, "text": self.sample}
        years = parts.year[held]
        if self.pairs:
            notes.append(Note("year_pairs", _YEAR_PAIRS, told))
        elif begin_of(self.sample) is not None:
            notes.append(Note("spans", _SPANS, told))
        if len(years) and years.min() >= BUDDHIST[0] and years.max() <= BUDDHIST[1]:
            parts.year = parts.year - BUDDHIST_YEARS
            notes.append(Note("buddhist", BUDDHIST_NOTE, told))
        elif len(years) and years.min() >= 1300 and years.max() < 1500 and len(np.unique(parts.day[held])) > 1:
            notes.append(Note("old_years", _OLD_YEARS, told))

    def _zoned(
        self, times: NDArray[np.datetime64], offset: NDArray[np.int16], notes: list[Note], place: Place
    ) -> Times:
        held = ~np.isnat(times)
        aware = offset != NO_OFFSET
        if not (aware & held).any():
            return Times(times, notes=notes)
        if not aware[held].all():
            with_zone, without = int(np.argmax(aware & held)), int(np.argmax(~aware & held))
            message = (
                "column {name!r} mixes time zones: {place} carries an offset or Z, {place2} does not; write all "
                "stamps in one way, best in UTC"
            )
            raise TimeError(tr(message, name=self.name, place=place(with_zone), place2=place(without)))
        found = np.unique(offset[held & aware])
        utc = times - offset.astype(np.int64) * np.int64(MINUTE)
        if len(found) > 2 or (len(found) == 2 and found[1] - found[0] > 60):
            other = int(np.argmax((offset != offset[held][0]) & held))
            raise TimeError(
                tr(
                    "column {name!r} mixes time zones: {count} offsets, {clock} to {clock2}, the first "
                    "change at {place}; convert the stamps to UTC before reading",
                    name=self.name,
                    count=len(found),
                    clock=_clock(found[0]),
                    clock2=_clock(found[-1]),
                    place=place(other),
                )
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


def _ending_in_years(values: NDArray[Any]) -> Fields | None:
    """Whole numbers such as 31012024 as days and months in open order; None where one of them cannot be that."""
    if values.dtype.kind == "f":
        return None
    missing = values == NO_TIME
    held = values[~missing]
    first, second, year = held // 1_000_000, held // 10_000 % 100, held % 10_000
    inside = [(part >= 1).all() and (part <= 31).all() for part in (first, second)]
    if len(np.unique(held)) < 3 or not all(inside) or year.min() < 1900 or year.max() > 2100:
        return None
    parts = [np.full(len(values), fill, dtype=np.int64) for fill in (1970, 1, 1)]
    for part, known in zip(parts, (year, first, second), strict=True):
        part[~missing] = known
    clock, offset = np.zeros(len(values), dtype=np.int64), np.full(len(values), NO_OFFSET, dtype=np.int16)
    kind = np.where(missing, SURE, PQY).astype(np.int8)
    return Fields(parts[0], parts[1], parts[2], clock, offset, kind, missing, False)


def _dotted_months(texts: Sequence[str]) -> bool:
    """Whether all cells are years and months such as `2012.05`, and no years with a fraction."""
    held = [text.strip() for text in texts if not is_missing(text)]
    return all(len(cell) == 7 and cell[4] == "." and "01" <= cell[5:] <= "12" for cell in held)


def _two_years(text: str) -> bool:
    cell = text.strip()
    if len(cell) not in (7, 9) or cell[4] not in "/-–" or not (cell[:4] + cell[5:]).isdigit():
        return False
    return f"{int(cell[:4]) + 1}".endswith(cell[5:])


def _first(texts: Sequence[str]) -> str:
    """The first cell that holds something."""
    return next((text for text in texts if not is_missing(text)), "")


def _clock(minutes: int) -> str:
    return f"{'-' if minutes < 0 else '+'}{abs(int(minutes)) // 60:02d}:{abs(int(minutes)) % 60:02d}"
