"""Time spread over several columns: a date and a time of day, a year and a month or week; which columns they are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import TimeError
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.data.cells.columns import Loaded, Role, Source
from tidegate.data.cells.numbers import BadCellError, is_missing
from tidegate.data.time.clocks import as_number, day_parts, times_of_day
from tidegate.data.time.dateorder import WORDS
from tidegate.data.time.digits import week_start
from tidegate.data.time.forms import ROC_YEAR, read_cell, read_clock
from tidegate.data.time.timestamps import Times, assemble, by_format

_SYNONYMS = {
    "year": "years jahre year yr yyyy jahr annee année año ano anno 年 年份 年度 西元年 民國年 民國",
    "quarter": "quarter qtr q quartal trimestre 季 季別 季度",
    "month": "months monate month mo mon mm mnth monat mois mes mês mese 月 月份",
    "week": "week wk ww woche kw semaine semana settimana isoweek weekofyear 週 周 週別 週次",
    "day": "day dd dy dom tag jour dia día giorno dayofmonth mday 日 日期",
    "doy": "doy dayofyear yday julian julianday jday",
    "hour": "hour hr hh hrs stunde heure hora ora hourofday 時 小時 鐘點 hourending he",
    "minute": "minute min mi minuto 分 分鐘",
    "second": "second sec ss segundo 秒",
    "slot": "period settlementperiod sp pte viertelstunde qh interval halfhour slot timeslot 時刻コード 時段 期別",
}
_PART = {word: part for part, words in _SYNONYMS.items() for word in words.split()}
_CLOCKS = frozenset(
    ("time", "clock", "timeofday", "hhmm", "uhrzeit", "zeit", "orario", "tijd", "klockan", "時間", "時刻", "時分")
)
_WORDS = """
ds timestamp datetime date_time date·time time date 日期時間 時間 日期 month 年月 week year 年 datum fecha data
zeit period quarter yyyyww yearweek 年週 年度 交易日期 _time time_period mess_datum 年月日 年月日時 날짜 일시
統計期 дата tarih datenum jd mjd bjd hjd julian_date julian·date decimal_year decimal_date
yyyymmdd yyyymmddhh yyyymmddhhmm yyyymm yearmonth
"""
TIMES = tuple(word.replace("·", " ") for word in _WORDS.split())
"""What columns of times are called, the surest first."""
_UTC = re.compile(r" ?(?:UTC|GMT|Z)$", re.IGNORECASE)
_MONTH_CODE = re.compile(r"M(?:0\d|1[0-2])")
_ORDER = ("year", "month", "day", "hour", "minute", "second")
_LEAST = {"month": 1, "quarter": 1, "week": 1, "day": 1, "doy": 1}
_MOST = {"quarter": 4, "minute": 59, "second": 59}
_FILLED_DOWN = "Blank cells of {column} were read as the cell above them: {count}."
_YEAR_CELL = re.compile(r"(?:民國|民国)?\s?\d{2,4}\s?年度?")


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+|\b(?:utc|gmt)\b", "", re.sub(r"[(（\[].*", "", name.lower()))


def part_named(name: str) -> str | None:
    """The part of a time that a column is named for: `year`, `month`, `week`, `hour` ...; None for no part."""
    found = {_PART.get(_plain(word)) for word in (name.split("/") if "/" in name else [name])}
    return found.pop() if len(found) == 1 else None


def is_time_name(name: str) -> bool:
    """Whether a column is called by a word for time or a part of it."""
    return name.strip().lower() in TIMES or _plain(name) in _CLOCKS | _PART.keys()


def is_clock(source: Source, name: str) -> bool:
    """Whether a column holds times of day, or numbers of hours, and is named for it."""
    held = [text for text in source.cells(name) if not is_missing(text)]
    if held and source.kind(name) != "number":
        return all(read_clock(text) is not None for text in held)
    if not held or (part_named(name) != "hour" and _plain(name) not in _CLOCKS):
        return False
    hours = _numbers(held)
    if hours is None or hours.min() < 0 or (np.mod(hours, 1) != 0).any():
        return False
    return bool(hours.max() <= 25 or (hours.max() <= 2400 and (hours % 100 < 60).all() and hours.max() >= 100))


def _numbers(texts: Sequence[str]) -> NDArray[np.float64] | None:
    try:
        return np.array([float(re.sub(r"^(\d+)\D$", r"\1", _UTC.sub("", text.strip()))) for text in texts])
    except ValueError:
        return None


def is_date(source: Source, name: str) -> bool:
    """Whether a column holds days without a time of day."""
    held = [text for text in source.cells(name) if not is_missing(text)]
    if not held:
        return False
    if source.kind(name) == "number":
        lengths = {len(text.strip().removesuffix(".0")) for text in held}
        return lengths <= {6, 7, 8} and all(text.strip().removesuffix(".0").isdigit() for text in held)
    cells = [read_cell(text) for text in held]
    return all(cell is not None and cell.clock == 0 for cell in cells)


def clock_for(source: Source, date: str, free: Sequence[str], series: Sequence[str]) -> tuple[str, ...]:
    """Columns that hold the time of day of a column of dates: times written out; or hours where dates occur again."""
    if not is_date(source, date):
        return ()
    others = [name for name in free if name != date]
    written = [name for name in others if source.kind(name) != "number" and is_clock(source, name)]
    if written:
        return (written[0],)
    rows = list(zip(*(source.cells(name) for name in (*series, date)), strict=True))
    counted = [name for name in others if is_clock(source, name)]
    if len(set(rows)) == len(rows):
        return ()
    slots = [name for name in others if part_named(name) == "slot" and source.kind(name) == "number"]
    if not counted:
        return tuple(slots[:1])
    minutes = [name for name in others if part_named(name) == "minute" and source.kind(name) == "number"]
    return (counted[0], *minutes[:1])


def year_parts(source: Source, free: Sequence[str]) -> tuple[str, ...]:
    """The year's column and those that go with it, largest part first; empty where there is only one."""
    places: dict[str, str] = {}
    for name in free:
        part = part_named(name)
        if part is not None and part not in places:
            places[part] = name
    if "year" not in places and "month" in places:  # a column without a name that holds years, as in offices' tables
        nameless = [name for name in free if name.startswith("column ") and are_years(source, name)]
        places |= dict(zip(["year"], nameless, strict=False))
    if "year" not in places:
        return ()
    if "month" not in places:  # as statistics offices write them: M01
        coded = [name for name in free if source.cells(name) and all(map(_MONTH_CODE.fullmatch, source.cells(name)))]
        places |= dict(zip(["month"], coded, strict=False))
    for alone in ("quarter", "week", "doy"):
        if alone in places and "month" not in places:
            return (places["year"], places[alone])
    found = []
    for part in _ORDER:
        if part not in places:
            break
        found.append(places[part])
    if len(found) == 3:
        found += [name for name in free if name not in found and is_clock(source, name)][:1]
    return tuple(found) if len(found) > 1 else ()


