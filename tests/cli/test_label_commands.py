"""The commands of classifiers and regressors: what they print, write and return."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import tidegate as tg
from tests.cli.test_bad_input import refused
from tests.tasks.label import bad
from tidegate.cli.main import main

SMALL = ["--hidden-size", "4", "--max-epochs", "2", "--set", "network.branch=[]", "--set", "refit=false"]
COLUMNS = ["--id", "run", "--time", "step", "--label", "fault"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files, and runs that the commands made."""
    folder = tmp_path_factory.mktemp("labels")
    bad.table(folder / "runs.csv", bad.runs())
    bad.table(folder / "fresh.csv", bad.runs(12, seed=5))
    bare = [line.rpartition(",")[0] for line in (folder / "fresh.csv").read_text("utf-8").splitlines()]
    (folder / "bare.csv").write_text("\n".join(bare) + "\n", "utf-8")
    words = [str(folder / "runs.csv"), *COLUMNS, "--features", "speed", *SMALL, "--quiet"]
    assert main(["fit", "classify", *words, "--out", str(folder / "run")]) == 0
    words[words.index("fault")] = "heat"
    assert main(["fit", "regress", *words, "--out", str(folder / "heat")]) == 0
    words[words.index("heat")] = "fault"
    assert main(["fit", "classify", *words, "--tag", "--out", str(folder / "tags")]) == 0
    return folder


