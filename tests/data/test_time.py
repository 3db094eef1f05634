import numpy as np
import pandas as pd
import pytest

from tidegate.core.errors import TimeError
from tidegate.core.frequency import Frequency
from tidegate.data import read
from tidegate.data.time.zones import to_local, to_utc


def kinds(table):
    return {note.kind for note in table.notes}


def of(times, **options):
    return read({"time": np.array(times, dtype=object), "y": np.arange(len(times)) ** 2.0}, **options)


FORMS = [
    ("%Y-%m-%d %H:%M:%S", {}),
    ("%Y-%m-%dT%H:%M:%S.%f", {}),
    ("%Y/%m/%d %H:%M", {}),
    ("%d.%m.%Y %H:%M", {}),
    ("%m/%d/%Y %I:%M %p", {}),
    ("%d/%m/%y %H:%M", {}),
    ("%b %d, %Y %H:%M", {}),
    ("%d-%b-%Y %H:%M", {}),
    ("%Y年%m月%d日 %H:%M", {}),
    ("%Y%m%d%H%M", {}),
    ("%Y%m%d %H:%M", {}),
    ("%H.%M on %d %m %Y", {"date_format": "%H.%M on %d %m %Y"}),
]


@pytest.mark.parametrize(("form", "options"), FORMS)
def test_date_forms_equal_pandas(form, options):
    expected = pd.date_range("2023-11-28", periods=500, freq="h")
    table = of(expected.strftime(form), **options)
    np.testing.assert_array_equal(table.time, expected.to_numpy().astype("datetime64[us]"))
    assert table.frequency == Frequency(1, "h")


@pytest.mark.parametrize(("unit", "factor"), [("s", 1), ("ms", 10**3), ("us", 10**6), ("ns", 10**9)])
def test_epochs(unit, factor):
    expected = pd.date_range("2023-11-28", periods=50, freq="15min")
    table = read({"timestamp": (expected.as_unit("s").asi8 * factor), "y": np.arange(50.0)})
    np.testing.assert_array_equal(table.time, expected.to_numpy().astype("datetime64[us]"))
    assert table.timezone == "UTC"


def test_order_of_day_and_month_is_judged_by_the_whole_column():
    days = pd.date_range("2024-01-01", periods=40, freq="D")
    for form in ("%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y"):
        np.testing.assert_array_equal(of(days.strftime(form)).time, days.to_numpy().astype("datetime64[us]"))
    with pytest.raises(TimeError, match=r"day or the month first.*dayfirst"):
        of(["01/02/2024", "02/03/2024"])
    table = of(["01/02/2024", "02/02/2024", "03/02/2024"], date_format="dayfirst")
    assert table.frequency == Frequency(1, "D")
    assert of(["01/02/2024", "02/02/2024", "03/02/2024"], date_format="monthfirst").frequency == Frequency(1, "M")
    with pytest.raises(TimeError, match="mixes dates with the day first"):
        of(["13/01/2024", "01/14/2024"])
    table = of([f"{d:02d}/{m:02d}/2024" for m in (1, 2) for d in range(1, 13)])
    assert "date_order" in kinds(table)
    assert table.time[-1] == np.datetime64("2024-02-12")


FREQUENCIES = [
    ("15min", Frequency(15, "min")),
    ("h", Frequency(1, "h")),
    ("D", Frequency(1, "D")),
    ("2D", Frequency(2, "D")),
    ("W", Frequency(7, "D")),
    ("30s", Frequency(30, "s")),
    ("B", Frequency(1, "B")),
    ("MS", Frequency(1, "M")),
    ("ME", Frequency(1, "M", True)),
    ("QS", Frequency(3, "M")),
    ("QE", Frequency(3, "M", True)),
    ("YS", Frequency(12, "M")),
    ("YE", Frequency(12, "M", True)),
]


@pytest.mark.parametrize(("code", "expected"), FREQUENCIES)
def test_frequency_is_found_and_the_grid_continues_as_pandas_says(code, expected):
    index = pd.date_range("2001-03-01 06:00" if code != "B" else "2001-03-01", periods=44, freq=code)
    frame = pd.DataFrame({"y": np.arange(40.0)}, index=index[:40])
    table = read(frame)
    assert table.frequency == expected
    assert read(frame, frequency=code).frequency == expected
    np.testing.assert_array_equal(table.extend(4).time[-4:], index[40:].to_numpy().astype("datetime64[us]"))
    gappy = read(frame.drop(index[[7, 8, 20]]), frequency=code)
    np.testing.assert_array_equal(gappy.time, index[:40].to_numpy().astype("datetime64[us]"))
    assert list(np.flatnonzero(np.isnan(gappy.columns["y"]))) == [7, 8, 20]


def test_exchange_days_keep_holidays_out_and_no_future_date_is_made_up():
    days = pd.bdate_range("2020-01-01", "2021-12-31")
    held = days.drop(["2020-01-01", "2020-04-10", "2020-12-25", "2021-04-02"])
    table = read(pd.DataFrame({"close": np.arange(len(held)) + 1.0}, index=held))
    assert table.frequency == Frequency(1, "B", holidays="?")
    assert not table.continues
    assert len(table) == len(held)
    note = next(note for note in table.notes if note.kind == "holidays")
    assert note.values["count"] == 3  # 2020-01-01 is before the first row
    assert len(read(pd.DataFrame({"close": np.arange(len(held)) + 1.0}, index=held), frequency="B")) == len(days) - 1


