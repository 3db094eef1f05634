"""Shapley values against captum, closed forms, and each other."""

import captum.attr
import numpy as np
import pytest
import torch

from tests.explain.toy import planted, table_model
from tidegate.core.errors import ConfigError
from tidegate.explain.groups import by_block, by_feature, by_feature_and_block
from tidegate.explain.inputs import Explainable
from tidegate.explain.shapley import exact_shapley, sampled_shapley, shapley


def twisted(x: np.ndarray) -> np.ndarray:
    """Two outputs with interactions."""
    return np.stack([x[:, 0] * x[:, 1] + np.sin(x[:, 2]) * x[:, 3], np.exp(x[:, 0]) - x[:, 1] * x[:, 2] * x[:, 3]], 1)


def captum_values(model: Explainable, row: int, labels: np.ndarray, output: int) -> np.ndarray:
    """captum's exact values, averaged over the background windows, [G]."""

    def forward(cells: torch.Tensor) -> torch.Tensor:
        inputs = model.layout.unflatten(cells.numpy().astype(np.float32))
        return torch.from_numpy(model.predict(inputs, np.full(len(cells), row))[:, output])

    tool = captum.attr.ShapleyValues(forward)
    window = torch.from_numpy(model.windows.take([row]).flat())
    mask = torch.from_numpy(labels)[None]
    every = [
        tool.attribute(window, torch.from_numpy(other[None]), feature_mask=mask).numpy()[0]
        for other in model.background.flat()
    ]
    per_cell = np.mean(every, axis=0)  # captum repeats a group's value at each of its cells
    return np.array([per_cell[np.argmax(labels == group)] for group in range(labels.max() + 1)])


@pytest.mark.parametrize("output", [0, 1])
def test_exact_values_are_captums(output: int) -> None:
    model = table_model(twisted, 4)
    found = exact_shapley(model, 3, by_feature(model.layout))
    np.testing.assert_allclose(
        found.values[:, output], captum_values(model, 3, np.arange(4), output), rtol=1e-5, atol=1e-6
    )


def test_groups_of_cells_of_a_network_are_captums() -> None:
    model = planted(7, 12)
    groups = by_block(model.layout, 3)
    found = exact_shapley(model, 0, groups)
    np.testing.assert_allclose(found.values[:, 0], captum_values(model, 0, groups.labels, 0), rtol=1e-3, atol=1e-4)


def test_a_sum_gives_each_feature_its_distance_from_the_background() -> None:
    weights = np.array([2.0, -1.0, 0.5])
    model = table_model(lambda x: (x @ weights)[:, None] + 7, 3)
    found = exact_shapley(model, 0, by_feature(model.layout))
    expected = weights * (model.windows.flat()[0] - model.background.flat().mean(axis=0))
    np.testing.assert_allclose(found.values[:, 0], expected, rtol=1e-5)
    assert found.evaluations == 8 * 5


def test_sampling_agrees_with_enumeration_within_its_error_and_adds_up() -> None:
    model = table_model(twisted, 4)
    groups = by_feature(model.layout)
    exact = exact_shapley(model, 1, groups)
    # The antithetic pairs can be exact for a pair of features: an error of 0 then must mean no difference.
    sampled = sampled_shapley(model, 1, groups, permutations=400, seed=1)
    assert (np.abs(sampled.values - exact.values) <= 4 * sampled.error + 1e-6).all()
    assert sampled.error.max() > 0
    np.testing.assert_allclose(sampled.residual, 0, atol=1e-9)  # 400 is a multiple of 5 background windows
    uneven = sampled_shapley(model, 1, groups, permutations=3, seed=1)
    np.testing.assert_allclose(uneven.prediction, uneven.base + uneven.values.sum(axis=0) + uneven.residual, rtol=1e-12)
    assert np.abs(uneven.residual).max() > 1e-3


def test_few_groups_are_enumerated_and_many_sampled() -> None:
    model = planted(7, 12)
    assert shapley(model, 0, by_feature(model.layout)).method == "exact"
    many = by_feature_and_block(model.layout, 2)
    assert shapley(model, 0, many, permutations=2).method == "sampled"
    with pytest.raises(ConfigError, match="at most 10"):
        exact_shapley(model, 0, many)
    with pytest.raises(ConfigError, match="at least 2"):
        sampled_shapley(model, 0, many, permutations=1)


def test_a_seed_repeats() -> None:
    model = planted(7, 12)
    groups = by_feature_and_block(model.layout, 4)
    first, second, other = (sampled_shapley(model, 0, groups, permutations=4, seed=seed).values for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)
