"""The commands: what they print, write and return."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import tidegate as tg
from tests.tasks.forecast.models import QUICK, RICH_COLUMNS, hours, means, plain, rich, rich_future, wave, write_csv
from tidegate.cli.main import main
from tidegate.core.version import VERSION

ROOT = Path(__file__).resolve().parents[2]
SMALL = ["--horizon", "6", "--window", "12", "--hidden-size", "6", "--num-layers", "1", "--max-epochs", "1"]
BRIEF = ["--set", "normalise=none", "--set", "network.anchor=0", "--set", "training.steps_per_epoch=4"]
BRIEF += ["--pretrained", "false", "--set", "training.refit=false"]


def fit(*arguments: object) -> int:
    return main(["fit", "forecast", *map(str, arguments), *SMALL, *BRIEF])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files, and a run that the command made."""
    folder = tmp_path_factory.mktemp("cli")
    write_csv(folder / "plain.csv", plain())
    write_csv(folder / "new.csv", plain(60, seed=3))
    write_csv(folder / "rich.csv", rich())
    write_csv(folder / "future.csv", rich_future())
    code = fit(folder / "plain.csv", "--out", folder / "run", "--level", "80", "--quiet")
    assert code == 0
    return folder


def columns(path: Path) -> list[str]:
    words = []
    for name, value in RICH_COLUMNS.items():
        for item in value if isinstance(value, list) else [value]:
            words += [f"--{name}", item]
    return [str(path), *words]


def test_a_run_has_all_its_files(place: Path) -> None:
    run = place / "run"
    files = {"config.toml", "history.csv", "metrics.json", "predictions.parquet", "findings.json", "report.html"}
    files |= {"model", "checkpoints", "baselines.safetensors"}
    assert {entry.name for entry in run.iterdir()} == files
    assert {entry.name for entry in (run / "model").iterdir()} == {
        "model.json",
        "weights.safetensors",
        "preparation.json",
        "context.safetensors",
    }
    metrics = json.loads((run / "metrics.json").read_text())
    found = pl.read_parquet(run / "predictions.parquet")
    errors = (found["actual"] - found["mean"]).abs()
    assert metrics["test"]["overall"]["model"]["mae"] == pytest.approx(errors.mean(), rel=1e-6)
    assert found.columns == ["series", "cutoff", "time", "step", "target", "actual", "mean", "q0.1", "q0.9"]
    assert found["time"].to_numpy()[0] - found["cutoff"].to_numpy()[0] == np.timedelta64(1, "h")
    assert "<html" in (run / "report.html").read_text()


def test_config_repeats_the_run(place: Path) -> None:
    tomllib = pytest.importorskip("tomllib")
    config = tomllib.loads((place / "run" / "config.toml").read_text())
    assert config["data"]["data"] == str(place / "plain.csv")
    assert config["split"] == {"validation": 0.1, "test": 0.2, "gap": 0}
    again = tg.Forecaster(**config["model"]).variant({"network.normalise": None})  # TOML holds no None
    again.fit(config["data"]["data"], **config["split"], progress=False)
    expected = means(tg.load(place / "run").predict())
    np.testing.assert_allclose(means(again.predict()), expected, rtol=1e-5)


