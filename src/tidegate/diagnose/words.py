"""Findings in plain words: a title, what was seen, why, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.core.names import method_name, metric_name
from tidegate.core.translate import Language, tr
from tidegate.diagnose.catalogue import WORDS

_SHARES = frozenset(
    {"rise", "worse", "gain", "jumps", "clipped", "saturated", "dead", "share", "usual", "explained", "unused"}
    | {"growth", "outside", "moved", "skill", "harm", "recall", "rest", "accuracy", "inside"}
    | {"copied", "looping", "ordinary", "rare", "unknown", "apart", "same", "empty", "blank", "wrong", "held"}
)
_SEVERITIES = {"info": "could be better", "warning": "costs accuracy", "critical": "do not use it like this"}
_PARTS = {"train": "training part", "validation": "validation part", "test": "test part"}
_AXES = {  # what a figure of each finding has along and up
    name: axes
    for axes, names in {
        ("Epoch", "Gradient norm"): "exploding_gradients",
        ("Steps back", "Gradient norm"): "vanishing_gradients",
        ("Epoch", "Loss"): "overfitting unstable_loss stopped_early wasted_epochs label_overfitting text_overfitting "
        "speech_overfitting "
        "few_steps few_units",
        ("Lag in steps", "Correlation"): "window_short window_long",
        ("Value", "Share in %"): "drift alarm_drift",
        ("Value of a gate", "Share in %"): "saturated_gates",
        ("Step of the training part", "Value"): "outliers few_cycles",
        ("Validation window", "Value"): "lag_copy",
        ("Probability", "Share in %"): "threshold",
    }.items()
    for name in names.split()
}
_CAPTIONS = {
    "leak": "Squared correlation of each column with the target at the same step.",
    "unscaled_inputs": "Each input as it enters the network: its mean or deviation, whichever is larger.",
    "learning_rate_high": "Validation loss after this training, and of untrained copies at other rates.",
    "learning_rate_low": "Validation loss after this training, and of untrained copies at other rates.",
    "underfitting": "Error on the validation part, beside simple methods.",
    "useless_features": "Growth of the validation loss, in percent, when a column comes from another window.",
    "capacity": "Weights of the network beside the values it was trained on.",
    "window_short": "Autocorrelation of the target in the training part; the line marks the window.",
    "window_long": "Autocorrelation of the target in the training part; the lines mark the window and what it needs.",
    "drift": "Values of the target in the training part and later.",
    "saturated_gates": "Values of the gates over 64 training windows.",
    "outliers": "The target in the training part; the dots lie beyond 10 interquartile ranges.",
    "few_cycles": "The target in the training part; the lines mark whole cycles.",
    "class_imbalance": "Training examples of each class.",
    "few_examples": "Training examples of each rare class.",
    "label_noise": "Labels in doubt, by the label they have and the class that is likelier.",
    "threshold": "Probabilities of the second class, by the class that it is.",
    "label_underfitting": "Error on the validation part, beside simple methods.",
    "dirty_training": "Events in 1,000 judged rows of each part.",
    "many_alarms": "Events in 1,000 judged rows of each part.",
    "p_values_small": "Rows with a p at or below each level, in percent.",
    "p_values_large": "Rows with a p at or below each level, in percent.",
    "alarm_drift": "Values of the channel in the training part and later.",
    "alarm_underfitting": "Error on the validation part, beside simple methods.",
    "lag_copy": "Forecasts and actual values of neighbouring windows, {step} steps ahead.",
}
NAMES = {
    "train_loss": "Training",
    "validation_loss": "Validation",
    "grad_norm": "Gradient norm",
    "clip": "clipping",
    "kept": "weights kept",
    "end": "end of training",
    "window": "window",
    "needed": "needed",
    "season": "cycle",
    "autocorrelation": "Autocorrelation",
    "value": "Value",
    "far": "Far from the rest",
    "gates": "Gates",
    "train": "training part",
    "validation": "validation part",
    "test": "test part",
    "actual": "Actual",
    "forecast": "Forecast",
    "trained": "this training ({rate}, {steps} steps)",
    "probe": "untrained, {rate}, {steps} steps",
    "weights": "weights",
    "values": "training values",
    "negative": "first class",
    "positive": "second class",
    "method": "{name}",
}
_SETTLED = {  # advice where the options that help are set already
    "outliers": "Check these values: the loss and the scale are robust already.",
    "drift": "Train again on recent data.",
    "lag_copy": "Add columns that move before the target does; if nothing helps, repeat the last value.",
    "class_imbalance": "Collect more of this class, and judge by balanced accuracy.",
    "threshold": "Give the validation part more examples, so that the threshold chosen there carries over.",
    "p_values_small": "Train on rows like these; until then expect more alarms than the budget.",
    "alarm_drift": "Train again on recent rows.",
}
_ALL_SET = "The options that usually help are set already: look at the data, or use the simple method that is best."
_DEFERRED = "First do what “{title}” asks for, which is the opposite, then diagnose again."
_SUSPICIOUS = "The error is {skill} % below that of the best comparison, which is more than is credible."
_NO_WAY_BACK = (
    "Over {steps} recurrent steps the gradient at the oldest is {ratio} of that at the newest (lowest layer over the "
    "highest: {layer_ratio})."
)
_CHANGE = "{advice} Options to change: {options}."


def title(id: str, lang: Language | None = None) -> str:
    """A finding's name."""
    return tr(WORDS[id].title, lang)


