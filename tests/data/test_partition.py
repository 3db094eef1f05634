"""Partitions: property tests, and scikit-learn's as the measure of balance."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedGroupKFold

from tidegate.core.errors import ConfigError, SplitError
from tidegate.core.sequences import Sequences
from tidegate.data import read_sequences
from tidegate.data.partition import partition, suspect_groups


def make(labels=None, groups=None, count=None, ids=None, values=None):
    labels = None if labels is None else np.asarray(labels)
    count = count or len(labels if labels is not None else groups)
    values = np.random.default_rng(0).normal(size=(count, 1)) if values is None else values
    return Sequences(
        ids=tuple(ids or map(str, range(count))),
        starts=np.linspace(0, len(values), count + 1).astype(np.int64),
        values=values,
        channels=tuple(f"c{i}" for i in range(values.shape[1])),
        labels=labels,
        groups=None if groups is None else np.asarray(groups),
    )


def joined(parts):
    return np.sort(np.concatenate([parts.train, parts.validation, parts.test]))


def kinds(notes):
    return [note.kind for note in notes]


shares = st.sampled_from([(0, 0), (0.1, 0.2), (0.3, 0.3), (2, 3), (0, 0.4), (0.25, 0)])


@given(count=st.integers(10, 60), sizes=shares, by=st.sampled_from(["random", "time", "auto"]), seed=st.integers(0, 9))
@settings(deadline=None, max_examples=60)
def test_every_sequence_is_in_one_part_of_the_size_asked_for(count, sizes, by, seed):
    sequences = make(count=count)
    parts = partition(sequences, validation=sizes[0], test=sizes[1], by=by, seed=seed)
    np.testing.assert_array_equal(joined(parts), np.arange(count))
    for part, size in ((parts.validation, sizes[0]), (parts.test, sizes[1])):
        assert len(part) == (size if isinstance(size, int) else int(np.floor(count * size + 0.5)))
        assert part.dtype == np.int64
    again = partition(sequences, validation=sizes[0], test=sizes[1], by=by, seed=seed)
    assert all((again[name] == parts[name]).all() for name in ("train", "validation", "test"))


@given(counts=st.lists(st.integers(3, 50), min_size=2, max_size=6), seed=st.integers(0, 5))
@settings(deadline=None, max_examples=60)
def test_every_class_has_its_share_of_every_part(counts, seed):
    labels = np.random.default_rng(seed).permutation(np.repeat(list("abcdef")[: len(counts)], counts))
    parts = partition(make(labels), validation=0.2, test=0.2, seed=seed)
    assert parts.by == "stratified"
    np.testing.assert_array_equal(joined(parts), np.arange(len(labels)))
    for kind, count in zip("abcdef", counts, strict=False):
        for part in (parts.validation, parts.test):
            held = int((labels[part] == kind).sum())
            assert held >= 1
            assert abs(held - 0.2 * count) <= max(1, len(counts) - 1)
        assert (labels[parts.train] == kind).any()


def test_large_classes_are_within_one_of_their_share():
    labels = np.repeat(["a", "b", "c"], [501, 302, 97])
    parts = partition(make(labels), validation=0.1, test=0.2)
    for part, share in ((parts.validation, 0.1), (parts.test, 0.2)):
        assert len(part) == round(900 * share)
        for kind, count in zip("abc", (501, 302, 97), strict=True):
            assert abs((labels[part] == kind).sum() - share * count) <= 1


def test_a_class_with_too_few_members_is_refused_by_name():
    labels = ["a"] * 10 + ["b"] * 10 + ["rare"] * 2
    with pytest.raises(SplitError, match=r"fewer than 3 members .*'rare' \(2\)"):
        partition(make(labels))
    assert len(partition(make(labels), validation=0).test) == 4
    assert len(partition(make(labels), by="random").test) == 4


def test_a_part_that_must_be_larger_than_asked_says_so():
    labels = np.repeat(np.arange(30), 10)
    parts = partition(make(labels), validation=0.05, test=0.2)
    assert len(parts.validation) == 30
    assert "part_size" in kinds(parts.notes)


def test_numbers_are_balanced_by_their_tenths():
    numbers = np.random.default_rng(0).lognormal(size=400)
    parts = partition(make(numbers), validation=0, test=0.25)
    assert parts.by == "stratified"
    edges = np.quantile(numbers, np.linspace(0, 1, 11))
    edges[-1] += 1
    held = np.histogram(numbers[parts.test], edges)[0]
    np.testing.assert_array_equal(held, 10)


@given(
    counts=st.lists(st.integers(1, 12), min_size=3, max_size=25), sizes=shares, seed=st.integers(0, 3), data=st.data()
)
@settings(deadline=None, max_examples=50)
def test_no_group_is_on_both_sides(counts, sizes, seed, data):
    groups = np.repeat(np.arange(len(counts)), counts)
    labels = np.array(data.draw(st.lists(st.sampled_from("ab"), min_size=len(groups), max_size=len(groups))))
    validation, test = (size if isinstance(size, float) else min(size, 1) for size in sizes)
    if any(0 < size < 1 and round(len(groups) * size - 1e-9) < 1 for size in (validation, test)):
        return
    if len(groups) - validation - test < 1:
        return
    parts = partition(make(labels, groups), validation=validation, test=test, by="auto", seed=seed)
    assert parts.by == "grouped"
    np.testing.assert_array_equal(joined(parts), np.arange(len(groups)))
    held = [set(groups[parts[name]]) for name in ("train", "validation", "test")]
    assert sum(map(len, held)) == len(counts)
    assert [bool(side) for side in held] == [True, validation > 0, test > 0]


def test_groups_are_dealt_as_evenly_as_scikit_learn_deals_them():
    rng = np.random.default_rng(1)
    groups = np.repeat(np.arange(40), rng.integers(5, 40, size=40))
    lean = rng.random(40)
    labels = (rng.random(len(groups)) < lean[groups]).astype(int)

    def unevenness(test):
        return abs(len(test) / len(groups) - 0.2) + abs(labels[test].mean() - labels.mean())

    ours = partition(make(labels, groups), validation=0, test=0.2).test
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=0).split(groups, labels, groups)
    assert unevenness(ours) <= np.median([unevenness(test) for _, test in folds])
    assert unevenness(ours) < 0.01


def test_a_class_of_one_group_is_told_when_training_lacks_it():
    groups = ["x"] * 8 + ["y"] * 2
    labels = ["a"] * 8 + ["b"] * 2
    parts = partition(make(labels, groups), validation=0, test=0.2)
    assert [note.values["classes"] for note in parts.notes if note.kind == "class_absent"] == ["'b'"]


def test_too_few_groups_are_refused():
    with pytest.raises(SplitError, match="2 groups cannot be divided into 3 parts"):
        partition(make(groups=["a"] * 10 + ["b"] * 10))


def test_in_order():
    parts = partition(make(count=10), by="time")
    assert (parts.train.tolist(), parts.validation.tolist(), parts.test.tolist()) == ([*range(7)], [7], [8, 9])


def test_sequences_without_a_label_are_in_no_part_and_told():
    labels = np.array(["a", None, "b"] * 10, dtype=object)
    parts = partition(make(labels))
    assert not (joined(parts) % 3 == 1).any()
    assert len(joined(parts)) == 20
    assert parts.notes[0].values == {"count": 10, "total": 30, "first": "1"}
    numbers = np.arange(30.0)
    numbers[4] = np.nan
    assert 4 not in joined(partition(make(numbers)))
    with pytest.raises(SplitError, match="no sequence has a label"):
        partition(make(np.full(9, np.nan)))


@pytest.mark.parametrize(
    ("how", "error", "match"),
    [
        ({"by": "folds"}, ConfigError, "by="),
        ({"by": "grouped"}, ConfigError, "group="),
        ({"by": "stratified"}, ConfigError, "one label"),
        ({"test": 1.0}, ConfigError, "below 1"),
        ({"test": -1}, ConfigError, "negative"),
        ({"test": True}, ConfigError, "fraction or a count"),
        ({"test": "2020"}, ConfigError, "fraction or a count"),
        ({"seed": -1}, ConfigError, "seed="),
        ({"test": 30}, SplitError, "leave no training sequences of 30"),
        ({"validation": 0.01}, SplitError, "of 30 sequences is none"),
    ],
)
def test_impossible_wishes_are_refused(how, error, match):
    with pytest.raises(error, match=match):
        partition(make(count=30), **how)


def test_labels_that_do_not_repeat_and_several_labels_are_divided_at_random():
    assert partition(make([f"name {i}" for i in range(20)])).by == "random"
    assert partition(replace(make(count=20), labels=np.ones((20, 3)))).by == "random"
    steps = replace(make(count=20), labels=np.array(["a", "b"] * 10), per_step=True)
    assert partition(steps).by == "random"


def test_copies_on_both_sides_are_told():
    values = np.random.default_rng(0).normal(size=(20, 2))
    values[15] = values[3]
    sequences = make(count=20, values=values)
    parts = partition(sequences, by="time", validation=0)
    assert [(note.kind, note.values) for note in parts.notes] == []
    parts = partition(sequences, by="time", validation=0, test=0.4)
    assert [(note.kind, note.values) for note in parts.notes] == [
        ("copies", {"count": 1, "first": "15", "second": "3"})
    ]
    assert [(note.kind, note.values) for note in suspect_groups(sequences)] == [
        ("copies", {"count": 1, "first": "15", "second": "3"})
    ]


def test_copies_of_texts_are_told_whatever_their_blanks_and_capitals():
    held = np.array(["Good room", "bad", "", "good  room", ""], dtype=object)
    sequences = Sequences(tuple("abcde"), np.zeros(6, dtype=np.int64), np.empty((0, 0)), (), texts=held)
    assert [(note.kind, note.values["count"], note.values["first"]) for note in suspect_groups(sequences)] == [
        ("copies", 1, "d")
    ]


def test_nearly_equal_recordings_are_told_and_different_ones_are_not():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(30 * 20, 2))
    sequences = make(count=30, values=values)
    assert suspect_groups(sequences) == ()
    values = values.copy()
    values[20 * 20 : 21 * 20] = values[:20] + rng.normal(scale=1e-5, size=(20, 2))
    found = suspect_groups(make(count=30, values=values))
    assert [(note.kind, note.values) for note in found] == [("near_copies", {"count": 1, "first": "20", "second": "0"})]


def test_names_that_tell_the_speaker_are_told_and_labels_and_numbers_are_not():
    names = [f"{digit}_{who}_{take}" for digit in range(4) for who in ("ann", "bob") for take in range(5)]
    labels = [name[0] for name in names]
    parts = partition(make(labels, ids=names))
    assert [note.values for note in parts.notes] == [{"part": 2, "name": "0_ann_0", "count": 2}]
    groups = [name.split("_")[1] for name in names]
    assert "suspect_names" not in kinds(partition(make(labels, groups, ids=names), validation=0).notes)
    assert suspect_groups(make(count=20)) == ()


def test_validation_is_drawn_from_the_training_part_where_the_data_name_none() -> None:
    parts = np.array(["train"] * 30 + ["test"] * 10)
    found = partition(replace(make(labels=["a", "b"] * 20), parts=parts), validation=0.2, test=0.5)
    assert found.by == "given"
    assert found.test.tolist() == list(range(30, 40))
    assert len(found.validation) == 6
    assert sorted(np.array(["a", "b"] * 20)[found.validation].tolist()) == ["a"] * 3 + ["b"] * 3
    np.testing.assert_array_equal(joined(found), np.arange(40))
    grouped = replace(make(labels=["a", "b"] * 20, groups=np.arange(40) // 5), parts=parts)
    found = partition(grouped, validation=0.2)
    assert not set(grouped.groups[found.train]) & set(grouped.groups[found.validation])
    with pytest.raises(SplitError, match="no validation"):
        partition(replace(make(labels=["a", "b"] * 20), parts=parts), validation=0)


def test_test_data_in_the_place_of_a_share_name_the_way_to_score_them() -> None:
    for test in ("GunPoint_TEST.ts", np.zeros((3, 1, 4))):
        with pytest.raises(ConfigError, match=r"test=0.*evaluate RUN FILE"):
            partition(make(labels=["a", "b"] * 20), test=test)


def test_numbers_that_are_mostly_zero_are_parted_without_bins_of_one_or_two():
    """Nine tenths of the labels are 0: the bins beside them would have too few members for three parts."""
    labels = np.where(np.arange(60) % 10 == 0, np.arange(60) / 7, 0.0)
    rows = {"id": np.repeat(np.arange(60), 3), "a": np.arange(180.0), "label": np.repeat(labels, 3)}
    found = partition(read_sequences(rows, id="id", label="label"), validation=0.15, test=0.2, seed=0)
    assert sorted(np.concatenate([found.train, found.validation, found.test]).tolist()) == list(range(60))
    assert [len(part) for part in (found.validation, found.test)] == [9, 12]
