"""Metrics, baselines, significance and the verdict: how good forecasts are, and whether a simple method is as good."""

from tidegate.evaluate.forecast.baselines import Forecast, fill_forward, simple_methods
from tidegate.evaluate.forecast.conformal import conformal_quantile, interval_score, track_shifts
from tidegate.evaluate.forecast.evaluate import evaluate, evaluate_forecasts
from tidegate.evaluate.forecast.evaluation import Evaluation
from tidegate.evaluate.forecast.fitted import Baselines, FittedBaselines, fit_baselines
from tidegate.evaluate.forecast.lagcopy import LagCopy, cross_correlation, lag_copy
from tidegate.evaluate.forecast.metrics import (
    coverage,
    crps_from_quantiles,
    interval_width,
    mae,
    mape,
    mase,
    mse,
    owa,
    pinball,
    r2,
    rmse,
    rmsse,
    seasonal_error,
    smape,
)
from tidegate.evaluate.forecast.ridge import Ridge, fit_ridges
from tidegate.evaluate.forecast.season import Seasons, find_seasons, seasons_of
from tidegate.evaluate.significance import DieboldMariano, diebold_mariano
from tidegate.evaluate.verdict import Verdict

__all__ = [
    "Baselines",
    "DieboldMariano",
    "Evaluation",
    "FittedBaselines",
    "Forecast",
    "LagCopy",
    "Ridge",
    "Seasons",
    "Verdict",
    "conformal_quantile",
    "coverage",
    "cross_correlation",
    "crps_from_quantiles",
    "diebold_mariano",
    "evaluate",
    "evaluate_forecasts",
    "fill_forward",
    "find_seasons",
    "fit_baselines",
    "fit_ridges",
    "interval_score",
    "interval_width",
    "lag_copy",
    "mae",
    "mape",
    "mase",
    "mse",
    "owa",
    "pinball",
    "r2",
    "rmse",
    "rmsse",
    "seasonal_error",
    "seasons_of",
    "simple_methods",
    "smape",
    "track_shifts",
]
