"""What a detector's network reads: by hand, and against the calendar of the other preparation."""

import numpy as np
import pytest

from tests.runtime.detect.detectors import make_detector, make_table
from tidegate.core.errors import ArtifactError
from tidegate.prepare.online import (
    Clock,
    OnlinePreparation,
    fill_forward,
    measure_scales,
    robust_scale,
    series_inputs,
    squash,
    stretch,
)
from tidegate.prepare.table.calendar import index_calendar


@pytest.mark.parametrize("zone", [None, "Europe/Paris", "Asia/Taipei", "America/New_York"])
def test_the_clock_agrees_with_the_calendar_of_tables(zone: str | None) -> None:
    time = np.datetime64("2023-10-01", "us") + np.arange(0, 400 * 24 * 4, 7) * np.timedelta64(15, "m")
    features = ("minute", "hour", "day_of_week")
    index = index_calendar(time, zone, features, None)
    expected = np.concatenate([index.clock[index.minute], index.days[index.day]], axis=1)  # type: ignore[index]
    ours = Clock(features, zone)(time.astype(np.int64))
    np.testing.assert_allclose(ours, expected, atol=1e-6)


def test_inputs_of_a_row_by_hand() -> None:
    squashed = np.array([[1.0], [2.0], [4.0], [7.0], [11.0]], np.float32)
    preparation = OnlinePreparation(("x",), ("",), np.zeros((2, 1)), np.ones((2, 1)), lags=(3,))
    found = series_inputs(preparation, None, squashed, np.arange(5))
    assert preparation.input_names == ("value:x", "change:x", "lag3:x")
    # At t = 3 the next value is one season after the value at t = 1: 2 - 7.
    np.testing.assert_array_equal(found[3], [7, 3, -5])
    np.testing.assert_array_equal(found[:, 2], [0, 0, 1 - 4, 2 - 7, 4 - 11])
    np.testing.assert_array_equal(found[0], [1, 0, 0])


def test_inputs_look_one_step_ahead_on_the_clock() -> None:
    table = make_table([np.zeros(30)])
    preparation = make_detector().preparation
    clock = Clock(preparation.calendar, None)
    time = table.time.astype(np.int64)
    found = series_inputs(preparation, clock, np.zeros((30, 1), np.float32), time)
    np.testing.assert_array_equal(found[:-1, 3:], clock(time)[1:])


def test_squashing_is_undone_and_bounded() -> None:
    values = np.array([[-1e7], [-3.0], [0.0], [0.5], [1e12]])
    offset, scale = np.array([[2.0]]), np.array([[0.5]])
    there = squash(values, offset, scale)
    np.testing.assert_allclose(stretch(there), (values - offset) / scale, rtol=3e-6)
    assert np.isfinite(stretch(np.array([1e30], np.float32))).all()


def test_anomalies_hardly_move_the_scale() -> None:
    values = np.random.default_rng(0).normal(50, 2, 1000)
    clean = robust_scale(values)
    values[::200] = 1e6
    middle, scale = robust_scale(values)
    assert middle == pytest.approx(clean[0], rel=0.01)
    assert scale == pytest.approx(clean[1], rel=0.05)
    assert clean[1] == pytest.approx(2, rel=0.1)  # 1.4826 MAD is the deviation of a normal distribution


@pytest.mark.parametrize(
    ("values", "expected"), [([45.0] * 50, 0.045), ([0.0] * 50, 1.0), ([0.0] * 999 + [1000.0], 9.482)]
)
def test_constant_channels_get_a_scale(values: list[float], expected: float) -> None:
    assert robust_scale(np.array(values))[1] == pytest.approx(expected, rel=1e-3)


def test_scales_are_of_the_training_rows_and_of_each_series() -> None:
    draw = np.random.default_rng(0)
    first, second = draw.normal(0, 1, 200), draw.normal(1000, 50, 200)
    table = make_table([first, second])
    rows = np.array([[0, 100], [200, 300]])
    offset, scale = measure_scales(table, rows, ["c0"])
    for g, own in enumerate((first[:100], second[:100], np.concatenate([first[:100], second[:100]]))):
        assert (offset[g, 0], scale[g, 0]) == robust_scale(own)
    first[:] = np.nan
    offset, scale = measure_scales(make_table([first, second]), rows, ["c0"])
    assert offset[0] == offset[2]
    assert scale[0] == scale[2]


def test_gaps_are_filled_from_before() -> None:
    nan = np.nan
    values = np.array([[nan, 1], [3, nan], [nan, nan], [5, 2]])
    np.testing.assert_array_equal(fill_forward(values), [[3, 1], [3, 1], [3, 1], [5, 2]])
    np.testing.assert_array_equal(fill_forward(np.full((2, 1), nan)), [[0], [0]])


def test_a_preparation_is_read_back_or_refused() -> None:
    preparation = make_detector(channels=2, series=3).preparation
    back = OnlinePreparation.from_json(preparation.to_json())
    np.testing.assert_array_equal(back.scale, preparation.scale)
    assert back.input_names == preparation.input_names
    assert back.place("s1") == 1
    assert back.place("unknown") == 3
    for change in ({"scale": [[1.0]]}, {"lags": [0]}, {"calendar": ["year"]}, {"step": "long"}, {"offset": None}):
        with pytest.raises(ArtifactError, match=r"preparation\.json"):
            OnlinePreparation.from_json({**preparation.to_json(), **change})
