"""Estimators that a user holds: fit, predict, evaluate, save."""

from tidegate.tasks.auditing import Audit, audit
from tidegate.tasks.forecaster import Forecaster
from tidegate.tasks.options import NetworkOptions
from tidegate.tasks.rolling import Backtest, backtest

load = Forecaster.load

__all__ = ["Audit", "Backtest", "Forecaster", "NetworkOptions", "audit", "backtest", "load"]
