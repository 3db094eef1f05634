"""The bootstrap by sums beside the bootstrap by loops, and SciPy's tests and intervals."""

import math

import numpy as np
import pytest
from scipy.stats import binomtest, bootstrap
from sklearn import metrics

from tidegate.core.errors import DataError
from tidegate.evaluate.label.classes import class_scores
from tidegate.evaluate.label.metrics.bootstrap import (
    draws,
    mcnemar,
    repeats,
    resampled,
    resamples_for,
    unit_sums,
    units_of,
    weighted_areas,
)
from tidegate.evaluate.label.metrics.classes import confusion
from tidegate.evaluate.label.metrics.multilabel import multilabel_scores
from tidegate.evaluate.label.metrics.resampling import (
    Predicted,
    class_metrics,
    class_sums,
    flag_features,
    flag_metrics,
    ranking_intervals,
    resample_methods,
)
from tidegate.evaluate.significance import interval


def classifier(rows: int, count: int, seed: int = 0) -> tuple[np.ndarray, Predicted]:
    rng = np.random.default_rng(seed)
    y = rng.integers(count, size=rows)
    p = np.exp(rng.normal(size=(rows, count)) + 1.2 * np.eye(count)[y])
    p /= p.sum(axis=1, keepdims=True)
    return y, Predicted(p, p.argmax(axis=1))


@pytest.mark.parametrize(("rows", "count", "groups"), [(80, 3, None), (80, 2, 9), (40, 5, None)])
def test_metrics_from_sums_are_those_of_the_things_drawn(rows: int, count: int, groups: int | None) -> None:
    y, said = classifier(rows, count)
    owner = None if groups is None else np.random.default_rng(1).integers(groups, size=rows)
    unit, units = units_of(owner, rows)
    found = class_metrics(resample_methods({"m": class_sums(y, said, unit, units)}, 0, 30)["m"], count)
    counts = np.concatenate(list(draws(units, 30, 0)))
    for place in range(30):
        chosen = repeats(counts[place], unit)
        one = Predicted(said.probabilities[chosen], said.named[chosen])
        wanted = class_scores(y[chosen], one, confusion(y[chosen], one.named, count))
        for metric, values in found.items():
            assert values[place] == pytest.approx(wanted[metric]), metric


def test_metrics_from_sums_of_all_things_are_the_plain_ones() -> None:
    y, said = classifier(60, 4)
    sums = class_sums(y, said, np.arange(60), 60).sum(axis=0, keepdims=True)
    wanted = class_scores(y, said, confusion(y, said.named, 4))
    assert {name: values[0] for name, values in class_metrics(sums, 4).items()} == pytest.approx(
        {name: value for name, value in wanted.items() if name not in ("roc_auc", "pr_auc")}
    )


def test_several_labels_at_once() -> None:
    rng = np.random.default_rng(0)
    y, p = rng.random((50, 3)) < 0.4, rng.random((50, 3))
    counts = np.concatenate(list(draws(50, 20, 3)))
    sums = resampled(flag_features(y, p, p >= 0.5), 20, 3)
    found = flag_metrics(sums, np.full(20, 50.0), 3)
    for place in range(20):
        chosen = repeats(counts[place], np.arange(50))
        wanted = multilabel_scores(y[chosen], p[chosen])
        for metric, values in found.items():
            assert values[place] == pytest.approx(wanted[metric]), metric


def test_areas_under_curves_of_resamples() -> None:
    y, said = classifier(70, 2)
    score = np.round(said.probabilities[:, 1], 1)
    groups = np.random.default_rng(2).integers(12, size=70)
    unit, units = units_of(groups, 70)
    counts = np.concatenate(list(draws(units, 25, 1)))
    roc, area = weighted_areas(y == 1, score, unit, counts)
    for place in range(25):
        chosen = repeats(counts[place], unit)
        assert roc[place] == pytest.approx(metrics.roc_auc_score(y[chosen], score[chosen]))
        assert area[place] == pytest.approx(metrics.average_precision_score(y[chosen], score[chosen]))
    alone, none = weighted_areas([True, False], [0.9, 0.1], np.arange(2), np.array([[2.0, 0.0], [0.0, 2.0]]))
    assert np.isnan(alone).all()
    assert none[0] == 1.0
    assert math.isnan(none[1])


def test_intervals_agree_with_scipy() -> None:
    y, said = classifier(200, 3)
    right = (y == said.named).astype(float)
    ours = interval(resampled(right[:, None], 4000, 0)[:, 0] / 200, 200)
    theirs = bootstrap((right,), np.mean, n_resamples=4000, method="percentile", rng=0).confidence_interval
    assert ours == pytest.approx((theirs.low, theirs.high), abs=0.006)
    found, amount = ranking_intervals((y == 1)[:, None], said.probabilities[:, 1:2], np.arange(200), 200, 0)
    area = metrics.roc_auc_score(y == 1, said.probabilities[:, 1])
    assert amount == 1000
    assert found["roc_auc"][0] < area < found["roc_auc"][1]
    assert ranking_intervals(np.zeros((2_100_000, 1), bool), np.zeros((2_100_000, 1)), np.zeros(1, int), 1, 0) == (
        {},
        0,
    )
    assert np.isnan(interval([math.nan] * 60 + [1.0] * 30, 90)).all()


def test_groups_are_drawn_whole_and_widen_the_interval() -> None:
    """Ten groups that are all right or all wrong are ten observations, not a thousand."""
    right = np.repeat([1.0, 0.0] * 5, 100)
    groups = np.repeat([f"g{n}" for n in range(10)], 100)
    unit, units = units_of(groups, 1000)
    assert units == 10
    values = resampled(unit_sums(np.stack([right, np.ones(1000)], axis=1), unit, units), 2000, 0)
    low, high = interval(values[:, 0] / values[:, 1], units)
    # Binomial of 10 at a half: 0.9 % and 99.1 % points, Phi(-sqrt(10 / 9) 2.262) of Student's t with 9 degrees.
    assert (low, high) == (0.1, 0.9)
    with pytest.raises(DataError, match=r"expected \(3,\)"):
        units_of(["a"], 3)
    empty = unit_sums(np.ones((3, 1)), np.array([0, 2, 2]), 4)
    assert empty[:, 0].tolist() == [1, 0, 2, 0]


@pytest.mark.parametrize(("ahead", "behind"), [(0, 0), (5, 0), (12, 5), (5, 12), (3, 3), (900, 820)])
def test_mcnemar_is_the_exact_binomial_test(ahead: int, behind: int) -> None:
    first = np.repeat([True, False, True], [ahead, behind, 10])
    second = np.repeat([False, True, True], [ahead, behind, 10])
    wanted = binomtest(ahead, ahead + behind, 0.5).pvalue if ahead + behind else 1.0
    assert mcnemar(first, second) == pytest.approx(wanted)
    with pytest.raises(DataError, match=r"both must be \[M\]"):
        mcnemar([True], [True, False])


def test_draws_repeat_and_are_fewer_where_there_is_much() -> None:
    assert np.array_equal(np.concatenate(list(draws(7, 5, 1))), np.concatenate(list(draws(7, 5, 1))))
    assert all((chunk.sum(axis=1) == 7).all() for chunk in draws(7, 5, 1))
    assert [resamples_for(units) for units in (10, 100_000, 250_000, 10**7)] == [1000, 1000, 400, 200]
