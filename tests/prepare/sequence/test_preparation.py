"""Preparation of sequences: against scikit-learn's scalers and cases worked out by hand."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

from tidegate.core.errors import ArtifactError, ConfigError, DataError, SchemaError
from tidegate.core.sequences import Sequences
from tidegate.prepare.sequence.preparation import SequenceOptions, SequencePreparation


def make(parts, **more):
    lengths = [len(part) for part in parts]
    values = np.concatenate([np.asarray(part, dtype=float).reshape(len(part), -1) for part in parts])
    return Sequences(
        ids=tuple(f"s{i}" for i in range(len(parts))),
        starts=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        values=values,
        channels=tuple(f"c{i}" for i in range(values.shape[1])),
        **more,
    )


def noise(count=6, width=3, seed=0):
    rng = np.random.default_rng(seed)
    return make([rng.normal(5, 3, size=(rng.integers(2, 9), width)) for _ in range(count)])


def everything(sequences):
    return np.arange(len(sequences))


@pytest.mark.parametrize(
    ("scale", "scaler"), [("standard", StandardScaler()), ("minmax", MinMaxScaler()), ("robust", RobustScaler())]
)
def test_scaling_equals_scikit_learn_fitted_on_the_training_steps(scale, scaler):
    sequences = noise()
    train = np.array([4, 0, 1])
    prepared = SequencePreparation.fit(sequences, train, SequenceOptions(scale=scale)).apply(sequences)
    scaler.fit(sequences.take(train).values)
    np.testing.assert_allclose(prepared.values, scaler.transform(sequences.values), atol=1e-5)
    assert prepared.values.dtype == np.float32


def test_nothing_outside_the_training_part_is_looked_at():
    sequences = noise()
    spoiled = replace(sequences, values=sequences.values.copy())
    spoiled.values[sequences.starts[5] :] = np.inf
    train = np.arange(5)
    assert SequencePreparation.fit(spoiled, train) == SequencePreparation.fit(sequences, train)


@pytest.mark.parametrize(
    ("fill", "expected"), [("zero", [0, 4, 0, 6, 0, 14]), ("mean", [8, 4, 8, 6, 8, 14]), ("ffill", [8, 4, 4, 6, 8, 14])]
)
def test_missing_values_are_filled_inside_their_own_sequence(fill, expected):
    sequences = make([[np.nan, 4, np.nan, 6], [np.nan, 14]])
    preparation = SequencePreparation.fit(sequences, everything(sequences), SequenceOptions(scale="none", fill=fill))
    inputs = preparation.apply(sequences).values
    assert preparation.input_names == ("c0", "c0:missing")
    np.testing.assert_allclose(inputs[:, 0], expected)
    np.testing.assert_array_equal(inputs[:, 1], [1, 0, 1, 0, 1, 0])
    assert [note.kind for note in preparation.notes] == ["fill"]


def test_filled_values_are_in_the_channels_own_unit_before_scaling():
    sequences = make([[np.nan, 4, 8]])
    options = SequenceOptions(scale="minmax", fill="zero")
    assert SequencePreparation.fit(sequences, everything(sequences), options).apply(sequences).values[0, 0] == -1


def test_missing_values_are_refused_with_fill_none():
    clean = make([[1, 2], [3, 4]])
    gaps = make([[1, 2], [3, np.nan]])
    options = SequenceOptions(fill="none")
    with pytest.raises(DataError, match="sequence 's1', step 1, channel 'c0': the value is missing"):
        SequencePreparation.fit(gaps, np.array([1]), options)
    with pytest.raises(DataError, match="sequence 's1', step 1"):
        SequencePreparation.fit(clean, np.array([0, 1]), options).apply(gaps)


def test_a_gap_that_training_never_had_is_noted():
    preparation = SequencePreparation.fit(make([[1, 2, 3]]), np.array([0]))
    prepared = preparation.apply(make([[np.nan, 2, 3]]))
    assert [note.kind for note in prepared.notes] == ["fill"]
    assert preparation.input_names == ("c0",)
    assert prepared.values[0, 0] == 0


def test_constant_and_empty_channels_are_named():
    sequences = make([[[7, np.nan, 1], [7, np.nan, 2]]])
    preparation = SequencePreparation.fit(sequences, np.array([0]))
    assert {note.kind: note.values["columns"] for note in preparation.notes} == {"constant": "c0", "empty": "c1"}
    np.testing.assert_array_equal(preparation.apply(sequences).values[:, :2], 0)
    later = make([[[9, 5, 1]]])
    np.testing.assert_array_equal(preparation.apply(later).values[0, :2], [2, 0])


@pytest.mark.parametrize("bad", [np.inf, -np.inf])
def test_infinite_values_are_refused_where_they_are(bad):
    sequences = make([[1, 2], [3, bad]])
    with pytest.raises(DataError, match="sequence 's1', step 1, channel 'c0': the value is infinite"):
        SequencePreparation.fit(sequences, np.array([1]))
    with pytest.raises(DataError, match="sequence 's1', step 1"):
        SequencePreparation.fit(sequences, np.array([0])).apply(sequences)


def test_a_sequence_without_steps_is_refused_by_name():
    sequences = Sequences(("a", "b"), np.array([0, 2, 2]), np.ones((2, 1)), ("c0",))
    with pytest.raises(DataError, match="1 sequence has no steps \\('b'\\)"):
        SequencePreparation.fit(sequences, np.array([0])).apply(sequences)


@pytest.mark.parametrize(("truncate", "expected"), [("end", [0, 1, 10]), ("start", [2, 3, 10])])
def test_long_sequences_are_cut_at_the_chosen_end_and_said_so(truncate, expected):
    sequences = make([[0, 1, 2, 3], [10]])
    options = SequenceOptions(scale="none", max_length=2, truncate=truncate)
    prepared = SequencePreparation.fit(sequences, np.array([0]), options).apply(sequences)
    np.testing.assert_array_equal(prepared.values[:, 0], expected)
    np.testing.assert_array_equal(prepared.starts, [0, 2, 3])
    np.testing.assert_array_equal(prepared.kept(sequences.values[:, 0]), expected)
    assert prepared.notes[0].kind == "truncated"
    assert prepared.notes[0].values["longest"] == 4


def test_channels_are_found_by_name():
    sequences = make([[[1, 10], [2, 30]]])
    preparation = SequencePreparation.fit(sequences, np.array([0]))
    turned = replace(sequences, values=sequences.values[:, ::-1], channels=("c1", "c0"))
    np.testing.assert_array_equal(preparation.apply(turned).values, preparation.apply(sequences).values)
    with pytest.raises(SchemaError, match="lack c1; they have 1: c0"):
        preparation.apply(make([[1, 2]]))


def test_categories_are_one_hot_and_unseen_ones_are_noted():
    def held(*entries):
        column = np.array(entries, dtype=object)
        return replace(make([[1.0] * len(entries)]), categories={"flag": column})

    preparation = SequencePreparation.fit(held("SF", "S0", "SF", None), np.array([0]))
    assert preparation.input_names == ("c0", "flag=SF", "flag=S0")
    prepared = preparation.apply(held("S0", "REJ", None))
    np.testing.assert_array_equal(prepared.values[:, 1:], [[0, 1], [0, 0], [0, 0]])
    assert [(note.kind, note.values["first"]) for note in prepared.notes] == [("unseen", "REJ")]


def test_many_categories_alone_are_tokens():
    entries = np.array([f"w{i % 70}" for i in range(140)], dtype=object)
    sequences = Sequences(("a", "b"), np.array([0, 70, 140]), np.empty((140, 0)), (), {"word": entries})
    preparation = SequencePreparation.fit(sequences, np.array([0, 1]))
    assert (preparation.kind, preparation.vocabulary, preparation.input_names) == ("tokens", 72, ("word",))
    past, lengths = preparation.apply(sequences).gather(np.array([1]))
    assert past.shape == (1, 70)
    assert lengths.tolist() == [70]
    assert sorted(past[0]) == list(range(2, 72))


def test_frames_become_zero_to_one_when_gathered():
    values = np.arange(3 * 12, dtype=np.uint8).reshape(3, 12)
    sequences = Sequences(("a", "b"), np.array([0, 1, 3]), values, tuple(map(str, range(12))), frame=(2, 2, 3))
    preparation = SequencePreparation.fit(sequences, np.array([0]))
    prepared = preparation.apply(sequences)
    assert prepared.values is values
    assert preparation.input_names[:2] == ("row 0 column 0 red", "row 0 column 0 green")
    past, lengths = prepared.gather(np.array([0, 1]))
    assert (past.dtype, lengths.tolist()) == (np.float32, [1, 2])
    np.testing.assert_allclose(past[1], values[1:] / 255, rtol=1e-6)
    np.testing.assert_array_equal(past[0, 1], 0)
    with pytest.raises(SchemaError, match="frames"):
        preparation.apply(replace(sequences, frame=(2, 3, 2)))


@given(lengths=st.lists(st.integers(1, 6), min_size=1, max_size=8), data=st.data())
@settings(deadline=None, max_examples=60)
def test_a_batch_holds_its_sequences_and_zeros_after_them(lengths, data):
    sequences = make([np.random.default_rng(length).normal(size=(length, 2)) for length in lengths])
    prepared = SequencePreparation.fit(sequences, everything(sequences), SequenceOptions(scale="none")).apply(sequences)
    index = np.array(data.draw(st.lists(st.integers(0, len(lengths) - 1), min_size=1, max_size=6)))
    past, found = prepared.gather(index)
    assert past.shape == (len(index), max(lengths[i] for i in index), 2)
    for row, place in enumerate(index):
        a, b = sequences.starts[place : place + 2]
        assert found[row] == b - a
        np.testing.assert_array_equal(past[row, : b - a], sequences.values[a:b].astype(np.float32))
        assert not past[row, b - a :].any()


def fitted_kinds():
    yield SequencePreparation.fit(make([[[1, np.nan], [2, 3]]]), np.array([0]))
    column = np.array(["x", "y"], dtype=object)
    yield SequencePreparation.fit(replace(make([[1.0, 2.5]]), categories={"k": column}), np.array([0]))
    frames = Sequences(("a",), np.array([0, 1]), np.zeros((1, 4), np.uint8), tuple("abcd"), frame=(2, 2, 1))
    yield SequencePreparation.fit(frames, np.array([0]))
    texts = np.array(["a b a b 你好 你好"], dtype=object)
    empty = Sequences(("t",), np.array([0, 0]), np.empty((0, 0)), (), texts=texts)
    for tokens in ("word", "char", "bpe"):
        yield SequencePreparation.fit(empty, np.array([0]), SequenceOptions(tokens=tokens))


@pytest.mark.parametrize("preparation", list(fitted_kinds()), ids=lambda item: f"{item.kind}-{item.options.tokens}")
def test_a_saved_preparation_is_read_back_exactly(preparation):
    written = json.loads(json.dumps(preparation.to_json(), allow_nan=False))
    assert SequencePreparation.from_json(written) == preparation


def places(value, path=()):
    """Paths of all values of a document."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*path, key))


