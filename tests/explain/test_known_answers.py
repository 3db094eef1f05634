"""Networks trained on a planted dependency: every method must find it, and the deletion test must say so."""

import numpy as np
import pytest

from tests.explain.toy import FEATURES, Trained, planted, table_model
from tidegate.core.errors import ConfigError
from tidegate.explain.deletion import metric_faithfulness, prediction_faithfulness
from tidegate.explain.gates import trace_attention
from tidegate.explain.gradients import gather, integrated_gradients
from tidegate.explain.groups import Group, Groups, by_block, by_feature, by_feature_and_block
from tidegate.explain.permutation import permutation_importance
from tidegate.explain.shapley import exact_shapley, sampled_shapley

ONE = np.ones((1, 1, 1))


def top(groups: Groups, sizes: np.ndarray) -> Group:
    return groups.all[int(np.argmax(sizes))]


def strongest_row(model: Trained) -> int:
    """A window whose answer is far from the mean: there is something to explain."""
    return int(np.argmax(np.abs(model.target[:, 0])))


@pytest.mark.parametrize(
    ("lag", "window", "segment", "cell"), [(7, 12, 1, "lstm"), (7, 12, 1, "gru"), (50, 60, 10, "lstm")]
)
def test_every_method_finds_the_feature_and_the_lag(lag: int, window: int, segment: int, cell: str) -> None:
    model = planted(lag, window, segment, cell)
    row = strongest_row(model)
    features, steps = by_feature(model.layout), by_block(model.layout)
    assert top(features, exact_shapley(model, row, features).size) == Group("x2")
    importance = permutation_importance(model, features)
    assert top(features, importance.mean) == Group("x2")
    others = importance.mean[[features.all.index(Group(name)) for name in ("x1", "x3")]]
    assert (np.abs(others) < 0.1 * importance.mean.max()).all()
    by_step = permutation_importance(model, steps)
    assert top(steps, by_step.mean) == Group(None, -lag, -lag + 1)
    assert np.sort(by_step.mean)[-2] < 0.3 * by_step.mean.max()
    cells = by_feature_and_block(model.layout, 1)
    sampled = sampled_shapley(model, row, cells, permutations=16)
    assert top(cells, sampled.size) == Group("x2", -lag, -lag + 1)
    gradient = integrated_gradients(model, row, ONE)
    assert top(gradient.groups, gradient.size) == Group("x2", -lag, -lag + 1)
    assert top(features, np.abs(gather(gradient, features))) == Group("x2")
    # The residual stands beside an explanation of at least 1.
    assert abs(gradient.residual[0]) < 0.02
    check = prediction_faithfulness(model, row, cells, sampled.size, orders=20)
    assert check.ratio > 1.3
    assert check.beaten > 0.9


def test_blocks_hold_the_lag_that_matters() -> None:
    model = planted(50, 60, 10)
    blocks = by_block(model.layout, 10)
    found = permutation_importance(model, blocks)
    assert top(blocks, found.mean) == Group(None, -50, -40)
    assert metric_faithfulness(model, blocks, found.mean).beaten > 0.8


def test_the_deletion_test_refuses_a_wrong_order_and_accepts_the_right_one() -> None:
    model = table_model(lambda x: 5 * x[:, :1] + x[:, 1:2], 8)
    groups = by_feature(model.layout)
    right = prediction_faithfulness(model, 0, groups, [8, 7, 0, 0, 0, 0, 0, 0], orders=200)
    wrong = prediction_faithfulness(model, 0, groups, [0, 1, 8, 7, 6, 5, 4, 3], orders=200)
    assert right.beaten > 0.8
    assert right.ratio > 1.3
    assert wrong.beaten < 0.2
    assert wrong.ratio < 0.7
    x, mean = model.windows.flat()[0], model.background.flat().mean(axis=0)
    assert right.curve[0] == 0
    assert right.curve[1] == pytest.approx(abs(5 * (x[0] - mean[0])), rel=1e-5)
    assert right.curve[-1] == pytest.approx(abs(5 * (x[0] - mean[0])) + abs(x[1] - mean[1]), rel=1e-5)
    with pytest.raises(ConfigError, match="at least 3"):
        prediction_faithfulness(planted(7, 12), 0, Groups((Group("a"), Group("b")), np.arange(36) % 2), [1, 0])


