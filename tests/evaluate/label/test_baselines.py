"""The baselines of labels: against scikit-learn called plainly, and on problems whose answer is known."""

import dataclasses
import sys
import time

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier

from tests.evaluate.label.sample import make, texts, waves
from tidegate.core.errors import DataError, MissingExtraError
from tidegate.core.sequences import Sequences
from tidegate.evaluate.label.baselines import methods
from tidegate.evaluate.label.baselines.linear import Deadline, fit_logistic, fit_ridge, folds
from tidegate.evaluate.label.baselines.methods import class_baselines, multilabel_baselines, number_baselines
from tidegate.evaluate.label.baselines.summary import bag_of_words, unspaced
from tidegate.evaluate.label.baselines.tagging import step_number_baselines, tag_baselines

KINDS = ("slow", "fast", "rising")


def accuracy(p: np.ndarray, labels: np.ndarray, classes: tuple) -> float:
    return float(np.mean(np.array(classes, dtype=object)[p.argmax(axis=1)] == labels))


def test_classes_of_waves() -> None:
    train, test = waves(90, 0), waves(45, 1)
    found, notes = class_baselines(train, test, KINDS)
    assert list(found) == ["majority", "logistic_summary", "nearest", "nearest_warped"]
    assert notes == ()
    for p in found.values():
        assert p.shape == (45, 3)
        assert p.sum(axis=1) == pytest.approx(np.ones(45))
    assert found["majority"][0] == pytest.approx([1 / 3] * 3)
    scores = {name: accuracy(p, test.labels, KINDS) for name, p in found.items()}
    assert scores["majority"] == pytest.approx(1 / 3)
    assert scores["nearest_warped"] > 0.9
    assert scores["nearest"] > 0.8
    assert scores["logistic_summary"] > 0.6
    again, _ = class_baselines(train, test, KINDS)
    assert all(np.array_equal(found[name], again[name]) for name in found)


def test_digits_row_by_row_beside_scikit_learn_s_neighbours() -> None:
    images, labels = load_digits(return_X_y=True)
    sequences = make(list(images.reshape(-1, 8, 8)), labels)
    train, test = sequences.take(np.arange(900)), sequences.take(np.arange(900, 1200))
    found, _ = class_baselines(train, test, range(10))
    mean, scale = train.values.mean(axis=0), train.values.std(axis=0)
    scale[scale == 0] = 1.0
    rows = [((part.values - mean) / scale).reshape(-1, 64) for part in (train, test)]
    theirs = KNeighborsClassifier(1).fit(rows[0], labels[:900]).predict(rows[1])
    assert np.mean(found["nearest"].argmax(axis=1) == theirs) > 0.99  # single precision may swap what is equally far
    assert accuracy(found["logistic_summary"], test.labels, tuple(range(10))) > 0.85


def test_missing_labels_are_not_fitted_on_and_odd_ones_are_named() -> None:
    train = waves(12, 0)
    labels = np.array([*train.labels[:10], None, None], dtype=object)
    found, _ = class_baselines(make([[0.0, 1.0]] * 12, labels), waves(2, 1), KINDS, budget_seconds=-1)
    assert found["majority"][0] == pytest.approx([0.4, 0.3, 0.3])
    with pytest.raises(DataError, match=r"labels \['slow'\] are not among the 2 classes"):
        class_baselines(train, train, ("fast", "rising"))
    with pytest.raises(DataError, match="have no labels"):
        class_baselines(make([[0.0]]), train, KINDS)


def test_time_that_is_used_up_is_said() -> None:
    found, notes = class_baselines(waves(30, 0), waves(3, 1), KINDS, budget_seconds=-1.0)
    assert list(found) == ["majority"]
    assert [note.values["method"] for note in notes] == ["logistic_summary", "nearest", "nearest_warped"]
    deadline = Deadline(0.2)
    time.sleep(0.3)  # waiting is not computing
    assert not deadline.passed
    assert Deadline(-0.1).passed


def test_large_neighbourhoods_are_cut_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    train, test = waves(90, 0), waves(9, 1)
    whole, _ = class_baselines(train, test, KINDS)
    monkeypatch.setattr(methods, "MOST_WARPING", 9 * 2 * 31 * 4 * 2 * 20)  # some twenty neighbours each
    monkeypatch.setattr(methods, "MOST_NUMBERS", 80 * 2 * 31)
    found, notes = class_baselines(train, test, KINDS)
    assert [note.values["method"] for note in notes] == ["nearest", "nearest_warped"]
    assert int(notes[0].values["kept"]) < 90
    assert 5 <= int(notes[1].values["kept"]) < 40
    assert accuracy(found["nearest_warped"], test.labels, KINDS) >= 0.8
    assert whole.keys() == found.keys()
    monkeypatch.setattr(methods, "MOST_NUMBERS", 100)
    found, notes = class_baselines(train, test, KINDS)
    assert list(found) == ["majority", "logistic_summary"]
    assert "too large" in notes[0].message


