"""What a classifier's answers rest on, and what is wrong with it: planted causes must be found."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tidegate as tg
from tests.tasks.label import data
from tidegate.cli.main import main
from tidegate.core.errors import ConfigError, DataError

QUICK: dict[str, Any] = {
    "hidden_size": 12,
    "max_epochs": 30,
    "training": {"patience": 0},
    "batch_size": 16,
    "learning_rate": 1e-2,
}


@pytest.fixture(scope="module")
def waves() -> Any:
    return tg.Classifier(**QUICK).fit(data.waves(80), progress=False)


def test_the_channel_that_tells_is_found_and_the_shares_add_up(waves: Any) -> None:
    answer = waves.explain(data.waves(20, seed=3), at=2)
    found = answer.attributions["feature"]
    names = [group.feature for group in found.groups.all]
    assert names[int(np.argmax(found.size))] == "c0"  # c1 is noise
    assert abs(found.residual[0]) < 1e-4
    assert answer.faithfulness["block"].ratio > 1
    assert set(answer.case.said) == {"slow", "fast"}


def test_the_word_that_tells_is_found() -> None:
    model = tg.Classifier(**{**QUICK, "training": {"patience": 0, "refit": False}}).fit(data.reviews(), progress=False)
    answer = model.explain(["the cast was very dull"], output="bad")
    each = answer.attributions["word"]
    place = int(np.argmax(each.size))
    assert answer.named(each, place) == "dull"
    assert each.mean[place] > 0


def test_what_cannot_be_explained_is_refused(waves: Any) -> None:
    with pytest.raises(DataError, match="neither an id nor a place from 0 to 79"):
        waves.explain(at="nobody")
    with pytest.raises(ConfigError, match="not among fast, slow"):
        waves.explain(output="green")
    with pytest.raises(ConfigError, match="answers for a sequence as a whole"):
        waves.explain(step=3)


def test_a_healthy_classifier_has_no_grave_finding_and_groups_on_both_sides_are_called(waves: Any) -> None:
    assert not [item for item in waves.diagnose() if item.severity == "critical"]
    whole = data.waves(80)
    leaky = replace(whole, groups=np.arange(80) // 4)
    model = tg.Classifier(**{**QUICK, "max_epochs": 2}).fit(leaky, by="stratified", progress=False)
    assert "group_leak" in [item.id for item in model.diagnose()]


def test_a_rare_class_is_called() -> None:
    whole = data.waves(120)
    keep = np.flatnonzero((whole.labels == "slow") | (np.arange(120) % 12 == 1))
    model = tg.Classifier(**{**QUICK, "max_epochs": 2}).fit(whole.take(keep), progress=False)
    assert {"class_imbalance", "few_examples"} & {item.id for item in model.diagnose()}


def test_the_commands_open_a_run_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = data.waves(40)
    lines = ["id,t,c0,c1,kind"]
    for place, (first, end) in enumerate(zip(whole.starts[:-1], whole.starts[1:], strict=True)):
        for step, row in enumerate(whole.values[first:end]):
            lines.append(f"w{place},{step},{row[0]:.5f},{row[1]:.5f},{whole.labels[place]}")
    (tmp_path / "waves.csv").write_text("\n".join(lines))
    command = [
        "fit",
        "classify",
        str(tmp_path / "waves.csv"),
        "--label",
        "kind",
        "--id",
        "id",
        "--time",
        "t",
        "--quiet",
    ]
    small = ["--hidden-size", "6", "--max-epochs", "2", "--set", "network.branch=[]", "--out", str(tmp_path / "run")]
    assert main([*command, *small]) == 0
    capsys.readouterr()
    assert main(["diagnose", str(tmp_path / "run")]) == 0
    assert "Too few units" in capsys.readouterr().out
    assert (tmp_path / "run" / "diagnosis.html").exists()
    assert main(["explain", str(tmp_path / "run"), "--at", "w3"]) == 0
    captured = capsys.readouterr()
    assert "Sequence w3" in captured.out
    assert "Explanation: " in captured.err
    assert "<svg" in (tmp_path / "run" / "explanation.html").read_text("utf-8")
    mend = ["diagnose", str(tmp_path / "run"), "--fix", "--tries", "1", "--out", str(tmp_path / "mended")]
    assert main(mend) == 0
    out, err = capsys.readouterr()
    assert "Training with: Training stopped too early: max_epochs=200" in err
    assert re.search(r"max_epochs=200: validation accuracy 0\.\d+ to", out)
    assert "most frequent class" in out.split("test part, accuracy")[1]
    assert "What was tried" in (tmp_path / "run" / "diagnosis.html").read_text("utf-8")
