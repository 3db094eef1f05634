"""The step between rows: as given, else found from the times themselves."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.business import exceptions
from tidegate.core.errors import ConfigError, TimeError
from tidegate.core.frequency import Frequency, Unit
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.data.time.calendars import (
    DAY,
    HOLIDAY_SHARE,
    MONTH_DAYS,
    SPARSE,
    Grid,
    at_month_end,
    business_days,
    days_of,
    days_of_month,
    late_day,
    positions,
    show,
    total_rows,
    widest,
    working_weekends,
)

_FIXED = ((7 * DAY, "D", 7), (DAY, "D", 1), (3_600_000_000, "h", 1), (60_000_000, "min", 1), (1_000_000, "s", 1))
_HOLIDAY_RUN = 15
_CHUNK = 1 << 18

_ALIASES: dict[str, tuple[int, Unit, bool | None]] = {
    "us": (1, "us", False),
    "ms": (1000, "us", False),
    "s": (1, "s", False),
    "sec": (1, "s", False),
    "second": (1, "s", False),
    "min": (1, "min", False),
    "t": (1, "min", False),
    "minute": (1, "min", False),
    "h": (1, "h", False),
    "hour": (1, "h", False),
    "d": (1, "D", False),
    "day": (1, "D", False),
    "b": (1, "B", False),
    "w": (7, "D", False),
    "week": (7, "D", False),
    "m": (1, "M", None),
    "mo": (1, "M", None),
    "month": (1, "M", None),
    "ms_": (1, "M", False),
    "me": (1, "M", True),
    "q": (3, "M", None),
    "quarter": (3, "M", None),
    "qs": (3, "M", False),
    "qe": (3, "M", True),
    "y": (12, "M", None),
    "a": (12, "M", None),
    "year": (12, "M", None),
    "ys": (12, "M", False),
    "as": (12, "M", False),
    "ye": (12, "M", True),
    "row": (1, "row", False),
}


def parse(text: str | Frequency, time: NDArray[Any]) -> Frequency:
    """A frequency written the way people write it: "1h", "15min", "D", "W", "B", "MS", "M", "QE", "row", "30s".

    Args:
        text: the frequency.
        time: [N] the times; a plain "M", "Q" or "Y" sits on the month's end where they all do.

    Raises:
        ConfigError: it is none of these.
    """
    if isinstance(text, Frequency):
        return text
    market = re.fullmatch(r"\s*(\d*)\s*[Bb]@([A-Za-z0-9-]+)\s*", text) if isinstance(text, str) else None
    if market is not None:
        exceptions(market[2].upper(), 2000, 2000)
        return Frequency(int(market[1] or 1), "B", holidays=market[2].upper())
    found = re.fullmatch(r"\s*(\d*)\s*([A-Za-z]+?)(?:-[A-Za-z]{3})?\s*", text) if isinstance(text, str) else None
    if found is not None:
        count, unit = int(found[1] or 1), found[2]
        key = unit.lower()
        if unit == "MS":
            key = "ms_"
        if key in MONTH_DAYS and count >= 1:
            months, days, roll = MONTH_DAYS[key]
            return Frequency(count * months, "M", days=days, roll=roll)
        entry = _ALIASES.get(key) or _ALIASES.get(key.rstrip("s"))
        if entry is not None and count >= 1:
            size, name, month_end = entry
            if name == "M" and month_end is None:
                month_end = time.dtype.kind == "M" and bool(at_month_end(time).all())
            late = late_day(time) if name == "M" and not month_end else 0
            return Frequency(count * size, name, bool(month_end), (late,) if late else ())
    message = (
        "frequency={text!r} is unknown; write for instance '1h', '15min', 'D', 'B' (Monday to Friday), 'W', 'M', 'Q', "
        "'Y', or 'row' to count rows"
    )
    raise ConfigError(tr(message, text=text))


def named(step: int) -> Frequency:
    """A fixed step of so many microseconds in the largest unit that divides it."""
    for size, unit, count in _FIXED:
        if step % size == 0:
            return Frequency(step // size * count, unit)  # type: ignore[arg-type]
    return Frequency(step, "us")


def spoken(step: int) -> str:
    """A step of so many microseconds for messages; one of the length of a month, quarter or year is called that."""
    for low, high, months in ((28, 31, 1), (89, 92, 3), (365, 366, 12)):
        if low * DAY <= step <= high * DAY:
            return str(Frequency(months, "M"))
    return str(named(step))


def uniform(time: NDArray[Any], starts: NDArray[np.int64]) -> Frequency | None:
    """The fixed step that all rows keep, if they are in order and keep one; looked at in little memory.

    Args:
        time: [N] datetime64[us] or int64.
        starts: [G + 1].
    """
    found: int | None = None
    stamps = time.view(np.int64) if time.dtype.kind == "M" else time
    for low in range(0, len(time) - 1, _CHUNK):
        high = min(low + _CHUNK, len(time) - 1)
        step = stamps[low + 1 : high + 1] - stamps[low:high]
        first, last = np.searchsorted(starts, [low + 1, high + 1])
        borders = starts[first:last] - 1 - low
        if len(borders):
            step = np.delete(step, borders)
        if not len(step):
            continue
        found = int(step[0]) if found is None else found
        if found <= 0 or (step != found).any():
            return None
    if found is None:
        return None
    return named(found) if time.dtype.kind == "M" else Frequency(found, "row")


def certain(step: Frequency) -> bool:
    """Whether a step that all rows keep is the frequency, and no month, quarter or year by chance."""
    size = step.microseconds
    return size is None or size < 28 * DAY


def infer(time: NDArray[Any], starts: NDArray[np.int64], ids: tuple[str, ...] = ("",)) -> Grid:
    """The frequency of sorted times without doubles.

    The largest step that all rows share is taken where it leaves at most half of the grid empty. Before that come
    months (rows on one day of the month, or on its end) and weekdays (no Saturday or Sunday over at least two
    weekends): there, absent days are taken for holidays, and no rows are inserted, while they are at most 12 % of
    the weekdays and at most 15 in a row; the grid stays Monday to Friday, so that future rows have times. What is
    none of these is counted in rows.

    Args:
        time: [N] datetime64[us] or int64, sorted within series.
        starts: [G + 1].
        ids: [G], for messages.

    Raises:
        TimeError: no series has two rows; or the series step differently.
    """
    stamps: NDArray[np.int64] = time.astype(np.int64)
    step = stamps[1:] - stamps[:-1]
    inner = np.ones(len(step), dtype=bool)
    inner[starts[1:-1] - 1] = False
    step = step[inner]
    if not len(step):
        raise TimeError(tr("one row per series has no step between rows; pass frequency=, for instance '1h' or 'D'"))
    if time.dtype.kind != "M":
        common = int(np.gcd.reduce(step))
        place, _ = positions(Frequency(common, "row"), time, starts)
        if total_rows(place, starts) <= SPARSE * len(time):
            return Grid(Frequency(common, "row"), place)
        return Grid(Frequency(1, "row"), None, (_irregular(step, time, starts),))
    least = int(step.min())
    for special in (_monthly, days_of_month, _weekdays):
        grid = special(time, starts, least)
        if grid is not None:
            return grid
    frequency = named(int(np.gcd.reduce(step)))
    place, _ = positions(frequency, time, starts)
    if total_rows(place, starts) <= SPARSE * len(time):
        return Grid(frequency, place)
    _same_steps(time, starts, ids)
    odd = _irregular_series(time, starts)
    note = _irregular(step, time, starts) if odd is None else _odd_series(time, starts, ids, *odd)
    return Grid(Frequency(1, "row"), None, (note,))


def _irregular_series(time: NDArray[Any], starts: NDArray[np.int64]) -> tuple[NDArray[np.int64], Frequency] | None:
    """The series that keep the others from one grid, and the step of those; None where they are not a minority."""
    if len(starts) < 4:
        return None
    steps: list[int] = []
    for a, b in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        step = np.diff(time[a:b].astype(np.int64))
        common = int(np.gcd.reduce(step)) if len(step) else 0
        steps.append(common if common and (b - a - 1) * SPARSE * common >= int(step.sum()) else 0 if len(step) else -1)
    held: NDArray[np.int64] = np.array(steps, dtype=np.int64)
    kinds, counts = np.unique(held[held > 0], return_counts=True)
    if not len(kinds):
        return None
    usual = int(kinds[np.argmax(counts)])
    odd = np.flatnonzero((held != -1) & ((held == 0) | (held % usual != 0)))
    return (odd, named(usual)) if 0 < len(odd) * 2 < len(held) else None


def _odd_series(
    time: NDArray[Any], starts: NDArray[np.int64], ids: tuple[str, ...], odd: NDArray[np.int64], usual: Frequency
) -> Note:
    first = int(odd[0])
    step: Any = np.diff(time[starts[first] : starts[first + 1]].astype(np.int64))
    size = usual.microseconds or 1
    place = int(starts[first]) + int(np.argmax(step % size != 0))
    return Note(
        "irregular_series",
        "{count} of {total} series do not keep the step of the others, {usual}: {names}; {first} first after {time}. "
        "Because of them the rows of all series are counted in their order. Correct these times, or leave these series "
        "out.",
        {
            "count": len(odd),
            "total": len(ids),
            "usual": str(usual),
            "names": ", ".join(ids[i] for i in odd[:5]) + (" ..." if len(odd) > 5 else ""),
            "first": ids[first],
            "time": show(time[place]),
        },
    )


def _monthly(time: NDArray[Any], starts: NDArray[np.int64], least: int) -> Grid | None:
    if least < 28 * DAY:
        return None
    for month_end in (True, False):
        frequency = Frequency(1, "M", month_end)
        if not month_end and (days_of(time) - days_of(time.astype("datetime64[M]"))).max() > 27:
            continue
        found = widest(frequency, time, starts)
        if found is not None:
            return found
    return None


def _weekdays(time: NDArray[Any], starts: NDArray[np.int64], least: int) -> Grid | None:
    if least < DAY or least % DAY:
        return None
    frequency = Frequency(1, "B")
    place, off = positions(frequency, time, starts)
    if off.any():
        return working_weekends(time, starts) if np.is_busday(time.astype("datetime64[D]")).mean() >= 0.9 else None
    series = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    hop = np.diff(place)[series[1:] == series[:-1]]
    days = np.diff(days_of(time))[series[1:] == series[:-1]]
    weekends = int((days > hop).sum())
    if weekends < 2 or (hop == 1).sum() * 2 < len(hop):
        return None
    absent = total_rows(place, starts) - len(time)
    if absent == 0:
        return Grid(frequency, place)
    if absent > HOLIDAY_SHARE * total_rows(place, starts) or hop.max() - 1 > _HOLIDAY_RUN:
        return Grid(frequency, place) if total_rows(place, starts) <= SPARSE * len(time) else None
    inner = np.flatnonzero((np.diff(place) > 1) & (series[1:] == series[:-1]))
    return business_days(time, starts, absent, show(time[inner[0]]))


def _same_steps(time: NDArray[Any], starts: NDArray[np.int64], ids: tuple[str, ...]) -> None:
    found: dict[int, int] = {}
    for i, (a, b) in enumerate(zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True)):
        if b - a < 3 or i > 1000:
            continue
        step = np.diff(time[a:b].astype(np.int64))
        low = int(step.min())
        if (step == low).mean() < 0.9:
            return
        found.setdefault(low, i)
    if len(found) > 1:
        (one, a), (other, b) = list(found.items())[:2]
        message = (
            "series step differently: {name!r} by {step}, {name2!r} by {step2}; read them into tables of their own, "
            "or pass frequency= to bring them onto one grid"
        )
        raise TimeError(tr(message, name=ids[a], step=spoken(one), name2=ids[b], step2=spoken(other)))


def _irregular(step: NDArray[np.int64], time: NDArray[Any], starts: NDArray[np.int64]) -> Note:
    kinds, counts = np.unique(step, return_counts=True)
    usual = int(kinds[np.argmax(counts)])
    every = np.diff(time.astype(np.int64))
    every[starts[1:-1] - 1] = usual
    first = int(np.argmax(every != usual))
    return Note(
        "irregular",
        "Steps between rows differ: {share} % are {usual}, the first other one follows {first}. Rows are counted in "
        "their order and none are inserted; forecasts are numbered, unless the future rows' times are given. To put "
        'rows on a regular grid: frequency= with resample="mean", "sum" or "last".',
        {
            "share": round(100 * float(counts.max()) / len(step), 1),
            "usual": spoken(usual) if time.dtype.kind == "M" else str(usual),
            "first": show(time[first]),
        },
    )
