"""Time stamps out of text: the forms that files use, read in bulk and judged over the whole column."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.table import Note
from tidegate.data.cells.numbers import BadCellError, is_missing

MINUTE = 60_000_000
NO_OFFSET = np.int16(-32768)
NAT = np.datetime64("NaT", "us")
Place = Callable[[int], str]
"""Names a row of the source, for messages: "load.csv, line 17"."""

_CLOCK = (
    r"(?:(?:[T ]\s*|,\s*)(?P<h>\d{1,2}):(?P<mi>\d{2})(?::(?P<s>\d{1,2})(?:[.,](?P<f>\d{1,9}))?)?"
    r"(?:\s*(?P<ap>[AaPp])\.?[Mm]\.?)?)?"
)
_ZONE = r"\s*(?P<z>Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?"
_NAME = r"(?P<n>[A-Za-z]{3,9})\.?"
_FORMS = (
    ("ymd", r"(?P<y>\d{4})(?P<sep>[-/.])(?P<a>\d{1,2})(?P=sep)(?P<b>\d{1,2})"),
    ("pqy", r"(?P<a>\d{1,2})(?P<sep>[-/.])(?P<b>\d{1,2})(?P=sep)(?P<y>\d{4}|\d{2})"),
    ("ym", r"(?P<y>\d{4})[-/.](?P<a>\d{1,2})(?P<b>)"),
    ("compact", r"(?P<y>\d{4})(?P<a>\d{2})(?P<b>\d{2})"),
    ("named", rf"{_NAME}[ -](?P<b>\d{{1,2}})(?:st|nd|rd|th)?,?[ -](?P<y>\d{{4}})"),
    ("named", rf"(?:[A-Za-z]{{3,9}},? )?(?P<b>\d{{1,2}})(?:st|nd|rd|th)?[ -]?{_NAME},?[ -]?(?P<y>\d{{4}}|\d{{2}})"),
    ("named", rf"(?P<y>\d{{4}})[ -]{_NAME}(?:[ -](?P<b>\d{{1,2}}))?"),
    ("named", rf"{_NAME},?[ -](?P<y>\d{{4}})(?P<b>)"),
    ("quarter", r"(?P<y>\d{4})[- ]?[Qq](?P<a>[1-4])(?P<b>)"),
)
_PATTERNS = tuple((form, re.compile(date + _CLOCK + _ZONE)) for form, date in _FORMS)
_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = {name: i + 1 for i, name in enumerate(_NAMES)}
_DIGITS = b"0123456789"
_BLANKS = bytes(i if i in b"0123456789." else 32 for i in range(256))
_CJK = str.maketrans({"年": "-", "月": "-", "日": " ", "時": ":", "时": ":"})


@dataclass
class Fields:
    """Dates in parts, before the order of day and month is known; all arrays [n].

    `first` and `second` are month and day where `order` is False, else in the order of the text.
    """

    year: NDArray[np.int64]
    first: NDArray[np.int64]
    second: NDArray[np.int64]
    clock: NDArray[np.int64]
    offset: NDArray[np.int16]
    order: NDArray[np.bool_]
    missing: NDArray[np.bool_]
    dotted: bool = False


def _match(text: str) -> tuple[str, re.Match[str]] | None:
    for form, pattern in _PATTERNS:
        found = pattern.fullmatch(text)
        if found is not None:
            return form, found
    return None


def _clean(text: str) -> str:
    cell = text.strip()
    if not cell.isascii():
        cell = cell.translate(_CJK).strip().rstrip("-:")
    return cell


def looks_like_time(text: str) -> bool:
    """Whether one cell reads as a date or time (plain integers do not count)."""
    cell = _clean(text)
    return not cell.isdigit() and _match(cell) is not None


def _offset_minutes(text: str | None) -> int:
    if text is None:
        return int(NO_OFFSET)
    if text[0] not in "+-":
        return 0
    digits = text[1:].replace(":", "")
    minutes = int(digits[:2]) * 60 + int(digits[2:] or 0)
    return -minutes if text[0] == "-" else minutes


def _full_year(text: str) -> int:
    year = int(text)
    return year if len(text) == 4 else year + (2000 if year < 70 else 1900)


def _one(text: str) -> tuple[int, int, int, int, int, bool] | None:
    """Year, first, second, clock, offset, order of one cell; None where it is no time."""
    cell = _clean(text)
    found = _match(cell)
    if found is None:
        return None
    form, at = found
    year = _full_year(at["y"])
    if form == "named":
        month = _MONTHS.get(at["n"][:3].lower(), 0)
        first, second = month, int(at["b"] or 1)
    elif form == "quarter":
        first, second = 3 * int(at["a"]) - 2, 1
    else:
        first, second = int(at["a"]), int(at["b"] or 1)
    clock = 0
    if at["h"] is not None:
        hour = int(at["h"])
        if at["ap"] is not None:
            if not 1 <= hour <= 12:
                return None
            hour = hour % 12 + (12 if at["ap"] in "pP" else 0)
        clock = (hour * 3600 + int(at["mi"]) * 60 + int(at["s"] or 0)) * 1_000_000 + int(
            (at["f"] or "0").ljust(6, "0")[:6]
        )
        if int(at["mi"]) > 59 or int(at["s"] or 0) > 59 or clock > 1440 * MINUTE:
            return None
    return year, first, second, clock, _offset_minutes(at["z"]), form == "pqy"


class _UnevenError(Exception):
    """A chunk that the fast way cannot read."""


def _need(condition: object) -> None:
    if not condition:
        raise _UnevenError


def _bulk(texts: Sequence[str]) -> Fields:
    """The fast way for a chunk whose cells all have the shape of the first."""
    found = _match(texts[0].strip())
    if found is None or found[0] not in ("ymd", "pqy") or found[1]["ap"] is not None:
        raise _UnevenError
    form, at = found
    fraction = at["f"] is not None
    _need(not fraction or (at["sep"] != "." and "," not in texts[0]))
    numbers = _numbers(texts, fraction)
    zone = at["z"] or ""
    zoned, wide = zone[:1] in ("+", "-"), ":" not in zone
    parts = [name for name in ("h", "mi", "s") if at[name] is not None]
    count, width = len(texts), 3 + len(parts) + (0 if not zoned else 1 if wide else 2)
    _need(len(numbers) == count * width and (not zoned or not wide or len(zone) == 5))
    grid = numbers.reshape(count, width)
    whole = grid[:, :3].astype(np.int64)
    year, first, second = whole.T if form == "ymd" else whole.T[[2, 0, 1]]
    if form == "pqy" and len(at["y"]) == 2:
        _need(year.max() <= 99)
        year = year + np.where(year < 70, 2000, 1900)
    _need(year.min() >= 1000 and year.max() <= 9999)
    offset = np.full(count, _offset_minutes(at["z"]), dtype=np.int16)
    if zoned:
        tail = grid[:, 3 + len(parts) :].astype(np.int64)
        minutes = tail[:, 0] // 100 * 60 + tail[:, 0] % 100 if wide else tail[:, 0] * 60 + tail[:, 1]
        offset = (-minutes if zone[0] == "-" else minutes).astype(np.int16)
    clock = _clock(grid[:, 3 : 3 + len(parts)])
    none = np.zeros(count, dtype=bool)
    return Fields(year, first, second, clock, offset, np.full(count, form == "pqy"), none, at["sep"] == ".")


def _numbers(texts: Sequence[str], fraction: bool) -> NDArray[Any]:
    """All numbers of the cells in a row, once it is sure that their separators are those of the first cell."""
    try:
        raw = "\n".join(texts).encode("ascii")
    except UnicodeEncodeError:
        raise _UnevenError from None
    shape = texts[0].encode("ascii").translate(None, _DIGITS) + b"\n"
    _need(raw.translate(None, _DIGITS) + b"\n" == shape * len(texts))
    table = _BLANKS if fraction else _BLANKS.replace(b".", b" ")
    kind = np.float64 if fraction else np.int64
    return np.fromstring(raw.translate(table).decode("ascii"), dtype=kind, sep=" ")


def _clock(parts: NDArray[Any]) -> NDArray[np.int64]:
    """Microseconds since midnight of hours, minutes and seconds, [n, 0 to 3]."""
    clock = np.zeros(len(parts), dtype=np.int64)
    for i, (most, size) in enumerate(((25, 60 * MINUTE), (60, MINUTE), (60, 1_000_000))[: parts.shape[1]]):
        _need(parts[:, i].max() < most)
        clock += (
            np.floor(parts[:, i] * size + 0.001).astype(np.int64) if parts.dtype.kind == "f" else parts[:, i] * size
        )
    _need(clock.max() <= 1440 * MINUTE)
    return clock


def _slow(texts: Sequence[str]) -> Fields:
    known: dict[str, tuple[int, int, int, int, int, bool] | None] = {}
    rows = np.zeros((len(texts), 6), dtype=np.int64)
    missing = np.zeros(len(texts), dtype=bool)
    dotted = False
    for i, text in enumerate(texts):
        found = known.get(text)
        if found is None:
            found = _one(text)
            if found is None:
                if not is_missing(text):
                    raise BadCellError(i, text)
                missing[i] = True
                rows[i] = (1970, 1, 1, 0, NO_OFFSET, 0)
                continue
            dotted = dotted or (found[5] and "." in text[:3])
            if len(known) < 65536:
                known[text] = found
        rows[i] = found
    year, first, second, clock, offset, order = rows.T
    return Fields(year, first, second, clock, offset.astype(np.int16), order.astype(bool), missing, dotted)


def parse(texts: Sequence[str]) -> Fields:
    """Cells as dates in parts.

    Raises:
        BadCellError: a cell that is neither a time nor a missing marker; `row` counts from the first of `texts`.
    """
    try:
        return _bulk(texts)
    except _UnevenError:
        return _slow(texts)


def by_format(texts: Sequence[str], form: str) -> tuple[NDArray[np.datetime64], NDArray[np.int16]]:
    """Cells as times by a `strptime` format.

    Returns:
        ([n] datetime64[us] as written, NaT where missing; [n] minutes east of UTC or `NO_OFFSET`).

    Raises:
        BadCellError: a cell does not follow the format.
    """
    known: dict[str, tuple[np.datetime64, int]] = {}
    times = np.full(len(texts), NAT, dtype="datetime64[us]")
    offsets = np.full(len(texts), NO_OFFSET, dtype=np.int16)
    for i, text in enumerate(texts):
        found = known.get(text)
        if found is None:
            if is_missing(text):
                continue
            try:
                moment = datetime.strptime(text.strip(), form)
            except (ValueError, re.error) as error:
                raise BadCellError(i, text, f" by date_format={form!r} ({error})") from None
            shift = moment.utcoffset()
            found = (
                np.datetime64(moment.replace(tzinfo=None), "us"),
                int(NO_OFFSET) if shift is None else int(shift.total_seconds()) // 60,
            )
            known[text] = found
        times[i], offsets[i] = found
    return times, offsets


def assemble(
    year: NDArray[np.int64], month: NDArray[np.int64], day: NDArray[np.int64]
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Dates of calendar parts.

    Returns:
        ([n] datetime64[D], [n] True where no such day exists).
    """
    start = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    begin = start.astype("datetime64[D]")
    length = (start + 1).astype("datetime64[D]") - begin
    bad = (month < 1) | (month > 12) | (day < 1) | (day > length.astype(np.int64))
    return begin + (day - 1), bad


@dataclass
class Times:
    """A time column.

    Attributes:
        values: [n] datetime64[us] (UTC where `aware`), or int64 where rows are counted; NaT for missing.
        aware: whether the stamps carried a zone or an offset.
        zone: the zone's IANA name where there is one.
        notes: how the column was read.
    """

    values: NDArray[Any]
    aware: bool = False
    zone: str | None = None
    notes: list[Note] = field(default_factory=list)
