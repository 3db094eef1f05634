"""Bad input on the command line: exit code 2, one paragraph on the error stream, nothing half-written."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.tasks.audit.spoiled import CASES, GOOD, Case, write
from tests.tasks.forecast.models import QUICK, fitted_plain, plain, write_csv
from tidegate.cli.commands.fit import folder_for
from tidegate.cli.main import main

FLAGS = {"horizon", "window", "cell", "hidden_size", "num_layers", "seed", "max_epochs"}


def arguments(case: Case, table: Path, out: Path) -> list[str]:
    """The case as a command."""
    words = ["fit", "forecast", str(table), "--out", str(out), "--quiet"]
    for name, value in {**case.columns, **case.parts}.items():
        for item in value if isinstance(value, list) else [value]:
            words += [f"--{name}", str(item)]
    options: dict[str, Any] = {"network": {"anchor": 0}, **QUICK, **case.options}
    for name, value in options.items():
        if name in FLAGS and isinstance(value, (int, str)):
            words += [f"--{name.replace('_', '-')}", str(value)]
        elif isinstance(value, dict):
            for key, item in value.items():
                words += ["--set", f"{name}.{key}={item if isinstance(item, str) else json.dumps(item)}"]
        else:
            words += ["--set", f"{name}={value if isinstance(value, str) else json.dumps(value)}"]
    return words


def refused(capsys: pytest.CaptureFixture[str], words: list[str]) -> str:
    """The error's text of a command that must fail with exit code 2."""
    capsys.readouterr()
    assert main(words) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    lines = captured.err.strip().splitlines()
    assert lines[0].startswith("error: ")
    assert len(lines) == 1, captured.err
    return captured.err


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_refused(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case, out = CASES[name], tmp_path / "run"
    text = refused(capsys, arguments(case, write(case, tmp_path), out))
    if name != "network a number":
        assert re.search(f"(?s){case.says}", text), text
    assert not out.exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--set", "nonsense"], "name=value"),
        (["--set", "nonsense=1"], "Forecaster has no option .nonsense.; it has horizon, window"),
        (["--set", "network.nonsense=1"], "NetworkOptions has no option 'nonsense'"),
        (["--set", "network=5", "--set", "network.head=direct"], "network is not a group"),
        (["--set", "horizon.x=1"], "horizon"),
        (["--learning-rate", "0.1", "--set", "training.learning_rate=0.5"], "learning_rate"),
        (["--set", "learning_rate=NaN"], "learning_rate"),
        (["--set", "=5"], "has no option"),
    ],
)
def test_settings_that_make_no_sense(
    words: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "table.csv").write_text(GOOD)
    text = refused(
        capsys, ["fit", "forecast", str(tmp_path / "table.csv"), "--out", str(tmp_path / "run"), "-q", *words]
    )
    assert re.search(says, text), text
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["fly"],
        ["fit"],
        ["fit", "forecast"],
        ["predict"],
        ["fit", "forecast", "x.csv", "--out", "y", "--horizon", "six"],
    ],
)
def test_bad_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_an_output_folder_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "table.csv").write_text(GOOD)
    (tmp_path / "file").write_text("x")
    words = ["fit", "forecast", str(tmp_path / "table.csv"), "-q", "--horizon", "6", "--window", "12"]
    assert "cannot write" in refused(capsys, [*words, "--out", str(tmp_path / "file" / "run")])
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["file", "table.csv"]
    fitted_plain().save(tmp_path / "model")
    for name in ("file/forecast.csv", "forecast.xlsx"):
        assert str(tmp_path) in refused(capsys, ["predict", str(tmp_path / "model"), "--out", str(tmp_path / name)])
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["file", "model", "table.csv"]


def test_models_that_were_tampered_with(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = fitted_plain().save(tmp_path / "good")
    write_csv(tmp_path / "new.csv", plain(60))

    def spoil(edit: Any) -> str:
        folder = tmp_path / "bad"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(good, folder)
        edit(folder)
        return refused(capsys, ["predict", str(folder), str(tmp_path / "new.csv")])

    def newer(folder: Path) -> None:
        state = json.loads((folder / "model.json").read_text())
        (folder / "model.json").write_text(json.dumps({**state, "format_version": 99}))

    def cut(folder: Path) -> None:
        weights = folder / "weights.safetensors"
        weights.write_bytes(weights.read_bytes()[:-1])

    assert "Upgrade tidegate" in spoil(newer)
    assert "sha256 differs" in spoil(cut)
    assert "is missing" in spoil(lambda folder: (folder / "preparation.json").unlink())
    assert "not JSON" in spoil(lambda folder: (folder / "model.json").write_text("{"))
    assert "there is no model" in refused(capsys, ["predict", str(tmp_path / "nothing")])
    assert "no run here" in refused(capsys, ["evaluate", str(tmp_path / "nothing")])


def test_scores_that_were_tampered_with(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for text in ("{}", '{"test": 5}', '{"test": {}}', "[]", "{", '{"test": {"overall": 3}}'):
        (tmp_path / "metrics.json").write_text(text)
        assert "metrics.json" in refused(capsys, ["evaluate", str(tmp_path)])


def test_predicting_from_bad_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = str(fitted_plain().save(tmp_path / "model"))
    for name in ("missing file", "empty file", "header only", "unsorted", "doubled", "text in a numeric column"):
        case = CASES[name]
        place = tmp_path / "table.csv"
        place.unlink(missing_ok=True)
        text = refused(capsys, ["predict", model, str(write(case, tmp_path))])
        assert re.search(case.says, text), text


def test_a_full_disk_leaves_the_old_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    model = str(fitted_plain().save(tmp_path / "model"))
    out = tmp_path / "forecast.csv"
    out.write_text("old")
    monkeypatch.setattr("os.fsync", full)
    assert "No space left on device" in refused(capsys, ["predict", model, "--out", str(out)])
    assert out.read_text() == "old"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["forecast.csv", "model"]


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    from tidegate.core.errors import ArtifactError

    with pytest.raises(ArtifactError):
        main(["--debug", "predict", str(tmp_path / "nothing")])


def test_an_interrupt_says_how_to_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "table.csv").write_text(GOOD)

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tidegate.tasks.fit.train", interrupted)
    words = ["fit", "forecast", str(tmp_path / "table.csv"), "--out", str(tmp_path / "run"), "-q"]
    assert main([*words, "--horizon", "6", "--window", "12"]) == 130
    assert "--resume" in capsys.readouterr().err


def test_a_path_where_nothing_is_is_refused_before_torch_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "load.csv").write_text("time,y\n")
    code = (
        "import sys\nfrom tidegate.cli.main import main\n"
        "code = main(['fit', 'forecast', 'laod.csv'])\nprint(code, 'torch' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "2 False"
    assert "did you mean 'load.csv'" in found.stderr
    assert list(tmp_path.iterdir()) == [tmp_path / "load.csv"]


def test_a_run_without_a_folder_gets_one_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert folder_for("data/load.csv.gz") == Path("runs/load")
    Path("runs/load").mkdir(parents=True)
    assert folder_for("load.csv") == Path("runs/load-2")
    Path("runs/load-2").mkdir()
    assert folder_for("load.csv") == Path("runs/load-3")
    assert folder_for("load.csv", again=True) == Path("runs/load-2")
