import ast
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tidegate.data
from tidegate.core.errors import DataError, ReadError, SchemaError, TidegateError, TimeError
from tidegate.core.frequency import Frequency
from tidegate.core.translate import catalogue
from tidegate.data import describe, read
from tidegate.data.read import open_source
from tidegate.data.schema import find_time

DAYS = pd.date_range("2024-01-01", periods=30, freq="D")


def long_frame():
    rng = np.random.default_rng(0)
    frames = [
        pd.DataFrame(
            {"unique_id": name, "ds": DAYS[:count], "y": rng.normal(size=count), "kind": name[0], "size": count}
        )
        for name, count in (("b1", 30), ("a1", 12), ("a2", 20))
    ]
    return pd.concat(frames, ignore_index=True)


def kinds(table):
    return {note.kind for note in table.notes}


@pytest.mark.parametrize(
    "convert",
    [
        lambda f: f,
        pl.from_pandas,
        pa.Table.from_pandas,
        lambda f: f.sample(frac=1, random_state=1),
        lambda f: f.to_dict("list"),
    ],
)
def test_long_frames_of_every_kind(convert):
    frame = long_frame()
    table = read(convert(frame), static=["kind", "size"], repair="sort")
    assert set(table.ids) == {"a1", "a2", "b1"}
    for i, name in enumerate(table.ids):
        a, b = table.starts[i : i + 2]
        expected = frame[frame.unique_id == name]
        np.testing.assert_array_equal(table.columns["y"][a:b], expected.y)
        np.testing.assert_array_equal(table.time[a:b], expected.ds.to_numpy().astype("datetime64[us]"))
        assert table.static["kind"][i] == name[0]
        assert table.static["size"][i] == len(expected)
    assert set(table.columns) == {"y"}


def test_other_conventions_and_unused_columns():
    frame = long_frame().rename(columns={"unique_id": "item_id", "ds": "timestamp", "y": "target"})
    table = read(frame)
    assert (table.schema.series, table.schema.time, table.schema.targets) == ("item_id", "timestamp", ("target",))
    assert next(n for n in table.notes if n.kind == "unused").values == {"columns": "kind, size"}
    with pytest.raises(SchemaError, match="static column 'target' changes within series 'b1'"):
        read(frame.assign(y=np.arange(62.0)), static="target", target="y")
    single = frame[frame.item_id == "b1"].rename(columns={"timestamp": "Date"})[["Date", "target"]]
    assert read(single).schema.time == "Date"


def test_clean_columns_are_views():
    array = np.random.default_rng(0).normal(size=(100, 3)).astype(np.float32)
    table = read(array, target=["value_0", "value_2"])
    assert np.shares_memory(table.columns["value_2"], array)
    assert table.columns["value_2"].dtype == np.float32
    assert table.frequency == Frequency(1, "row")
    frame = pd.DataFrame({"y": array[:, 0].astype(float)}, index=pd.date_range("2024-01-01", periods=100, freq="h"))
    assert np.shares_memory(read(frame).columns["y"], frame["y"].to_numpy())
    frame = pl.DataFrame({"time": frame.index.to_numpy(), "y": array[:, 0]})
    assert np.shares_memory(read(frame).columns["y"], frame["y"].to_numpy())
    assert read(array[:, 0]).schema.targets == ("value",)


def test_nulls_categories_and_integers():
    frame = pl.DataFrame(
        {"time": DAYS[:4].to_numpy(), "y": [1, None, 3, 4], "b": [True, None, False, True], "c": ["x", None, "y", "x"]}
    )
    for source in (frame, frame.to_arrow(), frame.with_columns(pl.col("c").cast(pl.Categorical))):
        table = read(source, target="y", known=["b", "c"])
        np.testing.assert_array_equal(table.columns["y"], [1, np.nan, 3, 4])
        np.testing.assert_array_equal(table.columns["b"], [1, np.nan, 0, 1])
        assert list(table.columns["c"]) == ["x", None, "y", "x"]
    nullable = pd.DataFrame(
        {"time": DAYS[:3], "y": pd.array([1, None, 3], dtype="Int64"), "z": pd.array([1.5, None, 3], dtype="Float64")}
    )
    table = read(nullable, target=["y", "z"])
    np.testing.assert_array_equal(table.columns["y"], [1, np.nan, 3])
    np.testing.assert_array_equal(table.columns["z"], [1.5, np.nan, 3])


