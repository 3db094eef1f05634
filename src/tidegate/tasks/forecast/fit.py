"""From a table to a trained forecasting network: one direction, no step reaches back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tidegate.artifacts.spec import NetworkSpec
from tidegate.core.errors import ConfigError, SplitError
from tidegate.core.table import Note, Table
from tidegate.data.fingerprint import data_fingerprint
from tidegate.data.split import Split
from tidegate.data.windows import Windows
from tidegate.data.windows import origins as part_origins
from tidegate.data.windows import windows as part_windows
from tidegate.evaluate.forecast.conformal import conformal_quantile, errors_needed
from tidegate.evaluate.forecast.season import DAYS, find_seasons
from tidegate.nn.network import Ensemble, Network
from tidegate.prepare import Preparation, Prepared
from tidegate.prepare.table.fitted import FittedTable
from tidegate.runtime.forecast.decode import Decoding, Forecast, forecast
from tidegate.tasks.fit import Fitted, Problem, Trainer, Validation
from tidegate.tasks.forecast.budget import fill_budget
from tidegate.tasks.forecast.build import Plan, build_spec
from tidegate.tasks.forecast.choices import Choices
from tidegate.tasks.forecast.examples import EVALUATION_BATCH, BatchLoss, WindowBatches, gather
from tidegate.tasks.forecast.options import choose_lags, choose_segment
from tidegate.tasks.options import AUTO
from tidegate.train.isolation import plain_torch
from tidegate.train.losses import ForecastLoss
from tidegate.train.options import TrainOptions
from tidegate.train.progress import ProgressBar
from tidegate.train.run import TorchRun

TRIAL_STEPS = 200
VALIDATION_WINDOWS = 20_000
CALIBRATION_WINDOWS = 50
LARGEST_CALIBRATION = 20_000_000
UNCALIBRATED = (
    "Quantiles are not calibrated: the validation part has {count} windows, and their levels need {needed}. They may "
    "hold more or less than they promise; give the validation part a larger share."
)


@dataclass(frozen=True)
class ForecastFitted(Fitted):
    """A trained forecaster and everything it was trained with.

    Attributes:
        table, split: what it was fitted on. preparation, prepared: of its rows. plan: what "auto" stood for.
        decoding: from outputs to forecasts.
        selected: the fit that chose the epochs, whose network had not seen the validation part; None where this is it.
    """

    table: Table
    split: Split
    preparation: Preparation
    prepared: Prepared
    plan: Plan
    decoding: Decoding
    selected: ForecastFitted | None = None

    @property
    def data(self) -> Table:
        """What it was fitted on."""
        return self.table

    @property
    def held_out(self) -> ForecastFitted:
        """The fit for which the validation part is held out."""
        return self.selected or self

    def of_part(self, part: str) -> ForecastFitted:
        """The fit that has not learned from a part, where there is one: `validation` is held out from `held_out`."""
        return self.held_out if part == "validation" else self

    def forecast(self, origins: NDArray[np.int64], decoding: Decoding | None = None) -> Forecast:
        """Forecasts whose first rows are `origins` [M], by this fit's decoding where no other is given."""
        return forecast(TorchRun(self.network).windows, self.spec, decoding or self.decoding, self.prepared, origins)


