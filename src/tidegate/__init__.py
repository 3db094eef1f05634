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
    from tidegate.core.table import Schema, Table
    from tidegate.core.version import __version__
    from tidegate.data import describe, read, split
    from tidegate.evaluate import Evaluation
    from tidegate.prepare import AugmentOptions, Preparation, PrepareOptions
    from tidegate.report.explanation import report_explanation
    from tidegate.report.forecast import report_forecast
    from tidegate.runtime import Predictor
    from tidegate.tasks import AnomalyDetector, Audit, Backtest, Forecaster, NetworkOptions, audit, backtest, load
    from tidegate.train import History, TrainOptions

_HOMES = {
    "AnomalyDetector": "tasks",
    "AugmentOptions": "prepare",
    "Audit": "tasks",
    "Backtest": "tasks",
    "Evaluation": "evaluate",
    "Forecaster": "tasks",
    "History": "train",
    "NetworkOptions": "tasks",
    "Predictor": "runtime",
    "Preparation": "prepare",
    "PrepareOptions": "prepare",
    "Schema": "core.table",
    "Table": "core.table",
    "TidegateError": "core.errors",
    "TrainOptions": "train",
    "__version__": "core.version",
    "audit": "tasks",
    "backtest": "tasks",
    "describe": "data",
    "diagnose": "diagnose",
    "load": "tasks",
    "report_explanation": "report.explanation",
    "report_forecast": "report.forecast",
    "read": "data",
    "split": "data",
}

__all__ = [
    "AnomalyDetector",
    "Audit",
    "AugmentOptions",
    "Backtest",
    "Evaluation",
    "Forecaster",
    "History",
    "NetworkOptions",
    "Predictor",
    "Preparation",
    "PrepareOptions",
    "Schema",
    "Table",
    "TidegateError",
    "TrainOptions",
    "__version__",
    "audit",
    "backtest",
    "describe",
    "diagnose",
    "load",
    "read",
    "report_explanation",
    "report_forecast",
    "split",
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
