"""From a table to a trained forecasting network: one direction, no step reaches back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tidegate.artifacts.spec import NetworkSpec
from tidegate.core.errors import ConfigError, SplitError
from tidegate.core.table import Note, Table
from tidegate.data.split import Split
from tidegate.data.windows import origins as part_origins
from tidegate.data.windows import windows as part_windows
from tidegate.evaluate.forecast.conformal import conformal_quantile
from tidegate.evaluate.forecast.season import DAYS, find_seasons
from tidegate.nn.network import Network
from tidegate.prepare import Preparation, Prepared
from tidegate.runtime.forecast.decode import Decoding
from tidegate.tasks.forecast.batches import BatchLoss, Validation, WindowBatches, gather
from tidegate.tasks.forecast.budget import fill_budget
from tidegate.tasks.forecast.build import Plan, build_spec
from tidegate.tasks.forecast.choices import Choices
from tidegate.tasks.options import AUTO, choose_lags, choose_segment
from tidegate.train.checkpoint import Checkpoint, table_fingerprint
from tidegate.train.history import History
from tidegate.train.isolation import plain_torch, seeded_network
from tidegate.train.loop import train
from tidegate.train.losses import ForecastLoss
from tidegate.train.memory import keep_memory
from tidegate.train.options import TrainOptions
from tidegate.train.progress import ProgressBar
from tidegate.train.threads import choose_threads, threads

TRIAL_STEPS = 200
VALIDATION_WINDOWS = 20_000
CALIBRATION_WINDOWS = 50
LARGEST_CALIBRATION = 20_000_000


@dataclass(frozen=True)
class Fitted:
    """A trained forecaster and everything it was trained with."""

    table: Table
    split: Split
    preparation: Preparation
    prepared: Prepared
    plan: Plan
    spec: NetworkSpec
    network: Network
    decoding: Decoding
    history: History
    notes: tuple[Note, ...]


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
) -> Fitted:
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
    keep_memory()
    preparation = Preparation.fit(table, split.train, choices.preparation)
    prepared = preparation.apply(table)
    plan = make_plan(table, split, choices, preparation)
    notes = [*table.notes, *split.notes, *preparation.notes, *prepared.notes]
    spans = plan.window + extra_rows(preparation)
    training = part_windows(table, split, "train", window=spans, horizon=plan.block)
    validation = thin(
        part_origins(table, split, "validation", window=spans, horizon=plan.block), notes, validation_windows
    )
    require_windows(len(training), "training", spans, plan.block)
    require_windows(len(validation), "validation", spans, plan.block)
    fingerprint: list[Any] = []
    if checkpoints is not None:
        parts = {name: rows.tolist() for name, rows in split.parts.items() if name != "test"}
        fingerprint = [str(choices), table_fingerprint(table), parts]

    def trained(
        plan: Plan, options: TrainOptions, folder: Path | None, show: Any
    ) -> tuple[Network, History, NetworkSpec]:
        decoding = Decoding(plan.horizon, choices.point, choices.quantiles)
        middle = 0 if choices.point else decoding.middle
        spec = build_spec(plan, choices.model, choices.network, preparation, decoding.outputs, middle)
        network = seeded_network(spec, options.seed)
        point: Any = choices.loss if choices.point else None
        loss = BatchLoss(spec, ForecastLoss(point, choices.quantiles))
        batches = WindowBatches(prepared, training, spec, options.batch_size, options.seed, choices.augment)
        batches.force(choices.network.teacher_forcing, choices.network.forcing_schedule, options)
        checkpoint = None if folder is None else Checkpoint(folder, [*fingerprint, spec.model_dump_json()])
        history = train(
            network,
            batches,
            loss,
            Validation(prepared, validation, spec, loss),
            options,
            checkpoint=checkpoint,
            resume=resume,
            progress=show,
        )
        return network, history, spec

    options = fill_budget(choices.training, choices.auto, len(training), notes)
    if progress is not None:
        progress.max_epochs = options.max_epochs
    folder = None if checkpoints is None else checkpoints / "last"
    candidates = make_candidates(plan, choices)
    with threads(choose_threads(options.batch_size * 8 * choices.model.hidden_size**2)):
        if len(candidates) > 1:
            plan, note = _select(candidates, options, len(training), trained, checkpoints, trial_steps)
            notes.append(note)
        network, history, spec = trained(plan, options, folder, progress)
        decoding = Decoding(plan.horizon, choices.point, choices.quantiles)
        decoding = calibrate(network, spec, decoding, prepared, validation)
    return Fitted(table, split, preparation, prepared, plan, spec, network, decoding, history, tuple(notes))


def extra_rows(preparation: Preparation) -> int:
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
    network, model = choices.network, choices.model
    window, horizon = choices.window, choices.horizon
    block = horizon if network.block is None else network.block
    if horizon % block:
        raise ConfigError(f"network.block is a divisor of the horizon {horizon}; got {block}")
    if block < horizon and (table.schema.observed or choices.preparation.target_transform == "difference"):
        raise ConfigError(
            "recursive decoding (network.block) cannot know observed covariates ahead, nor difference its own "
            "forecasts: leave block out, or name the covariates as known"
        )
    if model.segment != AUTO:
        segment = model.segment or 1
    elif network.encoder == "ode_rnn" or (network.conv_channels and network.conv_stride > 1):
        segment = 1  # single steps are flowed between; strides shorten the window already
    else:
        segment = choose_segment(window, table.frequency)
    if window % segment and not network.conv_channels:
        raise ConfigError(f"window {window} is not a multiple of segment {segment}")
    found = find_seasons(table, split.train)
    # Rows that are only counted have no calendar, but a cycle as long as a day of some common step has a week, and one
    # as long as a week has days.
    days = {m for m in DAYS if m in found.all or 7 * m == found.strongest}
    calendar = table.frequency.seasons()[:2] or tuple(length for m in days for length in (m, 7 * m))
    seasons = tuple(sorted({found.strongest, *calendar})) if found.all else ()
    lags = choose_lags(seasons, window) if isinstance(network.lags, str) else tuple(network.lags)
    normalise = None if model.normalise == AUTO else model.normalise
    anchor = 0 if isinstance(network.anchor, str) else network.anchor
    if isinstance(network.decoder_segment, str):
        decoder_segment = segment if block % segment == 0 and block > 2 * segment else 1
    else:
        decoder_segment = network.decoder_segment
    period = max(lags, default=0)
    return Plan(window, horizon, block, segment, decoder_segment, lags, normalise, period, anchor)


def make_candidates(plan: Plan, choices: Choices) -> Sequence[Plan]:
    """The plans that validation chooses among, where something was left to it."""
    normalise = [None, "last"] if choices.model.normalise == AUTO else [plan.normalise]
    anchors = [plan.anchor]
    if choices.network.anchor == AUTO:
        fitting = [lag for lag in plan.lags if lag >= min(plan.block, max(plan.lags))]
        anchors = [0, *fitting[:1]]
    plans = [replace(plan, normalise=by, anchor=anchor) for by in normalise for anchor in anchors]
    # A window already shifted by its last value gains little from an anchor on top.
    both = [item for item in plans if item.normalise == "last" and item.anchor]
    return [item for item in plans if item not in both] if len(plans) > len(both) else plans


def _select(
    plans: Sequence[Plan],
    options: TrainOptions,
    windows: int,
    trained: Callable[..., Any],
    checkpoints: Path | None,
    trial_steps: int = TRIAL_STEPS,
) -> tuple[Plan, Note]:
    """Train every plan briefly and keep the one with the lowest validation loss."""
    steps = max(1, -(-windows // options.batch_size))
    epochs = min(options.max_epochs, 2 if steps >= trial_steps else -(-2 * trial_steps // steps))
    brief = replace(options, max_epochs=epochs, steps_per_epoch=min(steps, trial_steps), patience=0, schedule="cosine")
    losses = []
    for index, plan in enumerate(plans):
        folder = None if checkpoints is None else checkpoints / f"trial-{index}"
        _, history, _ = trained(plan, brief, folder, None)
        losses.append(min(epoch.validation_loss for epoch in history))
    best = int(np.argmin(losses))
    names = [f"normalise={plan.normalise or 'none'}, anchor={plan.anchor}" for plan in plans]
    listed = "; ".join(f"{name}: {loss:.4f}" for name, loss in zip(names, losses, strict=True))
    message = "Validation chose {chosen} (loss after a short training: {listed})."
    return plans[best], Note("choice", message, {"chosen": names[best], "listed": listed})


def calibrate(
    network: Network, spec: NetworkSpec, decoding: Decoding, prepared: Prepared, origins: NDArray[np.int64]
) -> Decoding:
    """Shift every quantile so that it holds its share of the validation part.

    The shift of a level, step and target is that level's conformal quantile of actual - forecast over the validation
    windows, in the window's normalised scale; the quantiles of the test part are not looked at.

    Source: Romano, Patterson and Candes (2019), conformalized quantile regression, arXiv:1905.03222.
    """
    if not decoding.quantiles or len(origins) < CALIBRATION_WINDOWS:
        return decoding
    each = spec.horizon * spec.targets * len(decoding.quantiles)
    origins = origins[:: max(1, len(origins) * each // LARGEST_CALIBRATION)]
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
        if np.isfinite(column).any(axis=0).all():
            shift[..., int(decoding.point) + index] = conformal_quantile(column, level)
    return replace(decoding, calibration=shift)


def require_windows(count: int, part: str, window: int, horizon: int) -> None:
    """Refuse a part in which no window fits."""
    if not count:
        raise SplitError(
            f"the {part} part has no room for one window of {window} past and {horizon} future steps: "
            "give it a larger share, or shorten window or horizon"
        )
