"""`load`: a saved model as the task that made it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tidegate.artifacts.atomic import existing_folder
from tidegate.tasks.detector import AnomalyDetector
from tidegate.tasks.forecaster import Forecaster

TASKS: dict[str, Any] = {"forecaster": Forecaster, "detector": AnomalyDetector}


def task_of(path: str | Path) -> str:
    """The task that a model's folder, or the folder of a run, says it is of; "" where it cannot be read."""
    folder = Path(path)
    if not (folder / "model.json").exists() and existing_folder(folder / "model").is_dir():
        folder = folder / "model"
    try:
        state = json.loads((existing_folder(folder) / "model.json").read_bytes())
        return str(state["task"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ""


def load(path: str | Path) -> Any:
    """A saved model; needs neither torch nor a dataframe library to predict.

    Raises:
        ArtifactError: it is missing, damaged, tampered with or of a newer format.
    """
    return TASKS.get(task_of(path), Forecaster).load(path)
