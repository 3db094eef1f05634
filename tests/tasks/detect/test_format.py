"""The written format of a detector's artifact, in both languages, against what is written."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file

import tidegate as tg
from tests.tasks.detect.test_estimator import QUICK, pair

PAGES = Path(__file__).parents[3] / "docs"


def documented(lang: str) -> dict[str, tuple[str, str]]:
    """Name -> type and shape, or "" for keys of JSON, of every row of the tables of the detector's section."""
    text = (PAGES / lang / "format.md").read_text("utf-8")
    section = next(part for part in re.split(r"^## ", text, flags=re.M) if '`"detector"`' in part)
    found = {}
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `"):
            for name in re.findall(r"`([^`]+)`", cells[0]):
                if name not in ("decoding", "preparation.json", "context.safetensors"):
                    found[name] = (cells[1], cells[2]) if len(cells) == 4 else ("", "")
    return found


@pytest.mark.parametrize("lang", ["en", "zh-TW"])
@pytest.mark.parametrize("method", ["forecast", "reconstruction"])
def test_every_key_and_tensor_of_a_detector_is_documented_with_type_and_shape(
    method: str, lang: str, tmp_path: Path
) -> None:
    options: dict[str, Any] = {**QUICK, "window": 12, "max_epochs": 1, "network": {"lags": (7, 24)}, "num_layers": 2}
    model = tg.AnomalyDetector(method=method, **options)
    folder = model.fit(pair(), time="time", target=["cpu", "disk"], series="host", test=0).save(tmp_path / "m")
    tensors, rows = load_file(folder / "context.safetensors"), documented(lang)
    ring = 24 if method == "forecast" else 12
    sizes = {"C": 2, "G": 2, "J": 1, "R": ring, "L": 2, "H": QUICK["hidden_size"]}
    of_forecasts = {"end.h", "end.c"} if method == "reconstruction" else set()
    named = {name: how for name, how in rows.items() if how[0] and name not in of_forecasts}
    profile = {name for name in tensors if name.startswith("profile.")}  # as of every task that is watched
    assert profile == {
        "profile.clock",
        *(f"profile.{kind}.{each}" for kind in ("shape", "blocks") for each in ("cpu", "disk")),
    }
    page = (PAGES / lang / "format.md").read_text("utf-8")
    assert all(f"`{name}`" in page for name in ("profile.clock", "profile.shape.<name>", "profile.blocks.<name>"))
    assert set(tensors) - profile == set(named)
    for name, (kind, shape) in named.items():
        expected = tuple(sizes.get(letter) or int(letter) for letter in shape.strip("[]").split(", "))
        assert (str(tensors[name].dtype), tensors[name].shape) == (kind, expected), name
    preparation = json.loads((folder / "preparation.json").read_text("utf-8"))
    decoding = json.loads((folder / "model.json").read_text("utf-8"))["decoding"]
    assert {name for name, how in rows.items() if not how[0]} == {*preparation, *decoding}
