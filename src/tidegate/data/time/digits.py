"""Times written as digits alone: years, 2012.5, 20241231, 201852, 1090102, Excel's days, seconds, plain counts."""

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
from tidegate.data.time.forms import ROC_YEAR
from tidegate.data.time.timestamps import CALENDAR, NAT, Place, Times, assemble, split_digits

NO_TIME = np.iinfo(np.int64).min
ROC_NOTE = "Years of {column} were read as years of the Republic of China (year 1 is 1912): {text} is {first}."
WEEK_NOTE = "Weeks of {column} were read as ISO weeks, dated by their Monday: {text} is {first}."
BUDDHIST, BUDDHIST_YEARS = (2443, 2700), 543
BUDDHIST_NOTE = "Years of {column} were read as years of the Buddhist era, which began 543 years earlier: {text}."
YEARS = 1500, 2200
DECIMAL_NOTE = "Numbers of {column} were read as years with their fraction: {text} is {first}."
EXCEL = 20_000, 80_000
"""Days from 1954 to 2119 since the day that Excel calls 0."""
EXCEL_NOTE = (
    "Numbers of {column} were read as dates of a spreadsheet, in days since 30 December 1899: {text} is {first}."
)
EXCEL_LIKELY = 36_500, 55_000
"""The same for 1999 to 2050."""
COUNT_NOTE = (
    "Numbers of {column} were taken as a count. If they are dates of a spreadsheet ({text} would be {first}), name the "
    "column date."
)
_ABOUT_DATE = re.compile(r"date|datum|fecha|(?<![^\W_])data(?![^\W_])|日期|日付|날짜", re.IGNORECASE)
_MINUTE = 60_000_000
_LAST_EPOCH = np.datetime64("2200-01-01", "us")
_EPOCH = (
    "Column {column} was read as time since 1970 (UTC), in seconds, milliseconds, microseconds or nanoseconds by the "
    "size of its numbers; first {first}."
)
_COUNTED = (
    (re.compile(r"datenum", re.I), 693_000, 803_000, 719_529.0),
    (re.compile(r"^(?:b|h)?jd(?![^\W_])|julian", re.I), 2_400_000, 2_525_000, 2_440_587.5),
    (re.compile(r"^mjd|modified.?julian", re.I), 30_000, 80_000, 40_587.0),
)
"""Days that Matlab and astronomers count: the column's name, least and most, and the number of 1 January 1970."""
_COUNTED_NOTE = "Numbers of {column} were read as days counted from long ago ({text} is {first})."
_COMMA = re.compile(r"\d{4,6},\d+")
_NUMBER = re.compile(r"-?\d+(?:\.\d*)?(?:[eE]\+?\d+)?")
_ABOUT_WEEKS = re.compile(r"week|woche|semaine|semana|settimana|^kw$|ww|週|周", re.IGNORECASE)
_ABOUT_TIME = re.compile(r"date|month|year|time|period|年|月|日期|時間|期", re.IGNORECASE)


def is_number(text: str) -> bool:
    """Whether a cell is a whole number, or one with a fraction that can be a time: of a year, of a day that Excel
    counts, or of a second since 1970."""
    cell = _point(text)
    if not cell.isascii() or _NUMBER.fullmatch(cell) is None:
        return False
    fraction = cell.partition(".")[2]
    value = abs(float(cell))
    spans = (YEARS, EXCEL, *((least, most) for _, least, most, _ in _COUNTED))
    counted = value >= 1e8 or any(least <= value < most for least, most in spans)
    return counted or ("e" not in cell.lower() and not fraction.strip("0"))


