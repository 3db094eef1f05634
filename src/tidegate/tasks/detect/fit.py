"""From a table to a trained detector: one direction, no step reaches back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.artifacts.spec import Decoder, Dropout, Head, NetworkSpec, Pool, Recurrent
from tidegate.core.errors import ConfigError, DataError
from tidegate.core.table import Note, Table
from tidegate.core.translate import tr
from tidegate.data.fingerprint import data_fingerprint
from tidegate.data.schema import as_names
from tidegate.data.split import Split
from tidegate.data.windows import origins
from tidegate.evaluate.forecast.season import find_seasons
from tidegate.prepare.online import FEATURES, OnlinePreparation, measure_scales
from tidegate.prepare.table.calendar import choose_features
from tidegate.runtime.detect.detector import Detector
from tidegate.runtime.detect.ranks import (
    COUNT,
    PER_DOUBLING,
    RARITY,
    TRUST,
    bin_position,
    calibrated,
    first_counts,
    first_levels,
    largest,
    p_values,
    tail_shares,
)
from tidegate.runtime.detect.rules import Rules
from tidegate.runtime.detect.streams import KINDS, rarities
from tidegate.runtime.detect.walk import Walked, walk
from tidegate.runtime.network.recurrent import Loaded
from tidegate.tasks.build import heads_of
from tidegate.tasks.detect.choices import DetectorChoices
from tidegate.tasks.detect.examples import RowBatches, RowLoss, prepare_rows, training_origins, validation_of
from tidegate.tasks.fit import Fitted, Problem, Trainer
from tidegate.train.isolation import plain_torch
from tidegate.train.options import TrainOptions
from tidegate.train.progress import NO_PROGRESS, Progress

LONGEST_LAG = 2_016
VALIDATION_WINDOWS = 2_000
LEAST_ERROR = 1e-3  # of a channel's scale: smaller errors are all alike
SWITCH = 2  # values, at most, of a channel that only switches
UNREAD = 1e30  # scale of a covariate that is not to be read: whatever comes is nothing beside it
BLOCKS = 5  # of rows, each ranked among the errors of the others


@dataclass(frozen=True)
class DetectFitted(Fitted):
    """A trained detector and everything it was trained with; `walked` is what it makes of every row of the table."""

    table: Table
    split: Split
    detector: Detector
    walked: Walked
    labelled: NDArray[np.bool_] | None


@plain_torch()
def fit(
    table: Table,
    split: Split,
    choices: DetectorChoices,
    labelled: NDArray[np.bool_] | None,
    *,
    progress: Progress = NO_PROGRESS,
    tune: Callable[[Walked, Split, Rules], tuple[Rules, Note | None]] | None = None,
) -> DetectFitted:
    """Prepare, train, and measure the errors.

    Args:
        table: all rows. split: its parts; the test part is evaluated, and not learned from.
        choices: the options. labelled: [N], known anomalies, or None.
        progress: how far the training is: kept, taken up again, shown.
        tune: chooses the threshold from what was predicted for the validation part.

    Raises:
        DataError, TrainingError: what cannot work, and how to fix it.
    """
    notes = [*table.notes, *split.notes]
    rules = choices.rules(table.frequency, table.time.dtype.kind == "M")
    rules = replace(rules, groups=channel_groups(choices.alarms.groups, table, split))
    if choices.alarms_per_week is None and choices.alarms.alarms_per_day is None and rules.budget < 1:
        message = (
            "The budget is one false alarm in 100 rows, {budget:.2g} a week; for another pass alarms_per_week= "
            "(--alarms-per-week)."
        )
        notes.append(Note("budget", message, {"budget": rules.budget}))
    preparation = prepare(table, split, choices)
    spec = build(choices, preparation)
    rebuild = choices.method == "reconstruction"
    data = prepare_rows(table, preparation, labelled)
    windows, touched = training_origins(table, split, choices.window, labelled)
    if touched:
        message = "{count} training windows touch labelled rows and were left out; {kept} were learned from."
        notes.append(Note("labelled", message, {"count": touched, "kept": len(windows)}))
    if not len(windows):
        message = (
            "every training window of {window} rows touches a labelled row: shorten window, or train on a part with "
            "fewer labels"
        )
        raise DataError(tr(message, window=choices.window))
    options = budget(choices.training, len(windows))

    def batches_of(own: TrainOptions) -> RowBatches:
        return RowBatches(data, windows, choices.window, own.batch_size, own.seed, rebuild)

    batches = batches_of(options)
    loss = RowLoss(choices.loss, rebuild)
    fingerprint = None
    if progress.checkpoints is not None:
        parts = {name: rows.tolist() for name, rows in split.parts.items() if name != "test"}
        fingerprint = [str(choices), data_fingerprint(table), parts]
    trainer = Trainer(
        options,
        ensemble_size=choices.ensemble_size,
        work=options.batch_size * 8 * choices.recurrent.hidden_size**2,
        fingerprint=fingerprint,
        progress=progress,
    )
    validation = validation_of(batches, validation_windows(table, split, choices.window), loss)
    trained = trainer.train(Problem(spec, batches_of, loss, validation))
    network = trained.network
    weights = Loaded({name: tensor.numpy().copy() for name, tensor in network.state_dict().items()})
    detector = calibrate(blank(network.spec, weights, preparation, rules, table), table, split, labelled)
    learn_from = split.validation[:, 1]
    notes += unreachable(detector, len(_rows(split.train)) + len(_rows(split.validation)))
    notes += extrapolated(detector)
    walked = walk(detector, table, learn_from)
    if tune is not None:
        rules, note = tune(walked, split, detector.rules)
        notes += [] if note is None else [note]
        if rules != detector.rules:
            detector = replace(detector, rules=rules)
            walked = walk(detector, table, learn_from)
    detector = replace(detector, ends=walked.ends)
    return DetectFitted(
        **trained.left(notes), table=table, split=split, detector=detector, walked=walked, labelled=labelled
    )


def unreachable(detector: Detector, rows: int) -> list[Note]:
    """Say it where even an error twice as large as all that came, in whatever channel, would not alarm."""
    rules = detector.rules
    twice = largest(detector.counts, rows).astype(np.float64) + 1 + PER_DOUBLING
    ranks = p_values(detector.counts, detector.total, twice, tail_shares(rules.tail), rules.tail)
    members = rules.members(detector.preparation.channels)
    rarity = np.array([min(KINDS * len(own) * float(ranks[own].min()), 1.0) for own in members])
    least = min(float(calibrated(detector.levels, rarity).min()) * len(members), 1.0)
    if least <= rules.threshold:
        return []
    message = (
        "A row whose error is twice the largest that came would have a p-value of {p:.2g}, and an alarm needs "
        "{threshold:.2g}: errors must be larger still, or alarms_per_week (or per 1,000 rows) at least {budget:.3g}. "
        "More rows or fewer channels reach further; columns that seldom switch are better read than watched, as known= "
        "or observed=."
    )
    values = {"p": least, "threshold": rules.threshold, "budget": rules.budget * least / rules.threshold}
    return [Note("reach", message, values)]


def extrapolated(detector: Detector) -> list[Note]:
    """Say how sure the threshold is where the rows that were counted hold less than one that is as rare.

    The share p of such rows has a Gamma law of shape N + TRUST after N of them came (see `runtime.detect.levels`); its
    5th and 95th percentile over its mean are what is said, of the least sure group.
    """
    from scipy.stats import gamma

    groups = len(detector.levels)
    threshold, rows = detector.rules.threshold, float(detector.levels[:, 0].min())
    if rows * threshold / groups >= 1:
        return []
    shapes = []
    for own in detector.levels:
        deep = calibrated(np.broadcast_to(own, (COUNT, COUNT)), RARITY) <= threshold / groups
        shapes.append(TRUST + (own[int(deep.argmax())] if deep.any() else 0.0))
    low, high = gamma.ppf((0.05, 0.95), min(shapes)) / min(shapes)
    message = (
        "An alarm needs a p-value of {threshold:.2g}, and it was counted on {rows:.0f} rows: beyond them it is "
        "extrapolated, and there may be {low:.1f} to {high:.1f} times as many false alarms as the budget says (90 %)."
    )
    return [
        Note("extrapolated", message, {"threshold": threshold, "rows": rows, "low": float(low), "high": float(high)})
    ]


def prepare(table: Table, split: Split, choices: DetectorChoices) -> OnlinePreparation:
    """Scales, seasons and clock features, from the training part alone."""
    names, observed, known = table.schema.targets, table.schema.observed, table.schema.known
    offset, scale = measure_scales(table, split.train, (*names, *observed, *known))
    still = constant_columns(table, split.train, (*observed, *known))
    scale[:, len(names) :][:, still] = UNREAD
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
    clock = (tuple(calendar), table.timezone, step)
    return OnlinePreparation(names, table.ids, offset, scale, lags, *clock, observed, known)


def channel_groups(
    given: Mapping[str, Sequence[str]] | str | None, table: Table, split: Split
) -> dict[str, tuple[str, ...]]:
    """The channels of each group; {} for one group of all.

    Args:
        given: `AlarmOptions.groups`. table, split: the training part tells which channels only switch.

    Raises:
        ConfigError: a group names what is no channel, or a channel twice.
    """
    channels = table.schema.targets
    found: dict[str, tuple[str, ...]] = {}
    if isinstance(given, Mapping):
        found = {str(group): tuple(as_names(own)) for group, own in given.items()}
        named = [name for own in found.values() for name in own]
        odd = [name for name in named if name not in channels or named.count(name) > 1]
        if odd:
            message = "groups: {name!r} is no channel, or is named twice; each of {channels} may be in one group"
            raise ConfigError(tr(message, name=odd[0], channels=", ".join(channels)))
        found["others"] = (*found.get("others", ()), *(name for name in channels if name not in named))
    elif given == "auto":
        rows = _rows(split.train)
        switches = [name for name in channels if len(np.unique(table.columns[name][rows])) <= SWITCH]
        found = {"readings": tuple(name for name in channels if name not in switches), "switches": tuple(switches)}
    found = {group: own for group, own in found.items() if own}
    return found if len(found) > 1 else {}


def constant_columns(table: Table, rows: NDArray[np.int64], names: Sequence[str]) -> NDArray[np.bool_]:
    """[E] which covariates never change in the training part: weights for them would be those of chance."""
    found = np.zeros(len(names), bool)
    for number, name in enumerate(names):
        values = table.columns[name][_rows(rows)]
        known = values[~np.isnan(values)]
        found[number] = not len(known) or bool((known == known[0]).all())
    return found


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
    heads = heads_of(own.cell, own.hidden_size)
    recurrent = Recurrent(cell=own.cell, hidden_size=own.hidden_size, num_layers=own.num_layers, num_heads=heads)
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
    counts = first_counts(np.full((1, channels, KINDS), np.nan), np.ones((channels, KINDS)), 1.0)
    base, levels = np.ones((channels, KINDS)), np.zeros((max(len(rules.groups), 1), COUNT))
    return Detector(spec, weights, preparation, rules, base, counts, levels, table.schema, table.frequency, {})


def calibrate(detector: Detector, table: Table, split: Split, labelled: NDArray[np.bool_] | None) -> Detector:
    """Give a detector the errors of the validation part, and those of the training part made as large.

    Errors on rows that the network was trained on are too small; each is multiplied by the ratio of the medians of the
    two parts, at least 1. The more there are, the further p reaches; half of a stream's memory is filled at most. How
    often steps are how rare is counted on both parts, each block of rows held against the errors of all others; of a
    reconstruction on the validation part alone: means over windows that overlap have medians that differ by chance, so
    that training errors made as large would make the others look too common.
    """
    walked = walk(replace(detector, rules=replace(detector.rules, memory=0)), table.tail(len(table)))
    errors = walked.errors.copy()
    if labelled is not None:
        errors[labelled] = np.nan
    seen, own = _rows(split.validation), _rows(split.train)
    held, trained = errors[seen], errors[own]
    with np.errstate(all="ignore"):
        ratio = _median(held) / np.maximum(_median(trained), 1e-30)
    trained = trained * np.clip(np.nan_to_num(ratio, nan=1.0), 1.0, 10.0)
    both = np.concatenate([held, trained])
    if np.isnan(both).all():
        message = (
            "no row of the training and validation parts could be judged: {warm_up} rows pass before the first; give "
            "more rows, or a shorter warm_up"
        )
        raise DataError(tr(message, warm_up=detector.rules.warm_up))
    base = np.maximum(np.nan_to_num(_median(both), nan=1.0), LEAST_ERROR)
    most = detector.rules.memory / 2 if detector.rules.memory else np.inf
    counts = first_counts(both, base, most)
    ranked, others = (both, trained[:0]) if detector.rules.method == "forecast" else (held, trained)
    members = detector.rules.members(detector.preparation.channels)
    rarity = held_out_rarity(ranked, others, base, most, detector.rules.tail, members)
    levels = np.stack([first_levels(own, most) for own in rarity.T])
    return replace(detector, base=base, counts=counts, levels=levels)


def held_out_rarity(
    errors: NDArray[np.float64],
    trained: NDArray[np.float64],
    base: NDArray[np.float64],
    most: float,
    tail: float,
    members: Sequence[NDArray[np.int64]],
) -> NDArray[np.float64]:
    """[N, J] how rare each step is for each group of channels, among the errors of all others but its own block of
    rows, so that none is its own past.

    Args:
        errors: [N, C, K], NaN where there was none, in the order of time.
        trained: [M, C, K] of rows that are not to be ranked themselves. base, most: as for `first_counts`.
        tail: index of the tail. members: channels of each group.
    """
    found, shares = np.full((len(errors), len(members)), np.nan), tail_shares(tail)
    for own in np.array_split(np.arange(len(errors)), BLOCKS):
        others = np.concatenate([np.delete(errors, own, axis=0), trained])
        counts = first_counts(others, base, most)
        ranks = p_values(
            np.broadcast_to(counts, (len(own), *counts.shape)),
            np.broadcast_to(counts.sum(axis=-1, dtype=np.float64), (len(own), *counts.shape[:2])),
            bin_position(np.nan_to_num(errors[own]), base),
            shares,
            tail,
        )
        unknown = np.isnan(errors[own].sum(axis=2))
        ranked = np.where(unknown, np.nan, ranks.min(axis=2))
        for number, group in enumerate(members):
            filled = np.where(unknown[:, group], 2.0, rarities(ranked[:, group])).min(axis=1)
            found[own, number] = np.where(filled <= 1.0, filled, np.nan)
    return found


def _rows(part: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([np.arange(a, b) for a, b in part.tolist()])


def _median(errors: NDArray[np.float64]) -> NDArray[np.float64]:
    """[C, K] medians of errors [N, C, K] that are not NaN; NaN where all are."""
    found = np.full(errors.shape[1:], np.nan)
    for c, k in np.ndindex(*errors.shape[1:]):
        known = errors[~np.isnan(errors[:, c, k]), c, k]
        if len(known):
            found[c, k] = np.median(known)
    return found
