"""Where an axis has its ticks, and how numbers and times read beside them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError
from tidegate.core.translate import Language

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_SECOND, _MINUTE, _HOUR, _DAY = 1_000_000, 60_000_000, 3_600_000_000, 86_400_000_000
_FIXED = tuple(
    unit * count
    for unit, counts in (
        (1, (1, 10, 100, 1_000, 10_000, 100_000)),
        (_SECOND, (1, 5, 15, 30)),
        (_MINUTE, (1, 5, 15, 30)),
        (_HOUR, (1, 3, 6, 12)),
        (_DAY, (1, 2, 7, 14)),
    )
    for count in counts
)
_MONTHS = (1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200, 2400, 6000, 12000, 24000, 60000)
_MONTH_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MINUS = "\u2212"


def step_of(low: float, high: float, count: int) -> float:
    """The round step (1, 2, 2.5 or 5 times a power of ten) that puts at most `count` steps between low and high."""
    if not (math.isfinite(low) and math.isfinite(high)) or count < 1 or low >= high:
        raise ConfigError(f"an axis needs finite ends, low below high, and a step at least; got {low}, {high}, {count}")
    raw = high / count - low / count
    power = math.floor(math.log10(raw))
    for factor in _STEPS:
        step = float(f"{factor}e{power}")
        if step >= raw * (1 - 1e-12):
            return step
    return float(f"1e{power + 1}")


def nice_ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Round numbers at even distances that lie within [low, high].

    Args:
        low, high: the ends of the axis, in data units; low < high.
        count: at most `count + 1` ticks are given, and at least one of `count // 3`.

    Raises:
        ConfigError: an end is not finite, or low is not below high.

    >>> nice_ticks(0.0, 9.3)
    [0.0, 2.0, 4.0, 6.0, 8.0]
    """
    step = step_of(low, high, count)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [0.0 if index == 0 else float(index) * step for index in range(first, last + 1)]


def nice_domain(low: float, high: float, count: int = 5, zero: bool = False) -> tuple[float, float]:
    """Widen [low, high] to round numbers; ends that are equal or not finite get room around them."""
    if not (math.isfinite(low) and math.isfinite(high)):
        low, high = 0.0, 1.0
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    least = max(abs(low), abs(high)) * 1e-9
    if high - low <= least:
        room = max(abs(low) * 0.1, least, 1e-9 if low else 1.0)
        low, high = low - room, high + room
    step = step_of(low, high, count)
    return math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step


def cycle_ticks(low: float, high: float, cycle: int, count: int = 6) -> list[float]:
    """Multiples, within [low, high], of a divisor or multiple of `cycle`: 6, 12, 18, 24 of a cycle of 24."""
    sizes = [size for size in range(1, cycle) if cycle % size == 0] + [
        cycle * times for times in (1, 2, 4, 5, 7, 10, 20, 50)
    ]
    step = next((size for size in sizes if size * count >= high - low), None)
    if step is None:
        return nice_ticks(low, high, count)
    return [float(step * index) for index in range(math.ceil(low / step), math.floor(high / step) + 1)]


