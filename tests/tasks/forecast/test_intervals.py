"""Intervals of a fitted forecaster: recomputed, and calibrated with values that were known."""

from functools import cache
from typing import Any

import numpy as np
import pytest

import tidegate as tg
from tests.tasks.forecast.models import fitted_plain, fitted_rich, plain, quick
from tidegate.core.errors import ConfigError
from tidegate.data.windows import origins
from tidegate.evaluate import conformal_quantile, coverage


@cache
def fitted_point() -> tg.Forecaster:
    return quick().fit(plain(), progress=False)


def test_the_calibrated_ones_are_those_that_evaluate_scores() -> None:
    model = fitted_plain()
    found, scored = model.intervals(level=80), model.evaluate(ridge=False)
    assert list(found.low) == ["plain", "split", "adaptive"]
    assert found.coverage("split") == pytest.approx(scored.coverage[0.8])
    assert found.width("split") == pytest.approx(scored.interval_width[0.8])
    assert found.coverage("plain") == pytest.approx(coverage(found.actual, found.low["plain"], found.high["plain"]))
    assert not np.array_equal(found.low["plain"], found.low["split"])
    assert "80 % intervals" in str(found)


def test_around_a_point_forecast_they_are_its_validation_errors() -> None:
    model = fitted_point()
    fitted = model.fitted_
    where = origins(fitted.table, fitted.split, "validation", window=12, horizon=6)
    from tidegate.runtime.forecast.decode import forecast

    ahead = forecast(model.run_, model.spec_, model.decoding_, fitted.prepared, where)
    errors = fitted.prepared.raw_target(where, 6) - ahead.mean
    found = model.intervals(level=80)
    now = forecast(model.run_, model.spec_, model.decoding_, fitted.prepared, found.origins)
    assert list(found.low) == ["split", "adaptive"]
    np.testing.assert_allclose(found.low["split"], now.mean + conformal_quantile(errors, 0.1), rtol=1e-9)
    np.testing.assert_allclose(found.high["split"], now.mean + conformal_quantile(errors, 0.9), rtol=1e-9)
    with pytest.raises(ConfigError, match="level=80"):
        model.intervals(level=80, method="plain")


@pytest.mark.parametrize("make", [fitted_plain, fitted_point, fitted_rich])
def test_the_future_does_not_reach_an_interval(make: Any) -> None:
    """Values from an origin on are replaced: intervals made at or before it stay."""
    model = make()
    base = model.intervals(level=80)
    middle = len(base.origins) // 4
    row = int(base.origins[middle])
    table = model.fitted_.table
    end = table.starts[table.series_of(np.array([row]))[0] + 1]
    column = table.columns["y"]
    kept = column.copy()
    try:
        column[row:end] = 1e3
        moved = model.intervals(level=80)
    finally:
        column[:] = kept
    for name in base.low:
        np.testing.assert_array_equal(base.low[name][: middle + 1], moved.low[name][: middle + 1])
        np.testing.assert_array_equal(base.high[name][: middle + 1], moved.high[name][: middle + 1])
    assert not np.array_equal(base.actual, moved.actual)


def test_what_cannot_work_is_said() -> None:
    with pytest.raises(ConfigError, match="percentage"):
        fitted_plain().intervals(level=0)
    with pytest.raises(ConfigError, match="plain, split, adaptive"):
        fitted_plain().intervals(method="magic")


@pytest.mark.parametrize("kind", ["zeros", "counts"])
def test_intervals_of_values_that_repeat_hold_what_they_say(kind: str, tmp_path: Any) -> None:
    """A lower end of -0.0001 or 0.0001 would leave half of the zeros out of the next rows."""
    rng = np.random.default_rng(0)
    y = np.where(rng.random(1200) < 0.85, 0.0, rng.lognormal(1, 1, 1200)) if kind == "zeros" else rng.poisson(0.6, 1200)
    time = np.datetime64("2020-01-01") + np.arange(1200)
    model = quick(level=80, max_epochs=2).fit({"time": time, "y": y}, time="time", target="y", progress=False)
    found = model.intervals(level=80, method="split")
    assert found.coverage("split") > 0.78
    assert np.mean(found.actual < found.low["split"]) < 0.1
    assert np.mean(found.actual > found.high["split"]) < 0.15
    zero = dict(model.decoding_.repeated[0])
    assert 0.0 in zero
    assert (found.low["split"] == 0.0).mean() > 0.9
    model.save(tmp_path / "model")
    again = tg.load(tmp_path / "model")
    assert again.decoding_.repeated == model.decoding_.repeated
    ahead, later = model.forecast_columns(), again.forecast_columns()
    for name in ahead:
        if name.startswith("q"):
            assert np.array_equal(ahead[name] == 0.0, later[name] == 0.0)
            assert (ahead[name][:1] >= 0).all()
