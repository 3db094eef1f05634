"""Long tables as sequences: files, frames, and what is wrong with them."""

from dataclasses import replace

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.core.errors import ConfigError, DataError, SchemaError, TimeError
from tidegate.data.sequences import read_sequences

ROWS = pd.DataFrame(
    {
        "who": ["ann", "ann", "bob", "bob", "bob"],
        "t": [1, 2, 1, 2, 3],
        "x": [0.5, 1.5, 2.5, np.nan, 4.5],
        "flag": ["on", "off", "on", None, "on"],
        "y": ["good", "good", "bad", "bad", "bad"],
        "site": ["s1", "s1", "s2", "s2", "s2"],
    }
)
HOW = {"id": "who", "time": "t", "label": "y", "group": "site"}


def sources(tmp_path):
    ROWS.to_csv(tmp_path / "rows.csv", index=False)
    ROWS.to_parquet(tmp_path / "rows.parquet")
    ROWS.to_json(tmp_path / "rows.jsonl", orient="records", lines=True)
    yield from (ROWS, pl.from_pandas(ROWS), pa.Table.from_pandas(ROWS))
    yield {name: list(ROWS[name]) for name in ROWS}
    yield from (tmp_path / "rows.csv", str(tmp_path / "rows.parquet"), tmp_path / "rows.jsonl")


def test_every_source_gives_the_same_sequences(tmp_path):
    for source in sources(tmp_path):
        sequences = read_sequences(source, **HOW)
        assert sequences.ids == ("ann", "bob")
        assert sequences.starts.tolist() == [0, 2, 5]
        np.testing.assert_array_equal(sequences.values, [[0.5], [1.5], [2.5], [np.nan], [4.5]])
        assert sequences.channels == ("x",)
        assert sequences.categories["flag"].tolist() == ["on", "off", "on", None, "on"]
        assert (sequences.labels.tolist(), sequences.label_names) == (["good", "bad"], ("y",))
        assert sequences.groups.tolist() == ["s1", "s2"]


@given(order=st.permutations(range(8)))
@settings(deadline=None, max_examples=40)
def test_rows_in_any_order_come_back_by_id_and_time(order):
    frame = pd.DataFrame({"id": list("aaabbbcc"), "t": [0, 1, 2, 0, 1, 2, 0, 1], "x": np.arange(8.0)}).iloc[list(order)]
    sequences = read_sequences(frame, id="id", time="t", repair="sort")
    found = {
        name: sequences.values[sequences.starts[i] : sequences.starts[i + 1], 0].tolist()
        for i, name in enumerate(sequences.ids)
    }
    assert found == {"a": [0, 1, 2], "b": [3, 4, 5], "c": [6, 7]}


def test_labels_of_steps_and_numbers():
    frame = ROWS.assign(y=[0.5, 1, 2, 3, 4])
    tagged = read_sequences(frame, **HOW, tag=True)
    assert (tagged.per_step, tagged.labels.tolist()) == (True, [0.5, 1, 2, 3, 4])
    with pytest.raises(SchemaError, match=r"label column 'y' changes within sequence 'ann' .*tag=True"):
        read_sequences(frame, **HOW)


def test_several_label_columns():
    frame = ROWS.assign(y=[1, 1, 2, 2, 2], z=[0.5, 0.5, 7, 7, 7])
    sequences = read_sequences(frame, id="who", label=["y", "z"], features="x")
    np.testing.assert_array_equal(sequences.labels, [[1, 0.5], [2, 7]])
    assert sequences.label_names == ("y", "z")
    flags = read_sequences(frame.assign(y=1, z=[0, 0, 1, 1, 1]), id="who", label=["y", "z"], features="x")
    assert (flags.labels.dtype, flags.labels.tolist()) == (bool, [[True, False], [True, True]])
    with pytest.raises(SchemaError, match="'site' holds text"):
        read_sequences(frame, id="who", label=["y", "site"], features="x")


def test_without_an_id_each_row_is_a_sequence_and_it_is_told():
    sequences = read_sequences(ROWS, label="y", features=["x", "flag"])
    assert (len(sequences), sequences.lengths.tolist()) == (5, [1] * 5)
    assert [note.kind for note in sequences.notes] == ["rows"]


def test_dates_give_the_rate_and_are_no_features():
    frame = ROWS.assign(t=pd.to_datetime("2024-01-01") + pd.to_timedelta(ROWS.t / 2, unit="s"))
    assert read_sequences(frame, **HOW).rate == 2.0
    sequences = read_sequences(frame, id="who", label="y", features=None)
    assert "t" not in sequences.channels
    assert "unused" in [note.kind for note in sequences.notes]


