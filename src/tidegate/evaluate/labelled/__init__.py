"""Judging labels and numbers said of whole sequences or of their steps: metrics, calibration, baselines, verdict."""

from tidegate.evaluate.labelled.calibrate import Calibration, calibrate, fit_temperature, logits_of, softened
from tidegate.evaluate.labelled.estimates import judge_numbers
from tidegate.evaluate.labelled.evaluation import ClassEvaluation
from tidegate.evaluate.labelled.judge import judge_classes
from tidegate.evaluate.labelled.leaks import Leaks, find_leaks
from tidegate.evaluate.labelled.number_evaluation import NumberEvaluation
from tidegate.evaluate.labelled.numbers import cmapss
from tidegate.evaluate.labelled.sceptics import class_baselines, multilabel_baselines, number_baselines
from tidegate.evaluate.labelled.several import judge_multilabel
from tidegate.evaluate.labelled.tagging import step_number_baselines, tag_baselines
from tidegate.evaluate.labelled.threshold import Threshold, choose_threshold, choose_thresholds
from tidegate.evaluate.labelled.verdict import LabelVerdict

__all__ = [
    "Calibration",
    "ClassEvaluation",
    "LabelVerdict",
    "Leaks",
    "NumberEvaluation",
    "Threshold",
    "calibrate",
    "choose_threshold",
    "choose_thresholds",
    "class_baselines",
    "cmapss",
    "find_leaks",
    "fit_temperature",
    "judge_classes",
    "judge_multilabel",
    "judge_numbers",
    "logits_of",
    "multilabel_baselines",
    "number_baselines",
    "softened",
    "step_number_baselines",
    "tag_baselines",
]