def numbers(texts: Sequence[str]) -> NDArray[Any]:
    """Cells as int64, `NO_TIME` where missing; as float64, NaN where missing, if one has a fraction.

    Raises:
        BadCellError: a cell is neither.
    """
    try:
        return np.fromiter(map(int, texts), dtype=np.int64, count=len(texts))
    except (ValueError, OverflowError):
        pass
    values = np.empty(len(texts), dtype=np.int64)
    for i, text in enumerate(texts):
        cell = _point(text)
        if is_missing(text):
            values[i] = NO_TIME
        elif not is_number(cell) or len(cell) > 28 or abs(float(cell)) >= 9e18:
            raise BadCellError(i, text)
        elif cell.lstrip("-").isdigit():
            values[i] = int(cell)
        elif float(cell).is_integer():
            values[i] = int(float(cell))
        else:
            return np.array([np.nan if is_missing(item) else _float(j, item) for j, item in enumerate(texts)])
    return values


def dates_in_digits(texts: Sequence[str]) -> bool:
    """Whether whole numbers of six digits or more can only be dates, whatever their column is called: eight or more
    of them, in order, and evenly spaced as times or over the end of a month as no count is."""
    cells = [text.strip() for text in texts if not is_missing(text)]
    if len(cells) < 8 or not all(cell.isascii() and cell.isdigit() and len(cell) >= 6 for cell in cells):
        return False
    values = numbers(cells)
    found = _calendar(values) or _epoch(values, "")
    if found is None:
        return False
    times = found.values.astype("datetime64[us]")
    step = np.diff(times.astype(np.int64))
    months = times.astype("datetime64[M]").astype(np.int64)
    usual = int(step[0]) % _MINUTE == 0 or _MINUTE % max(int(step[0]), 1) == 0
    even = (usual and len(set(step.tolist())) == 1) or (not found.aware and len(set(np.diff(months).tolist())) == 1)
    calendar = not found.aware and len(cells[0]) >= 8 and months[-1] > months[0]
    return bool((step > 0).all()) and (even or calendar)


def as_floats(values: NDArray[Any]) -> NDArray[np.float64]:
    """Whole numbers of `numbers` as floats, NaN where missing."""
    return values if values.dtype.kind == "f" else np.where(values == NO_TIME, np.nan, values)


def _float(row: int, text: str) -> float:
    if not is_number(text):
        raise BadCellError(row, text)
    return float(_point(text))


def _point(text: str) -> str:
    """A cell with a point where a decimal comma stands behind four digits or more."""
    cell = text.strip()
    return cell.replace(",", ".") if _COMMA.fullmatch(cell) else cell


def from_numbers(
    values: NDArray[Any], name: str, place: Place, *, padded: bool = False, six: bool = False, roc: bool = False
) -> Times:
    """Numbers as times: years, yyyymm, yyyyww, yyyymmdd, with hours, minutes and seconds, the same with years of the
    Republic of China, seconds and their parts since 1970, else a plain count.

    Args:
        values: [n] int64, the smallest of which marks a missing time; or floats, which count since 1970.
        name: the column.
        place: names a row, for messages.
        padded: whether the cells begin with zeros, as 0990102 does.
        six: whether cells of six digits do, as 010102: not with years of the Republic of China, which have three.
        roc: whether the caller says that years are those of the Republic of China.

    Raises:
        TimeError: a time is missing in a column of counts, a fraction that counts nothing, or a doubtful calendar.
    """
    if values.dtype.kind == "f":
        whole = np.isnan(values) | (np.mod(values, 1) == 0)
        if not whole.all():
            return _fractions(values, name, place)
        values = np.where(np.isnan(values), NO_TIME, np.nan_to_num(values)).astype(np.int64)
    held = values != NO_TIME
    if not held.any():
        return Times(np.full(len(values), NAT, dtype="datetime64[us]"))
    low = int(values[held].min())
    filled = np.where(held, values, low)
    if not roc and BUDDHIST[0] * 10_000 <= low and int(filled.max()) <= BUDDHIST[1] * 10_000:
        found = _calendar(filled - BUDDHIST_YEARS * 10_000)
        if found is not None:
            found.notes.append(Note("buddhist", BUDDHIST_NOTE, {"column": name, "text": int(filled[0])}))
            found.values = _blank(found.values, held)
            return found
    found = None if not roc else _roc(filled, name, True)
    if found is None and not roc:
        found = _weeks(filled, name) or _calendar(filled) or (None if six else _roc(filled, name, padded))
        short = six or padded or not _no_day(filled)  # 20101 may be 2 January 2001
        found = found or _epoch(filled, name) or _counted_days(filled.astype(np.float64), name)
        found = found or _excel(filled.astype(np.float64), name, not short and _ABOUT_DATE.search(name))
    if found is not None:
        found.values = _blank(found.values, held)
        return found
    if roc:
        message = (
            'column {name!r}: date_format="roc" expects dates such as 1090102, 10901 or 109, got {filled}; correct '
            "them, or choose another date_format="
        )
        raise TimeError(tr(message, name=name, filled=filled[0]))
    _no_doubt(filled, name)
    _no_year(filled, name)
    if not held.all():
        message = "{place}, column {name!r}: the time is missing; fill it in or remove the row"
        raise TimeError(tr(message, place=place(int(np.argmin(held))), name=name))
    maybe = _excel(filled.astype(np.float64), name, EXCEL_LIKELY[0] <= low and filled.max() < EXCEL_LIKELY[1])
    return Times(values, notes=[Note("counted", COUNT_NOTE, maybe.notes[0].values)] if maybe else [])