def are_years(source: Source, name: str) -> bool:
    """Whether a column holds years."""
    held = [text.strip() for text in source.cells(name) if not is_missing(text)]
    years = [len(text) == 4 and text.isdigit() and text[:2] in ("18", "19", "20") for text in held]
    return len(years) > 2 and sum(years) >= 0.9 * len(years)  # remarks may follow the rows


def kinds_of(source: Source, parts: Sequence[str]) -> tuple[str, ...]:
    """What each of several time columns holds: `date`, `clock`, or a part of `_SYNONYMS`."""
    kinds: list[str] = []
    for i, name in enumerate(parts):
        part = part_named(name)
        whole = (
            source.kind(name) == "time"
            and not are_year_words(source, name)
            and not ("date" in kinds and is_clock(source, name))
        ) or (i == 0 and part in (None, "day") and is_date(source, name))
        if whole and not (part == "month" and kinds):
            kinds.append("date")
        elif part is None and "year" not in kinds and name.startswith("column ") and are_years(source, name):
            kinds.append("year")
        elif part is not None and (part not in ("hour", "slot") or source.kind(name) == "number"):
            kinds.append(part)
        elif is_clock(source, name) and kinds:
            kinds.append("clock")
        else:
            kinds.append(_ORDER[min(i, 5)])
    return tuple(kinds)


