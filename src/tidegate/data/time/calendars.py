"""Calendars of days: the same days of every month, working days, and the business days of markets and countries."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.business import LIKELY, UNKNOWN, open_days, places
from tidegate.core.frequency import Frequency
from tidegate.core.optional import available
from tidegate.core.table import Note

DAY = 86_400_000_000
HOLIDAY_SHARE = 0.12
SPARSE = 2

MONTH_DAYS: dict[str, tuple[int, tuple[int, ...], str]] = {
    "bme": (1, (31,), "backward"),
    "bm": (1, (31,), "backward"),
    "bms": (1, (1,), "forward"),
    "bqe": (3, (31,), "backward"),
    "bq": (3, (31,), "backward"),
    "bqs": (3, (1,), "forward"),
    "bye": (12, (31,), "backward"),
    "bys": (12, (1,), "forward"),
    "sms": (1, (1, 15), ""),
    "sme": (1, (15, 31), ""),
    "sm": (1, (15, 31), ""),
    "dekad": (1, (1, 11, 21), ""),
}
_DAYS_OF_MONTH = (
    ((31,), "backward"),
    ((1,), "forward"),
    *((days, roll) for days in ((15, 31), (1, 15), (1, 16), (10, 25), (5, 20)) for roll in ("backward", "forward")),
    *(((day,), roll) for roll in ("backward", "forward") for day in (15, 25, 10, 5, 20, 28, 30)),
)
"""Days of the month that rows may keep, moved off weekends."""


@dataclass(frozen=True)
class Grid:
    """Where rows sit: `positions` [N] counts steps from the first row of each series."""

    frequency: Frequency
    positions: NDArray[np.int64] | None
    notes: tuple[Note, ...] = ()


def days_of(time: NDArray[np.datetime64]) -> NDArray[np.int64]:
    """Days since 1970."""
    return time.astype("datetime64[D]").astype(np.int64)


def at_month_end(time: NDArray[np.datetime64]) -> NDArray[np.bool_]:
    """Which times lie on the last day of their month."""
    day = time.astype("datetime64[D]")
    return np.asarray((day + 1).astype("datetime64[M]") != day.astype("datetime64[M]"))


def positions(
    frequency: Frequency, time: NDArray[Any], starts: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Steps of each row from its series' first, and which rows lie off the grid.

    Args:
        frequency: any but "row" with times.
        time: [N] sorted within series.
        starts: [G + 1].
    """
    series = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    first = time[starts[:-1]][series]
    if time.dtype.kind != "M":
        delta = time.astype(np.int64) - first.astype(np.int64)
        return delta // frequency.count, delta % frequency.count != 0
    size = frequency.microseconds
    if size is not None:
        delta = (time - first).astype("timedelta64[us]").astype(np.int64)
        return delta // size, delta % size != 0
    clock = time - time.astype("datetime64[D]")
    off = clock != clock[starts[:-1]][series]
    if frequency.days:
        place, aside = places(frequency.days, frequency.roll, time.astype("datetime64[D]"))
        steps = place - place[starts[:-1]][series]
        return steps // frequency.count, off | aside | (steps % frequency.count != 0)
    if frequency.unit == "B" and frequency.holidays not in ("", UNKNOWN):
        day = time.astype("datetime64[D]")
        days = open_days(frequency.holidays, day.min(), day.max())
        place = np.minimum(np.searchsorted(days, day), len(days) - 1)
        steps = place - place[starts[:-1]][series]
        return steps // frequency.count, off | (days[place] != day) | (steps % frequency.count != 0)
    if frequency.unit == "B":
        day, begin = time.astype("datetime64[D]"), first.astype("datetime64[D]")
        steps = np.busday_count(begin, day).astype(np.int64)
        return steps // frequency.count, off | ~np.is_busday(day) | (steps % frequency.count != 0)
    month = time.astype("datetime64[M]").astype(np.int64)
    steps = month - month[starts[:-1]][series]
    within = days_of(time) - time.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    aside = ~at_month_end(time) if frequency.month_end else within != within[starts[:-1]][series]
    return steps // frequency.count, off | aside | (steps % frequency.count != 0)


def total_rows(place: NDArray[np.int64], starts: NDArray[np.int64]) -> int:
    """Rows that the series' grids have, from the first of each to its last."""
    return int((place[starts[1:] - 1] + 1).sum())


