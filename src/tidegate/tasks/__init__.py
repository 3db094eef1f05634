"""Estimators that a user holds: fit, predict, evaluate, save."""

from tidegate.tasks.backtest import Backtest, backtest
from tidegate.tasks.forecaster import Forecaster
from tidegate.tasks.options import NetworkOptions

load = Forecaster.load

__all__ = ["Backtest", "Forecaster", "NetworkOptions", "backtest", "load"]
