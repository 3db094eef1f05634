"""Calendar features against pandas and by hand; holidays against the library."""

from __future__ import annotations

from datetime import date
from typing import Any

import holidays
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.prepare.table.tables import make_table
from tidegate.core.errors import ConfigError, DataError
from tidegate.core.frequency import Frequency
from tidegate.prepare import CALENDAR_FEATURES, Preparation, PrepareOptions
from tidegate.prepare.table.calendar import choose_features, day_table, zone_changes


def _calendar_of(table: Any, options: PrepareOptions) -> tuple[tuple[str, ...], np.ndarray]:
    preparation = Preparation.fit(table, table.rows(), options)
    names = preparation.calendar_names
    future = preparation.apply(table).future(np.array([1]), len(table) - 1)[0]
    past = preparation.apply(table).past(np.array([len(table)]), len(table) - 1)[0]
    at = preparation.past_names.index(names[0])
    np.testing.assert_array_equal(future, past[:, at : at + len(names)])
    return names, future


@settings(max_examples=15)
@given(
    start=st.datetimes(min_value=pd.Timestamp(1971, 1, 1), max_value=pd.Timestamp(2036, 1, 1)),
    minutes=st.sampled_from([1, 7, 30, 60, 24 * 60]),
    zone=st.sampled_from(
        [None, "UTC", "Australia/Melbourne", "America/Chicago", "Asia/Kathmandu", "Africa/Casablanca"]
    ),
)
def test_features_equal_pandas_local_time(start: Any, minutes: int, zone: str | None) -> None:
    begin = str(np.datetime64(start, "s"))
    table = make_table({"y": np.arange(600.0)}, start=begin, frequency=Frequency(minutes, "min"), timezone=zone)
    names, got = _calendar_of(table, PrepareOptions(calendar=CALENDAR_FEATURES))
    local = pd.DatetimeIndex(table.time[1:])
    if zone:
        local = local.tz_localize("UTC").tz_convert(zone)
    phase = {
        "minute": local.minute / 60,
        "hour": local.hour / 24,
        "day_of_week": local.day_of_week / 7,
        "day_of_month": (local.day - 1) / local.days_in_month,
        "day_of_year": (local.day_of_year - 1) / np.where(local.is_leap_year, 366, 365),
        "month": (local.month - 1) / 12,
        "season": (local.month % 12 // 3) / 4,
    }
    assert names == tuple(f"{name}:{part}" for name in CALENDAR_FEATURES for part in ("sin", "cos"))
    for c, name in enumerate(CALENDAR_FEATURES):
        np.testing.assert_allclose(got[:, 2 * c], np.sin(2 * np.pi * np.asarray(phase[name])), atol=1e-6)
        np.testing.assert_allclose(got[:, 2 * c + 1], np.cos(2 * np.pi * np.asarray(phase[name])), atol=1e-6)


def test_leap_day_and_the_ends_of_cycles_by_hand() -> None:
    days = np.array(["2024-01-01", "2024-02-29", "2023-07-02", "2024-12-31"], dtype="datetime64[D]")
    year, month = day_table(days, ["day_of_year"], None), day_table(days, ["day_of_month"], None)
    np.testing.assert_allclose(year[:, 0], np.sin(2 * np.pi * np.array([0, 59 / 366, 182 / 365, 365 / 366])), atol=1e-6)
    np.testing.assert_allclose(month[1], [np.sin(2 * np.pi * 28 / 29), np.cos(2 * np.pi * 28 / 29)], atol=1e-6)


def test_daylight_saving_hours_of_melbourne() -> None:
    # On 2024-10-06 clocks went from 02:00 (16:00 UTC the day before) to 03:00: the hours run 0, 1, 3, 4.
    table = make_table({"y": np.arange(6.0)}, start="2024-10-05T13:00", timezone="Australia/Melbourne")
    _, got = _calendar_of(table, PrepareOptions(calendar=("hour",)))
    hours = np.round(np.arctan2(got[:, 0], got[:, 1]) / (2 * np.pi) * 24) % 24
    assert hours.tolist() == [0, 1, 3, 4, 5]


def test_zone_changes_are_found_to_the_second() -> None:
    first = np.datetime64("2024-01-01", "D").astype(int)
    moments, shifts = zone_changes("America/Chicago", int(first), int(first) + 366)
    found = np.array(moments).astype("datetime64[us]")
    assert found.tolist() == np.array(["2024-03-10T08:00", "2024-11-03T07:00"], dtype="datetime64[us]").tolist()
    assert [shift / 3.6e9 for shift in shifts] == [-6, -5, -6]


def test_unknown_zone_is_refused() -> None:
    table = make_table({"y": np.arange(30.0)}, timezone="Mars/Olympus")
    preparation = Preparation.fit(table, table.rows(), PrepareOptions(calendar=("hour",)))
    with pytest.raises(DataError, match="Mars/Olympus"):
        preparation.apply(table)


@pytest.mark.parametrize("code", ["TW", "AU-VIC", "US"])
def test_holidays_equal_the_library(code: str) -> None:
    days = 800
    table = make_table({"y": np.arange(float(days))}, start="2019-06-01", frequency=Frequency(1, "D"))
    names, got = _calendar_of(table, PrepareOptions(calendar=(), holidays=code))
    country, _, part = code.partition("-")
    known = holidays.country_holidays(country, subdiv=part or None, years=range(2018, 2023))
    dates = [date.fromisoformat(str(day)) for day in table.time.astype("datetime64[D]")]
    marked = np.array([day in known for day in dates], dtype=float)
    assert names == ("holiday", "day_before_holiday", "day_after_holiday")
    assert marked.sum() > 15
    np.testing.assert_array_equal(got[:, 0], marked[1:])
    np.testing.assert_array_equal(got[:-1, 1], marked[2:])
    np.testing.assert_array_equal(got[:, 2], marked[:-1])


def test_stored_holidays_need_no_library_and_years_beyond_them_do(monkeypatch: pytest.MonkeyPatch) -> None:
    table = make_table({"y": np.arange(40.0)}, start="2019-12-10", frequency=Frequency(1, "D"))
    options = PrepareOptions(calendar=(), holidays="TW")
    preparation = Preparation.fit(table, table.rows(), options)
    later = make_table({"y": np.arange(40.0)}, start="2045-12-10", frequency=Frequency(1, "D"))
    future = preparation.apply(later).future(np.array([1]), 39)[0, :, 0]
    assert np.flatnonzero(future).tolist() == [14, 21]
    monkeypatch.setattr("tidegate.prepare.table.calendar.holidays_of", None)
    assert preparation.apply(table).future(np.array([1]), 39)[0, :, 0].sum() == 1


def test_years_without_known_holidays_are_said_and_nothing_of_the_library_reaches_the_reader(
    recwarn: pytest.WarningsRecorder,
) -> None:
    assert holidays.TW.start_year == 1998
    for start, said in (("1990-06-01", ["TW", 1998]), ("2003-06-01", [])):
        table = make_table({"y": np.arange(40.0)}, start=start, frequency=Frequency(1, "D"))
        fitted = Preparation.fit(table, table.rows(), PrepareOptions(holidays="TW"))
        own = [note.values for note in fitted.notes if note.kind == "holidays"]
        assert [value for values in own for value in (values["code"], values["first"])] == said
    assert not recwarn.list


def test_unknown_country_is_refused() -> None:
    table = make_table({"y": np.arange(40.0)})
    for code in ("XX", "AU-NOWHERE"):
        with pytest.raises(ConfigError, match=code):
            Preparation.fit(table, table.rows(), PrepareOptions(holidays=code))


@pytest.mark.parametrize(
    ("frequency", "step", "length", "expected"),
    [
        (Frequency(1, "h"), 1 / 24, 20_000, ("hour", "day_of_week", "day_of_year")),
        (Frequency(1, "h"), 1 / 24, 8_640, ("hour", "day_of_week")),
        (Frequency(5, "min"), 5 / 1440, 5_000, ("minute", "hour", "day_of_week")),
        (Frequency(1, "D"), 1.0, 1_000, ("day_of_week", "day_of_year")),
        (Frequency(1, "B"), 1.4, 1_000, ("day_of_week", "day_of_year")),
        (Frequency(1, "M"), 30.4, 36, ("month",)),
        (Frequency(12, "M"), 365.2, 36, ()),
        (Frequency(1, "row"), None, 1_000, ()),
    ],
)
def test_automatic_choice(frequency: Frequency, step: float | None, length: int, expected: tuple[str, ...]) -> None:
    assert choose_features(frequency, step, length) == expected


def test_counted_rows_have_no_calendar() -> None:
    table = make_table({"y": np.arange(100.0)}, start=None)
    assert Preparation.fit(table, table.rows()).past_names == ("y",)
    for options in (PrepareOptions(calendar=("hour",)), PrepareOptions(holidays="TW")):
        with pytest.raises(ConfigError, match="only counted"):
            Preparation.fit(table, table.rows(), options)


def test_another_time_zone_or_step_is_refused() -> None:
    table = make_table({"y": np.arange(100.0)}, timezone="Asia/Taipei")
    preparation = Preparation.fit(table, table.rows(), PrepareOptions(calendar=("hour",)))
    with pytest.raises(DataError, match="timezone='Asia/Taipei'"):
        preparation.apply(make_table({"y": np.arange(100.0)}))
    with pytest.raises(DataError, match="fitted on rows h apart"):
        preparation.apply(make_table({"y": np.arange(100.0)}, frequency=Frequency(1, "D")))
