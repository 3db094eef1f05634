"""Calendars that rows keep are kept in the forecast's times; where none is known, no time is made up."""

import holidays
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tidegate as tg
from tidegate.core.errors import ConfigError, TimeError
from tidegate.core.frequency import Frequency
from tidegate.data import describe, read


def of(index, **options):
    return read(pd.DataFrame({"ds": index, "y": np.arange(len(index)) % 7 + 0.5}), **options)


def month_days(*days, start="2019-01-01", periods=60):
    months = pd.date_range(start, periods=periods, freq="MS")
    found = {month + pd.Timedelta(days=min(day, month.days_in_month) - 1) for month in months for day in days}
    return pd.DatetimeIndex(sorted(found))


def rolled(index, how):
    return pd.DatetimeIndex(np.busday_offset(index.to_numpy().astype("datetime64[D]"), 0, roll=how))


CALENDARS = {
    "last working day": pd.date_range("2019-01-01", periods=60, freq="BME"),
    "first working day": pd.date_range("2019-01-01", periods=60, freq="BMS"),
    "the 30th": month_days(30),
    "the 29th": month_days(29),
    "1st and 15th": pd.date_range("2019-01-01", periods=60, freq="SMS"),
    "15th and last": pd.date_range("2019-01-01", periods=60, freq="SME"),
    "dekads": month_days(1, 11, 21),
    "ends of dekads": month_days(10, 20, 31),
    "the 15th or the weekday before": rolled(month_days(15), "backward"),
    "15th and last or the weekday before": rolled(month_days(15, 31), "backward"),
    "last working day of the quarter": pd.date_range("2010-01-01", periods=40, freq="BQE"),
    "the 30th of every second month": month_days(30)[::2],
}


@pytest.mark.parametrize("name", CALENDARS)
def test_calendars_of_months_are_found_and_continued(name):
    index = CALENDARS[name]
    table = of(index[:-8])
    assert len(table) == len(index) - 8
    assert not {note.kind for note in table.notes} & {"gaps", "irregular", "holidays"}
    np.testing.assert_array_equal(table.extend(8).time[-8:], index[-8:].to_numpy().astype("datetime64[us]"))
    again = Frequency.from_json(table.frequency.to_json())
    assert again == table.frequency
    gappy = of(index[:-8].delete([3, 7]), frequency=again)
    np.testing.assert_array_equal(gappy.time, table.time)
    assert describe(table)


@pytest.mark.parametrize(
    ("code", "freq"),
    [("BME", "BME"), ("BM", "BME"), ("BMS", "BMS"), ("SMS", "SMS"), ("SM", "SME"), ("BQE", "BQE"), ("B", "B")],
)
def test_names_of_calendars_are_taken(code, freq):
    index = pd.date_range("2015-01-01", periods=50, freq=freq)
    table = of(index[:40], frequency=code)
    np.testing.assert_array_equal(table.extend(10).time[-10:], index[40:].to_numpy().astype("datetime64[us]"))
    assert of(month_days(30), frequency="M").frequency == Frequency(1, "M", days=(30,))


def business(code, start, end):
    make = holidays.financial_holidays if len(code) == 4 else holidays.country_holidays
    library, days = make(code, years=range(2022, 2025)), pd.date_range(start, end, freq="D")
    worked = set(getattr(library, "weekend_workdays", ()))
    return pd.DatetimeIndex([d for d in days if (d.weekday() < 5 and d.date() not in library) or d.date() in worked])


@pytest.mark.parametrize("code", ["XNYS", "TW", "CN", "DE"])
def test_business_days_of_a_market_or_country_are_kept(code):
    index = business(code, "2022-01-03", "2024-02-28")
    for options in ({}, {"frequency": f"B@{code}"}):
        table = of(index[:-40], **options)
        assert len(table) == len(index) - 40
        np.testing.assert_array_equal(table.extend(40).time[-40:], index[-40:].to_numpy().astype("datetime64[us]"))
    assert np.isnan(of(index.delete([5, 6]), frequency=f"B@{code}").columns["y"]).sum() == 2
    with pytest.raises(ConfigError, match="no market or country"):
        of(index, frequency="B@Atlantis")


