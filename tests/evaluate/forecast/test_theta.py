"""The Theta method beside statsmodels' own, on real series."""

import numpy as np
import pytest
from statsmodels.datasets import co2, nile
from statsmodels.tsa.forecasting.theta import ThetaModel
from statsmodels.tsa.holtwinters import SimpleExpSmoothing
from statsmodels.tsa.seasonal import seasonal_decompose

from tests.evaluate.forecast.fake import make_table
from tidegate.core.frequency import Frequency
from tidegate.evaluate.forecast.baselines import History, clock
from tidegate.evaluate.forecast.theta import Theta
from tidegate.runtime.forecast.theta import LATEST, theta


def _months() -> np.ndarray:
    values = co2.load_pandas().data["co2"].resample("MS").mean().interpolate().to_numpy()
    return np.asarray(values[:240] - 300.0)  # its yearly wave is a tenth of it


def _forecast(values: np.ndarray, season: int, end: int, horizon: int, series: int = 1) -> tuple[Theta, np.ndarray]:
    table = make_table([values] * series, Frequency(1, "M"))
    train = np.stack([table.starts[:-1], table.starts[:-1] + end], axis=1)
    fitted = Theta.of(table, train, season)
    history = History.of(table, np.zeros((series, 1)))
    origins = table.starts[:-1] + end
    return fitted, fitted.forecast(history, np.arange(series), clock(table), horizon, origins)[:, :, 0]


@pytest.mark.parametrize(("values", "season"), [(_months(), 12), (nile.load_pandas().data["volume"].to_numpy(), 1)])
def test_the_forecast_is_that_of_statsmodels(values: np.ndarray, season: int) -> None:
    end, horizon = len(values) - 18, 18
    fitted, found = _forecast(values, season, end, horizon)
    theirs = ThetaModel(values[:end], period=season, deseasonalize=season > 1, use_test=False, method="mul").fit()
    expected = np.asarray(theirs.forecast(horizon))
    spread = np.abs(np.diff(values)).mean()
    assert np.abs(found[0] - expected).max() < 0.1 * spread
    assert fitted.slope[0, 0] == pytest.approx(theirs.params["b0"], rel=1e-6)


def test_the_season_is_the_classical_decomposition() -> None:
    values = _months()
    fitted, _ = _forecast(values, 12, 228, 12)
    expected = seasonal_decompose(values[:228], model="multiplicative", period=12).seasonal[:12]
    at = clock(make_table([values], Frequency(1, "M")))[:12] % 12
    np.testing.assert_allclose(fitted.index[0, at, 0], expected, rtol=1e-9)
    below, _ = _forecast(values - 50.0, 12, 228, 12)
    expected = seasonal_decompose(values[:228] - 50.0, model="additive", period=12).seasonal[:12]
    np.testing.assert_allclose(below.index[0, at, 0], expected, atol=1e-9)


def test_by_hand_it_is_the_mean_of_a_line_and_of_smoothing() -> None:
    rng = np.random.default_rng(0)
    values = 0.3 * np.arange(60) + rng.normal(size=60).cumsum() + rng.normal(size=60)
    fitted, found = _forecast(values, 1, 50, 10)
    slope, level = np.polyfit(np.arange(50), values[:50], 1)
    line = level + slope * np.arange(60)
    doubled = 2 * values - line
    other = SimpleExpSmoothing(doubled[:50], initialization_method="known", initial_level=doubled[0])
    assert fitted.rate[0, 0] == pytest.approx(min(0.99, other.fit().params["smoothing_level"]), abs=0.02)
    smooth = other.fit(smoothing_level=float(fitted.rate[0, 0]), optimized=False).forecast(10)
    np.testing.assert_allclose(found[0], 0.5 * line[50:] + 0.5 * smooth, rtol=1e-5)


def test_alone_or_among_others_it_looks_at_its_own_past_alone() -> None:
    values = _months()
    spoiled = values.copy()
    spoiled[200:] = 1e6
    _, one = _forecast(values, 12, 200, 12)
    _, several = _forecast(spoiled, 12, 200, 12, series=3)
    np.testing.assert_allclose(several, np.repeat(one, 3, axis=0))


def test_gaps_short_series_and_none_at_all_have_finite_forecasts() -> None:
    ahead = np.full(3, np.nan)
    values = np.array([np.nan, np.nan, 3.0, np.nan, 5.0, 4.0, 6.0, 5.0, 7.0, 6.0, *ahead])
    series = [values, np.append(values[:3], ahead), np.full(10, np.nan), np.append(np.zeros(10), ahead)]
    table = make_table(series, Frequency(1, "row"))
    rows = np.stack([table.starts[:-1], table.starts[1:] - 3], axis=1)
    fitted = Theta.of(table, rows, 2)
    history = History.of(table, np.full((4, 1), 9.0))
    found = fitted.forecast(history, np.arange(4), clock(table), 3, rows[:, 1])
    assert np.isfinite(found[[0, 1, 3]]).all()
    assert (found[2] == 9.0).all()
    assert (found[3] == 0.0).all()


def test_fitted_to_the_end_of_each_series_it_is_the_same_method() -> None:
    months, years = _months(), nile.load_pandas().data["volume"].to_numpy(dtype=np.float64)
    gaps = months[:200].copy()
    gaps[[0, 1, 57, 199]] = np.nan
    last = gaps[2:].copy()
    last[[55, 197]] = last[[54, 196]]
    below = months[:230] - 50.0
    cases = [
        (months, months, 12),
        (years, years, 1),
        (gaps, last, 12),
        (below, below, 12),
        (years[:20], years[:20], 12),
    ]
    found = theta([given for given, _, _ in cases], np.array([season for *_, season in cases]), 18)
    for own, (_, filled, season) in zip(found, cases, strict=True):
        _, expected = _forecast(np.append(filled, np.zeros(18)), season, len(filled), 18)
        np.testing.assert_allclose(own, expected[0], rtol=2e-6, atol=1e-4)  # one leaves out what weighs a millionth
    long = np.concatenate([np.full(50, 1e3), np.random.default_rng(0).normal(size=LATEST).cumsum()])
    _, expected = _forecast(np.append(long[50:], np.zeros(3)), 1, LATEST, 3)
    np.testing.assert_allclose(theta([long], np.array([1]), 3), expected, rtol=2e-6, atol=1e-4)