@plain_torch()
def fit(
    table: Table,
    split: Split,
    choices: Choices,
    *,
    checkpoints: Path | None = None,
    resume: bool = False,
    progress: ProgressBar | None = None,
    trial_steps: int = TRIAL_STEPS,
    validation_windows: int = VALIDATION_WINDOWS,
) -> ForecastFitted:
    """Prepare, choose, train and calibrate.

    Args:
        table: all rows. split: its parts; the test part is not looked at.
        choices: the options.
        checkpoints: folder for the training's state. resume: go on from it.
        progress: shows how far the training is.
        trial_steps: steps of the short trainings that choose among plans. validation_windows: looked at, at most.

    Raises:
        ConfigError, DataError, SplitError, TrainingError: what cannot work, and how to mend it.
    """
    preparation = Preparation.fit(table, split.train, choices.preparation)
    plan = make_plan(table, split, choices, preparation)
    own = _Windows(table, split, choices, preparation, plan)
    notes = [*table.notes, *split.notes, *preparation.notes, *own.prepared.notes]
    training = own.windows(split)
    validation = thin(own.origins("validation"), notes, validation_windows)
    require_windows(len(training), "training", own.past, plan.block)
    require_windows(len(validation), "validation", own.past, plan.block)
    options = fill_budget(choices.training, choices.auto, len(training), notes)
    trainer = Trainer(
        options,
        ensemble_size=choices.ensemble_size,
        work=options.batch_size * 8 * choices.recurrent.hidden_size**2,
        checkpoints=checkpoints,
        fingerprint=None if checkpoints is None else own.fingerprint(),
        resume=resume,
        progress=progress,
    )
    candidates = make_candidates(plan, choices)
    if len(candidates) > 1:
        problems = [own.problem(each, training, validation) for each in candidates]
        plan = _select(trainer, candidates, problems, len(training), trial_steps, notes)
    problem = own.problem(plan, training, validation)
    trained = trainer.train(problem)
    network = trained.network
    decoding = calibrate(network, network.spec, own.decoding(plan), own.prepared, validation, notes)
    found = ForecastFitted(
        network,
        trained.histories,
        tuple(notes),
        table=table,
        split=split,
        preparation=preparation,
        prepared=own.prepared,
        plan=plan,
        decoding=decoding,
    )
    if not choices.training.refit:
        return found
    both = together(split)
    preparation = Preparation.fit(table, both.train, choices.preparation)
    whole = _Windows(table, both, choices, preparation, plan)
    again = whole.problem(plan, whole.windows(both), validation)
    network = trainer.refit(again, trainer.epochs_worth(trained, problem), notes).network
    return replace(
        found,
        network=network,
        notes=tuple(notes),
        preparation=preparation,
        prepared=whole.prepared,
        selected=found,
    )


def together(split: Split) -> Split:
    """Training and validation part as one training part, the rows of a gap between them included."""
    joined = np.stack([split.train[:, 0], split.validation[:, 1]], axis=1)
    return Split({**split.parts, "train": joined}, split.gap, split.notes)


class _Windows:
    """A table as one preparation and plan see it, and the problems that can be made of its windows."""

    def __init__(self, table: Table, split: Split, choices: Choices, preparation: Preparation, plan: Plan) -> None:
        self.table, self.split, self.choices, self.preparation = table, split, choices, preparation
        self.prepared = preparation.apply(table)
        self.past, self.block = plan.window + extra_rows(preparation), plan.block

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

    def decoding(self, plan: Plan) -> Decoding:
        """From outputs to forecasts, before calibration."""
        return Decoding(plan.horizon, self.choices.point, self.choices.quantiles)

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
        return Problem(spec, batches, loss, looked_at)


def extra_rows(preparation: FittedTable) -> int:
    """Rows before a window that its targets' transform needs."""
    return preparation.history if preparation.options.target_transform == "difference" else 0


def thin(origins: NDArray[np.int64], notes: list[Note], most: int = VALIDATION_WINDOWS) -> NDArray[np.int64]:
    """At most `most` origins, evenly spread, and a note where some were left out."""
    if len(origins) <= most:
        return origins
    message = "Validation looks at {used} of {all} windows, evenly spread."
    notes.append(Note("validation", message, {"used": most, "all": len(origins)}))
    return origins[np.linspace(0, len(origins) - 1, most).astype(np.int64)]


def make_plan(table: Table, split: Split, choices: Choices, preparation: Preparation) -> Plan:
    """Resolve what "auto" stands for, from the calendar and the training part.

    Raises:
        ConfigError: options that do not fit each other.
    """
    network = choices.network
    window, horizon = choices.window, choices.horizon
    block = horizon if network.block is None else network.block
    if horizon % block:
        raise ConfigError(f"network.block is a divisor of the horizon {horizon}; got {block}")
    if block < horizon and (table.schema.observed or choices.preparation.target_transform == "difference"):
        raise ConfigError(
            "recursive decoding (network.block) cannot know observed covariates ahead, nor difference its own "
            "forecasts: leave block out, or name the covariates as known"
        )
    if not isinstance(network.segment, str):
        segment = network.segment
    elif network.encoder == "ode_rnn" or (network.conv_channels and network.conv_stride > 1):
        segment = 1  # single steps are flowed between; strides shorten the window already
    else:
        segment = choose_segment(window, table.frequency)
    if window % segment and not network.conv_channels:
        raise ConfigError(f"window {window} is not a multiple of segment {segment}")
    found = choices.seasons or find_seasons(table, split.train)
    # Rows that are only counted have no calendar, but a cycle as long as a day of some common step has a week, and one
    # as long as a week has days.
    days = {m for m in DAYS if m in found.all or 7 * m == found.strongest}
    calendar = table.frequency.seasons()[:2] or tuple(length for m in days for length in (m, 7 * m))
    seasons = tuple(sorted({found.strongest, *calendar})) if found.all else ()
    lags = choose_lags(seasons, window) if isinstance(network.lags, str) else tuple(network.lags)
    normalise = None if network.normalise == AUTO else network.normalise
    anchor = 0 if isinstance(network.anchor, str) else network.anchor
    if isinstance(network.decoder_segment, str):
        decoder_segment = segment if block % segment == 0 and block > 2 * segment else 1
    else:
        decoder_segment = network.decoder_segment
    period = max(lags, default=0)
    return Plan(window, horizon, block, segment, decoder_segment, lags, normalise, period, anchor, found)


