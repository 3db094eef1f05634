import numpy as np
import pandas as pd
import pytest

from tests.evaluate.forecast.fake import make_table
from tidegate.core.errors import DataError
from tidegate.core.frequency import Frequency
from tidegate.core.table import Table
from tidegate.evaluate.forecast.baselines import Constants, by_season, clock, intermittent, shifts


def _two() -> tuple[Table, np.ndarray]:
    rng = np.random.default_rng(0)
    series = [rng.lognormal(size=(90, 2)) * size for size in (1.0, 50.0)]
    series[0][3:9, 0] = np.nan
    table = make_table(series, Frequency(1, "h"))
    return table, np.array([[0, 60], [90, 150]])


@pytest.mark.parametrize("middle", ["mean", "median"])
def test_constants_agree_with_pandas(middle: str) -> None:
    table, train = _two()
    found = Constants.of(table, train, (7,))
    rows = np.concatenate([np.arange(a, b) for a, b in train])
    frame = pd.DataFrame({"g": table.series_of(rows), "p": clock(table)[rows] % 7})
    for c, name in enumerate(("y0", "y1")):
        frame["y"] = table.columns[name][rows]
        for how, values in (("mean", found.mean), ("median", found.median)):
            np.testing.assert_allclose(values[:2, c], frame.groupby("g")["y"].agg(how))
            np.testing.assert_allclose(values[2, c], frame["y"].agg(how))
        expected = frame.groupby(["g", "p"])["y"].agg(middle).unstack().to_numpy()
        np.testing.assert_allclose(found.seasonal[f"seasonal_{middle}_7"][:2, :, c], expected)


def test_a_series_or_place_without_values_takes_what_stands_for_it() -> None:
    table = make_table([np.array([1.0, 5, np.nan, 3, 7, np.nan]), np.full(6, np.nan)], Frequency(1, "h"))
    found = Constants.of(table, np.array([[0, 6], [6, 12]]), (3,))
    assert found.median[:, 0].tolist() == [4, 4, 4]
    assert sorted(found.seasonal["seasonal_median_3"][0, :, 0].tolist()) == [2, 4, 6]
    with pytest.raises(DataError, match="no observed value"):
        Constants.of(table, np.array([[2, 3], [6, 12]]))


@pytest.mark.parametrize("frequency", [Frequency(1, "h"), Frequency(15, "min"), Frequency(1, "M"), Frequency(1, "B")])
def test_the_clock_counts_steps_whatever_the_table_begins_with(frequency: Frequency) -> None:
    table = make_table([np.arange(50.0)], frequency)
    assert np.diff(clock(table)).tolist() == [1] * 49
    later = make_table([np.arange(20.0)], frequency)
    later = type(later)(**{**later.__dict__, "time": table.time[30:]})
    np.testing.assert_array_equal(clock(later), clock(table)[30:])


def test_counted_rows_are_turned_until_they_fit() -> None:
    cycle = np.array([0.0, 5.0, 1.0, 9.0, 2.0])
    table = make_table([np.roll(np.tile(cycle, 6), -3)], Frequency(1, "row"))
    turned = shifts(table, cycle[None, :, None], np.array([0]), 10)
    assert turned.tolist() == [3]

    class One:
        def series_of(self, origins: np.ndarray) -> np.ndarray:
            return np.zeros(len(origins), dtype=np.int64)

    found = by_season(cycle[None, :, None], clock(table) + turned[0], 4, One(), np.array([12, 20]))
    np.testing.assert_array_equal(found[:, :, 0], [table.columns["y0"][12:16], table.columns["y0"][20:24]])


def test_intermittent_demand_is_not_a_night_without_sun() -> None:
    rng = np.random.default_rng(1)
    demand = np.where(rng.random(500) < 0.15, rng.poisson(4, 500) + 1.0, 0.0)
    hours = np.arange(500) % 24
    sun = np.maximum(0.0, np.sin((hours - 7) * np.pi / 10)) * rng.uniform(0.5, 1.0, 500) * (hours > 7) * (hours < 17)
    for values, expected in ((demand, True), (sun, False), (rng.normal(size=500), False), (demand - 3.0, False)):
        table = make_table([values], Frequency(1, "h"))
        train = np.array([[0, 500]])
        assert intermittent(table, train, Constants.of(table, train, (24,)).seasonal["seasonal_median_24"]) is expected