def _fractions(values: NDArray[np.float64], name: str, place: Place) -> Times:
    held = ~np.isnan(values)
    low, high = values[held].min(), values[held].max()
    filled = np.where(held, values, low)
    found = _decimal_years(values[held], filled, name) or _counted_days(filled, name) or _excel(filled, name, True)
    if found is not None:
        found.values = _blank(found.values, held)
        return found
    for least, most, factor in ((1e8, 1e11, 1e6), (1e11, 1e14, 1e3)):
        if least <= low and high < most:
            whole = np.floor(filled)
            rest = filled - whole
            micro = whole.astype(np.int64) * int(factor) + np.round(rest * factor).astype(np.int64)
            times = micro.astype("datetime64[us]")
            note = Note("epoch", _EPOCH, {"column": name, "first": str(times[0])[:23]})
            return Times(_blank(times, held), aware=True, zone="UTC", notes=[note])
    row = int(np.argmax(held & (np.mod(values, 1) != 0)))
    message = (
        "{place}, column {name!r}: {value} is neither a time nor a whole number; write dates, or pass time=False to "
        "take the rows in their order"
    )
    raise TimeError(tr(message, place=place(row), name=name, value=values[row]))


def _calendar(values: NDArray[np.int64]) -> Times | None:
    low, high = int(values.min()), int(values.max())
    for least, most, digits in CALENDAR:
        if least <= low and high <= most:
            year, month, day, clock, fine = split_digits(values, digits)
            dates, bad = assemble(year, month, day)
            if fine and not bad.any():
                return None if digits == 4 and not _steps_one(values) else Times(dates.astype("datetime64[us]") + clock)
    return None


def _epoch(values: NDArray[np.int64], name: str) -> Times | None:
    low, high = int(values.min()), int(values.max())
    for least, most, factor in (
        (10**8, 10**11, 1e6),
        (10**11, 10**14, 1e3),
        (10**14, 10**17, 1.0),
        (10**17, 9 * 10**18, 1e-3),
    ):
        if least <= low and high < most:
            micro = values // 1000 if factor < 1 else values * int(factor)
            times = micro.astype("datetime64[us]")
            if times.max() >= _LAST_EPOCH:
                return None
            note = Note("epoch", _EPOCH, {"column": name, "first": str(times[0])[:19]})
            return Times(times, aware=True, zone="UTC", notes=[note])
    return None


