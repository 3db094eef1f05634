"""Baselines from elsewhere are asked with what came before an origin, and nothing else."""

import sys
import types
from typing import Any

import numpy as np
import pytest

from tests.evaluate.forecast.fake import make_table
from tidegate.core.errors import ConfigError, DataError, MissingExtraError
from tidegate.core.frequency import Frequency
from tidegate.evaluate.forecast.foreign import check_foreign, foreign_methods


def last_two(past: np.ndarray, horizon: int) -> np.ndarray:
    return np.resize(past[-2:], horizon)


class _SeasonalNaive:
    def __init__(self, season_length: int) -> None:
        self.season = season_length

    def forecast(self, y: np.ndarray, h: int) -> dict[str, np.ndarray]:
        return {"mean": np.resize(y[-self.season :], h)}


def test_a_function_sees_its_series_before_the_origin() -> None:
    table = make_table([np.array([[1.0, 10], [2, np.nan], [3, 30], [4, 40]]), np.full((4, 2), 7.0)], Frequency(1, "D"))
    seen: list[np.ndarray] = []

    def spy(past: np.ndarray, horizon: int) -> np.ndarray:
        seen.append(past)
        return last_two(past, horizon)

    found = foreign_methods([spy], table, 3, 1)["spy"](np.array([2, 6]))
    np.testing.assert_array_equal(found[0], [[1, 10], [2, 10], [1, 10]])
    np.testing.assert_array_equal(found[1], np.full((3, 2), 7.0))
    assert [past.tolist() for past in seen[:2]] == [[1, 2], [10, 10]]


def test_a_model_of_the_library_gets_the_season(monkeypatch: pytest.MonkeyPatch) -> None:
    table = make_table([np.arange(20.0)], Frequency(1, "D"))
    models: Any = types.ModuleType("statsforecast.models")
    models.SeasonalNaive, models.AutoETS = _SeasonalNaive, _SeasonalNaive
    monkeypatch.setitem(sys.modules, "statsforecast", types.ModuleType("statsforecast"))
    monkeypatch.setitem(sys.modules, "statsforecast.models", models)
    found = foreign_methods("statsforecast:SeasonalNaive", table, 4, 3)
    np.testing.assert_array_equal(found["statsforecast:SeasonalNaive"](np.array([10]))[0, :, 0], [7, 8, 9, 7])
    with pytest.raises(ConfigError, match="no model statsforecast:Oracle; it has AutoETS"):
        foreign_methods(["statsforecast:Oracle"], table, 4, 3)


def test_what_cannot_work_says_what_would() -> None:
    table = make_table([np.arange(20.0)], Frequency(1, "D"))
    assert list(check_foreign({"mine": last_two, "ridge": "ridge"})) == ["mine"]
    with pytest.raises(ConfigError, match="no baseline 'prophet'"):
        check_foreign(["prophet"])
    with pytest.raises(ConfigError, match="two baselines are called last_two"):
        check_foreign([last_two, last_two])
    with pytest.raises(DataError, match=r"must return 4 finite numbers.*shape \(2,\)"):
        foreign_methods({"short": lambda past, horizon: past[-2:]}, table, 4, 1)["short"](np.array([5]))
    with pytest.raises(DataError, match="the baseline bad failed on 5 rows: division"):
        foreign_methods({"bad": lambda past, horizon: 1 / 0}, table, 4, 1)["bad"](np.array([5]))


def test_without_the_library_its_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "statsforecast", None)
    monkeypatch.setitem(sys.modules, "statsforecast.models", None)
    with pytest.raises(MissingExtraError, match="baselines"):
        foreign_methods(["statsforecast:AutoETS"], make_table([np.arange(9.0)], Frequency(1, "D")), 2, 1)
