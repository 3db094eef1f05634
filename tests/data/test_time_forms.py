"""Calendars written in the forms that files use read back to the same times, or are refused; never to others."""

import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.times import kinds, of, same
from tidegate.core.errors import ConfigError, DataError, TimeError
from tidegate.core.frequency import Frequency
from tidegate.data import read

GERMAN = "Januar Februar März April Mai Juni Juli August September Oktober November Dezember".split()  # noqa: SIM905
SPANISH = (
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre".split()  # noqa: SIM905
)
FRENCH = ["janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc."]


def roc(day, sign="/"):
    return f"{day.year - 1911}{sign}{day.month:02d}{sign}{day.day:02d}"


DAYS = {
    "roc": roc,
    "roc digits": lambda day: f"{day.year - 1911}{day.month:02d}{day.day:02d}",
    "roc words": lambda day: f"民國{day.year - 1911}年{day.month}月{day.day}日",
    "roc spaced": lambda day: f"中華民國 {day.year - 1911} 年 {day.month} 月 {day.day} 日",
    "roc dots": lambda day: roc(day, "."),
    "wide digits": lambda day: f"{day.year - 1911}年{day.month}月{day.day}日".translate(
        str.maketrans("0123456789", "０１２３４５６７８９")
    ),
    "german": lambda day: f"{day.day}. {GERMAN[day.month - 1]} {day.year}",
    "german with weekday": lambda day: f"Montag, {day.day}. {GERMAN[day.month - 1]} {day.year}",
    "spanish": lambda day: f"{day.day} de {SPANISH[day.month - 1]} de {day.year}",
    "french": lambda day: f"{day.day} {FRENCH[day.month - 1]} {day.year}",
    "stray blanks": lambda day: day.strftime("%Y- %m- %d"),
    "korean": lambda day: f"{day.year}. {day.month}. {day.day}.",
    "weekday in brackets": lambda day: f"{day.year}/{day.month}/{day.day}(水)",
    "reiwa": lambda day: f"令和{day.year - 2018}年{day.month}月{day.day}日",
    "day of the year": lambda day: day.strftime("%Y-%j"),
    "day of the year in digits": lambda day: day.strftime("%Y%j"),
    "iso week day": lambda day: "{}-W{:02d}-{}".format(*day.isocalendar()),
    "two digits, year first": lambda day: day.strftime("%y/%m/%d"),
    "two digits, day first": lambda day: day.strftime("%d/%m/%y"),
    "weekday, month, day": lambda day: day.strftime("%A, %B %d, %Y"),
    "ctime": lambda day: day.to_pydatetime().ctime(),
    "email": lambda day: day.strftime("%a, %d %b %Y %H:%M:%S GMT"),
    "go": lambda day: day.strftime("%Y-%m-%d %H:%M:%S +0000 UTC"),
    "java": lambda day: day.strftime("%Y-%m-%dT%H:%M:%SZ[Etc/UTC]"),
    "buddhist": lambda day: f"{day.day:02d}/{day.month:02d}/{day.year + 543}",
    "buddhist digits": lambda day: f"{day.year + 543}{day.month:02d}{day.day:02d}",
    "from and to": lambda day: f"{day:%d.%m.%Y %H:%M} - {day + pd.Timedelta(days=1):%d.%m.%Y %H:%M}",
    "iso interval": lambda day: f"{day:%Y-%m-%d}/{day + pd.Timedelta(days=1):%Y-%m-%d}",
}


@pytest.mark.parametrize("form", DAYS)
def test_days_are_read_in_every_form(form):
    index = pd.date_range("2019-12-20" if form != "reiwa" else "2020-01-05", periods=100, freq="D")
    table = of([DAYS[form](day) for day in index])
    same(table, index)
    assert table.frequency == Frequency(1, "D")


