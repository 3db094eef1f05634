"""Baselines that are fitted once and applied to rows that come later."""

from dataclasses import replace

import numpy as np
import pytest

from tests.evaluate.forecast.fake import FakePrepared, make_split, make_table
from tidegate.core.errors import ArtifactError
from tidegate.core.frequency import Frequency
from tidegate.core.table import Table
from tidegate.evaluate import FittedBaselines, evaluate_forecasts, fit_baselines


def _daily(seed: int = 0, size: int = 400) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return 10 + 3 * np.sin(2 * np.pi * np.arange(size) / 7) + rng.normal(0, 1, size)


def _later(table: Table, first: int) -> Table:
    """The rows of one series from `first` on, as a table of their own."""
    columns = {name: values[first:] for name, values in table.columns.items()}
    return replace(table, time=table.time[first:], columns=columns, starts=np.array([0, len(table) - first]))


@pytest.mark.parametrize("unit", ["D", "row"])
def test_saved_and_applied_to_later_rows_they_forecast_the_same(unit: str) -> None:
    table = make_table([_daily()], Frequency(1, unit))  # type: ignore[arg-type]
    split = make_split(table)
    prepared = FakePrepared(table, split.train)
    fitted = fit_baselines(table, split, prepared, window=14, horizon=5)
    assert {"median", "mean", "seasonal_median_7", "seasonal_naive_7", "ridge"} <= set(fitted.methods)
    assert fitted.fitted is not None
    stored = FittedBaselines.from_arrays(*fitted.fitted.to_arrays())
    first = int(split.test[0, 0])
    rows = _later(table, first - 20)
    again = FakePrepared(table, split.train)
    again.raw, again.scaled, again.known = (part[first - 20 :] for part in (again.raw, again.scaled, again.known))
    again.mean, again.scale = again.mean[first - 20 :], again.scale[first - 20 :]
    applied = stored.apply(rows, again, opening=20)
    assert not applied.missing
    origins = np.arange(first, len(table) - 5)
    for name in set(fitted.methods) - {"drift", "theta"}:  # which begin with the first value there is
        np.testing.assert_allclose(applied.methods[name](origins - first + 20), fitted.methods[name](origins))
    late = origins[50:]  # the first value's weight is below a thousandth by then
    np.testing.assert_allclose(applied.methods["theta"](late - first + 20), fitted.methods["theta"](late), rtol=1e-3)
    np.testing.assert_array_equal(applied.scale, fitted.scale)


def test_an_unknown_series_and_a_short_table() -> None:
    table = make_table([_daily(), 100 * _daily(1)], Frequency(1, "D"))
    split = make_split(table)
    fitted = fit_baselines(table, split, FakePrepared(table, split.train), window=14, horizon=5, ridge=False).fitted
    assert fitted is not None
    rows = replace(make_table([_daily(2, 60), _daily(3, 60)], Frequency(1, "D")), ids=("s1", "new"))
    applied = fitted.apply(rows, FakePrepared(rows, rows.rows()), opening=5)
    assert applied.missing == ("seasonal_naive_7",)
    means = applied.methods["mean"](np.array([10, 70]))[:, 0, 0]
    np.testing.assert_allclose(means, [fitted.constants.mean[1, 0], fitted.constants.mean[2, 0]])
    assert applied.scale[0, 0] == fitted.scale[1, 0]
    assert not np.isfinite(applied.scale[1, 0])  # five rows are no cycle of seven
    found = evaluate_forecasts(
        rows, make_split(rows), FakePrepared(rows, rows.rows()), np.array([50, 110]), np.zeros((2, 5, 1)),
        window=14, horizon=5, baselines=applied,
    )  # fmt: skip
    assert found.verdict.key == "missing"
    assert "seasonal naive, 7 steps" in found.summary("en")


def test_damage_is_found() -> None:
    table = make_table([_daily()], Frequency(1, "D"))
    split = make_split(table)
    fitted = fit_baselines(table, split, FakePrepared(table, split.train), window=14, horizon=5).fitted
    assert fitted is not None
    about, arrays = fitted.to_arrays()
    for wrong in ({"median": np.full((2, 1), np.nan)}, {"mean": np.zeros((5, 1))}, {"scale": np.zeros((3, 1))}):
        with pytest.raises(ArtifactError, match="damaged"):
            FittedBaselines.from_arrays(about, {**arrays, **wrong})
    with pytest.raises(ArtifactError, match="damaged"):
        FittedBaselines.from_arrays(about, {name: part for name, part in arrays.items() if name != "ridge.bias"})
    with pytest.raises(ArtifactError, match="damaged"):
        FittedBaselines.from_arrays("[]", arrays)
    with pytest.raises(ArtifactError, match="format 9"):
        FittedBaselines.from_arrays(about.replace('"format": 2', '"format": 9'), arrays)
    old = about.replace('"format": 2', '"format": 1, "middle": "median"').replace('"seasonal_median_7"', "7")
    old = old.replace('"seasonal_mean_7", ', "")
    before = {**arrays, "seasonal.7": arrays["seasonal_median_7"]}
    read = FittedBaselines.from_arrays(old, {name: part for name, part in before.items() if "theta" not in name})
    assert read.theta is None
    assert list(read.constants.seasonal) == ["seasonal_median_7"]


def test_noise_cannot_be_beaten_by_a_constant() -> None:
    """A model that found a good constant on independent values wins no more often than the test allows."""
    keys = []
    for seed in range(12):
        values = np.random.default_rng(seed).lognormal(size=600)
        table = make_table([values], Frequency(1, "D"))
        split = make_split(table, test=0.4)
        prepared = FakePrepared(table, split.train)
        origins = np.arange(split.test[0, 0], len(table) - 7)
        model = np.full((origins.size, 7, 1), np.median(values[: split.validation[0, 1]]))
        found = evaluate_forecasts(table, split, prepared, origins, model, window=28, horizon=7)
        keys.append(found.verdict.key)
        assert found.best_baseline is not None
    assert keys.count("beats") <= 1


def test_intermittent_demand_is_ranked_by_squared_errors() -> None:
    rng = np.random.default_rng(3)
    values = np.where(rng.random(700) < 0.15, rng.poisson(4, 700) + 1.0, 0.0)
    table = make_table([values], Frequency(1, "D"))
    split = make_split(table)
    prepared = FakePrepared(table, split.train)
    origins = np.arange(split.test[0, 0], len(table) - 7)
    found = evaluate_forecasts(table, split, prepared, origins, np.zeros((origins.size, 7, 1)), window=28, horizon=7)
    assert found.criterion == "rmse"
    assert [note.kind for note in found.notes if note.kind == "intermittent"]
    assert found.overall["model"]["mae"] < found.overall["mean"]["mae"]  # zeros win by absolute errors
    assert not found.verdict.beats
    assert found.skill is not None
    assert found.skill < 0
