"""Baselines from elsewhere stand beside the model's scores, on the same windows."""

import json
from pathlib import Path

import numpy as np
import pytest

import tidegate as tg
from tests.tasks.forecast.models import plain, quick
from tidegate.core.errors import ConfigError
from tidegate.evaluate.forecast.foreign import foreign_methods
from tidegate.tasks.forecast import evaluate


def last(past: np.ndarray, horizon: int) -> np.ndarray:
    return np.repeat(past[-1], horizon)


def test_a_function_is_judged_by_the_same_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = quick().fit(plain(), baselines={"mine": last}, out=tmp_path / "run", progress=False)
    stored = json.loads((tmp_path / "run" / "metrics.json").read_text())["test"]["overall"]
    assert stored["mine"]["mae"] == pytest.approx(stored["repeat_last"]["mae"])
    found = model.evaluate(baselines=[last, "ridge"])
    assert found.overall["last"]["mae"] == pytest.approx(found.overall["repeat_last"]["mae"])
    whole = model.evaluate()
    assert "last" not in whole.overall
    assert found.overall["model"] == whole.overall["model"]
    rows = plain()
    loaded = tg.load(tmp_path / "run").evaluate(rows, baselines=[last])
    assert loaded.overall["last"]["mae"] == pytest.approx(loaded.overall["repeat_last"]["mae"])
    monkeypatch.setattr(evaluate, "MOST", 5)
    few = model.evaluate(baselines=[last])
    assert few.origins == 5
    assert [note.values["count"] for note in few.notes if note.kind == "foreign"] == [5]


def test_a_folder_gives_a_function(tmp_path: Path) -> None:
    code = "def load(folder):\n    shift = float((folder / 'shift').read_text())\n"
    (tmp_path / "forecast.py").write_text(code + "    return lambda past, horizon: [past[-1] + shift] * horizon\n")
    (tmp_path / "shift").write_text("0")
    table = tg.read(plain())
    methods = foreign_methods([f"own={tmp_path}"], table, 3, 1)
    y = table.columns[table.schema.targets[0]]
    assert methods["own"](np.array([10]))[0, :, 0].tolist() == pytest.approx([float(y[9])] * 3)
    (tmp_path / "forecast.py").write_text("def load(folder):\n    import no_such_package\n")
    with pytest.raises(ConfigError, match="no_such_package"):
        foreign_methods([f"own={tmp_path}"], table, 3, 1)
    (tmp_path / "forecast.py").write_text("def load(folder):\n    return 1\n")
    with pytest.raises(ConfigError, match="no function"):
        foreign_methods([f"own={tmp_path}"], table, 3, 1)


def test_a_folder_without_code_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"has no forecast\.py"):
        quick().fit(plain(), baselines=[f"tirex={tmp_path}"])


def test_an_unknown_one_is_refused_before_anything_is_trained() -> None:
    with pytest.raises(ConfigError, match="no baseline 'prophet'"):
        quick().fit(plain(), baselines=["prophet"])
