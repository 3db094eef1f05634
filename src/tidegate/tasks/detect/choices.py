"""A detector's arguments, checked before any data is read."""

from __future__ import annotations

import math
from typing import Any

from tidegate.core.errors import ConfigError
from tidegate.core.frequency import Frequency
from tidegate.prepare.online import FEATURES
from tidegate.runtime.detect.alarms import budget_threshold
from tidegate.runtime.detect.rules import METHODS, Rules
from tidegate.tasks.detect.fit import DetectorChoices
from tidegate.tasks.options import CELLS, choice, group, overrule, whole
from tidegate.train.options import TrainOptions

LOSSES = ("huber", "mae", "mse")
WINDOW = 48
TRAINING = (
    "optimizer",
    "learning_rate",
    "schedule",
    "batch_size",
    "max_epochs",
    "patience",
    "min_delta",
    "clip",
    "seed",
)


def check_detector(model: Any) -> None:
    """Refuse constructor arguments that cannot work.

    Raises:
        ConfigError: naming the argument and what it may be.
    """
    choice("method", model.method, METHODS)
    choice("cell", model.cell, CELLS)
    choice("loss", model.loss, LOSSES)
    for name, least in (
        ("hidden_size", 1),
        ("num_layers", 1),
        ("head_size", 1),
        ("warm_up", 0),
        ("refractory", 1),
        ("short", 1),
        ("seed", 0),
    ):
        whole(name, getattr(model, name), least)
    if model.window is not None:
        whole("window", model.window, 2)
    for name in ("dropout",):
        value = getattr(model, name)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1:
            raise ConfigError(f"{name} is a share from 0 up to, but not, 1; got {value!r}")
    for name in ("alarms_per_week", "alarms_per_day", "tail"):
        value = getattr(model, name)
        optional = value is None and name == "alarms_per_day"
        if not optional and not (_number(value) and 0 < value < math.inf):
            raise ConfigError(f"{name} is a number above 0; got {value!r}")
    if model.adapt is not True and model.adapt is not False:
        whole("adapt", model.adapt, 100)
    if model.lags is not None:
        if not isinstance(model.lags, (tuple, list)):
            raise ConfigError(f"lags is a list of whole numbers of steps, () for none; got {model.lags!r}")
        for lag in model.lags:
            whole("lags", lag, 1)
    if model.calendar is not None:
        for name in model.calendar:
            choice("calendar", name, FEATURES)
    training(model)


def training(model: Any) -> TrainOptions:
    """How the network is trained: the group, with the model's own arguments put in."""
    own = {name: getattr(model, name) for name in TRAINING}
    found: TrainOptions = overrule(group(TrainOptions, model.training), model.training, own)
    return found


def detector_choices(model: Any, frequency: Frequency, dated: bool) -> DetectorChoices:
    """The options of a detector for a table with this step between rows.

    Raises:
        ConfigError: a budget of more alarms than every tenth step.
    """
    window = WINDOW if model.window is None else model.window
    per_week = model.alarms_per_week if model.alarms_per_day is None else 7 * model.alarms_per_day
    memory = {True: Rules.memory, False: 0}[model.adapt] if isinstance(model.adapt, bool) else model.adapt
    warm_up = model.warm_up if model.method == "forecast" else max(model.warm_up, window)
    rules = Rules(
        method=model.method,
        threshold=budget_threshold(per_week, frequency.microseconds if dated else None),
        budget=float(per_week),
        short=model.short,
        refractory=model.refractory,
        warm_up=warm_up,
        memory=memory,
        tail=float(model.tail),
        gap=window,
    )
    return DetectorChoices(
        method=model.method,
        window=window,
        cell=model.cell,
        hidden_size=model.hidden_size,
        num_layers=model.num_layers,
        dropout=float(model.dropout),
        head_size=model.head_size,
        lags=None if model.lags is None else tuple(model.lags),
        calendar=None if model.calendar is None else tuple(model.calendar),
        loss=model.loss,
        training=training(model),
        rules=rules,
    )


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
