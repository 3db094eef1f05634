"""A copy is told from what merely lags, from what is shifted, and from an honest forecast."""

from functools import cache

import numpy as np
import pytest
from matplotlib.cbook import get_sample_data
from sklearn.linear_model import Ridge
from statsmodels.tsa.stattools import ccf

from tidegate import demo_data
from tidegate.data import read
from tidegate.evaluate.forecast.baselines import fill_forward
from tidegate.evaluate.forecast.lagcopy import LagCopy, cross_correlation, lag_copy

ROWS = 1500
Series = np.ndarray


def random_walk(seed: int = 0) -> Series:
    return np.random.default_rng(seed).normal(size=ROWS).cumsum()


def prices(seed: int = 0) -> Series:
    """A level that moves in percent, in calm and wild times."""
    rng = np.random.default_rng(seed)
    spread = 0.01 * np.exp(np.convolve(rng.normal(size=ROWS), np.ones(50) / 20, "same"))
    return 100 * np.exp((spread * rng.standard_t(4, ROWS)).cumsum())


def demand(seed: int = 0) -> Series:
    """A day and a week of hours, with noise."""
    t = np.arange(ROWS)
    noise = np.random.default_rng(seed).normal(size=ROWS)
    return 500 + 100 * np.sin(2 * np.pi * t / 24) + 40 * np.sin(2 * np.pi * t / 168) + 8 * noise


def real_prices(seed: int = 0) -> Series:
    """Google's daily closing prices from 2004 to 2008, out of matplotlib; a seed leaves out the first days."""
    return np.asarray(np.load(get_sample_data("goog.npz", asfileobj=False))["price_data"]["adj_close"][20 * seed :])


@cache
def traffic() -> Series:
    table = read(demo_data.path(), time="date_time", target="traffic_volume", repair="mean")
    return np.asarray(table.columns["traffic_volume"], dtype=float)


def real_demand(seed: int = 0) -> Series:
    """Vehicles an hour on Interstate 94, a stretch of months; missing hours stay missing."""
    return traffic()[10_000 + 2000 * seed :][:ROWS]


def cut(y: Series, horizon: int, rule: str, seed: int = 1) -> tuple[Series, Series, Series, Series]:
    """actual, forecast, last and origins of a way to forecast."""
    rng = np.random.default_rng(seed)
    origins = np.arange(200, len(y) - horizon - 5)
    rows = origins[:, None] + np.arange(horizon)
    actual, last, size = y[rows], y[origins - 1], np.nanstd(np.diff(y))
    near = 0.1 * size * rng.normal(size=actual.shape)
    forecast = {
        "copy": last[:, None] + near,
        "ahead": y[rows + 1] + near,
        "behind": y[rows - 1] + near,
        "seasonal": y[rows - 168],
        "good": actual + 3 * near,
        "mean": np.full(actual.shape, y[:200].mean()),
    }[rule]
    return actual, forecast, last, origins


@pytest.mark.parametrize("horizon", [1, 5, 24])
@pytest.mark.parametrize("series", [random_walk, prices, demand, real_prices, real_demand])
@pytest.mark.parametrize(("rule", "key"), [("copy", "copy"), ("ahead", "shifted"), ("good", "honest")])
def test_what_is_what(series: object, horizon: int, rule: str, key: str) -> None:
    for seed in range(3):
        y = series(seed)  # type: ignore[operator]
        found = lag_copy(*cut(y, horizon, rule))
        assert found.key == key, (seed, found)
        if key == "shifted":
            assert found.shift == -1
        assert found.text("en")
        assert found.text("zh_TW") != found.text("en")


@pytest.mark.parametrize("series", [random_walk, prices, real_prices])
def test_an_alignment_that_is_late_by_one_row_is_no_copy(series: object) -> None:
    """With one step ahead the two are the same thing; with more they are not."""
    y = series(0)  # type: ignore[operator]
    found = lag_copy(*cut(y, 5, "behind"))
    assert (found.key, found.shift) == ("shifted", 1)
    assert lag_copy(*cut(y, 1, "behind")).key == "copy"


def test_the_best_forecast_of_an_autoregression_lags_and_is_no_copy() -> None:
    """phi y_(t-1) trails y by one step with correlation 1, and is the best there is."""
    rng, y = np.random.default_rng(0), np.zeros(ROWS)
    for t in range(1, ROWS):
        y[t] = 0.6 * y[t - 1] + rng.normal()
    actual, _, last, origins = cut(y, 3, "copy")
    forecast = last[:, None] * 0.6 ** np.arange(1, 4)
    found = lag_copy(actual, forecast, last, origins)
    assert (found.key, found.lag, found.step) == ("lags", 1, 1)
    assert found.peak == pytest.approx(1.0)
    error = np.abs(forecast - actual).mean() / np.abs(last[:, None] - actual).mean()
    assert found.skill == pytest.approx(1 - error)
    assert found.closeness == pytest.approx(
        np.abs(forecast - last[:, None]).mean() / np.abs(actual - last[:, None]).mean()
    )


