"""Arrays, lists, tokens and .npz files as sequences."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.core.errors import ConfigError, DataError, ReadError, SchemaError
from tidegate.data.sequences import read_sequences


def kinds(sequences):
    return [note.kind for note in sequences.notes]


def test_an_array_has_channels_before_steps():
    array = np.arange(2 * 3 * 4, dtype=np.float32).reshape(2, 3, 4)
    sequences = read_sequences(array, labels=["a", "b"])
    np.testing.assert_array_equal(sequences.values, np.concatenate([array[0].T, array[1].T]))
    assert sequences.channels == ("value_0", "value_1", "value_2")
    assert (sequences.ids, sequences.labels.tolist(), sequences.label_names) == (("0", "1"), ["a", "b"], ("label",))
    assert sequences.values.dtype == np.float32
    turned = read_sequences(array.transpose(0, 2, 1), steps_first=True)
    np.testing.assert_array_equal(turned.values, sequences.values)


def test_an_array_that_looks_turned_is_told():
    assert kinds(read_sequences(np.zeros((2, 50, 3)))) == ["steps_first"]
    assert kinds(read_sequences(np.zeros((2, 50, 3)), steps_first=False)) == []


def test_an_array_of_one_channel():
    sequences = read_sequences(np.arange(6).reshape(2, 3), labels=[0.5, 1.0], ids=["x", "y"], groups=["p", "q"])
    assert sequences.channels == ("value",)
    assert sequences.values[:, 0].tolist() == [0, 1, 2, 3, 4, 5]
    assert sequences.labels.tolist() == [0.5, 1.0]
    assert sequences.groups.tolist() == ["p", "q"]


def test_missing_values_at_the_end_are_padding_and_told():
    array = np.array([[1.0, 2, np.nan, np.nan], [1, np.nan, 3, 4], [np.nan] * 4])
    sequences = read_sequences(array)
    assert sequences.lengths.tolist() == [2, 4, 4]
    assert [(note.kind, note.values) for note in sequences.notes] == [("padding", {"count": 1})]
    assert read_sequences(array, lengths=[3, 4, 1]).lengths.tolist() == [3, 4, 1]


@given(lengths=st.lists(st.integers(1, 7), min_size=1, max_size=6), width=st.integers(1, 4))
@settings(deadline=None, max_examples=50)
def test_a_list_comes_back_as_it_was_given(lengths, width):
    parts = [np.random.default_rng(n).normal(size=(length, width)) for n, length in enumerate(lengths)]
    sequences = read_sequences(parts, steps_first=True)
    for i, part in enumerate(parts):
        np.testing.assert_array_equal(sequences.values[sequences.starts[i] : sequences.starts[i + 1]], part)


def test_a_list_whose_arrays_agree_in_the_first_number_only_has_channels_first():
    parts = [np.arange(6.0).reshape(2, 3), np.arange(8.0).reshape(2, 4)]
    sequences = read_sequences(parts)
    assert (sequences.lengths.tolist(), kinds(sequences)) == ([3, 4], ["steps_last"])
    np.testing.assert_array_equal(sequences.values[:3], parts[0].T)


def test_tensors_and_frames_in_a_list():
    sequences = read_sequences([torch.ones(2, 3), torch.zeros(4, 3)], labels=torch.tensor([1, 0]))
    assert (sequences.lengths.tolist(), sequences.labels.tolist()) == ([2, 4], [1, 0])
    assert read_sequences([[1, 2, 3], [4, 5]], labels=pd.Series(["a", None])).labels.tolist() == ["a", None]


def test_labels_of_steps():
    parts = [np.zeros((2, 1)), np.zeros((3, 1))]
    sequences = read_sequences(parts, labels=[["x", "y"], ["y", "y", "x"]], tag=True)
    assert (sequences.per_step, sequences.labels.tolist()) == (True, ["x", "y", "y", "y", "x"])
    assert read_sequences(parts, labels=np.arange(5), tag=True).labels.tolist() == [0, 1, 2, 3, 4]
    with pytest.raises(SchemaError, match="sequence '1' has 3 steps and 2 labels"):
        read_sequences(parts, labels=[["x", "y"], ["y", "y"]], tag=True)


def test_several_labels():
    array = np.zeros((3, 4))
    numbers = read_sequences(array, labels=[[1.5, 2], [0, 1], [3, 3]])
    assert (numbers.labels.dtype, numbers.label_names) == (np.float64, ("label_0", "label_1"))
    assert read_sequences(array, labels=[[1, 0], [0, 1], [1, 1]]).labels.dtype == bool


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([1, 2, 2], [1, 2, 2]),
        ([1.0, np.nan, 2.0], [1, None, 2]),
        ([0.5, np.nan, 2.0], [0.5, np.nan, 2.0]),
        ([True, False, True], [True, False, True]),
        (["a", None, "b"], ["a", None, "b"]),
        (np.array(["a", "b", "c"]), ["a", "b", "c"]),
        (np.array([1.0, 2.0, 3.0]), [1, 2, 3]),
    ],
    ids=str,
)
def test_labels_are_what_they_were(labels, expected):
    found = read_sequences(np.zeros((3, 2)), labels=labels).labels.tolist()
    assert [type(item) for item in found] == [type(item) for item in expected]
    assert repr(found) == repr(expected)


def test_tokens():
    sequences = read_sequences([["the", "cat"], ["a"]], labels=[["D", "N"], ["D"]], tag=True)
    assert sequences.categories["token"].tolist() == ["the", "cat", "a"]
    assert (sequences.values.shape, sequences.lengths.tolist()) == ((3, 0), [2, 1])


@pytest.mark.parametrize(
    ("data", "how", "error", "match"),
    [
        ([np.ones((2, 3)), np.ones((4, 2))], {}, SchemaError, "sequence '1' has 2 channels where 3 are expected"),
        ([np.ones((2, 3)), np.ones((0, 3))], {}, DataError, "1 sequence has no steps \\(1\\)"),
        ([np.ones(2), np.array([1, np.inf])], {}, DataError, "sequence '1', step 1, channel 'value': the value is inf"),
        ([], {}, DataError, "the list is empty"),
        (np.empty((0, 3)), {}, DataError, "no sequences"),
        (np.ones(3), {}, SchemaError, "expected \\[n, C, T\\]"),
        ([["a", "b"], []], {}, DataError, "no steps"),
        (np.ones((2, 3)), {"labels": [1]}, SchemaError, "labels have shape \\(1,\\)"),
        (np.ones((2, 3)), {"groups": ["a"]}, SchemaError, "groups have shape"),
        (np.ones((2, 3)), {"groups": ["a", None]}, SchemaError, "no group"),
        (np.ones((2, 3)), {"ids": ["a", "a"]}, SchemaError, "'a' names several"),
        (np.ones((2, 3)), {"ids": ["a"]}, SchemaError, "1 ids for 2"),
        (np.ones((2, 3)), {"lengths": [1, 4]}, SchemaError, "from 1 to 3"),
        (np.ones((2, 3)), {"lengths": [1, 0]}, DataError, "no steps"),
        (np.ones((2, 3)), {"channels": ["a", "b"]}, SchemaError, "where 2 are expected"),
        (np.ones((2, 3)), {"label": "y"}, ConfigError, "label= says nothing about arrays"),
        (np.ones((2, 3)), {"sort": 1}, ConfigError, "'sort' is unknown"),
        (np.ones((2, 3)), {"kind": "film"}, ConfigError, "kind='film'"),
        ([[1, 2], [3, [4]]], {}, SchemaError, "different lengths"),
    ],
    ids=lambda item: str(item)[:40],
)
def test_odd_input_is_refused(data, how, error, match):
    with pytest.raises(error, match=match):
        read_sequences(data, **how)


def test_a_store_of_arrays(tmp_path):
    x = np.arange(10.0).reshape(5, 2)
    np.savez(tmp_path / "a.npz", X=x, lengths=[2, 3], label=np.array(["p", "q"]), other=np.zeros(3))
    sequences = read_sequences(tmp_path / "a.npz")
    np.testing.assert_array_equal(sequences.values, x)
    assert (sequences.lengths.tolist(), sequences.labels.tolist()) == ([2, 3], ["p", "q"])
    np.savez(tmp_path / "b.npz", x=x, y=np.arange(5))
    assert read_sequences(tmp_path / "b.npz").labels.tolist() == [0, 1, 2, 3, 4]
    assert read_sequences({"X": x, "lengths": [1, 4]}).lengths.tolist() == [1, 4]
    np.savez(tmp_path / "c.npz", z=x)
    with pytest.raises(SchemaError, match="no array X among z"):
        read_sequences(tmp_path / "c.npz")
    np.savez(tmp_path / "d.npz", X=np.array([None, 1], dtype=object))
    with pytest.raises(ReadError, match="plain arrays"):
        read_sequences(tmp_path / "d.npz")
    (tmp_path / "e.npz").write_bytes(b"PK\x03\x04 and then nothing")
    with pytest.raises(ReadError, match="npz"):
        read_sequences(tmp_path / "e.npz")
    with pytest.raises(ReadError, match="no such file"):
        read_sequences(tmp_path / "f.npz")


def test_sequences_pass_through():
    sequences = read_sequences(np.ones((2, 3)))
    assert read_sequences(sequences) is sequences
