"""Estimators that a user holds: fit, predict, evaluate, save."""

from tidegate.tasks.auditing import Audit, audit
from tidegate.tasks.detector import AnomalyDetector
from tidegate.tasks.forecaster import Forecaster
from tidegate.tasks.loading import load
from tidegate.tasks.options import NetworkOptions
from tidegate.tasks.rolling import Backtest, backtest

__all__ = ["AnomalyDetector", "Audit", "Backtest", "Forecaster", "NetworkOptions", "audit", "backtest", "load"]
