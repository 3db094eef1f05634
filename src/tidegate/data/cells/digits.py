"""Times written as digits alone: years, 20241231, seconds since 1970, plain counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import TimeError
from tidegate.core.table import Note
from tidegate.data.cells.numbers import BadCellError, is_missing
from tidegate.data.time.timestamps import NAT, Place, Times, assemble

NO_TIME = np.iinfo(np.int64).min
_EPOCH = (
    "Column {column} was read as time since 1970 (UTC), in seconds, milliseconds, microseconds or nanoseconds by the "
    "size of its numbers; first {first}."
)


def is_integer(text: str) -> bool:
    """Whether a cell is a whole number, perhaps written with a zero fraction."""
    cell = text.strip()
    whole, _, fraction = cell.partition(".")
    return cell.isascii() and whole.removeprefix("-").isdigit() and not fraction.strip("0")


def integers(texts: Sequence[str]) -> NDArray[np.int64]:
    """Cells as whole numbers, `NO_TIME` where missing.

    Raises:
        BadCellError: a cell is neither.
    """
    try:
        return np.fromiter(map(int, texts), dtype=np.int64, count=len(texts))
    except (ValueError, OverflowError):
        pass
    values = np.empty(len(texts), dtype=np.int64)
    for i, text in enumerate(texts):
        if is_missing(text):
            values[i] = NO_TIME
        elif is_integer(text) and len(text) < 20:
            values[i] = int(float(text)) if "." in text else int(text)
        else:
            raise BadCellError(i, text)
    return values


def from_integers(values: NDArray[np.int64], name: str, place: Place) -> Times:
    """Integers as times: years, yyyymm, yyyymmdd, yyyymmddhhmm[ss], epochs in s, ms, us or ns, else a plain count.

    Args:
        values: [n]; the smallest int64 marks a missing time.
        name: the column.
        place: names a row, for messages.

    Raises:
        TimeError: a time is missing in a column of counts.
    """
    held = values != NO_TIME
    if not held.any():
        return Times(np.full(len(values), NAT, dtype="datetime64[us]"))
    low, high = int(values[held].min()), int(values[held].max())
    filled = np.where(held, values, low)
    for least, most, digits in _CALENDAR:
        if least <= low and high <= most:
            year, month, day, clock, fine = _split_digits(filled, digits)
            dates, bad = assemble(year, month, day)
            if fine and not bad.any():
                if digits == 4 and not _steps_one(filled):
                    break
                return Times(_blank(dates.astype("datetime64[us]") + clock, held))
    for least, most, factor in (
        (10**8, 10**11, 1e6),
        (10**11, 10**14, 1e3),
        (10**14, 10**17, 1.0),
        (10**17, 9 * 10**18, 1e-3),
    ):
        if least <= low and high < most:
            micro = filled // 1000 if factor < 1 else filled * int(factor)
            times = _blank(micro.astype("datetime64[us]"), held)
            first = str(times[np.argmax(held)])[:19]
            return Times(times, aware=True, zone="UTC", notes=[Note("epoch", _EPOCH, {"column": name, "first": first})])
    if not held.all():
        raise TimeError(
            f"{place(int(np.argmin(held)))}, column {name!r}: the time is missing; fill it in or remove the row"
        )
    return Times(values)


_CALENDAR = (
    (1500, 2200, 4),
    (150001, 220012, 6),
    (15000101, 22001231, 8),
    (195001010000, 210012312359, 12),
    (15000101000000, 22001231235959, 14),
)


def _steps_one(values: NDArray[np.int64]) -> bool:
    distinct = np.unique(values)
    return len(distinct) == 1 or bool(np.median(np.diff(distinct)) <= 10)


def _split_digits(
    values: NDArray[np.int64], digits: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], bool]:
    one = np.ones_like(values)
    clock = np.zeros_like(values)
    fine = True
    if digits == 4:
        return values, one, one, clock, True
    if digits == 6:
        return values // 100, values % 100, one, clock, True
    if digits > 8:
        second = values % 100 if digits == 14 else clock
        rest = values // 100 if digits == 14 else values
        minute, hour, values = rest % 100, rest // 100 % 100, rest // 10_000
        fine = bool(second.max() < 60 and minute.max() < 60 and hour.max() < 24)
        clock = ((hour * 60 + minute) * 60 + second) * 1_000_000
    return values // 10_000, values // 100 % 100, values % 100, clock, fine


def _blank(times: NDArray[Any], held: NDArray[np.bool_]) -> NDArray[np.datetime64]:
    if not held.all():
        times = times.copy()
        times[~held] = NAT
    return times