def changed(document, path, value):
    if not path:
        return value
    copy = json.loads(json.dumps(document))
    inner = copy
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return copy


@pytest.mark.parametrize("preparation", list(fitted_kinds()), ids=lambda item: f"{item.kind}-{item.options.tokens}")
def test_a_damaged_document_is_refused(preparation):
    document = preparation.to_json()
    for path in places(document):
        if "values" in path:
            continue  # what a note's places are filled with is only shown
        for value in (float("nan"), {}, ["x", 1]):
            with pytest.raises(ArtifactError):
                SequencePreparation.from_json(changed(document, path, value))
    for key in document.keys() - {"lengths"}:
        with pytest.raises(ArtifactError, match="keys"):
            SequencePreparation.from_json({name: item for name, item in document.items() if name != key})
    with pytest.raises(ArtifactError, match="keys"):
        SequencePreparation.from_json({**document, "more": 1})
    with pytest.raises(ArtifactError, match="newer"):
        SequencePreparation.from_json({**document, "format": 2})
    other = {"numbers": "tokens", "tokens": "frames", "frames": "numbers"}[preparation.kind]
    with pytest.raises(ArtifactError, match="kind"):
        SequencePreparation.from_json({**document, "kind": other})


@pytest.mark.parametrize(
    "option",
    [
        {"scale": "log"},
        {"fill": "bfill"},
        {"mask": 1},
        {"max_length": 0},
        {"max_length": True},
        {"truncate": "middle"},
        {"tokens": "line"},
        {"vocabulary": 2},
        {"min_count": 0},
        {"lowercase": None},
    ],
    ids=str,
)
def test_an_impossible_option_is_refused(option):
    with pytest.raises(ConfigError, match=f"{next(iter(option))} is "):
        SequenceOptions(**option)


def test_a_training_part_without_sequences_is_refused():
    with pytest.raises(ConfigError, match="no sequences"):
        SequencePreparation.fit(noise(), np.array([], dtype=int))


@pytest.mark.parametrize(("steps", "strange"), [(4, 1), (5, 0), (40, 0), (41, 1)])
def test_sequences_far_shorter_or_longer_than_those_of_training_are_noted(steps, strange):
    trained = make([np.ones((10, 1)), np.zeros((20, 1))])
    preparation = SequencePreparation.fit(trained, np.arange(2))
    found = preparation.apply(make([np.ones((12, 1)), np.ones((steps, 1))])).notes
    assert [note.values["count"] for note in found if note.kind == "lengths"] == [1] * strange


def test_a_document_of_a_version_without_lengths_is_read():
    preparation = SequencePreparation.fit(make([np.ones((10, 1)), np.zeros((20, 1))]), np.arange(2))
    document = preparation.to_json()
    assert document.pop("lengths") == [10, 20]
    assert SequencePreparation.from_json(document) == replace(preparation, lengths=None)
