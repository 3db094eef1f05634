"""Checkpoints: killed and resumed is the same as never stopped; what does not belong is refused."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load, save

from tests.train.toy import OPTIONS, Interrupt, Script, equal, figures, fit
from tidegate.core.errors import ArtifactError, ConfigError, OutputError
from tidegate.train.checkpoint import Checkpoint
from tidegate.train.options import TrainOptions

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def fast_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """No waiting for the disk."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


def test_killed_and_resumed_ends_in_the_same_weights(tmp_path: Path) -> None:
    after = 15
    path = os.pathsep.join([str(ROOT), str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-m", "tests.train.toy", "adam", str(tmp_path / "last"), str(after)],
        check=False,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": path},
        cwd=ROOT,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    options = TrainOptions(**{**OPTIONS, "optimizer": "adam", "average": 0.9})
    state = json.loads((tmp_path / "last" / "state.json").read_text())["state"]
    assert (state["epoch"], state["step"]) == ((after - 1) // 6 + 1, (after - 1) % 6)
    resumed = fit(options, tmp_path / "last", resume=True)
    whole = fit(options)
    assert equal(resumed[0], whole[0])
    assert figures(resumed[1]) == figures(whole[1])


@pytest.mark.parametrize("after", [1, 6, 7, 15, 30])
@pytest.mark.parametrize("changes", [{}, {"optimizer": "sgd", "schedule": "one_cycle"}, {"average": 0.9}])
@pytest.mark.usefixtures("fast_disk")
def test_interrupted_anywhere_and_resumed_ends_in_the_same_weights(
    after: int, changes: dict[str, Any], tmp_path: Path
) -> None:
    options = TrainOptions(**{**OPTIONS, **changes})
    with pytest.raises(KeyboardInterrupt):
        fit(options, tmp_path / "last", seconds=-1.0, progress=Interrupt(after, kill=False))
    resumed, whole = fit(options, tmp_path / "last", resume=True), fit(options)
    assert equal(resumed[0], whole[0])
    assert figures(resumed[1]) == figures(whole[1])


@pytest.mark.usefixtures("fast_disk")
def test_early_stopping_goes_on_from_where_it_was(tmp_path: Path) -> None:
    options = TrainOptions(**{**OPTIONS, "patience": 2, "max_epochs": 9, "min_delta": 0.1})
    losses = [5, 4, 3.95, 3.99, 1, 1]
    with pytest.raises(KeyboardInterrupt):
        fit(options, tmp_path / "last", validate=Script(losses), progress=Interrupt(20, kill=False))
    script = Script(losses[3:])
    _, history = fit(options, tmp_path / "last", validate=script, resume=True)
    assert (history.stopped, len(history)) == ("patience", 4)


@pytest.mark.usefixtures("fast_disk")
def test_a_finished_training_is_not_trained_again(tmp_path: Path) -> None:
    options = TrainOptions(**OPTIONS)
    whole, history = fit(options, tmp_path / "last")
    again, same = fit(options, tmp_path / "last", validate=Script([]), resume=True)
    assert equal(whole, again)
    assert figures(same) == figures(history)


@pytest.mark.usefixtures("fast_disk")
def test_saves_are_apart_in_time_and_one_is_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saves: list[int] = []
    save = Checkpoint.save
    monkeypatch.setattr(Checkpoint, "save", lambda self, state, tensors: saves.append(1) or save(self, state, tensors))
    fit(TrainOptions(**OPTIONS), tmp_path / "last", seconds=3600.0)
    assert len(saves) == 1  # not one an epoch: a small file would spend its training on them


@pytest.mark.usefixtures("fast_disk")
def test_without_resume_training_starts_again(tmp_path: Path) -> None:
    options = TrainOptions(**OPTIONS)
    whole, _ = fit(options, tmp_path / "last")
    again, history = fit(options, tmp_path / "last")
    assert equal(whole, again)
    assert len(history) == 5


@pytest.mark.usefixtures("fast_disk")
def test_nothing_to_resume_from_is_a_start(tmp_path: Path) -> None:
    assert equal(fit(TrainOptions(**OPTIONS), tmp_path / "last", resume=True)[0], fit(TrainOptions(**OPTIONS))[0])


def test_a_checkpoint_of_other_options_is_refused(tmp_path: Path) -> None:
    options = TrainOptions(**OPTIONS)
    fit(options, tmp_path / "last")
    with pytest.raises(ConfigError, match=r"made with other data or options; resume with the same ones, or delete"):
        fit(replace(options, learning_rate=0.5), tmp_path / "last", resume=True)


def damage(folder: Path, kind: str) -> None:
    state, tensors = folder / "state.json", folder / "tensors.safetensors"
    content, record = tensors.read_bytes(), json.loads(state.read_text())
    if kind == "truncated":
        tensors.write_bytes(content[:-7])
    elif kind == "changed byte":
        tensors.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    elif kind == "no tensors":
        tensors.unlink()
    elif kind == "no state":
        state.unlink()
    elif kind == "half a state":
        state.write_text(state.read_text()[:40])
    elif kind == "a list":
        state.write_text("[1]")
    elif kind == "newer":
        state.write_text(json.dumps({**record, "format": 99}))
    else:
        state.write_bytes(b"\xff\xfe\x00")


@pytest.mark.parametrize(
    "kind", ["truncated", "changed byte", "no tensors", "no state", "half a state", "a list", "newer", "not text"]
)
def test_a_damaged_checkpoint_is_refused(kind: str, tmp_path: Path) -> None:
    options = TrainOptions(**{**OPTIONS, "max_epochs": 1})
    fit(options, tmp_path / "last")
    damage(tmp_path / "last", kind)
    with pytest.raises(ArtifactError, match="delete it to start again"):
        fit(options, tmp_path / "last", resume=True)


def test_a_full_disk_stops_with_the_old_state_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = Checkpoint(tmp_path / "last", "same")
    checkpoint.save({"epoch": 1}, {})

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OutputError, match="No space left on device"):
            checkpoint.save({"epoch": 2}, {})
    found = checkpoint.load()
    assert found is not None
    assert found[0] == {"epoch": 1}
    assert [entry.name for entry in tmp_path.iterdir()] == ["last"]


def resigned(folder: Path, edit: Any) -> None:
    """Change a checkpoint as somebody would who knows the format: its checksum is right again."""
    record = json.loads((folder / "state.json").read_text())
    tensors = load((folder / "tensors.safetensors").read_bytes())
    edit(record["state"], tensors)
    content = save(tensors)
    record["sha256"] = hashlib.sha256(content).hexdigest()
    (folder / "tensors.safetensors").write_bytes(content)
    (folder / "state.json").write_text(json.dumps(record))


def cut(name: str) -> Any:
    return lambda state, tensors: tensors.update({name: tensors[name].reshape(-1)[:1].clone()})


DAMAGES: dict[str, Any] = {
    "no epoch": lambda state, tensors: state.pop("epoch"),
    "no history": lambda state, tensors: state.pop("history"),
    "a history that is none": lambda state, tensors: state.update(history=[{"epoch": "x"}]),
    "an epoch that is text": lambda state, tensors: state.update(epoch="1"),
    "a negative step": lambda state, tensors: state.update(step=-4),
    "a sum that is none": lambda state, tensors: state.update(sum=None),
    "a plateau with another key": lambda state, tensors: state["plateau"].update(other=1),
    "gradients of two": lambda state, tensors: state.update(gradients=[1, 2]),
    "no generator": lambda state, tensors: tensors.pop("generator"),
    "half a generator": cut("generator"),
    "no weight": lambda state, tensors: tensors.pop("network.0.weight"),
    "a weight of another shape": cut("network.0.weight"),
    "a best weight of another shape": cut("best.0.weight"),
    "no best weight": lambda state, tensors: tensors.pop("best.0.weight"),
    "moments of another shape": cut("optimizer.0.exp_avg"),
    "moments of a stranger": lambda state, tensors: tensors.update({"optimizer.99.exp_avg": torch.ones(2, 2)}),
    "squares of another shape": cut("squares"),
}


@pytest.mark.parametrize("name", DAMAGES)
@pytest.mark.usefixtures("fast_disk")
def test_a_damaged_checkpoint_is_refused_though_its_checksum_is_right(name: str, tmp_path: Path) -> None:
    options = TrainOptions(**OPTIONS)
    with pytest.raises(KeyboardInterrupt):
        fit(options, tmp_path / "last", seconds=-1.0, progress=Interrupt(9, kill=False))
    resigned(tmp_path / "last", DAMAGES[name])
    with pytest.raises(ArtifactError, match="delete it to start again"):
        fit(options, tmp_path / "last", resume=True)


@pytest.mark.usefixtures("fast_disk")
def test_a_checkpoint_nested_too_deeply_is_refused(tmp_path: Path) -> None:
    fit(TrainOptions(**OPTIONS), tmp_path / "last")
    (tmp_path / "last" / "state.json").write_text('{"state":' * 50_000 + "1" + "}" * 50_000)
    with pytest.raises(ArtifactError, match="cannot be read"):
        fit(TrainOptions(**OPTIONS), tmp_path / "last", resume=True)