def test_wide_by_columns_and_by_rows(tmp_path):
    frame = pd.DataFrame({"date": DAYS, "north": np.arange(30.0), "south": np.arange(30.0) * 2})
    frame.loc[:4, "south"] = np.nan
    table = read(frame, wide=True)
    assert table.ids == ("north", "south")
    assert list(table.lengths) == [30, 25]
    np.testing.assert_array_equal(table.columns["value"][30:], np.arange(5, 30) * 2)
    assert table.time[30] == np.datetime64("2024-01-06")
    path = tmp_path / "m4.csv"
    path.write_text('"V1","V2","V3","V4"\n"H1","1.5","2","3"\n"H2","4","NA","6"\n"H3","7","8"\n"H4",9,,\n')
    for source in (path, pd.read_csv(path)):
        table = read(source, wide="rows")
        assert table.ids == ("H1", "H2", "H3", "H4")
        assert list(table.lengths) == [3, 3, 2, 1]
        np.testing.assert_array_equal(table.columns["value"], [1.5, 2, 3, 4, np.nan, 6, 7, 8, 9])
        np.testing.assert_array_equal(table.time, [0, 1, 2, 0, 1, 2, 0, 1, 0])


def test_time_from_parts_and_by_counting():
    index = pd.date_range("2024-02-27", periods=80, freq="h")
    frame = pd.DataFrame(
        {"year": index.year, "month": index.month, "day": index.day, "hour": index.hour, "y": np.arange(80.0)}
    )
    np.testing.assert_array_equal(read(frame).time, index.to_numpy().astype("datetime64[us]"))
    table = read({"step": [0, 10, 30], "y": [1.0, 2.0, 3.0]}, time="step", target="y")
    assert list(table.time) == [0, 10, 20, 30]
    assert table.frequency == Frequency(10, "row")
    assert kinds(read(frame, time=False, target="y")) == {"unused", "no_time_column"}


def test_static_data():
    static = pd.DataFrame({"unique_id": ["a1", "b1", "a2"], "region": ["n", "s", "n"], "area": [1.0, 2, 3]})
    table = read(long_frame(), static_data=static)
    assert table.ids == ("b1", "a1", "a2")
    assert list(table.static["region"]) == ["s", "n", "n"]
    np.testing.assert_array_equal(table.static["area"], [2, 1, 3])
    assert table.schema.static == ("region", "area")
    with pytest.raises(SchemaError, match="no row for series 'a2'"):
        read(long_frame(), static_data=static[:2])


def test_bad_frames():
    with pytest.raises(SchemaError, match="occurs more than once"):
        read(pd.DataFrame([[1, 2]], columns=["y", "y"]))
    with pytest.raises(ReadError, match="no rows"):
        read(pd.DataFrame({"y": []}))
    with pytest.raises(SchemaError, match="differ in length"):
        read({"a": [1], "b": [1, 2]})
    with pytest.raises(SchemaError, match="cannot read a"):
        read(42)
    with pytest.raises(DataError, match="row 1, column 'y': the value is infinite"):
        read({"y": [1.0, np.inf]})
    with pytest.raises(DataError, match="no value in any row"):
        read({"y": [np.nan, np.nan]}, target="y")
    with pytest.raises(DataError, match="constant"):
        read({"y": [2.0, 2.0]})
    assert len(read({"y": [2.0, 2.0]}, check=False)) == 2
    with pytest.raises(SchemaError, match="row 1, column 'y': 'x' is not a number"):
        read({"y": np.array(["1", "x", "2"], dtype=object)}, target="y")


