"""Writes are whole or not at all, and delete nothing that was not written here."""

import multiprocessing
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tidegate as tg
from tests.tasks.forecast.models import fitted_plain
from tidegate.artifacts import toml
from tidegate.artifacts.atomic import check_writable, existing_folder, hold_run, write_file, write_folder
from tidegate.core.errors import ConfigError, OutputError

OLD, NEW = {"a": b"old", "b": b"old"}, {"a": b"new", "b": b"new"}


def read(folder: Path) -> dict[str, bytes]:
    return {entry.name: entry.read_bytes() for entry in folder.iterdir()}


def test_a_folder_is_replaced_whole(tmp_path: Path) -> None:
    write_folder(tmp_path / "deep" / "x", OLD)
    write_folder(tmp_path / "deep" / "x", NEW)
    assert read(tmp_path / "deep" / "x") == NEW
    assert os.listdir(tmp_path / "deep") == ["x"]


def fail_after(monkeypatch: pytest.MonkeyPatch, name: str, calls: int, error: BaseException) -> None:
    """Let a function of os fail once it was called so often."""
    real, left = getattr(os, name), [calls]

    def failing(*arguments: Any, **named: Any) -> Any:
        left[0] -= 1
        if left[0] == 0:
            raise error
        return real(*arguments, **named)

    monkeypatch.setattr(os, name, failing)


FULL = OSError(28, "No space left on device")


