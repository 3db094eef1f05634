"""An environment that has neither torch nor any dataframe library: a model loads and predicts there."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.tasks.forecast.models import fitted_plain, fitted_rich, means, plain, quick, rich, rich_future, write_csv

ROOT = Path(__file__).resolve().parents[2]
BARRED = ("torch", "torchdiffeq", "polars", "pandas", "pyarrow", "sklearn", "matplotlib", "scipy", "holidays")
BLOCKER = f"""
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {BARRED!r}:
            raise ImportError(f"{{name}} is not installed here", name=name)
        return None
sys.meta_path.insert(0, Blocker())
"""
LIBRARY = """
import json
import tidegate as tg
model = tg.load({model!r})
found = [model.predict({given}), model.predict({rows!r}, {given})]
assert model.evaluate({rows!r}).overall["model"]["mae"] > 0
numbers = [[list(map(float, item[name])) for name in ("mean", "q0.9")] for item in found]
print(json.dumps([numbers, str(found[0])]))
assert not set({barred!r}) & set(sys.modules)
"""


def bare(code: str, *, fails: bool = False) -> str:
    """Standard output (standard error where it should fail) of code in such an environment."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", BLOCKER + code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "TIDEGATE_LANG": "en"},
    )
    assert done.returncode == (2 if fails else 0), done.stderr
    return done.stderr if fails else done.stdout


def command(*arguments: object) -> str:
    return f"from tidegate.cli.main import run\nsys.exit(run({list(map(str, arguments))!r}))"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Saved models and the files to predict from."""
    place = tmp_path_factory.mktemp("bare")
    fitted_plain().save(place / "plain")
    fitted_rich().save(place / "run" / "model")
    write_csv(place / "plain.csv", plain(60, seed=3))
    write_csv(place / "rows.csv", rich(100))
    write_csv(place / "future.csv", rich_future())
    write_csv(place / "later.csv", rich_future(100))
    return place


def test_the_library_predicts_from_context_and_from_a_file(folder: Path) -> None:
    code = LIBRARY.format(model=str(folder / "plain"), given="", rows=str(folder / "plain.csv"), barred=BARRED)
    found, text = json.loads(bare(code))
    expected = [fitted_plain().predict(), fitted_plain().predict(folder / "plain.csv")]
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours[0], theirs["mean"], rtol=1e-5)
        np.testing.assert_allclose(ours[1], theirs["q0.9"], rtol=1e-5)
    assert text.splitlines()[0] == "time,mean,q0.1,q0.9"
    assert len(text.splitlines()) == 7


def test_the_command_prints_the_same_numbers(folder: Path) -> None:
    for rows, future, arguments in (
        (None, rich_future(), ["--future", folder / "future.csv"]),
        (rich(100), rich_future(100), [folder / "rows.csv", "--future", folder / "later.csv"]),
    ):
        lines = bare(command("predict", folder / "run", *arguments)).splitlines()
        assert lines[0] == "place,time,mean,q0.1,q0.5,q0.9"
        expected = fitted_rich().predict(rows, future=future)
        printed = np.array([line.split(",")[2:] for line in lines[1:]], dtype=np.float64)
        np.testing.assert_allclose(printed, means(expected), rtol=1e-5)
        assert [line.split(",")[0] for line in lines[1:]] == expected["place"].to_list()
        local = [time.strftime("%Y-%m-%d %H:%M:%S") for time in expected["time"]]
        assert [line.split(",")[1] for line in lines[1:]] == local


LAYERS: dict[str, dict[str, Any]] = {
    "attention": {
        "attention": "concat",
        "teacher_forcing": 0.5,
        "conv_channels": [4],
        "self_attention": True,
        "num_heads": 2,
    },
    "transformer": {"encoder": "transformer", "num_heads": 2, "attention": "dot"},
    "ode": {"encoder": "ode_rnn", "attention": "additive", "batch_norm": True},
}


def test_every_layer_around_the_recurrence_predicts_and_shows_its_attention(tmp_path: Path) -> None:
    expected = {}
    for name, network in LAYERS.items():
        model = quick(network=network).fit(plain(220), progress=False)
        model.save(tmp_path / name)
        expected[name] = model.forecast_columns()["mean"]
    code = f"""
import json
import tidegate as tg
found = {{}}
for name in {list(LAYERS)!r}:
    model = tg.load({str(tmp_path)!r} + "/" + name)
    weights = model.attention_weights({{"time": {[str(time) for time in plain(12)["time"]]!r}, "y": list(range(12))}})
    assert abs(sum(weights["weight"]) - 6) < 1e-5
    found[name] = list(map(float, model.forecast_columns()["mean"]))
print(json.dumps(found))
"""
    found = json.loads(bare(code))
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-5)


def test_what_needs_a_library_says_which_extra_brings_it(folder: Path) -> None:
    text = bare(command("fit", "forecast", folder / "plain.csv", "--out", folder / "new"), fails=True)
    assert "pip install '.[train]'" in text
    assert "Traceback" not in text
    assert not (folder / "new").exists()
    text = bare(command("predict", folder / "plain", "--out", folder / "out.parquet"), fails=True)
    assert "pip install '.[train]'" in text
    assert not (folder / "out.parquet").exists()


def test_info_says_what_is_missing() -> None:
    assert bare(command("info")).count("missing: pip install '.[train]'") == 3
    assert json.loads(bare(command("info", "--json")))["installed"] == {
        "torch": False,
        "polars": False,
        "holidays": False,
    }


def test_a_forecast_is_explained_but_for_the_gradients(folder: Path) -> None:
    page = folder / "page.html"
    printed = bare(command("explain", folder / "run", "--data", folder / "rows.csv", "--out", page))
    assert "The model expects" in printed
    shown = page.read_text("utf-8")
    assert 'id="gates"' in shown
    assert 'id="inputs"' not in shown
    assert "Integrated gradients were left out" in shown
