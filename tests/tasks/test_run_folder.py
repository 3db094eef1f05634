"""A run does not take the place of another unasked, and takes nothing away that is not a run's."""

from __future__ import annotations

from pathlib import Path

import pytest

import tidegate as tg
from tests.tasks.forecast.models import plain, quick
from tidegate.cli.main import main
from tidegate.core.errors import OutputError
from tidegate.tasks.run import OURS


def test_a_folder_that_holds_a_run_is_refused_and_replaced_only_where_that_is_asked(tmp_path: Path) -> None:
    out, data = tmp_path / "run", plain(200)
    quick().fit(data, out=out, progress=False)
    (out / "report.html").write_text("of the old model")
    (out / "notes.txt").write_text("mine")
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    with pytest.raises(OutputError, match=r"holds a run already.*--overwrite.*--resume"):
        quick(seed=1).fit(data, out=out, progress=False)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    model = quick(seed=1).fit(data, out=out, overwrite=True, progress=False)
    assert not (out / "report.html").exists()
    assert (out / "notes.txt").read_text() == "mine"
    assert tg.load(out).get_params()["seed"] == model.seed == 1
    left = {path.name for path in out.iterdir()}
    assert left <= {*OURS, "model", "checkpoints", "notes.txt"}


def test_the_command_line_refuses_before_it_reads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "run" / "model").mkdir(parents=True)
    (tmp_path / "table.csv").write_text("time,y\n" + "".join(f"2024-01-{day:02},{day}\n" for day in range(1, 29)))
    words = ["fit", "forecast", str(tmp_path / "table.csv"), "--out", str(tmp_path / "run"), "-q", "--horizon", "2"]
    assert main(words) == 2
    assert "--overwrite" in capsys.readouterr().err
