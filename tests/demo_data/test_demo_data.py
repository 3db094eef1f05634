"""The packaged data are what SOURCE.md says of them, dirt included."""

import holidays
import numpy as np
import pandas as pd
import pytest

from tidegate import demo_data

SOURCE = demo_data.path().with_name("SOURCE.md").read_text("utf-8")


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return pd.read_csv(demo_data.path(), parse_dates=["date_time"], keep_default_na=False)


def test_the_file_is_small_and_its_columns_are_described() -> None:
    assert demo_data.path().stat().st_size < 500_000
    columns = pd.read_csv(demo_data.path(), nrows=0).columns
    assert [line.split("`")[1] for line in SOURCE.splitlines() if line.startswith("| `")] == columns.tolist()


def test_the_hours_and_the_dirt_are_as_counted(table: pd.DataFrame) -> None:
    hours = table["date_time"]
    grid = pd.date_range("2015-07-01 00:00", "2018-09-30 23:00", freq="h")
    assert (hours.iloc[0], hours.iloc[-1]) == (grid[0], grid[-1])
    assert hours.is_monotonic_increasing
    missing = grid.difference(pd.DatetimeIndex(hours))
    gaps = (
        pd.Series(missing)
        .groupby((missing.to_series().diff() != pd.Timedelta("1h")).cumsum().to_numpy())
        .agg(["min", "size"])
    )
    counts = {
        "rows": len(table),
        "hours": hours.nunique(),
        "repeated hours": int((hours.value_counts() > 1).sum()),
        "rows too many": int(hours.duplicated().sum()),
        "grid": len(grid),
        "missing": len(missing),
        "gaps": len(gaps),
        "longest gap": int(gaps["size"].max()),
    }
    assert counts == {
        "rows": 32_047,
        "hours": 26_528,
        "repeated hours": 3_985,
        "rows too many": 5_519,
        "grid": 28_512,
        "missing": 1_984,
        "gaps": 1_667,
        "longest gap": 92,
    }
    assert [name for name, count in counts.items() if f"{count:,}" not in SOURCE] == []
    assert gaps["min"].loc[gaps["size"].idxmax()] == pd.Timestamp("2015-10-23 12:00")


def test_repeated_hours_agree_about_the_traffic(table: pd.DataFrame) -> None:
    different = table.groupby("date_time")[["traffic_volume", "temp"]].nunique() > 1
    assert different.sum().tolist() == [0, 54]


def test_the_outliers_are_kept(table: pd.DataFrame) -> None:
    rain = table.set_index("date_time")["rain_1h"]
    assert rain.max() == 9831.3
    assert rain.idxmax() == pd.Timestamp("2016-07-11 17:00")
    assert int((table["traffic_volume"] == 0).sum()) == 2


def test_holidays_are_the_federal_ones_and_the_opening_of_the_state_fair(table: pd.DataFrame) -> None:
    """`is_holiday` marks whole days: those the calendar library knows as observed, and four days in late August."""
    day = table["date_time"].dt.normalize()
    assert (table.groupby(day)["is_holiday"].nunique() == 1).all()
    marked = set(day[table["is_holiday"] == 1].dt.date)
    fairs = set(day[table["holiday"] == "State Fair"].dt.date)
    calendar = holidays.country_holidays("US", years=range(2015, 2019))
    federal = {date for date in calendar if date.weekday() < 5 and date in set(day.dt.date)}
    assert len(fairs) == 4
    assert marked == federal | fairs
    labelled = table[table["holiday"] != "None"]
    assert (labelled["date_time"].dt.hour == 0).all()
    assert marked - set(labelled["date_time"].dt.date) == {np.datetime64("2016-01-18").item()}
