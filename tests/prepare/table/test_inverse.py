"""invert(target(...)) is the table's own value."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.prepare.table.tables import holes, make_table
from tidegate.core.errors import DataError
from tidegate.prepare import Preparation, PrepareOptions

LENGTHS = (60, 90)


@given(
    seed=st.integers(0, 2**20),
    fill=st.sampled_from(["ffill", "bfill", "linear", "seasonal"]),
    scale=st.sampled_from(["standard", "minmax", "robust", "none"]),
    by=st.sampled_from(["series", "shared"]),
    transform=st.sampled_from(["none", "log1p", "difference"]),
    lag=st.integers(1, 30),
    share=st.sampled_from([0.0, 0.2]),
    large=st.sampled_from([0.0, 1e6]),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_inverse_is_exact(
    *, seed: int, fill: Any, scale: Any, by: Any, transform: Any, lag: int, share: float, large: float, dtype: Any
) -> None:
    generator = np.random.default_rng(seed)
    columns = {n: holes(generator.gamma(2.0, size=150) * 5 + large, share, generator).astype(dtype) for n in "ab"}
    table = make_table(columns, lengths=LENGTHS, targets=("a", "b"))
    options = PrepareOptions(fill=fill, scale=scale, scale_by=by, target_transform=transform, difference_lag=lag)
    rows = np.array([[0, 50], [60, 130]])
    prepared = Preparation.fit(table, rows, options).apply(table)
    origins = np.concatenate([np.arange(1, 45), np.arange(61, 135)])
    steps = 16
    raw = prepared.raw_target(origins, steps)
    values, seen = prepared.target(origins, steps, np.float64)
    assert np.isfinite(values).all()
    back = prepared.invert(values, origins)
    observed = ~np.isnan(raw)
    np.testing.assert_allclose(back[observed], raw[observed], rtol=1e-13, atol=1e-12 + large * 1e-13)
    if transform != "difference":
        np.testing.assert_array_equal(seen, observed)
    assert not (seen & ~observed).any()
    quantiles = prepared.invert(np.repeat(values[..., None], 3, axis=3), origins)
    for q in range(3):
        np.testing.assert_array_equal(quantiles[..., q], back)
    training, _ = prepared.target(origins, steps)
    assert training.dtype == np.float32
    np.testing.assert_array_equal(training, values.astype(np.float32))


def test_difference_by_hand() -> None:
    table = make_table({"y": np.array([1.0, 2, 4, 8, 16, 32, 64, 128])}, start=None)
    options = PrepareOptions(target_transform="difference", difference_lag=2, scale="none")
    preparation = Preparation.fit(table, table.rows(), options)
    prepared = preparation.apply(table)
    assert preparation.past_names == ("y", "y:level")
    past = prepared.past(np.array([5]), 5)[0]
    assert past[:, 0].tolist() == [0, 1, 3, 6, 12]
    assert past[:, 1].tolist() == [1, 2, 4, 8, 16]
    values, seen = prepared.target(np.array([4]), 4)
    assert values[0, :, 0].tolist() == [12, 24, 48, 96]
    assert seen.all()
    forecast = prepared.invert(np.full((1, 4, 1), 10.0), np.array([4]))
    assert forecast[0, :, 0].tolist() == [14, 18, 24, 28]
    _, early = prepared.target(np.array([1]), 4)
    assert early[0, :, 0].tolist() == [False, True, True, True]


def test_difference_measures_from_what_the_inverse_will_add_to() -> None:
    nan = np.nan
    table = make_table({"y": np.array([1.0, 2, nan, 4, nan, nan, 9, 10])}, start=None)
    options = PrepareOptions(target_transform="difference", difference_lag=2, scale="none", keep_level=False)
    prepared = Preparation.fit(table, table.rows(), options).apply(table)
    values, seen = prepared.target(np.array([4]), 4)
    # History before row 4 is 2 (filled forward) and 4; rows 4 and 5 are missing and count as unchanged.
    assert values[0, :, 0].tolist() == [0, 0, 7, 6]
    assert seen[0, :, 0].tolist() == [False, False, True, True]


def test_difference_statistics_stay_inside_the_training_rows() -> None:
    table = make_table({"y": np.array([1e9, 1.0, 2, 4, 7, 11, 1e9])}, start=None)
    options = PrepareOptions(target_transform="difference", keep_level=False)
    state = Preparation.fit(table, np.array([[1, 6]]), options).columns[0].to_json()
    assert state["offsets"] == [2.5]
    assert state["scales"] == [pytest.approx(np.std([1, 2, 3, 4]))]


def test_log1p_refuses_what_it_has_no_value_for() -> None:
    table = make_table({"y": np.array([1.0, 2, -1, 3])})
    with pytest.raises(DataError, match=r"'y' is not above -1.*2020-01-01T02"):
        Preparation.fit(table, table.rows(), PrepareOptions(target_transform="log1p"))
    preparation = Preparation.fit(table, np.array([[0, 2]]), PrepareOptions(target_transform="log1p"))
    with pytest.raises(DataError, match=r"'y' is not above -1.*2020-01-01T02"):
        preparation.apply(table)


def test_a_lag_longer_than_the_training_part_is_refused() -> None:
    table = make_table({"y": np.arange(10.0)})
    with pytest.raises(DataError, match="difference_lag=20"):
        Preparation.fit(table, table.rows(), PrepareOptions(target_transform="difference", difference_lag=20))


def test_invert_refuses_other_shapes() -> None:
    table = make_table({"y": np.arange(10.0)})
    prepared = Preparation.fit(table, table.rows()).apply(table)
    with pytest.raises(DataError, match=r"expected \(1, K, 1\)"):
        prepared.invert(np.zeros((1, 3)), np.array([5]))
    with pytest.raises(DataError, match=r"expected \(2, K, 1\)"):
        prepared.invert(np.zeros((2, 3, 4)), np.array([5, 6]))