def roles_of(source: Source, parts: Sequence[str], date_format: str | None) -> dict[str, Role]:
    """How the columns of the time are to be loaded."""
    if len(parts) == 1:
        return {parts[0]: "time"}
    if date_format is not None and date_format not in WORDS:
        return dict.fromkeys(parts, "text")
    kinds = dict(zip(parts, kinds_of(source, parts), strict=True))
    return {
        name: "time" if kind == "date" else "number" if source.kind(name) == "number" and kind != "clock" else "text"
        for name, kind in kinds.items()
    }


def put_together(source: Source, loaded: Loaded, parts: Sequence[str], date_format: str | None) -> Times:
    """The times of all rows from several columns.

    Args:
        source: for messages.
        loaded: its columns, by `roles_of`.
        parts: their names.
        date_format: a `strptime` format of all of them joined by blanks, a word of `WORDS`, or None.

    Raises:
        TimeError: parts that form no time.
    """
    message = "The time was put together from the columns {columns}."
    note = Note("time_parts", message, {"columns": ", ".join(parts)})
    if date_format is not None and date_format not in WORDS:
        texts = [" ".join(cells) for cells in zip(*(_texts(loaded.values[name]) for name in parts), strict=True)]
        try:
            times, _ = by_format(texts, date_format)
        except BadCellError as error:
            raise TimeError(
                tr(
                    "{place}: {text!r}, joined from {names}, cannot be read{reason}",
                    place=source.place(error.row),
                    text=error.text,
                    names=", ".join(map(repr, parts)),
                    reason=error.reason,
                )
            ) from None
        return Times(times, notes=[note])
    kinds = kinds_of(source, parts)
    held = dict(zip(kinds, parts, strict=True))
    if len(held) < len(kinds):
        double = next(kind for kind in kinds if kinds.count(kind) > 1)
        message = "time={parts}: more than one column holds the {double}; name each part once"
        raise TimeError(tr(message, parts=list(parts), double=double))
    notes = [note]
    aware, zone = False, None
    if "date" in held:
        days: Times = loaded.values[held["date"]]
        if days.values.dtype.kind != "M":
            message = "column {held!r} holds no dates that {names} could be added to"
            raise TimeError(tr(message, held=held["date"], names=", ".join(parts[1:])))
        notes += days.notes
        dates, aware, zone = _filled_down(days.values, held["date"], notes), days.aware, days.zone
    else:
        numbers = {kind: _whole(source, loaded, held[kind], kind, notes) for kind in kinds if kind != "clock"}
        dates = _dates(source, numbers, held, date_format, notes)
    clock = np.zeros(loaded.rows, dtype=np.int64)
    if "clock" in held or "hour" in held:
        name = held.get("clock") or held["hour"]
        clock += times_of_day(source, loaded.values[name], name, notes)
        if not aware and all(_UTC.search(text.strip()) for text in source.cells(name)):
            aware, zone = True, "UTC"
    if "slot" in held:
        clock += day_parts(source, _whole(source, loaded, held["slot"], "slot", notes), dates, held["slot"])
    for kind, size in (("minute", 60_000_000), ("second", 1_000_000)):
        if kind in held:
            clock += _whole(source, loaded, held[kind], kind, notes) * size
    return Times(dates.astype("datetime64[us]") + clock, aware=aware, zone=zone, notes=notes)


