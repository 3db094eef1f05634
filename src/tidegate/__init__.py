"""tidegate: the LSTM toolkit.

From a file of sequences to a recurrent model that is judged honestly, explained and shipped. Names are
loaded when they are first used, so that `import tidegate` is quick and brings neither torch nor plotting.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from tidegate.core.notebook import Notebook

if TYPE_CHECKING:
    from tidegate import diagnose
    from tidegate.core.errors import TidegateError
    from tidegate.core.sequences import Sequences
    from tidegate.core.table import Schema, Table
    from tidegate.core.version import __version__
    from tidegate.data import describe, read, split
    from tidegate.data.partition import Partition, partition
    from tidegate.data.sequences import read_sequences
    from tidegate.evaluate import Evaluation
    from tidegate.prepare import AugmentOptions, Preparation, PrepareOptions
    from tidegate.prepare.augment import SequenceAugment
    from tidegate.prepare.sequence.preparation import SequenceOptions
    from tidegate.report.explanation.page import report_explanation
    from tidegate.report.run import report_run
    from tidegate.runtime import Model
    from tidegate.tasks.audit.audit import Audit, audit
    from tidegate.tasks.caption.estimator import Captioner
    from tidegate.tasks.detect.estimator import AnomalyDetector
    from tidegate.tasks.forecast.choices import NetworkOptions
    from tidegate.tasks.forecast.estimator import Forecaster
    from tidegate.tasks.forecast.zero_shot import forecast
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
    from tidegate.train import History, TrainOptions

_PLACES = {  # module -> what it holds of the public names
    "core.errors": ("TidegateError",),
    "core.sequences": ("Sequences",),
    "core.table": ("Schema", "Table"),
    "core.version": ("__version__",),
    "data": ("describe", "read", "split"),
    "data.partition": ("Partition", "partition"),
    "data.sequences": ("read_sequences",),
    "diagnose": ("diagnose",),
    "evaluate": ("Evaluation",),
    "prepare": ("AugmentOptions", "Preparation", "PrepareOptions"),
    "prepare.augment": ("SequenceAugment",),
    "prepare.sequence.preparation": ("SequenceOptions",),
    "report.explanation.page": ("report_explanation",),
    "report.run": ("report_run",),
    "runtime": ("Model",),
    "tasks.audit.audit": ("Audit", "audit"),
    "tasks.caption.estimator": ("Captioner",),
    "tasks.detect.estimator": ("AnomalyDetector",),
    "tasks.forecast.choices": ("NetworkOptions",),
    "tasks.forecast.estimator": ("Forecaster",),
    "tasks.forecast.zero_shot": ("forecast",),
    "tasks.label.classifier": ("Classifier",),
    "tasks.label.compare": ("Comparison", "compare"),
    "tasks.label.options": ("EncoderOptions",),
    "tasks.label.regressor": ("Regressor",),
    "tasks.language.estimator": ("LanguageModel",),
    "tasks.open": ("load", "open_run"),
    "tasks.resample.backtest": ("backtest",),
    "tasks.resample.cross_validate": ("CrossValidation", "cross_validate"),
    "tasks.resample.forecasts": ("Backtest",),
    "tasks.search.tune": ("Tuned", "tune"),
    "tasks.transcribe.estimator": ("Transcriber",),
    "tasks.translate.estimator": ("Translator",),
    "train": ("History", "TrainOptions"),
}
_HOMES = {name: module for module, names in _PLACES.items() for name in names}

__all__ = [
    "AnomalyDetector",
    "Audit",
    "AugmentOptions",
    "Backtest",
    "Captioner",
    "Classifier",
    "Comparison",
    "CrossValidation",
    "EncoderOptions",
    "Evaluation",
    "Forecaster",
    "History",
    "LanguageModel",
    "Model",
    "NetworkOptions",
    "Partition",
    "Preparation",
    "PrepareOptions",
    "Regressor",
    "Schema",
    "SequenceAugment",
    "SequenceOptions",
    "Sequences",
    "Table",
    "TidegateError",
    "TrainOptions",
    "Transcriber",
    "Translator",
    "Tuned",
    "__version__",
    "audit",
    "backtest",
    "compare",
    "cross_validate",
    "describe",
    "diagnose",
    "forecast",
    "load",
    "open_run",
    "partition",
    "read",
    "read_sequences",
    "report_explanation",
    "report_run",
    "split",
    "tune",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'tidegate' has no attribute {name!r}")
    module = importlib.import_module(f"tidegate.{_HOMES[name]}")
    value = module if _HOMES[name] == name else getattr(module, name)
    globals()[name] = value
    return value


def _html(result: Any) -> str | None:
    from tidegate.report.notebook import show

    return show(result)


def _draw(result: Any, ax: Any = None) -> Any:
    from tidegate.report.axes import plot

    return plot(result, ax)


Notebook.drawn_by(_html, _draw)


def __dir__() -> list[str]:
    return sorted(__all__)