def test_texts_in_both_ways_of_writing() -> None:
    good, bad = ("a fine and moving film", "not bad at all"), ("a dull film", "not good at all")
    train = texts([*good, *bad] * 6 + [None], ["good", "good", "bad", "bad"] * 6 + ["bad"])
    found, notes = class_baselines(train, texts(["not bad", "not good", "moving", ""]), ("bad", "good"))
    assert list(found) == ["majority", "bag_of_words"]
    assert notes == ()
    assert found["bag_of_words"].argmax(axis=1)[:3].tolist() == [1, 0, 1]  # pairs of words tell the first two
    rows, apply = bag_of_words(np.array(["房間很好", "很不好", "the room"], dtype=object))
    assert rows.shape[1] > 8  # characters and pairs of them
    assert apply(np.array(["不好"], dtype=object)).nnz == 3
    assert unspaced(np.array(["房間 very 好好好"]))
    assert not unspaced(np.array(["only a 好", None], dtype=object))
    rows, apply = bag_of_words(np.array(["", None], dtype=object))
    assert apply(np.array(["word"], dtype=object)).shape == (1, 1)


def test_numbers() -> None:
    rng = np.random.default_rng(0)

    def engines(count: int, seed: int) -> tuple:
        drift = np.random.default_rng(seed).uniform(0, 1, count)
        items = [d * np.arange(30)[:, None] / 10 + rng.normal(0, 0.1, (30, 1)) for d in drift]
        return make(items, 100 * (1 - drift), groups=np.arange(count) // 4)

    train, test = engines(80, 1), engines(40, 2)
    found, notes = number_baselines(train, test)
    assert list(found) == ["mean", "median", "ridge_summary", "nearest"]
    assert notes == ()
    error = {name: float(np.abs(f[:, 0] - test.labels).mean()) for name, f in found.items()}
    assert error["mean"] > 20
    assert found["median"][0, 0] == pytest.approx(np.median(train.labels))
    assert error["ridge_summary"] < 2
    assert error["nearest"] < 5
    labels = np.stack([train.labels, np.where(np.arange(80) < 3, np.nan, train.labels)], axis=1)
    both, _ = number_baselines(make([train.values[a : a + 30] for a in train.starts[:-1]], labels), test)
    assert both["mean"][0] == pytest.approx(np.tile(train.labels[3:].mean(), 2))
    with pytest.raises(DataError, match="no numbers"):
        number_baselines(make([[0.0]]), test)
    with pytest.raises(DataError, match="none of the 1"):
        number_baselines(make([[0.0]], [np.nan]), test)
    words, _ = number_baselines(texts(["one", "two", "two"] * 5, [1.0, 2.0, 2.0] * 5), texts(["two"]))
    assert list(words) == ["mean", "median", "ridge_words"]
    assert 1.6 < words["ridge_words"][0, 0] < 2.1


def test_tags() -> None:
    rng = np.random.default_rng(0)
    items = [rng.normal(size=(rng.integers(3, 9), 2)) for _ in range(60)]
    values = np.concatenate(items)
    word = np.array(["run", "the"], dtype=object)[(rng.random(len(values)) < 0.5).astype(int)]
    labels = np.where(word == "the", "D", np.where(values[:, 0] > 0, "V", "N"))
    sequences = make(items, labels, categories={"word": word}, per_step=True)
    train, test = sequences.take(np.arange(40)), sequences.take(np.arange(40, 60))
    found, notes = tag_baselines(train, test, ("D", "N", "V"))
    assert notes == ()
    assert found["majority"].shape == found["logistic_step"].shape == (int(test.starts[-1]), 3)
    assert found["majority"][0, 0] == pytest.approx(np.mean(train.labels == "D"))
    assert accuracy(found["logistic_step"], test.labels, ("D", "N", "V")) > 0.95
    with pytest.raises(DataError, match="one a step"):
        tag_baselines(waves(3, 0), waves(3, 0), KINDS)


def test_steps_are_drawn_where_there_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    from tidegate.evaluate.label.baselines import tagging

    monkeypatch.setattr(tagging, "MOST_STEPS", 50)
    sequences = make([np.arange(20.0)] * 5, np.tile(np.arange(20) > 9, 5), per_step=True)
    found, notes = tag_baselines(sequences, sequences, (False, True))
    assert (notes[0].values["kept"], notes[0].values["count"]) == ("50", "100")
    assert accuracy(found["logistic_step"], sequences.labels, (False, True)) > 0.9


def test_several_labels_at_once() -> None:
    train, test = waves(90, 0), waves(30, 1)

    def flags(part) -> np.ndarray:
        return np.stack([part.labels == "rising", part.labels != "slow", np.ones(len(part), bool)], axis=1)

    labelled = make([train.values[a:b] for a, b in zip(train.starts, train.starts[1:], strict=False)], flags(train))
    found, _ = multilabel_baselines(labelled, test)
    assert found["majority"][0] == pytest.approx([1 / 3, 2 / 3, 1.0])
    assert np.mean((found["logistic_summary"] >= 0.5) == flags(test)) > 0.8
    assert (found["logistic_summary"][:, 2] == 1.0).all()
    words = texts(["red", "blue", "red blue"] * 6, np.array([[1, 0], [0, 1], [1, 1]] * 6))
    found, _ = multilabel_baselines(words, texts(["red", "blue"]))
    assert (found["bag_of_words"] >= 0.5).tolist() == [[True, False], [False, True]]


def test_penalties_are_chosen_and_the_fit_is_scikit_learn_s() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 6))
    y = (x[:, 0] + 0.5 * rng.normal(size=200) > 0).astype(np.int64)
    fit = fit_logistic(x, y, 3, groups=None, seed=0, deadline=Deadline(60), strengths=(0.1,))
    theirs = LogisticRegression(C=0.1, tol=1e-3).fit(x, y).predict_proba(x)
    assert fit(x)[:, :2] == pytest.approx(theirs)
    assert not fit(x)[:, 2].any()
    numbers = (x @ rng.normal(size=(6, 2))) + rng.normal(size=(200, 2))
    ours = fit_ridge(x, numbers, groups=None, seed=0)(x)
    same = [Ridge(alpha=200 * p).fit(x, numbers).predict(x) for p in (1e-3, 1e-2, 1e-1)]
    assert min(float(np.abs(ours[:, 0] - other[:, 0]).max()) for other in same) < 1e-6
    noise = fit_ridge(rng.normal(size=(60, 40)), rng.normal(size=(60, 1)), groups=None, seed=0)
    assert np.ptp(noise(rng.normal(size=(50, 40)))) < 1.0  # a strong penalty where there is nothing to learn