def test_a_column_that_sounds_like_a_group_is_told():
    frame = ROWS.assign(subject=[1, 1, 2, 2, 2])
    notes = {note.kind: note.values for note in read_sequences(frame, **HOW).notes}
    assert notes["suspect_group"] == {"column": "subject"}


def test_time_that_runs_backward_or_repeats():
    back = ROWS.assign(t=[2, 1, 1, 2, 3])
    with pytest.raises(TimeError, match=r"runs backward at 1 within sequence 'ann' .*repair="):
        read_sequences(back, **HOW)
    sequences = read_sequences(back, **HOW, repair="sort")
    assert sequences.values[:2, 0].tolist() == [1.5, 0.5]
    assert [(note.kind, note.values["count"]) for note in sequences.notes] == [("sorted", 1)]
    double = ROWS.assign(t=[1, 2, 1, 1, 3])
    with pytest.raises(TimeError, match="repeats at 1 within sequence 'bob'"):
        read_sequences(double, **HOW)
    assert [note.kind for note in read_sequences(double, **HOW, repair="sort").notes] == ["doubled"]
    with pytest.raises(TimeError, match="row 0: the time is missing"):
        read_sequences(ROWS.assign(t=[np.nan, 2, 1, 2, 3]), **HOW)


def test_missing_labels():
    sequences = read_sequences(ROWS.assign(y=["good", "good", None, None, None]), **HOW)
    assert sequences.labels.tolist() == ["good", None]
    assert [(note.kind, note.values) for note in sequences.notes] == [("unlabelled", {"count": 1, "total": 2})]
    with pytest.raises(DataError, match="no label in y"):
        read_sequences(ROWS.assign(y=None), **HOW)


@pytest.mark.parametrize(
    ("change", "how", "error", "match"),
    [
        ({}, {"label": "z"}, SchemaError, "label='z': .*no such column"),
        ({}, {"features": ["x", "y"]}, SchemaError, "'y' is named in features and has another role"),
        ({}, {"features": "w"}, SchemaError, "features='w'"),
        ({"x": [1, 2, 3, 4, np.inf]}, {}, DataError, "sequence 'bob', step 2, channel 'x': the value is infinite"),
        ({"who": ["ann", "ann", None, "bob", "bob"]}, {}, SchemaError, "the id is missing"),
        (
            {"site": ["s1", "s2", "s2", "s2", "s2"]},
            {},
            SchemaError,
            "group column 'site' changes within sequence 'ann'",
        ),
        ({"site": [None, None, "s2", "s2", "s2"]}, {}, SchemaError, "no group"),
        ({}, {"repair": "mean"}, ConfigError, "repair="),
        ({}, {"id": None, "tag": True}, ConfigError, "needs id="),
        ({}, {"labels": [1, 2]}, ConfigError, "labels= says nothing about table"),
    ],
    ids=str,
)
def test_odd_tables_are_refused(change, how, error, match):
    with pytest.raises(error, match=match):
        read_sequences(ROWS.assign(**change), **{**HOW, **how})


def test_a_file_without_a_header_line(tmp_path):
    path = tmp_path / "rows.txt"
    path.write_text("1 1 0.5 tcp\n1 2 1.5 udp\n2 1 2.5 tcp \n")
    sequences = read_sequences(path, columns=["unit", "cycle", "x", "kind"], id="unit", time="cycle", group="unit")
    assert (sequences.ids, sequences.groups.tolist(), sequences.lengths.tolist()) == (("1", "2"), ["1", "2"], [2, 1])
    assert sequences.values[:, 0].tolist() == [0.5, 1.5, 2.5]
    assert sequences.categories["kind"].tolist() == ["tcp", "udp", "tcp"]
    with pytest.raises(SchemaError, match=r"names 2 columns, but line 1 of .* has 4 cells"):
        read_sequences(path, columns=["a", "b"])


def test_a_part_of_the_sequences_keeps_what_belongs_to_them():
    sequences = read_sequences(ROWS, **HOW)
    part = sequences.take(np.array([1]))
    assert (part.ids, part.labels.tolist(), part.groups.tolist()) == (("bob",), ["bad"], ["s2"])
    assert part.categories["flag"].tolist() == ["on", None, "on"]
    assert replace(part, notes=()).values.shape == (3, 1)
