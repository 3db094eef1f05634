"""Complete windows against pandas; cut windows against the rule itself, row by row."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.prepare.table.fill import fill_column, last_observed

STARTS = np.array([0, 40, 41, 100])


def _column(seed: int, share: float) -> np.ndarray:
    generator = np.random.default_rng(seed)
    values = generator.standard_normal(100)
    values[generator.random(100) < share] = np.nan
    return values


def _by_pandas(values: np.ndarray, method: str) -> np.ndarray:
    parts = []
    for a, b in pairwise(STARTS):
        series = pd.Series(values[a:b])
        if method == "linear":
            parts.append(series.interpolate(limit_direction="both").fillna(7.0))
        elif method == "bfill":
            parts.append(series.bfill().ffill().fillna(7.0))
        else:
            parts.append(series.ffill().fillna(7.0))
    return np.concatenate(parts)


@pytest.mark.parametrize("method", ["ffill", "bfill", "linear"])
@given(seed=st.integers(0, 2**20), share=st.sampled_from([0.1, 0.5, 0.9, 1.0]))
def test_complete_columns_equal_pandas(method: str, seed: int, share: float) -> None:
    values = _column(seed, share)
    filled, _ = fill_column(values, np.isnan(values), STARTS, method, start=np.full(3, 7.0))
    np.testing.assert_allclose(filled, _by_pandas(values, method), rtol=1e-12, atol=1e-14)


@given(seed=st.integers(0, 2**20), share=st.sampled_from([0.1, 0.5, 0.9]), season=st.integers(2, 30))
def test_seasonal_takes_the_nearest_season_that_was_observed(seed: int, share: float, season: int) -> None:
    values = _column(seed, share)
    filled, last = fill_column(values, np.isnan(values), STARTS, "seasonal", start=np.full(3, 7.0), season=season)
    forward = _by_pandas(values, "ffill")
    assert last is None
    for row in range(100):
        begin = STARTS[np.searchsorted(STARTS, row, side="right") - 1]
        steps = [values[r] for r in range(row, begin - 1, -season) if not np.isnan(values[r])]
        assert filled[row] == (steps[0] if steps else forward[row])


@given(seed=st.integers(0, 2**20), share=st.sampled_from([0.0, 0.3, 0.9, 1.0]))
def test_last_observed_by_hand(seed: int, share: float) -> None:
    missing = np.isnan(_column(seed, share))
    last = last_observed(missing, STARTS)
    for row in range(100):
        begin = STARTS[np.searchsorted(STARTS, row, side="right") - 1]
        seen = [r for r in range(begin, row + 1) if not missing[r]]
        assert last[row] == (seen[-1] if seen else -1)


def test_linear_between_huge_values_does_not_overflow() -> None:
    values = np.array([-1.7e308, np.nan, 1.7e308, np.nan, 1.7e308])
    filled, _ = fill_column(values, np.isnan(values), np.array([0, 5]), "linear", start=np.zeros(1))
    assert filled.tolist() == [-1.7e308, 0.0, 1.7e308, 1.7e308, 1.7e308]


def test_float32_stays_float32_and_the_source_is_untouched() -> None:
    values = np.array([1, np.nan, 3], dtype=np.float32)
    filled, _ = fill_column(values, np.isnan(values), np.array([0, 3]), "linear", start=np.zeros(1))
    assert filled.dtype == np.float32
    assert filled.tolist() == [1, 2, 3]
    assert np.isnan(values[1])
