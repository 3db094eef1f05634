"""Folds are those of scikit-learn where it has them; scores over folds are recomputed from the folds."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import TimeSeriesSplit

from tidegate.core.errors import ConfigError, SplitError
from tidegate.tasks.resample.folds import make_folds


@given(
    length=st.integers(2, 400),
    folds=st.integers(2, 9),
    test_size=st.none() | st.integers(1, 60),
    gap=st.integers(0, 20),
    most=st.none() | st.integers(1, 100),
)
def test_folds_are_those_of_scikit_learn(
    length: int, folds: int, test_size: int | None, gap: int, most: int | None
) -> None:
    splitter = TimeSeriesSplit(folds, max_train_size=most, test_size=test_size, gap=gap)
    try:
        expected = list(splitter.split(np.zeros(length)))
    except ValueError:
        with pytest.raises(SplitError, match="fewer folds"):
            make_folds(length, folds, test_size=test_size, gap=gap, max_train_size=most)
        return
    found = make_folds(length, folds, test_size=test_size, gap=gap, max_train_size=most)
    for fold, (train, test) in zip(found, expected, strict=True):
        assert (np.arange(*fold.train).tolist(), np.arange(*fold.test).tolist()) == (train.tolist(), test.tolist())


def test_a_step_below_the_test_size_overlaps_and_the_last_fold_ends_with_the_data() -> None:
    found = make_folds(100, 3, test_size=20, step=5)
    assert [fold.test for fold in found] == [(70, 90), (75, 95), (80, 100)]
    assert [fold.train for fold in found] == [(0, 70), (0, 75), (0, 80)]


@pytest.mark.parametrize(
    "wrong", [{"folds": 0}, {"test_size": 0}, {"step": 1.5}, {"gap": -1}, {"max_train_size": True}]
)
def test_arguments_that_cannot_work_are_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=f"{next(iter(wrong))} is a whole number"):
        make_folds(100, **wrong)
