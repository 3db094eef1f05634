"""Estimators that a user holds: fit, predict, evaluate, save."""

from tidegate.tasks.audit.audit import Audit, audit
from tidegate.tasks.caption.estimator import Captioner
from tidegate.tasks.detect.estimator import AnomalyDetector
from tidegate.tasks.forecast.choices import NetworkOptions
from tidegate.tasks.forecast.estimator import Forecaster
from tidegate.tasks.label.classifier import Classifier
from tidegate.tasks.label.compare import Comparison, compare
from tidegate.tasks.label.options import EncoderOptions
from tidegate.tasks.label.regressor import Regressor
from tidegate.tasks.language.estimator import LanguageModel
from tidegate.tasks.open import load, open_run
from tidegate.tasks.resample.backtest import backtest
from tidegate.tasks.resample.cross_validate import CrossValidation, cross_validate
from tidegate.tasks.resample.forecasts import Backtest
from tidegate.tasks.search.tune import Tuned, tune
from tidegate.tasks.transcribe.estimator import Transcriber
from tidegate.tasks.translate.estimator import Translator

__all__ = [
    "AnomalyDetector",
    "Audit",
    "Backtest",
    "Captioner",
    "Classifier",
    "Comparison",
    "CrossValidation",
    "EncoderOptions",
    "Forecaster",
    "LanguageModel",
    "NetworkOptions",
    "Regressor",
    "Transcriber",
    "Translator",
    "Tuned",
    "audit",
    "backtest",
    "compare",
    "cross_validate",
    "load",
    "open_run",
    "tune",
]