@pytest.mark.parametrize("worked", [False, True])
def test_holidays_that_no_calendar_names_give_forecasts_without_dates(worked):
    index = pd.bdate_range("2022-01-03", "2023-12-29")
    index = index.delete([20, 21, 55, 200, 201, 202, 333])
    if worked:
        index = index.union(pd.DatetimeIndex(["2022-02-05", "2022-06-11", "2023-01-07"]))
    table = of(index)
    assert len(table) == len(index)
    assert "holidays" in {note.kind for note in table.notes}
    assert not table.continues
    model = tg.Forecaster(horizon=4, window=10, hidden_size=4, num_layers=1, max_epochs=1)
    found = model.fit(table, progress=False).predict()
    assert "ds" not in found
    assert list(found["step"]) == [1, 2, 3, 4]


def log(count=300, seed=0):
    rng = np.random.default_rng(seed)
    times = np.datetime64("2024-01-01T00:00", "s") + np.cumsum(rng.integers(60, 3000, count))
    return pd.DataFrame({"ds": times, "y": rng.normal(size=count), "who": rng.choice(["a", "b"], count)})


@pytest.mark.parametrize("how", ["mean", "sum", "last"])
@pytest.mark.parametrize("step", ["1h", "D"])
def test_irregular_logs_are_resampled_as_pandas_does(how, step):
    data = log()
    table = read(data, frequency=step, resample=how, target="y", observed=["who"])
    groups = data.set_index("ds")["y"].resample(step.lower().replace("d", "D"))
    expected = groups.sum(min_count=1) if how == "sum" else groups.agg(how)
    np.testing.assert_allclose(table.columns["y"], expected.to_numpy(), rtol=1e-12)
    np.testing.assert_array_equal(table.time, expected.index.to_numpy().astype("datetime64[us]"))
    assert "resampled" in {note.kind for note in table.notes}
    both = pd.concat([data.assign(shop="a"), log(seed=1).assign(shop="b")]).sample(frac=1, random_state=0)
    pair = read(both, frequency=step, resample=how, target="y", series="shop")
    np.testing.assert_allclose(
        pair.columns["y"][: pair.starts[1]] if pair.ids[0] == "a" else pair.columns["y"][pair.starts[1] :], expected
    )


def test_months_print_as_months():
    from tidegate.data.time.frequency import spoken

    text = describe(of(pd.date_range("2019-03-01", periods=30, freq="MS")))
    assert "2019-03 to 2021-08" in text
    assert "monthly" in text
    assert [spoken(days * 86_400_000_000) for days in (31, 28, 91, 365, 30 * 7)] == ["M", "M", "3M", "12M", "210D"]


def test_resampling_says_what_it_needs():
    with pytest.raises(ConfigError, match="needs the step"):
        read(log(), target="y", resample="mean")
    with pytest.raises(ConfigError, match="mean, sum, last"):
        read(log(), target="y", resample="median", frequency="1h")
    with pytest.raises(TimeError, match="longer frequency="):
        read(log(), target="y", resample="mean", frequency="s")
    note = next(note for note in read(log(), target="y").notes if note.kind == "irregular")
    assert "resample=" in note.message


@pytest.mark.parametrize("step", ["15min", "30min", "5min"])
def test_quarters_of_an_hour_across_autumn_are_daylight_saving(step):
    wall = pd.date_range("2023-10-27", "2023-10-31", freq=step, tz="Europe/Berlin").tz_localize(None)
    with pytest.raises(TimeError, match=r"clocks go back in autumn \(daylight saving.*timezone="):
        of(wall)
    table = of(wall, timezone="Europe/Berlin")
    assert len(table) == len(wall)
    assert len(np.unique(np.diff(table.time))) == 1
    assert "daylight_repeat" in {note.kind for note in of(wall, repair="mean").notes}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(1, 31), min_size=1, max_size=4, unique=True), st.sampled_from(["", "backward", "forward"]),
    st.integers(0, 400), st.integers(1, 3), st.lists(st.integers(-30, 30), min_size=1, max_size=9),
)  # fmt: skip
def test_positions_and_dates_of_a_calendar_are_each_others_inverse(days, roll, start, count, steps):
    from tidegate.core.business import places, slots

    days = tuple(sorted(days))
    dates = slots(days, roll, np.arange(start, start + 60))
    found, missing = places(days, roll, dates)
    assert not missing.any()
    np.testing.assert_array_equal(slots(days, roll, found), dates)
    if len(set(dates.tolist())) == len(dates):
        np.testing.assert_array_equal(found, np.arange(start, start + 60))
        frequency = Frequency(count, "M", days=days, roll=roll)
        ahead = frequency.advance(dates[30].astype("datetime64[us]"), np.array(steps))
        np.testing.assert_array_equal(
            ahead.astype("datetime64[D]"), slots(days, roll, start + 30 + np.array(steps) * count)
        )
