"""A run with fewer bits: measured, written, refused."""

from __future__ import annotations

import json

import numpy as np
import pytest

import tidegate as tg
from tests.deploy.shrink.runs import classifier, forecaster
from tidegate.artifacts.artifact import read_model
from tidegate.cli.main import run as command
from tidegate.core.errors import ConfigError, OutputError
from tidegate.deploy.shrink.forms import Forms
from tidegate.deploy.shrink.judge import Losses
from tidegate.deploy.shrink.quantize import quantize


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    monkeypatch.setattr("tidegate.runtime.network.timing.SECONDS", 0.02)
    monkeypatch.setattr("tidegate.deploy.shrink.forms.peak_memory", lambda folder: 1_000_000)


def test_a_forecaster(tmp_path, capsys):
    run, out = forecaster(), tmp_path / "small"
    assert command(["quantize", str(run), "--out", str(out), "--limit", "20"]) == 0
    assert "int8" in capsys.readouterr().out
    found = Forms.from_json(json.loads((out / "forms.json").read_text()))
    before, after = found.forms
    evaluated = json.loads((run / "metrics.json").read_text())["test"]["overall"]["model"]["mae"]
    assert before.score == pytest.approx(evaluated, rel=1e-4)  # what the run's own evaluation says
    assert after.worse[1] <= after.worse[0] <= after.worse[2]
    assert after.score / before.score - 1 == pytest.approx(after.worse[0], abs=1e-9)
    assert after.size < 0.6 * before.size
    artifact = read_model(out)
    assert artifact.record.weights == "int8"
    assert artifact.record.format_version == 2
    ours, theirs = tg.load(out).predict(), tg.load(run).predict()
    np.testing.assert_allclose(ours["mean"], theirs["mean"], rtol=0.02)
    assert (np.asarray(ours["mean"]) != np.asarray(theirs["mean"])).any()
    assert len(tg.open_run(out).history_) == 2


def test_more_lost_than_allowed_writes_nothing(tmp_path, capsys):
    out = tmp_path / "small"
    assert command(["quantize", str(forecaster()), "--out", str(out), "--limit=-100"]) == 1
    assert not out.exists()
    assert "Not recommended" in capsys.readouterr().out
    assert command(["quantize", str(forecaster()), "--out", str(out), "--limit=-100", "--force"]) == 0
    assert read_model(out).record.weights == "int8"


def test_a_classifier_and_bfloat16(tmp_path):
    found = quantize(classifier(), to="bfloat16", out=tmp_path / "half", limit=100)
    assert found.metric == "accuracy"
    new = [np.linspace(-1, 1, 9)[:, None], np.linspace(1, -1, 12)[:, None]]
    ours, theirs = (tg.load(run).predict_proba(new) for run in (tmp_path / "half", classifier()))
    np.testing.assert_allclose(ours, theirs, atol=0.02)
    assert read_model(tmp_path / "half").record.weights == "bfloat16"


@pytest.mark.parametrize("cell", ["slstm", "mlstm"])
def test_cells_without_products_of_8_bits_are_stored_so_and_say_it(tmp_path, cell):
    found = quantize(classifier(cell), out=tmp_path / "small", limit=100)
    assert found.notes[0].values == {"cell": cell}
    new = [np.linspace(-1, 1, 9)[:, None], np.linspace(1, -1, 12)[:, None]]
    ours, theirs = (tg.load(run).predict_proba(new) for run in (tmp_path / "small", classifier(cell)))
    np.testing.assert_allclose(ours, theirs, atol=0.02)
    assert quantize(classifier(), out=tmp_path / "other", limit=100).notes[0].kind == "isa"


def test_refused(tmp_path):
    with pytest.raises(ConfigError, match="int8 or bfloat16"):
        quantize(forecaster(), to="int4")
    with pytest.raises(ConfigError, match="is no run"):
        quantize(tmp_path)
    quantize(forecaster(), to="bfloat16", out=tmp_path / "once", limit=100)
    with pytest.raises(ConfigError, match="already"):
        quantize(tmp_path / "once")
    with pytest.raises(OutputError, match="holds a run"):
        quantize(forecaster(), out=tmp_path / "once")


def test_how_much_worse():
    unit = np.repeat(np.arange(40), 5)
    rng = np.random.default_rng(0)
    loss = rng.uniform(1, 2, 200)
    before, after = Losses("mae", loss, unit), Losses("mae", loss * 1.1, unit)
    np.testing.assert_allclose(before.worse(after), 0.1, rtol=1e-9)  # alike everywhere: no spread
    np.testing.assert_allclose(Losses("rmse", loss, unit).worse(Losses("rmse", 1.21 * loss, unit)), 0.1, rtol=1e-9)
    right = np.ones(200)
    fewer = np.where(np.arange(200) % 4 == 0, 0.0, 1.0)
    share, low, high = Losses("accuracy", right, unit).worse(Losses("accuracy", fewer, unit))
    assert share == pytest.approx(0.25)
    assert low < share < high
