"""Tables of several series, held to pandas' groupby on the same rows."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.core.errors import SchemaError
from tidegate.core.frequency import Frequency
from tidegate.core.table import Schema, Table


def make(lengths: list[int], dtype: type = np.float64) -> Table:
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    rows = int(starts[-1])
    begin = np.datetime64("2024-01-01T00", "us")
    time = np.concatenate(
        [begin + np.arange(100 * g, 100 * g + n) * np.timedelta64(1, "h") for g, n in enumerate(lengths)]
    )
    return Table(
        schema=Schema(time="time", targets=("y",), series="id", known=("price",), observed=("sky",)),
        frequency=Frequency(1, "h"),
        ids=tuple(f"s{g}" for g in range(len(lengths))),
        starts=starts,
        time=time.astype("datetime64[us]"),
        columns={
            "y": np.arange(rows, dtype=dtype),
            "price": np.arange(rows, dtype=dtype) / 2,
            "sky": np.array([f"sky{row}" for row in range(rows)], dtype=object),
        },
        static={"area": np.arange(len(lengths), dtype=np.float64)},
    )


def frame(table: Table) -> pd.DataFrame:
    columns: dict[str, Any] = {"id": np.repeat(table.ids, table.lengths), "time": table.time, **table.columns}
    return pd.DataFrame(columns)


lengths = st.lists(st.integers(1, 9), min_size=1, max_size=5)


@settings(max_examples=40)
@given(lengths=lengths, rows=st.integers(1, 12))
def test_the_tail_is_that_of_each_series(lengths: list[int], rows: int) -> None:
    table = make(lengths, np.float32)
    expected = frame(table).groupby("id", sort=False).tail(rows).reset_index(drop=True)
    tail = table.tail(rows)
    pd.testing.assert_frame_equal(frame(tail), expected)
    assert tail.columns["y"].dtype == np.float32
    assert tail.static is table.static


@settings(max_examples=40)
@given(lengths=lengths, steps=st.integers(0, 5))
def test_extending_appends_missing_rows_on_the_grid_of_each_series(lengths: list[int], steps: int) -> None:
    table = make(lengths)
    parts = []
    for _, rows in frame(table).groupby("id", sort=False):
        later = pd.date_range(rows["time"].iloc[-1], periods=steps + 1, freq="h")[1:].astype("datetime64[us]")
        more = pd.DataFrame({"id": rows["id"].iloc[0], "time": later, "y": np.nan, "price": np.nan, "sky": None})
        parts += [rows, more.astype({"sky": object})]
    expected = pd.concat([part for part in parts if len(part)], ignore_index=True)
    longer = table.extend(steps)
    found = frame(longer)
    assert found["id"].tolist() == expected["id"].tolist()
    np.testing.assert_array_equal(found["time"].to_numpy(), expected["time"].to_numpy())
    np.testing.assert_array_equal(found["y"].to_numpy(), expected["y"].to_numpy())
    assert [value if isinstance(value, str) else None for value in expected["sky"]] == longer.columns["sky"].tolist()
    assert longer.lengths.tolist() == [length + steps for length in lengths]


def test_extending_takes_what_is_known_ahead_and_leaves_the_table_alone() -> None:
    table = make([2, 3], np.float32)
    known = np.array([[10.0, 11.0], [20.0, 21.0]])
    longer = table.extend(2, {"price": known})
    np.testing.assert_array_equal(longer.columns["price"], np.array([0, 0.5, 10, 11, 1, 1.5, 2, 20, 21], np.float32))
    np.testing.assert_array_equal(longer.columns["y"], np.array([0, 1, np.nan, np.nan, 2, 3, 4, np.nan, np.nan]))
    assert longer.columns["price"].dtype == np.float32
    assert longer.time[3] == np.datetime64("2024-01-01T03")
    assert longer.time[8] == np.datetime64("2024-01-05T08")
    assert len(table) == 5
    assert table.columns["price"].tolist() == [0, 0.5, 1, 1.5, 2]


def test_extending_takes_times_for_a_grid_that_has_none() -> None:
    table = make([2])
    given_times = np.array([["2024-02-01", "2024-03-05"]], dtype="datetime64[us]")
    assert table.extend(2, time=given_times).time[2:].tolist() == given_times[0].tolist()


def test_text_known_ahead_is_taken() -> None:
    longer = make([2]).extend(1, {"sky": np.array([["rain"]], dtype=object)})
    assert longer.columns["sky"].tolist() == ["sky0", "sky1", "rain"]


def test_a_future_column_must_be_one_of_the_table_and_have_a_value_for_each_step() -> None:
    with pytest.raises(SchemaError, match=r"'prize' is not a column of the table; it has \['price', 'sky', 'y'\]"):
        make([2]).extend(1, {"prize": np.zeros((1, 1))})
    with pytest.raises(SchemaError, match=r"'price' has shape \(1, 3\), expected \(1, 2\)"):
        make([2]).extend(2, {"price": np.zeros((1, 3))})


@given(lengths=lengths)
def test_rows_know_their_series(lengths: list[int]) -> None:
    table = make(lengths)
    expected = frame(table)["id"].factorize()[0]
    np.testing.assert_array_equal(table.series_of(np.arange(len(table))), expected)
    assert [end - begin for begin, end in table.rows().tolist()] == lengths
    assert table.lengths.tolist() == lengths


def test_columns_are_numbers_or_text() -> None:
    table = make([2], np.float32)
    assert table.numeric("y")
    assert not table.numeric("sky")


def test_a_schema_survives_json() -> None:
    schema = Schema(time="t", targets=("a", "b"), series=None, known=("k",), static=("s",))
    assert Schema.from_json(schema.to_json()) == schema
