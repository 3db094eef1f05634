"""A backtest is, fold by fold, what a user would get by cutting the table and fitting anew."""

import importlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tidegate as tg
from tests.tasks.forecast.models import RICH_COLUMNS, RICH_ROWS, ROWS, hours, plain, quick, rich
from tidegate.core.errors import ConfigError, SplitError
from tidegate.data import read
from tidegate.runtime.forecast.decode import forecast
from tidegate.tasks.resample import backtest as module

HOW: dict[str, Any] = {"folds": 3, "progress": False, "ridge": False}


def test_a_fold_is_a_fit_on_the_table_cut_at_its_end() -> None:
    found = tg.backtest(quick(level=80), plain(), gap=5, stride=1, **{**HOW, "ridge": True})
    size = ROWS // 4
    for fold in found.folds[1:]:
        end = ROWS - (2 - fold.index) * size
        held = round(0.1 * (end - size - 5))
        rows = {name: values[:end] for name, values in plain().items()}
        alone = quick(level=80).fit(rows, validation=held, test=size, gap=5, progress=False)
        assert alone.fitted_.split.train.tolist() == [[0, end - size - 5 - held - 5]]
        assert fold.origins.tolist() == list(range(end - size, end - 6 + 1))
        again = forecast(alone.run_, alone.spec_, alone.decoding_, alone.fitted_.prepared, fold.origins)
        np.testing.assert_array_equal(fold.forecasts[0], again.mean)
        np.testing.assert_array_equal(fold.quantiles, again.quantiles)
        expected = alone.evaluate()
        assert fold.evaluation.methods == expected.methods
        for method, metrics in expected.overall.items():
            assert fold.evaluation.overall[method]["mae"] == pytest.approx(metrics["mae"], rel=1e-9)
    apart = tg.backtest(quick(), plain(), folds=1, progress=False, ridge=False).folds[0]
    assert set(np.diff(apart.origins)) == {6}


def test_the_frame_is_tidy_and_holds_what_was_scored() -> None:
    found = tg.backtest(quick(level=80), rich(), **HOW, **RICH_COLUMNS)
    frame = found.frame
    assert frame.columns == [
        "place", "cutoff", "time", "step", "method", "prediction", "q0.1", "q0.9", "actual", "fold"
    ]  # fmt: skip
    data = {name: frame[name].to_numpy() for name in frame.columns}
    assert ((data["time"] - data["cutoff"]) / np.timedelta64(1, "h") == data["step"]).all()
    table = rich()
    truth = {(p, t): y for p, t, y in zip(table["place"], table["time"], table["y"], strict=True)}
    actual = np.array([truth[p, t] for p, t in zip(data["place"], data["time"], strict=True)])
    np.testing.assert_array_equal(actual, data["actual"])
    for fold, evaluation in enumerate(found.evaluations, 1):
        for method in evaluation.methods:
            rows = (data["fold"] == fold) & (data["method"] == method)
            error = np.nanmean(np.abs(data["prediction"] - data["actual"])[rows])
            assert evaluation.overall[method]["mae"] == pytest.approx(error, rel=1e-9)
    assert np.isnan(data["q0.1"][data["method"] != "model"]).all()
    per_fold = found.scores.per_fold["model"]["mase"]
    assert found.scores.mean("model") == pytest.approx(np.mean(per_fold))
    assert found.scores.deviation("model") == pytest.approx(np.std(per_fold, ddof=1))
    assert "of 3 folds" in found.scores.text("en")
    assert "3 折" in found.scores.text("zh_TW")


def test_series_are_cut_at_the_same_time() -> None:
    """A series that begins and ends earlier than the others is not trained on beyond their cutoff."""
    table = rich()
    keep = np.ones(2 * RICH_ROWS, dtype=bool)
    keep[:100] = False
    keep[-50:] = False
    found = tg.backtest(quick(), {name: values[keep] for name, values in table.items()}, **HOW, **RICH_COLUMNS)
    for fold in found.folds:
        begin = np.datetime64(fold.about["test_begin"])
        assert np.datetime64(fold.about["validation_end"]) == begin - np.timedelta64(1, "h")
        assert (found.table.time[fold.origins] >= begin).all()


