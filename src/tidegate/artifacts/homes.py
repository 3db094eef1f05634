"""Where each task lives: what runs its saved models with numpy alone, and the estimator that makes them."""

from __future__ import annotations

import importlib
from typing import Any, Literal

from tidegate.core.errors import ArtifactError
from tidegate.core.translate import tr

HOMES = {
    "forecaster": ("runtime.forecast.model.ForecastModel", "tasks.forecast.estimator.Forecaster"),
    "classifier": ("runtime.label.model.LabelModel", "tasks.label.classifier.Classifier"),
    "regressor": ("runtime.label.model.LabelModel", "tasks.label.regressor.Regressor"),
    "detector": ("runtime.detect.detector.Detector", "tasks.detect.estimator.AnomalyDetector"),
    "language": ("runtime.language.model.TextModel", "tasks.language.estimator.LanguageModel"),
    "translator": ("runtime.translate.model.TranslationModel", "tasks.translate.estimator.Translator"),
    "captioner": ("runtime.caption.model.CaptionModel", "tasks.caption.estimator.Captioner"),
    "transcriber": ("runtime.transcribe.model.SpeechModel", "tasks.transcribe.estimator.Transcriber"),
}


def home(task: str, kind: Literal["model", "estimator"], place: object = "model.json") -> Any:
    """The class of a task's models, or of its estimator; it is imported here and not before.

    Raises:
        ArtifactError: this version knows no such task; it names the place that said so.
    """
    if task not in HOMES:
        message = "{place}: task is {task}; this version knows {shown}"
        raise ArtifactError(tr(message, place=place, task=repr(task), shown=", ".join(HOMES)))
    module, _, name = HOMES[task][kind == "estimator"].rpartition(".")
    return getattr(importlib.import_module(f"tidegate.{module}"), name)
