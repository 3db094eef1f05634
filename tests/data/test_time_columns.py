"""Times whose parts stand in columns of their own: a date and a clock, a year and a week, years, months and days."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from tests.data.times import kinds, of, same
from tidegate.core.errors import TimeError
from tidegate.data import read

CLOCKS = ["%H.%M.%S", "%H:%M", "%H.%M", "%I:%M %p", "%Hh%M", "%H時%M分"]


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("date", ["%Y-%m-%d", "%d/%m/%Y", "%Y/%m/%d", "%d.%m.%Y"])
def test_a_date_and_a_time_of_day_in_one_column_or_two(clock, date, tmp_path):
    index = pd.date_range("2004-03-10 18:00", periods=400, freq="h")
    same(of(index.strftime(f"{date} {clock}")), index)
    for names in (("Date", "Time"), ("date", "time"), ("日期", "時間"), ("Datum", "Uhrzeit")):
        path = tmp_path / "two.csv"
        rows = [
            f"{day};{hour};{i % 9}"
            for i, (day, hour) in enumerate(zip(index.strftime(date), index.strftime(clock), strict=True))
        ]
        path.write_text("\n".join([";".join([*names, "y"]), *rows]), encoding="utf-8")
        table = read(path, target="y")
        same(table, index)
        assert "time_parts" in kinds(table)
        same(read(path, target="y", time=list(names)), index)
        same(read(path, target="y", time="time"), index)


@pytest.mark.parametrize("start", [0, 1])
@pytest.mark.parametrize("names", [("date", "hour"), ("Date", "Hr"), ("日期", "小時"), ("dteday", "hr")])
def test_a_date_and_the_number_of_the_hour(start, names):
    index = pd.date_range("2011-01-01 00:00", periods=24 * 30, freq="h") + pd.Timedelta(hours=start)
    days = index if start == 0 else index - pd.Timedelta(seconds=1)
    hours = index.hour if start == 0 else np.where(index.hour == 0, 24, index.hour)
    frame = pd.DataFrame({names[0]: days.strftime("%Y-%m-%d"), names[1]: hours, "y": np.arange(len(index)) % 17})
    table = read(frame, target="y")
    same(table, index)
    assert ("hour_24" in kinds(table)) == (start == 1)
    same(read(pl.from_pandas(frame), target="y"), index)
    frame[names[1]] = frame[names[1]] * 100
    same(read(frame, target="y", time=list(names)), index)
    with pytest.raises(TimeError, match="no time of day"):
        read(frame.assign(**{names[1]: frame[names[1]] / 100 + 30}), target="y", time=list(names))


def test_an_hour_is_left_alone_where_the_date_needs_none():
    index = pd.date_range("2011-01-01", periods=60, freq="h")
    frame = pd.DataFrame({"timestamp": index, "hour": index.hour, "y": np.arange(60) % 7})
    assert read(frame, target="y").schema.time == "timestamp"
    days = pd.DataFrame({"date": index[::24].append(index[::24] + pd.Timedelta(days=3)), "hour": 12, "y": range(6)})
    assert read(days, target="y").schema.time == "date"
    two = pd.concat([days.assign(store="a"), days.assign(store="b")])
    assert read(two, target="y", series="store").schema.time == "date"
    both = pd.concat([frame.assign(store=name) for name in "ab"])
    both["timestamp"] = both["timestamp"].dt.date
    assert len(read(both, target="y", series="store")) == 120


def test_years_months_days_and_hours_in_columns_of_their_own():
    index = pd.date_range("2010-01-01", periods=200, freq="h")
    frame = pd.DataFrame({"No": range(200), "year": index.year, "month": index.month, "day": index.day})
    frame = frame.assign(hour=index.hour, y=np.arange(200) % 13)
    same(read(frame, target="y"), index)
    same(read(frame.rename(columns={"year": "年", "month": "月", "day": "日", "hour": "時"}), target="y"), index)
    same(read(frame.rename(columns={"year": "YYYY", "month": "MM", "day": "DD", "hour": "hh"}), target="y"), index)
    months = pd.date_range("2010-01-01", periods=50, freq="MS")
    named = pd.DataFrame({"Year": months.year, "Month": months.strftime("%B"), "y": np.arange(50) % 13})
    same(read(named, target="y"), months)
    same(read(named.assign(Month=months.strftime("%b")), target="y"), months)
    old = pd.DataFrame({"年": months.year - 1911, "月": months.month, "y": np.arange(50) % 13})
    with pytest.raises(TimeError, match="roc"):
        read(old[:10], target="y")
    later = pd.date_range("2012-01-01", periods=50, freq="MS")
    table = read(pd.DataFrame({"年": later.year - 1911, "月": later.month, "y": np.arange(50) % 13}), target="y")
    same(table, later)
    assert "roc" in kinds(table)
    quarters = pd.date_range("2010-01-01", periods=30, freq="QS")
    frame = pd.DataFrame(
        {"year": quarters.year, "quarter": [f"Q{q}" for q in quarters.quarter], "y": np.arange(30) % 7}
    )
    same(read(frame, target="y"), quarters)


@pytest.mark.parametrize("names", [("year", "week"), ("Year", "Week"), ("年", "週"), ("Jahr", "KW")])
def test_a_year_and_a_week(names):
    index = pd.date_range("2015-01-05", periods=200, freq="W-MON")
    calendar = index.isocalendar()
    frame = {
        names[0]: calendar["year"].to_numpy(int),
        names[1]: calendar["week"].to_numpy(int),
        "y": np.arange(200) % 7,
    }
    table = read(frame, target="y")
    same(table, index)
    assert "weeks" in kinds(table)
    frame[names[1]][3] = 54
    with pytest.raises(TimeError, match="there is no such time"):
        read(frame, target="y")


def test_a_format_of_several_columns_joined():
    index = pd.date_range("2010-01-01", periods=90, freq="h")
    frame = pd.DataFrame({"a": index.strftime("%y|%m|%d"), "b": index.strftime("%H"), "y": np.arange(90) % 7})
    same(read(frame, time=["a", "b"], target="y", date_format="%y|%m|%d %H"), index)
    with pytest.raises(TimeError, match=r"row 0: '10\|01\|01 0.*joined from 'a', 'b'"):
        read(frame, time=["a", "b"], target="y", date_format="%Y|%m|%d %H")
