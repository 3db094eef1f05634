"""Findings brought into agreement, and ranked: root cause first."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tidegate.diagnose.finding import ON, SEVERITIES, Finding

NONE_IS_ENDLESS = frozenset({"patience", "clip"})  # 0 means without a limit
COLUMNS = "columns"  # the way of a list: only ever fewer
SIZE = {"hidden_size": 1, "num_layers": 1, "dropout": -1}  # what makes a network fit closer, or looser
LABELS = frozenset({"few_steps", "few_units", "label_underfitting", "class_imbalance", "label_noise", "threshold"})
# A cause -> what it brings about. Where both are found, the cause comes first.
EXPLAINS: dict[str, frozenset[str]] = {
    "leak": frozenset({"overfitting", "drift", "useless_features", "window_long", "outliers"}),
    "independent": frozenset(  # nothing is to be learned: what it explains is not shown beside it
        {"learning_rate_high", "learning_rate_low", "stopped_early", "wasted_epochs", "window_short", "window_long"}
        | {"few_cycles", "useless_features", "overfitting", "underfitting", "vanishing_gradients", "saturated_gates"}
        | {"lag_copy", "capacity", "drift"}
    ),
    "unrelated": frozenset(  # as well
        {"learning_rate_high", "learning_rate_low", "stopped_early", "wasted_epochs", "vanishing_gradients"}
        | {"saturated_gates", "class_imbalance", "threshold", "label_overfitting", "label_underfitting"}
    ),
    "unscaled_inputs": frozenset(
        {
            "learning_rate_high",
            "learning_rate_low",
            "stopped_early",
            "unstable_loss",
            "exploding_gradients",
            "vanishing_gradients",
            "saturated_gates",
            "underfitting",
            "overfitting",
            "window_short",
            "drift",
            "lag_copy",
        }
    ),
    "outliers": frozenset(
        {"unscaled_inputs", "unstable_loss", "exploding_gradients", "underfitting", "overfitting", "window_short"}
        | {"drift", "learning_rate_high", "learning_rate_low", "stopped_early", "lag_copy"}
    ),
    "learning_rate_high": frozenset(
        {"unstable_loss", "exploding_gradients", "saturated_gates", "underfitting", "overfitting", "stopped_early"}
        | {"vanishing_gradients", "window_short", "drift", "lag_copy", "useless_features", "alarm_underfitting"}
        | {"label_overfitting"}
        | LABELS
    ),
    "exploding_gradients": frozenset({"unstable_loss", "saturated_gates", "underfitting"}),
    "same_answers": frozenset({"writing_short", "writing_long", "writing_loops"}),
    "learning_rate_low": frozenset(
        {"stopped_early", "underfitting", "lag_copy", "window_short", "vanishing_gradients", "drift", "overfitting"}
        | {"useless_features", "alarm_underfitting"}
        | LABELS
    ),
    "stopped_early": frozenset(
        {"underfitting", "lag_copy", "window_short", "vanishing_gradients", "drift", "useless_features"}
        | {"alarm_underfitting"}
        | LABELS
    ),
    "vanishing_gradients": frozenset({"underfitting", "lag_copy", "label_underfitting"}),
    "window_short": frozenset({"underfitting", "lag_copy"}),
    "few_cycles": frozenset({"overfitting", "drift", "underfitting", "window_short"}),
    "drift": frozenset({"overfitting", "underfitting", "window_short"}),
    "useless_features": frozenset({"overfitting"}),
    "dirty_training": frozenset({"alarm_underfitting", "p_values_large", "unstable_loss", "alarm_drift"}),
    "alarm_drift": frozenset({"p_values_small", "many_alarms"}),
    "few_errors": frozenset({"p_values_small", "p_values_large", "many_alarms"}),
    "p_values_small": frozenset({"many_alarms"}),
    "group_leak": frozenset({"label_overfitting", "label_noise", "threshold"}),
    "label_noise": frozenset({"label_overfitting", "label_underfitting"}),
    "few_examples": frozenset({"class_imbalance", "label_overfitting"}),
    "class_imbalance": frozenset({"threshold", "label_underfitting"}),
    "few_steps": frozenset({"label_underfitting", "class_imbalance", "label_noise", "threshold"}),
    "few_units": frozenset({"few_steps", "label_underfitting", "label_noise"}),
    "label_overfitting": frozenset({"label_underfitting", "unstable_loss"}),
    "text_overfitting": frozenset({"copied_text"}),
    "overfitting": frozenset({"underfitting", "window_short", "unstable_loss", "saturated_gates", "lag_copy"}),
}


def reconcile(ranked: Sequence[Finding], config: Mapping[str, Any]) -> tuple[Finding, ...]:
    """Findings that can be followed together.

    1. A change that is there already is not advised; a finding left without any says that what helps is set.
    2. The first finding that wants an option changed settles which way; one that wants the opposite, of this option or
       of the network's size, yields: it goes where it merely could be better, else it refers to the first.
    3. Columns that an earlier finding takes out stay out.

    Args:
        ranked: root cause first. config: the estimator's options by their plain names, as they are.
    """
    claims: dict[str, tuple[Any, Finding]] = {}
    kept: list[Finding] = []
    for item in ranked:
        found = _narrowed(_without_what_is_on(item, config), claims)
        ways: dict[str, Any] = {}
        for name, value in found.remedy.items():
            ways |= _ways(name, value, config)
        rival = next((claims[axis][1] for axis, way in ways.items() if axis in claims and claims[axis][0] != way), None)
        if rival is None:
            kept.append(found)
            claims |= {axis: (way, found) for axis, way in ways.items() if axis not in claims or way == COLUMNS}
        elif item.severity != "info":
            kept.append(replace(item, remedy={}, instead=rival.id))
    return tuple(kept)


def _without_what_is_on(item: Finding, config: Mapping[str, Any]) -> Finding:
    left = {name: value for name, value in item.remedy.items() if not is_on(name, value, config)}
    if len(left) == len(item.remedy):
        return item
    return replace(item, remedy=left, instead="" if left else ON)


def is_on(name: str, value: Any, config: Mapping[str, Any]) -> bool:
    """Whether an option is what a remedy would make it."""
    plain = _plain(name)
    if plain not in config:
        return False
    own = config[plain]
    if isinstance(value, (list, tuple)) and isinstance(own, (list, tuple)):
        return list(value) == list(own)
    if isinstance(own, int) and isinstance(value, bool) and not isinstance(own, bool):
        return bool(own) == value  # a number stands for True with a size
    return (type(own) is type(value) and bool(own == value)) or _number(own, plain) == _number(value, plain) is not None


def _narrowed(item: Finding, claims: Mapping[str, tuple[Any, Finding]]) -> Finding:
    """The finding with the columns gone that an earlier one takes out."""
    changed = {}
    for name, value in item.remedy.items():
        before = claims[name][1].remedy.get(name) if name in claims else None
        if isinstance(value, list) and isinstance(before, list):
            changed[name] = [column for column in value if column in before]
    return replace(item, remedy={**item.remedy, **changed}) if changed else item


def _ways(name: str, value: Any, config: Mapping[str, Any]) -> dict[str, Any]:
    """What a change claims: its option, and the network's size where it bears on it, each with the way it goes."""
    plain = _plain(name)
    if isinstance(value, list):
        return {name: COLUMNS}
    new, own = _number(value, plain), _number(config.get(plain), plain)
    way: Any = value if new is None or own is None else int(math.copysign(1, new - own))
    sized = isinstance(way, int) and not isinstance(value, bool) and own is not None and plain in SIZE
    return {name: way} | ({"(size)": way * SIZE[plain]} if sized else {})


def _plain(name: str) -> str:
    return name.rpartition(".")[2]


def _number(value: Any, name: str) -> float | None:
    """A number that can be compared, None for what is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return math.inf if value == 0 and name in NONE_IS_ENDLESS else float(value)


def rank(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Causes before what they explain, then the graver first; findings of severity "info" explain nothing."""
    causes = [item.id for item in findings if item.severity != "info"]
    order = {id: at for at, id in enumerate(EXPLAINS)}

    def place(item: Finding) -> tuple[int, int, int, int]:
        explained = sum(item.id in EXPLAINS.get(cause, ()) for cause in causes)
        grave = -SEVERITIES.index(item.severity)
        return int(item.severity == "info"), explained, grave, order.get(item.id, len(order))

    return tuple(sorted(findings, key=place))