def test_a_forecast_far_from_the_last_value_is_told_by_multiples() -> None:
    found = LagCopy("lags", 1, 1, 0.9, 0.1, 0.1, skill=-7.03, closeness=8.03)
    assert "swings 8 times as far" in found.text()
    assert "error is 8 times" in found.text()
    assert "%" not in found.text()


@pytest.mark.parametrize("series", [demand, real_demand])
def test_a_season_repeated_is_honest(series: object) -> None:
    assert lag_copy(*cut(series(), 24, "seasonal")).key == "honest"  # type: ignore[operator]


def test_ridge_regression_copies_real_prices_and_forecasts_real_demand() -> None:
    """A method that was fitted, on windows of levels: of prices it finds the last value, of traffic the day."""
    keys = {}
    filled = fill_forward(traffic()[10_000:14_000], np.array([0, 4000]))
    for name, y, window in (("prices", real_prices(), 10), ("demand", filled, 48)):
        origins = np.arange(window, len(y) - 6)
        past, ahead = y[origins[:, None] + np.arange(-window, 0)], y[origins[:, None] + np.arange(6)]
        half = len(origins) // 2
        model = Ridge(alpha=1e-3).fit(past[:half], ahead[:half])
        keys[name] = lag_copy(ahead[half:], model.predict(past[half:]), y[origins[half:] - 1], origins[half:]).key
    assert keys == {"prices": "copy", "demand": "honest"}


def test_a_mean_is_flat() -> None:
    assert lag_copy(*cut(random_walk(), 5, "mean")).key == "flat"


def test_too_few_windows_and_no_neighbours_say_nothing() -> None:
    actual, forecast, last, origins = cut(random_walk(), 5, "copy")
    assert lag_copy(actual[:20], forecast[:20], last[:20], origins[:20]).key == "unknown"
    assert lag_copy(actual[::5], forecast[::5], last[::5], origins[::5]).key == "unknown"
    found = lag_copy(actual[:20], forecast[:20], last[:20])
    assert found.text() == ""
    restored = LagCopy.from_json(found.to_json())
    assert (restored.key, restored.to_json()) == (found.key, found.to_json())


def test_cross_correlation_is_that_of_numpy_and_near_that_of_statsmodels() -> None:
    rng = np.random.default_rng(0)
    y = np.convolve(rng.normal(size=4000), np.ones(4), "valid")
    f = np.roll(y, 3) + 0.5 * rng.normal(size=len(y))
    lags = np.arange(-5, 9)
    ours = cross_correlation(f, y, np.zeros(len(y), dtype=np.int64), lags)
    exact = [np.corrcoef(f[max(k, 0) : len(f) + min(k, 0)], y[max(-k, 0) : len(y) - max(k, 0)])[0, 1] for k in lags]
    np.testing.assert_allclose(ours, exact, rtol=1e-12)
    np.testing.assert_allclose(ours[5:], ccf(f, y, adjusted=True, nlags=9), atol=5e-3)
    assert int(lags[np.argmax(ours)]) == 3


def test_series_and_gaps_do_not_run_into_each_other() -> None:
    """Two series one after another give pairs within each alone; a missing value drops its pairs."""
    rng = np.random.default_rng(0)
    f, y = rng.normal(size=(2, 60))
    groups = np.repeat([0, 1], 30)
    found = cross_correlation(f, y, groups, np.array([2]))
    pairs = np.array([(f[t], y[t - 2]) for t in range(2, 60) if groups[t] == groups[t - 2]])
    assert found[0] == pytest.approx(np.corrcoef(pairs.T)[0, 1])


def test_a_forecast_of_noise_is_not_said_to_move_with_it():
    draw = np.random.default_rng(0)
    values = draw.normal(size=207)
    actual = np.lib.stride_tricks.sliding_window_view(values[1:], 7)
    found = lag_copy(actual, 0.05 * draw.normal(size=actual.shape), values[: len(actual)])
    assert (found.key, found.at_zero < 0.5) == ("honest", True)
    assert "yet it hardly moves with the target" in str(found)
    assert "-0.00" not in str(found)
