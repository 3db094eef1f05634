"""From a table to a trained detector: one direction, no step reaches back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.artifacts.spec import Decoder, Dropout, Head, NetworkSpec, Pool, Recurrent
from tidegate.core.errors import DataError
from tidegate.core.table import Note, Table
from tidegate.data.fingerprint import data_fingerprint
from tidegate.data.split import Split
from tidegate.data.windows import origins
from tidegate.evaluate.forecast.season import find_seasons
from tidegate.prepare.online import FEATURES, OnlinePreparation, measure_scales
from tidegate.prepare.table.calendar import choose_features
from tidegate.runtime.detect.detector import Detector
from tidegate.runtime.detect.levels import COUNT
from tidegate.runtime.detect.ranks import first_counts
from tidegate.runtime.detect.rules import Rules
from tidegate.runtime.detect.streams import KINDS
from tidegate.runtime.detect.walk import Walked, walk
from tidegate.runtime.network.recurrent import Loaded
from tidegate.tasks.detect.calibrate import calibrate
from tidegate.tasks.detect.choices import DetectorChoices
from tidegate.tasks.detect.examples import RowBatches, RowLoss, prepare_rows, training_origins, validation_of
from tidegate.tasks.fit import Fitted, Problem, Trainer
from tidegate.train.isolation import plain_torch
from tidegate.train.options import TrainOptions
from tidegate.train.progress import ProgressBar

LONGEST_LAG = 2_016
VALIDATION_WINDOWS = 2_000


@dataclass(frozen=True)
class DetectFitted(Fitted):
    """A trained detector and everything it was trained with; `walked` is what it makes of every row of the table."""

    table: Table
    split: Split
    detector: Detector
    walked: Walked
    labelled: NDArray[np.bool_] | None

    @property
    def data(self) -> Table:
        """What it was fitted on."""
        return self.table


@plain_torch()
def fit(
    table: Table,
    split: Split,
    choices: DetectorChoices,
    labelled: NDArray[np.bool_] | None,
    *,
    checkpoints: Path | None = None,
    resume: bool = False,
    progress: ProgressBar | None = None,
    tune: Callable[[Walked, Split, Rules], tuple[Rules, Note | None]] | None = None,
) -> DetectFitted:
    """Prepare, train, and measure the errors.

    Args:
        table: all rows. split: its parts; the test part is judged, and not learned from.
        choices: the options. labelled: [N], known anomalies, or None.
        checkpoints: folder for the training's state. resume: go on from it. progress: shows how far it is.
        tune: chooses the threshold from what was predicted for the validation part.

    Raises:
        DataError, TrainingError: what cannot work, and how to fix it.
    """
    notes = [*table.notes, *split.notes]
    rules = choices.rules(table.frequency, table.time.dtype.kind == "M")
    preparation = prepare(table, split, choices)
    spec = build(choices, preparation)
    rebuild = choices.method == "reconstruction"
    data = prepare_rows(table, preparation, labelled)
    windows, touched = training_origins(table, split, choices.window, labelled)
    if touched:
        message = "{count} training windows touch labelled rows and were left out; {kept} were learned from."
        notes.append(Note("labelled", message, {"count": touched, "kept": len(windows)}))
    if not len(windows):
        raise DataError(
            f"every training window of {choices.window} rows touches a labelled row: shorten window, or train on a "
            "part with fewer labels"
        )
    options = budget(choices.training, len(windows))

    def batches_of(own: TrainOptions) -> RowBatches:
        return RowBatches(data, windows, choices.window, own.batch_size, own.seed, rebuild)

    batches = batches_of(options)
    loss = RowLoss(choices.loss, rebuild)
    fingerprint = None
    if checkpoints is not None:
        parts = {name: rows.tolist() for name, rows in split.parts.items() if name != "test"}
        fingerprint = [str(choices), data_fingerprint(table), parts]
    trainer = Trainer(
        options,
        ensemble_size=choices.ensemble_size,
        work=options.batch_size * 8 * choices.recurrent.hidden_size**2,
        checkpoints=checkpoints,
        fingerprint=fingerprint,
        resume=resume,
        progress=progress,
    )
    validation = validation_of(batches, validation_windows(table, split, choices.window), loss)
    trained = trainer.train(Problem(spec, batches_of, loss, validation))
    network = trained.network
    weights = Loaded({name: tensor.numpy().copy() for name, tensor in network.state_dict().items()})
    detector = calibrate(blank(network.spec, weights, preparation, rules, table), table, split, labelled)
    learn_from = split.validation[:, 1]
    walked = walk(detector, table, learn_from)
    if tune is not None:
        rules, note = tune(walked, split, detector.rules)
        notes += [] if note is None else [note]
        if rules != detector.rules:
            detector = replace(detector, rules=rules)
            walked = walk(detector, table, learn_from)
    detector = replace(detector, ends=walked.ends)
    return DetectFitted(
        network,
        trained.histories,
        tuple(notes),
        table=table,
        split=split,
        detector=detector,
        walked=walked,
        labelled=labelled,
    )


def prepare(table: Table, split: Split, choices: DetectorChoices) -> OnlinePreparation:
    """Scales, seasons and clock features, from the training part alone."""
    names = table.schema.targets
    offset, scale = measure_scales(table, split.train, names)
    lags = None if choices.network.lags is None else tuple(choices.network.lags)
    longest = int((split.train[:, 1] - split.train[:, 0]).max())
    if lags is None:
        lags = choose_lag(find_seasons(table, split.train).strongest, table.frequency.seasons(), longest)
    step = table.frequency.microseconds if table.time.dtype.kind == "M" else None
    calendar = choices.preparation.calendar
    if calendar is None:
        usual = choose_features(table.frequency, None if step is None else step / 86_400_000_000, longest)
        calendar = tuple(name for name in usual if name in FEATURES)
    if choices.method == "reconstruction":
        lags, calendar = (), ()
    return OnlinePreparation(names, table.ids, offset, scale, lags, tuple(calendar), table.timezone, step)


def choose_lag(strongest: int, calendar: tuple[int, ...], rows: int) -> tuple[int, ...]:
    """The season that the network sees the last value of: the strongest that was found, else a day seen 1.5 times.

    Args:
        strongest: in steps; 1 for none. calendar: seasons that the frequency suggests. rows: of the training part.
    """
    likely = [strongest] if strongest > 1 else [season for season in calendar[:1] if 1.5 * season <= rows]
    return tuple(season for season in likely if season <= LONGEST_LAG)


def build(choices: DetectorChoices, preparation: OnlinePreparation) -> NetworkSpec:
    """The network: a recurrence and a head for the next value, or an encoder and a decoder for the window."""
    channels = len(preparation.channels)
    own = choices.recurrent
    dropout = float(own.dropout)
    recurrent = Recurrent(cell=own.cell, hidden_size=own.hidden_size, num_layers=own.num_layers)  # type: ignore[arg-type]
    if choices.method == "reconstruction":
        layers: Any = (recurrent, Pool(), Decoder(dropout=dropout))
        return NetworkSpec(
            window=choices.window, horizon=choices.window, past=channels, targets=channels, outputs=1, layers=layers
        )
    layers = (recurrent, Pool(), Dropout(rate=dropout), Head(hidden_size=choices.network.head_size))
    inputs = len(preparation.input_names)
    return NetworkSpec(
        window=choices.window, horizon=1, past=inputs, targets=channels, outputs=1, anchor=1, layers=layers
    )


def budget(options: TrainOptions, windows: int) -> TrainOptions:
    """An epoch of 20 to 200 steps: windows overlap so much that all of them say little more than a share does."""
    if options.steps_per_epoch is not None:
        return options
    steps = -(-windows // options.batch_size)
    return replace(options, steps_per_epoch=min(max(steps // 8, 20), 200))


def validation_windows(table: Table, split: Split, window: int) -> NDArray[np.int64]:
    """Origins of validation windows, half a window apart; the last ones of short parts too."""
    found = origins(table, split, "validation", window=window, horizon=1, stride=max(1, window // 2))
    return found[np.linspace(0, len(found) - 1, min(len(found), VALIDATION_WINDOWS)).astype(np.int64)]


def blank(spec: NetworkSpec, weights: Loaded, preparation: OnlinePreparation, rules: Rules, table: Table) -> Detector:
    """A detector that has seen no error yet."""
    channels = len(preparation.channels)
    counts, total = first_counts(np.full((1, channels, KINDS), np.nan), np.ones((channels, KINDS)), 1.0)
    base, levels = np.ones((channels, KINDS)), np.zeros(COUNT)
    return Detector(spec, weights, preparation, rules, base, counts, total, levels, table.schema, table.frequency, {})
