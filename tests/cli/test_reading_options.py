"""The options that say how a table is written: the same on every command that reads one."""

import csv
from pathlib import Path

import numpy as np
import pytest

from tidegate.artifacts import toml
from tidegate.cli.main import main


def dirty(path: Path, count: int, seed: int = 0) -> Path:
    """A title, a decimal comma that nothing else decides, a word for no value, and years of the Republic of China."""
    rng = np.random.default_rng(seed)
    stamps = np.datetime64("2020-01-01") + np.arange(count)
    values = 2000 + 500 * np.sin(np.arange(count) / 3) + rng.normal(0, 10, count)
    cells = [f"{value / 1000:.3f}".replace(".", ",") for value in values]
    cells[5] = "停機"
    days = [stamp.item() for stamp in stamps]
    rows = [f"{day.year - 1911}/{day:%m/%d};{cell}" for day, cell in zip(days, cells, strict=True)]
    path.write_bytes("\n".join(["報表;2024", "日期;負載", *rows, ""]).encode("cp950"))
    return path


WAYS = ["--encoding", "big5", "--decimal", ",", "--skip-rows", "1", "--na", "停機", "--date-format", "roc"]


def test_a_run_keeps_them_and_new_rows_are_read_alike(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    table, run = dirty(tmp_path / "a.csv", 120), tmp_path / "run"
    words = ["fit", "forecast", str(table), "--out", str(run), "--quiet", "--horizon", "3", "--window", "9"]
    assert main([*words, "--max-epochs", "1", "--hidden-size", "4", *WAYS]) == 0
    kept = toml.loads((run / "config.toml").read_text(encoding="utf-8"))["data"]
    assert {name: kept[name] for name in ("encoding", "decimal", "skip_rows", "na")} == {
        "encoding": "big5",
        "decimal": ",",
        "skip_rows": 1,
        "na": "停機",
    }
    capsys.readouterr()
    assert main(["predict", str(run), str(dirty(tmp_path / "b.csv", 130, 1))]) == 0
    found = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert [row["日期"][:10] for row in found] == ["2020-05-10", "2020-05-11", "2020-05-12"]
    assert all(1 < float(row["mean"]) < 3 for row in found)
    assert main(["diagnose", str(run), "--json"]) == 0
    capsys.readouterr()
    monkeypatch.setenv("TIDEGATE_LANG", "zh_TW")
    assert main(["predict", str(run), str(table), "--na", "--"]) == 2
    assert "若它表示沒有值，請指定 na='停機'（--na）" in capsys.readouterr().err.replace("\n", "")
