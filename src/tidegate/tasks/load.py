"""Load a saved model, whatever its task."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from tidegate.artifacts.artifact import read_task
from tidegate.core.errors import ArtifactError

HOMES = {
    "forecaster": ("tidegate.tasks.forecast.estimator", "Forecaster"),
    "classifier": ("tidegate.tasks.label.classifier", "Classifier"),
    "detector": ("tidegate.tasks.detect.estimator", "AnomalyDetector"),
    "language": ("tidegate.tasks.language.estimator", "LanguageModel"),
    "translator": ("tidegate.tasks.translate.estimator", "Translator"),
    "captioner": ("tidegate.tasks.caption.estimator", "Captioner"),
    "transcriber": ("tidegate.tasks.transcribe.estimator", "Transcriber"),
    "regressor": ("tidegate.tasks.label.regressor", "Regressor"),
}


def load(path: str | Path) -> Any:
    """A saved model as the estimator that made it; needs neither torch nor a dataframe library to answer.

    Args:
        path: the model's folder, or that of a run that has one.

    Raises:
        ArtifactError: it is missing, damaged, tampered with, of a newer format, or of an unknown task.
    """
    task = read_task(path)
    if task not in HOMES:
        raise ArtifactError(f"{path}: task is {task!r}; this version knows {', '.join(HOMES)}")
    module, name = HOMES[task]
    return getattr(importlib.import_module(module), name).load(path)
