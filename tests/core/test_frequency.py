"""Walking along a grid, held to pandas' date ranges."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.core.errors import TimeError
from tidegate.core.frequency import Frequency, Unit

FIXED: dict[Unit, str] = {"us": "us", "s": "s", "min": "min", "h": "h", "D": "D"}


def advanced(frequency: Frequency, start: str | pd.Timestamp, steps: object) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(frequency.advance(np.datetime64(start, "us"), np.asarray(steps, dtype=np.int64)))


@pytest.mark.parametrize("unit", list(FIXED))
@pytest.mark.parametrize("count", [1, 7, 15])
def test_steps_of_fixed_length_are_those_of_pandas(unit: Unit, count: int) -> None:
    expected = pd.date_range("2020-02-28 23:30", periods=50, freq=f"{count}{FIXED[unit]}")
    assert (advanced(Frequency(count, unit), "2020-02-28T23:30", range(50)) == expected).all()
    back = pd.date_range(end="2020-02-28 23:30", periods=50, freq=f"{count}{FIXED[unit]}")[::-1]
    assert (advanced(Frequency(count, unit), "2020-02-28T23:30", -np.arange(50)) == back).all()
    step = Frequency(count, unit).microseconds
    assert step is not None
    assert pd.Timedelta(step, "us") == pd.Timedelta(count, FIXED[unit])


@settings(max_examples=50)
@given(
    start=st.dates(pd.Timestamp("1950-01-01").date(), pd.Timestamp("2080-01-01").date()),
    steps=st.lists(st.integers(-300, 300), min_size=1, max_size=20),
    count=st.sampled_from([1, 3, 12]),
    hour=st.integers(0, 23),
)
def test_months_keep_day_and_clock_where_the_month_has_the_day(
    start: object, steps: list[int], count: int, hour: int
) -> None:
    at = pd.Timestamp(start) + pd.Timedelta(hour, "h")  # type: ignore[arg-type]
    expected = pd.DatetimeIndex([at + pd.DateOffset(months=count * step) for step in steps])
    assert (advanced(Frequency(count, "M"), at, steps) == expected).all()


@pytest.mark.parametrize(("count", "alias"), [(1, "ME"), (3, "QE"), (12, "YE")])
def test_month_ends_are_those_of_pandas(count: int, alias: str) -> None:
    expected = pd.date_range("2019-12-31", periods=60, freq=alias)
    assert (advanced(Frequency(count, "M", month_end=True), "2019-12-31", range(60)) == expected).all()


@settings(max_examples=50)
@given(day=st.integers(0, 4000), steps=st.integers(0, 60), count=st.sampled_from([1, 2, 5]))
def test_business_days_are_those_of_pandas(day: int, steps: int, count: int) -> None:
    start = np.busday_offset(np.datetime64("2015-01-01", "D") + day, 0, roll="forward")
    begin = pd.Timestamp(start) + pd.Timedelta(16, "h")
    expected = pd.date_range(begin, periods=steps + 1, freq=f"{count}B")
    found = advanced(Frequency(count, "B"), begin, range(steps + 1))
    assert (found == expected).all()
    assert advanced(Frequency(count, "B"), found[-1], [-steps])[0] == begin


def test_a_business_grid_that_begins_on_a_weekend_begins_on_monday() -> None:
    expected = pd.date_range("2024-06-01 09:00", periods=6, freq="B")
    assert (advanced(Frequency(1, "B"), "2024-06-01T09:00", range(6)) == expected).all()


def test_steps_keep_their_shape() -> None:
    found = Frequency(1, "D").advance(np.datetime64("2024-01-01"), np.arange(6).reshape(2, 3))
    assert found.shape == (2, 3)
    assert found.dtype == np.dtype("datetime64[us]")
    assert found[1, 2] == np.datetime64("2024-01-06")


def test_rows_that_are_only_counted_advance_by_number() -> None:
    assert Frequency(1, "row").advance(10, np.array([-1, 0, 5])).tolist() == [9, 10, 15]
    assert Frequency(5, "row").advance(np.int64(10), np.array([2])).tolist() == [20]


def test_irregular_times_have_no_next_one() -> None:
    with pytest.raises(TimeError, match="give the future rows' times"):
        Frequency(1, "row").advance(np.datetime64("2024-01-01"), np.array([1]))


def test_a_frequency_counts_something() -> None:
    with pytest.raises(TimeError, match="at least one unit, got 0"):
        Frequency(0, "h")


@pytest.mark.parametrize(
    ("frequency", "seasons"),
    [
        (Frequency(1, "h"), (24, 168, 8766)),
        (Frequency(15, "min"), (96, 672, 35064)),
        (Frequency(30, "min"), (48, 336, 17532)),
        (Frequency(1, "D"), (7, 365)),
        (Frequency(7, "D"), (52,)),
        (Frequency(1, "M"), (12,)),
        (Frequency(3, "M"), (4,)),
        (Frequency(12, "M"), ()),
        (Frequency(5, "M"), ()),
        (Frequency(1, "B"), (5, 261)),
        (Frequency(1, "row"), ()),
    ],
)
def test_seasons_are_days_weeks_and_years_in_steps(frequency: Frequency, seasons: tuple[int, ...]) -> None:
    assert frequency.seasons() == seasons


@given(
    count=st.integers(1, 1000),
    unit=st.sampled_from(["us", "s", "min", "h", "D", "B", "M", "row"]),
    month_end=st.booleans(),
)
def test_a_frequency_survives_json(count: int, unit: Unit, month_end: bool) -> None:
    frequency = Frequency(count, unit, month_end)
    assert Frequency.from_json(frequency.to_json()) == frequency


def test_a_frequency_is_written_as_people_write_it() -> None:
    assert [str(Frequency(1, "h")), str(Frequency(15, "min"))] == ["h", "15min"]
