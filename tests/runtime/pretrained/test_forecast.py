"""Any series: short, long, gappy, constant, one or many."""

import numpy as np
import pytest

from tidegate.core.errors import DataError
from tidegate.runtime.pretrained.forecast import forecast
from tidegate.runtime.pretrained.network import load_network


def wave(n: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return 50 + 10 * np.sin(np.arange(n) * 2 * np.pi / 12) + 0.1 * np.arange(n) + rng.normal(size=n)


@pytest.mark.parametrize("n", [8, 9, 13, 31, 100, 3000])
@pytest.mark.parametrize("horizon", [1, 12, 40])
def test_any_length_gives_quantiles_in_order(n: int, horizon: int) -> None:
    found = forecast(load_network(), [wave(n)], horizon)
    assert found.quantiles.shape == (1, horizon, 9)
    assert np.isfinite(found.quantiles).all()
    assert (np.diff(found.quantiles, axis=2) >= 0).all()


def test_seven_rows_are_too_few_and_gaps_do_not_count() -> None:
    with pytest.raises(DataError, match="series 1 has 7 observed"):
        forecast(load_network(), [wave(8), np.append(wave(7), np.nan)], 4)


def test_a_constant_series_repeats_its_value() -> None:
    found = forecast(load_network(), [np.full(30, 7.25), np.full(9, 0.0)], 5)
    np.testing.assert_array_equal(found.quantiles[0], np.full((5, 9), 7.25))
    np.testing.assert_array_equal(found.quantiles[1], np.zeros((5, 9)))


def test_many_series_are_forecast_as_each_alone() -> None:
    rng = np.random.default_rng(1)
    series = [wave(int(n), seed) for seed, n in enumerate(rng.integers(8, 160, 2000))]
    every = forecast(load_network(), series, 10)
    for place in rng.integers(0, 2000, 25):
        alone = forecast(load_network(), [series[place]], 10)
        np.testing.assert_allclose(alone.quantiles[0], every.quantiles[place], atol=1e-3, rtol=1e-5)
        np.testing.assert_array_equal(alone.seasons[0], every.seasons[place])


def test_units_do_not_matter() -> None:
    y = wave(90)
    one = forecast(load_network(), [y], 12).quantiles[0]
    other = forecast(load_network(), [1e6 * y - 3e7], 12).quantiles[0]
    np.testing.assert_allclose(other, 1e6 * one - 3e7, rtol=1e-4)
    assert np.isfinite(forecast(load_network(), [1e-200 * y], 12).quantiles).all()


def test_rows_before_the_first_value_do_not_matter() -> None:
    y = wave(60)
    one = forecast(load_network(), [y], 12).quantiles
    other = forecast(load_network(), [np.concatenate([np.full(37, np.nan), y])], 12).quantiles
    np.testing.assert_array_equal(one, other)


def test_rows_missing_at_the_end_are_forecast_and_left_out() -> None:
    y = wave(100)
    longer = forecast(load_network(), [y], 12).quantiles
    late = forecast(load_network(), [np.append(y, [np.nan] * 4)], 8).quantiles
    np.testing.assert_allclose(late, longer[:, 4:], rtol=1e-6)


def test_gaps_cost_little_on_a_regular_season() -> None:
    clean = 50 + 10 * np.sin(np.arange(212) * 2 * np.pi / 12)
    y = clean[:200].copy()
    y[[30, 31, 77]] = np.nan
    y[120:140] = np.nan
    found = forecast(load_network(), [y], 12, hints=(12,))
    assert found.seasons[0, 0] == 12
    assert np.abs(found.quantiles[0, :, 4] - clean[200:]).mean() < 1.0


def test_the_season_of_the_calendar_is_used_where_the_values_follow_it() -> None:
    rng = np.random.default_rng(3)
    hours = np.arange(24 * 7 * 4)
    day, week = np.sin(hours * 2 * np.pi / 24), np.where(hours // 24 % 7 >= 5, -2.0, 0.0)
    found = forecast(load_network(), [day + week + 0.1 * rng.normal(size=len(hours))], 48, hints=(24, 168))
    assert found.seasons.tolist() == [[24, 168]]
    noise = forecast(load_network(), [rng.normal(size=400)], 8, hints=(24, 168))
    assert noise.seasons.tolist() == [[1, 1]]