HOURS = {
    "spoken": lambda at: f"{at.year}年{at.month}月{at.day}日 {at.hour}時{at.minute}分",
    "file name": lambda at: at.strftime("%Y-%m-%d_%H-%M-%S"),
    "roc digits and hour": lambda at: f"{at.year - 1911}{at:%m%d%H}",
    "roc digits, hour, minute": lambda at: f"{at.year - 1911}{at:%m%d%H%M}",
    "month first, by even steps": lambda at: f"{at.month}/{at.day}/{at.year} {at.hour}:{at.minute:02d}",
}


@pytest.mark.parametrize("form", HOURS)
def test_hours_are_read_in_every_form(form):
    index = pd.date_range("2020-01-01", periods=200, freq="h")
    table = of([HOURS[form](at) for at in index])
    same(table, index)
    assert table.frequency == Frequency(1, "h")


@pytest.mark.parametrize(("name", "hours"), [("CET", -1), ("EST", 5), ("JST", -9), ("UTC", 0)])
def test_names_of_zones_that_mean_one_zone(name, hours):
    index = pd.date_range("2020-01-01", periods=60, freq="h")
    table = of([f"{at:%Y-%m-%d %H:%M} {name}" for at in index])
    assert table.timezone is not None
    same(table, index + pd.Timedelta(hours=hours))


def test_a_zone_whose_name_means_several_is_refused():
    with pytest.raises(TimeError, match="CST"):
        of([f"{at:%Y-%m-%d %H:%M} CST" for at in pd.date_range("2020-01-01", periods=9, freq="h")])


def test_what_was_made_of_intervals_years_and_eras_is_told():
    index = pd.date_range("2020-01-01", periods=40, freq="D")
    for form, kind in (("from and to", "spans"), ("buddhist", "buddhist"), ("buddhist digits", "buddhist")):
        assert kind in kinds(of([DAYS[form](day) for day in index]))
    years = of([f"{year}/{(year + 1) % 100:02d}" for year in range(1985, 2020)])
    assert "year_pairs" in kinds(years)
    same(years, pd.date_range("1985-01-01", periods=35, freq="YS"))
    assert "old_years" in kinds(of([f"1441-{1 + i // 28:02d}-{1 + i % 28:02d}" for i in range(28)]))


def test_months_of_two_digits_are_no_pairs_of_years():
    same(
        of([f"{2010 + i // 12}/{1 + i % 12:02d}" for i in range(30)]),
        pd.date_range("2010-01-01", periods=30, freq="MS"),
    )


@pytest.mark.parametrize(
    "write",
    [
        lambda i: f"{1990 + i // 2}H{1 + i % 2}",
        lambda i: f"H{1 + i % 2} {1990 + i // 2}",
        lambda i: f"{1990 + i // 2}年{'上下'[i % 2]}半年",
    ],
)
def test_half_years(write):
    table = of([write(i) for i in range(30)])
    same(table, pd.date_range("1990-01-01", periods=30, freq="6MS"))