def _filled_down(days: NDArray[Any], name: str, notes: list[Note]) -> NDArray[Any]:
    """Dates that stand only in the first row of their day (years in that of their year), as in pivot tables, in all."""
    blank = np.isnat(days) if days.dtype.kind == "M" else np.isnan(days)
    if not len(days) or blank[0] or 2 * blank.sum() < len(days):
        return days
    notes.append(Note("filled_down", _FILLED_DOWN, {"column": name, "count": int(blank.sum())}))
    return np.asarray(days[np.maximum.accumulate(np.where(blank, 0, np.arange(len(days))))])


def are_year_words(source: Source, name: str) -> bool:
    """Whether cells are years with the word for it, such as `109年`."""
    held = [text.strip() for text in source.cells(name) if not is_missing(text)]
    return bool(held) and all(map(_YEAR_CELL.fullmatch, held))


def _texts(values: Any) -> list[str]:
    if getattr(values, "dtype", np.dtype(object)).kind == "f":
        return [f"{value:g}" if value != np.floor(value) else str(int(value)) for value in values.tolist()]
    return [str(value).strip() for value in values]


def _whole(source: Source, loaded: Loaded, name: str, kind: str, notes: list[Note]) -> NDArray[np.int64]:
    """A part as whole numbers; `January`, `Q1`, `W05`, `109年` are read as what they say."""
    values = loaded.values[name]
    if kind == "year" and values.dtype.kind == "f":
        values = _filled_down(values, name, notes)
    if values.dtype.kind != "f":
        values = np.array([as_number(str(text), kind) for text in values], dtype=np.float64)
    bad = ~(np.mod(values, 1) == 0)
    if bad.any():
        message = "{place}, column {name!r}: this part of the time is missing or no whole number"
        raise TimeError(tr(message, place=source.place(int(np.argmax(bad))), name=name))
    whole = values.astype(np.int64)
    wrong = (whole < _LEAST.get(kind, 0)) | (whole > _MOST.get(kind, 10_000))
    if wrong.any():
        row = int(np.argmax(wrong))
        message = "{place}: there is no such time ({name} {whole}); correct it"
        raise TimeError(tr(message, place=source.place(row), name=name, whole=whole[row]))
    return np.asarray(whole)


def _dates(
    source: Source,
    numbers: dict[str, NDArray[np.int64]],
    held: dict[str, str],
    date_format: str | None,
    notes: list[Note],
) -> NDArray[Any]:
    if "year" not in numbers:
        message = "time={values}: none of these columns holds a year or a date; name one that does"
        raise TimeError(tr(message, values=list(held.values())))
    year = numbers["year"]
    if year.max() <= 200 and year.min() > 0 and date_format in (None, "roc"):
        if year.max() < 100 and date_format is None and "民" not in held["year"]:
            message = (
                "column {held!r}: years such as {year} may be years of the Republic of China or of two digits; write "
                'them with four digits, or pass date_format="roc"'
            )
            raise TimeError(tr(message, held=held["year"], year=year[0]))
        message = "Years of {column} were read as years of the Republic of China (year 1 is 1912): {text} is {first}."
        told = {"column": held["year"], "text": int(year[0]), "first": int(year[0]) + ROC_YEAR}
        notes.append(Note("roc", message, told))
        year = year + ROC_YEAR
    one = np.ones_like(year)
    if "week" in numbers:
        dates: NDArray[Any] = week_start(year, numbers["week"])
        bad = np.isnat(dates)
        message = "Weeks were read as ISO weeks, dated by their Monday."
        notes.append(Note("weeks", message))
    elif "doy" in numbers:
        dates, bad = assemble(year, one, one)
        dates = dates + (numbers["doy"] - 1)
        bad |= dates.astype("datetime64[Y]").astype(np.int64) + 1970 != year
    else:
        month = numbers["quarter"] * 3 - 2 if "quarter" in numbers else numbers.get("month", one)
        dates, bad = assemble(year, month, numbers.get("day", one))
    if bad.any():
        row = int(np.argmax(bad))
        shown = ", ".join(f"{held[kind]} {values[row]}" for kind, values in numbers.items())
        raise TimeError(
            tr("{place}: there is no such time ({shown}); correct it", place=source.place(row), shown=shown)
        )
    return dates
