"""The coming steps stand first on the page, and can be drawn by themselves; hopeless baselines do not hide the rest."""

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from tests.report.forecast.sample_run import view
from tests.tasks.forecast.models import fitted_plain, fitted_rich
from tidegate.core.errors import ConfigError
from tidegate.report import render, view_of
from tidegate.report.forecast.figures import beyond, step_chart
from tidegate.report.forecast.picture import coming
from tidegate.report.forecast.plot import write_plot


def test_the_coming_steps_are_those_that_predict_gives_and_stand_first() -> None:
    model = fitted_plain()
    (sample,) = coming(model)
    columns = model.forecast_columns()
    np.testing.assert_array_equal(sample.mean, columns["mean"])
    np.testing.assert_array_equal(sample.time[len(sample.history) :], columns["time"])
    np.testing.assert_array_equal(sample.intervals[0].high, columns["q0.9"])
    assert np.isnan(sample.actual).all()
    page = render(view_of(model), "en")
    ids = re.findall(r'<section id="(\w+)">', page)
    assert ids[:2] == ["coming", "scores"]
    assert "What comes next" in page


def test_what_must_be_known_ahead_is_named_where_it_is_not_given() -> None:
    model = fitted_rich()
    assert coming(model) == ()
    assert "tidegate predict RUN --future FILE" in render(view_of(model), "en")


def test_a_forecast_is_drawn_as_a_page_or_a_drawing(tmp_path: Path) -> None:
    samples = coming(fitted_plain())
    page = write_plot(tmp_path / "a.html", samples, unit="MW", lang="zh_TW").read_text("utf-8")
    assert page.count('class="chart"') == 1
    assert "預測值" in page
    root = ElementTree.fromstring(write_plot(tmp_path / "a.svg", samples * 2).read_text("utf-8"))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert len([item for item in root if item.tag.endswith("}svg")]) == 2
    with pytest.raises(ConfigError, match=r"\.html or an \.svg"):
        write_plot(tmp_path / "a.png", samples)
    with pytest.raises(ConfigError, match="1 to 60"):
        write_plot(tmp_path / "a.svg", ())


def test_a_hopeless_baseline_is_named_and_not_drawn() -> None:
    errors = {"model": [1.0, 2.0], "ridge": [1.5, 2.5], "drift": [5.0, 900.0], "mean": [3.0, 3.1]}
    assert beyond(errors, "ridge") == (7.5, ["drift"])
    assert beyond({"model": [1.0, 2.0], "mean": [3.0, 3.1]}, "mean") == (None, [])
    svg = step_chart(errors, "ridge", "MW", None, "en").svg()
    ticks = [float(text) for text in re.findall(r'class="tick" text-anchor="end">([\d.]+)<', svg)]
    assert max(ticks) <= 7.5
    base = view(300)
    page = render(replace(base, evaluation=replace(base.evaluation, per_step=errors, best_baseline="ridge")), "en")
    assert "Errors above 7.500 MW are not drawn: Drift." in page
