"""Business days: Monday to Friday, less a market's or country's holidays, plus the weekends it works on."""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError, TimeError
from tidegate.core.optional import require
from tidegate.core.translate import tr

UNKNOWN = "?"
"""Stands for holidays that the rows leave out, but no calendar names."""
LIKELY = (
    *("XNYS", "XTAI", "XLON", "XPAR", "XETR", "XJPX", "XHKG", "XSHG", "XKRX", "XNSE", "XTSE", "XASX", "XECB", "XSWX"),
    *("XSES", "XBOM", "BVMF", "XMAD", "XWAR", "XJSE", "XMEX", "XCME", "IFEU", "XFED"),
    *("US", "TW", "CN", "GB", "DE", "FR", "JP", "KR", "HK", "IN", "CA", "AU", "BR", "ES", "IT", "NL", "CH", "SE", "PL"),
)
"""Calendars that weekdays with absent days are compared with."""


@cache
def exceptions(code: str, first: int, last: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Holidays and worked weekend days of a calendar, datetime64[D] sorted, from one year through another.

    Args:
        code: a market (`XNYS`, `XTAI`) or a country, with a part of it or without (`TW`, `DE-BY`).
        first, last: years.

    Raises:
        ConfigError: the library knows no such calendar.
        MissingExtraError: it is not installed.
    """
    try:
        found = holidays_of(code, range(first, last + 1), markets=True)
    except NotImplementedError:
        message = (
            "frequency='B@{code}': the holidays library knows no market or country {code!r}; write for instance "
            "'B@XNYS', 'B@TW', or 'B' for Monday to Friday"
        )
        raise ConfigError(tr(message, code=code)) from None
    worked = [day for day in getattr(found, "weekend_workdays", ()) if first <= day.year <= last]
    days = np.array(sorted(found), dtype="datetime64[D]")
    return days, np.array(sorted(worked), dtype="datetime64[D]")


def holidays_of(code: str, years: range, *, markets: bool = False) -> Any:
    """The holidays library's days of a country or a part of it, and of a market where those count too.

    Its `start_year` and `end_year` say which years it knows; of others it has no days, and warns, which is left out
    here: who asks says so.

    Raises:
        NotImplementedError: it knows no such calendar.
        MissingExtraError: it is not installed.
    """
    library = require("holidays", extra="train", purpose=f"know the holidays of {code!r}")
    country, _, part = code.partition("-")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        if markets and country in library.list_supported_financial():
            return library.financial_holidays(country, years=years)
        return library.country_holidays(country, subdiv=part or None, years=years)


def open_days(code: str, first: np.datetime64, last: np.datetime64) -> NDArray[Any]:
    """The business days of a calendar from one day through another, datetime64[D]."""
    years = [int(str(day.astype("datetime64[Y]"))) for day in (first, last)]
    closed, worked = exceptions(code, *years)
    days = np.arange(first.astype("datetime64[D]"), last.astype("datetime64[D]") + 1)
    return days[(np.is_busday(days) & ~np.isin(days, closed)) | np.isin(days, worked)]


def walk(code: str, day: np.datetime64, steps: NDArray[np.int64]) -> NDArray[Any]:
    """The business days `steps` after a business day.

    Raises:
        TimeError: `day` is none.
    """
    far = 2 * int(np.abs(steps).max(initial=0)) + 60
    days = open_days(code, day - far, day + far)
    place = int(np.searchsorted(days, day))
    if place == len(days) or days[place] != day:
        raise TimeError(tr("{day} is no business day of {code}", day=day, code=code))
    return np.asarray(days[place + steps])


def roll(days: NDArray[Any], how: str) -> NDArray[Any]:
    """Days that lie on a weekend, moved to the weekday before or after; `how` is "backward", "forward" or ""."""
    return np.asarray(np.busday_offset(days, 0, roll=how)) if how else days  # type: ignore[call-overload]


def slots(days: tuple[int, ...], how: str, positions: NDArray[np.int64]) -> NDArray[Any]:
    """Dates of a calendar of days of the month, such as the 1st and 15th.

    Args:
        days: ascending; a day that a month lacks is its last.
        how: as of `roll`.
        positions: counted from the first of these days in January 1970.
    """
    month = (positions // len(days)).astype("datetime64[M]")
    begin = month.astype("datetime64[D]")
    length = ((month + 1).astype("datetime64[D]") - begin).astype(np.int64)
    within = np.array(days, dtype=np.int64)[positions % len(days)]
    return roll(begin + np.minimum(within, length) - 1, how)


def places(days: tuple[int, ...], how: str, dates: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Positions, as of `slots`, of dates, and which dates are none of the calendar's."""
    count = len(days)
    base = dates.astype("datetime64[M]").astype(np.int64) * count
    found, missing = base.copy(), np.ones(len(dates), dtype=bool)
    for offset in range(-count, 2 * count):
        here = missing & (slots(days, how, base + offset) == dates)
        found[here] = (base + offset)[here]
        missing &= ~here
    return found, missing
