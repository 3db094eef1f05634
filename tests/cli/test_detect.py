"""`fit detect`, `predict` and `evaluate` of its run."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import tidegate as tg
from tests.tasks.detect.test_estimator import ROWS, SPIKES, hours, labelled, load, watched
from tidegate.cli.main import main

BRIEF = ["--window", "24", "--hidden-size", "8", "--max-epochs", "4", "--set", "training.steps_per_epoch=15"]


def fit(*arguments: object) -> int:
    return main(["fit", "detect", *map(str, arguments), "--time", "time", "--target", "load", *BRIEF])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("detect")
    pl.DataFrame(watched()).write_csv(folder / "rows.csv")
    pl.DataFrame(labelled()).write_csv(folder / "labelled.csv")
    pl.DataFrame({"time": hours(100, "2026-06-01"), "load": load(100, seed=8)}).write_csv(folder / "new.csv")
    assert fit(folder / "rows.csv", "--out", folder / "run", "--quiet") == 0
    return folder


def test_a_run_has_all_its_files(place: Path) -> None:
    files = {
        "config.toml",
        "history.csv",
        "metrics.json",
        "scores.csv",
        "events.csv",
        "findings.json",
        "report.html",
        "model",
        "checkpoints",
    }
    assert {entry.name for entry in (place / "run").iterdir()} == files
    scores = pl.read_csv(place / "run" / "scores.csv", try_parse_dates=True)
    assert len(scores) == 180
    events = pl.read_csv(place / "run" / "events.csv", try_parse_dates=True)
    assert hours(ROWS)[next(iter(SPIKES))].item() in events["start"].to_list()


def test_predict_writes_what_the_library_says(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = place / "scores.csv"
    assert main(["predict", str(place / "run"), str(place / "new.csv"), "--out", str(out)]) == 0
    assert "rows were not judged" in capsys.readouterr().err
    expected = tg.load(place / "run").predict(str(place / "new.csv"))
    ours = pl.read_csv(out)
    assert ours.columns == expected.columns
    np.testing.assert_allclose(ours["p_value"].cast(float), expected["p_value"].fill_nan(None), rtol=1e-8)
    capsys.readouterr()
    assert main(["predict", str(place / "run")]) == 0  # of a run without a file: its test part
    assert capsys.readouterr().out.count("\n") > 10


def test_evaluate_prints_the_runs_scores_and_those_of_new_rows(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(place / "run")]) == 0
    stored = capsys.readouterr().out
    assert "windowed Gaussian" in stored
    assert main(["evaluate", str(place / "run"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["kind"] == "detection"
    arguments = ["evaluate", str(place / "run"), str(place / "labelled.csv"), "--label", "anomaly"]
    assert main(arguments) == 0
    assert "labelled windows" in capsys.readouterr().out


def test_labels_are_taken_from_a_column(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = fit(
        place / "labelled.csv", "--out", place / "second", "--label", "anomaly", "--validation", "0.15", "--json"
    )
    assert code == 0
    found = json.loads(capsys.readouterr().out)
    assert found["alarms"]["overall"]["model"]["windows"] == 2
    assert found["alarms"]["overall"]["model"]["found"] == 2


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (["--set", "horizon=3"], "AnomalyDetector has no option 'horizon'; it has method, window"),
        (["--method", "magic"], "method is one of"),
        (["--label", "nothing"], "nothing"),
        (["--alarms-per-week", "-1"], "alarms_per_week is a number above 0"),
    ],
)
def test_what_cannot_work_is_said_in_one_paragraph(
    place: Path, arguments: list[str], match: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fit(place / "rows.csv", "--out", place / "third", "--quiet", *arguments) == 2
    error = capsys.readouterr().err
    assert match in error
    assert "Traceback" not in error


def test_chinese_readers_get_chinese(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIDEGATE_LANG", "zh_TW")
    assert main(["evaluate", str(place / "run")]) == 0
    assert "每週 1 次誤報" in capsys.readouterr().out


def test_a_detector_is_diagnosed_and_explained(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", str(place / "run")]) == 0
    assert "is to be expected" in capsys.readouterr().out
    assert main(["diagnose", str(place / "run")]) == 0
    assert "looked at" in capsys.readouterr().out
    assert main(["diagnose", str(place / "run"), "--out", str(place / "page.html")]) == 2
    assert "--fix" in capsys.readouterr().err
    assert not (place / "page.html").exists()


def test_the_report_draws_what_was_found(place: Path) -> None:
    page = (place / "run" / "report.html").read_text("utf-8")
    assert "Series and alarms" in page
    assert "<svg" in page
    spike = str(hours(ROWS)[next(iter(SPIKES))])[:10]
    assert spike in page or "Feb" in page
