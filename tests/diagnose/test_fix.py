"""Remedies that lower the validation error are kept, others are not; a run folder can be taken up again."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import tidegate as tg
from tests.diagnose.crafted import QUICK, fit, healthy, wave
from tidegate.cli.main import main
from tidegate.core.errors import ArtifactError, NotFittedError
from tidegate.diagnose import fix
from tidegate.diagnose.finding import Finding, Findings
from tidegate.tasks.open import open_run


def test_a_rate_that_was_too_low_is_mended() -> None:
    fixed = fix(fit(wave(), learning_rate=1e-6), tries=2)
    assert fixed.improved
    assert fixed.changes["learning_rate"] >= 2e-3
    before, after = (part["validation"].overall["model"]["mae"] for part in (fixed.before, fixed.after))
    assert after < 0.7 * before
    assert fixed.after["validation"].overall["model"]["mae"] == pytest.approx(
        fixed.model.evaluate(part="validation").overall["model"]["mae"]
    )
    text = fixed.table("en")
    assert "kept" in text
    assert "repeat the last value" in text


def test_a_leak_is_left_to_the_user() -> None:
    values = wave()
    values["plan"] = values["y"] * 2
    model = fit(values, {"known": ["plan"]}, max_epochs=2)
    found = fix(model, tries=0)
    assert [item.id for item in found.skipped] == ["leak"]
    assert found.model is model
    assert not found.improved


def test_a_model_is_refitted_without_a_column_on_the_same_parts() -> None:
    values = wave()
    values |= {"a": values["y"] * 0, "b": np.random.default_rng(0).normal(size=600)}
    model = fit(values, {"known": ["a", "b"]}, max_epochs=1)
    other = model.retrained({"known": ["b"], "dropout": 0.2})
    assert other.fitted_.table.schema.known == ("b",)
    assert other.dropout == 0.2
    assert other.fitted_.split is model.fitted_.split
    assert model.fitted_.table.schema.known == ("a", "b")


def test_no_remedy_proposes_what_validation_has_chosen() -> None:
    walk = wave() | {"y": np.cumsum(np.random.default_rng(4).normal(size=600))}
    for normalise, remedy in (("last", {}), (None, {"network.normalise": "last"})):
        model = fit(walk, normalise=normalise, calendar=(), max_epochs=3)
        model.set_params(network__normalise="auto")
        assert model.evidence()[0].config["normalise"] == normalise
        found = tg.diagnose(model).find("lag_copy")
        assert found is None or found.remedy == remedy


class Scored:
    """A trainee whose remedy changes its error from 1 to what it is told, to be scored alone."""

    parts = ("validation",)
    of_labels = False

    def __init__(self, after: float, higher: bool = False, least: float = 0.0, now: float | None = None) -> None:
        self.model, self.after, self.higher, self.least = self, after, higher, least
        self.now = (0.0 if higher else 1.0) if now is None else now

    def findings(self) -> Findings:
        return Findings((Finding("overfitting", "warning", {}, {"dropout": 0.3}),))

    def retrained(self, changes: dict[str, object]) -> "Scored":
        return Scored(self.after, self.higher, self.least, self.after)

    def score(self, part: str) -> SimpleNamespace:
        return SimpleNamespace(criterion="mae", overall={"model": {"mae": self.now}}, methods=("model",))

    def finish(self) -> "Scored":
        return self

    def trainee(self) -> "Scored":
        return self


@pytest.mark.parametrize(
    ("after", "higher", "least", "kept"),
    [
        (0.991, False, 0.0, False),  # 0.9 % less error
        (0.989, False, 0.0, True),  # 1.1 % less
        (1.2, False, 0.0, False),
        (0.009, True, 0.0, False),  # of a share, its distance from 1
        (0.011, True, 0.0, True),
        (0.04, True, 0.05, False),  # less than one answer's worth
        (0.06, True, 0.05, True),
        (float("nan"), False, 0.0, False),
    ],
)
def test_a_remedy_is_kept_that_lowers_the_error_by_one_percent(
    after: float, higher: bool, least: float, kept: bool
) -> None:
    fixed = fix(Scored(after, higher, least), tries=1)
    assert [trial.kept for trial in fixed.trials] == [kept]
    assert fixed.changes == ({"dropout": 0.3} if kept else {})


def test_the_package_is_the_verb() -> None:
    found = tg.diagnose(healthy())
    assert found.to_json() == healthy().diagnose().to_json()
    assert tg.diagnose.fix is fix


def test_a_loaded_model_has_nothing_to_examine(tmp_path: Path) -> None:
    healthy().save(tmp_path / "model")
    with pytest.raises(NotFittedError, match="open_run"):
        tg.diagnose(tg.load(tmp_path / "model"))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("diagnose")
    values = wave()
    lines = ["time,y", *(f"{time},{y}" for time, y in zip(values["time"], values["y"], strict=True))]
    (folder / "wave.csv").write_text("\n".join(lines))
    options = QUICK | {"learning_rate": 1e-6, "max_epochs": 4}
    tg.Forecaster().variant(tg.Forecaster.placed(options)).fit(
        folder / "wave.csv", time="time", target="y", out=folder / "run", progress=False, validation=0.15
    )
    return folder


def test_a_run_folder_is_taken_up_as_it_was_left(run: Path) -> None:
    options = QUICK | {"learning_rate": 1e-6, "max_epochs": 4}
    model = (
        tg.Forecaster()
        .variant(tg.Forecaster.placed(options))
        .fit(run / "wave.csv", time="time", target="y", progress=False, validation=0.15)
    )
    again = open_run(run / "run")
    for one, other in zip(again.history_, model.history_, strict=True):
        assert replace(one, seconds=0.0, train_seconds=0.0) == replace(other, seconds=0.0, train_seconds=0.0)
    assert again.evaluate().to_json() == model.evaluate().to_json()
    assert again.evidence()[0].options == model.evidence()[0].options
    assert tg.diagnose(again).to_json() == tg.diagnose(model).to_json()


def test_the_command_prints_the_findings_and_mends(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diagnose", str(run / "run")]) == 0
    assert "1. The learning rate is too low" in capsys.readouterr().out
    assert main(["diagnose", str(run / "run"), "--fix", "--tries", "1", "--json", "--out", str(run / "mended")]) == 0
    state = json.loads(capsys.readouterr().out)
    assert state["findings"][0]["id"] == "learning_rate_low"
    assert state["fix"]["trials"][0]["kept"] is True
    assert tg.load(run / "mended").learning_rate >= 2e-3


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="not the folder of a run"):
        open_run(tmp_path)