def make_candidates(plan: Plan, choices: Choices) -> Sequence[Plan]:
    """The plans that validation chooses among, where something was left to it."""
    normalise = [None, "last"] if choices.network.normalise == AUTO else [plan.normalise]
    anchors = [plan.anchor]
    if choices.network.anchor == AUTO:
        fitting = [lag for lag in plan.lags if lag >= min(plan.block, max(plan.lags))]
        anchors = [0, *fitting[:1]]
    plans = [replace(plan, normalise=by, anchor=anchor) for by in normalise for anchor in anchors]
    # A window already shifted by its last value gains little from an anchor on top.
    both = [item for item in plans if item.normalise == "last" and item.anchor]
    return [item for item in plans if item not in both] if len(plans) > len(both) else plans


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
    losses = [trainer.brief_loss(problem, brief, f"trial-{index}") for index, problem in enumerate(problems)]
    best = int(np.argmin(losses))
    names = [f"normalise={plan.normalise or 'none'}, anchor={plan.anchor}" for plan in plans]
    listed = "; ".join(f"{name}: {loss:.4f}" for name, loss in zip(names, losses, strict=True))
    message = "Validation chose {chosen} (loss after a short training: {listed})."
    notes.append(Note("choice", message, {"chosen": names[best], "listed": listed}))
    return plans[best]


def calibrate(
    network: Network | Ensemble,
    spec: NetworkSpec,
    decoding: Decoding,
    prepared: Prepared,
    origins: NDArray[np.int64],
    notes: list[Note],
) -> Decoding:
    """Shift every quantile so that it holds its share of the validation part.

    The shift of a level, step and target is that level's conformal quantile of actual - forecast over the validation
    windows, in the window's normalised scale; the quantiles of the test part are not looked at.

    Source: Romano, Patterson and Candes (2019), conformalized quantile regression, arXiv:1905.03222.
    """
    if not decoding.quantiles:
        return decoding
    needed = max(CALIBRATION_WINDOWS, errors_needed(decoding.quantiles))
    if len(origins) < needed:
        notes.append(Note("calibration", UNCALIBRATED, {"count": len(origins), "needed": needed}))
        return decoding
    each = spec.horizon * spec.targets * len(decoding.quantiles)
    origins = origins[:: max(1, min(len(origins) // needed, len(origins) * each // LARGEST_CALIBRATION))]
    errors = []
    with torch.no_grad():
        for first in range(0, len(origins), 512):
            past, future, static, target, observed = gather(prepared, origins[first : first + 512], spec)
            output = network(past, future, static)
            scaled = ((target - output.loc) / output.scale).unsqueeze(3)
            error = scaled - output.values[..., int(decoding.point) :]
            errors.append(torch.where(observed.unsqueeze(3), error, torch.nan).numpy())
    joined = np.concatenate(errors)  # [M, k, C, Q]
    shift = np.zeros((spec.horizon, spec.targets, spec.outputs), dtype=np.float32)
    for index, level in enumerate(decoding.quantiles):
        column = joined[..., index]
        moved = conformal_quantile(column, level)
        if np.isfinite(moved).all():  # a step that was hardly ever observed leaves its level as it is
            shift[..., int(decoding.point) + index] = moved
    return replace(decoding, calibration=shift)


def require_windows(count: int, part: str, window: int, horizon: int) -> None:
    """Refuse a part in which no window fits."""
    if not count:
        raise SplitError(
            f"the {part} part has no room for one window of {window} past and {horizon} future steps: "
            "give it a larger share, or shorten window or horizon"
        )
