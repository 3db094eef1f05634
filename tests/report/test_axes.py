"""`plot()` of every result gives matplotlib axes that hold the result's own numbers; results are short to read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tidegate as tg
from tests.report.forecast.sample_run import scores
from tests.report.label import samples
from tests.tasks.forecast.models import fitted_plain, plain, quick
from tests.tasks.label import data
from tidegate.core.errors import ConfigError, MissingExtraError
from tidegate.report.axes import families

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")

from matplotlib import font_manager, pyplot  # noqa: E402

QUICK: dict[str, Any] = {"hidden_size": 4, "max_epochs": 2, "training": {"refit": False}}


@pytest.fixture(autouse=True)
def _closed() -> Any:
    yield
    pyplot.close("all")


def line(axes: Any, name: str) -> Any:
    return next(line for line in axes.lines if line.get_label() == name)


def test_an_evaluation_draws_the_error_of_each_step() -> None:
    found = scores()
    axes = found.plot()
    np.testing.assert_allclose(line(axes, "This model").get_ydata(), found.per_step["model"])
    assert len(axes.lines) == len(found.per_step)


def test_a_plot_is_drawn_where_it_is_asked_for() -> None:
    _, (left, right) = pyplot.subplots(1, 2)
    assert scores().plot(right) is right
    assert not left.lines


def test_a_forecaster_draws_the_coming_steps_and_its_history_the_losses() -> None:
    model = fitted_plain()
    ahead = line(model.plot(), "Forecast")
    np.testing.assert_allclose(ahead.get_ydata(), np.asarray(model.predict()["mean"]))
    axes = model.history_.plot()
    np.testing.assert_allclose(line(axes, "Training").get_ydata(), [epoch.train_loss for epoch in model.history_])
    assert {type(item).__name__ for item in (model.explain(sample=2, background=2).plot(),)} == {"Axes"}


def test_a_backtest_draws_a_line_for_every_method() -> None:
    found = tg.backtest(quick(), plain(), folds=2)
    own = line(found.plot(), "This model").get_ydata()
    np.testing.assert_allclose(own, found.scores.per_fold["model"][found.scores.criterion])
    assert len(found.scores.plot().lines) == len(found.scores.methods)


def test_a_classifier_draws_its_confusions_and_a_comparison_its_learning() -> None:
    found = samples.digits().evaluation
    axes = found.plot()
    assert {text.get_text() for text in axes.texts} == {f"{count:,}" for row in found.confusion for count in row}
    assert [label.get_text() for label in axes.get_xticklabels()] == list(found.classes)
    compared = tg.compare(tg.Classifier(**QUICK), data.waves(40), encoders=("lstm", "gru"), progress=False)
    best = compared.candidates[0]
    np.testing.assert_allclose(line(compared.plot(), best.name).get_ydata(), best.losses)
    assert best.seconds == compared.model.seconds_  # the training time, as everywhere
    assert best.losses == tuple(epoch.validation_loss for epoch in compared.model.history_)
    assert compared.to_json()["candidates"][0]["losses"] == list(best.losses)


def test_estimates_and_alarms_are_bars_of_the_methods() -> None:
    for found, metric in ((samples.engines().evaluation, "rmse"), (samples.servers().evaluation, "f1")):
        widths = [bar.get_width() for bar in found.plot().patches]
        np.testing.assert_allclose(widths, [found.overall[name][metric] for name in found.methods])


def test_chinese_is_drawn_where_a_font_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEGATE_LANG", "zh_TW")
    axes = scores().plot()
    assert axes.get_xlabel() == "往後第幾步"
    assert axes.xaxis.label.get_fontfamily() == families() == axes.get_xticklabels()[0].get_fontfamily()
    assert set(families()) <= {font.name for font in font_manager.fontManager.ttflist}


def test_what_has_no_chart_says_so() -> None:
    with pytest.raises(ConfigError, match="Audit has no chart"):
        fitted_plain().audit(cutoffs=1).plot()


def test_without_matplotlib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.pyplot", None)
    with pytest.raises(MissingExtraError, match=r"\[plot\]"):
        scores().plot()


def test_results_are_short_to_read() -> None:
    model = fitted_plain()
    shown = [scores(), model.history_, model.diagnose(), model.fitted_.table, samples.digits().evaluation]
    assert [repr(item) for item in shown if len(repr(item)) > 200 or "array(" in repr(item)] == []
    assert repr(model.variant({})) == repr(model)
    assert len(repr(tg.Forecaster(horizon=6, window=12))) < 50
    assert repr(shown[0]).startswith("<Evaluation: The model ")
    assert repr(model.fitted_.table).startswith("<Table: ")
