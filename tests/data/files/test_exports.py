"""Exports of well-known tools and offices, written down in a few lines each: the table in them is found, and said."""

import numpy as np
import pytest

from tests.data.files.support import days, kinds, text_file
from tidegate.core.errors import ReadError, SchemaError, TimeError
from tidegate.data import read
from tidegate.data.read import read_like

N = 40
VALUES = [round(100 + 10 * np.sin(i / 3) + i / 10, 2) for i in range(N)]
DAYS = days(N)
MONTHS = "Januar Februar März April Mai Juni Juli August September Oktober November Dezember".split()  # noqa: SIM905


def german(value):
    return f"{value:.2f}".replace(".", ",")


def rows(line):
    return "".join(line(i, day, VALUES[i]) for i, day in enumerate(DAYS))


def dotted(day):
    return f"{day[8:]}.{day[5:7]}.{day[:4]}"


RULE = "-" * 40 + "\n"
TABLES = {
    "SAP list": (
        "Tabelle: VBAK\n\n" + RULE + "|Datum     |Werk|  Menge |\n" + RULE
        + rows(lambda i, day, y: f"|{dotted(day)}|1000| {german(y)} |\n") + RULE,
        "Datum", "Menge", {"preamble", "trailer", "decimal"},
    ),
    "Markdown": (
        "| time | value |\n|------|------:|\n" + rows(lambda i, day, y: f"| {day} | {y} |\n"), "time", "value", set(),
    ),
    "InfluxDB": (
        "#group,false,false,true,true,false,false\n#datatype,string,long,dateTime:RFC3339,dateTime:RFC3339,double,string\n"
        "#default,mean,,,,,\n,result,table,_start,_time,_value,_field\n"
        + rows(lambda i, day, y: f",,0,2023-01-01T00:00:00Z,{day}T00:00:00Z,{y},temp\n"),
        "_time", "_value", {"comments"},
    ),
    "AEMO": (
        "C,NEMP.WORLD,DVD,AEMO,PUBLIC\nI,DISPATCH,REGIONSUM,4,SETTLEMENTDATE,REGIONID,TOTALDEMAND\n"
        + rows(lambda i, day, y: f'D,DISPATCH,REGIONSUM,4,"{day.replace("-", "/")} 00:00:00",NSW1,{y}\n')
        + 'C,"END OF REPORT",302\n',
        "SETTLEMENTDATE", "TOTALDEMAND", {"preamble", "trailer"},
    ),
    "USGS": (
        "# US Geological Survey\n#\nagency_cd\tsite_no\tdatetime\tflow\tflow_cd\n5s\t15s\t20d\t14n\t10s\n"
        + rows(lambda i, day, y: f"USGS\t01646500\t{day}\t{y}\tA\n"),
        "datetime", "flow", {"comments", "header"},
    ),
    "ONS": (
        "Title,CPI\nCDID,D7BT\nUnit,Index\nRelease date,19-06-2024\n" + rows(lambda i, day, y: f"{day},{y}\n"),
        "Title", "CPI", {"header"},
    ),
    "INSEE": (
        "Libellé;Consommation\nidBank;001763852\nDernière mise à jour;31/05/2024\nPériode;\n"
        + rows(lambda i, day, y: f"{day};{y}\n"),
        "Période", "Consommation", {"header"},
    ),
    "keys above the names": (
        "Station:;Berlin\nHöhe:;34\nDatum;Wert\n" + rows(lambda i, day, y: f"{day};{german(y)}\n"),
        "Datum", "Wert", {"preamble"},
    ),
    "logger of four header lines": (
        '"TOA5","CR1000","12"\n"TIMESTAMP","RECORD","AirTC_Avg"\n"TS","RN","Deg C"\n"","","Avg"\n'
        + rows(lambda i, day, y: f'"{day} 00:00:00",7,{y}\n'),
        "TIMESTAMP", "AirTC_Avg", {"header"},
    ),
    "two languages of names": (
        '"日期(day)","氣溫(℃)","站號"\n"ObsTime","Temperature","Id"\n'
        + rows(lambda i, day, y: f'"{day}","{y}","46692"\n'),
        "日期(day)", "氣溫(℃)", {"header"},
    ),
    "R with names of rows": ('"date","v"\n' + rows(lambda i, day, y: f'"{i}",{day},{y}\n'), "date", "v", {"header"}),
    "averages below": (
        "日期,v\n" + rows(lambda i, day, y: f"{day},{y}\n") + "平均值,100\n最大值,123\n", "日期", "v", {"trailer"},
    ),
    "weeks with one year": (
        "Periode;Wert\n"
        + "".join(
            f"{dotted(a)[:6]}-{dotted(b)};{german(y)}\n"
            for a, b, y in zip(days(7 * N)[::7], days(7 * N)[6::7], VALUES, strict=True)
        ),
        "Periode", "Wert", {"spans"},
    ),
    "Apache": (
        "date,v\n"
        + rows(lambda i, day, y: f"[{day[8:]}/{'Jan' if day[6] == '1' else 'Feb'}/2024:00:00:00 +0000],{y}\n"),
        "date", "v", set(),
    ),
    "text as formulas": (
        "date,v\n" + rows(lambda i, day, y: f'="{day}",="{y}"\n'), "date", "v", set(),
    ),
    "text by an apostrophe": (
        "date,v\n" + rows(lambda i, day, y: f"'{day},'{y}\n"), "date", "v", set(),
    ),
    "hours by their end": (
        "Date,HE,v\n" + "".join(f"2024-01-{i // 24 + 1:02d},HE{i % 24 + 1:02d},{y}\n" for i, y in enumerate(VALUES)),
        "time", "v", {"time_parts"},
    ),
    "PVGIS": (
        "Latitude (decimal degrees):\t45.0\n\ntime,P\n"
        + "".join(f"202401{i // 24 + 1:02d}:{i % 24:02d}10,{y}\n" for i, y in enumerate(VALUES))
        + "\nP: PV power (W)\nPVGIS (c) European Union\n",
        "time", "P", {"preamble", "trailer"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", TABLES)
def test_the_table_in_an_export(tmp_path, kind):
    text, time, target, said = TABLES[kind]
    table = read(text_file(tmp_path, text))
    assert (table.schema.time, table.schema.targets) == (time, (target,))
    assert table.columns[target].tolist() == VALUES
    assert len(table.time) == N
    assert (np.diff(table.time.astype("datetime64[h]").astype(int)) > 0).all()
    assert said <= kinds(table)


def test_offices_with_years_beside_months(tmp_path):
    months = [(2020 + i // 12, MONTHS[i % 12]) for i in range(N)]
    text = "Code: 61111\n;Monate;Index\n" + "".join(
        f"{year};{month};{german(y)}\n" for (year, month), y in zip(months, VALUES, strict=True)
    )
    table = read(text_file(tmp_path, text + "__________\n(C)opyright Bundesamt\n"))
    assert str(table.frequency) == "M"
    assert str(table.time[-1])[:7] == f"{2020 + (N - 1) // 12}-{(N - 1) % 12 + 1:02d}"


@pytest.mark.parametrize("sign", ["~", "^", "\x01", "\x1f", "¦", ":", "#"])
def test_unusual_delimiters(tmp_path, sign):
    text = f"day{sign}value\n" + rows(lambda i, day, y: f"{day}{sign}{y}\n")
    table = read(text_file(tmp_path, text))
    assert (table.schema.time, table.columns["value"].tolist()) == ("day", VALUES)


def test_one_column_of_words_asks_for_the_delimiter(tmp_path):
    with pytest.raises(SchemaError, match="--delimiter"):
        read(text_file(tmp_path, "a/b\n" + "x/y\n" * 9))


@pytest.mark.parametrize("zero", ["٠", "۰", "０"])
def test_digits_of_other_scripts(tmp_path, zero):
    digits = str.maketrans(
        "0123456789.", "".join(chr(ord(zero) + i) for i in range(10)) + ("．" if zero == "０" else "٫")
    )
    table = read(text_file(tmp_path, "time,v\n" + rows(lambda i, day, y: f"{day},{y}\n".translate(digits))))
    assert table.columns["v"].tolist() == VALUES
    assert str(table.time[0])[:10] == DAYS[0]


def headed(cell):
    """Eurostat's: keys in one cell, a month in every column, two series."""
    months = "\t".join(f"{2020 + i // 12}-{i % 12 + 1:02d} " for i in range(N))
    rows = (
        f"M,PC,{geo}\t" + "\t".join(cell(i, y + k) for i, y in enumerate(VALUES)) for k, geo in enumerate(("DE", "FR"))
    )
    return f"freq,unit,geo\\TIME_PERIOD\t{months}\n" + "\n".join(rows) + "\n"


def test_a_year_or_month_in_every_column(tmp_path):
    """World Bank and Eurostat: each row is a series, and the names of the columns are its times."""
    years = ",".join(f'"{year}"' for year in range(1960, 2000))
    text = f'"Data Source","WDI",\n\n"Country Name","Country Code",{years},\n'
    text += "".join(f'"C{k}","C{k}",' + ",".join(f'"{y + k}"' for y in VALUES) + ",\n" for k in range(3))
    table = read(text_file(tmp_path, text))
    assert (table.ids, str(table.frequency), str(table.time[0])[:4]) == (("C0", "C1", "C2"), "12M", "1960")
    assert table.columns["value"].tolist() == [y + k for k in range(3) for y in VALUES]
    assert {"headed", "unused"} <= kinds(table)
    table = read(text_file(tmp_path, headed(lambda i, y: ": " if i == 3 else f"{y} ")))
    assert (table.ids, str(table.frequency)) == (("M,PC,DE", "M,PC,FR"), "M")
    assert [i for i, y in enumerate(table.columns["value"]) if np.isnan(y)] == [3, N + 3]
    again = read_like(
        text_file(tmp_path, headed(lambda i, y: f"{y} ")), table.schema, table.timezone, table.frequency, {}
    )
    assert again.ids == table.ids
    with pytest.raises(SchemaError, match="mixes units"):  # a flag in some of the cells
        read(text_file(tmp_path, headed(lambda i, y: f"{y} p" if y == VALUES[5] else f"{y} ")))


def test_what_is_no_number_is_told_by_its_kind(tmp_path):
    station = rows(lambda i, day, y: f'724940,{day}T00:00:00,"{-i * 3:+05d},1"\n')
    with pytest.raises(SchemaError, match="two columns"):  # a code of quality, no decimal
        read(text_file(tmp_path, "STATION,DATE,TMP\n" + station))
    with pytest.raises(SchemaError, match="is a duration"):
        read(text_file(tmp_path, "date,took\n" + rows(lambda i, day, y: f"{day},01:{i:02d}:00\n")), target="took")
    with pytest.raises(SchemaError, match=r"text: '100\.0 MB'"):
        read(text_file(tmp_path, "date,size\n" + rows(lambda i, day, y: f"{day},{y} {'KB' if i % 2 else 'MB'}\n")))
    with pytest.raises(ReadError, match="HTML"):
        read(text_file(tmp_path, "<html><body><table><tr><td>date</td></tr></table></body></html>\n"))


def test_an_activity_is_dated_by_its_date_not_by_how_long_it_took(tmp_path):
    text = "Type,Date,Distance,Time\n" + rows(lambda i, day, y: f"Run,{day} 07:30:00,{y},00:45:{i:02d}\n")
    assert read(text_file(tmp_path, text), target="Distance").schema.time == "Date"
    text = "<TICKER>,<DATE>,<TIME>,<CLOSE>\n" + rows(lambda i, day, y: f"AAPL,{day.replace('-', '')},000000,{y}\n")
    assert str(read(text_file(tmp_path, text), target="<CLOSE>").time[0])[:10] == DAYS[0]


def test_a_lone_year_in_another_language(tmp_path):
    table = read(text_file(tmp_path, "Jahr;Wert\n" + rows(lambda i, day, y: f"{1980 + i};{german(y)}\n")))
    assert (table.schema.time, str(table.time[0])[:4]) == ("Jahr", "1980")


def test_columns_that_stay_the_same_are_neither_time_nor_target(tmp_path):
    text = "LAST UPDATE,geo,TIME_PERIOD,code,OBS_VALUE\n" + rows(
        lambda i, day, y: f"04/06/24 23:00:00,DE,{day},7,{y}\n"
    )
    table = read(text_file(tmp_path, text))
    assert (table.schema.time, table.schema.targets) == ("TIME_PERIOD", ("OBS_VALUE",))
    assert "unused" in kinds(table)


@pytest.mark.parametrize(
    ("order", "word"),
    [("{d}{m}{y}", None), ("{m}{d}{y}", None), ("{d}{m}{y}", "dayfirst"), ("{m}{d}{y}", "monthfirst")],
)
def test_eight_digits_that_end_in_the_year(tmp_path, order, word):
    text = "date,v\n" + rows(lambda i, day, y: f"{order.format(d=day[8:], m=day[5:7], y=day[:4])},{y}\n")
    table = read(text_file(tmp_path, text), date_format=word)
    assert [str(time)[:10] for time in table.time] == DAYS


def test_eight_digits_that_may_begin_with_the_day_or_the_month(tmp_path):
    text = "date,v\n" + "".join(
        f"{d}{m}2024,{d}\n" for d, m in (("01", "02"), ("05", "04"), ("07", "09"), ("11", "12"))
    )
    with pytest.raises(TimeError, match="dayfirst"):
        read(text_file(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("2024년 2월 9일", "2024-02-09T00:00"),
        ("2024年2月9日 星期五", "2024-02-09T00:00"),
        ("9 กุมภาพันธ์ 2024", "2024-02-09T00:00"),
        ("9 ก.พ. 2567", "2024-02-09T00:00"),
        ("9 февраля 2024", "2024-02-09T00:00"),
        ("9 Şubat 2024", "2024-02-09T00:00"),
        ("ngày 9 tháng 2 năm 2024", "2024-02-09T00:00"),
        ("/Date(1707436800000)/", "2024-02-09T00:00"),
        ("/Date(1707436800000+0800)/", "2024-02-09T00:00"),
        ("2024-IV", "2024-10-01T00:00"),
        ("T2 2024", "2024-04-01T00:00"),
        ("1980-1981", "1980-01-01T00:00"),
        ("2024년 2월 9일 오후 3시 5분", "2024-02-09T15:05"),
        ("R6.2.9", "2024-02-09T00:00"),
        ("H30/4/1", "2018-04-01T00:00"),
        ("S64.1.7", "1989-01-07T00:00"),
        ("2024 S2", "2024-07-01T00:00"),
        ("2024-S1", "2024-01-01T00:00"),
        ("30.12.-05.01.2025", "2024-12-30T00:00"),
        ("109年", "2020-01-01T00:00"),
        ("[09/Feb/2024:15:05:00 +0000]", "2024-02-09T15:05"),
    ],
)
def test_one_form_of_time(text, date):
    table = read({"time": [text], "y": [1.0]}, check=False, frequency="D")
    assert str(table.time[0]).startswith(date)


def test_years_of_the_republic_with_their_word(tmp_path):
    text = "統計期,人口\n" + "".join(f"{70 + i}年,{y}\n" for i, y in enumerate(VALUES))
    table = read(text_file(tmp_path, text))
    assert (str(table.time[0])[:4], str(table.time[-1])[:4]) == ("1981", str(1981 + N - 1))
    assert "roc" in kinds(table)


def test_periods_of_accounts_are_months(tmp_path):
    cells = [f"{m:03d}.{y}" for y in (2022, 2023) for m in range(1, 13)]
    table = read(text_file(tmp_path, "Periode;Umsatz\n" + "".join(f"{c};{i},25\n" for i, c in enumerate(cells))))
    assert (str(table.frequency), str(table.time[12])[:7], table.schema.targets) == ("M", "2023-01", ("Umsatz",))


@pytest.mark.parametrize(
    ("form", "cells"), [("%d%m", ["3001", "3101", "102", "202"]), ("%d.%m.", ["30.01.", "31.01."])]
)
def test_dates_without_a_year_are_of_the_year_before_their_format(tmp_path, form, cells):
    path = text_file(tmp_path, "Datum;y\n" + "".join(f"{cell};{i}\n" for i, cell in enumerate(cells)))
    times = read(path, time="Datum", date_format=f"2024 {form}").time
    assert [str(time)[:10] for time in times] == [
        f"2024-0{1 + i // 2}-{(30, 31, 1, 2)[i]:02d}" for i in range(len(cells))
    ]
    if len(cells) > 2:
        with pytest.raises(TimeError, match="2024 %d%m"):
            read(path, time="Datum")


def test_days_of_a_spreadsheet_under_another_name_are_counted_aloud(tmp_path):
    table = read(text_file(tmp_path, "time,y\n" + "".join(f"{45300 + i},{i}\n" for i in range(9))))
    assert kinds(table) == {"counted"}
    assert "2024-01-09" in str(table.notes[0])


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("# TYPE up gauge\n" + "".join(f'up{{job="a"}} {i} 1700000000{i:03d}\n' for i in range(9)), "query_range"),
        ("".join(f"cpu,host=a load={i},b=2i 17000000{i:02d}000000000\n" for i in range(9)), "line protocol"),
        ('"time,y"\n' + "".join(f'"2024-01-{i + 1:02d},{i}"\n' for i in range(9)), "outer quotes"),
    ],
)
def test_a_file_that_is_no_table_is_called_what_it_is(tmp_path, text, match):
    with pytest.raises(ReadError, match=match):
        read(text_file(tmp_path, text))
