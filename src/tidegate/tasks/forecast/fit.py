"""From a table to a trained forecasting network: one direction, no step reaches back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tidegate.core import limit
from tidegate.core.table import Note, Table
from tidegate.data.fingerprint import data_fingerprint
from tidegate.data.split import Split
from tidegate.data.windows import Windows
from tidegate.data.windows import origins as part_origins
from tidegate.data.windows import windows as part_windows
from tidegate.evaluate.forecast.conformal import repeated_values
from tidegate.prepare import Preparation, Prepared
from tidegate.runtime.forecast.decode import Decoding, Forecast, forecast
from tidegate.tasks.fit import Fitted, Problem, Trained, Trainer, Validation
from tidegate.tasks.forecast.build import Plan, build_spec, make_candidates, make_plan
from tidegate.tasks.forecast.calibrate import calibrate
from tidegate.tasks.forecast.choices import FINE_TUNE, Choices, fill_budget
from tidegate.tasks.forecast.examples import (
    EVALUATION_BATCH,
    VALIDATION_WINDOWS,
    BatchLoss,
    WindowBatches,
    gather,
    require_windows,
    thin,
)
from tidegate.tasks.forecast.small.fine_tune import fine_tune, options_of
from tidegate.tasks.forecast.small.linear import (
    SMALL_ROWS,
    SMALL_WINDOWS,
    Linear,
    alone,
    choose_linear,
    choose_share,
    linear_loss,
    refuse,
    renewed,
    set_share,
    silent_network,
    validation_loss,
    with_pretrained,
)
from tidegate.tasks.options import AUTO
from tidegate.train.history import History
from tidegate.train.isolation import plain_torch
from tidegate.train.losses import ForecastLoss
from tidegate.train.options import TrainOptions
from tidegate.train.progress import NO_PROGRESS, Progress
from tidegate.train.run import TorchRun

TRIAL_STEPS = 200
TRIAL_SHARE = 0.1  # of the time that is left, where there is a limit, for each trial
LARGEST_SKIP = 1_000_000
SKIP_WINDOWS = 100_000  # of a training part, whose network is held to linear forecasts
LOG_GAIN = 0.97  # errors of the logarithm's forecasts that are worth it
BESIDE = (
    "On the validation part linear forecasts of the window were better than the network (loss {linear} against "
    "{alone}): it was trained again beside one, which gives {both}."
)
LOGGED = (
    "The logarithm of the target is forecast: over rolling origins linear forecasts of it miss by {logged}, of the "
    "target itself by {plain}."
)


@dataclass(frozen=True)
class ForecastFitted(Fitted):
    """A trained forecaster and everything it was trained with.

    Attributes:
        table, split: what it was fitted on. preparation, prepared: of its rows. plan: what "auto" stood for.
        decoding: from outputs to forecasts.
    """

    table: Table
    split: Split
    preparation: Preparation
    prepared: Prepared
    plan: Plan
    decoding: Decoding

    def of_part(self, part: str) -> ForecastFitted:
        """The fit that has not learned from a part, where there is one: `validation` is held out from `held_out`."""
        return self.held_out if part == "validation" else self

    def forecast(self, origins: NDArray[np.int64], decoding: Decoding | None = None) -> Forecast:
        """Forecasts whose first rows are `origins` [M], by this fit's decoding where no other is given."""
        return forecast(TorchRun(self.network).windows, self.spec, decoding or self.decoding, self.prepared, origins)


class Effort(NamedTuple):
    """Steps of the short trainings that choose among plans, and windows of the validation part, at most."""

    trial_steps: int = TRIAL_STEPS
    windows: int = VALIDATION_WINDOWS


FULL = Effort()