def test_parquet(tmp_path):
    frame = pl.DataFrame({"time": DAYS.to_numpy(), "y": np.arange(30.0)})
    frame.write_parquet(tmp_path / "a.parquet")
    np.testing.assert_array_equal(read(tmp_path / "a.parquet").columns["y"], np.arange(30.0))


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_generated_tables_round_trip_or_are_refused(data):
    count = data.draw(st.integers(1, 25))
    step = data.draw(st.sampled_from(["15min", "h", "D", "MS", "W"]))
    index = pd.date_range("2022-12-01", periods=count, freq=step)
    keep = np.array(data.draw(st.lists(st.booleans(), min_size=count, max_size=count)))
    keep[[0, -1]] = True
    number = st.one_of(st.floats(allow_subnormal=False), st.integers(-5, 5).map(float), st.just(float("nan")))
    values = np.array(data.draw(st.lists(number, min_size=count, max_size=count)))
    order = np.array(data.draw(st.permutations(range(count)))) if data.draw(st.booleans()) else np.arange(count)
    order = order[keep[order]]
    frame = pd.DataFrame({"ds": index[order], "y": values[order]})
    try:
        table = read(frame, repair=data.draw(st.sampled_from(["error", "sort", "mean"])), frequency=step)
    except TidegateError:
        sound = np.isfinite(values[order]) | np.isnan(values[order])
        held = values[keep & ~np.isnan(values)]
        in_order = (np.diff(order) > 0).all()
        too_sparse = count > 10 * keep.sum()
        assert not sound.all() or len(np.unique(held)) < 2 or not in_order or too_sparse
        return
    np.testing.assert_array_equal(table.time, index.to_numpy().astype("datetime64[us]"))
    np.testing.assert_array_equal(table.columns["y"], np.where(keep, values, np.nan))


@settings(max_examples=40, deadline=None)
@given(
    cells=st.lists(
        st.one_of(st.floats(allow_nan=False, allow_infinity=False, width=32), st.none()), min_size=2, max_size=20
    ),
    text=st.text(max_size=6),
    decimal=st.sampled_from([".", ","]),
)
def test_generated_files_round_trip_or_are_refused(tmp_path_factory, cells, text, decimal):
    path = tmp_path_factory.mktemp("g") / "a.csv"
    frame = pd.DataFrame(
        {
            "ds": pd.date_range("2024-01-01", periods=len(cells), freq="D"),
            "y": np.array(cells, dtype=float),
            "note": text,
        }
    )
    frame.to_csv(path, index=False, decimal=decimal, sep=";", encoding="utf-8", lineterminator="\n")
    try:
        table = read(path, decimal=decimal, time="ds", target="y")
    except TidegateError:
        held = frame.y.dropna()
        assert held.nunique() < 2 or "\r" in text or "\x00" in text
        return
    np.testing.assert_array_equal(table.columns["y"], frame.y)


def test_what_is_known_to_be_anomalous_is_a_label_and_no_input():
    rows = {"y": [1.0, 2.0, 4.0], "bad": [0, 0, 1], "wind": [3.0, 1.0, 2.0]}
    lines = dict(
        line.split(None, 1)
        for line in describe(read(rows, target="y", observed=["wind", "bad"]), "en", "bad").splitlines()
    )
    assert (lines["observed"], lines["label"]) == ("wind", "bad")


def test_describe_in_both_languages():
    table = read(long_frame(), static=["kind"])
    english, chinese = describe(table, "en"), describe(table, "zh_TW")
    assert "unique_id: 3 series of 12 to 30 rows" in english
    assert "daily" in english
    assert "2024-01-01 to 2024-01-30" in english
    assert "Columns that are not used: size." in english
    assert "每日" in chinese
    assert "未使用的欄位：size" in chinese


