"""`tidegate forecast`: columns out, the verdict beside them, and neither torch nor a dataframe library needed."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest

from tests.runtime.test_without_torch import bare
from tidegate.cli.main import main


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("zero") / "sales.csv"
    rng = np.random.default_rng(0)
    rows = [f"{np.datetime64('2020-01-01') + i},{50 + 8 * (i % 7 == 6) + rng.normal():.3f}" for i in range(120)]
    place.write_text("date,sales\n" + "\n".join(rows) + "\n")
    return place


def test_it_prints_columns_and_the_verdict(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["forecast", str(file), "--horizon", "7"]) == 0
    out, err = capsys.readouterr()
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["date"] for row in rows] == ["2020-04-30", *(f"2020-05-0{day}" for day in range(1, 7))]
    assert "Checked on the last 35 rows (5 origins of 7 rows, 1 series)" in err
    assert float(rows[0]["q0.1"]) < float(rows[0]["mean"]) < float(rows[0]["q0.9"])
    means = [float(row["mean"]) for row in rows]
    assert max(means) - np.median(means) > 4  # the seventh day


def test_it_writes_a_file_and_prints_the_scores(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "ahead.json"
    assert main(["forecast", str(file), "--horizon", "3", "--out", str(out), "--json", "--quiet"]) == 0
    assert len(json.loads(out.read_text("utf-8"))) == 3
    printed = json.loads(capsys.readouterr().out)
    assert printed["check"]["scores"]["pretrained"] > 0
    assert printed["version"]


def test_it_takes_the_options_of_how_a_file_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "commas.csv"
    place.write_text("\n".join(["day;sales", *(f"{1 + i}.01.2024;{i % 5},5" for i in range(30))]) + "\n")
    assert main(["forecast", str(place), "--horizon", "2", "--decimal", ",", "--delimiter", ";", "--quiet"]) == 0
    assert [float(line.split(",")[1]) for line in capsys.readouterr().out.splitlines()[1:]] == pytest.approx(
        [0.5, 1.5], abs=0.1
    )


def test_a_mistake_is_one_paragraph(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["forecast", str(file), "--horizon", "0"]) == 2
    assert "horizon is 0" in capsys.readouterr().err


def test_it_needs_neither_torch_nor_a_dataframe_library(file: Path) -> None:
    code = f"""
import tidegate as tg
from tidegate.cli.main import main
assert main(["forecast", {str(file)!r}, "--horizon", "3", "--quiet"]) == 0
found = tg.forecast({str(file)!r}, horizon=3)
assert "torch" not in sys.modules
print(len(found.frame()["mean"]))
"""
    assert bare(code).strip().endswith("3")