@pytest.mark.parametrize("write", [lambda y, q: f"{y}年第{q}季", lambda y, q: f"{y}Q{q}"])
def test_quarters_of_the_republic_go_by_the_years_above_100(write):
    same(of([write(95 + i // 4, 1 + i % 4) for i in range(40)]), pd.date_range("2006-01-01", periods=40, freq="QS"))
    with pytest.raises(TimeError, match="roc"):
        of([write(80 + i // 4, 1 + i % 4) for i in range(20)])


@pytest.mark.parametrize("form", ["%Y%m%d", "%Y%m", "%Y%m%d%H", "%Y%j"])
def test_digits_that_can_only_be_dates_need_no_name(form):
    step = {"%Y%m": "MS", "%Y%m%d%H": "h"}.get(form, "D")
    index = pd.date_range("2019-12-01", periods=60, freq=step)
    table = of([at.strftime(form) for at in index], name="k")
    same(table, index)
    assert "time_guess" in kinds(table)


@pytest.mark.parametrize("start", [100_000, 20_200_101, 1_600_000_000])
def test_counts_are_no_dates(start):
    numbers = [str(start + 977 * i) for i in range(60)]
    assert of(numbers, name="k", target="y").schema.time is None


@pytest.mark.parametrize("form", ["roc", "roc digits", "roc words"])
def test_years_of_the_republic_are_told(form):
    index = pd.date_range("2020-01-01", periods=40, freq="D")
    table = of([DAYS[form](day) for day in index])
    note = next(note for note in table.notes if note.kind == "roc")
    assert note.values["first"] == "2020-01-01"


def test_years_of_the_republic_below_100_go_with_those_above():
    index = pd.date_range("2010-11-01", periods=90, freq="D")
    same(of([roc(day) for day in index]), index)
    same(of([DAYS["roc digits"](day) for day in index]), index)
    months = pd.date_range("2009-06-01", periods=40, freq="MS")
    same(of([f"{day.year - 1911}/{day.month:02d}" for day in months]), months)
    early = pd.date_range("2005-11-01", periods=90, freq="D")
    with pytest.raises(TimeError, match=r'date_format="roc"'):
        of([roc(day) for day in early])
    same(of([roc(day) for day in early], date_format="roc"), early)
    with pytest.raises(TimeError, match=r'date_format="roc"'):
        of([DAYS["roc digits"](day) for day in early])
    same(of([DAYS["roc digits"](day) for day in early], date_format="roc"), early)
    same(of([f"{day.year - 1911:03d}{day.month:02d}{day.day:02d}" for day in early]), early)


MONTHS = {
    "Jan-10": lambda day: day.strftime("%b-%y"),
    "10-Jan": lambda day: day.strftime("%y-%b"),
    "Jan 2010": lambda day: day.strftime("%b %Y"),
    "01/2010": lambda day: day.strftime("%m/%Y"),
    "1.2010": lambda day: day.strftime("%m.%Y"),
    "2010M01": lambda day: day.strftime("%YM%m"),
    "2010m1": lambda day: f"{day.year}m{day.month}",
    "201001": lambda day: day.strftime("%Y%m"),
    "2010/1": lambda day: f"{day.year}/{day.month}",
    "2010年1月": lambda day: f"{day.year}年{day.month}月",
    "99年1月": lambda day: f"民國{day.year - 1911}年{day.month}月",
    "09901": lambda day: f"{day.year - 1911:03d}{day.month:02d}",
    "Januar 2010": lambda day: f"{GERMAN[day.month - 1]} {day.year}",
}


@pytest.mark.parametrize("form", MONTHS)
def test_months_are_read_in_every_form(form):
    index = pd.date_range("2009-03-01", periods=60, freq="MS")
    table = of([MONTHS[form](day) for day in index])
    same(table, index)
    assert table.frequency == Frequency(1, "M")


def test_a_month_and_two_digits_that_may_be_a_day_are_refused():
    days = pd.date_range("2010-01-01", periods=50, freq="D")
    with pytest.raises(TimeError, match="a year or a day"):
        of([day.strftime("%b-%d") for day in days])
    with pytest.raises(TimeError, match="a year or a day"):
        of(["Jan-10", "Jan-11", "Jan-12"])
    with pytest.raises(DataError):
        of(["1/10", "2/10", "3/10"])


@pytest.mark.parametrize(
    "form", ["Q1 1994", "1994Q1", "1994-Q1", "1994:Q1", "Q1/94", "1Q94", "1994年第1季", "1. Quartal 1994"]
)
def test_quarters_are_read_in_every_form(form):
    index = pd.date_range("1994-01-01", periods=30, freq="QS")
    written = [
        form.replace("1994", "Y").replace("94", "Z").replace("1", str(day.quarter)).replace("Y", str(day.year))
        for day in index
    ]
    same(of([text.replace("Z", f"{day.year % 100:02d}") for text, day in zip(written, index, strict=True)]), index)


@pytest.mark.parametrize(
    "form", ["{}-W{:02d}", "{}W{:02d}", "{}{:02d}", "{}-W{}", "{} week {}", "{}年第{}週", "{}/KW{}"]
)
def test_weeks_are_read_in_every_form(form):
    index = pd.date_range("2018-01-01", periods=160, freq="W-MON")
    table = of([form.format(*day.isocalendar()[:2]) for day in index])
    same(table, index)
    assert table.frequency == Frequency(7, "D")
    assert "weeks" in kinds(table)


def test_weeks_of_a_short_file_go_by_the_name_of_their_column():
    index = pd.date_range("2018-01-01", periods=10, freq="W-MON")
    texts = [f"{day.year}{day.week:02d}" for day in index]
    same(of(texts, "yyyyww"), index)
    assert of(texts, "date").frequency == Frequency(1, "M")
    assert of(texts, "date", date_format="%Y%W").frequency == Frequency(7, "D")
    with pytest.raises(ConfigError, match="no year"):
        of(["3", "4"], date_format="%W")


def test_seconds_since_1970_with_a_fraction(tmp_path):
    moments = 1_577_836_800 + np.arange(200) * 0.25
    expected = pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(200) * 250, unit="ms")
    for source in ({"ts": moments, "y": np.arange(200) % 7}, {"ts": moments * 1000, "y": np.arange(200) % 7}):
        table = read(source, time="ts", target="y")
        same(table, expected)
        assert table.timezone == "UTC"
    path = tmp_path / "epoch.csv"
    path.write_text("ts,y\n" + "\n".join(f"{moment:.6f},{i % 7}" for i, moment in enumerate(moments)))
    same(read(path, time="ts", target="y"), expected)
    with pytest.raises(TimeError, match="neither a time nor a whole number"):
        read({"ts": np.arange(9) + 0.5, "y": np.arange(9.0)}, time="ts", target="y")


def test_numbers_with_hours_of_the_day():
    index = pd.date_range("2016-01-01", periods=90, freq="h")
    same(of([day.strftime("%Y%m%d%H") for day in index]), index)


@pytest.mark.parametrize("text", ["12345", "a 3", "Mayhem 5 2020", "1-2", "3.14", "Dez", "109.5", "week", "555-12"])
def test_what_is_no_time_stays_text_or_number(text):
    from tidegate.data.time.forms import looks_like_time

    assert not looks_like_time(text)


FORMS = [*DAYS.values(), *MONTHS.values(), *(lambda day, form=form: day.strftime(form) for form in (
    "%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%m/%d/%y", "%d-%m-%y", "%b %d, %Y", "%d %B %Y", "%Y%m%d", "%y%m%d",
    "%Y-W%V", "%G%V", "%Y/%m", "%b-%d",
))]  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(FORMS), st.dates(datetime.date(1975, 1, 1), datetime.date(2045, 1, 1)), st.integers(3, 60),
    st.sampled_from([1, 2, 7, 30, 31, 91, 365]),
)  # fmt: skip
def test_a_calendar_reads_back_to_the_same_times_or_is_refused(form, start, count, step):
    """What a form holds of a day comes back: the day, or the start of its month or week; or the file is refused."""
    days = [start + datetime.timedelta(days=step * i) for i in range(count)]
    texts = [form(day) for day in days]
    if len(set(texts)) < len(texts) or any(
        "民國-" in text or text.startswith(("-", "令和-", "令和0")) for text in texts
    ):
        return
    if all(len(text) == 6 and "1700" <= text[:4] <= "2200" and "01" <= text[4:] <= "12" for text in texts):
        return  # a day with a year of two digits that is a month with a year of four just as well
    try:
        table = of(texts, repair="sort")
    except DataError:
        return
    if table.time.dtype.kind != "M":
        assert "no_time_column" in kinds(table) or texts[0].isdigit()
        return
    dates = np.array(days, dtype="datetime64[D]")
    weeks = dates - ((dates.astype(int) + 3) % 7)
    months = dates.astype("datetime64[M]").astype("datetime64[D]")
    quarters = pd.PeriodIndex(pd.DatetimeIndex(dates), freq="Q").start_time.to_numpy().astype("datetime64[D]")
    read_back = set(table.time.astype("datetime64[D]").tolist())
    assert any(set(kind.tolist()) <= read_back for kind in (dates, weeks, months, quarters)), (
        texts[:3],
        table.time[:3],
    )
