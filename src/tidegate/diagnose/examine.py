"""The examination: what all checks may look at, each measured once and only when asked for."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.diagnose.evidence import Case, Network, Training
from tidegate.diagnose.measure import Measures, Probes, column_use, probe, race, spread, window_use
from tidegate.evaluate import Evaluation
from tidegate.evaluate.forecast.evaluate import evaluate_forecasts
from tidegate.evaluate.verdict import skill_of

WINDOWS = 64
CLOSED, OPEN = 0.01, 0.99  # a gate beyond these hardly moves any more
GATE_BINS = 20
SQUASHED = {"i", "f", "o", "r", "z"}  # gates behind a sigmoid
RACE = 2_500_000_000  # weights times recurrent steps times steps of a training that stands beside the whole one
SHORTEST = 120  # of its steps
SETTLED = 0.1  # error over that of the last or seasonal value, below which nothing much is left to gain


@dataclass(frozen=True)
class Flow:
    """Gradients and gates of the encoder on `WINDOWS` training windows. S recurrent steps, L layers, H units.

    Attributes:
        by_lag: [S] norm of the loss's gradient with respect to the recurrence's input, newest step first; of sequences
            of different length each lag's norm is that of as many as reach so far, as if all did.
        by_layer: [L] root mean square of the gradient of a layer's weights, lowest first.
        saturated: share of gate values below `CLOSED` or above `OPEN`.
        dead: share of units whose output does not change over windows and steps (deviation below 1e-4).
        steps: window steps of one recurrent step.
        gates: [20] share of the gate values in each twentieth from 0 to 1.
    """

    by_lag: NDArray[np.float64]
    by_layer: NDArray[np.float64]
    saturated: float
    dead: float
    steps: int
    gates: NDArray[np.float64]


def measure_flow(case: Network) -> Flow | None:
    """Backpropagate the training loss of a sample through a copy of the network; None without a recurrence."""
    import torch

    network = copy.deepcopy(case.network)
    layer: Any = next((part for part in network.modules() if isinstance(part, torch.nn.RNNBase)), None)
    if layer is None:
        return None
    seen: list[Any] = []

    def enter(_: Any, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        entering = inputs[0].detach().requires_grad_(True) if not inputs[0].requires_grad else inputs[0]
        entering.retain_grad()
        seen.append(entering)
        return (entering, *inputs[1:])

    handle = layer.register_forward_pre_hook(enter)
    batch = case.batch(spread(case.origins["train"], WINDOWS))
    network.zero_grad(set_to_none=True)
    case.loss(network, batch).backward()
    handle.remove()
    entering = seen[0]
    gradient = entering.grad if entering.grad is not None else torch.zeros_like(entering)
    by_lag = _by_lag(gradient.square().sum(dim=2).numpy().astype(np.float64))
    layers = []
    for index in range(layer.num_layers):
        own = [weight.grad for name, weight in layer.named_parameters() if f"_l{index}" in name]
        squares = sum(float(part.square().sum()) for part in own if part is not None)
        layers.append((squares / max(sum(part.numel() for part in own if part is not None), 1)) ** 0.5)
    with torch.no_grad():
        output, _, gates = layer(entering.detach(), return_gates=True)
        held = [getattr(gates, name) for name in gates.names if name in SQUASHED]
        values = torch.stack([part.reshape(-1) for part in held])
        counts = np.histogram(values.numpy(), bins=GATE_BINS, range=(0.0, 1.0))[0]
        saturated = float(((values < CLOSED) | (values > OPEN)).float().mean())
        dead = float((output.reshape(-1, output.shape[-1]).std(dim=0) < 1e-4).float().mean())
    return Flow(by_lag, np.array(layers), saturated, dead, max(1, case.window // len(by_lag)), counts / counts.sum())


def _by_lag(squares: NDArray[np.float64]) -> NDArray[np.float64]:
    """[S] norms by lag, newest first, from [B, S] squares; a sequence ends at its last step that has a gradient."""
    steps = squares.shape[1]
    ends = np.where(squares.any(axis=1), steps - np.argmax(squares[:, ::-1] > 0, axis=1), steps)
    lags = ends[:, None] - 1 - np.arange(steps)
    found = np.where(lags >= 0, np.take_along_axis(squares, np.maximum(lags, 0), axis=1), 0.0).sum(axis=0)
    reaching = (lags >= 0).sum(axis=0)
    return np.asarray(np.sqrt(found * len(squares) / np.maximum(reaching, 1)))


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
