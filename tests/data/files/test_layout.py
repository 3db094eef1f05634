"""Titles, units, several header lines, remarks and totals: where a table begins and ends, always said."""

import gzip

import numpy as np
import pandas as pd
import pytest

from tests.data.files.support import days, kinds, text_file
from tidegate.core.errors import DataError, ReadError, SchemaError
from tidegate.data import read, read_sequences

TWSE = (
    '"109年01月 2330 台積電           各日成交資訊"\r\n'
    '"日期","成交股數","成交金額","開盤價","最高價","最低價","收盤價","漲跌價差","成交筆數",\r\n'
    + "".join(
        f'"109/01/{day:02d}","33,282,10{day}","11,282,{day}00,000","--","339.00","332.50","{330 + day}.00","{change}",'
        '"13,4{day}",\r\n'
        for day, change in ((2, "+4.50"), (3, "-1.00"), (6, "X0.00"), (7, "+0.50"))
    )
    + '"說明:"\r\n"符號說明:+/-/X表示漲/跌/不比價"\r\n"ETF證券代號第六碼為K、M、S、C者，表示該ETF以外幣交易。"\r\n'
)


def test_a_file_of_the_taiwan_stock_exchange(tmp_path):
    path = text_file(tmp_path, TWSE, "cp950")
    table = read(path, target="收盤價", observed="成交股數", time=False)
    assert table.columns["收盤價"].tolist() == [332, 333, 336, 337]
    assert table.columns["成交股數"].tolist() == [33282102, 33282103, 33282106, 33282107]
    assert {"encoding", "preamble", "trailer"} <= kinds(table)
    assert {note.kind: note.values for note in table.notes}["trailer"]["count"] == 3
    with pytest.raises(SchemaError, match=r"line 5, column '漲跌價差': 'X0.00'.*--na"):
        read(path, target="漲跌價差", time=False)
    changes = read(path, target="漲跌價差", time=False, na="X0.00").columns["漲跌價差"]
    np.testing.assert_array_equal(changes, [4.5, -1, np.nan, 0.5])


def test_a_file_that_names_its_separator(tmp_path):
    table = read(text_file(tmp_path, "sep=;\ndate;y\n2024-01-01;1,5\n2024-01-02;2,5\n"))
    assert table.columns["y"].tolist() == [1.5, 2.5]


def test_a_search_trend(tmp_path):
    text = "Category: All categories\n\nWeek,tides: (Worldwide)\n2019-01-06,23\n2019-01-13,25\n2019-01-20,<1\n"
    path = text_file(tmp_path, text)
    with pytest.raises(SchemaError, match=r"line 6.*'<1' is not a number but a limit"):
        read(path)
    table = read(path, na="<*")
    np.testing.assert_array_equal(table.columns["tides: (Worldwide)"], [23, 25, np.nan])
    assert {note.kind: note.values for note in table.notes}["preamble"] == {
        "count": 1,
        "text": "Category: All categories",
    }


def test_a_station_with_eight_lines_about_itself(tmp_path):
    about = (
        "REGIAO:;CO\nUF:;DF\nESTACAO:;BRASILIA\nLATITUDE:;-15,78944444\nALTITUDE:;1160,96\nDATA DE FUNDACAO:;07/05/00\n"
    )
    rows = "".join(f"2020/01/{d:02d};0000 UTC;0;887,{d % 10};,{d % 10};\n" for d in range(1, 25))
    header = "Data;Hora UTC;PRECIPITAÇÃO TOTAL, HORÁRIO (mm);PRESSAO;TEMP;\n"
    table = read(text_file(tmp_path, about + header + rows, "latin-1"), target="TEMP", observed="PRESSAO")
    assert table.columns["TEMP"][:3].tolist() == [0.1, 0.2, 0.3]
    assert table.columns["PRESSAO"][:3].tolist() == [887.1, 887.2, 887.3]
    assert {note.kind: note.values for note in table.notes}["preamble"]["count"] == 6
    two = read(text_file(tmp_path, about + "Data;Valor\n2020-01-01;1,5\n2020-01-02;2,5\n2020-01-03;2,5\n"))
    assert (two.schema.time, two.schema.targets) == ("Data", ("Valor",))


