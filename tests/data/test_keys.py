"""Series are told apart as they were named, and come back in the kind they came in."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

import tidegate as tg
from tidegate.core.errors import SchemaError, TimeError
from tidegate.core.table import Schema
from tidegate.data import read
from tidegate.data.emit import to_frame
from tidegate.data.sources.labels import from_texts
from tidegate.runtime.forecast.ends import pack_context, unpack_context

DAYS = pd.date_range("2024-01-01", periods=12, freq="D")


def frame(**keys):
    count = len(next(iter(keys.values())))
    columns = {name: np.repeat(np.asarray(values), len(DAYS)) for name, values in keys.items()}
    return pd.DataFrame({**columns, "ds": np.tile(DAYS, count), "y": np.arange(count * len(DAYS)) % 7.0})


def out(table, like):
    each = np.arange(len(table.ids))
    ends = table.time[table.starts[1:] - 1]
    return to_frame(
        {**table.named(each), table.schema.time: ends, "mean": each * 1.0}, timezone=table.timezone, like=like
    )


def test_two_columns_make_one_key_and_come_apart_again(tmp_path):
    data = frame(store=[1, 1, 2, 2], dept=["a", "b/c", "a", "b/c"])
    shuffled = data.sample(frac=1, random_state=0)
    table = read(shuffled, series=["store", "dept"], repair="sort")
    assert len(table.ids) == len(set(table.ids)) == 4
    found = out(table, data)
    assert sorted(zip(found["store"], found["dept"], strict=True)) == [(1, "a"), (1, "b/c"), (2, "a"), (2, "b/c")]
    assert found["store"].dtype == data["store"].dtype
    for place, (store, dept) in enumerate(zip(table.keys["store"], table.keys["dept"], strict=True)):
        mine = data[(data["store"] == store) & (data["dept"] == dept)]
        np.testing.assert_array_equal(table.columns["y"][slice(*table.rows()[place])], mine["y"])
    data.to_csv(tmp_path / "two.csv", index=False)
    assert read(tmp_path / "two.csv", series=["store", "dept"], target="y").ids == ("1/a", "1/b\\/c", "2/a", "2/b\\/c")
    with pytest.raises(SchemaError, match="'dept' is named more than once"):
        read(data, series=["dept", "dept"])
    with pytest.raises(SchemaError, match="no such column"):
        read(data, series=["store", "shop"])


def test_joined_names_are_never_the_same_for_different_keys():
    data = frame(a=["x/y", "x", "x\\", "x"], b=["z", "y/z", "/z", "\\/z"])
    assert len(set(read(data, series=["a", "b"]).ids)) == 4


def test_static_data_of_two_key_columns():
    data = frame(store=[1, 1, 2], dept=["a", "b", "a"])
    more = pd.DataFrame({"dept": ["a", "a", "b"], "store": [2, 1, 1], "size": [30.0, 10.0, 20.0]})
    table = read(data, series=["store", "dept"], static_data=more)
    np.testing.assert_array_equal(table.static["size"], [10.0, 20.0, 30.0])


KEYS = {
    "int": pd.Series([3, 1, 2], dtype="int32"),
    "text of digits": pd.Series(["3", "1", "2"]),
    "zeros before": pd.Series(["001", "01", "1"]),
    "categories": pd.Categorical(["c", "a", "b"]),
    "categories of numbers": pd.Categorical([30, 10, 20]),
    "dates": pd.to_datetime(["2024-01-03", "2024-01-01", "2024-01-02"]),
}


@pytest.mark.parametrize("kind", KEYS)
def test_keys_come_back_in_the_kind_they_came_in(kind):
    values = KEYS[kind]
    places = np.repeat([0, 1, 2], len(DAYS))
    data = pd.DataFrame({"item_id": values[places], "ds": np.tile(DAYS, 3), "y": np.arange(36) % 7.0})
    data = data.reset_index(drop=True)
    found = out(read(data), data)
    assert found["item_id"].dtype == data["item_id"].dtype
    assert set(found["item_id"]) == set(data["item_id"])


TIMES = {
    "date": pl.Date,
    "ms": pl.Datetime("ms"),
    "ns": pl.Datetime("ns"),
    "zone": pl.Datetime("ms", "Europe/Berlin"),
    "utc": pl.Datetime("us", "UTC"),
}


@pytest.mark.parametrize("kind", TIMES)
@pytest.mark.parametrize("step", ["1d", "6h"])
def test_times_come_back_in_the_kind_they_came_in(kind, step):
    if kind == "date" and step == "6h":
        return
    wall = pl.datetime_range(pl.datetime(2024, 3, 1), pl.datetime(2024, 3, 9), step, eager=True, time_unit="us")
    zone = getattr(TIMES[kind], "time_zone", None)
    times = (wall.dt.replace_time_zone(zone) if zone else wall).cast(TIMES[kind])
    data = pl.DataFrame(
        {"ds": times, "shop": pl.Series(["a"] * len(times), dtype=pl.Categorical), "y": range(len(times))}
    )
    found = out(read(data, series="shop"), data)
    assert found.schema["ds"] == data.schema["ds"]
    assert found["ds"][0] == data["ds"][-1]
    assert found.schema["shop"] == pl.Categorical


def test_integers_in_a_file_are_integers_and_zeros_before_them_stay(tmp_path):
    for written, expected in (("1 2 10", [1, 2, 10]), ("001 01 1", ["001", "01", "1"])):
        rows = [f"{key},{day:%Y-%m-%d},{i % 5}" for key in written.split() for i, day in enumerate(DAYS)]
        (tmp_path / "keys.csv").write_text("\n".join(["store,ds,y", *rows]))
        table = read(tmp_path / "keys.csv", series="store", target="y")
        assert table.keys["store"].tolist() == expected
        assert table.ids == tuple(written.split())


def test_a_blank_name_is_refused(tmp_path):
    (tmp_path / "keys.csv").write_text("store,ds,y\na,2024-01-01,1\na,2024-01-02,2\n ,2024-01-03,4\n")
    with pytest.raises(SchemaError, match=r"line 4, column 'store': the series has no name \(1 such"):
        read(tmp_path / "keys.csv", series="store", target="y")
    data = frame(store=["a", None, "b"])
    with pytest.raises(SchemaError, match=r"row 12, column 'store': the series has no name \(12 such"):
        read(data, series="store")
    with pytest.raises(SchemaError, match="column 'dept'"):
        read(frame(store=[1, 2], dept=["a", ""]), series=["store", "dept"])


def test_a_saved_context_keeps_the_keys():
    table = read(frame(store=[1, 2], dept=["a", "b"]), series=["store", "dept"])
    about, arrays = pack_context(table, 5)
    again = unpack_context(about, arrays, Schema.from_json(table.schema.to_json()), table.frequency, None)
    assert again.schema == table.schema
    assert again.keys["store"].tolist() == [1, 2]
    assert again.keys["store"].dtype == np.int64
    assert again.keys["dept"].tolist() == ["a", "b"]


def test_one_irregular_series_of_many_is_named():
    data = frame(store=[f"s{i}" for i in range(31)])
    data.loc[(data["store"] == "s7") & (data["ds"] == DAYS[5]), "ds"] += pd.Timedelta(hours=5, minutes=7)
    note = next(note for note in read(data, series="store").notes if note.kind == "irregular_series")
    assert (note.values["count"], note.values["total"], note.values["names"]) == (1, 31, "s7")


def test_classes_with_zeros_before_them_are_text():
    assert from_texts(["001", "01", "1"]).tolist() == ["001", "01", "1"]
    assert from_texts(["0", "1", "1"]).tolist() == [0, 1, 1]
    assert from_texts(["0.5", "1"]).tolist() == [0.5, 1.0]


def test_forecasts_carry_the_columns_of_the_key(tmp_path):
    days = pd.date_range("2024-01-01", periods=60, freq="D")
    data = pd.DataFrame({
        "store": np.repeat([7, 7, 8], 60), "dept": np.repeat(["a", "b", "a"], 60), "ds": np.tile(days, 3),
        "y": np.sin(np.arange(180)) + np.repeat([0, 50, 100], 60),
    })  # fmt: skip
    model = tg.Forecaster(horizon=3, window=7, hidden_size=4, num_layers=1, max_epochs=1)
    model.fit(data, series=["store", "dept"], progress=False)
    found = model.predict()
    assert found["store"].dtype == data["store"].dtype
    assert found[["store", "dept"]].drop_duplicates().values.tolist() == [[7, "a"], [7, "b"], [8, "a"]]
    np.testing.assert_allclose(
        model.predict(data.sample(frac=1, random_state=1), repair="sort")["mean"].sum(), found["mean"].sum()
    )
    model.save(tmp_path / "model")
    again = tg.load(tmp_path / "model")
    loaded = again.predict()
    assert loaded["store"].dtype == np.int64 or str(loaded["store"].dtype) == "Int64"
    assert list(loaded["dept"]) == list(found["dept"])
    assert len(again.predict(data)) == 9


def test_doubled_times_of_one_key_column_point_to_the_other():
    data = frame(store=[1, 1, 2, 2], dept=["a", "b", "a", "b"])
    with pytest.raises(TimeError, match=r"If column 'dept' tells series apart, pass series=\['store', 'dept'\]"):
        read(data, series="store", target="y", repair="sort")


def test_columns_that_tell_doubled_times_apart_are_named():
    days = [f"2024-01-{day:02d}" for day in range(1, 11)]
    rows = [(day, store, family) for day in days for store in (1, 2) for family in ("A", "B")]
    columns = dict(zip(("date", "store", "family"), (list(column) for column in zip(*rows, strict=True)), strict=True))
    data = {**columns, "id": list(range(len(rows))), "sales": [float(i % 7) for i in range(len(rows))]}
    with pytest.raises(TimeError, match=r"series=\['family', 'store'\] \(--series family --series store\)"):
        read(data, time="date", target="sales")
    with pytest.raises(TimeError, match=r"'store'"):
        read(data, time="date", target="sales", series="family")
    assert read(data, time="date", target="sales", series=["store", "family"]).ids[0] == "1/A"