@plain_torch()
def fit(
    table: Table, split: Split, choices: Choices, *, progress: Progress = NO_PROGRESS, effort: Effort = FULL
) -> ForecastFitted:
    """Prepare, choose, train and calibrate.

    Args:
        table: all rows. split: its parts; the test part is not looked at.
        choices: the options.
        progress: how far the training is: kept, taken up again, shown.
        effort: how much is trained to choose, and looked at.

    Raises:
        ConfigError, DataError, SplitError, TrainingError: what cannot work, and how to fix it.
    """
    # What is measured or chosen looks at the training part, and at the validation part where its name says so.
    preparation = Preparation.fit(table, split.train, choices.preparation)
    plan = make_plan(table, split, choices, preparation)
    own = _Windows(table, split, choices, preparation, plan)
    notes = [*table.notes, *split.notes, *preparation.notes, *own.prepared.notes]
    training = own.windows(split)
    if choices.pretrained in (True, FINE_TUNE):
        return _alone(own, plan, effort.windows, notes, progress)
    if skips(choices, plan, table, len(training)):
        own, plan = with_skip(own, plan, notes)
        choices, preparation = own.choices, own.preparation
    validation = thin(own.origins("validation"), notes, effort.windows)
    require_windows(len(training), "training", own.past, plan.block)
    require_windows(len(validation), "validation", own.past, plan.block)
    brief = own.linear is not None
    options = fill_budget(choices.training, choices.auto, len(training), notes, brief=brief)
    trainer = Trainer(
        options,
        ensemble_size=choices.ensemble_size,
        work=options.batch_size * 8 * choices.recurrent.hidden_size**2,
        fingerprint=None if progress.checkpoints is None else own.fingerprint(),
        progress=progress,
    )
    # What the options leave to the data is settled by short trainings before the long one, never after it.
    candidates = make_candidates(plan, choices)
    if len(candidates) > 1 and own.linear is None:
        problems = [own.problem(each, training, validation) for each in candidates]
        plan = _select(trainer, candidates, problems, len(training), effort.trial_steps, notes)
    problem = own.problem(plan, training, validation)
    trained = trainer.train(problem)
    share = None
    if own.linear is not None:
        share = choose_share(trained.members, problem, notes)
    elif skips(choices, plan, table, len(training), SKIP_WINDOWS):
        better = _beside_linear(own, plan, trainer, training, validation, trained.loss, notes)
        if better is not None:
            own, plan, problem, trained, share = better
    network = trained.network
    decoding = own.decoding(plan)
    if _leans(choices, plan, table, len(training)):
        run = TorchRun(network).windows
        decoding = with_pretrained(run, network.spec, decoding, own.prepared, split, validation, own.linear, notes)
    # Calibrated on windows that the network has not learned from: its own training errors would be too small.
    decoding = calibrate(network, network.spec, decoding, own.prepared, validation, notes)
    found = ForecastFitted(**trained.left(notes), **own.settled(plan), decoding=decoding)
    if not refits(choices, len(training)):
        return found
    # The calibration above stays: after this training no part is left whose errors are honest.
    both = split.together()
    preparation = Preparation.fit(table, both.train, choices.preparation)
    whole = _Windows(table, both, choices, preparation, plan, own.linear)
    again = whole.problem(plan, whole.windows(both), validation)
    refitted = trainer.refit(again, trainer.epochs_worth(trained, problem), notes)
    if share is not None:
        set_share(refitted.members, share)
    network = refitted.network
    return replace(
        found,
        decoding=renewed(decoding, table, both.train),
        network=network,
        notes=tuple(notes),
        preparation=preparation,
        prepared=whole.prepared,
        selected=found,
    )


def _alone(own: _Windows, plan: Plan, validation_windows: int, notes: list[Note], progress: Progress) -> ForecastFitted:
    """The fit of the pretrained forecaster alone, as it is or fine-tuned, and calibrated."""
    refuse(own.choices)
    table, split, choices = own.table, own.split, own.choices
    network = silent_network(plan, own.preparation, own.decoding(plan).outputs)
    tunes = choices.pretrained == FINE_TUNE
    seen = split.together().train
    decoding = alone(own.decoding(plan), network.spec, table, split.train if tunes else seen, notes, tunes=tunes)
    validation = thin(own.origins("validation"), notes, validation_windows)
    history = History(stopped="pretrained")
    if tunes:
        training = own.windows(split)
        require_windows(len(training), "training", own.past, plan.block)
        require_windows(len(validation), "validation", own.past, plan.block)
        both = training.origins(np.arange(len(training))), validation
        options = options_of(choices.training, choices.auto)
        state = None if progress.checkpoints is None else own.fingerprint()
        decoding, history = fine_tune(own.prepared, split, both, decoding, options, notes, state, progress)
        decoding = renewed(decoding, table, seen)
    decoding = calibrate(network, network.spec, decoding, own.prepared, validation, notes)
    return ForecastFitted(network, (history,), tuple(notes), **own.settled(plan), decoding=decoding)


