"""A network's spec from a forecaster's options and the prepared table's sizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from tidegate.artifacts.spec import (
    BatchNorm,
    Convolution,
    Decoder,
    Dropout,
    Embed,
    Head,
    Layer,
    NetworkSpec,
    Normalise,
    OdeRnn,
    Pool,
    Recurrent,
    Segment,
    SelfAttention,
    Transformer,
)
from tidegate.core.errors import ConfigError
from tidegate.prepare.table.preparation import Preparation
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
        anchor: steps, 0 for none.
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
    try:
        return _spec(plan, options, network, preparation, outputs, middle)
    except ValidationError as error:
        first = error.errors()[0]
        place = str(first["loc"][-1]) + ": " if first["loc"] else ""
        raise ConfigError(place + first["msg"].removeprefix("Value error, ")) from error


def _spec(
    plan: Plan, options: RecurrentOptions, network: NetworkOptions, preparation: Preparation, outputs: int, middle: int
) -> NetworkSpec:
    static, count = len(preparation.static_names), len(preparation.target_names)
    independent = network.channels == "independent" and count > 1
    channel_size = network.channel_size if independent else 0
    layers: list[Layer] = []
    if plan.normalise is not None:
        layers.append(Normalise(by=plan.normalise, period=plan.period))  # type: ignore[arg-type]
    if network.conv_channels:
        layers.append(
            Convolution(
                channels=network.conv_channels,
                kernel=network.conv_kernel,
                stride=network.conv_stride,
                padding=network.conv_padding,
            )
        )
    if plan.segment > 1:
        layers.append(Segment(length=plan.segment, size=options.hidden_size))
    if static + channel_size:
        layers.append(Embed(size=network.embed))
    layers.append(_encoder(options, network, preparation))
    if network.batch_norm:
        layers.append(BatchNorm())
    if network.self_attention:
        layers.append(SelfAttention(num_heads=network.num_heads, dropout=float(options.dropout)))
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


def _encoder(
    options: RecurrentOptions, network: NetworkOptions, preparation: Preparation
) -> Recurrent | Transformer | OdeRnn:
    sizes: dict[str, Any] = {"cell": options.cell, "hidden_size": options.hidden_size, "num_layers": options.num_layers}
    dropout = float(options.dropout)
    if network.encoder == "transformer":
        feedforward = 4 * options.hidden_size if network.feedforward is None else network.feedforward
        return Transformer(
            **sizes,
            num_heads=network.num_heads,
            feedforward=feedforward,
            dropout=dropout,
            positions=network.positions,
        )
    if network.encoder == "ode_rnn":
        missing = _missing(preparation, independent=network.channels == "independent")
        return OdeRnn(**sizes, dropout=dropout, solver_steps=network.solver_steps, missing=missing)
    return Recurrent(
        **sizes,
        dropout=dropout,
        bidirectional=options.bidirectional is True,
        layer_norm=network.layer_norm,
        recurrent_dropout=float(network.recurrent_dropout),
        zoneout=float(network.zoneout),
        forget_bias=None if network.forget_bias is None else float(network.forget_bias),
    )


def _missing(preparation: Preparation, *, independent: bool) -> tuple[int, ...]:
    """Places of the inputs that say where targets are missing; none where a target always is there."""
    names, targets = preparation.past_names, preparation.target_names
    masks = [f"{name}:missing" for name in targets]
    if any(mask not in names for mask in masks):
        return ()
    shift = len(targets) - 1 if independent else 0  # of several independent targets a pass sees one
    return tuple(names.index(mask) - shift for mask in masks)