def log_ticks(low: float, high: float, count: int = 6) -> list[float]:
    """Powers of ten in [low, high], or 1, 2, 5 times powers where few powers fit; low > 0."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    factors = (1.0,) if last - first > 3 else (1.0, 2.0, 5.0)
    stride = max(1, math.ceil((last - first) * len(factors) / (2 * count)))
    values = [float(f"{factor}e{power}") for power in range(first, last + 1, stride) for factor in factors]
    return [value for value in values if low * (1 - 1e-9) <= value <= high * (1 + 1e-9)]


def number(value: float, digits: int | None = None) -> str:
    """A number to read: thousands apart, a true minus sign, about four significant digits.

    Args:
        value: any float; NaN and infinities read as an en dash.
        digits: digits behind the point; None keeps about four significant digits.

    >>> number(12345.6), number(98.7), number(0.5, 1)
    ('12,346', '98.70', '0.5')
    """
    if not math.isfinite(value):
        return "\u2013"
    size = abs(value)
    if size and (size >= 1e8 or size < 1e-4) and digits is None:
        return _power(value, 2)
    if digits is None:
        digits = 0 if size >= 1000 or size == 0 else max(0, 3 - math.floor(math.log10(size)))
        digits = min(digits, 6)
    shown = f"{value:,.{digits}f}"
    return (shown.lstrip("-") if float(shown.replace(",", "")) == 0 else shown).replace("-", _MINUS)


def tick_labels(ticks: list[float]) -> list[str]:
    """Labels of evenly spaced ticks, all with as many digits as their step needs."""
    if len(ticks) < 2:
        return [number(tick) for tick in ticks]
    step = min(b - a for a, b in pairwise(ticks))
    largest = max(abs(tick) for tick in ticks)
    if largest >= 1e12 or step < 1e-6:
        digits = max(0, math.ceil(math.log10(largest / step) - 1e-9) + 1)
        return [_power(tick, digits) if tick else "0" for tick in ticks]
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    digits += 1 if abs(step * 10**digits - round(step * 10**digits)) > 1e-6 else 0
    return [number(tick, digits) for tick in ticks]


def _power(value: float, digits: int) -> str:
    mantissa, power = f"{value:.{digits}e}".split("e")
    short = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return f"{short}\u00d710{_superscript(int(power))}".replace("-", _MINUS)


def _superscript(power: int) -> str:
    return str(power).translate(
        str.maketrans("-0123456789", "\u207b\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079")
    )


@dataclass(frozen=True)
class TimeTick:
    """A tick of a time axis: microseconds since 1970, its label, and the larger unit below it ("" if unchanged)."""

    at: float
    label: str
    context: str = ""


def time_ticks(low: float, high: float, lang: Language, count: int = 7) -> list[TimeTick]:
    """Calendar-aware ticks in [low, high]: round clock times, days, month or year beginnings.

    Args:
        low, high: microseconds since 1970; low < high.
        lang: the language of month and day names.
        count: at most about `count + 1` ticks.
    """
    if not low < high:
        raise ConfigError(f"a time axis needs its beginning before its end, got {low} and {high} microseconds")
    span = (high - low) / count
    fixed = next((size for size in _FIXED if size >= span), None)
    if fixed is not None:
        # Weeks begin on Monday; 1970-01-05 was one.
        anchor = 4 * _DAY if fixed >= 7 * _DAY else 0
        first = math.ceil((low - anchor) / fixed)
        stamps = anchor + fixed * np.arange(first, math.floor((high - anchor) / fixed) + 1, dtype=np.int64)
        times = stamps.astype("datetime64[us]")
    else:
        months = next((size for size in _MONTHS if size * 30.4 * _DAY >= span), _MONTHS[-1])
        fixed = months * 30 * _DAY
        begin = np.datetime64(round(low), "us").astype("datetime64[M]").astype(np.int64)
        index = np.arange(
            begin // months * months, begin + (high - low) / (28 * _DAY) + months + 1, months, dtype=np.int64
        )
        times = index.astype("datetime64[M]").astype("datetime64[us]")
    at = times.astype(np.int64)
    keep = (at >= low) & (at <= high)
    return _label_times(times[keep], fixed, lang)


def _label_times(times: NDArray[np.datetime64], size: int, lang: Language) -> list[TimeTick]:
    ticks: list[TimeTick] = []
    before = ""
    for time in times:
        label, context = _time_label(time, size, lang)
        ticks.append(TimeTick(float(time.astype(np.int64)), label, context if context != before else ""))
        before = context
    return ticks


def _time_label(time: np.datetime64, size: int, lang: Language) -> tuple[str, str]:
    """The tick's own label and the unit above it."""
    day = date_label(time, lang)
    clock = str(time)[11:]
    year = str(time.astype("datetime64[Y]"))
    if size < _SECOND:
        return clock, day
    if size < _MINUTE:
        return clock[:8], day
    if size < _DAY:
        return clock[:5], day
    month = int(str(time)[5:7])
    if size < 28 * _DAY:
        number_ = int(str(time)[8:10])
        return (f"{month}月{number_}日" if lang == "zh_TW" else f"{number_} {_MONTH_NAMES[month - 1]}"), _year(
            year, lang
        )
    if size < 360 * _DAY:
        return (f"{month}月" if lang == "zh_TW" else _MONTH_NAMES[month - 1]), _year(year, lang)
    return year, ""


def _year(year: str, lang: Language) -> str:
    return f"{year}年" if lang == "zh_TW" else year


def date_label(time: np.datetime64, lang: Language) -> str:
    """A day in words: `5 Mar 2018`, `2018年3月5日`."""
    year, month, day = str(time.astype("datetime64[D]")).rsplit("-", 2)
    if lang == "zh_TW":
        return f"{year}年{int(month)}月{int(day)}日"
    return f"{int(day)} {_MONTH_NAMES[int(month) - 1]} {year}"


def has_clock(times: NDArray[Any]) -> bool:
    """Whether some of the times stand beside midnight, so that hours are worth showing."""
    return times.dtype.kind == "M" and bool((times != times.astype("datetime64[D]")).any())


def time_label(time: np.datetime64 | int, lang: Language, clock: bool = True) -> str:
    """A moment in words, or a row number as it is; `clock` adds hours and minutes (seconds where there are any)."""
    if not isinstance(time, np.datetime64):
        return f"{int(time):,}"
    if np.isnat(time):
        return "\u2013"
    if not clock:
        return date_label(time, lang)
    hours = str(time.astype("datetime64[us]"))[11:]
    shown = hours[:5] if hours.endswith(":00.000000") else hours.rstrip("0").rstrip(".")
    return f"{date_label(time, lang)} {shown}"