def test_rows_after_a_fold_do_not_change_it() -> None:
    clean, late = plain(), plain()
    late["y"] = np.where(np.arange(ROWS) >= ROWS // 2, 1e6, late["y"])
    one, two = (tg.backtest(quick(level=80), table, **HOW).folds[0] for table in (clean, late))
    np.testing.assert_array_equal(one.forecasts, two.forecasts)
    np.testing.assert_array_equal(one.quantiles, two.quantiles)


def test_sliding_training_and_training_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    original = module.train_fold

    def counted(*args: Any) -> Any:
        seen.append(args[4])
        return original(*args)

    monkeypatch.setattr(module, "train_fold", counted)
    tg.backtest(quick(), plain(), max_train_size=200, refit=False, **HOW)
    assert [fold.train for fold in seen] == [(0, 150)]
    seen.clear()
    tg.backtest(quick(), plain(), max_train_size=200, refit=2, **HOW)
    assert [fold.train for fold in seen] == [(0, 150), (250, 450)]


def test_a_backtest_that_was_cut_off_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = tg.backtest(quick(), plain(), **HOW)
    original, calls = module.evaluate_fold, []

    def killed(*args: Any) -> Any:
        calls.append(args[-1].index)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return original(*args)

    monkeypatch.setattr(module, "evaluate_fold", killed)
    with pytest.raises(KeyboardInterrupt):
        tg.backtest(quick(), plain(), out=tmp_path, **HOW)
    again = tg.backtest(quick(), plain(), out=tmp_path, **HOW)
    assert calls == [0, 1, 2, 2]
    for one, two in zip(whole.folds, again.folds, strict=True):
        np.testing.assert_array_equal(one.forecasts, two.forecasts)
    assert again.scores == whole.scores
    assert json.loads((tmp_path / "scores.json").read_text())["scores"] == json.loads(
        json.dumps(whole.scores.to_json())
    )
    with pytest.raises(ConfigError, match="another model"):
        tg.backtest(quick(seed=1), plain(), out=tmp_path, **HOW)
    with pytest.raises(ConfigError, match="another table"):
        tg.backtest(quick(), plain(seed=1), out=tmp_path, **HOW)


def test_what_cannot_work_is_said_before_training() -> None:
    for says, how in (
        ("refit", {"refit": -1}),
        ("stride", {"stride": 0}),
        ("test_size is 3", {"test_size": 3}),
        ("fewer folds", {"folds": 300}),
        ("validation", {"validation": 0}),
    ):
        with pytest.raises((ConfigError, SplitError), match=says):
            tg.backtest(quick(), plain(), **{**HOW, **how})


@pytest.mark.parametrize(("window", "rows"), [(None, 150), (None, 300), (36, 400)])
def test_the_number_of_folds_that_is_named_fits_and_one_more_does_not(window: int | None, rows: int) -> None:
    """A share for validation takes one forecast at least, as it does where data are split once."""
    clock, how = module.Clock(np.arange(rows), rows), {"test_size": None, "step": None, "max_train_size": None}
    how |= {"gap": 0, "validation": 0.1, "refit": 1, "stride": None, "ridge": True}
    model = tg.Forecaster(horizon=24, window=window)
    with pytest.raises(SplitError, match=r"Of these data, \d can be made") as caught:
        module.make_plan(model, clock, {**how, "folds": 8})
    most = int(str(caught.value).split("data, ")[1].split()[0])
    first = module.make_plan(model, clock, {**how, "folds": most}).folds[0]
    assert first.train[1] - first.train[0] >= 24 + 24 + (window or 2)
    with pytest.raises(SplitError):
        module.make_plan(model, clock, {**how, "folds": most + 1})


def test_a_fitted_model_lends_its_table_and_stays_as_it_is() -> None:
    table = read({"time": hours(200), "y": plain(200)["y"]}, time="time", target="y")
    model = quick().fit(table, progress=False)
    weights = [value.clone() for value in model.fitted_.network.state_dict().values()]
    found = tg.backtest(model, folds=2, progress=False)
    assert len(found.folds) == 2
    assert all((a == b).all() for a, b in zip(weights, model.fitted_.network.state_dict().values(), strict=True))


def test_every_baseline_forecasts_a_window_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of several series too, and what is judged is what is kept."""
    module = importlib.import_module("tidegate.evaluate.forecast.fitted")
    original = module.fit_baselines
    asked: list[tuple[str, int]] = []

    def watched(*args: Any, **how: Any) -> Any:
        fitted = original(*args, **how)

        def counted(name: str, method: Any) -> Any:
            def call(origins: np.ndarray) -> np.ndarray:
                asked.extend((name, int(row)) for row in origins)
                return method(origins)

            return call

        return replace(fitted, methods={name: counted(name, method) for name, method in fitted.methods.items()})

    monkeypatch.setattr(module, "fit_baselines", watched)
    found = tg.backtest(quick(), rich(), **{**HOW, "folds": 1}, **RICH_COLUMNS).folds[0]
    assert len(set(found.series)) > 1
    assert len(asked) == len(set(asked)) == (len(found.methods) - 1) * len(found.origins)
    for place, name in enumerate(found.methods):
        error = np.nanmean(np.abs(found.forecasts[place] - found.actual))
        assert found.evaluation.overall[name]["mae"] == pytest.approx(error, rel=1e-9)
