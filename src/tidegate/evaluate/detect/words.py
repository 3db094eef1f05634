"""Names of a detector's metrics, and spans of time, as a reader sees them."""

from __future__ import annotations

import math

from tidegate.core.translate import Language, tr
from tidegate.evaluate.forecast.verdict import number

_METRICS = {
    "windows": "labelled windows",
    "found": "windows found",
    "events": "alarms",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "delay_mean": "mean delay",
    "delay_median": "median delay",
    "false_alarms": "false alarms",
    "false_per_day": "false alarms a day",
    "false_per_week": "false alarms a week",
    "false_per_1000": "false alarms in 1,000 rows",
    "pr_auc": "PR-AUC by rows",
    "roc_auc": "ROC-AUC by rows",
    "adjusted_f1": "point-adjusted F1 (flatters)",
}
_METHODS = {
    "model": "detector",
    "windowed_gaussian": "windowed Gaussian",
    "seasonal_residual": "seasonal-naive residual",
}


def metric_name(metric: str, lang: Language | None = None) -> str:
    """A metric's name for people."""
    return tr(_METRICS[metric], lang) if metric in _METRICS else metric


def method_label(method: str, lang: Language | None = None) -> str:
    """A method's name for people; names of the reader's own stay as they are."""
    return tr(_METHODS[method], lang) if method in _METHODS else method


def duration(value: float, dated: bool, lang: Language | None = None) -> str:
    """Days as minutes, hours or days; where times are no dates, the number."""
    if not math.isfinite(value):
        return "-"
    if not dated:
        return number(value)
    minutes = value * 1440
    if minutes < 90:
        return tr("{value} min", lang, value=f"{minutes:.0f}")
    if minutes < 2880:
        return tr("{value} h", lang, value=f"{minutes / 60:.1f}")
    return tr("{value} days", lang, value=f"{value:.1f}")
