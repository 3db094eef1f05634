"""What "auto" stands for in a forecaster's options, and the network's spec from them and the prepared table's sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tidegate.artifacts.spec import (
    Decoder,
    Dropout,
    Embed,
    Head,
    Layer,
    NetworkSpec,
    Normalise,
    OdeRnn,
    Pool,
    Segment,
    Skip,
)
from tidegate.core.errors import ConfigError
from tidegate.core.table import Table
from tidegate.core.translate import tr
from tidegate.data.split import Split
from tidegate.evaluate.forecast.season import DAYS, Seasons, find_seasons
from tidegate.prepare.table.preparation import Preparation
from tidegate.tasks.build import after_encoder, checked_sizes, convolutions, encoder, sizes_of
from tidegate.tasks.forecast.choices import Choices, NetworkOptions, choose_lags, choose_segment
from tidegate.tasks.options import AUTO, RecurrentOptions


@dataclass(frozen=True)
class Plan:
    """Every number that "auto" stood for, resolved against the table.

    Attributes:
        window, horizon, block: T, K, and the steps that the network itself forecasts.
        segment, decoder_segment: steps of one recurrent step.
        lags: seasons that the head sees.
        normalise: by window, or None. period: of `scale`.
        anchor: steps, 0 for none. skip: whether a linear forecast stands beside the network.
        seasons: of the training part.
    """

    window: int
    horizon: int
    block: int
    segment: int
    decoder_segment: int
    lags: tuple[int, ...]
    normalise: str | None
    period: int
    anchor: int
    seasons: Seasons
    skip: bool = False


def make_plan(table: Table, split: Split, choices: Choices, preparation: Preparation) -> Plan:
    """Resolve what "auto" stands for, from the calendar and the training part.

    Raises:
        ConfigError: options that do not fit each other.
    """
    network = choices.network
    window, horizon = choices.window, choices.horizon
    block = horizon if network.block is None else network.block
    if horizon % block:
        raise ConfigError(
            tr("network.block is a divisor of the horizon {horizon}; got {block}", horizon=horizon, block=block)
        )
    if block < horizon and (table.schema.observed or choices.preparation.target_transform == "difference"):
        message = (
            "recursive decoding (network.block) cannot know observed covariates ahead, nor difference its own "
            "forecasts: leave block out, or name the covariates as known"
        )
        raise ConfigError(tr(message))
    if not isinstance(network.segment, str):
        segment = network.segment
    elif network.encoder == "ode_rnn" or (network.conv_channels and network.conv_stride > 1):
        segment = 1  # single steps are flowed between; strides shorten the window already
    else:
        segment = choose_segment(window, table.frequency)
    if window % segment and not network.conv_channels:
        raise ConfigError(tr("window {window} is not a multiple of segment {segment}", window=window, segment=segment))
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


def build_spec(
    plan: Plan,
    options: RecurrentOptions,
    network: NetworkOptions,
    preparation: Preparation,
    outputs: int,
    middle: int = 0,
) -> NetworkSpec:
    """The network's spec.

    Args:
        plan: resolved numbers. options: sizes of the recurrence.
        network: the finer choices. preparation: gives the sizes of the inputs. outputs: O.
        middle: place of the point forecast among the outputs.

    Raises:
        ConfigError: sizes that do not fit each other.
    """
    static, count = len(preparation.static_names), len(preparation.target_names)
    independent = network.channels == "independent" and count > 1
    channel_size = network.channel_size if independent else 0
    layers: list[Layer] = []
    if plan.normalise is not None:
        layers.append(Normalise(by=plan.normalise, period=plan.period))  # type: ignore[arg-type]
    if plan.skip:
        layers.append(Skip())
    layers += convolutions(network)
    if plan.segment > 1:
        layers.append(Segment(length=plan.segment, size=options.hidden_size))
    if static + channel_size:
        layers.append(Embed(size=network.embed))
    if network.encoder == "ode_rnn":
        missing = _missing(preparation, independent=network.channels == "independent")
        layers.append(OdeRnn(**sizes_of(options), solver_steps=network.solver_steps, missing=missing))
    else:
        layers.append(encoder(options, network, bidirectional=options.bidirectional is True))
    layers += after_encoder(options, network)
    layers.append(Pool(by="attention" if network.pooling == "attention" else "last"))
    if network.head == "direct":
        layers += [Dropout(rate=float(options.dropout)), Head(hidden_size=network.head_size, lags=plan.lags)]
    else:
        position = 8 if plan.block > plan.decoder_segment else 0
        dropout = network.head_dropout
        if dropout is None:
            dropout = options.dropout if options.num_layers == 1 or network.encoder == "transformer" else 0.0
        layers.append(
            Decoder(
                segment=plan.decoder_segment,
                position=position,
                lags=plan.lags,
                dropout=float(dropout),
                attention=network.attention,
                feedback=None if network.teacher_forcing is None else middle,
            )
        )
    with checked_sizes():
        return NetworkSpec(
            window=plan.window,
            horizon=plan.block,
            past=len(preparation.past_names),
            future=len(preparation.future_names),
            static=static,
            targets=count,
            outputs=outputs,
            channels="independent" if independent else "joint",
            channel_size=channel_size,
            anchor=plan.anchor,
            layers=tuple(layers),
        )


def _missing(preparation: Preparation, *, independent: bool) -> tuple[int, ...]:
    """Places of the inputs that say where targets are missing; none where a target always is there."""
    names, targets = preparation.past_names, preparation.target_names
    masks = [f"{name}:missing" for name in targets]
    if any(mask not in names for mask in masks):
        return ()
    shift = len(targets) - 1 if independent else 0  # of several independent targets a pass sees one
    return tuple(names.index(mask) - shift for mask in masks)
