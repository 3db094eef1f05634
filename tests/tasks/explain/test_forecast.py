"""Explaining a forecaster: the right windows, the right units, the same with and without torch."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tidegate as tg
from tests.tasks.forecast.models import HOUR, RICH_COLUMNS, START, fitted_plain, fitted_rich, plain, quick, rich
from tidegate.core.errors import ConfigError, DataError
from tidegate.evaluate.forecast import metrics
from tidegate.explain.groups import by_block, by_feature, by_feature_and_block
from tidegate.tasks.explain.forecast import ForecastWindows, choose_block, make_layout

SMALL: dict[str, Any] = {"sample": 12, "background": 4}


def windows(model: tg.Forecaster, origins: list[int], channel: int = 0) -> ForecastWindows:
    fitted = model.fitted_
    return ForecastWindows(model, fitted.prepared, np.array(origins), None, metrics.mae, channel)


def test_predictions_of_unchanged_windows_are_the_models_forecasts() -> None:
    model = fitted_plain()
    judged = windows(model, list(range(500, 520)))
    frame = model.forecast_columns({name: values[:500] for name, values in plain().items()})
    found = judged.predict(judged.windows, np.arange(20))
    np.testing.assert_allclose(found[0], np.asarray(frame["mean"]), rtol=1e-5)
    actual = plain()["y"][500 + np.arange(20)[:, None] + np.arange(6)]
    assert judged.score(found, np.arange(20)) == pytest.approx(np.abs(actual - found).mean(), rel=1e-5)


def test_the_explained_forecast_is_the_one_asked_for() -> None:
    model = fitted_plain()
    found = model.explain(at="2024-01-20T07:00", **SMALL)
    row = 19 * 24 + 7
    assert found.case.time[0] == START + row * HOUR
    np.testing.assert_allclose(found.case.history, plain()["y"][row - 12 : row], rtol=1e-6)
    np.testing.assert_allclose(found.case.actual, plain()["y"][row : row + 6], rtol=1e-6)
    frame = model.forecast_columns({name: values[:row] for name, values in plain().items()})
    np.testing.assert_allclose(found.case.mean, np.asarray(frame["mean"]), rtol=1e-5)
    for name in ("feature", "block", "cell"):
        each = found.attributions[name]
        np.testing.assert_allclose(each.prediction, found.case.mean, rtol=1e-5)
        np.testing.assert_allclose(each.residual, 0, atol=1e-5)


def test_without_a_time_the_steps_after_the_end_are_explained() -> None:
    model = fitted_plain()
    found = model.explain(**SMALL)
    assert found.case.time[0] == START + 600 * HOUR
    assert np.isnan(found.case.actual).all()
    np.testing.assert_allclose(found.case.mean, np.asarray(model.forecast_columns()["mean"]), rtol=1e-5)


def test_known_covariates_end_where_they_are_known() -> None:
    found = fitted_rich().explain(series="south", **SMALL)
    assert found.case.series == "south"
    assert found.case.time[-1] == np.datetime64("2024-01-17T15:00")  # on the clock in Paris


def test_a_loaded_model_explains_alike(tmp_path: Path) -> None:
    """From its artifact, with numpy alone but for the gradients."""
    model = fitted_plain()
    loaded = tg.load(model.save(tmp_path / "model"))
    one, other = (each.explain(plain(), at="2024-01-20T07:00", **SMALL) for each in (model, loaded))
    for name in ("feature", "block", "cell", "gradient"):
        np.testing.assert_allclose(one.attributions[name].values, other.attributions[name].values, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(one.importance["feature"].mean, other.importance["feature"].mean, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(one.gates[0].values["f"], other.gates[0].values["f"], atol=1e-5)
    saved = loaded.explain(**SMALL)  # the context alone
    assert saved.case.time[0] == START + 600 * HOUR


def test_channels_of_one_column_are_one_feature() -> None:
    layout = make_layout(fitted_rich().preparation_, 12, 6)
    names = fitted_rich().preparation_.past_names
    features = dict(zip(names, layout.past, strict=True))
    assert features["weather=rain"] == features["weather=clear"] == "weather"
    assert features["hour:sin"] == features["hour:cos"] == "calendar:hour"
    assert features["y:missing"] == "y"
    assert set(layout.future) <= {*layout.past}
    assert layout.static == ("kind", "kind", "size")
    cells = windows(fitted_rich(), [100]).windows.flat()
    assert cells.shape == (1, layout.size)
    for groups in (by_feature(layout), by_block(layout, 4), by_feature_and_block(layout, 4)):
        assert sorted(set(groups.labels.tolist())) == list(range(len(groups)))  # every cell is in one group
    blocks = [str(group) for group in by_block(layout, 5).all]
    assert blocks == ["[-12, -11]", "[-10, -6]", "[-5, -1]", "[0, 5]", "static"]


def test_inputs_go_to_the_network_and_back() -> None:
    judged = windows(fitted_rich(), [100, 101])
    for part, again in zip(judged.windows, judged.layout.unflatten(judged.windows.flat()), strict=True):
        np.testing.assert_array_equal(part, again)


@pytest.mark.parametrize("transform", ["none", "difference"])
def test_the_slope_turns_prepared_outputs_into_the_mean_forecast(transform: str) -> None:
    """Integrated gradients of an affine target add up in the target's own unit."""
    model = quick(preparation={"target_transform": transform}).fit(plain(), progress=False)
    judged = windows(model, [500])
    base, whole = (each.astype(float) for each in (np.zeros((1, 6, 1)), np.full((1, 6, 1), 0.3)))
    change = judged.prepared.invert(whole, np.array([500])) - judged.prepared.invert(base, np.array([500]))
    assert (judged.slope()[..., 0] * 0.3).sum() == pytest.approx(change.mean(), rel=1e-4)
    found = model.explain(at="2024-01-20T07:00", **SMALL)
    each = found.attributions["gradient"]
    assert abs(each.residual[0]) < 0.02 * np.abs(each.values).sum() + 1e-4