def _excel(values: NDArray[np.float64], name: str, sure: object) -> Times | None:
    """Days since 30 December 1899, to the second, where the column's name (or a fraction) says that they are dates."""
    if not sure or values.min() < EXCEL[0] or values.max() >= EXCEL[1]:
        return None
    seconds = np.round(values * 86_400).astype(np.int64).astype("timedelta64[s]")
    times = (np.datetime64("1899-12-30", "s") + seconds).astype("datetime64[us]")
    told = {"column": name, "text": f"{values[0]:.10g}", "first": str(times[0])[:16]}
    return Times(times, notes=[Note("excel", EXCEL_NOTE, told)])


def _counted_days(values: NDArray[np.float64], name: str) -> Times | None:
    """Matlab's days and those of astronomers, to the second, where the column is named for them."""
    for named, least, most, epoch in _COUNTED:
        if named.search(name) and least <= values.min() and values.max() < most:
            seconds = np.round((values - epoch) * 86_400).astype(np.int64)
            times = seconds.astype("datetime64[s]").astype("datetime64[us]")
            told = {"column": name, "text": f"{values[0]:.12g}", "first": str(times[0])[:16]}
            return Times(times, notes=[Note("counted_days", _COUNTED_NOTE, told)])
    return None


def _no_day(values: NDArray[np.int64]) -> bool:
    """Whether some of the numbers are no days of years with two digits."""
    return bool(assemble(2000 + values // 10_000, values // 100 % 100, values % 100)[1].any())


def _decimal_years(held: NDArray[np.float64], filled: NDArray[np.float64], name: str) -> Times | None:
    """Years with their fraction, where halves, quarters, months or days of them follow each other evenly.

    A fraction may point to the beginning or the middle of its month or day, and is rounded by whoever wrote it.
    """
    if held.min() < YEARS[0] or held.max() >= YEARS[1]:
        return None
    year = np.floor(filled)
    lengths = (year - 1970).astype("datetime64[Y]")
    begin = lengths.astype("datetime64[D]")
    days = ((lengths + 1).astype("datetime64[D]") - begin).astype(np.float64)
    for parts in (2, 4, 12, None):
        place = filled * parts if parts else (filled - year) * days
        base = place[0] - np.floor(place[0])
        base -= base > 0.8  # just below a whole number: rounded down
        whole = np.round(place - base)
        if np.abs(place - base - whole).max() > (0.2 if parts else 0.45):
            continue
        months = (whole * (12 // (parts or 1))).astype(np.int64) - 1970 * 12
        dates = months.astype("datetime64[M]") if parts else begin + whole.astype("timedelta64[D]")
        steps = np.unique(np.diff(np.unique(dates.astype(np.int64))))
        if len(steps) == 1 and len(np.unique(dates)) == len(np.unique(held)):
            times = dates.astype("datetime64[us]")
            told = {"column": name, "text": f"{filled[0]:.10g}", "first": str(times[0])[:10]}
            return Times(times, notes=[Note("decimal_years", DECIMAL_NOTE, told)])
    return None


def _weeks(values: NDArray[np.int64], name: str) -> Times | None:
    """yyyyww: where a number above 12 says that it counts no months, or the column's name says so."""
    week = values % 100
    if values.min() < 170001 or values.max() > 220053 or week.min() < 1 or week.max() > 53:
        return None
    if week.max() <= 12 and not _ABOUT_WEEKS.search(name):
        return None
    times = week_start(values // 100, week)
    if np.isnat(times).any():
        return None
    return Times(times, notes=[_told(WEEK_NOTE, "weeks", name, values, times)])


def week_start(year: NDArray[np.int64], week: NDArray[np.int64], day: int = 1) -> NDArray[np.datetime64]:
    """Mondays (or a later day) of ISO weeks, NaT where a year has no such week."""
    fourth = ((year - 1970).astype("datetime64[Y]")).astype("datetime64[D]") + 3  # 4 January lies in week 1
    monday = fourth - ((fourth.astype(np.int64) + 3) % 7)
    times = (monday + 7 * (week - 1)).astype("datetime64[us]")
    thursday = (monday + 7 * (week - 1) + 3).astype("datetime64[Y]").astype(np.int64) + 1970
    times[(thursday != year) | (week < 1)] = NAT
    return times + np.timedelta64(day - 1, "D")


def _roc(values: NDArray[np.int64], name: str, sure: bool) -> Times | None:
    """1090102 (with hours, or hours and minutes, behind it), 10901 and 109 where the column leaves no doubt, or
    `sure`."""
    low, high = int(values.min()), int(values.max())
    one = np.ones_like(values)
    clock = np.zeros_like(values)
    if low >= 1_000_101_00 and high <= 2_001_231_24 and (values % 100 <= 24).all():
        clock, values = values % 100 * 60, values // 100
    elif (
        low >= 1_000_101_0000
        and high <= 2_001_231_2359
        and (values % 100 < 60).all()
        and (values % 10_000 < 2400).all()
    ):
        clock, values = values // 100 % 100 * 60 + values % 100, values // 10_000
    low, high = int(values.min()), int(values.max())
    if (low >= 10_101 and 1_000_101 <= high <= 2_001_231) or (
        sure and low >= 10_101 and high <= 2_001_231 and low > 99
    ):
        parts = values // 10_000, values // 100 % 100, values % 100
    elif low >= 101 and 10_001 <= high <= 20_012 and (low < high // 100 * 100 or sure or _ABOUT_TIME.search(name)):
        parts = values // 100, values % 100, one
    elif low >= 1 and high <= 200 and (sure or name.strip() in ("年", "年度", "民國", "民國年", "民國年度")):
        parts = values, one, one
    else:
        return None
    dates, bad = assemble(parts[0] + ROC_YEAR, parts[1], parts[2])
    if bad.any():
        return None
    times = dates.astype("datetime64[us]") + (clock * _MINUTE).astype("timedelta64[us]")
    return Times(times, notes=[_told(ROC_NOTE, "roc", name, values, times)])


def _told(message: str, kind: str, name: str, values: NDArray[np.int64], times: NDArray[np.datetime64]) -> Note:
    return Note(kind, message, {"column": name, "text": int(values[0]), "first": str(times[0])[:10]})


def _no_doubt(values: NDArray[np.int64], name: str) -> None:
    """Refuse to count six digits that are dates with years of two digits, in a column named for it.

    Raises:
        TimeError: they are, and whose years they are is open.
    """
    if values.min() < 101 or values.max() > 991_231 or values.max() < 10_101 or not _ABOUT_TIME.search(name):
        return
    if not _no_day(values) and not (np.diff(np.unique(values)) == 1).all():
        message = (
            "column {name!r}: numbers such as {value} may be dates with years of two digits, of the Republic of "
            'China, or counts, and nothing in the column decides it; pass date_format="%y%m%d", date_format="roc" or '
            "time=False"
        )
        raise TimeError(tr(message, name=name, value=values[0]))


def _no_year(values: NDArray[np.int64], name: str) -> None:
    """Refuse to count days and months without a year, such as 2501, in a column named for dates.

    Raises:
        TimeError: they are.
    """
    first, second = values // 100, values % 100
    if values.min() < 101 or values.max() > 3112 or not _ABOUT_DATE.search(name) or (np.diff(values) == 1).all():
        return
    for form, month, day in (("%d%m", second, first), ("%m%d", first, second)):
        if month.min() >= 1 and month.max() <= 12 and not assemble(np.full_like(values, 2000), month, day)[1].any():
            message = (
                "column {name!r}: numbers such as {value} may be days and months without a year; pass "
                "date_format={form!r} with the year that they are of, or time=False to count the rows"
            )
            raise TimeError(tr(message, name=name, value=values[0], form=f"2024 {form}"))


def _steps_one(values: NDArray[np.int64]) -> bool:
    distinct = np.unique(values)
    return len(distinct) == 1 or bool(np.median(np.diff(distinct)) <= 10)


def _blank(times: NDArray[Any], held: NDArray[np.bool_]) -> NDArray[np.datetime64]:
    return np.where(held, times, NAT)