def test_a_header_of_three_lines_with_names_that_repeat(tmp_path):
    text = (
        "ダウンロードした時刻：2024/01/01 00:00:00\n\n,東京,東京,東京\n"
        "年月日,平均気温(℃),平均気温(℃),平均気温(℃)\n,,品質情報,均質番号\n"
        + "".join(f"2023/1/{i + 1},{5 + i}.6,8,1\n" for i in range(5))
    )
    table = read(text_file(tmp_path, text), target="平均気温(℃)", observed="平均気温(℃) 品質情報")
    assert table.columns["平均気温(℃)"].tolist() == [5.6, 6.6, 7.6, 8.6, 9.6]
    assert table.schema.time == "年月日"
    assert {"header", "preamble"} <= kinds(table)


def test_sunspots_without_a_header(tmp_path):
    text = "1749;01;1749.042;  96.7; -1.0;   -1;1\n1749;02;1749.123; 104.3; -1.0;   -1;1\n"
    text += "1749;03;1749.204; 116.7; -1.0;   -1;1\n"
    path = text_file(tmp_path, text)
    with pytest.raises(SchemaError, match=r"line 1 holds values .*columns=\[...\] \(--columns a,b,c\)"):
        read(path, target="n")
    for columns in ("year,month,frac,n,sd,obs,mark", ["year", "month", "frac", "n", "sd", "obs", "mark"]):
        table = read(path, target="n", columns=columns)
        assert table.columns["n"].tolist() == [96.7, 104.3, 116.7]
    with pytest.raises(SchemaError, match="names 2 columns, but line 1"):
        read(path, columns=["a", "b"])
    wide = text_file(tmp_path, text.replace(";", " "), name="a.txt")
    assert read(wide, target="n", columns="year,month,frac,n,sd,obs,mark").columns["n"].tolist() == [96.7, 104.3, 116.7]


@pytest.mark.parametrize("tickers", [["AAPL"], ["AAPL", "MSFT"]])
def test_prices_as_yfinance_gives_and_pandas_writes_them(tmp_path, tickers):
    columns = pd.MultiIndex.from_product([["Close", "Volume"], tickers], names=["Price", "Ticker"])
    values = np.arange(1.0, 1 + 6 * len(columns)).reshape(6, -1)
    frame = pd.DataFrame(values, pd.DatetimeIndex(days(6), name="Date"), columns)
    name = "Close" if len(tickers) == 1 else "Close MSFT"
    wanted = frame["Close"][tickers[-1]].tolist()
    table = read(frame, target=name)
    assert table.columns[name].tolist() == wanted
    assert (table.schema.time, "levels" in kinds(table)) == ("Date", True)
    frame.to_csv(tmp_path / "a.csv")
    table = read(tmp_path / "a.csv", target=name)
    assert table.columns[name].tolist() == wanted
    assert (table.schema.time, "header" in kinds(table)) == ("Date", True)
    frame[["Close"]].to_csv(tmp_path / "b.csv")
    short = name.rpartition(" ")[2]
    assert read(tmp_path / "b.csv", target=short).columns[short].tolist() == wanted


@pytest.mark.parametrize("units", [",kW,°C", "hh:mm,[kW],[degC]", "date,float,float", "-,MWh,%"])
def test_a_line_of_units_is_left_out_and_said(tmp_path, units):
    text = f"time,load,temp\n{units}\n" + "".join(f"{day},{i}.5,{i}\n" for i, day in enumerate(days(5)))
    table = read(text_file(tmp_path, text), target="load")
    assert table.columns["load"].tolist() == [0.5, 1.5, 2.5, 3.5, 4.5]
    assert units.split(",")[1] in {note.kind: note.values for note in table.notes}["header"]["text"]


ENDS = ["Total,100\n", "\n合計,100\n", "Source: the office\n", "\n\nTotal:,9\n# 3\nSee notes", "Mittelwert;2,5"]
ENDS += [",\n,\n", "---\nGenerated by hand", "Source: agency, 2024\n"]


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("size", [6, 20_000])
@pytest.mark.parametrize("packed", [False, True])
def test_lines_after_the_rows_are_left_out_and_said(tmp_path, end, size, packed):
    start = np.datetime64("2000-01-01T00") + np.arange(size).astype("timedelta64[h]")
    sign = ";" if ";" in end else ","
    text = f"date{sign}y\n" + "".join(f"{time}:00{sign}{i % 97}\n" for i, time in enumerate(start)) + end
    path = text_file(tmp_path, gzip.compress(text.encode()) if packed else text)
    table = read(path)
    assert len(table) == size
    assert table.columns["y"][-1] == (size - 1) % 97
    assert "trailer" in kinds(table)


