"""The training loop: nothing in it but the arithmetic, and what makes it repeatable and resumable."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, replace
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from tidegate.core import limit
from tidegate.core.errors import TrainingError
from tidegate.core.translate import tr
from tidegate.nn.draws import drawing
from tidegate.train.checkpoint import Checkpoint, optimizer_tensors, restore_optimizer
from tidegate.train.history import Epoch, History
from tidegate.train.isolation import plain_torch
from tidegate.train.optimizer import Average, Gradients, build_optimizer
from tidegate.train.options import TrainOptions
from tidegate.train.schedule import Plateau, rate

Batch = tuple[Tensor, ...]
MEASURED = 10  # steps after which a training is laid out for the time that is left
SPARE = 0.9  # of that time, for what steps do not measure


_WATCH: ContextVar[Callable[[int, float], None] | None] = ContextVar("watch", default=None)


@contextmanager
def watched(watch: Callable[[int, float], None]) -> Iterator[None]:
    """Tell of each epoch and its validation loss, of the trainings in this context that may stop early.

    Args:
        watch: ends the training by raising an error, which nothing here catches.
    """
    token = _WATCH.set(watch)
    try:
        yield
    finally:
        _WATCH.reset(token)


class Batches(Protocol):
    """Training batches whose order is a pure function of the epoch."""

    def __len__(self) -> int:
        """Steps of one epoch."""

    def epoch(self, epoch: int, start: int) -> Iterator[Batch]:
        """The batches of an epoch from step `start` on."""


class Progress(Protocol):
    """Something that shows how far a training is."""

    def step(self, epoch: int, step: int, steps: int, loss: float) -> None:
        """A step was done."""

    def epoch(self, epoch: Epoch) -> None:
        """An epoch was done."""


def train(
    network: nn.Module,
    batches: Batches,
    loss: Callable[[nn.Module, Batch], Tensor],
    validate: Callable[[nn.Module], float] | None,
    options: TrainOptions,
    *,
    checkpoint: Checkpoint | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> History:
    """Train a network until its validation loss stops falling, and leave it with its best weights.

    Draws come from a generator of the training's own, whatever other threads do. With the same seed and inputs the
    weights are the same bit for bit, also when the training was killed and resumed, and on any number of threads where
    torch is held to one (`tidegate.train.threads`). Within `tidegate.core.limit.within` the training is laid out for
    the time that is left, as the first steps and epochs measure it, and is no longer the same each time.

    Args:
        network: changed in place; what draws in it does so through `tidegate.nn.draws`.
        batches: training batches.
        loss: mean loss of a batch. One that goes on from batch to batch has `carried()` and `carry(tensors)`, so that a
            training that was killed within an epoch goes on from there.
        validate: validation loss of the network, called after every epoch in evaluation mode. None keeps the last
            epoch's weights, and the history has the training loss in its place.
        options: see `TrainOptions`.
        checkpoint: where to save at the end, and before it every `checkpoint.seconds`, wherever the training stands.
        resume: go on from the checkpoint, if there is one.
        progress: told of every step and epoch.

    Raises:
        TrainingError: loss or gradients became infinite before any epoch was finished.
        ConfigError, ArtifactError: the checkpoint belongs to something else, or is damaged.
    """
    generator = torch.Generator("cpu")
    generator.manual_seed(options.seed)
    with plain_torch(), drawing(generator):
        run = _Run(network, batches, loss, validate, options, checkpoint, progress, generator)
        if resume:
            run.restore()
        return run.train()


class _Run:
    """The state of one training."""

    def __init__(
        self,
        network: nn.Module,
        batches: Batches,
        loss: Callable[[nn.Module, Batch], Tensor],
        validate: Callable[[nn.Module], float] | None,
        options: TrainOptions,
        checkpoint: Checkpoint | None,
        progress: Progress | None,
        generator: torch.Generator,
    ) -> None:
        self.network, self.batches, self.options = network, batches, options
        self.loss, self.validate = loss, validate
        self.checkpoint, self.progress, self.generator = checkpoint, progress, generator
        self.optimizer = build_optimizer(network, options)
        self.gradients = Gradients(network, options.clip)
        self.average = Average(network, options.average) if options.average else None
        self.plateau = Plateau(options.factor, options.plateau_patience)
        self.patience = max(5, options.max_epochs // 4) if options.patience is None else options.patience
        self.history = History()
        self.best_loss, self.bad_epochs = math.inf, 0
        self.best: dict[str, Tensor] = {}
        self.epoch, self.step, self.sum, self.seconds = 1, 0, 0.0, 0.0
        self.saved = time.monotonic()
        self.validating, self.asked = 0.0, options.max_epochs
        self.steps = len(batches)
        if options.steps_per_epoch is not None:
            self.steps = min(self.steps, options.steps_per_epoch)

    def train(self) -> History:
        while self.history.stopped == "" and self.epoch <= self.options.max_epochs:
            begin = time.perf_counter()
            if not self._train_epoch():
                self._diverged()
                break
            self._close_epoch(begin)
        if not self.history.stopped:
            self.history.stopped = "max_epochs" if self.options.max_epochs == self.asked else "time"
        self._save(done=True)
        self.network.load_state_dict(self.best)
        self.network.eval()
        return self.history

    def _train_epoch(self) -> bool:
        """Do the rest of an epoch; False where the loss is no longer finite."""
        self.network.train()
        begin = time.perf_counter()
        for batch in self.batches.epoch(self.epoch, self.step):
            if self.step >= self.steps:
                break
            learning_rate = rate(self.options, (self.epoch - 1) * self.steps + self.step, self.steps, self.plateau)
            for group in self.optimizer.param_groups:
                group["lr"] = learning_rate
            self.optimizer.zero_grad(set_to_none=True)
            with torch.autocast("cpu", torch.bfloat16, enabled=self.options.precision == "bfloat16"):
                loss = self.loss(self.network, batch)
            loss.backward()  # type: ignore[no-untyped-call]
            value = float(loss.detach())
            if not math.isfinite(value) or not self.gradients.step():
                return False
            self.optimizer.step()
            if self.average is not None:
                self.average.update()
            self.sum += value
            self.step += 1
            if self.progress is not None:
                self.progress.step(self.epoch, self.step, self.steps, self.sum / self.step)
            self._save()
            if self.epoch == 1 and self.step == MEASURED:
                self._fit_in((time.perf_counter() - begin) / MEASURED)
            if limit.left() < self.validating:
                break
        self.seconds += time.perf_counter() - begin
        return True

    def _fit_in(self, step: float) -> None:
        """Shorten what is still to come to the time that is left, if there is a limit; `step`: seconds of one."""
        time_left = limit.left() * SPARE
        if time_left == math.inf:
            return
        epoch = step * self.steps + self.validating
        done = self.epoch - 1
        fitting = int((time_left + step * self.step) / epoch)
        if fitting < 1 and not done:
            self.steps = max(self.step, min(self.steps, int((time_left - self.validating) / step) + self.step))
        epochs = max(done, 1, done + fitting)
        self.options = replace(self.options, max_epochs=min(self.options.max_epochs, epochs))

    def _close_epoch(self, begin: float) -> None:
        self.network.eval()
        if self.average is not None:
            self.average.swap()
        validation = self.sum / self.step
        if self.validate is not None:
            before = time.perf_counter()
            with torch.no_grad():
                validation = self.validate(self.network)
            self.validating = time.perf_counter() - before
        better = self.validate is None or validation < self.best_loss - self.options.min_delta or not self.best
        if better:
            self.best_loss, self.bad_epochs = validation, 0
            self.best = {name: tensor.detach().clone() for name, tensor in self.network.state_dict().items()}
        else:
            self.bad_epochs += 1
        if self.average is not None:
            self.average.swap()
        self.plateau.update(validation)
        epoch = Epoch(
            epoch=self.epoch,
            steps=self.step,
            train_loss=self.sum / self.step,
            validation_loss=validation,
            learning_rate=self.optimizer.param_groups[0]["lr"],
            grad_norm=self.gradients.total / self.gradients.steps,
            clipped=self.gradients.clipped / self.gradients.steps,
            seconds=time.perf_counter() - begin,
            train_seconds=self.seconds,
            best=better,
            layer_norms=self.gradients.layer_norms(),
        )
        self.history.epochs.append(epoch)
        if not math.isfinite(validation):
            self._diverged()
        elif self.patience and self.bad_epochs >= self.patience:
            self.history.stopped = "patience"
        elif limit.left() < self.validating:
            self.history.stopped = "time"
        mean = self.seconds / max(self.step, 1)
        self.epoch, self.step, self.sum, self.seconds = self.epoch + 1, 0, 0.0, 0.0
        self.gradients.reset()
        self._fit_in(mean)
        if self.progress is not None:
            self.progress.epoch(epoch)
        self._save()
        watch = _WATCH.get()
        if watch is not None and self.validate is not None and self.patience:
            watch(epoch.epoch, validation)

    def _diverged(self) -> None:
        if not self.best or not math.isfinite(self.best_loss):
            raise TrainingError(
                tr(
                    "the loss became infinite or undefined in epoch {epoch}, step {step}, before any epoch "
                    "was finished. Lower learning_rate (now {learning_rate:g}), set clip (now {clip:g}), and "
                    "check that the inputs are scaled.",
                    epoch=self.epoch,
                    step=self.step + 1,
                    learning_rate=self.options.learning_rate,
                    clip=self.options.clip,
                )
            )
        self.history.stopped = "diverged"

    def _save(self, *, done: bool = False) -> None:
        """Save where it is time to, or the training is done."""
        if self.checkpoint is None or not (done or time.monotonic() - self.saved > self.checkpoint.seconds):
            return
        tensors = {f"network.{name}": tensor for name, tensor in self.network.state_dict().items()}
        tensors |= {f"best.{name}": tensor for name, tensor in self.best.items()}
        tensors |= optimizer_tensors(self.optimizer)
        tensors["generator"] = self.generator.get_state()
        tensors["squares"] = self.gradients.squares
        if hasattr(self.loss, "carried"):
            tensors |= {f"carried.{name}": tensor for name, tensor in self.loss.carried().items()}
        state: dict[str, Any] = {
            "epoch": self.epoch,
            "step": self.step,
            "sum": self.sum,
            "best_loss": self.best_loss if self.best else None,
            "bad_epochs": self.bad_epochs,
            "plateau": asdict(self.plateau) | {"best": self.plateau.best if math.isfinite(self.plateau.best) else None},
            "gradients": [self.gradients.total, self.gradients.clipped, self.gradients.steps],
            "history": self.history.to_json(),
            "max_epochs": self.options.max_epochs,
            "steps": self.steps,
        }
        if self.average is not None:
            state["average"] = self.average.steps
            tensors |= {f"average.{index}": mean for index, mean in enumerate(self.average.means)}
        self.checkpoint.save(state, tensors)
        self.saved = time.monotonic()

    def restore(self) -> None:
        """Take over the checkpoint's state, if there is one."""
        found = self.checkpoint.load() if self.checkpoint is not None else None
        if found is None:
            return
        try:
            self._take(*found)
        except (ArithmeticError, AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
            assert self.checkpoint is not None
            raise self.checkpoint.damaged(f"{type(error).__name__}: {error}") from error

    def _take(self, state: dict[str, Any], tensors: dict[str, Tensor]) -> None:
        """A checkpoint's state; any error where something is missing, or of another shape, type or range."""
        own = self.network.state_dict()
        best = _under("best.", tensors)
        if best and {name: tensor.shape for name, tensor in best.items()} != {n: t.shape for n, t in own.items()}:
            raise ValueError("the best weights are not those of this network")
        if tensors["squares"].shape != self.gradients.squares.shape:
            raise ValueError("squares has another shape")
        if not all(type(state[name]) is int and state[name] >= 0 for name in ("epoch", "step", "bad_epochs")):
            raise ValueError("epoch, step or bad_epochs is no whole number from 0")
        if not math.isfinite(state["sum"]) or not all(math.isfinite(value) for value in state["gradients"]):
            raise ValueError("a sum is not finite")
        self.network.load_state_dict(_under("network.", tensors))
        self.best = best
        restore_optimizer(self.optimizer, tensors)
        self.epoch, self.step, self.sum = state["epoch"], state["step"], state["sum"]
        self.best_loss = math.inf if state["best_loss"] is None else state["best_loss"]
        self.bad_epochs = state["bad_epochs"]
        plateau = state["plateau"]
        self.plateau = Plateau(**plateau | {"best": math.inf if plateau["best"] is None else plateau["best"]})
        self.gradients.total, self.gradients.clipped, self.gradients.steps = state["gradients"]
        self.gradients.squares = tensors["squares"]
        self.history = History.from_json(state["history"])
        self.options = replace(self.options, max_epochs=state["max_epochs"])
        self.steps = int(state["steps"])
        if self.average is not None:
            self.average.steps = state["average"]
            for index, mean in enumerate(self.average.means):
                mean.copy_(tensors[f"average.{index}"])
        if hasattr(self.loss, "carry"):
            self.loss.carry(_under("carried.", tensors))
        self.generator.set_state(tensors["generator"])


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name[len(prefix) :]: tensor for name, tensor in tensors.items() if name.startswith(prefix)}
