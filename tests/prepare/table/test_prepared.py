"""The gathers against a plain loop; what they refuse; text, masks, statics and empty columns."""

from __future__ import annotations

import numpy as np
import pytest

from tests.prepare.table.tables import holes, make_table
from tidegate.core.errors import ConfigError, DataError, SchemaError
from tidegate.prepare import Preparation, PrepareOptions


def test_gathers_equal_a_plain_loop() -> None:
    generator = np.random.default_rng(0)
    table_values = generator.standard_normal((100, 4)).astype(np.float32)
    names = ("y", "z", "o", "k")
    columns = {name: table_values[:, c] for c, name in enumerate(names)}
    table = make_table(columns, lengths=(60, 40), targets=("y", "z"), observed=("o",), known=("k",), start=None)
    preparation = Preparation.fit(table, np.array([[0, 50], [60, 80]]), PrepareOptions(scale_by="shared"))
    prepared = preparation.apply(table)
    assert (preparation.past_names, preparation.future_names) == (names, ("k",))
    assert (preparation.target_names, preparation.history) == (("y", "z"), 1)
    training = np.concatenate([table_values[:50], table_values[60:80]]).astype(np.float64)
    scaled = (table_values - training.mean(0)) / training.std(0)
    origins = np.array([10, 30, 70, 95, 10])
    buffer = np.empty((5, 8, 4), dtype=np.float32)
    assert prepared.past(origins, 8, buffer) is buffer
    target, seen = prepared.target(origins, 5)
    assert seen.all()
    for b, o in enumerate(origins):
        np.testing.assert_allclose(buffer[b], scaled[o - 8 : o], atol=1e-6)
        np.testing.assert_allclose(prepared.future(origins, 5)[b, :, 0], scaled[o : o + 5, 3], atol=1e-6)
        np.testing.assert_allclose(target[b], scaled[o : o + 5, :2], atol=1e-6)
        np.testing.assert_array_equal(prepared.raw_target(origins, 5)[b], table_values[o : o + 5, :2])


def test_clean_columns_are_not_copied() -> None:
    values = np.arange(200, dtype=np.float32).reshape(100, 2)
    table = make_table({"y": values[:, 0], "o": values[:, 1]}, observed=("o",), start=None)
    prepared = Preparation.fit(table, table.rows()).apply(table)
    for channel in prepared._channels.columns:
        assert np.shares_memory(channel.filled.values, values)  # type: ignore[union-attr]


@pytest.mark.parametrize("origin", [0, 9, 51, 60, 69, 100])
def test_windows_that_leave_their_series_are_refused(origin: int) -> None:
    table = make_table({"y": np.arange(100.0)}, lengths=(60, 40))
    prepared = Preparation.fit(table, table.rows()).apply(table)
    origins = np.array([30, origin])
    past_fits, future_fits = origin in (51, 60, 100), origin in (9, 69)
    for fits, gather in (
        (past_fits, lambda: prepared.past(origins, 10)),
        (future_fits, lambda: prepared.target(origins, 10)),
        (future_fits, lambda: prepared.raw_target(origins, 10)),
        (future_fits, lambda: prepared.future(origins, 10)),
    ):
        if fits:
            gather()
        else:
            with pytest.raises(DataError, match=f"window at row {origin} needs"):
                gather()


def test_text_becomes_one_hot_of_training_categories() -> None:
    text = ["b", "a", "b", None, "b", "a", "q", "q", None, "a"]
    table = make_table({"y": np.arange(10.0), "w": text}, known=("w",), start=None)
    preparation = Preparation.fit(table, np.array([[0, 6]]), PrepareOptions())
    assert preparation.past_names == ("y", "w=b", "w=a")
    assert preparation.numeric_inputs == (0,)
    prepared = preparation.apply(table)
    expected = [[float(word == "b"), float(word == "a")] for word in text]
    assert prepared.past(np.array([10]), 10)[0, :, 1:].tolist() == expected
    assert prepared.future(np.array([1]), 9)[0].tolist() == expected[1:]
    assert [note.values for note in preparation.notes] == [{"column": "w", "count": 1}]
    assert [note.values for note in prepared.notes] == [{"column": "w", "count": 2, "first": "q"}]


def test_at_most_32_categories() -> None:
    words = [f"c{n:02}" for n in range(40) for _ in range(2)] + ["c39", "c38"]
    table = make_table({"y": np.arange(82.0), "w": words}, observed=("w",), start=None)
    preparation = Preparation.fit(table, table.rows())
    assert preparation.past_names[1:4] == ("w=c38", "w=c39", "w=c00")
    assert len(preparation.past_names) == 33
    assert preparation.notes[0].values == {"column": "w", "kept": 32, "count": 8}


@pytest.mark.parametrize(
    ("mask", "expected"), [(None, ("o:missing",)), (True, ("y:missing", "o:missing")), (False, ())]
)
def test_masks(mask: bool | None, expected: tuple[str, ...]) -> None:
    o = np.array([1.0, np.nan, 3, 4, 5, np.nan])
    table = make_table({"y": np.array([1.0, 2, 3, 4, 5, np.nan]), "o": o}, observed=("o",), start=None)
    preparation = Preparation.fit(table, np.array([[0, 5]]), PrepareOptions(mask=mask))
    assert preparation.past_names == ("y", "o", *expected)
    past = preparation.apply(table).past(np.array([6]), 6)[0]
    if expected:
        assert past[:, -1].tolist() == [0, 1, 0, 0, 0, 1]


