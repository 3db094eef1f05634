"""One cell as a date or time: the forms that files use, and what each leaves open for the column to decide."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import date, datetime, timedelta, timezone
from typing import NamedTuple

from tidegate.data.time.months import in_english, month_of

MINUTE = 60_000_000
_ENOUGH = 1000
NO_OFFSET = -32768

SURE, PQY, PQYY, MONTH_YY, ROC, WEEK, PAIR = range(7)
"""What a cell leaves open: nothing; the order of day and month; the place of a two-digit year as well; whether
`Jan-10` names a year; nothing, but the year counts from 1911; nothing, but it names a week; all of `99/12`, unless
other cells show that years count from 1911."""
ROC_YEAR = 1911
"""Year 1 of the Republic of China is 1912."""


class Cell(NamedTuple):
    """A date in parts; `first` and `second` are month and day, or as written where `kind` leaves their order open."""

    year: int
    first: int
    second: int
    clock: int
    offset: int
    kind: int


_CLOCK = (
    r"(?:(?:[T_ ]\s*|,\s*|:)(?P<half>[AaPp]\.?[Mm]\.?\s*)?"
    r"(?P<h>\d{1,2})(?P<cs>[:.hH])(?P<mi>\d{2})(?:(?:[:.])(?P<s>\d{1,2})(?:[.,](?P<f>\d{1,9}))?)?"
    r"(?:\s*(?P<ap>[AaPp])\.?[Mm]\.?)?)?"
)
_SHORT_CLOCK = (
    r"[T_ :]\s*(?P<half>[AaPp]\.?[Mm]\.?\s*)?(?:(?P<hour>\d{1,2})[hH]?|(?P<digits>\d{4}(?:\d{2})?))"
    r"(?:\s*(?P<ap>[AaPp])\.?[Mm]\.?)?"
)
_EAST = {
    "Z": 0,
    "UTC": 0,
    "GMT": 0,
    "WET": 0,
    "WEST": 60,
    "CET": 60,
    "CEST": 120,
    "EET": 120,
    "EEST": 180,
    "MSK": 180,
    "SGT": 480,
    "HKT": 480,
    "JST": 540,
    "KST": 540,
    "AEST": 600,
    "AEDT": 660,
    "NZST": 720,
    "NZDT": 780,
    "EDT": -240,
    "EST": -300,
    "CDT": -300,
    "MDT": -360,
    "MST": -420,
    "PDT": -420,
    "PST": -480,
}
"""Minutes east of UTC of names that mean one zone; CST, IST and BST mean several."""
_ZONE_NAME = "|".join(sorted(_EAST, key=len, reverse=True))
_ZONE = (
    rf"\s*(?:(?:(?:UTC|GMT)(?=[+-]))?(?P<z>{_ZONE_NAME}|[+-]\d{{2}}(?::?\d{{2}})?)(?: ?(?:UTC|GMT)| ?\[[\w/+-]+\])?)?"
)
_WORD = r"[^\W\d_]"
_NAME = rf"(?P<n>{_WORD}{{3,12}})\.?"
_WEEKDAY = rf"(?:{_WORD}{{2,12}}\.?,? )?"
_WEEKDAY_NAMES = """
mo di mi do fr sa so mon tue wed thu fri sat sun lun mar mer jeu ven sam dim mié jue vie sáb dom gio seg ter qua qui sex
ma wo vr za zo пн вт ср чт пт сб вс
"""
_DAY_NAME = rf"(?:{'|'.join(_WEEKDAY_NAMES.split())}){_WORD}{{0,8}}"
_BY_WEEKDAY = re.compile(rf"{_DAY_NAME}\.?,? ?(?=\d)|(?<=\d)(?: |, ?){_DAY_NAME}\.?$", re.IGNORECASE)
"""A weekday before or after a date in digits."""
_DAY = r"(?P<b>\d{1,2})(?:st|nd|rd|th|er|\.|º)?"
_QUARTER = r"(?:[Qq](?:uarter|tr|uartal)?|T(?:rim(?:estre)?\.?)?)"
_ROMAN = {"I": 1, "II": 2, "III": 3, "IV": 4}
_DAYS = (
    ("ymd", r"(?P<y>\d{4})(?P<sep>[-/._])(?P<a>\d{1,2})(?P=sep)(?P<b>\d{1,2})"),
    ("pqy", r"(?P<a>\d{1,2})(?P<sep>[-/.])(?P<b>\d{1,2})(?P=sep)(?P<y>\d{4}|\d{2})"),
    ("compact", r"(?P<y>\d{4})(?P<a>\d{2})(?P<b>\d{2})"),
    ("named", rf"{_WEEKDAY}{_NAME}[ -]{_DAY},?[ -](?P<y>\d{{4}})"),
    ("named", rf"{_WEEKDAY}{_DAY}[ /-]?{_NAME},?[ /-]?(?P<y>\d{{4}}|\d{{2}})"),
    ("named", rf"(?P<y>\d{{4}})[ /-]{_NAME}[ /-](?P<b>\d{{1,2}})"),
    ("ordinal", r"(?P<y>\d{4})-(?P<a>\d{3})"),
)
_PERIODS = (
    ("ym", r"(?P<y>\d{4})(?:[-/]|(?P<dot>\.))(?P<a>(?(dot)\d{2}|\d{1,2}))"),
    ("ym", r"(?P<y>\d{4})[- ]?[Mm](?P<a>\d{1,2})"),
    ("ym", r"(?P<a>\d{1,2}(?=[-/])|\d{2})[-/.](?P<y>\d{4})"),
    ("ym", r"(?P<a>0\d\d)[./](?P<y>\d{4})"),
    ("named", rf"{_NAME},?[ /-]?(?P<y>\d{{4}})(?P<b>)"),
    ("named", rf"(?P<y>\d{{4}})[ /-]?{_NAME}(?P<b>)"),
    ("month_yy", rf"{_NAME}[ '’/-](?P<y>\d{{2}})"),
    ("month_yy", rf"(?P<y>\d{{1,2}})[ '’/-]{_NAME}"),
    ("quarter", rf"(?P<y>\d{{4}})[- :/]?(?:{_QUARTER} ?(?P<a>[1-4])|(?P<a2>[1-4])\.? ?{_QUARTER})"),
    ("quarter", rf"(?:{_QUARTER} ?(?P<a>[1-4])|(?P<a2>[1-4])\.? ?{_QUARTER})[- :/']?(?P<y>\d{{4}}|\d{{2}})"),
    ("quarter", r"(?P<y>\d{4})[-/ ](?P<a>IV|I{1,3})"),
    ("week", r"(?P<y>\d{4})[- /]?(?:[Ww](?:eek|k)?\.? ?(?P<a>\d{1,2})(?:-?(?P<b>[1-7]))?|(?P<a2>\d{1,2})[Ww])"),
    ("week", r"(?:[Ww](?:eek|k)?|KW|Kw|kw)\.? ?(?P<a>\d{1,2}),?[- /](?P<y>\d{4})"),
    ("week", r"(?P<y>\d{4})[- /]?(?:KW|kw|S(?![12]$))(?P<a>\d{1,2})"),
    ("half", r"(?P<y>\d{4})[- ]?[Hh](?P<a>[12])"),
    ("half", r"(?P<y>\d{4})(?:[- ]S|-?[Ss]em(?:ester)?\.? ?)(?P<a>[12])"),
    ("half", r"[Hh](?P<a>[12])[- /](?P<y>\d{4})"),
    ("ym", r"FY ?(?P<y>\d{4})(?P<a>)"),
    ("ym", r"(?P<y>\d{4})(?:MM(?P<a>\d\d)|JJ00)"),
    ("quarter", r"FY ?(?P<y>\d{4}|\d{2})[- ]?Q(?P<a>[1-4])(?P<a2>)"),
    ("pair", r"(?P<y>\d{1,2})[-/](?P<a>\d{1,2})"),
    ("pair_quarter", r"(?P<y>\d{2})-?(?:Q(?P<a>[1-4])|(?P<a2>[1-4])Q)"),
)
_CTIME = (
    rf"{_WEEKDAY}{_NAME} +(?P<b>\d{{1,2}}) (?P<h>\d{{1,2}}):(?P<mi>\d{{2}}):(?P<s>\d{{2}})"
    rf"(?: (?P<z>{_ZONE_NAME}))? (?P<y>\d{{4}})"
)
_PATTERNS = tuple(
    (form, re.compile(written))
    for form, written in (
        *((form, day + _CLOCK + _ZONE) for form, day in _DAYS),
        *((form, day + _CLOCK + _ZONE) for form, day in _PERIODS[:5]),
        *_PERIODS[5:],
        ("named", _CTIME),
        *((form, day + _SHORT_CLOCK + _ZONE) for form, day in _DAYS[:6]),
    )
)
_CJK = str.maketrans(
    {"年": "-", "月": "-", "日": " ", "號": " ", "时": ":", "時": ":", "点": ":", "點": ":", "分": ":", "秒": None}
    | {"第": None, "季": "Q", "週": "W", "周": "W", "元": "1", "\u3000": " "}
    | {"년": "-", "월": "-", "일": " ", "시": ":", "분": ":", "초": None, "주": "W"}
)
_HALVES = (("上午", "AM "), ("下午", "PM "), ("午前", "AM "), ("午後", "PM "), ("오전", "AM "), ("오후", "PM "))
_HALF_YEARS = (("上半年", "H1"), ("下半年", "H2"))
_CJK_MONTH = re.compile(r"([一二三四五六七八九]|十[一二]?)月")
_CJK_MONTHS = ["一", "二", "三", "四", "五", "六", "七", "八", "九", "十", "十一", "十二"]
_WEEKDAYS = re.compile(r"\s*[（(]?(?:星期|礼拜|禮拜|週|周)[一二三四五六日天][)）]?")
_SPAN = re.compile(r" +[-–—] +|[–—~～至]| +(?:to|bis|until) +|/(?=\d{4}-\d\d)")
_ERAS = (
    *(("中華民國", 1911), ("中华民国", 1911), ("民國", 1911), ("民国", 1911)),
    *(("令和", 2018), ("平成", 1988), ("昭和", 1925)),
)
_ERA_LETTER = re.compile(r"([TSHR])(\d{1,2})(?=([./-])\d{1,2}\3\d{1,2}$)")
_ERA_LETTERS = {"T": 1911, "S": 1925, "H": 1988, "R": 2018}
_YEARS = re.compile(r"(\d{4})[-/–](\d{4})")
_TWICE = re.compile(r"(.*[T ]\d\d)[ABab](:\d\d.*)")
"""An hour that the clock shows twice, as `02A:00` and `02B:00`."""
_THAI_YEAR = re.compile(r"(?<=[.ก-๙] )(4[3-9]|[5-9]\d)(?=$| \d{1,2}[:.])")
_EPOCH = re.compile(r"/Date\((-?\d{1,14})(?:[+-]\d{4})?\)/")
_LONE_ROC = re.compile(r"(\d{2,3})\s?年度?")
_SHARED_YEAR = re.compile(r"(\d{1,2})\.(\d{1,2})\.\s*[-–]\s*\d{1,2}\.(\d{1,2})\.(\d{4})")
_ROC_SHORT = re.compile(r"(\d{3})(?=[-/]\d|\.\d{1,2}\.\d|[- ]?[QqWw]\d|-?\d{1,2}[QW]$)")


def looks_like_time(text: str) -> bool:
    """Whether one cell reads as a date or time (plain numbers do not count)."""
    cell = text.strip()
    if cell.isdigit():
        return False
    found = read_cell(cell)
    return found is not None and found.kind != PAIR


def is_roc(texts: Sequence[str]) -> bool:
    """Whether cells are years of the Republic of China, some of which have three digits."""
    kinds = {None if cell is None else cell.kind for cell in map(read_cell, texts[:_ENOUGH])}
    return ROC in kinds and kinds <= {ROC, PAIR}


def match(text: str) -> tuple[str, re.Match[str]] | None:
    """The form of a cell that is written without words, eras or stray blanks."""
    for form, pattern in _PATTERNS:
        found = pattern.fullmatch(text)
        if found is not None and ("n" not in pattern.groupindex or month_of(found["n"])):
            return form, found
    return None


def read_cell(text: str) -> Cell | None:
    """One cell as a date in parts; None where it is no time."""
    cell = text.strip()
    found = match(cell)
    if found is not None:
        return _parts(*found)
    again, lone = _rewritten(cell), _LONE_ROC.fullmatch(cell)
    if again is not None:
        return read_cell(again)
    return _foreign(cell) if lone is None else _lone_year(int(lone[1]))


def _rewritten(cell: str) -> str | None:
    """The first of two times, `R6.1.31` with the year that it means, 1980-1981 and `/Date(0)/` as their first moment,
    `[...]` without brackets; None for all else."""
    begin, letter = begin_of(cell), _ERA_LETTER.match(cell)
    if begin is None and letter is not None:
        return f"{int(letter[2]) + _ERA_LETTERS[letter[1]]}{cell[letter.end() :]}"
    years, epoch = _YEARS.fullmatch(cell), _EPOCH.fullmatch(cell)
    if begin is None and cell[-2:].isalpha() != cell[:2].isalpha() and _BY_WEEKDAY.search(cell):
        return _BY_WEEKDAY.sub("", cell, count=1)
    if years is not None and int(years[1]) + 1 == int(years[2]):
        return f"{years[1]}-01"
    if epoch is not None:
        return (
            f"{datetime.fromtimestamp(0, timezone.utc) + timedelta(milliseconds=int(epoch[1])):%Y-%m-%d %H:%M:%S.%f}Z"
        )
    if (twice := _TWICE.fullmatch(cell)) is not None or (cell[:1] == "'" and cell[1:2].isdigit()):
        return cell[1:] if twice is None else twice[1] + twice[2]  # ': a spreadsheet's mark of text
    return cell[1:-1] if begin is None and cell[:1] == "[" and cell[-1:] == "]" else begin


def _lone_year(year: int) -> Cell | None:
    """109年 counts from 1911, and 70年 where others of its column do."""
    roc = year > 99
    return Cell(year + ROC_YEAR * roc, 1, 1, 0, NO_OFFSET, ROC if roc else PAIR) if year <= 200 else None


def _foreign(cell: str) -> Cell | None:
    """A cell with words, eras or stray blanks as a date in parts."""
    base = 0
    if not cell.isascii():
        cell = unicodedata.normalize("NFKC", cell)
        for era, start in _ERAS:
            if cell.startswith(era):
                base, cell = start, cell[len(era) :].strip()
        cell = _WEEKDAYS.sub("", in_english(_THAI_YEAR.sub(r"25\1", cell))).strip()
        plain = cell
        for half, sign in _HALVES:
            cell = cell.replace(half, " " + sign)
        for half, sign in _HALF_YEARS:
            cell = re.sub(f"年? ?{half}", f"-{sign}", cell)
        cell = _CJK_MONTH.sub(lambda at: f"{_CJK_MONTHS.index(at[1]) + 1}月", cell)
        cell = re.sub(r"(?<=[-:]) +", "", cell.translate(_CJK)) if plain != cell.translate(_CJK) else cell
        cell = re.sub(r" +", " ", cell).strip().rstrip("-:")
        cell = re.sub(r":(\d)(?!\d)", r":0\1", cell)
        cell = re.sub(r"^(\d{4}) (\d{1,2})$", r"\1-\2", cell)
        if re.fullmatch(r"\d{4}", cell) and plain.endswith("年") and not base:
            return Cell(int(cell), 1, 1, 0, NO_OFFSET, SURE)
    cell = re.sub(r"\s*[(（][^()（）]{1,12}[)）]", "", cell)
    cell = re.sub(r"(?<=\d)\s*([-/.])\s*(?=\d)", r"\1", cell).rstrip(".")
    cell = re.sub(r"(?<=\w) (?:de|del) (?=\w)", " ", cell)
    cell = re.sub(r"[T_ ](\d{2})-(\d{2})-(\d{2})$", r" \1:\2:\3", cell)
    if base:
        year = re.match(r"\d{1,3}(?!\d)", cell)
        if year is None:
            return None
        cell = f"{int(year[0]) + base}{cell[year.end() :]}"
        if cell.isdigit():
            return Cell(int(cell), 1, 1, 0, NO_OFFSET, ROC if base == ROC_YEAR else SURE)
    elif _ROC_SHORT.match(cell) and int(cell[:3]) <= 200:
        base = ROC_YEAR
        cell = f"{int(cell[:3]) + base}{cell[3:]}"
    found = match(cell)
    read = None if found is None else _parts(*found)
    return read._replace(kind=ROC) if read is not None and base == ROC_YEAR else read


def begin_of(text: str) -> str | None:
    """The first of two times that a cell holds, as in `2024-01-01 00:00 - 2024-01-01 01:00`; None where it is one."""
    shared = _SHARED_YEAR.fullmatch(text.strip())
    if shared is not None:  # 30.12.-05.01.2025 begins in the year before
        day, month, until, year = map(int, shared.groups())
        return f"{day:02d}.{month:02d}.{year - (month > until)}"
    parts = _SPAN.split(text.strip())
    if len(parts) != 2 or match(parts[0].strip()) is None:
        return None
    return parts[0] if match(parts[1].strip()) is not None or read_clock(parts[1]) is not None else None


def _parts(form: str, at: re.Match[str]) -> Cell | None:
    groups = at.groupdict()
    year, kind = full_year(groups["y"]), SURE
    if form in ("named", "month_yy"):
        first, second = month_of(groups["n"]), int(groups.get("b") or 1)
        kind = MONTH_YY if form == "month_yy" else SURE
    elif form == "quarter":
        digit = groups["a"] or groups["a2"] or ""
        first, second = 3 * (_ROMAN.get(digit) or int(digit)) - 2, 1
    elif form == "week":
        found = monday(year, int(groups["a"] or groups["a2"]), int(groups.get("b") or 1))
        if found is None:
            return None
        year, first, second, kind = *found, WEEK
    elif form == "ordinal":
        try:
            day = date.fromordinal(date(year, 1, 1).toordinal() + int(groups["a"]) - 1)
        except ValueError:
            return None
        if day.year != year:
            return None
        first, second = day.month, day.day
    elif form in ("pair", "pair_quarter"):
        year, second, kind = int(groups["y"]), 1, PAIR
        first = int(groups["a"]) if form == "pair" else 3 * int(groups["a"] or groups["a2"]) - 2
    elif form == "half":
        first, second = 6 * int(groups["a"]) - 5, 1
    else:
        first, second = int(groups["a"] or 1), int(groups.get("b") or 1)
        if form == "pqy":
            kind = PQY if len(groups["y"]) == 4 else PQYY
    clock = _clock(groups)
    return None if clock is None else Cell(year, first, second, clock, offset_minutes(groups.get("z")), kind)


def _clock(groups: dict[str, str | None]) -> int | None:
    """Microseconds since midnight, None where there is no such time."""
    digits = groups.get("digits")
    if digits:
        hour, minute, second = int(digits[:2]), int(digits[2:4]), int(digits[4:] or 0)
    else:
        hour = int(groups.get("h") or groups.get("hour") or 0)
        minute, second = int(groups.get("mi") or 0), int(groups.get("s") or 0)
    half = groups.get("ap") or groups.get("half")
    if half is not None:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half[0] in "pP" else 0)
    clock = (hour * 3600 + minute * 60 + second) * 1_000_000 + int((groups.get("f") or "0").ljust(6, "0")[:6])
    return None if minute > 59 or second > 59 or clock > 1440 * MINUTE else clock


_CLOCK_CELL = re.compile(
    r"(?P<half>[AaPp]\.?[Mm]\.?\s*)?(?P<h>\d{1,2})[:.hH](?P<mi>\d{2})(?:[:.](?P<s>\d{1,2})(?:[.,](?P<f>\d{1,9}))?)?"
    r"(?:\s*(?P<ap>[AaPp])\.?[Mm]\.?)?(?:\s*(?:Uhr|h|Z|UTC|GMT))?"
)


_CLOCKS = re.compile(r"(\d\d?(?::\d\d)?)\s*[-–~～]\s*(\d\d?(?::\d\d)?)")


def _begin_of_hour(cell: str) -> str:
    """`00:00~00:59` and `00 - 01` as the time at which they begin; all else as it is."""
    span = _CLOCKS.fullmatch(cell)
    if span is None:
        return cell
    first, last = span[1], span[2]
    if ":" in first and ":" in last:
        return first
    return f"{first}:00" if first.isdigit() and last.isdigit() and int(last) in ((int(first) + 1) % 24, 24) else cell


def read_clock(text: str) -> int | None:
    """A time of day alone, such as `18:00`, `18.00.00`, `6 PM`, `18時30分`, `18-19`, in microseconds; None where it is
    none."""
    cell = _begin_of_hour(text.strip())
    if not cell.isascii():
        cell = unicodedata.normalize("NFKC", cell)
        for half, sign in _HALVES:
            cell = cell.replace(half, sign)
        cell = cell.translate(_CJK).strip().rstrip(":")
        cell = cell + ":00" if cell.isdigit() else cell
    found = _CLOCK_CELL.fullmatch(cell)
    if found is not None:
        return _clock(found.groupdict())
    cell = re.sub(r"^HE ?(?=\d{1,2}$)(.*)", r"\1h", cell)  # an hour by its end
    whole = re.fullmatch(r"(?P<h>\d{1,2})(?:\s*(?P<ap>[AaPp])\.?[Mm]\.?|\s?[hH])", cell)
    return None if whole is None else _clock(whole.groupdict())


def monday(year: int, week: int, day: int = 1) -> tuple[int, int, int] | None:
    """Year, month and day of a day (Monday is 1) of an ISO week; None where the year has no such week."""
    try:
        found = date.fromisocalendar(year, week, day)
    except ValueError:
        return None
    return found.year, found.month, found.day


def offset_minutes(text: str | None) -> int:
    """Minutes east of UTC of `+02:00`, `Z` and the like; `NO_OFFSET` for none."""
    if text is None:
        return NO_OFFSET
    if text[0] not in "+-":
        return _EAST[text]
    digits = text[1:].replace(":", "")
    minutes = int(digits[:2]) * 60 + int(digits[2:] or 0)
    return -minutes if text[0] == "-" else minutes


def full_year(text: str) -> int:
    """A year of four digits; one of two lies between 1970 and 2069."""
    year = int(text)
    return year if len(text) == 4 else year + (2000 if year < 70 else 1900)
