"""What a run's test says stands beside every forecast, and a baseline answers in the place of a worse model."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import tidegate as tg
from tests.tasks.forecast.models import plain, quick
from tidegate.core.errors import ConfigError
from tidegate.tasks.standing import Standing


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that has learned nothing, on a wave that any baseline knows better."""
    folder = tmp_path_factory.mktemp("runs") / "poor"
    quick(learning_rate=1e-9, level=80).fit(plain(), out=folder, progress=False)
    return folder


def test_the_verdict_goes_with_the_forecast(run: Path) -> None:
    model = tg.load(run)
    model.predict()
    said = {note.kind: note.values for note in model.answer_notes_}
    stored = json.loads((run / "metrics.json").read_text())["test"]["verdict"]
    assert model.standing().verdict.key == stored["key"] in ("worse", "loses")
    assert said["verdict"]["verdict"] == model.standing().verdict.text()


def test_a_critical_finding_goes_with_the_forecast(run: Path, tmp_path: Path) -> None:
    (tmp_path / "metrics.json").write_bytes((run / "metrics.json").read_bytes())
    grave = {"id": "x", "severity": "critical", "title": "Do not", "text": "It is broken."}
    findings = {"findings": [grave, {**grave, "severity": "warning"}]}
    (tmp_path / "findings.json").write_text(json.dumps(findings))
    found = Standing.read(tmp_path)
    assert [note.values for note in found.notes() if note.kind == "critical"] == [
        {"title": "Do not", "text": "It is broken."}
    ]


def test_a_baseline_answers_where_it_did_better(run: Path) -> None:
    model = tg.load(run)
    name = model.standing().better
    found = model.forecast_columns(fallback="baseline")
    assert name is not None
    assert set(found["method"]) == {name}
    opened = tg.open_run(run, plain())
    fitted = opened.fitted_
    whole = fitted.table.extend(6)
    place = np.array([len(fitted.table)])
    expected = model.baselines_.apply(whole, fitted.preparation.apply(whole)).methods[name](place)[0, :, 0]
    np.testing.assert_allclose(found["mean"], expected, rtol=1e-6)
    assert np.isnan(found["q0.1"]).all()
    assert "fallback" in {note.kind for note in model.answer_notes_}


def test_a_better_model_answers_itself(run: Path) -> None:
    model = tg.load(run)
    object.__setattr__(model.standing().verdict, "values", {**model.standing().verdict.values, "model": 1e-9})
    assert set(model.forecast_columns(fallback="baseline")["method"]) == {"model"}


def test_no_run_no_fallback(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run / "model", tmp_path / "bare")
    bare = tg.load(tmp_path / "bare")
    assert bare.standing() == Standing()
    with pytest.raises(ConfigError, match="needs a run with a test part"):
        bare.predict(fallback="baseline")
    with pytest.raises(ConfigError, match='fallback is "baseline" or None'):
        tg.load(run).predict(fallback="mean")
