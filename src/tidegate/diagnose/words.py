"""Findings in plain words: a title, what was seen, why, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from tidegate.core.names import method_name, metric_name
from tidegate.core.translate import Language, tr

_SHARES = frozenset(
    {"rise", "worse", "gain", "jumps", "clipped", "saturated", "dead", "share", "usual", "explained", "unused"}
    | {"growth", "outside", "moved", "skill", "harm", "recall", "rest", "accuracy", "inside"}
)


class _Words(NamedTuple):
    title: str
    seen: str
    cause: str
    advice: str


_WORDS = {
    "leak": _Words(
        "The answer leaks into the inputs",
        "The column {column} gives away {share} % of the target's variation at the very steps to be forecast, more "
        "than an honest covariate does.",
        "The column holds the target, or is computed from it or from later values, so it will not be there in "
        "production.",
        "Leave the column out, unless its values are truly known when the forecast is made.",
    ),
    "unscaled_inputs": _Words(
        "Inputs are badly scaled",
        "The input {column} has mean {mean} and deviation {deviation} when it enters the network ({columns} such "
        "inputs); it should be near 0 and 1.",
        "Gates work between about -4 and 4: far larger inputs hold them open or shut, far smaller ones are not seen.",
        "Scale the inputs.",
    ),
    "outliers": _Words(
        "A few wild values dominate the loss",
        "One hundredth of the errors makes up {share} % of the training loss (normal errors: {usual} %). The target "
        "{column} has {count} values beyond 10 interquartile ranges, the farthest at {wild}.",
        "Faulty readings or rare events pull the weights towards themselves, and stretch the scale of everything else.",
        "Check these values; use a loss and a scale that single values cannot bend.",
    ),
    "learning_rate_high": _Words(
        "The learning rate is too high",
        "Training at {rate} for {steps} steps ended at a validation loss of {loss}; an untrained copy, trained at "
        "{probe_rate}, reached {probe_loss} in {probe_steps} steps.",
        "Every step jumps over the valley that it should descend into.",
        "Lower the learning rate.",
    ),
    "exploding_gradients": _Words(
        "Gradients explode",
        "The gradient's norm was typically {typical} and at most {largest}, with clipping at {clip}; {clipped} % of "
        "the steps were clipped.",
        "A product of many factors above 1 over the time steps, too large a rate, or inputs out of scale.",
        "Clip the gradient and lower the learning rate.",
    ),
    "learning_rate_low": _Words(
        "The learning rate is too low",
        "Training at {rate} for {steps} steps ended at a validation loss of {loss}; an untrained copy, trained at "
        "{probe_rate}, reached {probe_loss} in {probe_steps} steps.",
        "The steps are so small that the training ends before it gets anywhere.",
        "Raise the learning rate.",
    ),
    "stopped_early": _Words(
        "Training stopped too early",
        "After {epochs} epochs ({steps} steps) the loss was still falling: 60 steps more lower the validation loss by "
        "{gain} %.",
        "The limit of epochs ended the training, not the validation loss.",
        "Allow more epochs; patience ends the training when it no longer pays.",
    ),
    "vanishing_gradients": _Words(
        "Gradients vanish over time or depth",
        "Over {steps} recurrent steps the gradient at the oldest is {ratio} of that at the newest (lowest layer over "
        "the highest: {layer_ratio}), and the old values would still explain some of the errors.",
        "A product of many factors below 1: what lies far back has no say in the training.",
        "Shorten the way: join steps (segment), let attention reach back, or use fewer layers.",
    ),
    "window_short": _Words(
        "The window is too short",
        "Values before the window of {window} steps, up to {reach} back, explain {explained} % of the variation that "
        "the model leaves.",
        "The data remember longer than the model looks back.",
        "Give the model a longer window.",
    ),
    "few_cycles": _Words(
        "Too few seasonal cycles",
        "The training part has {rows} steps: {cycles} cycles of {season} steps, and {needed} are needed to tell a "
        "cycle from chance.",
        "A cycle that was seen once or twice cannot be told from a trend or an accident.",
        "Get more history; until then keep the model small.",
    ),
    "drift": _Words(
        "The data have changed since training",
        "In the {part} the level of {column} lies {shift} deviations from that of the training part and "
        "{outside} % of its values are outside the range seen in training; the error grows {gap} times as much as that "
        "of a simple method.",
        "A trend or a break: the model is asked about values it never saw.",
        "Forecast the change from each window's last value, and train again on recent data.",
    ),
    "useless_features": _Words(
        "Some columns are not used",
        "Shuffling {columns} ({count} of {of} columns) does not raise the validation loss.",
        "They tell nothing about the target that the rest does not, and give the model chances to learn accidents.",
        "Leave them out.",
    ),
    "overfitting": _Words(
        "Overfitting",
        "From the training to the validation part the error grows {gap} times as much as that of a simple method. The "
        "validation loss was lowest in epoch {best_epoch} of {epochs} and ended {rise} % above that. {parameters} "
        "weights for {values} training values.",
        "The network learns accidents of the training part by heart.",
        "Make it harder to learn by heart: dropout, fewer units, more data.",
    ),
    "underfitting": _Words(
        "Underfitting",
        "The error is {worse} % above that of a simple method ({baseline}: {baseline_error}, model: {error}), in "
        "training as in validation; {hidden_size} units per layer.",
        "The network is too small or too restrained for what the data hold.",
        "Give it more units or layers, or less dropout.",
    ),
    "unstable_loss": _Words(
        "The loss is unstable",
        "In {jumps} % of the {epochs} epochs the validation loss jumped, at worst to {worst} times the one before.",
        "Single batches throw the weights far off.",
        "Lower the learning rate, clip harder.",
    ),
    "saturated_gates": _Words(
        "Gates are stuck",
        "{saturated} % of the gate values are fully open or shut, and {dead} % of the units never move.",
        "Too large inputs, weights or steps drove the gates to their ends, where no gradient moves them.",
        "Scale the inputs, lower the learning rate.",
    ),
    "lag_copy": _Words(
        "The forecast repeats the last value",
        "The forecast moves {moved} % as far from the last value as the actual values do, and is {skill} % better than "
        "repeating it.",
        "The inputs tell nothing of where the target goes next, or the model found nothing but the last value.",
        "Forecast changes, add columns that move before the target does; if nothing helps, repeat the last value.",
    ),
    "window_long": _Words(
        "The window is longer than the memory in the data",
        "With all but the newest {needed} of {window} steps taken from other windows, the validation loss grows by "
        "only {growth} %.",
        "The older steps tell nothing more, and cost time.",
        "A shorter window trains faster at the same error.",
    ),
    "wasted_epochs": _Words(
        "Epochs were wasted",
        "The validation loss was lowest in epoch {best_epoch} of {epochs}; the rest took {seconds} s.",
        "Training went on although the kept weights no longer changed.",
        "Stop sooner.",
    ),
    "beaten": _Words(
        "A simple method is better",
        "In the {part} the model's {metric} is {model}, that of a simple method ({baseline}) {reference}, more than "
        "chance explains.",
        "The network is the wrong tool here, or has too little to learn from; no single option stands out.",
        "Use the simple method until the model is better; try other columns or a longer history.",
    ),
    "capacity": _Words(
        "Many weights for little data",
        "{parameters} weights for {values} training values, {ratio} for each.",
        "A smaller network may do as well, and forgets less of what matters.",
        "Try fewer units.",
    ),
    "group_leak": _Words(
        "The same source on both sides of the split",
        "{share} % of the validation sequences come from sources that the training part holds ({count}, such as "
        "{names}). Wrong answers there: {inside} %, elsewhere: {outside} %.",
        "A speaker, patient or machine is recognised, not what it says or how it runs; new ones will be judged worse.",
        "Name the column of the source as group, so that none is on both sides.",
    ),
    "label_noise": _Words(
        "Some labels look wrong",
        "{count} of {of} labels ({share} %) of the {part} are contradicted by a model that is sure of another class, "
        "such as {names}.",
        "Slips of those who labelled, or classes that are not told apart.",
        "Look at these first; mend or drop what is wrong, and smooth the labels that stay.",
    ),
    "few_examples": _Words(
        "Too few examples of some classes",
        "{count} of {of} classes have fewer than {needed} examples in the training part, the rarest {least}: {names}.",
        "What a class looks like cannot be learned, nor judged, from a handful.",
        "Collect more, join such classes with others, or leave them out.",
    ),
    "class_imbalance": _Words(
        "A rare class is missed",
        "The class {name} has {count} training examples, {share} % of those of the commonest; of its validation "
        "examples {recall} % are found, of all others {rest} %.",
        "Answering with common classes is nearly always right, so that the loss hardly asks for the rare one.",
        "Weigh classes by how rare they are, collect more of this one, and judge by balanced accuracy.",
    ),
    "threshold": _Words(
        "The threshold is badly chosen",
        "From a probability of {used} on the answer is yes; from {better} on, balanced accuracy would be {gain} points "
        "higher than {accuracy} %, on halves that did not choose it.",
        "Classes of different size, or weights in training, move the probabilities away from one half.",
        "Let validation choose the threshold.",
    ),
    "label_overfitting": _Words(
        "Overfitting",
        "The error is {train_error} in the training part and {validation_error} in the validation part. {parameters} "
        "weights for {examples} training examples.",
        "The network learns its examples by heart.",
        "Make it harder to learn by heart: dropout, fewer units, augmentation, more data.",
    ),
    "label_rate_low": _Words(
        "The learning rate is too low",
        "With a rate of {rate} (usual: {usual_rate}) the error in training is {train_error}, where a model that knows "
        "nothing has {baseline_error}; the validation loss was lowest at epoch {best_epoch} of {epochs}.",
        "The steps are too small: the training ends long before the network has learned what the data hold.",
        "Raise the rate.",
    ),
    "few_steps": _Words(
        "Trained too briefly",
        "After {steps} steps in {epochs} epochs the error in training is {train_error}, where a model that knows "
        "nothing has {baseline_error}.",
        "So few steps move the weights hardly away from where chance put them.",
        "Train for more epochs; about 1,500 steps are usual.",
    ),
    "few_units": _Words(
        "Too few units",
        "{hidden_size} units per layer; the error in training is {train_error}, where a model that knows nothing has "
        "{baseline_error}.",
        "A handful of units cannot hold what tells the sequences apart.",
        "Give it more units.",
    ),
    "label_underfitting": _Words(
        "Underfitting",
        "The error {error} is above that of a simple method ({baseline}: {baseline_error}), and {train_error} in the "
        "training part; {hidden_size} units per layer.",
        "The network is too small, too restrained, or was trained too briefly for what the data hold.",
        "Give it more units, more epochs, or less dropout.",
    ),
    "dirty_training": _Words(
        "Anomalies in the training part",
        "{events} events alarm on the {rows} rows of the training part, where the budget allows {allowed}.",
        "What was odd there was learned as ordinary, so that the same passes unseen later; or the process changed.",
        "Label these rows (label=), which keeps them out of the training, or begin the training part later.",
    ),
    "few_errors": _Words(
        "Too few errors to tell how rare an alarm is",
        "{rows} errors were measured, and a row alarms at a p of {threshold} and below: {needed} errors would hold one "
        "as rare as that.",
        "Beyond the largest error that was seen, rarity is extrapolated along an assumed tail.",
        "Train and validate on more rows, or allow more alarms.",
    ),
    "p_values_small": _Words(
        "p-values are smaller than they should be",
        "Of the {rows} rows after the training part, {share} % have a p of {level} or below: {times} times as many as "
        "there should be.",
        "These rows are noisier than, or otherwise unlike, those that the errors were measured on.",
        "Train on rows like these, and let streams adapt; until then expect more alarms than the budget.",
    ),
    "p_values_large": _Words(
        "p-values are larger than they should be",
        "Of the {rows} rows after the training part, only {share} % have a p of {level} or below.",
        "The errors were measured on rows that are noisier, or hold anomalies, so that the detector is less sensitive.",
        "Label anomalies in the training and the validation part, or begin them later.",
    ),
    "many_alarms": _Words(
        "More alarms than the budget allows",
        "{events} events alarm on the {rows} rows of the {part}, where the budget allows {allowed}.",
        "They are anomalies, or the rows are no longer like those of the training part.",
        "Look at the events; where they are ordinary, train on rows like these.",
    ),
    "alarm_drift": _Words(
        "The data have changed since training",
        "In the {part} the level of {column} lies {shift} deviations from that of the training part and {outside} % of "
        "its values are outside the range seen in training; the error grows {gap} times as much as that of repeating "
        "the last value.",
        "A trend or a break: the detector is asked about values it never saw.",
        "Train again on recent rows, and let streams adapt.",
    ),
    "alarm_underfitting": _Words(
        "What is expected is too far off",
        "The values expected are {worse} % farther from those that come than a simple method's ({baseline}: "
        "{baseline_error}, model: {error}); {hidden_size} units per layer.",
        "What is ordinary was not learned, so that only large anomalies stand out.",
        "Give it more units, or a longer training.",
    ),
}

_SEVERITIES = {"info": "could be better", "warning": "costs accuracy", "critical": "do not use it like this"}
_PARTS = {"train": "training part", "validation": "validation part", "test": "test part"}
_LOSS, _LAGS = ("Epoch", "Loss"), ("Lag in steps", "Correlation")
_AXES = {
    "exploding_gradients": ("Epoch", "Gradient norm"),
    "vanishing_gradients": ("Steps back", "Gradient norm"),
    "overfitting": _LOSS,
    "unstable_loss": _LOSS,
    "stopped_early": _LOSS,
    "wasted_epochs": _LOSS,
    "window_short": _LAGS,
    "window_long": _LAGS,
    "drift": ("Value", "Share in %"),
    "saturated_gates": ("Value of a gate", "Share in %"),
    "outliers": ("Step of the training part", "Value"),
    "few_cycles": ("Step of the training part", "Value"),
    "lag_copy": ("Validation window", "Value"),
    "label_overfitting": _LOSS,
    "label_rate_low": _LOSS,
    "few_steps": _LOSS,
    "few_units": _LOSS,
    "threshold": ("Probability", "Share in %"),
    "alarm_drift": ("Value", "Share in %"),
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
_CHANGE = "{advice} Options to change: {options}."


def title(id: str, lang: Language | None = None) -> str:
    """A finding's name."""
    return tr(_WORDS[id].title, lang)


def seen(id: str, evidence: Mapping[str, Any], lang: Language | None = None) -> str:
    """What was seen, with its numbers."""
    values = {name: _shown(name, value, lang) for name, value in evidence.items()}
    if id == "leak" and not evidence["column"]:
        return tr(_SUSPICIOUS, lang, **values)
    return tr(_WORDS[id].seen, lang, **values)


def cause(id: str, lang: Language | None = None) -> str:
    """Why it happens."""
    return tr(_WORDS[id].cause, lang)


def advice(id: str, remedy: Mapping[str, Any], lang: Language | None = None) -> str:
    """What to do; the remedy as `name=value`."""
    plain = tr(_WORDS[id].advice, lang)
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
