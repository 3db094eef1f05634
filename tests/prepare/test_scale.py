"""Scaling against scikit-learn, missing values and all."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

from tests.prepare.table.tables import holes, make_table
from tidegate.core.errors import DataError
from tidegate.prepare import Preparation, PrepareOptions
from tidegate.prepare import scale as scaling

SCALERS = {"standard": StandardScaler, "minmax": MinMaxScaler, "robust": RobustScaler}
LENGTHS = (80, 40, 100)
ROWS = np.array([[0, 50], [80, 115], [120, 200]])


def _values(dtype: Any) -> np.ndarray:
    generator = np.random.default_rng(0)
    values = np.concatenate([generator.gamma(2, size=n) * s + m for n, s, m in ((80, 1, 0), (40, 30, 9), (100, 4, 90))])
    return holes(values, 0.1, generator).astype(dtype)


@pytest.mark.parametrize("name", list(SCALERS))
@pytest.mark.parametrize("by", ["shared", "series"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("piece", [1 << 20, 60])
def test_scaled_windows_equal_sklearn(
    name: Any, by: Any, dtype: Any, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scaling, "PIECE", piece)
    values = _values(dtype)
    table = make_table({"y": values}, lengths=LENGTHS)
    prepared = Preparation.fit(table, ROWS, PrepareOptions(scale=name, scale_by=by)).apply(table)
    training = [values[a:b].astype(np.float64)[:, None] for a, b in ROWS]
    shared = SCALERS[name]().fit(np.concatenate(training))
    for g, (a, b) in enumerate(ROWS):
        scaler = shared if by == "shared" else SCALERS[name]().fit(training[g])
        expected = scaler.transform(values[a + 1 : b].astype(np.float64)[:, None])
        got, seen = prepared.target(np.array([a + 1]), b - a - 1, np.float64)
        np.testing.assert_allclose(got[0][seen[0]], expected[~np.isnan(expected)], rtol=1e-9, atol=1e-12)
        past = prepared.past(np.array([b]), b - a - 1)[0, :, 0]
        np.testing.assert_allclose(past[seen[0, :, 0]], expected[~np.isnan(expected)], rtol=2e-5, atol=2e-5)


def test_a_large_offset_costs_a_float64_column_nothing() -> None:
    values = 1e12 + np.random.default_rng(0).standard_normal(200)
    table = make_table({"y": values})
    past = Preparation.fit(table, table.rows()).apply(table).past(np.array([200]), 100)[0, :, 0]
    expected = (values[100:] - values.mean()) / values.std()
    np.testing.assert_allclose(past, expected, atol=2e-4)


def test_constant_columns_have_scale_one_and_are_reported() -> None:
    table = make_table({"y": np.arange(20.0), "c": np.full(20, 0.1)}, observed=("c",), start=None)
    for name in ("standard", "minmax", "robust"):
        preparation = Preparation.fit(table, table.rows(), PrepareOptions(scale=name))  # type: ignore[arg-type]
        assert preparation.columns[1].to_json()["scales"] == [1.0]
        assert [note.values for note in preparation.notes if note.kind == "constant"] == [{"column": "c"}]
        np.testing.assert_allclose(preparation.apply(table).past(np.array([20]), 10)[0, :, 1], 0, atol=1e-7)


def test_robust_scale_of_a_column_that_is_mostly_zero() -> None:
    rain = np.zeros(40)
    rain[::10] = 3.0
    table = make_table({"y": np.arange(40.0), "rain": rain}, observed=("rain",), start=None)
    preparation = Preparation.fit(table, table.rows(), PrepareOptions(scale="robust"))
    expected = RobustScaler().fit_transform(rain[:, None])[20:, 0]
    np.testing.assert_allclose(preparation.apply(table).past(np.array([40]), 20)[0, :, 1], expected)
    assert "middle half" in preparation.notes[0].message


def test_a_constant_series_borrows_the_shared_scale() -> None:
    values = np.concatenate([np.full(30, 5.0), np.arange(30.0)])
    table = make_table({"y": values}, lengths=(30, 30))
    state = Preparation.fit(table, table.rows(), PrepareOptions(scale_by="series")).columns[0].to_json()
    assert state["offsets"][:2] == [5.0, 14.5]
    assert state["scales"][0] == state["scales"][2] == pytest.approx(values.std())
    assert state["scales"][1] == pytest.approx(values[30:].std())


def test_a_series_that_was_not_fitted_takes_the_shared_statistics() -> None:
    values = np.arange(90.0)
    fitted = make_table({"y": values[:60]}, lengths=(30, 30))
    preparation = Preparation.fit(fitted, fitted.rows(), PrepareOptions(scale_by="series"))
    longer = make_table({"y": values}, lengths=(30, 30, 30))
    prepared = preparation.apply(longer)
    got, _ = prepared.target(np.array([10, 40, 70]), 1, np.float64)
    own = np.arange(30.0).std()
    shared = (70 - values[:60].mean()) / values[:60].std()
    assert got[:, 0, 0].tolist() == pytest.approx([(10 - 14.5) / own, (40 - 44.5) / own, shared])
    assert prepared.notes[0].values == {"count": 1, "first": "s2"}


def test_infinite_and_absent_values_are_refused() -> None:
    values = np.arange(10.0)
    values[3] = np.inf
    table = make_table({"y": values})
    with pytest.raises(DataError, match=r"'y' is infinite at time 2020-01-01T03"):
        Preparation.fit(table, table.rows())
    with pytest.raises(DataError, match=r"'y' is infinite at time 2020-01-01T03"):
        Preparation.fit(table, np.array([[4, 10]])).apply(table)
    empty = make_table({"y": np.full(10, np.nan)})
    with pytest.raises(DataError, match="target 'y' has no value"):
        Preparation.fit(empty, empty.rows())
    large = make_table({"y": np.array([-1.7e308, 1.7e308, 0.0])})
    with pytest.raises(DataError, match="too large"):
        Preparation.fit(large, large.rows())