def test_predict_draws_the_forecast(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for kind in ("svg", "html"):
        drawn, rows = tmp_path / f"plot.{kind}", tmp_path / "rows.csv"
        assert main(["predict", str(place / "run"), "--plot", str(drawn), "--out", str(rows)]) == 0
        assert str(drawn) in capsys.readouterr().err
        assert "<svg" in drawn.read_text("utf-8")
        assert rows.exists()
    assert main(["predict", str(place / "run"), "--plot", str(tmp_path / "plot.png")]) == 2
    assert "an .html or .svg file" in capsys.readouterr().err


def test_predict_prints_csv(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", str(place / "run")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "time,mean,q0.1,q0.9"
    expected = tg.load(place / "run").predict()
    printed = np.array([line.split(",")[1:] for line in lines[1:]], dtype=np.float64)
    np.testing.assert_allclose(printed, means(expected), rtol=1e-8)
    assert [line.split(",")[0] for line in lines[1:]] == [str(time) for time in expected["time"]]
    assert main(["predict", str(place / "run" / "model"), str(place / "new.csv")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("2024-01-03 12:00:00,")


@pytest.mark.parametrize("kind", ["csv", "json", "parquet"])
def test_predict_writes_a_file(kind: str, place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "new" / f"forecast.{kind}"
    assert main(["predict", str(place / "run"), "--out", str(out)]) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert f"6 rows in {out}" in captured.err
    if kind == "json":
        rows = json.loads(out.read_text())
        found = pl.DataFrame(rows)
    else:
        found = pl.read_parquet(out) if kind == "parquet" else pl.read_csv(out)
    assert found.columns == ["time", "mean", "q0.1", "q0.9"]
    np.testing.assert_allclose(means(found), means(tg.load(place / "run").predict()), rtol=1e-8)
    assert sorted(os.listdir(out.parent)) == [out.name, f"{out.name}-metadata.json"]


def test_covariates_go_all_the_way(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    assert fit(*columns(place / "rich.csv"), "--timezone", "Europe/Paris", "--out", out, "--json", "--quiet") == 0
    scores = json.loads(capsys.readouterr().out)
    assert scores["overall"]["model"]["mae"] > 0
    assert main(["predict", str(out), "--future", str(place / "future.csv")]) == 0
    lines = capsys.readouterr().out.splitlines()
    expected = tg.load(out).predict(future=place / "future.csv")
    printed = [float(line.split(",")[2]) for line in lines[1:]]
    np.testing.assert_allclose(printed, expected["mean"].to_numpy(), rtol=1e-8)
    assert lines[1].startswith("north,2024-01-17 16:00:00,")
    assert main(["predict", str(out)]) == 2
    assert "is known ahead: give its values for the 6 steps" in capsys.readouterr().err


def test_evaluate_prints_stored_scores_and_scores_of_new_rows(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stored = json.loads((place / "run" / "metrics.json").read_text())["test"]
    assert main(["evaluate", str(place / "run"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["overall"] == stored["overall"]
    assert main(["evaluate", str(place / "run")]) == 0
    text = capsys.readouterr().out
    assert "model" in text
    assert "repeat the last value" in text
    assert main(["evaluate", str(place / "run"), str(place / "new.csv"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    expected = tg.load(place / "run").evaluate(place / "new.csv").overall["model"]["mae"]
    assert found["overall"]["model"]["mae"] == pytest.approx(expected)


def test_json_is_json_even_where_a_score_has_no_value(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = plain(200)
    table["y"] = np.where(np.arange(200) >= 150, 0.0, table["y"])
    write_csv(tmp_path / "zeros.csv", table)
    assert fit(tmp_path / "zeros.csv", "--out", tmp_path / "run", "--json", "--quiet") == 0
    found = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert found["overall"]["model"]["mape"] is None
    assert main(["evaluate", str(tmp_path / "run"), "--json"]) == 0
    json.loads(capsys.readouterr().out, parse_constant=pytest.fail)


def test_settings_reach_the_model(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--set", "network.head=direct", "--set", "loss=huber", "--set", "quantiles=[0.1, 0.9]"]
    assert fit(place / "plain.csv", "--out", tmp_path / "run", "--quiet", *arguments) == 0
    record = json.loads((tmp_path / "run" / "model" / "model.json").read_text())
    assert record["network"]["layers"][-1]["kind"] == "head"
    assert record["decoding"]["quantiles"] == [0.1, 0.9]
    assert record["config"]["loss"] == "huber"


def test_the_encoder_and_its_attention_are_chosen_by_name(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--encoder", "transformer", "--attention", "dot", "--set", "network.num_heads=2"]
    assert fit(place / "plain.csv", "--out", tmp_path / "run", "--quiet", *arguments) == 0
    layers = json.loads((tmp_path / "run" / "model" / "model.json").read_text())["network"]["layers"]
    assert [layer["kind"] for layer in layers] == ["transformer", "pool", "decoder"]
    assert layers[-1]["attention"] == "dot"
    assert fit(place / "plain.csv", "--out", tmp_path / "no", "--attention", "hard") == 2
    assert "attention is one of None, 'additive'" in capsys.readouterr().err


def test_a_run_goes_on_with_resume(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A training that ended between its last epoch and the writing of the run."""
    given = [place / "plain.csv", "--out", tmp_path / "run", "--quiet"]
    assert fit(*given) == 0
    first = (tmp_path / "run" / "model" / "weights.safetensors").read_bytes()
    (tmp_path / "run" / "model" / "model.json").unlink()
    assert fit(*given, "--resume") == 0
    assert (tmp_path / "run" / "model" / "weights.safetensors").read_bytes() == first
    capsys.readouterr()
    assert fit(*given, "--resume", "--seed", "1") == 2
    assert "other data or options" in capsys.readouterr().err
    assert fit(*given, "--seed", "1") == 2
    assert "--overwrite" in capsys.readouterr().err
    assert fit(*given, "--seed", "1", "--overwrite") == 0
    assert (tmp_path / "run" / "model" / "weights.safetensors").read_bytes() != first


def test_the_command_in_the_report_repeats_the_run(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, Any] = {}
    monkeypatch.setattr("tidegate.report.training.report_run", lambda path, *_, **named: seen.update(named))
    arguments = ["--level", "50", "--level", "80", "--gap", "3", "--set", "dropout=0", "--set", "loss=mse"]
    assert fit(place / "plain.csv", "--out", tmp_path / "one", "--validation", "50", *arguments) == 0
    one = (tmp_path / "one" / "model" / "weights.safetensors").read_bytes()
    words = shlex.split(seen["command"])
    assert words[0] == "tidegate"
    words[words.index(str(tmp_path / "one"))] = str(tmp_path / "two")
    snippet = seen["snippet"]
    assert main(words[1:]) == 0
    assert (tmp_path / "two" / "model" / "weights.safetensors").read_bytes() == one
    space: dict[str, Any] = {}
    exec(snippet.replace("print(model.evaluate())", "model.save(folder)"), {"folder": tmp_path / "three"}, space)
    assert (tmp_path / "three" / "weights.safetensors").read_bytes() == one


def test_a_run_without_a_test_part(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fit(place / "plain.csv", "--out", tmp_path / "run", "--test", "0") == 0
    assert "nothing was judged" in capsys.readouterr().err
    assert not (tmp_path / "run" / "predictions.parquet").exists()
    assert main(["evaluate", str(tmp_path / "run")]) == 2
    assert "holds no scores" in capsys.readouterr().err


def test_a_wide_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_csv(tmp_path / "wide.csv", {"time": hours(200), "a": wave(200), "b": wave(200, seed=1)})
    assert fit(tmp_path / "wide.csv", "--wide", "--out", tmp_path / "run", "--quiet") == 0
    capsys.readouterr()
    assert main(["predict", str(tmp_path / "run"), str(tmp_path / "wide.csv")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines[1:]] == ["a"] * 6 + ["b"] * 6


def test_info_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["tidegate"] == VERSION
    assert found["installed"] == {"torch": True, "polars": True, "holidays": True}
    assert main(["info"]) == 0
    assert VERSION in capsys.readouterr().out
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"tidegate {VERSION}\n"


HELPS = [[], ["demo"], ["fit"], ["fit", "forecast"], ["predict"], ["evaluate"], ["info"]]


def test_help_reads_in_both_languages() -> None:
    code = f"from tidegate.cli.main import run\nfor words in {HELPS!r}: assert run([*words, '--help']) == 0"
    texts = {}
    for language in ("en", "zh_TW"):
        path = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
        environment = {**os.environ, "PYTHONPATH": path, "TIDEGATE_LANG": language, "COLUMNS": "300"}
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment, encoding="utf-8"
        )
        assert done.returncode == 0, done.stderr
        texts[language] = done.stdout
    assert "Any other option as name=value" in texts["en"]
    assert not any("\u4e00" <= letter <= "\u9fff" for letter in texts["en"])
    assert "其他選項，寫成 name=value" in texts["zh_TW"]
    assert "預測一條或多條序列接下來的數值" in texts["zh_TW"]
    left = [line for line in texts["zh_TW"].splitlines() if line.count(" ") > 8 and line.isascii() and "  --" in line]
    assert left == []


def test_messages_follow_the_language(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIDEGATE_LANG", "zh_TW")
    assert main(["predict", str(tmp_path / "none")]) == 2
    assert re.match("錯誤: .*沒有模型", capsys.readouterr().err)
    assert main(["evaluate", str(place / "run")]) == 0
    assert "沿用最後一個值" in capsys.readouterr().out


@pytest.mark.slow
def test_the_demo(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--out", str(tmp_path / "demo"), "--max-epochs", "1", "--json", "--quiet"]) == 0
    assert json.loads(capsys.readouterr().out)["overall"]["model"]["mae"] < 400
    assert (tmp_path / "demo" / "report.html").exists()


def test_the_small_options_are_those_of_the_library() -> None:
    assert (QUICK["horizon"], QUICK["window"]) == (6, 12)


def test_explain_writes_a_page_and_says_it_in_words(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = str(place / "run")
    assert main(["explain", run]) == 0
    found = capsys.readouterr()
    assert "The model expects" in found.out
    assert "explanation.html" in found.err
    assert (place / "run" / "explanation.html").read_text("utf-8").startswith("<!DOCTYPE html>")
    page = place / "page.html"
    arguments = ["--at", "2024-01-10T06:00", "--data", str(place / "plain.csv"), "--unit", "MW", "-o", str(page)]
    assert main(["explain", run, *arguments]) == 0
    assert "10 Jan 2024 06:00" in page.read_text("utf-8")
    assert main(["explain", run, "--at", "2024-01-10T06:00"]) == 0  # the run says which file it was trained on
    assert "What came is known by now" in capsys.readouterr().out
    assert main(["explain", str(place / "run" / "model"), "--at", "2024-01-10T06:00"]) == 2
    assert "--data names a file" in capsys.readouterr().err
    assert main(["explain", str(place / "run" / "model")]) == 0
    assert not list((place / "run" / "model").glob("*.html"))  # a model's folder holds the model alone


def test_a_run_remembers_the_unit_for_its_explanations(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fit = ["fit", "forecast", str(place / "plain.csv"), "--out", str(place / "unit"), "--unit", "GWh", "--quiet"]
    assert main([*fit, *SMALL, *BRIEF]) == 0
    for folder in (place / "unit", place / "unit" / "model"):
        capsys.readouterr()
        assert main(["explain", str(folder)]) == 0
        assert re.search(r"The model expects [\d.,−]+ GWh on average", capsys.readouterr().out)
    assert "GWh" in (place / "unit" / "explanation.html").read_text("utf-8")
    assert main(["explain", str(place / "unit"), "--unit", "TJ"]) == 0
    assert "TJ on average" in capsys.readouterr().out
    assert main(["diagnose", str(place / "unit"), "--json"]) == 0  # the run can still be taken up again


def test_backtest_prints_scores_writes_folds_and_goes_on(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["backtest", str(place / "plain.csv"), "--out", str(place / "folds"), "--folds", "2", "--json"]
    assert main([*arguments, "--no-ridge", "--level", "80", *SMALL, *BRIEF]) == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found["scores"]["per_fold"]["model"]["mae"]) == 2
    written = pl.read_csv(place / "folds" / "fold-002.csv")
    assert written.columns == [
        "series",
        "cutoff",
        "time",
        "step",
        "method",
        "prediction",
        "q0.1",
        "q0.9",
        "actual",
        "fold",
    ]
    own = written.filter(pl.col("method") == "model")
    error = float((own["prediction"] - own["actual"]).abs().mean())
    assert found["scores"]["per_fold"]["model"]["mae"][1] == pytest.approx(error, rel=1e-6)
    assert "<svg" in (place / "folds" / "report.html").read_text()
    before = (place / "folds" / "fold-001" / "forecasts.npy").stat().st_mtime_ns
    assert main([*arguments, "--no-ridge", "--level", "80", *SMALL, *BRIEF]) == 0
    assert (place / "folds" / "fold-001" / "forecasts.npy").stat().st_mtime_ns == before


def test_audit_passes_and_fails_with_an_exit_code(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", str(place / "plain.csv"), *SMALL, *BRIEF]) == 0
    assert capsys.readouterr().out.startswith("No leak")
    table = plain()
    write_csv(place / "copied.csv", {**table, "plan": np.roll(table["y"], -1)})
    code = main(["audit", str(place / "copied.csv"), "--target", "y", "--known", "plan", "--json", *SMALL, *BRIEF])
    assert code == 1
    assert json.loads(capsys.readouterr().out)["findings"][0]["values"]["column"] == "plan"


@pytest.mark.parametrize(("lang", "words"), [("en", "nominal %"), ("zh_TW", "名目涵蓋率 %")])
def test_intervals_are_those_that_evaluate_scores(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, lang: str, words: str
) -> None:
    monkeypatch.setenv("TIDEGATE_LANG", lang)
    out = place / f"intervals-{lang}.csv"
    assert main(["intervals", str(place / "run"), "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert words in printed
    scored = json.loads((place / "run" / "metrics.json").read_text())["test"]["coverage"]
    frame = pl.read_csv(out)
    inside = ((frame["actual"] >= frame["low_split"]) & (frame["actual"] <= frame["high_split"])).mean()
    assert inside == pytest.approx(
        next(iter(scored.values() if isinstance(scored, dict) else [scored[0][1]])), abs=1e-9
    )
    assert f"{100 * inside:.1f}" in printed
    assert frame.columns[:4] == ["cutoff", "time", "step", "actual"]
    assert main(["intervals", str(place / "run"), "--level", "50", "--level", "90", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [item["level"] for item in found] == [0.5, 0.9]
    assert set(found[0]["methods"]) == {"split", "adaptive"}


def test_intervals_refuse_what_cannot_be_written(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["intervals", str(place / "run"), "--out", "a.txt"]) == 2
    assert main(["intervals", str(place / "run"), "--out", "a.csv", "--level", "50", "--level", "80"]) == 2
    assert "give --level once" in capsys.readouterr().err


def test_an_audit_goes_into_the_run_and_its_report(place: Path, tmp_path: Path) -> None:
    assert fit(place / "plain.csv", "--out", tmp_path / "run", "--audit", "--quiet") == 0
    assert json.loads((tmp_path / "run" / "audit.json").read_text())["passed"] is True
    page = (tmp_path / "run" / "report.html").read_text()
    assert 'id="audit"' in page
    assert "--audit" in page
