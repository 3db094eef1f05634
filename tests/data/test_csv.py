import gzip
import io

import numpy as np
import pandas as pd
import pytest

from tidegate.core.errors import ConfigError, DataError, ReadError, SchemaError, TidegateError, TimeError
from tidegate.data import read


def write(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


def hours(count, start="2024-01-01"):
    return [str(t).replace("T", " ") for t in np.datetime64(start, "s") + np.arange(count) * np.timedelta64(1, "h")]


def kinds(table):
    return {note.kind for note in table.notes}


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp950"])
def test_values_equal_pandas(tmp_path, delimiter, encoding):
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"time": hours(300), "負載": rng.normal(size=300) * 1e4, "溫度": rng.integers(0, 9, 300)})
    frame.loc[7, "溫度"] = np.nan
    path = write(tmp_path / "a.csv", frame.to_csv(sep=delimiter, index=False), encoding)
    table = read(path, target="負載", observed="溫度")
    expected = pd.read_csv(path, sep=delimiter, encoding=encoding, parse_dates=["time"])
    np.testing.assert_array_equal(table.columns["負載"], expected["負載"].to_numpy())
    np.testing.assert_array_equal(table.columns["溫度"], expected["溫度"].to_numpy())
    np.testing.assert_array_equal(table.time, expected["time"].to_numpy().astype("datetime64[us]"))
    assert str(table.frequency) == "h"


def test_big5_is_found_deep_in_the_file_and_latin1_is_told_apart(tmp_path):
    lines = [f"{t},{i},x" for i, t in enumerate(hours(30000))]
    lines[-2] = lines[-2].replace("x", "颱風假")
    table = read(write(tmp_path / "a.csv", "time,y,note\n" + "\n".join(lines), "cp950"), known="note")
    assert table.columns["note"][-2] == "颱風假"
    french = "time,année,à\n" + "\n".join(f"{t},{i},{i}" for i, t in enumerate(hours(5)))
    assert read(write(tmp_path / "c.csv", french, "latin-1"), target="année").schema.targets == ("année",)
    text = "time,Zürich,Genève\n" + "\n".join(f"{t},{i},{i}" for i, t in enumerate(hours(5)))
    table = read(write(tmp_path / "b.csv", text, "latin-1"), target="Zürich")
    assert table.notes[0].values == {"encoding": "Windows-1252 (Latin-1)"}
    with pytest.raises(ReadError, match="line 1: these bytes are not utf-8"):
        read(tmp_path / "b.csv", target="Zürich", encoding="utf-8")


def test_decimal_commas_and_thousands(tmp_path):
    rows = ["2024-01-01;1.234,5;1.000", "2024-01-02;-0,25;2.500", "2024-01-03;7;3.000"]
    table = read(write(tmp_path / "a.csv", "date;a;b\n" + "\n".join(rows)), target=["a", "b"])
    np.testing.assert_array_equal(table.columns["a"], [1234.5, -0.25, 7])
    np.testing.assert_array_equal(table.columns["b"], [1000, 2500, 3000])
    assert "decimal" in kinds(table)
    rows = ['2024-01-01,"1,234,567.5"', '2024-01-02,"12,345"', "2024-01-03,9.5"]
    table = read(write(tmp_path / "b.csv", "date,a\n" + "\n".join(rows)))
    np.testing.assert_array_equal(table.columns["a"], [1234567.5, 12345, 9.5])


def test_ambiguous_comma_is_refused_and_can_be_chosen(tmp_path):
    path = write(tmp_path / "a.csv", "date;a\n2024-01-01;1,234\n2024-01-02;2,500\n")
    table = read(path, decimal=",")
    np.testing.assert_array_equal(table.columns["a"], [1.234, 2.5])
    np.testing.assert_array_equal(read(path, decimal=".").columns["a"], [1234, 2500])
    with pytest.raises(SchemaError, match=r"line 2.*decimal comma or a thousands separator"):
        read(path)


def test_every_missing_marker(tmp_path):
    marks = ["", "NA", "N/A", "NaN", "null", "None", "-", "?", " . "]
    rows = [f"{t},{m},{i}" for i, (t, m) in enumerate(zip(hours(20), [*marks, *range(11)], strict=True))]
    table = read(write(tmp_path / "a.csv", "time,a,y\n" + "\n".join(rows)), observed="a")
    np.testing.assert_array_equal(table.columns["a"], [np.nan] * 9 + list(range(11)))


def test_gzip_quotes_newlines_blank_lines_and_carriage_returns(tmp_path):
    text = '# made by hand\r\n"time","y","note"\r\n2024-01-01,"1","a ""b"", c"\r\n\r\n'
    text += '2024-01-02,2,"two\nlines"\r\n2024-01-03,4,x\r\n'
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(text.encode()))
    table = read(path, known="note")
    assert list(table.columns["note"]) == ['a "b", c', "two\nlines", "x"]
    np.testing.assert_array_equal(table.columns["y"], [1, 2, 4])
    broken = text.replace("4,x", "four,x")
    with pytest.raises(SchemaError, match="line 7, column 'y': 'four' is not a number"):
        read(write(tmp_path / "b.csv", broken), target="y")


def test_true_and_false_are_one_and_zero(tmp_path):
    text = "time,y,open\n" + "\n".join(f"{t},{i},{'TRUE' if i % 2 else 'false'}" for i, t in enumerate(hours(6)))
    np.testing.assert_array_equal(
        read(write(tmp_path / "a.csv", text), target="y", known="open").columns["open"], [0, 1] * 3
    )


