"""Evaluating labels and numbers of whole sequences or of their steps: metrics, calibration, baselines, verdict."""

from tidegate.evaluate.label.baselines.methods import class_baselines, multilabel_baselines, number_baselines
from tidegate.evaluate.label.baselines.tagging import step_number_baselines, tag_baselines
from tidegate.evaluate.label.calibrate import (
    Calibration,
    Threshold,
    calibrate,
    choose_threshold,
    fit_temperature,
    softened,
)
from tidegate.evaluate.label.classes import evaluate_classes, evaluate_multilabel
from tidegate.evaluate.label.evaluation import ClassEvaluation, NumberEvaluation
from tidegate.evaluate.label.metrics.numbers import cmapss
from tidegate.evaluate.label.numbers import evaluate_numbers
from tidegate.evaluate.leaks.sequences import Leaks, find_leaks

__all__ = [
    "Calibration",
    "ClassEvaluation",
    "Leaks",
    "NumberEvaluation",
    "Threshold",
    "calibrate",
    "choose_threshold",
    "class_baselines",
    "cmapss",
    "evaluate_classes",
    "evaluate_multilabel",
    "evaluate_numbers",
    "find_leaks",
    "fit_temperature",
    "multilabel_baselines",
    "number_baselines",
    "softened",
    "step_number_baselines",
    "tag_baselines",
]