def test_irregular_times_are_counted_and_an_explicit_grid_is_checked():
    times = np.datetime64("2024-01-01T00:00", "s") + np.cumsum(np.random.default_rng(0).integers(1, 9999, 200))
    table = read({"time": times, "y": np.arange(200.0)})
    assert table.frequency == Frequency(1, "row")
    assert "irregular" in kinds(table)
    with pytest.raises(TimeError, match=r"row 1: time .* is not on the grid of step h"):
        read({"time": times, "y": np.arange(200.0)}, frequency="h")
    with pytest.raises(TimeError, match=r"would have .* rows for the 200"):
        read({"time": times, "y": np.arange(200.0)}, frequency="s")


def test_autumn_hour_is_named_and_repaired():
    wall = pd.date_range("2023-10-27", "2023-10-31", freq="h", tz="Europe/Berlin").tz_localize(None)
    values = np.arange(float(len(wall)))
    source = {"time": wall.to_numpy(), "y": values}
    with pytest.raises(TimeError, match=r"2023-10-29 02:00 occurs again.*row 50.*clocks go back in autumn.*timezone="):
        read(source)
    mean = read(source, repair="mean")
    assert {"duplicates", "daylight_repeat"} <= kinds(mean)
    assert mean.columns["y"][50] == 50.5
    assert read(source, repair="drop").columns["y"][50] == 50
    exact = read(source, timezone="Europe/Berlin")
    assert exact.timezone == "Europe/Berlin"
    np.testing.assert_array_equal(exact.columns["y"], values)
    assert len(np.unique(np.diff(exact.time))) == 1


def test_spring_hour_is_named():
    wall = pd.date_range("2023-03-24", "2023-03-31", freq="h", tz="America/New_York")
    wall = pd.date_range("2023-03-10", "2023-03-15", freq="h", tz="America/New_York").tz_localize(None)
    table = read({"time": wall.to_numpy(), "y": np.arange(float(len(wall)))})
    assert {"gaps", "daylight_skip"} <= kinds(table)
    assert np.isnan(table.columns["y"][table.time == np.datetime64("2023-03-12T02:00")]).all()
    every = pd.date_range("2023-03-10", "2023-03-15", freq="h")
    with pytest.raises(TimeError, match="2023-03-12 02:00 does not exist on the clock of America/New_York"):
        read({"time": every.to_numpy(), "y": np.arange(float(len(every)))}, timezone="America/New_York")


@pytest.mark.parametrize("name", ["America/New_York", "Australia/Lord_Howe", "Asia/Taipei", "Europe/London", "UTC"])
def test_zones_equal_pandas(name):
    utc = pd.date_range("1975-01-01", "2030-01-01", freq="7h", tz="UTC")
    local = utc.tz_convert(name).tz_localize(None).to_numpy().astype("datetime64[us]")
    plain = utc.tz_localize(None).to_numpy().astype("datetime64[us]")
    np.testing.assert_array_equal(to_local(plain, name), local)
    utc = pd.date_range("2023-01-01", "2024-01-01", freq="30min", tz="UTC")
    local = utc.tz_convert(name).tz_localize(None).to_numpy().astype("datetime64[us]")
    found, skipped, _ = to_utc(local, name)
    np.testing.assert_array_equal(found, utc.tz_localize(None).to_numpy().astype("datetime64[us]"))
    assert not skipped.any()


def test_aware_stamps_become_utc():
    index = pd.date_range("2024-03-30", periods=48, freq="h", tz="Europe/Paris")
    for source in (
        pd.DataFrame({"y": np.arange(48.0)}, index=index),
        {"time": [t.isoformat() for t in index], "y": np.arange(48.0)},
    ):
        table = read(source, timezone="Europe/Paris")
        np.testing.assert_array_equal(
            table.time, index.tz_convert("UTC").tz_localize(None).to_numpy().astype("datetime64[us]")
        )
        assert table.timezone == "Europe/Paris"
    assert of([f"2024-01-01T{h:02d}:00+08:00" for h in range(5)]).timezone == "Etc/GMT-8"
    daily = pd.date_range("2024-03-01", periods=60, freq="D", tz="Europe/Paris")
    table = read(pd.DataFrame({"y": np.arange(60.0)}, index=daily))
    assert table.frequency == Frequency(1, "D")
    assert table.timezone is None


def test_disorder_doubles_and_repairs():
    times = ["2024-01-01", "2024-01-03", "2024-01-02", "2024-01-04", "2024-01-04"]
    with pytest.raises(TimeError, match=r"row 2: time 2024-01-02 comes after 2024-01-03; 1 place .*doubled"):
        of(times)
    with pytest.raises(TimeError, match=r'row 4: time 2024-01-04 occurs again \(before: row 3\).*repair="mean"'):
        of(times, repair="sort")
    np.testing.assert_array_equal(of(times[:4], repair="sort").columns["y"], [0, 4, 1, 9])
    np.testing.assert_array_equal(of(times, repair="drop").columns["y"], [0, 4, 1, 9])
    np.testing.assert_array_equal(of(times, repair="mean").columns["y"], [0, 4, 1, 12.5])
    assert kinds(of(times, repair="mean")) == {"sorted", "duplicates"}
    with pytest.raises(TimeError, match="row 1: the time is missing"):
        of(["2024-01-01", None, "2024-01-02", "2024-01-03"])
    assert len(of(["2024-01-01", None, "2024-01-02", "2024-01-03"], repair="drop")) == 3
    with pytest.raises(TimeError, match="pass frequency="):
        read({"time": ["2024-01-01"], "y": [1.0]}, check=False)