def test_late_text_in_a_numeric_column_names_the_line(tmp_path):
    lines = [f"{t},{i}.5" for i, t in enumerate(hours(60000))]
    lines[51233] = lines[51233].split(",")[0] + ",1_000"
    with pytest.raises(SchemaError, match="line 51235, column 'y': '1_000' is not a number"):
        read(write(tmp_path / "a.csv", "time,y\n" + "\n".join(lines)))


BAD = {
    "empty": ("", ReadError, "empty"),
    "header": ("time,y\n", ReadError, "no rows"),
    "no header": ("1,2\n3,4\n", SchemaError, "line 1 holds values"),
    "doubled": ("time,y,y\n2024-01-01,1,2\n", SchemaError, "'y' occurs 2 times"),
    "ragged": ("time,y\n2024-01-01,1\n2024-01-02,2,3\n", ReadError, "line 3 has 3 cells where the header has 2"),
    "short": ("time,y\n2024-01-01,1\n2024-01-02\n", ReadError, "line 3 has 1 cell "),
    "quote": ('time,y\n2024-01-01,"1\n2024-01-02,2\n', ReadError, "quotes are broken"),
    "text": ("time,y\n2024-01-01,1\n2024-01-02,abc\n2024-01-03,2\n", SchemaError, "line 3, column 'y': 'abc'"),
    "infinite": (
        "time,y\n2024-01-01,1\n2024-01-02,-inf\n2024-01-03,2\n",
        DataError,
        "line 3, column 'y': the value is inf",
    ),
    "nan": ("time,y\n2024-01-01,\n2024-01-02,NA\n", DataError, "no value in any row"),
    "constant": ("time,y\n2024-01-01,5\n2024-01-02,5\n", DataError, "is 5 in every row"),
    "date": ("time,y\n2024-01-01,5\n2024-02-30,6\n", TimeError, "line 3, column 'time': there is no such date"),
    "word": ("time,y\n2024-01-01,5\nsoon,6\n2024-01-03,1\n", TimeError, "line 3, column 'time': 'soon'"),
    "zones": ("time,y\n2024-01-01T00:00Z,5\n2024-01-01T01:00,6\n", TimeError, "mixes time zones"),
    "offsets": ("time,y\n2024-01-01T00:00+01:00,5\n2024-01-01T01:00+09:00,6\n", TimeError, "mixes time zones"),
    "two": ("time,a,b\n2024-01-01,5,1\n2024-01-02,6,1\n", SchemaError, "which column is to be forecast.*a, b"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_say_where_and_what(tmp_path, name):
    text, kind, message = BAD[name]
    with pytest.raises(kind, match=message):
        read(write(tmp_path / "a.csv", text))


def test_bad_paths_and_options(tmp_path):
    good = write(tmp_path / "load.csv", "time,demand\n2024-01-01,1\n2024-01-02,3\n")
    with pytest.raises(ReadError, match=r"did you mean 'load.csv'"):
        read(tmp_path / "laod.csv")
    with pytest.raises(ReadError, match="is a folder"):
        read(tmp_path)
    with pytest.raises(SchemaError, match=r"did you mean 'demand'.*columns are: time, demand"):
        read(good, target="Demnd")
    with pytest.raises(SchemaError, match="named as target and as known"):
        read(good, known="demand", target="demand")
    for wrong in (
        {"encoding": "klingon"},
        {"delimiter": ",,"},
        {"decimal": "x"},
        {"repair": "maybe"},
        {"timezone": "Mars/X"},
        {"frequency": "often"},
        {"wide": "columns"},
    ):
        with pytest.raises(ConfigError, match=next(iter(wrong))):
            read(good, **wrong)
    for data, message in (
        (b"PK\x03\x04abc", "Excel"),
        (b"\x00\x01\x02" * 50, "binary"),
        (b"PAR1" + b"\0" * 50, "Parquet"),
    ):
        (tmp_path / "x.csv").write_bytes(data)
        with pytest.raises(ReadError, match=message):
            read(tmp_path / "x.csv")
    (tmp_path / "y.csv.gz").write_bytes(gzip.compress(b"time,y\n" * 1000)[:-9])
    with pytest.raises(ReadError, match="gzip data are damaged"):
        read(tmp_path / "y.csv.gz")
    (tmp_path / "z.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(ReadError, match="no readable Parquet"):
        read(tmp_path / "z.parquet")


def test_any_bytes_end_in_a_table_or_a_tidegate_error(tmp_path):
    rng = np.random.default_rng(3)
    start = b'time,y,z\n2024-01-01 00:00,1.5,a\n2024-01-01 01:00,2.5,"b"\n2024-01-01 02:00,,c\n'
    path = tmp_path / "a.csv"
    for _ in range(300):
        data = bytearray(start)
        for _ in range(rng.integers(1, 6)):
            data[rng.integers(len(data))] = rng.choice(np.frombuffer(b'",;\n\r 0:-x\x00\xff\xa4\xb5.', dtype=np.uint8))
        path.write_bytes(bytes(data))
        try:
            table = read(path, target="y", repair="mean")
        except TidegateError:
            continue
        assert len(table.columns["y"]) == len(table)


def test_random_dirty_files_equal_pandas(tmp_path):
    rng = np.random.default_rng(5)
    for trial in range(30):
        count = int(rng.integers(3, 60))
        cells = [
            str(np.round(v, 3)) if rng.random() > 0.2 else rng.choice(["", "NA", "nan"]) for v in rng.normal(size=count)
        ]
        cells[0], cells[1] = "1.5", "2.5"
        quote = '"' if trial % 3 == 0 else ""
        text = "time,y\n" + "\n".join(f"{t},{quote}{c}{quote}" for t, c in zip(hours(count), cells, strict=True))
        table = read(write(tmp_path / "a.csv", text))
        np.testing.assert_array_equal(table.columns["y"], pd.read_csv(io.StringIO(text))["y"].to_numpy())
