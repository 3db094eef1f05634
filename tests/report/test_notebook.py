"""Every result shows itself in a notebook: tables and charts of the report, in the reader's language."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import tidegate as tg
from tests.report.forecast.sample_run import scores
from tests.report.label import samples
from tests.tasks.forecast.models import fitted_plain, plain, quick
from tests.tasks.label import data

QUICK: dict[str, Any] = {"hidden_size": 6, "max_epochs": 2, "training": {"refit": False}, "network": {"branch": ()}}


@pytest.fixture(params=["en", "zh_TW"])
def lang(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("TIDEGATE_LANG", request.param)
    return str(request.param)


def check(found: Any, lang: str, *words: str) -> str:
    """Balanced, without a script, its style scoped; holds the words and no others of the other language."""
    made = str(found._repr_html_())
    assert made.startswith('<div class="tidegate"')
    assert f'lang="{"en" if lang == "en" else "zh-Hant-TW"}"' in made
    assert not re.search(r"<script|<link|https?:|:root", made)
    for svg in re.findall(r"<svg.*?</svg>", made, re.S):
        ElementTree.fromstring(svg)
    body = made.split("</style>", 1)[1]
    assert not re.search(r"\b(nan|inf|None)\b", re.sub(r"<[^>]+>", " ", body))
    for word in words:
        assert word in body
    return body


def test_evaluations_of_every_task(lang: str) -> None:
    english = lang == "en"
    body = check(scores(), lang, "98.70", "This model" if english else "本模型")
    assert body.count('class="chart"') == 1  # errors by step
    assert body.count("<table") == 2
    for view, word in (
        (samples.digits(), "What was taken for what" if english else "什麼被當成什麼"),
        (samples.engines(), "RMSE"),
        (samples.servers(), "F1"),
    ):
        check(view.evaluation, lang, word)


def test_models_findings_explanations_and_backtests(lang: str) -> None:
    english = lang == "en"
    model = fitted_plain()
    body = check(model, lang, "Forecaster", "What comes next" if english else "接下來的預測")
    assert body.count('class="chart"') >= 2  # the coming steps, the learning curve
    check(model.diagnose(), lang)
    check(model.explain(sample=4, background=2), lang, "Inside the network" if english else "網路內部")
    body = check(tg.backtest(quick(), plain(), folds=2), lang, "Seasonal naive" if english else "季節")
    widths = [float(width) for width in re.findall(r"width:([\d.]+)%", body)]
    assert widths == sorted(widths)  # ranked by the mean error, the model among the others
    assert widths[-1] == 100.0
    classifier = tg.Classifier(**QUICK).fit(data.waves(40), progress=False)
    check(classifier, lang, "Classifier")
    check(classifier.explain(at=3, sample=0), lang, "fast")


def test_what_has_nothing_to_draw_leaves_it_to_its_text() -> None:
    assert tg.Forecaster()._repr_html_() is None
    assert tg.Classifier()._repr_html_() is None


def test_histories_audits_intervals_and_forecasts_without_training(lang: str) -> None:
    model = fitted_plain()
    assert check(model.history_, lang).count('class="chart"') >= 1
    assert "<table" in check(model.audit(cutoffs=1), lang)
    found = tg.forecast({"time": np.arange(200), "y": np.sin(np.arange(200.0))}, horizon=4)
    assert check(found, lang, found.check.text()[:20]).count('class="chart"') == 1
    folds = tg.backtest(quick(), plain(), folds=2)
    assert "<table" in check(folds.scores, lang)