def test_every_message_is_translated():
    known = catalogue("zh_TW")
    skip = {"emit.py", "future.py"}
    found = set()
    for path in Path(tidegate.data.__file__).parent.rglob("*.py"):
        if path.name in skip:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        texts = [
            (target.id, node.value.value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
            for target in node.targets
            if isinstance(target, ast.Name)
        ]
        found |= {text for name, text in texts if name in ("message", "note")}
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
        for call in calls:
            if call.func.id in ("tr", "Note"):
                argument = call.args[call.func.id == "Note"]
                if isinstance(argument, ast.Constant):
                    found.add(argument.value)
                elif isinstance(argument, ast.Name):
                    found |= {text for name, text in texts if name == argument.id}
        if path.name == "describe.py":
            steps = next(n.value for n in tree.body if isinstance(n, ast.Assign) and n.targets[0].id == "_STEPS")
            found |= {n.value for pair in steps.values for n in pair.elts}
    assert len(found) > 50
    assert not found - set(known)


@pytest.mark.parametrize("kind", ["float64", "float32", "int64", "datetime64[s]"])
def test_the_mask_of_a_masked_array_is_missing(kind):

    values = np.ma.masked_array(np.arange(20) % 7, mask=np.arange(20) == 5)
    values.data[5] = -9999
    if kind == "datetime64[s]":
        times = np.ma.masked_array(np.arange(20).astype(kind), mask=values.mask)
        with pytest.raises(TimeError, match="the time is missing"):
            read({"ds": times, "y": np.arange(20.0)})
        return
    for source in ({"y": values.astype(kind)}, values.astype(kind), values.astype(kind)[:, None]):
        column = next(iter(read(source, time=False).columns.values()))
        assert np.flatnonzero(np.isnan(column)).tolist() == [5]
        assert np.nanmin(column) == 0


MONTH_NAMES = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()  # noqa: SIM905


@pytest.mark.parametrize(
    "names", [MONTH_NAMES, [f"{i}月" for i in range(1, 13)], [name.upper() for name in MONTH_NAMES]]
)
def test_a_row_a_year_and_a_column_a_month_is_one_series(names, tmp_path):
    values = np.arange(60.0).reshape(5, 12)
    frame = pd.DataFrame(values, columns=names)
    frame.insert(0, "Year", range(1990, 1995))
    frame["Annual"] = 0.0
    frame.iloc[-1, 7:13] = np.nan
    frame.to_csv(tmp_path / "a.csv", index=False)
    for source in (frame, tmp_path / "a.csv"):
        table = read(source)
        assert table.columns["value"].tolist() == list(range(54))
        assert table.time[[0, -1]].astype("datetime64[M]").astype(str).tolist() == ["1990-01", "1994-06"]
        assert {"calendar", "unused"} <= {note.kind for note in table.notes}
    assert len(read(frame, target=names[0])) == 5


@pytest.mark.parametrize("names", ["Q1 Q2 Q3 Q4", "Qtr1 Qtr2 Qtr3 Qtr4", "1Q 2Q 3Q 4Q", "第1季 第2季 第3季 第4季"])
def test_a_row_a_year_and_a_column_a_quarter_is_one_series(names, tmp_path):
    frame = pd.DataFrame(np.arange(40.0).reshape(10, 4), columns=names.split())
    frame.insert(0, "Year", range(1990, 2000))
    frame["Annual total"] = 0.0
    frame.iloc[-1, 3:5] = np.nan
    frame.to_csv(tmp_path / "a.csv", index=False)
    for source in (frame, tmp_path / "a.csv"):
        table = read(source)
        assert table.columns["value"].tolist() == list(range(38))
        assert table.time[[0, 1, -1]].astype("datetime64[M]").astype(str).tolist() == ["1990-01", "1990-04", "1999-04"]
        assert {"calendar", "unused"} <= {note.kind for note in table.notes}
    seasons = frame.iloc[:-1].rename(columns={"Annual total": "sales"}).assign(sales=np.arange(9.0))
    with pytest.raises(SchemaError, match="which column"):  # the quarters may be seasons in zeros and ones
        read(seasons)


@pytest.mark.parametrize("names", [[f"H{i}" for i in range(1, 25)], [f"{i:02d}:00" for i in range(24)]])
def test_a_row_a_day_and_a_column_an_hour_is_one_series(names):
    frame = pd.DataFrame(np.arange(240.0).reshape(10, 24), columns=names)
    frame.insert(0, "date", [f"2024-02-{day:02d}" for day in range(20, 30)])
    table = read(frame)
    assert table.columns["value"].tolist() == list(range(240))
    assert table.time[-1] == np.datetime64("2024-02-29T23:00")
    assert str(table.frequency) == "h"


@pytest.mark.parametrize(
    ("name", "cells", "time"),
    [
        ("data", [-46.39, 311.3, 302.1, -12.5, 87.0, 40.25, 55.5, 13.0, 91.0, 4.5], None),
        ("data", [f"2024-01-0{day}" for day in range(1, 10)], "data"),  # Italian and Portuguese for date
        ("time", [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5], "time"),
        ("time", [0.0, 0.5, 1.0, 1.5, 2.0, 0.0, 0.5, 1.0, 1.5, 2.0], "time"),  # of two runs
        ("time", [-2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 2.5], "time"),
    ],
)
def test_a_column_with_a_name_of_times_is_one_where_its_numbers_run_on(name, cells, time, tmp_path):
    path = tmp_path / "rows.csv"
    values = [3.5, 1.25, 9.0, 2.5, 7.0, 4.0, 8.5, 6.0, 5.5, 2.0]
    rows = [f"{cell},{value}" for cell, value in zip(cells, values[: len(cells)], strict=True)]
    path.write_text("\n".join([f"{name},y2", *rows]) + "\n")
    found = find_time(open_source(path), None, ())
    assert found == (() if time is None else (time,))
