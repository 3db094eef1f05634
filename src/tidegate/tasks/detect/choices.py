"""A detector's arguments, checked before any data is read and put in groups."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from tidegate.core.errors import ConfigError
from tidegate.core.frequency import Frequency
from tidegate.prepare.online import FEATURES
from tidegate.runtime.detect.rules import METHODS, Rules, budget_threshold
from tidegate.tasks.options import (
    RecurrentOptions,
    check_ensemble,
    choice,
    group,
    recurrent_options,
    training_options,
    whole,
)
from tidegate.train.options import TrainOptions

LOSSES = ("huber", "mae", "mse")
WINDOW = 48
USUAL = {"batch_size": 32, "max_epochs": 30, "patience": 8}


@dataclass(frozen=True)
class DetectorNetwork:
    """The finer choices of a detector's network.

    Attributes:
        head_size: units between the recurrence and the forecast.
        lags: seasons, in steps, whose last value the network sees; None finds one, () takes none.
    """

    head_size: int = 16
    lags: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        whole("head_size", self.head_size, 1)
        if self.lags is not None:
            if not isinstance(self.lags, (tuple, list)):
                raise ConfigError(f"lags is a list of whole numbers of steps, () for none; got {self.lags!r}")
            for lag in self.lags:
                whole("lags", lag, 1)


@dataclass(frozen=True)
class DetectorPreparation:
    """What a detector reads besides the values.

    Attributes:
        calendar: of `minute`, `hour`, `day_of_week`; None chooses from the step between rows, () takes none.
    """

    calendar: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        for name in self.calendar or ():
            choice("calendar", name, FEATURES)


@dataclass(frozen=True)
class AlarmOptions:
    """When an error is an alarm.

    Attributes:
        alarms_per_day: false alarms that one stream may give in a day; given, it counts instead of `alarms_per_week`.
        warm_up: steps at the start of a stream that are not judged; a reconstruction needs a whole window.
        refractory: quiet steps after which an alarm counts as a new event.
        short: steps that a run of errors is averaged over.
        tail: index a of the tail far beyond the largest error; the smaller, the heavier.
        adapt: errors that a stream remembers, so that it follows a drift; True 8,000, False never changes.
    """

    alarms_per_day: float | None = None
    warm_up: int = 16
    refractory: int = 60
    short: int = 10
    tail: float = 8.0
    adapt: bool | int = True

    def __post_init__(self) -> None:
        for name, least in (("warm_up", 0), ("refractory", 1), ("short", 1)):
            whole(name, getattr(self, name), least)
        if self.alarms_per_day is not None:
            positive("alarms_per_day", self.alarms_per_day)
        positive("tail", self.tail)
        if self.adapt is not True and self.adapt is not False:
            whole("adapt", self.adapt, 100)


@dataclass(frozen=True)
class DetectorChoices:
    """A detector's options, checked and grouped.

    Attributes:
        recurrent: sizes of the recurrence. network, preparation, training, alarms: the groups.
        method: `forecast` or `reconstruction`. window: T. loss: of the training. alarms_per_week: the budget.
        ensemble_size: networks that are averaged.
    """

    recurrent: RecurrentOptions
    network: DetectorNetwork
    preparation: DetectorPreparation
    training: TrainOptions
    alarms: AlarmOptions
    method: str
    window: int
    loss: Any
    alarms_per_week: float
    ensemble_size: int = 1

    def rules(self, frequency: Frequency, dated: bool) -> Rules:
        """The rules of alarms for a table with this step between rows.

        Raises:
            ConfigError: a budget of more alarms than every tenth step.
        """
        own = self.alarms
        per_week = self.alarms_per_week if own.alarms_per_day is None else 7 * own.alarms_per_day
        memory = {True: Rules.memory, False: 0}[own.adapt] if isinstance(own.adapt, bool) else own.adapt
        return Rules(
            method=self.method,
            threshold=budget_threshold(per_week, frequency.microseconds if dated else None),
            budget=float(per_week),
            short=own.short,
            refractory=own.refractory,
            warm_up=own.warm_up if self.method == "forecast" else max(own.warm_up, self.window),
            memory=memory,
            tail=float(own.tail),
            gap=self.window,
        )


def detector_choices(model: Any) -> DetectorChoices:
    """A detector's constructor arguments in groups; what cannot work is refused.

    Raises:
        ConfigError: naming the argument and what it may be.
    """
    choice("method", model.method, METHODS)
    choice("loss", model.loss, LOSSES)
    if model.window is not None:
        whole("window", model.window, 2)
    positive("alarms_per_week", model.alarms_per_week)
    training, auto = training_options(model, TrainOptions)
    usual: dict[str, Any] = {name: USUAL[name] for name in auto}
    return DetectorChoices(
        recurrent=recurrent_options(model),
        network=group(DetectorNetwork, model.network),
        preparation=group(DetectorPreparation, model.preparation),
        training=replace(training, **usual),
        alarms=group(AlarmOptions, model.alarms),
        method=model.method,
        window=WINDOW if model.window is None else model.window,
        loss=model.loss,
        alarms_per_week=model.alarms_per_week,
        ensemble_size=check_ensemble(model.ensemble_size),
    )


def positive(name: str, value: Any) -> None:
    """Refuse anything but a finite number above 0."""
    if not (isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < math.inf):
        raise ConfigError(f"{name} is a number above 0; got {value!r}")
