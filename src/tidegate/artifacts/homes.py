"""Where each task lives: what runs its saved models with numpy alone, the estimator that makes them, their scores."""

from __future__ import annotations

import importlib
from typing import Any, Literal

from tidegate.core.errors import ArtifactError
from tidegate.core.translate import tr

HOMES = {  # folder in `runtime` and `tasks`; the model in the one, the estimator in the other; the scores in `evaluate`
    "forecaster": ("forecast", "model.ForecastModel", "estimator.Forecaster", "forecast.evaluation.Evaluation"),
    "classifier": ("label", "model.LabelModel", "classifier.Classifier", "label.evaluation.ClassEvaluation"),
    "regressor": ("label", "model.LabelModel", "regressor.Regressor", "label.evaluation.NumberEvaluation"),
    "detector": ("detect", "detector.Detector", "estimator.AnomalyDetector", "detect.evaluation.DetectorEvaluation"),
    "language": ("language", "model.TextModel", "estimator.LanguageModel", "language.evaluation.LanguageEvaluation"),
    "translator": ("translate", "model.TranslationModel", "estimator.Translator", "text.evaluation.TextEvaluation"),
    "captioner": ("caption", "model.CaptionModel", "estimator.Captioner", "text.evaluation.TextEvaluation"),
    "transcriber": ("transcribe", "model.SpeechModel", "estimator.Transcriber", "text.evaluation.SpeechEvaluation"),
}


def home(task: str, kind: Literal["model", "estimator", "evaluation"], place: object = "model.json") -> Any:
    """The class of a task's models, of its estimator or of its scores; it is imported here and not before.

    Raises:
        ArtifactError: this version knows no such task; it names the place that said so.
    """
    if task not in HOMES:
        message = "{place}: task is {task}; this version knows {shown}"
        raise ArtifactError(tr(message, place=place, task=repr(task), shown=", ".join(HOMES)))
    folder, model, estimator, scores = HOMES[task]
    where = {"model": f"runtime.{folder}.{model}", "estimator": f"tasks.{folder}.{estimator}"}
    module, _, name = where.get(kind, f"evaluate.{scores}").rpartition(".")
    return getattr(importlib.import_module(f"tidegate.{module}"), name)