def skips(choices: Choices, plan: Plan, table: Table, windows: int, most: int = SMALL_WINDOWS) -> bool:
    """Whether a linear forecast may stand beside the network: up to `most` windows, where nobody chose an anchor."""
    network = choices.network
    left = network.normalise == AUTO and network.anchor == AUTO
    alone = network.channels == "joint" or len(table.schema.targets) == 1
    size = plan.window * plan.block * len(table.schema.targets)
    return left and alone and windows <= most and size <= LARGEST_SKIP


def with_skip(own: _Windows, plan: Plan, notes: list[Note]) -> tuple[_Windows, Plan]:
    """The linear forecast for a network, and the logarithm of the target where linear forecasts of it are better."""
    table, split, choices = own.table, own.split, own.choices
    both = split.together()
    windows = own.windows(both)
    origins = windows.origins(np.arange(len(windows)))
    own.linear = choose_linear(own.prepared, both.train, origins, plan.window, plan.block)
    if logs(choices, own.prepared, both.train):
        options = replace(choices.preparation, target_transform="log")
        preparation = Preparation.fit(table, split.train, options)
        other = _Windows(table, split, replace(choices, preparation=options), preparation, plan)
        other.linear = choose_linear(other.prepared, both.train, origins, plan.window, plan.block)
        plain, logged = own.linear.error(own.prepared), other.linear.error(other.prepared)
        if logged < LOG_GAIN * plain:
            said = {"plain": f"{plain:.4g}", "logged": f"{logged:.4g}"}
            notes.append(Note("log", LOGGED, said))
            own = other
    assert own.linear is not None
    return own, _skipped(plan, own.linear)


def _skipped(plan: Plan, linear: Linear) -> Plan:
    """The plan with a linear forecast beside the network."""
    return replace(plan, skip=True, anchor=0, normalise="last" if linear.last else None)


def _beside_linear(
    alone: _Windows,
    plan: Plan,
    trainer: Trainer,
    training: Windows,
    validation: NDArray[np.int64],
    loss: float,
    notes: list[Note],
) -> tuple[_Windows, Plan, Problem, Trained, float] | None:
    """A second training beside a linear forecast, where the network alone, of this validation loss, is worse than that.

    None where the network is better, or stays so.
    """
    own = _Windows(alone.table, alone.split, alone.choices, alone.preparation, plan)
    origins = training.origins(np.arange(len(training)))
    own.linear = choose_linear(own.prepared, alone.split.train, origins, plan.window, plan.block)
    changed = _skipped(plan, own.linear)
    problem = own.problem(changed, training, validation)
    linear = linear_loss(problem)
    if linear >= loss:
        return None
    trained = trainer.train(problem, name="beside")
    found: list[Note] = []
    share = choose_share(trained.members, problem, found)
    both = validation_loss(trained.members, problem)
    if both >= loss:
        return None
    said = {"alone": f"{loss:.4f}", "linear": f"{linear:.4f}", "both": f"{both:.4f}"}
    notes += [Note("beside", BESIDE, said), *found]
    return own, changed, problem, trained, share


def logs(choices: Choices, prepared: Prepared, rows: NDArray[np.int64]) -> bool:
    """Whether the logarithm of the target may be tried: nobody said otherwise, and all values are above 0."""
    if choices.transformed or choices.loss not in ("mae", "pinball") or len(prepared.preparation.target_names) > 1:
        return False
    values = prepared.table.columns[prepared.preparation.target_names[0]]
    return all(np.nanmin(values[begin:end], initial=np.inf) > 0 for begin, end in rows.tolist())


def _leans(choices: Choices, plan: Plan, table: Table, windows: int) -> bool:
    """Whether the pretrained forecaster is tried beside the network."""
    fits = plan.block == plan.horizon and choices.preparation.target_transform != "difference"
    return fits and choices.pretrained == AUTO and len(table) <= SMALL_ROWS and windows <= SMALL_WINDOWS


def refits(choices: Choices, windows: int) -> bool:
    """Whether the network is trained again, on training and validation part together: where that costs little."""
    again = choices.training.refit
    return windows <= SMALL_WINDOWS if again is None else again


