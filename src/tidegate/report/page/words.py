"""Names of methods, metrics and steps as a reader sees them."""

from __future__ import annotations

from tidegate.core.frequency import Frequency
from tidegate.core.names import method_name as label
from tidegate.core.names import metric_name
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


_HEADINGS = {"coverage": "Coverage", "interval_width": "Interval width", "pinball": "Pinball"}


def metric_heading(metric: str, lang: Language) -> str:
    """A metric's name as a table heading."""
    return tr(_HEADINGS[metric], lang) if metric in _HEADINGS else metric_name(metric, lang)


_MEANINGS = {
    "mae": "average size of the error, in the target's unit",
    "rmse": "like MAE, but large errors weigh more",
    "mse": "average squared error",
    "mape": "average error in percent of the actual value",
    "smape": "average error in percent of actual and forecast together",
    "mase": "error relative to the seasonal naive method on the training part; below 1 is better than it",
    "rmsse": "like MASE, with squared errors",
    "r2": "share of the variation that is explained; 1 is perfect, 0 is no better than the mean",
    "crps": "error of the whole predicted distribution, in the target's unit",
    "pinball": "average error of the predicted quantiles, in the target's unit",
    "coverage": "share of actual values inside the interval",
    "interval_width": "average width of the interval, in the target's unit",
    "owa": "average of sMAPE and MASE relative to a naive method; below 1 is better than it",
    "bits_per_character": "yes-or-no questions that a character still takes; 0 is certainty",
    "nats_per_character": "the same with natural logarithms, as papers on characters give it",
    "joint_nats_per_frame": "sum of -log p of the notes of a frame, each after those above it",
    "independent_nats_per_frame": "sum over all pitches of the cross-entropy of whether each sounds",
    "perplexity": "among how many equally likely tokens the model wavers, on average",
    "accuracy": "share of all that were called by their name",
    "balanced_accuracy": "the same, every class weighing alike however rare it is",
    "f1_macro": "mean over the classes of how completely and how purely each is found",
    "f1_micro": "how completely and how purely all labels together are found",
    "exact": "share of things whose labels are all right",
    "hamming": "share of single yes or no decisions that are wrong",
    "roc_auc": "chance that something of a class scores above something else; a coin has 0.5",
    "pr_auc": "how pure a class stays as more of it is asked for; a coin has the class's own share",
    "log_loss": "how surprised the model was by what came; smaller is better",
    "ece": "distance of its confidence from its accuracy; smaller is better",
    "median_ae": "half of the errors are smaller",
    "bias": "mean of estimate minus actual value; above 0 it is too high",
    "cmapss": "sum over engines of a cost that grows fast with the error, faster for late warnings",
}


def metric_meaning(metric: str, lang: Language) -> str:
    """One plain sentence on what a metric says; empty for one that is not known."""
    return tr(_MEANINGS[metric], lang) if metric in _MEANINGS else ""


_AHEAD = {
    "s": "Seconds ahead",
    "min": "Minutes ahead",
    "h": "Hours ahead",
    "D": "Days ahead",
    "B": "Business days ahead",
    "M": "Months ahead",
    "row": "Steps ahead",
}
_LAG = {
    "s": "Lag in seconds",
    "min": "Lag in minutes",
    "h": "Lag in hours",
    "D": "Lag in days",
    "B": "Lag in business days",
    "M": "Lag in months",
    "row": "Lag in steps",
}
_ONE = {
    "s": "1 second",
    "min": "1 minute",
    "h": "1 hour",
    "D": "1 day",
    "B": "1 business day",
    "M": "1 month",
    "row": "1 step",
}
_MANY = {
    "s": "{count} seconds",
    "min": "{count} minutes",
    "h": "{count} hours",
    "D": "{count} days",
    "B": "{count} business days",
    "M": "{count} months",
    "row": "{count} steps",
}


def _unit(frequency: Frequency | None) -> str:
    """The named unit that a step is counted in; "row" where it has none."""
    several = frequency is not None and len(frequency.days) > 1  # steps that are no whole months
    return frequency.unit if frequency is not None and frequency.unit in _AHEAD and not several else "row"


def ahead_title(frequency: Frequency | None, lang: Language) -> str:
    """Title of an axis that shows how far ahead a forecast is."""
    return tr(_AHEAD[_unit(frequency)], lang)


def lag_title(frequency: Frequency | None, lang: Language) -> str:
    """Title of an axis of lags."""
    return tr(_LAG[_unit(frequency)], lang)


def span(steps: int, frequency: Frequency | None, lang: Language) -> str:
    """A number of steps as a length of time: `24 hours`, `7 days`."""
    count, unit = steps * step_size(frequency), _unit(frequency)
    for small, size, large in (("s", 60, "min"), ("min", 60, "h"), ("h", 24, "D")):
        if unit == small and count % size == 0 and count > size:
            count, unit = count // size, large
    return tr(_ONE[unit], lang) if count == 1 else tr(_MANY[unit], lang, count=f"{count:,}")


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
