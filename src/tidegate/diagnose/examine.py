"""The examination: what all checks may look at, each measured once and only when asked for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np

from tidegate.diagnose.ablate import column_use, window_use
from tidegate.diagnose.evidence import Case, Network, Training
from tidegate.diagnose.flow import Flow, measure_flow
from tidegate.diagnose.measure import Measures
from tidegate.diagnose.probe import Probes, probe, race
from tidegate.evaluate import Evaluation
from tidegate.evaluate.forecast.evaluate import evaluate_forecasts
from tidegate.evaluate.verdict import skill_of

RACE = 2_500_000_000  # weights times recurrent steps times steps of a training that stands beside the whole one
SHORTEST = 120  # of its steps
SETTLED = 0.1  # error over that of the last or seasonal value, below which nothing much is left to gain


class Flowing:
    """The measurements of a network that gradients are sent through."""

    def __init__(self, case: Network) -> None:
        self.network: Network = case

    @cached_property
    def flow(self) -> Flow | None:
        """Gradients and gates of the encoder."""
        return measure_flow(self.network)

    @cached_property
    def parameters(self) -> int:
        """Weights of the network."""
        return sum(weight.numel() for weight in self.network.network.parameters())

    @cached_property
    def steps(self) -> int:
        """Steps of the whole training."""
        return sum(epoch.steps for epoch in self.network.history)


class Tried(Flowing):
    """The measurements of a training that can be tried again."""

    def __init__(self, case: Training) -> None:
        super().__init__(case)
        self.training = case
        self._rivals: dict[float, tuple[int, float]] = {}

    @cached_property
    def probes(self) -> Probes:
        """Short trainings at other rates, and a little further."""
        return probe(self.training)

    def rival(self, rate: float) -> tuple[int, float]:
        """Steps, and the validation loss of an untrained copy after that many at a rate.

        As many as the training had, up to what some ten seconds of one core allow.
        """
        if rate not in self._rivals:
            recurrent = 1 if self.flow is None else len(self.flow.by_lag)
            most = max(RACE // max(self.parameters * recurrent, 1), SHORTEST)
            steps = min(max(self.steps, 1), most)
            self._rivals[rate] = steps, race(self.training, rate, steps)
        return self._rivals[rate]


class Examined(Tried):
    """The measurements of a forecaster's case."""

    def __init__(self, case: Case) -> None:
        super().__init__(case)
        self.case = case
        self.measures = Measures(case)

    @cached_property
    def settled(self) -> bool:
        """Whether so little error is left, beside the last or the seasonal value, that its causes hardly matter."""
        measures = self.measures
        return measures.error("validation") < SETTLED * measures.naive("validation")

    @cached_property
    def window_use(self) -> Mapping[int, float]:
        """Steps kept of the window -> growth of the loss."""
        return window_use(self.case)

    @cached_property
    def column_use(self) -> Mapping[str, float]:
        """Column -> growth of the loss without it."""
        return column_use(self.case)

    @cached_property
    def evaluation(self) -> Evaluation:
        """The model beside the baselines on the validation sample."""
        case, rows = self.case, self.measures.origins["validation"]
        forecast, _ = self.measures.raw("validation")
        return evaluate_forecasts(
            case.table, case.split, case.prepared, rows, forecast, window=case.window, horizon=case.horizon, ridge=True
        )

    @property
    def skill(self) -> float:
        """Against the best baseline that sees nothing of the steps to forecast but the calendar."""
        error, baseline, _ = self.against_baselines(known=not self.case.table.schema.known)
        return skill_of(error, baseline)

    def against_baselines(self, *, known: bool = True) -> tuple[float, float, str | None]:
        """The model's criterion, the best baseline's, and its name; baselines that see ahead only where `known`."""
        found = self.evaluation
        own = {name: found.overall[name][found.criterion] for name in found.methods if name != "model"}
        own = {name: value for name, value in own.items() if np.isfinite(value) and (known or name != "ridge_known")}
        if not own:
            return float("nan"), float("nan"), None
        best = min(own, key=lambda name: own[name])
        return found.overall["model"][found.criterion], own[best], best

    @cached_property
    def values(self) -> int:
        """Observed target values of the training part."""
        rows = self.case.split.train
        return sum(
            int(np.count_nonzero(~np.isnan(self.case.table.columns[name][first:end])))
            for name in self.case.table.schema.targets
            for first, end in rows
        )

    @property
    def lags(self) -> tuple[int, ...]:
        """Steps back that the network's head reads directly."""
        spec = getattr(self.case.network, "spec", None)
        if spec is None:
            return (0,)
        head = spec.find("decoder") or spec.find("head")
        return (spec.anchor, *(head.lags if head is not None else ()))


def measured(case: Network) -> Flowing:
    """All that can be measured on such a case."""
    if isinstance(case, Case):
        return Examined(case)
    return Tried(case) if isinstance(case, Training) else Flowing(case)