class _Windows:
    """A table as one preparation and plan see it, and the problems that can be made of its windows."""

    def __init__(
        self,
        table: Table,
        split: Split,
        choices: Choices,
        preparation: Preparation,
        plan: Plan,
        linear: Linear | None = None,
    ) -> None:
        self.table, self.split, self.choices, self.preparation = table, split, choices, preparation
        self.linear = linear
        self.prepared = preparation.apply(table)
        self.past, self.block = plan.window + preparation.lead, plan.block

    def windows(self, split: Split) -> Windows:
        """Those of the training part."""
        return part_windows(self.table, split, "train", window=self.past, horizon=self.block)

    def origins(self, part: str) -> NDArray[np.int64]:
        """[M] first forecast rows of a part's windows."""
        return part_origins(self.table, self.split, part, window=self.past, horizon=self.block)

    def fingerprint(self) -> list[Any]:
        """What must be equal for a training to go on."""
        parts = {name: rows.tolist() for name, rows in self.split.parts.items() if name != "test"}
        return [str(self.choices), data_fingerprint(self.table), parts]

    def settled(self, plan: Plan) -> dict[str, Any]:
        """What of a fit is settled before its training."""
        named = {"preparation": self.preparation, "prepared": self.prepared, "plan": plan}
        return {"table": self.table, "split": self.split, **named}

    def decoding(self, plan: Plan) -> Decoding:
        """From outputs to forecasts, before calibration."""
        table, train = self.table, self.split.train.tolist()
        repeated = [repeated_values([table.columns[name][a:b] for a, b in train]) for name in table.schema.targets]
        kept = tuple(repeated) if any(repeated) else ()
        return Decoding(plan.horizon, self.choices.point, self.choices.quantiles, repeated=kept)

    def problem(self, plan: Plan, training: Windows, validation: NDArray[np.int64]) -> Problem:
        """The network of a plan and what it is trained on."""
        choices, prepared, decoding = self.choices, self.prepared, self.decoding(plan)
        middle = 0 if choices.point else decoding.middle
        spec = build_spec(plan, choices.recurrent, choices.network, self.preparation, decoding.outputs, middle)
        point: Any = choices.loss if choices.point else None
        loss = BatchLoss(spec, ForecastLoss(point, choices.quantiles))

        def batches(options: TrainOptions) -> WindowBatches:
            found = WindowBatches(prepared, training, spec, options.batch_size, options.seed, choices.augment)
            found.force(choices.network.teacher_forcing, choices.network.forcing_schedule, options)
            return found

        looked_at = Validation(
            loss,
            [validation[low : low + EVALUATION_BATCH] for low in range(0, len(validation), EVALUATION_BATCH)],
            lambda places: gather(prepared, places, spec),
            lambda batch: int(batch[4].sum()),
            independent=max(1, len(validation) // plan.block),
        )
        start = {}
        if self.linear is not None:
            at = [layer.kind for layer in spec.layers].index("skip")
            found = self.linear.weights(prepared, training.origins(np.arange(len(training))))
            start = {f"layers.{at}.{name}": tensor for name, tensor in found.items()}
        return Problem(spec, batches, loss, looked_at, start)


def _select(
    trainer: Trainer,
    plans: Sequence[Plan],
    problems: Sequence[Problem],
    windows: int,
    trial_steps: int,
    notes: list[Note],
) -> Plan:
    """Train every plan briefly and keep the one with the lowest validation loss; a note says which."""
    options = trainer.options
    steps = max(1, -(-windows // options.batch_size))
    epochs = min(options.max_epochs, 2 if steps >= trial_steps else -(-2 * trial_steps // steps))
    brief = replace(options, max_epochs=epochs, steps_per_epoch=min(steps, trial_steps), patience=0, schedule="cosine")
    losses = []
    for index, problem in enumerate(problems):
        with limit.within(limit.left() * TRIAL_SHARE):
            losses.append(trainer.brief_loss(problem, brief, f"trial-{index}"))
    best = int(np.argmin(losses))
    names = [f"normalise={plan.normalise or 'none'}, anchor={plan.anchor}" for plan in plans]
    listed = "; ".join(f"{name}: {loss:.4f}" for name, loss in zip(names, losses, strict=True))
    message = "Validation chose {chosen} (loss after a short training: {listed})."
    notes.append(Note("choice", message, {"chosen": names[best], "listed": listed}))
    return plans[best]
