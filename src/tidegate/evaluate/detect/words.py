"""Names of a detector's metrics, and spans of time, as a reader sees them."""

from __future__ import annotations

import math

from tidegate.core import names
from tidegate.core.text import number
from tidegate.core.translate import Language, tr

_METRICS = {"pr_auc": "PR-AUC by rows", "roc_auc": "ROC-AUC by rows"}


def metric_name(metric: str, lang: Language | None = None) -> str:
    """A metric's name for people."""
    return tr(_METRICS[metric], lang) if metric in _METRICS else names.metric_name(metric, lang)


def method_label(method: str, lang: Language | None = None) -> str:
    """A method's name for people; names of the reader's own stay as they are."""
    return tr("detector", lang) if method == "model" else names.method_name(method, lang)


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