def test_folds() -> None:
    y = np.repeat([0, 1], [60, 9])
    part = folds(y, 69, None, 0)
    assert [np.bincount(part[y == k]).tolist() for k in (0, 1)] == [[20, 20, 20], [3, 3, 3]]
    groups = np.repeat(np.arange(10), 7)
    part = folds(None, 70, groups, 0)
    assert all(len(np.unique(part[groups == g])) == 1 for g in range(10))
    assert np.unique(part).tolist() == [0, 1, 2]


def test_one_class_alone_is_certain() -> None:
    fit = fit_logistic(np.zeros((3, 1)), np.ones(3, np.int64), 2, groups=None, seed=0, deadline=Deadline(1))
    assert fit(np.zeros((2, 1))).tolist() == [[0.0, 1.0]] * 2


def test_without_scikit_learn_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.linear_model", None)
    with pytest.raises(MissingExtraError, match=r"\[train\]"):
        class_baselines(waves(9, 0), waves(3, 1), KINDS)


def test_a_number_at_each_step_is_held_against_ridge_regression_on_the_step() -> None:
    rng = np.random.default_rng(3)
    lengths = rng.integers(5, 15, 60)
    values = rng.normal(size=(int(lengths.sum()), 2))
    labels = 3 * values[:, 0] - values[:, 1] + 2 + 0.01 * rng.normal(size=len(values))
    labels[4] = np.nan
    starts = np.concatenate([[0], np.cumsum(lengths)])
    ids = tuple(map(str, range(60)))
    sequences = Sequences(ids, starts, values, ("a", "b"), labels=labels, label_names=("y",), per_step=True)
    train, test = sequences.take(np.arange(40)), sequences.take(np.arange(40, 60))
    found, notes = step_number_baselines(train, test)
    assert notes == ()
    actual = np.asarray(test.labels)
    assert np.abs(found["ridge_step"][:, 0] - actual).max() < 0.1
    known = np.asarray(train.labels)
    np.testing.assert_allclose(found["mean"], np.nanmean(known))
    np.testing.assert_allclose(found["median"], np.nanmedian(known))
    with pytest.raises(DataError, match="each step"):
        step_number_baselines(dataclasses.replace(train, labels=np.zeros(40), per_step=False), test)