@pytest.mark.parametrize(("name", "calls"), [("fsync", 1), ("fsync", 2), ("fsync", 3), ("replace", 1), ("replace", 2)])
def test_a_full_disk_leaves_the_old_folder(
    name: str, calls: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_folder(tmp_path / "x", OLD)
    with monkeypatch.context() as patch:
        fail_after(patch, name, calls, FULL)
        with pytest.raises(OutputError, match=r"No space left on device.*has room"):
            write_folder(tmp_path / "x", NEW)
    assert read(tmp_path / "x") == OLD
    assert os.listdir(tmp_path) == ["x"]


@pytest.mark.parametrize("calls", [1, 2, 3])
def test_an_interrupt_leaves_the_old_folder(calls: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_folder(tmp_path / "x", OLD)
    with monkeypatch.context() as patch:
        fail_after(patch, "fsync", calls, KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            write_folder(tmp_path / "x", NEW)
    assert read(tmp_path / "x") == OLD
    assert os.listdir(tmp_path) == ["x"]


@pytest.mark.parametrize("name", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_file(tmp_path / "x.csv", b"old")
    with monkeypatch.context() as patch:
        fail_after(patch, name, 1, FULL)
        with pytest.raises(OutputError, match="No space left on device"):
            write_file(tmp_path / "x.csv", b"new")
    assert read(tmp_path) == {"x.csv": b"old"}


def test_a_write_cut_between_its_renames_is_found_again(tmp_path: Path) -> None:
    fitted_plain().save(tmp_path / "run" / "model")
    (tmp_path / "run" / "model").rename(tmp_path / "run" / "model.old")
    assert existing_folder(tmp_path / "run" / "model").name == "model.old"
    expected = fitted_plain().predict()["mean"].to_numpy()
    for place in (tmp_path / "run", tmp_path / "run" / "model"):
        np.testing.assert_allclose(tg.load(place).predict()["mean"].to_numpy(), expected, rtol=1e-5)
    fitted_plain().save(tmp_path / "run" / "model")
    assert os.listdir(tmp_path / "run") == ["model"]


def test_saving_over_other_files_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(OutputError, match=r"holds thesis\.tex, which would be lost"):
        fitted_plain().save(tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OutputError, match="would be lost"):
        fitted_plain().save(".")
    with pytest.raises(OutputError, match="is a file"):
        fitted_plain().save(tmp_path / "thesis.tex")
    assert read(tmp_path) == {"thesis.tex": b"years of work"}
    assert not [name for name in os.listdir(tmp_path.parent) if name.startswith(f".{tmp_path.name}")]


def test_a_model_is_saved_over_a_model(tmp_path: Path) -> None:
    fitted_plain().save(tmp_path / "model")
    fitted_plain().save(tmp_path / "model")
    assert len(tg.load(tmp_path / "model").predict()) == 6


def test_a_place_below_a_file_cannot_be_written(tmp_path: Path) -> None:
    """Holds for root as well, who may write anywhere else."""
    (tmp_path / "file").write_text("x")
    for write in (
        lambda: write_file(tmp_path / "file" / "x", b""),
        lambda: write_folder(tmp_path / "file" / "x", NEW),
        lambda: check_writable(tmp_path / "file" / "x" / "y"),
        lambda: fitted_plain().save(tmp_path / "file" / "model"),
    ):
        with pytest.raises(OutputError, match=r"cannot write .*choose a folder that can be written"):
            write()
    assert read(tmp_path) == {"file": b"x"}


def test_finding_out_whether_a_folder_can_be_written_leaves_nothing(tmp_path: Path) -> None:
    check_writable(tmp_path / "a" / "b")
    assert os.listdir(tmp_path) == []
    (tmp_path / "c").mkdir()
    check_writable(tmp_path / "c")
    assert os.listdir(tmp_path) == ["c"]


def test_toml_is_read_back_by_the_standard_library() -> None:
    tomllib = pytest.importorskip("tomllib")
    state = {
        "data": {"file": 'C:\\x\n"é\u7f8e\x7f\t', "columns": ["a", "b"], "empty": [], "on": True},
        "model": {"rate": 1e-3, "whole": 3, "none": None, "group": {"x": 1.5, "odd key": "v", "": 2}},
        "list": [[1, 2], ["x"]],
        "nothing": {},
    }
    expected = {**state, "model": {k: v for k, v in state["model"].items() if k != "none"}}
    assert tomllib.loads(toml.dumps(state)) == expected


TABLE = {"time": np.datetime64("2024-01-01T00") + np.arange(120).astype("timedelta64[h]"), "y": np.arange(120.0) % 12}


def hold(folder: Path, ready: Any) -> None:
    with hold_run(folder):
        ready.set()
        time.sleep(60)


def detector(**changes: Any) -> Any:
    return tg.AnomalyDetector(**{"window": 8, "hidden_size": 4, "max_epochs": 1, **changes})


def test_a_second_training_into_a_folder_is_refused_until_the_first_ends(tmp_path: Path) -> None:
    run = tmp_path / "run"
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    first = context.Process(target=hold, args=(run, ready))
    first.start()
    try:
        assert ready.wait(60)
        with pytest.raises(OutputError, match="another process writes into"):
            detector().fit(TABLE, time="time", target="y", out=run, progress=False)
        assert [entry.name for entry in run.iterdir()] == [".lock"]
    finally:
        assert first.pid is not None
        os.kill(first.pid, signal.SIGKILL)
        first.join()
    with hold_run(run):  # the lock of a killed process is nobody's
        pass


def test_two_threads_exclude_each_other_too(tmp_path: Path) -> None:
    inside, leave, found = threading.Event(), threading.Event(), []

    def first() -> None:
        with hold_run(tmp_path):
            inside.set()
            leave.wait(20)

    thread = threading.Thread(target=first)
    thread.start()
    assert inside.wait(20)
    try:
        with hold_run(tmp_path):
            found.append("both")
    except OutputError as error:
        found.append(str(error))
    leave.set()
    thread.join()
    assert "at this moment" in found[0]
    with hold_run(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_what_killed_writes_left_is_swept_and_nothing_else(tmp_path: Path) -> None:
    run = tmp_path / "run"
    (run / "checkpoints" / ".last.0123abcd.tmp").mkdir(parents=True)
    (run / "checkpoints" / ".last.0123abcd.tmp" / "state.json").write_text("{")
    (run / ".metrics.json.89abcdef.tmp").write_text("half")
    (run / ".probe-01234567").write_text("")
    kept = [run / "notes.tmp", run / ".mine.tmp", run / "checkpoints" / "last", run / ".metrics.json.wxyz1234.tmp"]
    for path in kept:
        path.write_text("mine")
    with hold_run(run):
        assert sorted(path for path in run.rglob("*") if path.is_file()) == sorted([*kept, run / ".lock"])
    assert sorted(path for path in run.rglob("*") if path.is_file()) == sorted(kept)


def test_a_fit_that_fails_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        detector(window=-3).fit(TABLE, time="time", target="y", out=tmp_path / "a" / "run", progress=False)
    with pytest.raises(tg.TidegateError):
        detector().fit(TABLE, time="time", target="nothing", out=tmp_path / "a" / "run", progress=False)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("mine")
    with pytest.raises(OutputError, match="cannot write"), hold_run(tmp_path / "run"):
        pass
