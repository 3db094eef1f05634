"""The training that every task shares: members of an ensemble, trials that choose, and a refit on more data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tidegate.artifacts.spec import NetworkSpec
from tidegate.core import limit
from tidegate.core.table import Note
from tidegate.nn.network import Ensemble, Network
from tidegate.train.checkpoint import Checkpoint
from tidegate.train.history import History
from tidegate.train.isolation import seeded_network
from tidegate.train.loop import Batch, Batches, train
from tidegate.train.memory import keep_memory
from tidegate.train.options import TrainOptions
from tidegate.train.progress import NO_PROGRESS, Progress
from tidegate.train.threads import choose_threads, threads

FittedT = TypeVar("FittedT", bound="Fitted")
SEEDS_APART = 1_000  # of the members of an ensemble


class Validation:
    """Mean loss over held-out examples, each chunk weighted by what counts in it.

    Args:
        loss: mean loss of a batch. chunks: places of the examples, as they are looked at together.
        gather: the batch of some places. weigh: what counts in a batch: observed steps, or sequences.
        independent: how many of the examples do not overlap; None takes all.
    """

    def __init__(
        self,
        loss: Callable[[nn.Module, Batch], Tensor],
        chunks: Sequence[NDArray[np.int64]],
        gather: Callable[[NDArray[np.int64]], Batch],
        weigh: Callable[[Batch], int],
        independent: int | None = None,
    ) -> None:
        self.loss, self.chunks, self.gather, self.weigh = loss, chunks, gather, weigh
        self.independent = independent

    def __call__(self, network: nn.Module) -> float:
        total, count = 0.0, 0
        for places in self.chunks:
            batch = self.gather(places)
            weight = self.weigh(batch)
            total += float(self.loss(network, batch)) * weight
            count += weight
        return total / max(count, 1)

    def margin(self, network: nn.Module) -> float:
        """Standard error of the loss: that of a mean over as many examples as do not overlap."""
        with torch.no_grad():
            each = [float(self.loss(network, self.gather(place[None]))) for chunk in self.chunks for place in chunk]
        return float(np.std(each) / np.sqrt(self.independent or len(each)))


@dataclass(frozen=True)
class Problem:
    """One network and the examples that it is trained on.

    Attributes:
        spec: the network. batches: of the training part, for the options of a training.
        loss: mean loss of a batch. validation: None trains to the last epoch.
        start: tensors that the network begins with, by name, in the place of what chance gives.
    """

    spec: NetworkSpec
    batches: Callable[[TrainOptions], Batches]
    loss: Callable[[nn.Module, Batch], Tensor]
    validation: Validation | None
    start: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Trained:
    """Networks that were trained alike but for their seeds, with the history of each."""

    members: tuple[Network, ...]
    histories: tuple[History, ...]

    @property
    def loss(self) -> float:
        """Mean over the members of the lowest validation loss; infinite where none was measured."""
        found = [history.best.validation_loss for history in self.histories if history.best is not None]
        return float(np.mean(found)) if found else float("inf")

    def left(self, notes: Sequence[Note]) -> dict[str, Any]:
        """What every `Fitted` holds."""
        return {"network": self.network, "histories": self.histories, "notes": tuple(notes)}

    @property
    def network(self) -> Network | Ensemble:
        """One network alone, or several whose outputs are averaged."""
        if len(self.members) == 1:
            return self.members[0]
        ensemble = Ensemble(self.members)
        ensemble.eval()
        return ensemble


@dataclass(frozen=True)
class Fitted:
    """What a training leaves, whatever the task; tasks add what they were trained on.

    Attributes:
        network: as trained. histories: of each member, of the training that chose its epochs.
        notes: what was found, chosen and done.
        selected: the fit that chose the epochs, where this one was trained again on more data; None where this is it.
    """

    network: Network | Ensemble
    histories: tuple[History, ...]
    notes: tuple[Note, ...]
    selected: Any = field(default=None, kw_only=True)

    @property
    def held_out(self: FittedT) -> FittedT:
        """The fit that has not learned from the validation part."""
        found: FittedT = self.selected or self
        return found

    @property
    def data(self) -> Any:
        """What it was fitted on: a task's `table` or `sequences`."""
        own = vars(self)
        return own["table"] if "table" in own else own["sequences"]

    def has(self, part: str) -> bool:
        """Whether the data were split so that there is such a part."""
        own = vars(self)
        return bool(own["split"].rows(part) if "split" in own else len(own["parts"][part]))

    @property
    def spec(self) -> NetworkSpec:
        """Of the network."""
        return self.network.spec

    @property
    def weights(self) -> dict[str, NDArray[np.float32]]:
        """The network's tensors by name."""
        return {name: tensor.numpy() for name, tensor in self.network.state_dict().items()}

    @property
    def history(self) -> History:
        """Of the first member."""
        return self.histories[0]

    @property
    def seconds(self) -> float:
        """Wall time of all members' epochs."""
        return sum(history.seconds for history in self.histories)