def seen(id: str, evidence: Mapping[str, Any], lang: Language | None = None) -> str:
    """What was seen, with its numbers."""
    values = {name: _shown(name, value, lang) for name, value in evidence.items()}
    if id == "leak" and not evidence["column"]:
        return tr(_SUSPICIOUS, lang, **values)
    if id == "vanishing_gradients" and "unused" not in evidence:
        return tr(_NO_WAY_BACK, lang, **values)
    return tr(WORDS[id].seen, lang, **values)


def cause(id: str, lang: Language | None = None) -> str:
    """Why it happens."""
    return tr(WORDS[id].cause, lang)


def advice(id: str, remedy: Mapping[str, Any], lang: Language | None = None) -> str:
    """What to do; the remedy as `name=value`."""
    plain = tr(WORDS[id].advice, lang)
    return tr(_CHANGE, lang, advice=plain, options=options(remedy)) if remedy else plain


def settled(id: str, lang: Language | None = None) -> str:
    """What to do where the options that help are set already."""
    return tr(_SETTLED.get(id, _ALL_SET), lang)


def deferred(first: str, lang: Language | None = None) -> str:
    """What to do where another finding asks for the opposite; `first` is its id."""
    return tr(_DEFERRED, lang, title=title(first, lang))


def options(remedy: Mapping[str, Any]) -> str:
    """A remedy as `name=value, ...`."""
    return ", ".join(f"{name}={value!r}" for name, value in remedy.items())


def axes(id: str, lang: Language | None = None) -> tuple[str, str]:
    """Titles of a finding's figure."""
    x, y = _AXES.get(id, ("", ""))
    return tr(x, lang) if x else "", tr(y, lang) if y else ""


def caption(id: str, figure: Mapping[str, Any], lang: Language | None = None) -> str:
    """What a finding's figure shows; "" where its axes say it."""
    words = _CAPTIONS.get(id, "")
    if id == "leak" and figure.get("of") == "errors":
        words = _CAPTIONS["underfitting"]
    return tr(words, lang, step=figure.get("step", 1)) if words else ""


def name(key: Any, lang: Language | None = None) -> str:
    """A name in a figure: of a line, a mark or a part by its key; of a bar as data, or a key with its values."""
    if isinstance(key, str):
        return tr(NAMES[key], lang) if key in NAMES else key
    word, values = key
    if word == "method":
        return method(values["name"], lang)
    return tr(NAMES[word], lang, **{place: _shown("", value, lang) for place, value in values.items()})


def method(key: str, lang: Language | None = None) -> str:
    """A method's name for people, of forecasts or of labels."""
    return method_name(key, lang)


def severity(name: str, lang: Language | None = None) -> str:
    """A severity in words."""
    return tr(_SEVERITIES[name], lang)


def part(name: str, lang: Language | None = None) -> str:
    """A part in words."""
    return tr(_PARTS.get(name, name), lang)


def _shown(name: str, value: Any, lang: Language | None) -> str:
    named = {"part": part, "baseline": method, "metric": metric_name}
    if name in named:
        return named[name](value, lang)
    if isinstance(value, str):
        return value
    if name in _SHARES:
        return f"{100 * value:.1f}"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.3g}" if abs(value) < 0.001 else f"{value:,.4g}"
