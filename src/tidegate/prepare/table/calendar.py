"""Calendar and holiday features.

Each calendar feature is a pair, sine and cosine of its phase: sin(2 pi p), cos(2 pi p), where p runs from 0
to 1 over one cycle. Days of the month and of the year count in parts of their own month and year, so that
every cycle closes whatever its length. A row stores two small numbers, its minute of the day and its day;
the features themselves lie in one table per minute and one per day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from tidegate.core.business import holidays_of
from tidegate.core.errors import ConfigError, DataError
from tidegate.core.frequency import Frequency
from tidegate.core.translate import tr

CLOCK = ("minute", "hour")
HOLIDAY_NAMES = ("holiday", "day_before_holiday", "day_after_holiday")
_DAY = 86_400_000_000
_MINUTE = 60_000_000
_CHUNK = 1 << 20


def choose_features(frequency: Frequency, step: float | None, length: int) -> tuple[str, ...]:
    """Features whose cycle the step can resolve and the training part has seen at least twice.

    Args:
        frequency: of the table.
        step: days between rows, None where rows are only counted.
        length: rows of the longest series in the training part.
    """
    if step is None:
        return ()
    if frequency.unit == "M":
        return ("month",) if frequency.count < 12 and frequency.count * length >= 24 else ()
    span = step * length
    chosen = []
    if step * 24 < 1 and span * 24 >= 2:
        chosen.append("minute")
    if step < 1 and span >= 2:
        chosen.append("hour")
    if step < 1.5 and span >= 14:
        chosen.append("day_of_week")
    if step <= 7 and span >= 730:
        chosen.append("day_of_year")
    elif step <= 31 and span >= 730:
        chosen.append("month")
    return tuple(chosen)


def feature_names(features: Sequence[str], holidays: bool) -> tuple[str, ...]:
    """Channel names in the order of the gathers: clock features, day features, holidays."""
    ordered = [name for name in features if name in CLOCK] + [name for name in features if name not in CLOCK]
    pairs = tuple(f"{name}:{part}" for name in ordered for part in ("sin", "cos"))
    return pairs + (HOLIDAY_NAMES if holidays else ())


@dataclass(frozen=True)
class CalendarIndex:
    """Per row the minute of the day and the day; the tables that turn them into features.

    Attributes:
        minute: [N] int16 into `clock`, or None without clock features.
        day: [N] into `days`, or None without day features.
        clock: [1440, 2 x clock features] float32.
        days: [D, 2 x day features + holidays] float32.
    """

    minute: NDArray[Any] | None
    day: NDArray[Any] | None
    clock: NDArray[np.float32]
    days: NDArray[np.float32]


def index_calendar(
    time: NDArray[Any], zone: str | None, features: Sequence[str], holidays: NDArray[Any] | None
) -> CalendarIndex:
    """Prepare the lookups for all rows of a table.

    Args:
        time: [N] datetime64[us]; UTC where `zone` is given.
        zone: name of the time zone whose clock counts, or None to read `time` as it is.
        features: calendar features, any of `options.CALENDAR_FEATURES`.
        holidays: sorted datetime64[D], or None for no holiday features.
    """
    clock_features = [name for name in features if name in CLOCK]
    day_features = [name for name in features if name not in CLOCK]
    count = len(time)
    minute = np.empty(count, dtype=np.int16) if clock_features else None
    day = np.empty(count, dtype=np.int32) if day_features or holidays is not None else None
    shift = _zone_shift(time, zone)
    for first in range(0, count, _CHUNK):
        part = slice(first, first + _CHUNK)
        local = time[part].astype("datetime64[us]").view(np.int64)
        if shift is not None:
            local = local + shift[1][np.searchsorted(shift[0], local, side="right")]
        if minute is not None:
            minute[part] = local % _DAY // _MINUTE
        if day is not None:
            day[part] = local // _DAY
    table = np.empty((0, 0), dtype=np.float32)
    if day is not None and count:
        low, high = int(day.min()), int(day.max())
        if high - low < max(4 * count, 1000):
            day -= low
            distinct = np.arange(low, high + 1)
        else:
            distinct, inverse = np.unique(day, return_inverse=True)
            day = inverse.astype(np.int32)
        table = day_table(distinct.astype("datetime64[D]"), day_features, holidays)
    return CalendarIndex(minute, day, clock_table(tuple(clock_features)), table)


@lru_cache(maxsize=8)
def clock_table(features: tuple[str, ...]) -> NDArray[np.float32]:
    """[1440, 2 x features]: sine and cosine of each feature at every minute of the day."""
    minutes = np.arange(1440)
    phase = {"minute": minutes % 60 / 60, "hour": minutes // 60 / 24}
    return _waves([phase[name] for name in features], 1440)


def day_table(days: NDArray[Any], features: Sequence[str], holidays: NDArray[Any] | None) -> NDArray[np.float32]:
    """[D, 2 x features + 3 holiday columns]: features of each day (datetime64[D])."""
    months = days.astype("datetime64[M]")
    years = days.astype("datetime64[Y]")
    first, following = months.astype("datetime64[D]"), (months + 1).astype("datetime64[D]")
    new_year, next_year = years.astype("datetime64[D]"), (years + 1).astype("datetime64[D]")
    month = (months - years.astype("datetime64[M]")).astype(np.int64)
    phase = {
        "day_of_week": (days.astype(np.int64) + 3) % 7 / 7,
        "day_of_month": (days - first) / (following - first),
        "day_of_year": (days - new_year) / (next_year - new_year),
        "month": month / 12,
        "season": (month + 1) % 12 // 3 / 4,
    }
    waves = _waves([phase[name] for name in features], len(days))
    if holidays is None:
        return waves
    near = [np.isin(days + offset, holidays) for offset in (0, 1, -1)]
    return np.concatenate([waves, np.stack(near, axis=1).astype(np.float32)], axis=1)


def _waves(phases: Sequence[NDArray[Any]], count: int) -> NDArray[np.float32]:
    table = np.empty((count, 2 * len(phases)), dtype=np.float32)
    for position, phase in enumerate(phases):
        table[:, 2 * position] = np.sin(2 * np.pi * phase)
        table[:, 2 * position + 1] = np.cos(2 * np.pi * phase)
    return table


def holiday_dates(code: str, first: int, last: int) -> tuple[NDArray[Any], range]:
    """Public holidays of a country, or of a part of one, in the years `first` to `last`.

    Returns:
        Sorted datetime64[D], observed days included, and the years that the library knows.

    Raises:
        ConfigError: the library does not know the place.
        MissingExtraError: the `holidays` library is not installed.
    """
    try:
        found = holidays_of(code, range(first, last + 1))
    except NotImplementedError as error:
        message = (
            "holidays={code!r} is not a place that the holidays library knows; give a country such as 'US', or "
            "country and part such as 'AU-VIC'"
        )
        raise ConfigError(tr(message, code=code)) from error
    days = np.array(sorted(str(day) for day in found), dtype="datetime64[D]")
    return days, range(int(getattr(found, "start_year", first)), int(getattr(found, "end_year", last)) + 1)


def _zone_shift(time: NDArray[Any], zone: str | None) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
    if zone is None or not len(time):
        return None
    days = [np.datetime64(moment, "D").astype(np.int64) for moment in (time.min(), time.max())]
    moments, shifts = zone_changes(zone, int(days[0]) - 1, int(days[1]) + 2)
    return np.array(moments, dtype=np.int64), np.array(shifts, dtype=np.int64)


@lru_cache(maxsize=32)
def zone_changes(zone: str, first: int, last: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """When a zone's offset from UTC changes between two days (counted from 1970), in microseconds.

    Returns:
        The moments [M] of change, and the offsets [M + 1] before, between and after them.
    """
    try:
        place = ZoneInfo(zone)
    except (KeyError, ValueError, OSError) as error:
        raise DataError(
            tr("time zone {zone!r} is unknown; give a name such as 'Australia/Melbourne'", zone=zone)
        ) from error
    start = datetime(1970, 1, 1, tzinfo=timezone.utc)

    def offset(second: int) -> int:
        shift = (start + timedelta(seconds=second)).astimezone(place).utcoffset() or timedelta()
        return shift // timedelta(microseconds=1)

    try:
        edge = first * 86_400
        shifts, moments = [offset(edge)], []
        for day in range(first + 1, last + 1):
            after = offset(day * 86_400)
            if after != shifts[-1]:
                low, high = (day - 1) * 86_400, day * 86_400
                while high - low > 1:
                    middle = (low + high) // 2
                    low, high = (middle, high) if offset(middle) == shifts[-1] else (low, middle)
                moments.append(high * 1_000_000)
                shifts.append(after)
    except OverflowError as error:
        raise DataError(tr("times outside the years 1 to 9999 have no local clock; correct the time column")) from error
    return tuple(moments), tuple(shifts)