@pytest.mark.parametrize("end", ["2024-01-0", "2024-01-07", "2024-01-07,5,6", "2024-01-07,x", "later,5\n2024-01-08,7"])
def test_rows_that_are_cut_off_or_odd_are_no_remarks(tmp_path, end):
    text = "date,y\n" + "".join(f"{day},{i}\n" for i, day in enumerate(days(6))) + end
    with pytest.raises(DataError, match="line 8"):
        read(text_file(tmp_path, text))


def test_skip_rows_and_columns(tmp_path):
    text = "a,b\n1,2\ndate,y\n" + "".join(f"{day},{i}\n" for i, day in enumerate(days(6)))
    path = text_file(tmp_path, text)
    table = read(path, skip_rows=2)
    assert (table.schema.targets, len(table)) == (("y",), 6)
    assert read(path, skip_rows=2, columns="when,load").schema.targets == ("load",)
    assert read(path, skip_rows=3, columns="when,load").columns["load"].tolist() == [0, 1, 2, 3, 4, 5]
    with pytest.raises(ReadError, match="no header line"):
        read(path, skip_rows=9)


def test_rows_that_cannot_be_read_do_not_become_a_header(tmp_path):
    rows = "".join(f"{day},{i}\n" for i, day in enumerate(days(6)))
    with pytest.raises(DataError, match="line 2, column 'date': 'soon'"):
        read(text_file(tmp_path, "date,y\nsoon,6\n" + rows))
    np.testing.assert_array_equal(
        read(text_file(tmp_path, "date,y\n2023-12-31,unavailable\n" + rows), na="unavailable").columns["y"],
        [np.nan, 0, 1, 2, 3, 4, 5],
    )


def test_years_as_names_are_names(tmp_path):
    text = "country,1990,1991,1992\nA,1,2,3\nB,4,5,6\n"
    assert read(text_file(tmp_path, text), wide=True, time=False).ids == ("1990", "1991", "1992")


def test_names_in_a_comment(tmp_path):
    table = read(text_file(tmp_path, "# station 7\n# date,y\n" + "".join(f"{d},{i}\n" for i, d in enumerate(days(5)))))
    assert (table.schema.time, table.schema.targets) == ("date", ("y",))
    assert "header" in kinds(table)


@pytest.mark.parametrize("text", ["time;PM2,5\n", "time;PM2,5;a,b\n"])
def test_the_delimiter_is_what_leaves_times_and_numbers(tmp_path, text):
    width = text.count(";")
    rows = "".join(f"2024-01-01 {h:02d}:00:00" + f";{100 + h},3" * width + "\n" for h in range(24))
    table = read(text_file(tmp_path, text + rows), target="PM2,5")
    assert table.columns["PM2,5"].tolist() == [100.3 + h for h in range(24)]
    assert table.schema.time == "time"


def test_a_tie_between_delimiters_is_said(tmp_path):
    text = "place;time,kind;load\n" + "".join(f"a;b{i},c;d\n" for i in range(5))
    table = read(text_file(tmp_path, text), target=[], time=False)
    assert "delimiter" in kinds(table)


def test_runs_of_blanks_divide(tmp_path):
    text = "date        load  temp\n" + "".join(f"{day}   {i}.5   {-i}  \n" for i, day in enumerate(days(6)))
    table = read(text_file(tmp_path, text, name="a.txt"), target="load", observed="temp")
    assert table.columns["load"].tolist() == [0.5, 1.5, 2.5, 3.5, 4.5, 5.5]
    assert table.columns["temp"].tolist() == [0, -1, -2, -3, -4, -5]
    found = read_sequences(text_file(tmp_path, text, name="a.txt"), id="date", label="temp", delimiter="space")
    assert found.channels == ("load",)