def test_opposite_effects_do_not_cancel_and_the_right_order_beats_every_other() -> None:
    weights = np.array([4.0, -4.0, 2.0, -1.0, 0.5])
    model = table_model(lambda x: (x @ weights)[:, None], 5)
    groups = by_feature(model.layout)
    for row in range(5):
        found = exact_shapley(model, row, groups)
        test = prediction_faithfulness(model, row, groups, found.size, orders=100)
        assert (test.curve[1:-1] >= test.random[:, 1:-1] - 1e-5).all()
        assert test.ratio > 1
        assert test.beaten > 0.95


def test_a_group_that_lifts_some_values_and_lowers_others_is_not_lost_in_their_mean() -> None:
    """The first input moves two values by the same size in opposite ways: the mean sees nothing of it."""
    model = table_model(lambda x: np.stack([4 * x[:, 0] + x[:, 1], -4 * x[:, 0] + 0.5 * x[:, 2]], axis=1), 5)
    groups = by_feature(model.layout)
    found = exact_shapley(model, 0, groups)
    assert int(np.argmax(found.reach)) == 0
    assert int(np.argmax(np.abs(found.mean))) != 0
    assert found.size[0] == pytest.approx(np.abs(found.values[0]).mean())
    test = prediction_faithfulness(model, 0, groups, found.reach, orders=60)
    assert (test.curve[1:-1] >= test.random[:, 1:-1] - 1e-6).all()
    x, mean = model.windows.flat()[0].astype(float), model.background.flat().astype(float).mean(axis=0)
    assert test.curve[1] == pytest.approx(4 * abs(x[0] - mean[0]), rel=1e-5)
    blurred = prediction_faithfulness(model, 0, groups, found.reach, orders=60, whole=False)
    assert blurred.curve[1] == pytest.approx(0, abs=1e-5)


def test_of_many_groups_several_are_taken_at_once() -> None:
    """Every 60 past cells, one by one: 40 looks, from none taken to all."""
    model = planted(50, 60, 10)
    cells = by_feature_and_block(model.layout, 1)
    row = strongest_row(model)
    sizes = [5.0 if group == Group("x2", -50, -49) else 0.0 for group in cells.all]
    test = prediction_faithfulness(model, row, cells, sizes, orders=4)
    assert (test.taken[0], test.taken[-1], len(test.taken), len(test.curve)) == (0, 180, 41, 41)
    assert test.curve[1] > 0.5 * abs(model.target[row, 0])


def test_an_explanation_of_nothing_is_no_better_than_chance() -> None:
    """Importance drawn at random beats about half of the random orders."""
    model = table_model(lambda x: x.sum(axis=1, keepdims=True), 8)
    groups = by_feature(model.layout)
    generator = np.random.default_rng(3)
    shares = [
        prediction_faithfulness(model, row, groups, generator.random(8), orders=40, seed=row).beaten
        for row in range(20)
    ]
    assert 0.3 < np.mean(shares) < 0.7


def test_integrated_gradients_agree_with_differences() -> None:
    """Central differences along the path, in numpy through the runtime."""
    model = planted(7, 12)
    row = strongest_row(model)
    found = integrated_gradients(model, row, ONE)
    x, background = model.windows.flat()[row], model.background.flat()
    points, step = 64, 5e-3
    each = np.zeros(background.shape)
    for window, base in enumerate(background):
        for a in (np.arange(points) + 0.5) / points:
            at = base + a * (x - base)
            moved = np.concatenate([at + step * np.eye(len(x)), at - step * np.eye(len(x))]).astype(np.float32)
            values = model.predict(model.layout.unflatten(moved), np.zeros(len(moved), np.int64))[:, 0]
            each[window] += (values[: len(x)] - values[len(x) :]) / (2 * step) / points * (x - base)
    np.testing.assert_allclose(found.values[:, 0], each.mean(axis=0), atol=0.01)
    deviation = each.std(axis=0, ddof=1) / np.sqrt(len(background))
    np.testing.assert_allclose(found.error[:, 0], deviation, atol=0.01)
    reached = model.predict(model.background, np.zeros(len(background), np.int64))[:, 0]
    assert found.base[0] == pytest.approx(reached.mean(), abs=1e-5)


def test_attention_looks_at_the_lag() -> None:
    model = planted(7, 12, 1, "lstm", "attention")
    (attention,) = trace_attention(model)
    np.testing.assert_allclose(attention.weights.sum(axis=1), 1, rtol=1e-5)
    blocks = by_block(model.layout, 1)
    weights = np.mean([attention.by_group(blocks, row, 12) for row in range(64)], axis=0)
    assert weights.sum() == pytest.approx(1)
    # A recurrent step at or soon after the lag carries what was read there.
    assert -7 <= blocks.all[int(np.argmax(weights))].first <= -5
    assert model.layout.past == FEATURES
