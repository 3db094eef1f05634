"""Times of day, and parts of days and dates, out of the texts of their cells."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import TimeError
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.data.time.forms import read_clock
from tidegate.data.time.months import month_of

if TYPE_CHECKING:
    from tidegate.data.cells.columns import Source

HOUR = 3_600_000_000
_SLOTS = (24, 48, 72, 96, 144, 288)
_LONG_DAY = (
    "{place}, column {name!r}: {value} is one more than a day has, as on the day on which clocks are set back, and a "
    "count does not tell which hour stands twice. Write times of day (the doubled hour twice) and pass timezone= "
    "(--timezone), or write times in UTC"
)


def day_parts(source: Source, slots: NDArray[np.int64], dates: NDArray[Any], name: str) -> NDArray[np.int64]:
    """Microseconds since midnight of the parts of a day that are counted from 1, of which most days have alike many.

    Raises:
        TimeError: no even part of a day, or a day with more of them than others.
    """
    _, day = np.unique(dates, return_inverse=True)
    most = np.zeros(day.max() + 1, dtype=np.int64)
    np.maximum.at(most, day, slots)
    counts = np.bincount(most)
    size = int(np.argmax(counts))
    if size not in _SLOTS or slots.min() < 1:
        message = (
            "column {name!r} counts {size} parts of a day, which are no even parts of it (24, 48, 96, 144 or 288); "
            "write times of day, or leave this column out of time="
        )
        raise TimeError(tr(message, name=name, size=size))
    if slots.max() > size:
        row = int(np.argmax(slots > size))
        raise TimeError(tr(_LONG_DAY, place=source.place(row), name=name, value=int(slots[row])))
    return (slots - 1) * (24 * HOUR // size)


def times_of_day(source: Source, values: Any, name: str, notes: list[Note]) -> NDArray[np.int64]:
    """Microseconds since midnight of times of day or hours; hour 24 is the midnight that ends the day.

    Raises:
        TimeError: there is no such time.
    """
    if values.dtype.kind == "f":
        hours, micro = values, np.round(np.nan_to_num(values, nan=-1) * HOUR)
        if np.nanmax(hours) >= 100:
            micro = np.nan_to_num(hours // 100 * HOUR + hours % 100 * 60_000_000, nan=-1)
            micro[hours % 100 >= 60] = -1
    else:
        known = {text: _clock_or_hours(str(text)) for text in set(values)}
        micro = np.array([known[text] for text in values], dtype=np.float64)
        if micro.max() >= 100 * HOUR:  # digits alone, such as 1830
            hours = micro // HOUR
            micro = np.where(hours % 100 < 60, hours // 100 * HOUR + hours % 100 * 60_000_000, -1)
    bad = (micro < 0) | (micro > 24 * HOUR)
    if bad.any():
        row = int(np.argmax(bad))
        if micro[row] == 25 * HOUR:
            raise TimeError(tr(_LONG_DAY, place=source.place(row), name=name, value=25))
        message = (
            "{place}, column {name!r}: {value} is no time of day; expected 18:30, 18.30.00, 1830 or an hour from 0 to "
            "24. Correct it, or leave this column out of time="
        )
        raise TimeError(tr(message, place=source.place(row), name=name, value=values[row]))
    if (micro == 24 * HOUR).any():
        message = "Hour 24 of {column} was read as the midnight that ends the day."
        notes.append(Note("hour_24", message, {"column": name}))
    return np.asarray(micro.astype(np.int64))


def _clock_or_hours(text: str) -> float:
    found = read_clock(text)
    if found is not None:
        return float(found)
    number = as_number(text, "hour")
    return -1.0 if np.isnan(number) else number * HOUR


def as_number(text: str, kind: str) -> float:
    """The whole number of a part of a date, such as `Q1`, `KW07`, `3月` or, of a month, its name; NaN where none."""
    cell = text.strip()
    if kind == "month" and month_of(cell):
        return float(month_of(cell))
    found = re.fullmatch(r"(?:[QqWwM第]|KW)?\s*(\d+)(?:\.0*)?\s*[年月日號時时點点分秒季週周]?(?:[QqWw])?", cell)
    return np.nan if found is None else float(found[1])
