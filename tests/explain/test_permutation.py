"""Permutation importance against scikit-learn."""

import numpy as np
import pytest
from sklearn.ensemble import RandomForestRegressor
from sklearn.inspection import permutation_importance as sklearn_importance

from tests.explain.toy import planted, table_model
from tidegate.core.errors import ConfigError
from tidegate.explain.groups import by_feature
from tidegate.explain.permutation import permutation_importance


def test_it_agrees_with_scikit_learn() -> None:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(300, 4)).astype(np.float32)
    y = 3 * x[:, 0] + x[:, 1] * x[:, 2] + generator.normal(size=300) * 0.1
    forest = RandomForestRegressor(20, random_state=0).fit(x, y)
    theirs = sklearn_importance(forest, x, y, scoring="neg_mean_squared_error", n_repeats=60, random_state=1)
    model = table_model(lambda cells: forest.predict(cells.astype(np.float32))[:, None], 4)
    model.windows, model.target = model.layout.unflatten(x), y[:, None]
    ours = permutation_importance(model, by_feature(model.layout), repeats=60, seed=2)
    error = np.hypot(ours.error, theirs.importances_std / np.sqrt(60))
    assert (np.abs(ours.mean - theirs.importances_mean) < 4 * error + 1e-4).all()
    np.testing.assert_allclose(ours.error, theirs.importances_std / np.sqrt(60), rtol=0.5, atol=1e-4)
    assert ours.score == pytest.approx(np.mean((forest.predict(x) - y) ** 2))


def test_a_linear_model_loses_twice_the_variance_of_its_term() -> None:
    """E (w x' - w x)^2 = 2 w^2 var x, with x' from another window."""
    weights = np.array([2.0, 0.0, -1.0])
    model = table_model(lambda x: (x @ weights)[:, None], 3, rows=2000)
    x = model.windows.flat().astype(np.float64)
    model.target = (x @ weights)[:, None]
    found = permutation_importance(model, by_feature(model.layout), repeats=20)
    np.testing.assert_allclose(found.mean, 2 * weights**2 * x.var(axis=0), rtol=0.03)
    assert found.repeats.shape == (20, 3)
    assert found.mean[1] == 0


def test_it_needs_repeats() -> None:
    model = planted(7, 12)
    with pytest.raises(ConfigError, match="2 repeats"):
        permutation_importance(model, by_feature(model.layout), repeats=1)
