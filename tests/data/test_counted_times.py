"""Times that a number counts: years with a fraction, days of a spreadsheet, `1830 UTC`; and tails of UTF-16."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tidegate as tg
from tidegate.core.errors import TidegateError


def read(path: Path, name: str, cells: list[str], **how: object) -> tg.Table:
    path.write_text(f"{name},y\n" + "".join(f"{cell},{row % 7}\n" for row, cell in enumerate(cells)), "utf-8")
    return tg.read(path, **how)


@pytest.mark.parametrize("digits", [2, 3, 4])
@pytest.mark.parametrize("middle", [0.0, 0.5])
def test_months_as_fractions_of_a_year(tmp_path: Path, digits: int, middle: float) -> None:
    """As climate series write them: the month's beginning or middle, rounded to two to four digits."""
    cells = [f"{1958 + (row + middle) / 12:.{digits}f}" for row in range(2, 62)]
    table = read(tmp_path / "co2.csv", "year", cells)
    assert table.time.astype("datetime64[M]").tolist() == (np.datetime64("1958-03") + np.arange(60)).tolist()
    assert [note.kind for note in table.notes if note.kind == "decimal_years"] == ["decimal_years"]


def test_days_as_fractions_of_a_year_as_sunspots_are_written(tmp_path: Path) -> None:
    days = np.datetime64("1999-12-20") + np.arange(60)
    years = days.astype("datetime64[Y]")
    lengths = ((years + 1).astype("datetime64[D]") - years.astype("datetime64[D]")).astype(int)
    fractions = ((days - years.astype("datetime64[D]")).astype(int) + 0.5) / lengths
    cells = [f"{year + 1970 + fraction:.3f}" for year, fraction in zip(years.astype(int), fractions, strict=True)]
    table = read(tmp_path / "spots.csv", "time", cells)
    assert table.time.astype("datetime64[D]").tolist() == days.tolist()


@pytest.mark.parametrize(("parts", "step"), [(2, 6), (4, 3)])
def test_halves_and_quarters(tmp_path: Path, parts: int, step: int) -> None:
    table = read(tmp_path / "y.csv", "year", [f"{2000 + row / parts:.2f}" for row in range(20)])
    assert table.time.astype("datetime64[M]").tolist() == (np.datetime64("2000-01") + step * np.arange(20)).tolist()


def test_years_and_months_with_a_dot_stay_what_they_are(tmp_path: Path) -> None:
    cells = [f"{2000 + row // 12}.{row % 12 + 1:02d}" for row in range(30)]
    table = read(tmp_path / "y.csv", "month", cells)
    assert table.time.astype("datetime64[M]").tolist() == (np.datetime64("2000-01") + np.arange(30)).tolist()


def test_fractions_that_follow_nothing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TidegateError, match="year"):
        read(tmp_path / "y.csv", "year", ["2000.1", "2000.137", "2000.9", "2001.33", "2003.01"])


@given(first=st.integers(20_000, 70_000), minutes=st.sampled_from([1, 15, 60, 1440]))
def test_days_of_a_spreadsheet(tmp_path_factory: pytest.TempPathFactory, first: int, minutes: int) -> None:
    """Excel shows 44197 as 1 January 2021; its fractions are hours and minutes."""
    cells = [f"{first + row * minutes / 1440:.10g}" for row in range(40)]
    table = read(tmp_path_factory.mktemp("x") / "x.csv", "date", cells)
    begin = dt.datetime(1899, 12, 30) + dt.timedelta(days=first)
    want = [begin + dt.timedelta(minutes=minutes * row) for row in range(40)]
    assert table.time.astype("datetime64[s]").tolist() == want


def test_whole_numbers_that_no_name_calls_dates_stay_counts(tmp_path: Path) -> None:
    table = read(tmp_path / "x.csv", "time", [str(44197 + row) for row in range(20)])
    assert table.time.dtype.kind == "i"


def test_hours_of_a_weather_service(tmp_path: Path) -> None:
    """INMET: a date, and an hour such as `1300 UTC` beside it."""
    path = tmp_path / "inmet.csv"
    rows = (f"2020/01/{1 + i // 24:02d};{i % 24:02d}00 UTC;{20 + i % 5},{i % 10};" for i in range(72))
    path.write_text("Data;Hora UTC;TEMPERATURA;\n" + "\n".join(rows) + "\n", "utf-8")
    table = tg.read(path, target="TEMPERATURA")
    assert table.timezone == "UTC"
    assert table.time.astype("datetime64[h]").tolist() == (np.datetime64("2020-01-01T00") + np.arange(72)).tolist()
    assert table.columns["TEMPERATURA"][13] == pytest.approx(23.3)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-16-le", "utf-8"])
@pytest.mark.parametrize("rows", [28, 9_000])
def test_remarks_at_the_end_are_left_out_whatever_the_encoding(tmp_path: Path, encoding: str, rows: int) -> None:
    days = np.datetime64("1990-01-01") + np.arange(rows)
    text = "date,sales\r\n" + "".join(f"{day},{row % 9}\r\n" for row, day in enumerate(days))
    text += "\r\nSource: the office\r\nNote: figures of 北區 are provisional\r\n"
    mark = {"utf-16-be": b"\xfe\xff", "utf-16-le": b"\xff\xfe"}.get(encoding, b"")
    path = tmp_path / "sales.csv"
    path.write_bytes(mark + text.encode(encoding))
    table = tg.read(path)
    assert len(table) == rows
    assert [note.values["count"] for note in table.notes if "after the last row" in note.message] == [2]