def printed(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[str, str]:
    """What a command that succeeds prints on both streams."""
    capsys.readouterr()
    assert main(list(map(str, words))) == 0
    captured = capsys.readouterr()
    return captured.out, captured.err


@pytest.mark.parametrize("name", ["run", "heat", "tags"])
def test_a_run_has_all_its_files(place: Path, name: str) -> None:
    run = place / name
    files = {"config.toml", "history.csv", "metrics.json", "predictions.parquet", "report.html", "model", "checkpoints"}
    assert files <= {entry.name for entry in run.iterdir()}
    metrics = json.loads((run / "metrics.json").read_text("utf-8"))
    assert metrics["test"]["overall"]["model"]
    rows = pl.read_parquet(run / "predictions.parquet")
    if name == "tags":
        assert rows.columns[:4] == ["id", "step", "actual", "fault"]
        right = (rows["actual"] == rows["fault"]).mean()
        assert right == pytest.approx(metrics["test"]["overall"]["model"]["accuracy"])
    else:
        assert len(rows) == 8
    assert "<svg" in (run / "report.html").read_text("utf-8")


def test_an_answer_needs_no_labels(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, err = printed(capsys, "predict", place / "run", place / "bare.csv")
    assert err == ""
    assert out.splitlines()[0] == "id,fault,p:belt,p:none"
    chances = np.array([line.split(",")[2:] for line in out.splitlines()[1:]], dtype=float)
    assert chances.shape == (12, 2)
    np.testing.assert_allclose(chances.sum(axis=1), 1, atol=1e-6)
    labelled, _ = printed(capsys, "predict", place / "run", place / "fresh.csv")
    assert labelled == out
    tags, _ = printed(capsys, "predict", place / "tags", place / "bare.csv")
    assert tags.splitlines()[:2][0] == "id,step,fault,p:belt,p:none"
    assert len(tags.splitlines()) == len((place / "bare.csv").read_text("utf-8").splitlines())
    printed(capsys, "predict", place / "heat", place / "bare.csv", "--out", place / "heat.parquet")
    assert pl.read_parquet(place / "heat.parquet").columns == ["id", "heat"]


def test_the_stored_scores_are_those_of_the_test_part(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = printed(capsys, "evaluate", place / "run", "--json")
    stored = json.loads((place / "run" / "metrics.json").read_text("utf-8"))["test"]
    assert json.loads(out) == stored
    text, _ = printed(capsys, "evaluate", place / "run")
    assert text.splitlines()[0].split()[0] == "method"


def test_new_data_are_scored_beside_baselines_of_the_training_data(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, err = printed(capsys, "evaluate", place / "run", place / "fresh.csv", "--json")
    found = json.loads(out)
    assert {"model", "majority", "logistic_summary"} <= set(found["overall"])
    assert found["sequences"] == 12
    assert "No baselines" not in err
    own = tg.load(place / "run")
    assert found["overall"]["model"]["accuracy"] == pytest.approx(own.score(place / "fresh.csv"))
    same, _ = printed(capsys, "evaluate", place / "run", place / "runs.csv")
    assert "have an exact copy in the training part" in same


def test_baselines_are_left_out_where_the_training_data_have_changed(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = bad.table(tmp_path / "runs.csv", bad.runs())
    words = [path, *COLUMNS, "--features", "speed", *SMALL, "--quiet", "--out", tmp_path / "run"]
    printed(capsys, "fit", "classify", *words)
    bad.table(path, bad.runs(seed=8))
    out, err = printed(capsys, "evaluate", tmp_path / "run", place / "fresh.csv", "--json")
    assert list(json.loads(out)["overall"]) == ["model"]
    assert f"No baselines: {path} is no longer what it was trained on." in err
    path.unlink()
    _, err = printed(capsys, "evaluate", tmp_path / "run" / "model", place / "fresh.csv")
    assert f"No baselines: {path}, which it was trained on, cannot be read any more." in err


def test_a_run_that_is_resumed_says_the_same(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["fit", "classify", place / "runs.csv", *COLUMNS, "--features", "speed", *SMALL, "--out", place / "run"]
    out, err = printed(capsys, *words, "--resume", "--json")
    assert json.loads(out) == json.loads((place / "run" / "metrics.json").read_text("utf-8"))["test"]
    assert "Trained for 2 epochs" in err
    assert err.rstrip().endswith(f"Report: {place / 'run' / 'report.html'}")


def test_without_a_test_part_nothing_is_judged(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["fit", "classify", place / "runs.csv", *COLUMNS, *SMALL, "--test", "0", "--out", tmp_path / "run"]
    out, err = printed(capsys, *words, "--json")
    assert json.loads(out) is None
    assert "There is no test part: nothing was judged." in err
    assert "holds no scores of a test part" in refused(capsys, ["evaluate", str(tmp_path / "run")])


def test_encoders_are_compared_in_one_table(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["compare", place / "runs.csv", *COLUMNS, "--features", "speed", *SMALL[:4], "--quiet"]
    words += ["--encoder", "gru", "--encoder", "lstm_fcn"]
    out, err = printed(capsys, *words, "--json")
    assert err == ""
    found = json.loads(out)
    assert {one["name"] for one in found["candidates"]} == {"gru", "lstm_fcn"}
    assert all(one["parameters"] > 0 and one["seconds"] > 0 and one["latency"] > 0 for one in found["candidates"])
    table, _ = printed(capsys, *words)
    assert re.match(r"encoder +validation accuracy +parameters +training, s +one answer, ms", table)
    out, err = printed(capsys, *[word for word in words if word != "--quiet"], "--out", place / "compared")
    assert out.startswith("encoder")
    assert "Encoder 2 of 2: lstm_fcn" in err
    assert err.count("on the validation part after") == 2
    assert f"Comparison: {place / 'compared' / 'comparison.html'}" in err
    rows = pl.read_csv(place / "compared" / "comparison.csv")
    state = json.loads((place / "compared" / "comparison.json").read_text("utf-8"))
    assert rows["encoder"].to_list() == [one["name"] for one in state["candidates"]]
    assert rows["score"].to_list() == [one["score"] for one in state["candidates"]]
    page = (place / "compared" / "comparison.html").read_text("utf-8")
    assert f"{rows['encoder'][0]} on the test part" in page
    accuracy = tg.load(place / "compared").score(place / "fresh.csv")  # the best model knows how to read new data
    assert 0 <= accuracy <= 1
    assert "there is no encoder 'lstn'" in refused(capsys, [*map(str, words[:-1]), "lstn"])


def test_the_commands_speak_chinese(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIDEGATE_LANG", "zh_TW")
    words = ["fit", "classify", place / "runs.csv", *COLUMNS, "--group", "machine", *SMALL, "--set", "stride=2"]
    out, err = printed(capsys, *words, "--out", tmp_path / "run")
    assert out.startswith("方法")
    assert "最常見的類別" in out
    assert "未設定 window，以下選項沒有作用：stride。" in err
    assert "共 10 個群組，每個群組只在一個部分" in err
    assert not re.search("[一-鿿][,:;]", out + err)
    assert '<html lang="zh-Hant-TW"' in (tmp_path / "run" / "report.html").read_text("utf-8")
    out, _ = printed(capsys, "compare", *words[2:], "--encoder", "gru", "--quiet")
    assert out.startswith("編碼器")


@pytest.mark.parametrize("name", bad.CASES)
def test_bad_data_are_refused(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make, reading, says = bad.CASES[name]
    words = ["fit", "classify", str(make(tmp_path)), "--out", str(tmp_path / "run"), "--quiet", *SMALL]
    for option, value in reading.items():
        words += [f"--{option}", value]
    text = refused(capsys, words)
    assert re.search(f"(?s){says}", text), text
    assert not (tmp_path / "run" / "model").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--set", "nope=3"], "Classifier has no option 'nope'; it has bidirectional, window"),
        (["--set", "network.embd=3"], "EncoderOptions has no option 'embd'"),
        (["--set", "dropout"], "--set takes name=value, got 'dropout'"),
        (["--read", "rate"], "--read takes name=value, got 'rate'"),
        (["--read", "mels=20"], "mels= says nothing about table"),
        (["--cell", "rnn"], "cell is one of"),
        (["--by", "chance"], "by='chance' is unknown"),
        (["--validation", "0"], "validation=0: the epoch is chosen on a validation part"),
        (["--features", "sped"], "did you mean 'speed'"),
        (["--kind", "sounds"], "kind='sounds' is unknown; choose one of"),
    ],
)
def test_bad_options_are_refused(
    place: Path, tmp_path: Path, words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = ["fit", "classify", str(place / "runs.csv"), *COLUMNS, "--quiet", "--out", str(tmp_path / "run"), *words]
    assert says in refused(capsys, whole)
    assert not (tmp_path / "run").exists()


def test_other_commands_say_what_they_cannot_do(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = printed(capsys, "predict", place / "run")  # of a run without a file: its test part
    assert len(out.splitlines()) > 3
    fresh = bad.runs(6, classes=3)
    bad.table(place / "unseen.csv", fresh)
    text = refused(capsys, ["evaluate", str(place / "run"), str(place / "unseen.csv")])
    assert "labels that the training part had not: bearing" in text
    out, _ = printed(capsys, "predict", place / "run", place / "unseen.csv")
    assert len(out.splitlines()) == 7


def test_sounds_at_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder: Any = bad.tones(tmp_path / "tones")
    bad.wav(folder / "low" / "other.wav", np.zeros(4000), 16_000)
    words = ["fit", "classify", folder, "--read", "rate=8000", "--read", "mels=10", *SMALL, "--out", tmp_path / "run"]
    _, err = printed(capsys, *words)
    assert "1 sound file was brought from 16000 Hz to 8000 Hz." in err
    assert "1 sound file is silent throughout: low/other." in err
    bad.wav(tmp_path / "new" / "a.wav", np.full(3000, 0.1), 16_000)
    (tmp_path / "new" / "b.wav").write_bytes(b"")
    assert "b.wav (empty file)" in refused(capsys, ["predict", str(tmp_path / "run"), str(tmp_path / "new")])
    out, err = printed(capsys, "predict", tmp_path / "run", tmp_path / "new", "--read", "broken=skip")
    assert len(out.splitlines()) == 2
    assert "were left out: b.wav" in err
    assert "There are no labels" not in err


def test_a_folder_without_a_run_is_refused_with_what_to_do(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "stopped" / "checkpoints").mkdir(parents=True)
    below = refused(capsys, ["evaluate", str(place)])
    assert f"no run here: {place} (it has neither metrics.json nor model/, but there are runs below it" in below
    assert str(place / "run") in below
    assert "tidegate fit ... --out FOLDER" in refused(capsys, ["evaluate", str(tmp_path)])
    assert "there is no such folder" in refused(capsys, ["evaluate", str(tmp_path / "none"), str(place / "fresh.csv")])
    assert "it is a file" in refused(capsys, ["evaluate", str(place / "fresh.csv")])
    assert "with --resume" in refused(capsys, ["evaluate", str(tmp_path / "stopped")])