def test_recursive_forecasts_have_no_gradients_and_say_so() -> None:
    model = quick(network={"block": 3}).fit(plain(), progress=False)
    found = model.explain(at="2024-01-20T07:00", **SMALL)
    assert "gradient" not in found.attributions
    assert any(note.kind == "gradients" for note in found.notes)
    np.testing.assert_allclose(found.attributions["feature"].prediction, found.case.mean, rtol=1e-5)


def test_a_target_of_several_and_a_metric_of_ones_own() -> None:
    data = {**plain(), "z": plain(seed=4)["y"] * 100}
    model = quick().fit(data, time="time", target=["y", "z"], progress=False)
    found = model.explain(at="2024-01-20T07:00", target="z", metric=lambda y, f: float(np.abs(y - f).max()), **SMALL)
    assert found.case.target == "z"
    assert found.attributions["feature"].prediction.mean() > 300
    usual = model.explain(at="2024-01-20T07:00", target="z", **SMALL)
    assert found.importance["feature"].score > usual.importance["feature"].score


def test_many_series_are_sampled_and_the_sample_is_stated() -> None:
    model = quick().fit(rich(), **RICH_COLUMNS, progress=False)
    found = model.explain(sample=20, background=4)
    assert found.importance["feature"].windows <= 20
    said = {note.kind: note.values["count"] for note in found.notes}
    assert said == {"sample": str(found.importance["feature"].windows), "background": "4"}


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"at": "2031-01-01"}, DataError, "from 2024-01-01T12:00 to"),
        ({"at": "2024-01-01T03:00"}, DataError, "12 rows before it"),
        ({"at": "2024-01-20T07:30"}, DataError, "first forecast step must be a row"),
        ({"at": "soon"}, ConfigError, "not a time"),
        ({"series": "east"}, ConfigError, "'east'"),
        ({"target": "z"}, ConfigError, "'z'"),
        ({"metric": "best"}, ConfigError, "metric is one of"),
        ({"block": 13}, ConfigError, "block=13"),
        ({"sample": 1}, ConfigError, "sample=1"),
    ],
)
def test_what_cannot_be_explained_is_refused(options: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        fitted_plain().explain(**options)


def test_blocks_follow_the_cycles() -> None:
    assert choose_block(168, (24, 168)) == 24
    assert choose_block(672, (24, 168)) == 96
    assert choose_block(60, ()) == 8
    assert choose_block(5, (24,)) == 1
