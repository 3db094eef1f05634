"""A detector's arguments, checked before any data is read and put in groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from tidegate.core.checks import Checked, Count, Positive, Range, Whole, check_fields
from tidegate.core.frequency import Frequency
from tidegate.prepare.online import Feature
from tidegate.runtime.detect.rules import Rules, budget_threshold, usual_budget
from tidegate.tasks.options import RecurrentOptions, group, recurrent_options, training_options
from tidegate.train.options import TrainOptions

Loss = Literal["huber", "mae", "mse"]
WINDOW = 48
MEMORY = 8_000  # errors that a stream remembers
USUAL = {"batch_size": 32, "max_epochs": 30, "patience": 8}


@dataclass(frozen=True)
class DetectorNetwork(Checked):
    """The finer choices of a detector's network.

    Attributes:
        head_size: units between the recurrence and the forecast.
        lags: seasons, in steps, whose last value the network sees; None finds one, () takes none.
    """

    head_size: Count = 16
    lags: tuple[Count, ...] | None = None


@dataclass(frozen=True)
class DetectorPreparation(Checked):
    """What a detector reads besides the values.

    Attributes:
        calendar: of `minute`, `hour`, `day_of_week`; None chooses from the step between rows, () takes none.
    """

    calendar: tuple[Feature, ...] | None = None


@dataclass(frozen=True)
class AlarmOptions(Checked):
    """When an error is an alarm.

    Attributes:
        alarms_per_day: false alarms that one stream may give in a day; given, it counts instead of `alarms_per_week`.
        warm_up: steps at the start of a stream that are not judged; a reconstruction needs a whole window.
        refractory: quiet steps after which an alarm counts as a new event.
        short: steps that a run of errors is averaged over.
        tail: index a of the tail far beyond the largest error; the smaller, the heavier.
        adapt: errors that a stream remembers, so that it follows a drift; True 8,000, False never changes.
        groups: name -> channels that are ranked and counted together, apart from the others; `auto` takes channels of
            two values apart, None puts all together.
    """

    alarms_per_day: Positive | None = None
    warm_up: Whole = 16
    refractory: Count = 60
    short: Count = 10
    tail: Positive = 8.0
    adapt: bool | Annotated[int, Range(100)] = True
    groups: Literal["auto"] | Mapping[str, Sequence[str]] | None = "auto"


@dataclass(frozen=True)
class DetectorChoices:
    """A detector's options, checked and grouped.

    Attributes:
        recurrent: sizes of the recurrence. network, preparation, training, alarms: the groups.
        method: `forecast` or `reconstruction`. window: T. loss: of the training. alarms_per_week: the budget, or None.
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
    alarms_per_week: float | None
    ensemble_size: int = 1

    def rules(self, frequency: Frequency, dated: bool) -> Rules:
        """The rules of alarms for a table with this step between rows.

        Raises:
            ConfigError: a budget of more alarms than every tenth step.
        """
        own = self.alarms
        step = frequency.microseconds if dated else None
        given = self.alarms_per_week if own.alarms_per_day is None else 7 * own.alarms_per_day
        per_week = usual_budget(step) if given is None else given
        memory = {True: MEMORY, False: 0}[own.adapt] if isinstance(own.adapt, bool) else own.adapt
        return Rules(
            method=self.method,
            threshold=budget_threshold(per_week, step),
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
    check_fields(model)
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
        ensemble_size=model.ensemble_size,
    )