def show(time: Any) -> str:
    """One time for a message, as short as it is exact."""
    if not isinstance(time, np.datetime64):
        return str(time)
    text = str(time.astype("datetime64[us]")).replace("T", " ")
    for ending in (".000000", ":00", " 00:00"):
        text = text.removesuffix(ending)
    return text


def late_day(time: NDArray[Any]) -> int:
    """The 29th or 30th, where monthly rows sit on it and on the last day of a shorter month; 0 else."""
    if time.dtype.kind != "M" or not len(time):
        return 0
    day = int((days_of(time) - days_of(time.astype("datetime64[M]"))).max()) + 1
    return day if day in (29, 30) and not places((day,), "", time.astype("datetime64[D]"))[1].any() else 0


def business_days(time: NDArray[Any], starts: NDArray[np.int64], absent: int, first: str) -> Grid:
    """Weekdays with holidays: those of a calendar that explains every absent day, else rows that are only counted."""
    day = np.unique(time.astype("datetime64[D]"))
    if available("holidays"):
        for code in LIKELY:
            found = open_days(code, day[0], day[-1])
            if len(found) == len(day) and (found == day).all():
                frequency = Frequency(1, "B", holidays=code)
                place, _ = positions(frequency, time, starts)
                if total_rows(place, starts) == len(time):
                    message = "Rows are the business days of {calendar}: all {count} absent weekdays are its holidays."
                    note = Note("market", message, {"calendar": code, "count": absent})
                    return Grid(frequency, place, (note,))
    note = Note(
        "holidays",
        "Rows are weekdays; {count} weekdays without a row (first after {first}) are taken for holidays and not "
        "filled in. As no calendar names them, forecasts are numbered and carry no dates. To have dates: "
        'frequency="B@XNYS" for a market or "B@TW" for a country; to have rows inserted for them: frequency="B".',
        {"count": absent, "first": first},
    )
    return Grid(Frequency(1, "B", holidays=UNKNOWN), None, (note,))


def working_weekends(time: NDArray[Any], starts: NDArray[np.int64]) -> Grid | None:
    """Weekdays and a few weekend days that are worked on."""
    day = np.unique(time.astype("datetime64[D]"))
    every = np.arange(day[0], day[-1] + 1)
    weekdays = np.is_busday(every)
    held = np.isin(every, day)
    absent = int((weekdays & ~held).sum())
    worked = int((~weekdays & held).sum())
    if worked * 4 > (~weekdays).sum() or absent > HOLIDAY_SHARE * weekdays.sum() or (~weekdays).sum() < 4:
        return None
    return business_days(time, starts, absent, show(every[weekdays & ~held][0]) if absent else "")


def days_of_month(time: NDArray[Any], starts: NDArray[np.int64], least: int) -> Grid | None:
    """The same days of every month: the 30th or the month's last day, the 1st and 15th, dekads, last working days."""
    span = int((time.max() - time.min()).astype("timedelta64[D]").astype(np.int64))
    if least < 4 * DAY or span < 59 or len(time) < 4:
        return None
    dates = time.astype("datetime64[D]")
    within = days_of(time) - days_of(time.astype("datetime64[M]")) + 1
    plain = tuple(sorted(set(np.where(at_month_end(time), 31, within).tolist())))
    late = int(within.max())
    ways = [((late,), ""), (plain, ""), *_DAYS_OF_MONTH]
    for days, roll in ways:
        if len(days) > 4 or (len(days) > 1 and least > 20 * DAY):
            continue
        if places(days, roll, dates)[1].any():
            continue
        found = widest(Frequency(1, "M", days=days, roll=roll), time, starts)
        if found is not None:
            return found
    return None


def widest(frequency: Frequency, time: NDArray[Any], starts: NDArray[np.int64]) -> Grid | None:
    """The grid of the most steps of a frequency that all times lie on; None where some do not, or too few do."""
    place, off = positions(frequency, time, starts)
    if off.any():
        return None
    step = np.diff(place)
    common = int(np.gcd.reduce(step[step > 0]))
    if total_rows(place // common, starts) > SPARSE * len(time):
        return None
    return Grid(replace(frequency, count=common), place // common)
