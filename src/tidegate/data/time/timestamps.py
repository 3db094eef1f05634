"""Time stamps out of text: the forms that files use, read in bulk and judged over the whole column."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.data.cells.numbers import BadCellError, is_missing
from tidegate.data.time.forms import MINUTE, NO_OFFSET, PQY, PQYY, SURE, Cell, match, offset_minutes, read_cell

NAT = np.datetime64("NaT", "us")
Place = Callable[[int], str]
"""Names a row of the source, for messages: "load.csv, line 17"."""

_DIGITS = b"0123456789"
_BLANKS = bytes(i if i in b"0123456789." else 32 for i in range(256))


@dataclass
class Fields:
    """Dates in parts; all arrays [n].

    Until the column decides what its cells leave open, month and day are the first and the second number beside the
    year, as in `forms.Cell`. dotted: whether dates are written with dots, as none with the month first is.
    """

    year: NDArray[np.int64]
    month: NDArray[np.int64]
    day: NDArray[np.int64]
    clock: NDArray[np.int64]
    offset: NDArray[np.int16]
    kind: NDArray[np.int8]
    missing: NDArray[np.bool_]
    dotted: bool = False


class _UnevenError(Exception):
    """A chunk that the fast way cannot read."""


def _need(condition: object) -> None:
    if not condition:
        raise _UnevenError


def _bulk(texts: Sequence[str]) -> Fields:
    """The fast way for a chunk whose cells all have the shape of the first."""
    found = match(texts[0].strip())
    if found is None or found[0] not in ("ymd", "pqy") or "f" not in found[1].groupdict():
        raise _UnevenError
    form, at = found
    _need(at["ap"] is None and at["half"] is None)
    fraction = at["f"] is not None
    _need(not fraction or (at["sep"] != "." and at["cs"] == ":" and "," not in texts[0]))
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
    _need(year.min() >= 1000 and year.max() <= 9999 and first.max() <= 99 and second.max() <= 99)
    offset = np.full(count, offset_minutes(at["z"]), dtype=np.int16)
    if zoned:
        tail = grid[:, 3 + len(parts) :].astype(np.int64)
        minutes = tail[:, 0] // 100 * 60 + tail[:, 0] % 100 if wide else tail[:, 0] * 60 + tail[:, 1]
        offset = (-minutes if zone[0] == "-" else minutes).astype(np.int16)
    clock = _clock(grid[:, 3 : 3 + len(parts)])
    none = np.zeros(count, dtype=bool)
    kind = SURE if form == "ymd" else PQY if len(at["y"]) == 4 else PQYY
    return Fields(year, first, second, clock, offset, np.full(count, kind, dtype=np.int8), none, at["sep"] == ".")


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
    known: dict[str, Cell] = {}
    rows = np.zeros((len(texts), 6), dtype=np.int64)
    missing = np.zeros(len(texts), dtype=bool)
    dotted = False
    for i, text in enumerate(texts):
        found = known.get(text)
        if found is None:
            found = read_cell(text)
            if found is None:
                if not is_missing(text):
                    raise BadCellError(i, text)
                missing[i] = True
                rows[i] = (1970, 1, 1, 0, NO_OFFSET, SURE)
                continue
            dotted = dotted or (found.kind in (PQY, PQYY) and "." in text[:3])
            if len(known) < 65536:
                known[text] = found
        rows[i] = found
    year, first, second, clock, offset, kind = rows.T
    return Fields(year, first, second, clock, offset.astype(np.int16), kind.astype(np.int8), missing, dotted)


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
    """Cells as times by a `strptime` format; where they have no year, it may begin with theirs: `2024 %d%m`.

    Returns:
        ([n] datetime64[us] as written, NaT where missing; [n] minutes east of UTC or `NO_OFFSET`).

    Raises:
        BadCellError: a cell does not follow the format.
        ConfigError: the format has no year.
    """
    parts = set(re.findall(r"%[-#]?([A-Za-z])", form))
    year = "" if parts & set("YyGcxs") else form[:5]
    if year and not re.fullmatch(r"\d{4} ", year):
        message = (
            "date_format={form!r} holds no year (%Y or %y), without which there is no time; where the cells have none, "
            "write theirs before it: {such!r}"
        )
        raise ConfigError(tr(message, form=form, such=f"2024 {form}"))
    if year:
        form = f"%Y {form[5:]}"
    digits = 4 if form[3:] in ("%d%m", "%m%d") else 0  # 102 is 01 02
    weekly = bool(parts & set("WUV")) and not parts & set("aAuw")
    whole = f"{form} %u" if weekly else form  # strptime passes over a week without a weekday
    known: dict[str, tuple[np.datetime64, int]] = {}
    times = np.full(len(texts), NAT, dtype="datetime64[us]")
    offsets = np.full(len(texts), NO_OFFSET, dtype=np.int16)
    for i, text in enumerate(texts):
        found = known.get(text)
        if found is None:
            if is_missing(text):
                continue
            try:
                moment = datetime.strptime(year + text.strip().zfill(digits) + (" 1" if weekly else ""), whole)
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


CALENDAR = (
    (1500, 2200, 4),
    (170001, 220012, 6),
    (1900001, 2100366, 7),
    (15000101, 22001231, 8),
    (1900010100, 2100123124, 10),
    (2001010000, 3912312359, -10),
    (195001010000, 210012312359, 12),
    (200101000000, 391231235959, -12),
    (15000101000000, 22001231235959, 14),
)


def split_digits(
    values: NDArray[np.int64], digits: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], bool]:
    """Year, month, day and microseconds since midnight of numbers that are dates, and whether all can be.

    Args:
        values: [N]. digits: how many a number has, as in `CALENDAR`; below 0 where its year has two.
    """
    if digits < 0:  # years of two digits
        return split_digits(values + 20 * 10**-digits, 2 - digits)
    one = np.ones_like(values)
    clock = np.zeros_like(values)
    fine = True
    if digits == 4:
        return values, one, one, clock, True
    if digits == 6:
        return values // 100, values % 100, one, clock, True
    if digits == 7:  # the day of the year
        year, day = values // 1000, values % 1000
        leap = ((year % 4 == 0) & (year % 100 != 0)) | (year % 400 == 0)
        fine = bool((day >= 1).all() and (day <= 365 + leap).all())
        return year, one, one, (day - 1) * 86_400_000_000, fine
    if digits == 10:
        hour, values = values % 100, values // 100
        fine, clock = bool(hour.max() <= 24), hour * 3_600_000_000
    elif digits > 8:
        second = values % 100 if digits == 14 else clock
        rest = values // 100 if digits == 14 else values
        minute, hour, values = rest % 100, rest // 100 % 100, rest // 10_000
        fine = bool(second.max() < 60 and minute.max() < 60 and hour.max() < 24)
        clock = ((hour * 60 + minute) * 60 + second) * 1_000_000
    return values // 10_000, values // 100 % 100, values % 100, clock, fine