def test_statics_are_scaled_and_one_hot() -> None:
    table = make_table(
        {"y": np.arange(40.0)},
        lengths=(10, 10, 10, 10),
        static={"size": [1.0, 3.0, np.nan, 100.0], "kind": np.array(["a", "b", "a", "z"], dtype=object)},
    )
    rows = table.rows()
    rows[3, 1] = rows[3, 0]
    preparation = Preparation.fit(table, rows, PrepareOptions())
    assert preparation.static_names == ("size", "kind=a", "kind=b")
    static = preparation.apply(table).static(np.array([5, 15, 25, 35]))
    assert static.tolist() == [[-1, 1, 0], [1, 0, 1], [0, 1, 0], [98, 0, 0]]


def test_a_covariate_without_training_values_is_zero() -> None:
    o = np.full(20, np.nan)
    o[15:] = 7.0
    table = make_table({"y": np.arange(20.0), "o": o, "k": o}, observed=("o",), known=("k",), start=None)
    preparation = Preparation.fit(table, np.array([[0, 10]]), PrepareOptions())
    prepared = preparation.apply(table)
    assert preparation.past_names == ("y", "o", "k")
    assert not prepared.past(np.array([20]), 20)[0, :, 1:].any()
    assert not prepared.future(np.array([12]), 8).any()
    prepared.check_future(np.array([10]), 8)
    assert [(note.kind, note.values["column"]) for note in preparation.notes] == [("empty", "o"), ("empty", "k")]


def test_check_future_names_column_series_and_time() -> None:
    k = np.arange(40.0)
    k[36] = np.nan
    text = ["a"] * 38 + [None, "a"]
    table = make_table({"y": np.arange(40.0), "k": k, "w": text}, lengths=(20, 20), known=("k", "w"))
    prepared = Preparation.fit(table, np.array([[0, 10], [20, 30]])).apply(table)
    prepared.check_future(np.array([10, 30]), 6)
    with pytest.raises(DataError, match=r"'k' is missing at time 2020-01-01T16:00:00\.000000 of series 's1'"):
        prepared.check_future(np.array([10, 34]), 6)
    with pytest.raises(DataError, match=r"'w' is missing at time 2020-01-01T18"):
        prepared.check_future(np.array([37]), 3)
    assert np.isfinite(prepared.future(np.array([34]), 6)).all()
    extended = table.extend(5)
    later = Preparation.fit(table, table.rows()).apply(extended)
    with pytest.raises(DataError, match=r"'k' is missing at time 2020-01-01T20.*'s0'"):
        later.check_future(np.array([20]), 5)


def test_fill_none_refuses_only_windows_with_gaps() -> None:
    y = np.arange(30.0)
    y[12] = np.nan
    table = make_table({"y": y})
    prepared = Preparation.fit(table, table.rows(), PrepareOptions(fill="none", mask=False, calendar=())).apply(table)
    assert np.isfinite(prepared.past(np.array([12, 25]), 10)).all()
    with pytest.raises(DataError, match=r"'y' is missing at time 2020-01-01T12"):
        prepared.past(np.array([12, 20]), 10)
    values, seen = prepared.target(np.array([10]), 5)
    assert np.isfinite(values).all()
    assert seen[0, :, 0].tolist() == [True, True, False, True, True]


def test_the_seasonal_fill_needs_a_season() -> None:
    table = make_table({"y": holes(np.arange(60.0), 0.2, np.random.default_rng(0))}, start=None)
    with pytest.raises(ConfigError, match="needs season=steps"):
        Preparation.fit(table, table.rows(), PrepareOptions(fill="seasonal"))
    hourly = make_table({"y": np.arange(60.0)})
    assert Preparation.fit(hourly, hourly.rows(), PrepareOptions(fill="seasonal")).season == 24


def test_columns_that_changed_are_refused() -> None:
    table = make_table({"y": np.arange(20.0), "o": np.arange(20.0)}, observed=("o",), start=None)
    preparation = Preparation.fit(table, table.rows())
    with pytest.raises(SchemaError, match="'o' is not in the table"):
        preparation.apply(make_table({"y": np.arange(20.0)}, start=None))
    with pytest.raises(SchemaError, match="'o' changed between numbers and text"):
        preparation.apply(make_table({"y": np.arange(20.0), "o": ["a"] * 20}, start=None))
    text = make_table({"y": ["a"] * 20}, start=None)
    with pytest.raises(SchemaError, match="holds text"):
        Preparation.fit(text, text.rows())


@pytest.mark.parametrize("rows", [[[0, 30]], [[5, 5]], [[0, 10], [0, 10]]])
def test_wrong_training_rows_are_refused(rows: list[list[int]]) -> None:
    table = make_table({"y": np.arange(20.0)})
    with pytest.raises(ConfigError):
        Preparation.fit(table, np.array(rows))
