"""Runs to publish, made without training: the packaged model of the runtime's tests, each with a seed of its own."""

import json
import shutil
from pathlib import Path

MODEL = Path(__file__).parents[1] / "runtime" / "fixtures" / "model"


def make_run(folder: Path, seed: int = 0, mae: float = 1.0) -> Path:
    """A run whose model differs from the others' in its seed alone."""
    shutil.copytree(MODEL, folder / "model")
    place = folder / "model" / "model.json"
    state = json.loads(place.read_text("utf-8"))
    state["provenance"]["seed"] = seed
    place.write_text(json.dumps(state), "utf-8")
    verdict = {
        "key": "alone",
        "values": {"metric": "mae", "higher": False, "model": mae},
        "warnings": [],
        "remarks": [],
    }
    test = {"criterion": "mae", "overall": {"model": {"mae": mae}}, "verdict": verdict}
    (folder / "metrics.json").write_text(json.dumps({"data": "ab" * 32, "test": test}), "utf-8")
    return folder
