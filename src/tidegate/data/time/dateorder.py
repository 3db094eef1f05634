"""What single cells leave open, decided by the column as a whole: day, month or year first, and which calendar."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import TimeError
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.data.time.forms import MONTH_YY, PAIR, PQY, PQYY, ROC, ROC_YEAR, WEEK
from tidegate.data.time.timestamps import Fields, Place, assemble

WORDS = ("dayfirst", "monthfirst", "yearfirst", "roc")
"""Values of `date_format` that are words, not `strptime` formats."""

_DAY_FIRST = 'Dates such as {text} were read with the day first. To choose: date_format="dayfirst" or "monthfirst".'
_DAY_FIRST_ORDERED = (
    "Dates such as {text} were read with the day first, because only so they are in order. "
    'To choose: date_format="dayfirst" or "monthfirst".'
)
_MONTH_FIRST_ORDERED = (
    "Dates such as {text} were read with the month first, because only so they are in order. "
    'To choose: date_format="dayfirst" or "monthfirst".'
)
_DAY_FIRST_EVEN = (
    "Dates such as {text} were read with the day first, because only so they are evenly spaced. "
    'To choose: date_format="dayfirst" or "monthfirst".'
)
_MONTH_FIRST_EVEN = (
    "Dates such as {text} were read with the month first, because only so they are evenly spaced. "
    'To choose: date_format="dayfirst" or "monthfirst".'
)
_YEAR_FIRST_ORDERED = (
    "Dates such as {text} were read with a year of two digits first, because only so they are in order. To choose: "
    'date_format="dayfirst", "monthfirst" or "yearfirst".'
)
_MONTH_YEAR = "Cells such as {text} were read as a month and a year of two digits, not as a day of a month."


def decide(parts: Fields, name: str, sample: str, word: str | None, place: Place) -> tuple[Fields, list[Note]]:
    """Years, months and days of a column, and notes on what was decided.

    Args:
        parts: as the cells were read.
        name, sample: the column and one of its cells, for messages.
        word: one of `WORDS`, or None to let the column decide.
        place: names a row, for messages.

    Raises:
        TimeError: the column mixes forms, or nothing in it decides.
    """
    notes: list[Note] = []
    year, month, day, kind = parts.year, parts.month, parts.day, parts.kind
    found = set(np.unique(kind).tolist())
    roc = ROC in found or word == "roc"
    if roc and found & {PQYY, PAIR}:
        short = kind == PQYY  # years below 100, beside those that have three digits
        year = np.where(short, month + ROC_YEAR, np.where(kind == PAIR, year + ROC_YEAR, year))
        month, day = np.where(short, day, month), np.where(short, parts.year % 100, day)
        kind = np.where(short | (kind == PAIR), ROC, kind).astype(np.int8)
        found = set(np.unique(kind).tolist())
    if PAIR in found:
        message = (
            "{place}, column {name!r}: the time has no year of four digits; say how times are written with "
            'date_format= (for instance "%m/%y"; "2024 %m/%d" where all are of one year that they omit; or "roc" for '
            "years of the Republic of China)"
        )
        raise TimeError(tr(message, place=place(int(np.argmax(kind == PAIR))), name=name))
    parts = replace(parts, year=year, month=month, day=day, kind=kind)
    if MONTH_YY in found:
        _month_and_year(parts, name, place)
        notes.append(Note("month_year", _MONTH_YEAR, {"text": sample}))
    if found & {PQY, PQYY}:
        parts = _order(parts, name, sample, word, notes, place)
    if {ROC, WEEK} & found:
        from tidegate.data.time.digits import ROC_NOTE, WEEK_NOTE

        first = f"{parts.year[0]:04d}-{parts.month[0]:02d}-{parts.day[0]:02d}"
        told = {"column": name, "text": sample, "first": first}
        notes.append(Note("roc", ROC_NOTE, told) if ROC in found else Note("weeks", WEEK_NOTE, told))
    return parts, notes


def _month_and_year(parts: Fields, name: str, place: Place) -> None:
    """Refuse `Jan-10` as a month and a year where it may be a day of January.

    Raises:
        TimeError: it may.
    """
    mine = parts.kind == MONTH_YY
    year, month = parts.year[mine], parts.month[mine]
    late = (year % 100 > 31).any()
    if late or (_disorder(year * 12 + month) == 0 and len(np.unique(month)) > 1):
        return
    message = (
        "{place}, column {name!r}: a month's name and two digits may be a year or a day without one, and nothing in "
        'the column decides it; pass date_format="%b-%y", or write years with four digits'
    )
    raise TimeError(tr(message, place=place(int(np.argmax(mine))), name=name))


def _disorder(times: NDArray[Any]) -> int:
    """Steps against the direction that most steps take."""
    step = np.diff(times)
    return int(min((step < 0).sum(), (step > 0).sum()))


def _order(parts: Fields, name: str, sample: str, word: str | None, notes: list[Note], place: Place) -> Fields:
    unsure = np.isin(parts.kind, (PQY, PQYY))
    short = bool((parts.kind[unsure] == PQYY).all())
    p, q, r = parts.month[unsure], parts.day[unsure], parts.year[unsure]
    ways = {"monthfirst": (r, p, q), "dayfirst": (r, q, p)}
    if short:
        last = r % 100
        ways["yearfirst"] = (np.where(p < 70, 2000 + p, 1900 + p), q, last)

    def put(way: str) -> Fields:
        year, month, day = parts.year.copy(), parts.month.copy(), parts.day.copy()
        year[unsure], month[unsure], day[unsure] = ways[way]
        return replace(parts, year=year, month=month, day=day)

    if word is not None:
        if word not in ways:
            message = "column {name!r}: date_format={word!r} does not fit dates such as {sample!r}"
            raise TimeError(tr(message, name=name, word=word, sample=sample))
        return put(word)
    disorder: dict[str, int] = {}
    for way, (year, month, day) in ways.items():
        dates, bad = assemble(year, month, day)
        if not bad.any():
            disorder[way] = _disorder(dates.astype("datetime64[us]").astype(np.int64) + parts.clock[unsure])
    usual = {way: count for way, count in disorder.items() if way != "yearfirst"}
    _no_doubt(name, sample, p, disorder, usual, parts.dotted)
    if "yearfirst" in disorder and disorder["yearfirst"] < min(usual.values(), default=len(p)):
        notes.append(Note("date_order", _YEAR_FIRST_ORDERED, {"text": sample}))
        return put("yearfirst")
    if not usual:
        rows = np.flatnonzero(unsure)
        places = place(int(rows[np.argmax(p > 12)])), place(int(rows[np.argmax(q > 12)]))
        _impossible(name, p, q, places)
        return put("dayfirst" if (p > 12).any() else "monthfirst")  # where the impossible date is then named
    if p.max() > 12 or q.max() > 12:
        return put("dayfirst" if p.max() > 12 else "monthfirst")
    found, why = ("dayfirst", _DAY_FIRST) if parts.dotted else _by_steps(usual, {way: put(way) for way in usual})
    if found:
        notes.append(Note("date_order", why, {"text": sample}))
        return put(found)
    message = (
        "column {name!r}: dates such as {sample!r} may have the day or the month first, and nothing in the column "
        'decides it; pass date_format="dayfirst" or date_format="monthfirst"'
    )
    raise TimeError(tr(message, name=name, sample=sample))


def _by_steps(disorder: dict[str, int], parts: dict[str, Fields]) -> tuple[str, str]:
    """The way to read a column that alone puts it in order, or else makes it evenly spaced, and the note that says so;
    empty where none does."""
    if len(disorder) == 1 or disorder["dayfirst"] != disorder["monthfirst"]:
        best, worst = min(disorder, key=lambda way: disorder[way]), max(disorder.values())
        if len(disorder) == 1 or disorder[best] * 4 <= worst:
            return best, _DAY_FIRST_ORDERED if best == "dayfirst" else _MONTH_FIRST_ORDERED
    even = [way for way in disorder if _even(parts[way])]
    if len(even) == 1:
        return even[0], _DAY_FIRST_EVEN if even == ["dayfirst"] else _MONTH_FIRST_EVEN
    return "", ""


def _even(parts: Fields) -> bool:
    """Whether all steps are equal, or all are the same number of months; three steps or more."""
    dates, _ = assemble(parts.year, parts.month, parts.day)
    step = np.diff(dates.astype("datetime64[us]").astype(np.int64) + parts.clock)
    months = np.diff(parts.year * 12 + parts.month)
    still = len(np.unique(parts.day)) == 1 and len(np.unique(parts.clock)) == 1
    return len(step) > 2 and (len(np.unique(step)) == 1 or (still and len(np.unique(months)) == 1))


def _impossible(name: str, p: NDArray[np.int64], q: NDArray[np.int64], places: tuple[str, str]) -> None:
    """Refuse dates that no order of day and month reads.

    Raises:
        TimeError: why none does.
    """
    if (p > 12).any() and (q > 12).any():
        message = (
            "column {name!r} mixes dates with the day first ({place}) and with the month first ({place2}); write all "
            "dates in one way, best as 2024-12-31"
        )
        raise TimeError(tr(message, name=name, place=places[0], place2=places[1]))


def _no_doubt(
    name: str, sample: str, p: NDArray[np.int64], disorder: dict[str, int], usual: dict[str, int], dotted: bool
) -> None:
    """Refuse years of two digits that may stand first as well as last.

    Raises:
        TimeError: they may.
    """
    if not usual and "yearfirst" in disorder and (p > 31).all():
        message = (
            "column {name!r}: dates such as {sample!r} may begin with a year of the Republic of China or one of two "
            'digits, and nothing in the column decides it; pass date_format="roc" or date_format="yearfirst"'
        )
        raise TimeError(tr(message, name=name, sample=sample))
    if usual and not dotted and disorder.get("yearfirst", len(p)) == min(usual.values()):
        message = (
            "column {name!r}: dates such as {sample!r} may have the day, the month or the year first, and nothing in "
            'the column decides it; pass date_format="dayfirst", "monthfirst" or "yearfirst"'
        )
        raise TimeError(tr(message, name=name, sample=sample))
