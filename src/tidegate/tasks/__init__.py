"""Estimators that a user holds: fit, predict, evaluate, save."""

from tidegate.tasks.forecaster import Forecaster
from tidegate.tasks.options import NetworkOptions
from tidegate.tasks.rolling import Backtest, backtest

load = Forecaster.load

__all__ = ["Backtest", "Forecaster", "NetworkOptions", "backtest", "load"]