class Trainer:
    """Trains the problems of one fit, one after the other.

    Args:
        options: of the training. ensemble_size: networks that are trained alike but for their seeds.
        work: multiplications of a step, in the unit that `choose_threads` counts.
        fingerprint: what must be equal for a training to go on from its checkpoints. progress: where these are.
    """

    def __init__(
        self,
        options: TrainOptions,
        *,
        ensemble_size: int = 1,
        work: int,
        fingerprint: Any = None,
        progress: Progress = NO_PROGRESS,
    ) -> None:
        keep_memory()
        self.options, self.ensemble_size, self.work = options, ensemble_size, work
        self.fingerprint, self.progress = fingerprint, progress
        if progress.bar is not None:
            progress.bar.max_epochs = options.max_epochs

    def train(self, problem: Problem, *, name: str = "last", epochs: Sequence[int] | None = None) -> Trained:
        """Train every member: seeds differ, and so weights, order and dropout.

        Args:
            problem: what is trained. name: of its checkpoints.
            epochs: of each member, to its last; None stops where the options say.
        """
        networks, histories = [], []
        for number in range(self.ensemble_size):
            own = replace(self.options, seed=self.options.seed + SEEDS_APART * number)
            if epochs is not None:
                own = replace(own, max_epochs=epochs[number], patience=0)
            with limit.within(limit.left() / (self.ensemble_size - number)):
                network, history = self._one(problem, own, f"{name}-{number}" if number else name, self.progress.bar)
            networks.append(network)
            histories.append(history)
        return Trained(tuple(networks), tuple(histories))

    def brief_loss(self, problem: Problem, options: TrainOptions, name: str) -> float:
        """Lowest validation loss of a short training, to choose among problems."""
        _, history = self._one(problem, options, name, None)
        return min(epoch.validation_loss for epoch in history)

    def epochs_worth(self, trained: Trained, problem: Problem) -> list[int]:
        """How long to train each member on more data: the last epoch as good as the one with the lowest loss.

        The lowest loss of a small validation part is often an early accident. Every epoch within one standard error of
        it is as good; the longest training of these is taken.
        """
        assert problem.validation is not None
        found = []
        with threads(choose_threads(self.work)):
            for network, history in zip(trained.members, trained.histories, strict=True):
                assert history.best is not None
                limit = history.best.validation_loss + problem.validation.margin(network)
                found.append(max(epoch.epoch for epoch in history.epochs if epoch.validation_loss <= limit))
        return found

    def refit(self, problem: Problem, epochs: Sequence[int], notes: list[Note]) -> Trained:
        """Train again, on training and validation part together; a note says so."""
        trained = self.train(replace(problem, validation=None), name="refit", epochs=epochs)
        message = "Trained again on the training and validation parts together, for the {epochs} epochs chosen."
        notes.append(
            Note("refit", message, {"epochs": ", ".join(map(str, epochs if len(set(epochs)) > 1 else epochs[:1]))})
        )
        return trained

    def _one(self, problem: Problem, options: TrainOptions, name: str, progress: Any) -> tuple[Network, History]:
        checkpoint = None
        if self.progress.checkpoints is not None:
            about = [name, self.fingerprint, problem.spec.model_dump_json()]
            checkpoint = Checkpoint(self.progress.checkpoints / name, about)
        network = seeded_network(problem.spec, options.seed)
        network.load_state_dict(dict(problem.start), strict=False)
        with threads(choose_threads(self.work)):
            history = train(
                network,
                problem.batches(options),
                problem.loss,
                problem.validation,
                options,
                checkpoint=checkpoint,
                resume=self.progress.resume,
                progress=progress,
            )
        return network, history
