"""Estimators that a user holds: fit, predict, evaluate, save."""

from tidegate.tasks.auditing import Audit, audit
from tidegate.tasks.classifier import Classifier
from tidegate.tasks.detector import AnomalyDetector
from tidegate.tasks.forecaster import Forecaster
from tidegate.tasks.labels.compare import Comparison, compare
from tidegate.tasks.labels.folding import CrossValidation, cross_validate
from tidegate.tasks.labels.options import EncoderOptions
from tidegate.tasks.loading import load
from tidegate.tasks.options import NetworkOptions
from tidegate.tasks.regressor import Regressor
from tidegate.tasks.rolling import Backtest, backtest

__all__ = [
    "AnomalyDetector",
    "Audit",
    "Backtest",
    "Classifier",
    "Comparison",
    "CrossValidation",
    "EncoderOptions",
    "Forecaster",
    "NetworkOptions",
    "Regressor",
    "audit",
    "backtest",
    "compare",
    "cross_validate",
    "load",
]
