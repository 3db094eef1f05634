"""A network's spec from a forecaster's options and the prepared table's sizes."""

from __future__ import annotations

from dataclasses import dataclass

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
from tidegate.evaluate.forecast.season import Seasons
from tidegate.prepare.table.preparation import Preparation
from tidegate.tasks.build import after_encoder, checked_sizes, convolutions, encoder, sizes_of
from tidegate.tasks.forecast.options import NetworkOptions
from tidegate.tasks.options import RecurrentOptions


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
