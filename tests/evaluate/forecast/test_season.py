import numpy as np
import pytest
import statsmodels.api as sm
from statsmodels.tsa.stattools import acf

from tests.evaluate.forecast.fake import make_table
from tidegate.core.frequency import Frequency
from tidegate.evaluate.forecast.season import (
    Seasons,
    autocorrelation,
    find_seasons,
    moving_mean,
    random_walk,
    seasons_of,
)


def _load(days: int, seed: int = 0) -> np.ndarray:
    """Hourly, with a day, a week whose Sundays differ, a drifting level and noise."""
    rng = np.random.default_rng(seed)
    t = np.arange(24 * days)
    week = np.where(t // 24 % 7 == 6, -3.0, 0.0)
    return 4 * np.sin(2 * np.pi * t / 24) + week + np.cumsum(rng.normal(0, 0.05, t.size)) + rng.normal(0, 0.3, t.size)


def test_day_and_week_of_hourly_load() -> None:
    table = make_table([_load(100)], Frequency(1, "h"))
    assert find_seasons(table, np.array([[0, 1700]])) == Seasons(168, (168, 24))


def test_only_the_training_part_is_looked_at() -> None:
    values = np.concatenate([np.random.default_rng(0).normal(size=2000), _load(100)])
    table = make_table([values], Frequency(1, "h"))
    assert find_seasons(table, np.array([[0, 2000]])) == Seasons(1, ())
    assert find_seasons(table, np.array([[2000, 4400]])).strongest == 168


def test_gaps_and_trends_do_not_hide_it() -> None:
    values = _load(100) + 0.002 * np.arange(2400)
    values[np.random.default_rng(1).random(2400) < 0.2] = np.nan
    values[500:700] = np.nan
    assert seasons_of([values], (24, 168)) == Seasons(168, (168, 24))


@pytest.mark.parametrize(
    ("data", "column", "candidates", "expected"),
    [
        ("co2", "co2", (), 52),
        ("co2", "co2", (52,), 52),
        ("sunspots", "SUNACTIVITY", (), 10),
        ("nile", "volume", (), 1),
        ("macrodata", "realgdp", (4,), 1),
    ],
)
def test_series_of_statsmodels(data: str, column: str, candidates: tuple[int, ...], expected: int) -> None:
    values = getattr(sm.datasets, data).load_pandas().data[column].to_numpy()
    assert seasons_of([values], candidates).strongest == expected


def test_months_of_the_pacific() -> None:
    values = sm.datasets.elnino.load_pandas().data.iloc[:, 1:].to_numpy().ravel()
    assert seasons_of([values]) == Seasons(12, (12,))


@pytest.mark.parametrize("kind", ["noise", "walk", "autoregression"])
def test_nothing_is_found_where_nothing_is(kind: str) -> None:
    found = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        noise = rng.normal(size=int(rng.integers(60, 1500)))
        values = noise
        if kind == "walk":
            values = np.cumsum(noise)
        if kind == "autoregression":
            values = np.convolve(noise, 0.9 ** np.arange(60))[: noise.size]
        found += sum(seasons_of([values], c).strongest > 1 for c in ((), (7, 365), (24, 168), (12,)))
    assert found <= 2  # of 120


@pytest.mark.parametrize(
    "values", [[], [1.0] * 100, [np.nan] * 50, [1.0, 2.0, np.nan], np.arange(200.0), np.full(99, 1e9)]
)
def test_what_cannot_have_a_season(values: list[float]) -> None:
    assert seasons_of([np.array(values)], (7, 12)) == Seasons(1, ())


def test_many_series_share_their_season() -> None:
    rng = np.random.default_rng(0)
    t = np.arange(300)
    series = [rng.uniform(1, 1e4) * (np.sin(2 * np.pi * (t + s) / 12) + rng.normal(0, 0.5, 300)) for s in range(150)]
    table = make_table([s[: 100 + i] for i, s in enumerate(series)], Frequency(1, "M"))
    assert find_seasons(table, table.rows()).strongest == 12
    assert (
        find_seasons(
            make_table(series[:9], Frequency(1, "row")), make_table(series[:9], Frequency(1, "row")).rows()
        ).strongest
        == 12
    )


def test_autocorrelation_agrees_with_statsmodels() -> None:
    values = np.random.default_rng(0).normal(size=400).cumsum()
    t = np.arange(400)
    rest = values - np.polyval(np.polyfit(t, values, 1), t)
    assert autocorrelation(values, 30) == pytest.approx(acf(rest, nlags=30, adjusted=True))


def test_moving_mean_agrees_with_pandas() -> None:
    import pandas as pd

    values = np.random.default_rng(0).normal(size=50) + 1e6
    values[10:13] = np.nan
    odd = pd.Series(values).rolling(5, min_periods=1).mean().to_numpy()[4:]
    assert moving_mean(values, 5) == pytest.approx(odd)
    full = np.where(np.isnan(values), 0.0, values)
    even = pd.Series(full).rolling(4).mean().rolling(2).mean().dropna().to_numpy()
    assert moving_mean(full, 4) == pytest.approx(even)


def test_random_walks_are_recognised() -> None:
    rng = np.random.default_rng(0)
    wild = np.repeat(rng.uniform(0.2, 5.0, 20), 100)  # calm and wild years
    assert random_walk([np.cumsum(rng.normal(size=2000) * wild)], (5,))
    assert random_walk([np.cumsum(rng.normal(size=300)) for _ in range(5)])
    assert not random_walk([_load(100)], (24, 168))
    assert not random_walk([rng.normal(size=2000)])  # noise returns: its steps are correlated
    assert not random_walk([np.cumsum(rng.normal(size=20))])  # too short to say
    assert not random_walk([np.ones(500)])


def test_a_few_wild_days_do_not_decide() -> None:
    steps = np.random.default_rng(3).normal(size=3000)
    steps[1000:1010] = 60.0  # ten days that follow each other: a correlation of values would be near 1
    assert random_walk([np.cumsum(steps)])
