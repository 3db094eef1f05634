"""Two trainings into one folder: the second is told so; what a killed one left half written is swept away."""

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
from tidegate.artifacts.runlock import hold_run
from tidegate.core.errors import ConfigError, OutputError

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
