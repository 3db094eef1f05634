"""Names of methods, metrics and steps as a reader sees them."""

from __future__ import annotations

from tidegate.core.frequency import Frequency
from tidegate.core.names import method_name as label
from tidegate.core.translate import Language, tr

MODEL = "model"
_PLAIN = frozenset({"drift", "mean", "ridge"})  # methods that may be named by the very word

#: The order of columns and rows; what is not listed follows in its own order.
METRICS = (
    "mae",
    "rmse",
    "mse",
    "mape",
    "smape",
    "mase",
    "rmsse",
    "r2",
    "crps",
    "pinball",
    "coverage",
    "interval_width",
)
PERCENT = frozenset({"mape", "smape"})
SHARES = frozenset({"coverage"})
UNITLESS = frozenset({"mase", "rmsse", "r2", "owa", "skill"})


def method_name(method: str, lang: Language) -> str:
    """A method's name in words, fit for the beginning of a line; names of the reader's own stay as they are."""
    if method == MODEL:
        return tr("This model", lang)
    name = label(method, lang)
    return name[:1].upper() + name[1:] if name != method or method in _PLAIN else name


def metric_name(metric: str) -> str:
    """A metric's usual short name, the same in all languages."""
    special = {"r2": "R\u00b2", "smape": "sMAPE"}
    return special.get(metric, metric.upper())


def metric_heading(metric: str, lang: Language) -> str:
    """A metric's name as a table heading."""
    words = {
        "coverage": tr("Coverage", lang),
        "interval_width": tr("Interval width", lang),
        "pinball": tr("Pinball", lang),
    }
    return words.get(metric, metric_name(metric))


def metric_meaning(metric: str, lang: Language) -> str:
    """One plain sentence on what a metric says; empty for one that is not known."""
    meanings = {
        "mae": tr("average size of the error, in the target's unit", lang),
        "rmse": tr("like MAE, but large errors weigh more", lang),
        "mse": tr("average squared error", lang),
        "mape": tr("average error in percent of the actual value", lang),
        "smape": tr("average error in percent of actual and forecast together", lang),
        "mase": tr("error relative to the seasonal naive method on the training part; below 1 is better than it", lang),
        "rmsse": tr("like MASE, with squared errors", lang),
        "r2": tr("share of the variation that is explained; 1 is perfect, 0 is no better than the mean", lang),
        "crps": tr("error of the whole predicted distribution, in the target's unit", lang),
        "pinball": tr("average error of the predicted quantiles, in the target's unit", lang),
        "coverage": tr("share of actual values inside the interval", lang),
        "interval_width": tr("average width of the interval, in the target's unit", lang),
        "owa": tr("average of sMAPE and MASE relative to a naive method; below 1 is better than it", lang),
    }
    return meanings.get(metric, "")


def ahead_title(frequency: Frequency | None, lang: Language) -> str:
    """Title of an axis that shows how far ahead a forecast is."""
    titles = {
        "s": tr("Seconds ahead", lang),
        "min": tr("Minutes ahead", lang),
        "h": tr("Hours ahead", lang),
        "D": tr("Days ahead", lang),
        "B": tr("Business days ahead", lang),
        "M": tr("Months ahead", lang),
    }
    return titles.get(frequency.unit if frequency else "row", tr("Steps ahead", lang))


def span(steps: int, frequency: Frequency | None, lang: Language) -> str:
    """A number of steps as a length of time: `24 hours`, `7 days`."""
    count = steps * step_size(frequency)
    unit: str = frequency.unit if frequency else "row"
    for small, size, large in (("s", 60, "min"), ("min", 60, "h"), ("h", 24, "D")):
        if unit == small and count % size == 0 and count > size:
            count, unit = count // size, large
    if count == 1:
        singles = {
            "s": tr("1 second", lang),
            "min": tr("1 minute", lang),
            "h": tr("1 hour", lang),
            "D": tr("1 day", lang),
            "B": tr("1 business day", lang),
            "M": tr("1 month", lang),
        }
        return singles.get(unit, tr("1 step", lang))
    plurals = {
        "s": tr("{count} seconds", lang, count=count),
        "min": tr("{count} minutes", lang, count=count),
        "h": tr("{count} hours", lang, count=count),
        "D": tr("{count} days", lang, count=count),
        "B": tr("{count} business days", lang, count=count),
        "M": tr("{count} months", lang, count=count),
    }
    return plurals.get(unit, tr("{count} steps", lang, count=steps))


def lag_title(frequency: Frequency | None, lang: Language) -> str:
    """Title of an axis of lags."""
    titles = {
        "s": tr("Lag in seconds", lang),
        "min": tr("Lag in minutes", lang),
        "h": tr("Lag in hours", lang),
        "D": tr("Lag in days", lang),
        "B": tr("Lag in business days", lang),
        "M": tr("Lag in months", lang),
    }
    return titles.get(frequency.unit if frequency else "row", tr("Lag in steps", lang))


def step_size(frequency: Frequency | None) -> int:
    """How many named units one step is; 1 where steps are only counted."""
    return frequency.count if frequency and frequency.unit not in ("row", "us") else 1


def duration(seconds: float, lang: Language) -> str:
    """A length of time in words: `48 s`, `3 min 20 s`, `2 h 5 min`."""
    if seconds < 60:
        return tr("{seconds} s", lang, seconds=f"{seconds:.1f}" if seconds < 10 else f"{seconds:.0f}")
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return tr("{minutes} min {seconds} s", lang, minutes=minutes, seconds=rest)
    return tr("{hours} h {minutes} min", lang, hours=f"{minutes // 60:,}", minutes=minutes % 60)


def cycle(frequency: Frequency | None) -> int:
    """How many named units make the next larger one, for round ticks: 24 hours, 60 minutes, 7 days; 0 where none do."""
    return {"s": 60, "min": 60, "h": 24, "D": 7, "B": 5, "M": 12}.get(frequency.unit, 0) if frequency else 0
