"""scikit-learn's conventions, and what an estimator says of itself."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.base import clone

import tidegate as tg
from tests.tasks.forecast.models import START, fitted_plain, hours, means, plain, quick, wave
from tidegate.core.errors import ConfigError, DataError, NotFittedError, SchemaError
from tidegate.train.options import TrainOptions

GIVEN: dict[str, Any] = {
    "horizon": 6,
    "quantiles": [0.1, 0.9],
    "network": tg.NetworkOptions(head="direct"),
    "preparation": {"target_transform": "log1p", "calendar": ["hour"]},
    "training": TrainOptions(weight_decay=0.1),
    "cell": "no such cell",
}


def test_the_constructor_stores_what_it_is_given_and_checks_nothing() -> None:
    model = tg.Forecaster(**GIVEN)
    for name, value in GIVEN.items():
        assert getattr(model, name) is value
        assert model.get_params()[name] is value
    assert not [name for name in vars(model) if name.endswith("_")]


def test_clone_gives_an_equal_unfitted_twin() -> None:
    model = fitted_plain()
    twin = clone(model)
    assert twin.get_params() == model.get_params()
    assert repr(twin) == repr(model)
    with pytest.raises(NotFittedError):
        twin.predict()
    assert clone(tg.Forecaster(**GIVEN)).get_params() == GIVEN | clone(tg.Forecaster(**GIVEN)).get_params()


def test_set_params_changes_what_it_names() -> None:
    model = tg.Forecaster()
    assert model.set_params(horizon=3, cell="gru") is model
    assert (model.horizon, model.cell, model.hidden_size) == (3, "gru", 64)
    with pytest.raises(ConfigError, match=r"no option 'hiden_size'; did you mean 'hidden_size'\? It has horizon, "):
        model.set_params(hiden_size=3)


@pytest.mark.parametrize(
    ("kind", "name", "value", "place"),
    [
        (tg.Forecaster, "patience", 5, r"patience belongs to training=\{'patience': 5\} of Forecaster"),
        (tg.Forecaster, "holidays", "TW", r"holidays belongs to preparation=\{'holidays': 'TW'\}"),
        (tg.Forecaster, "normalize", None, "did you mean 'normalise'"),
        (tg.Classifier, "pooling", "max", r"pooling belongs to network=\{'pooling': 'max'\} of Classifier"),
        (tg.Classifier, "dropuot", 0.1, "did you mean 'dropout'"),
        (tg.Regressor, "max_lenght", 9, "did you mean 'max_length'"),
        (tg.Regressor, "class_weight", None, "Regressor has no option 'class_weight'"),
        (tg.AnomalyDetector, "warm_up", 9, r"warm_up belongs to alarms=\{'warm_up': 9\}"),
    ],
)
def test_an_option_in_the_wrong_place_is_told_where_it_belongs(kind: Any, name: str, value: Any, place: str) -> None:
    with pytest.raises(ConfigError, match=place):
        kind(**{name: value})
    with pytest.raises(ConfigError, match=place):
        kind().set_params(**{name: value})


@pytest.mark.parametrize("given", [None, {"patience": 3}, TrainOptions(patience=3)])
def test_one_option_of_a_group_is_changed_and_the_others_stay(given: Any) -> None:
    model = tg.Forecaster(training=given)
    other = model.variant({"training.clip": 0.5, "hidden_size": 8})
    assert (other.check().training.clip, other.hidden_size) == (0.5, 8)
    assert other.check().training.patience == (None if given is None else 3)
    assert model.training is given
    assert model.set_params(training__clip=2.0).check().training.clip == 2.0
    with pytest.raises(ConfigError, match="FitOptions has no option 'clop'; did you mean 'clip'"):
        model.variant({"training.clop": 1})
    with pytest.raises(ConfigError, match=r"no option 'trainig.clip'; did you mean 'training.clip'"):
        model.variant({"trainig.clip": 1})


def test_repr_names_what_differs_from_the_default() -> None:
    assert repr(tg.Forecaster()) == "Forecaster()"
    assert repr(tg.Forecaster(horizon=6, level=80)) == "Forecaster(horizon=6, level=80)"
    assert "quantiles=array" in repr(tg.Forecaster(quantiles=np.array([0.1, 0.9])))  # type: ignore[arg-type]


@pytest.mark.parametrize("call", ["predict", "evaluate", "future_frame", "forecast_columns"])
def test_what_needs_a_fit_says_so(call: str) -> None:
    with pytest.raises(NotFittedError, match=r"call fit\(\) first"):
        getattr(tg.Forecaster(), call)()


def test_saving_needs_a_fit(tmp_path: Path) -> None:
    with pytest.raises(NotFittedError, match=r"call fit\(\) first"):
        tg.Forecaster().save(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_a_loaded_model_has_no_parts_of_its_own(tmp_path: Path) -> None:
    loaded = tg.load(fitted_plain().save(tmp_path / "model"))
    with pytest.raises(NotFittedError, match="or give data"):
        loaded.evaluate()
    assert repr(loaded) == repr(fitted_plain())
    loaded.set_params(max_epochs=1).fit(plain(200), progress=False)
    assert loaded.predict()["time"][0] == (START + np.timedelta64(200, "h")).item()


def test_fit_returns_self_and_learns_names_with_an_underscore() -> None:
    model = quick()
    assert model.fit(plain(200), progress=False) is model
    assert {"spec_", "history_", "preparation_", "notes_"} <= set(vars(model))


@pytest.mark.parametrize(
    ("make", "kind"), [(pd.DataFrame, pd.DataFrame), (pl.DataFrame, pl.DataFrame), (pa.table, pa.Table)]
)
def test_a_frame_in_gives_a_frame_of_that_kind_out(make: Any, kind: Any) -> None:
    found = fitted_plain().predict(make(plain(40)))
    assert isinstance(found, kind)
    columns = found.column_names if kind is pa.Table else list(found.columns)
    assert columns == ["time", "mean", "q0.1", "q0.9"]
    assert np.array_equal(np.asarray(found["time"]).astype("datetime64[us]"), hours(46)[40:])
    expected = means(fitted_plain().predict(plain(40)))[:, 0]
    np.testing.assert_allclose(np.asarray(found["mean"]), expected)


def test_quantiles_rise_and_the_interval_holds_its_share_of_the_validation_part() -> None:
    model = quick(quantiles=np.array([0.9, 0.1]), level=50, training={"steps_per_epoch": None}).fit(
        plain(1500), progress=False
    )
    assert model.decoding_.quantiles == (0.1, 0.25, 0.75, 0.9)
    assert (np.diff(means(model.predict())[:, 1:], axis=1) >= 0).all()
    validation = model.evaluate(part="validation")
    assert validation.coverage[0.8] == pytest.approx(0.8, abs=0.03)
    assert validation.coverage[0.5] == pytest.approx(0.5, abs=0.03)


def test_parts_are_named() -> None:
    assert fitted_plain().evaluate().origins > 50
    with pytest.raises((ConfigError, DataError), match="part"):
        fitted_plain().evaluate(part="tset")
    untested = quick().fit(plain(200), test=0, progress=False)
    with pytest.raises(DataError, match="no test part"):
        untested.evaluate()


def test_evaluation_scores_the_forecasts_it_says(tmp_path: Path) -> None:
    """The mean absolute error of the test part, once more through predict()."""
    model, table = fitted_plain(), plain()
    first = len(table["y"]) - len(table["y"]) // 5
    errors = []
    for origin in range(first, len(table["y"]) - 5):
        past = {name: values[:origin] for name, values in table.items()}
        forecast = means(model.predict(past))[:, 0]
        errors.append(np.abs(forecast - table["y"][origin : origin + 6]).mean())
    assert model.evaluate(ridge=False).overall["model"]["mae"] == pytest.approx(np.mean(errors), rel=1e-4)


def test_named_options_and_groups_do_not_contradict_each_other() -> None:
    for options in (
        {"learning_rate": 0.1, "training": {"learning_rate": 0.5}},
        {"learning_rate": 0.1, "training": TrainOptions(learning_rate=0.5)},
        {"max_epochs": 4, "training": {"max_epochs": 3}},
        {"training": tg.TrainOptions(seed=4)},
    ):
        with pytest.raises(ConfigError, match=r"give .* to the estimator itself"):
            tg.Forecaster(**options).check()
    assert tg.Forecaster(training={"max_epochs": 3}).check().training.max_epochs == 3
    tg.Forecaster(seed=4, training=TrainOptions(weight_decay=0.1, seed=4)).check()


@pytest.mark.parametrize("name", ["mean", "q0.1", "target"])
def test_a_time_column_named_like_a_forecast_is_refused(name: str) -> None:
    table = {name: hours(200), "y": wave(200), "z": wave(200)}
    with pytest.raises(SchemaError, match=f"time column is named '{name}'.*rename"):
        quick(level=80).fit(table, time=name, target=["y", "z"], progress=False)
    table = {"time": hours(200), "mean": wave(200), "q0.1": wave(200, seed=1)}
    found = quick(level=80).fit(table, target="mean", observed=["q0.1"], progress=False).predict()
    assert list(found.columns) == ["time", "mean", "q0.1", "q0.9"]
