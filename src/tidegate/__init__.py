"""tidegate: the LSTM toolkit.

From a file of sequences to a recurrent model that is judged honestly, explained and shipped. Names are
loaded when they are first used, so that `import tidegate` is quick and brings neither torch nor plotting.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

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
    from tidegate.prepare.sequence.masking import SequenceAugment
    from tidegate.prepare.sequence.preparation import SequenceOptions
    from tidegate.report.explanation.page import report_explanation
    from tidegate.report.run import report_run
    from tidegate.runtime import Model
    from tidegate.tasks import (
        AnomalyDetector,
        Audit,
        Backtest,
        Captioner,
        Classifier,
        Comparison,
        CrossValidation,
        EncoderOptions,
        Forecaster,
        LanguageModel,
        NetworkOptions,
        Regressor,
        Transcriber,
        Translator,
        Tuned,
        audit,
        backtest,
        compare,
        cross_validate,
        load,
        open_run,
        tune,
    )
    from tidegate.tasks.forecast.zero_shot import forecast
    from tidegate.train import History, TrainOptions

_HOMES = {
    "AnomalyDetector": "tasks",
    "AugmentOptions": "prepare",
    "Audit": "tasks",
    "Backtest": "tasks",
    "Classifier": "tasks",
    "Comparison": "tasks",
    "CrossValidation": "tasks",
    "EncoderOptions": "tasks",
    "Evaluation": "evaluate",
    "Forecaster": "tasks",
    "History": "train",
    "LanguageModel": "tasks",
    "Model": "runtime",
    "NetworkOptions": "tasks",
    "Partition": "data.partition",
    "Preparation": "prepare",
    "PrepareOptions": "prepare",
    "Regressor": "tasks",
    "Schema": "core.table",
    "SequenceAugment": "prepare.sequence.masking",
    "SequenceOptions": "prepare.sequence.preparation",
    "Sequences": "core.sequences",
    "Table": "core.table",
    "TidegateError": "core.errors",
    "TrainOptions": "train",
    "Captioner": "tasks",
    "Translator": "tasks",
    "Tuned": "tasks",
    "Transcriber": "tasks",
    "__version__": "core.version",
    "audit": "tasks",
    "backtest": "tasks",
    "compare": "tasks",
    "cross_validate": "tasks",
    "describe": "data",
    "diagnose": "diagnose",
    "forecast": "tasks.forecast.zero_shot",
    "load": "tasks",
    "open_run": "tasks",
    "report_explanation": "report.explanation.page",
    "report_run": "report.run",
    "partition": "data.partition",
    "read": "data",
    "read_sequences": "data.sequences",
    "split": "data",
    "tune": "tasks",
}

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


def __dir__() -> list[str]:
    return sorted(__all__)
