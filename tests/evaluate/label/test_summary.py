"""Summary statistics beside pandas and scipy; nearest neighbours and warping beside the textbook's loops."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import linregress
from sklearn.neighbors import KNeighborsClassifier

from tests.evaluate.label.sample import make, waves
from tidegate.evaluate.label.baselines import summary as module
from tidegate.evaluate.label.baselines.nearest import (
    band_of,
    common_length,
    grid_of,
    nearest,
    nearest_warped,
    stretched,
    warped,
)
from tidegate.evaluate.label.baselines.summary import Summary, frequent, plain_values, statistics


def test_statistics_of_channels() -> None:
    rng = np.random.default_rng(0)
    items = [rng.normal(size=(steps, 3)) for steps in (5, 1, 12)]
    items[0][1, 0] = items[2][0, 1] = np.nan
    items[2][:, 2] = np.nan
    sequences = make([items[0], items[1], np.zeros((0, 3)), items[2]])
    found = statistics(sequences, {})
    assert found.shape == (4, 1 + 3 * module.STATISTICS)
    assert found[:, 0].tolist() == [5, 1, 0, 12]
    for row, item in ((0, items[0]), (1, items[1]), (3, items[2])):
        for channel in range(3):
            column = pd.Series(item[:, channel])
            seen = column.notna().to_numpy()
            own = found[row, 1 + channel * module.STATISTICS :][: module.STATISTICS]
            slope = np.nan
            if seen.sum() > 1:
                slope = linregress(np.arange(len(item))[seen], item[seen, channel]).slope
            elif seen.any():
                slope = 0.0
            wanted = [
                column.mean(),
                column.std(ddof=0),
                column.min(),
                column.max(),
                item[0, channel],
                item[-1, channel],
                slope,
                *column.quantile([0.25, 0.5, 0.75]),
            ]
            assert own == pytest.approx(wanted, nan_ok=True), (row, channel)
    assert np.isnan(found[2, 1:]).all()


def test_columns_do_not_depend_on_how_many_rows_are_summed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    sequences = make([np.random.default_rng(1).normal(size=(6, 5)) for _ in range(4)])
    whole = statistics(sequences, {})
    monkeypatch.setattr(module, "_BLOCK", 24)
    assert np.array_equal(statistics(sequences, {}), whole)


def test_what_is_constant_has_no_spread_and_what_is_far_is_clipped() -> None:
    train = make([np.full((7, 1), 23.419 + 1e-9 * 0) for _ in range(5)])
    found, rows = Summary.fit(train)
    assert not rows.any()
    assert np.abs(found.apply(make([np.full((7, 1), 1e9)]))).max() == module.FARTHEST


def test_rows_are_standardised_by_the_training_part() -> None:
    train, test = waves(30, 0), waves(9, 1)
    found, rows = Summary.fit(train)
    assert rows.mean(axis=0) == pytest.approx(np.zeros(rows.shape[1]), abs=1e-9)
    raw = statistics(train, {})
    inside = np.clip((statistics(test, {}) - raw.mean(axis=0)) / raw.std(axis=0), -10, 10)
    assert found.apply(test) == pytest.approx(inside)


def test_categories_are_frequencies_of_the_training_part_s_words() -> None:
    categories = {"host": np.array(["a", "b", "b", "c", "b"], dtype=object)}
    train = make([[0, 0, 0], [0, 0]], categories=categories)
    assert frequent(categories["host"], 2) == ("b", "a")
    found, _ = Summary.fit(train)
    assert found.words == {"host": ("b", "a", "c")}
    other = make([[0.0, 0.0]], categories={"host": np.array(["z", "b"], dtype=object)})
    assert statistics(other, found.words)[0, -3:].tolist() == [0.5, 0.0, 0.0]


def test_frames_become_few_shades_and_many_channels_two_statistics() -> None:
    frames = np.zeros((2, 16, 24, 3), dtype=np.uint8)
    frames[0, :2, :3] = 30  # the first of 8 x 8 areas
    frames[1] = 7
    sequences = make([frames[:1].reshape(1, -1), frames[1:].reshape(1, -1)], frame=(16, 24, 3))
    shades = plain_values(sequences)
    assert shades.shape == (2, 64)
    assert shades[0].tolist() == [30.0] + [0.0] * 63
    assert (shades[1] == 7).all()
    wide = make([np.ones((3, 300)), np.zeros((2, 300))])
    assert statistics(wide, {}).shape == (2, 1 + 600)


def test_the_nearest_are_those_of_scikit_learn() -> None:
    train, test = waves(60, 0, short=25, long=25), waves(30, 1, short=25, long=25)
    a, b = train.values.reshape(60, -1), test.values.reshape(30, -1)
    theirs = KNeighborsClassifier(3).fit(a, np.zeros(60)).kneighbors(b)[1]
    grids = [grid_of(part, 25, np.zeros(2, np.float32), np.ones(2, np.float32)) for part in (train, test)]
    assert np.array_equal(nearest(*grids, count=3), theirs)


def slow_warping(a: np.ndarray, b: np.ndarray, band: int) -> float:
    steps = len(a)
    table = np.full((steps + 1, steps + 1), np.inf)
    table[0, 0] = 0
    for i in range(steps):
        for j in range(max(0, i - band), min(steps, i + band + 1)):
            table[i + 1, j + 1] = ((a[i] - b[j]) ** 2).sum() + min(table[i, j + 1], table[i + 1, j], table[i, j])
    return float(table[-1, -1])


@pytest.mark.parametrize("steps", [1, 2, 7, 30])
def test_warping(steps: int) -> None:
    rng = np.random.default_rng(steps)
    first, second = (rng.normal(size=(size, steps, 2)).astype(np.float32) for size in (4, 5))
    left, right = np.divmod(np.arange(20), 5)
    found = warped(first, second, left, right)
    wanted = [slow_warping(first[a], second[b], band_of(steps)) for a, b in zip(left, right, strict=True)]
    assert found == pytest.approx(wanted, rel=1e-4)
    among = np.tile(np.arange(5), (4, 1))
    assert nearest_warped(second, first, among).tolist() == np.reshape(wanted, (4, 5)).argmin(axis=1).tolist()


def test_stretching() -> None:
    assert stretched(np.array([[0.0], [2.0]], np.float32), 3).ravel().tolist() == [0.0, 1.0, 2.0]
    assert stretched(np.arange(6, dtype=np.float32)[:, None], 3).ravel().tolist() == [0.5, 2.5, 4.5]
    assert stretched(np.array([[5.0]], np.float32), 2).ravel().tolist() == [5.0, 5.0]
    gaps = make([[np.nan, 2.0, np.nan, 4.0], []])
    grid = grid_of(gaps, 4, np.zeros(1, np.float32), np.ones(1, np.float32))
    assert grid[:, :, 0].tolist() == [[0.0, 2.0, 2.0, 4.0], [0.0] * 4]
    assert common_length(make([[1], [1, 2, 3], [1] * 9])) == 3
