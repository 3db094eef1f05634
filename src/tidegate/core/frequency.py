"""The step of a regular time grid, and walking along it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tidegate.core.business import UNKNOWN, places, slots, walk
from tidegate.core.errors import TimeError
from tidegate.core.translate import tr

Unit = Literal["us", "s", "min", "h", "D", "B", "M", "row"]

_MICROSECONDS: dict[str, int] = {"us": 1, "s": 1_000_000, "min": 60_000_000, "h": 3_600_000_000, "D": 86_400_000_000}


@dataclass(frozen=True)
class Frequency:
    """`count` units between neighbouring rows.

    Units: `us`, `s`, `min`, `h`, `D` (of fixed length), `B` (Monday to Friday), `M` (months; a quarter
    is 3, a year 12) and `row` (no calendar: rows are counted, times are whatever the data say).
    `month_end` marks monthly grids that sit on the last day of the month. Other days of the month are `days`, several
    for more rows a month; one that a month lacks is its last. `roll` moves those on a weekend "backward" or "forward"
    to a weekday. `holidays` names the market or country whose business days `B` counts; "?" says that rows leave out
    holidays which no calendar names, so that the next times are not known.
    """

    count: int
    unit: Unit
    month_end: bool = False
    days: tuple[int, ...] = ()
    roll: str = ""
    holidays: str = ""

    def __post_init__(self) -> None:
        if self.count < 1:
            raise TimeError(tr("a frequency counts at least one unit, got {count}", count=self.count))

    def __str__(self) -> str:
        step = f"{self.count}{self.unit}" if self.count > 1 else self.unit
        if self.holidays not in ("", UNKNOWN):
            return f"{step}@{self.holidays}"
        return f"{step} ({', '.join(map(str, self.days))}{' ' + self.roll if self.roll else ''})" if self.days else step

    @property
    def microseconds(self) -> int | None:
        """Length of one step, or None where steps differ in length."""
        size = _MICROSECONDS.get(self.unit)
        return None if size is None else size * self.count

    @property
    def continues(self) -> bool:
        """Whether the next times follow from the last."""
        return self.unit != "row" and self.holidays != UNKNOWN

    def advance(self, start: np.datetime64 | int, steps: NDArray[np.int64]) -> NDArray[Any]:
        """The grid's times `steps` steps after `start`.

        Args:
            start: one time of the grid (datetime64[us]), or an integer index.
            steps: any shape, may be negative.

        Returns:
            Array of `steps`' shape: datetime64[us], or int64 where `start` is an index.
        """
        steps = np.asarray(steps, dtype=np.int64)
        if isinstance(start, (int, np.integer)):
            return np.asarray(np.int64(start) + steps * np.int64(self.count))
        at: Any = np.asarray(start).astype("datetime64[us]")[()]
        size = self.microseconds
        if size is not None:
            return np.asarray(at + steps * np.timedelta64(size, "us"))
        if self.unit == "B":
            day = at.astype("datetime64[D]")
            if self.holidays not in ("", UNKNOWN):
                return np.asarray(walk(self.holidays, day, steps * self.count).astype("datetime64[us]") + (at - day))
            return np.asarray(
                np.busday_offset(day, steps * self.count, roll="forward").astype("datetime64[us]") + (at - day)
            )
        if self.unit == "M":
            return self._advance_months(at, steps)
        raise TimeError(tr("rows without a regular frequency have no next time stamp; give the future rows' times"))

    def _advance_months(self, at: np.datetime64, steps: NDArray[np.int64]) -> NDArray[Any]:
        if self.days:
            date = at.astype("datetime64[D]")
            place, missing = places(self.days, self.roll, np.array([date]))
            if missing[0]:
                raise TimeError(tr("{date} is none of the days {self} of its month", date=date, self=self))
            found = slots(self.days, self.roll, place[0] + steps * self.count)
            return np.asarray(found.astype("datetime64[us]") + (at - date))
        month = at.astype("datetime64[M]")
        within = at - month.astype("datetime64[us]")
        target = month + (steps * self.count).astype("timedelta64[M]")
        begin = target.astype("datetime64[D]")
        length = ((target + np.timedelta64(1, "M")).astype("datetime64[D]") - begin).astype(np.int64)
        day = int(within // np.timedelta64(86_400_000_000, "us"))
        clock = within - np.timedelta64(day * 86_400_000_000, "us")
        offset = length - 1 if self.month_end else np.minimum(day, length - 1)
        return np.asarray((begin + offset.astype("timedelta64[D]")).astype("datetime64[us]") + clock)

    def seasons(self) -> tuple[int, ...]:
        """Season lengths, in steps, that calendars suggest: a day, a week, a year, shortest first."""
        size = self.microseconds
        if self.unit == "B":
            return (5, 261) if self.count == 1 else ()
        if self.unit == "M" and self.days:
            year = 12 * len(self.days)
            return (year // self.count,) if year % self.count == 0 and self.count < year else ()
        if self.unit == "M":
            return (12 // self.count,) if 12 % self.count == 0 and self.count < 12 else ()
        if size is None:
            return ()
        day = _MICROSECONDS["D"]
        lengths = [day, 7 * day, round(365.25 * day)]
        return tuple(round(length / size) for length in lengths if 2 <= round(length / size) <= 100_000)

    def horizon(self) -> int:
        """Steps ahead that are usually asked for: a year of months, two of quarters, a week of days, a day of hours.

        A quarter of weeks, an hour of steps of less than 5 minutes, 6 years, 24 rows that are only counted.
        """
        seasons = self.seasons()
        if self.unit == "row":
            return 24
        if not seasons:
            return 6
        usual = {2: 4, 4: 8, 52: 13}.get(seasons[0], seasons[0])
        return usual if usual <= 288 else max(1, round(usual / 24))

    def to_json(self) -> dict[str, Any]:
        more = {"days": list(self.days), "roll": self.roll, "holidays": self.holidays}
        plain = {"count": self.count, "unit": self.unit, "month_end": self.month_end}
        return {**plain, **{name: value for name, value in more.items() if value}}

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> Frequency:
        days = tuple(int(day) for day in state.get("days", ()))
        more = (days, str(state.get("roll", "")), str(state.get("holidays", "")))
        return cls(int(state["count"]), state["unit"], bool(state["month_end"]), *more)
