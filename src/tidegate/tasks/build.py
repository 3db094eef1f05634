"""What every task builds alike of a network's spec, from an estimator's options."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from math import gcd
from typing import Any

from pydantic import ValidationError

from tidegate.artifacts.layers import BatchNorm, Convolution, Layer, Recurrent, SelfAttention, Transformer
from tidegate.core.errors import ConfigError
from tidegate.tasks.options import CellOptions, LayerOptions, RecurrentOptions


@contextmanager
def checked_sizes() -> Iterator[None]:
    """Say sizes that do not fit each other as the user's mistake.

    Raises:
        ConfigError: naming the first of them.
    """
    try:
        yield
    except ValidationError as error:
        first = error.errors()[0]
        place = str(first["loc"][-1]) + ": " if first["loc"] else ""
        raise ConfigError(place + first["msg"].removeprefix("Value error, ")) from error


def sizes_of(options: RecurrentOptions) -> dict[str, Any]:
    """Cell, units, layers and dropout of a recurrence, and of what stands in its place."""
    own = {"cell": options.cell, "hidden_size": options.hidden_size, "num_layers": options.num_layers}
    return own | {"dropout": float(options.dropout)}


def heads_of(cell: str, hidden: int, wanted: int | None = None) -> int:
    """The heads of a cell: 1 where it has none; as wanted, or 4, or 2 or 1 where those divide `hidden`."""
    if cell not in ("slstm", "mlstm"):
        return 1
    return gcd(hidden, 4) if wanted is None else wanted


def forgetting(cell: str, bias: float | None) -> float | None:
    """What the forget gate starts from where 1 is usual: nothing of a gru's; as in the paper of slstm and mlstm."""
    return None if cell == "gru" or (cell in ("slstm", "mlstm") and bias == 1.0) else bias


def cell_fields(options: CellOptions, cell: str, hidden: int) -> dict[str, Any]:
    """What is done inside the cells of a recurrence."""
    own = {item.name: getattr(options, item.name) for item in fields(CellOptions)}
    return {**own, "forget_bias": forgetting(cell, options.forget_bias), "num_heads": heads_of(cell, hidden)}


def convolutions(network: LayerOptions) -> list[Layer]:
    """The convolutions over time before the recurrence, if any."""
    if not network.conv_channels:
        return []
    return [
        Convolution(
            channels=network.conv_channels,
            kernel=network.conv_kernel,
            stride=network.conv_stride,
            padding=network.conv_padding,
        )
    ]


@checked_sizes()
def encoder(options: RecurrentOptions, network: LayerOptions, *, bidirectional: bool) -> Recurrent | Transformer:
    """The recurrence, or the transformer in its place."""
    if network.encoder == "transformer":
        return Transformer(
            **sizes_of(options),
            num_heads=network.num_heads,
            feedforward=4 * options.hidden_size if network.feedforward is None else network.feedforward,
            positions=network.positions,
        )
    return Recurrent(
        **sizes_of(options),
        bidirectional=bidirectional,
        layer_norm=network.layer_norm,
        recurrent_dropout=network.recurrent_dropout,
        zoneout=network.zoneout,
        forget_bias=network.forget_bias,
        num_heads=heads_of(options.cell, options.hidden_size, network.num_heads),
    )


def after_encoder(options: RecurrentOptions, network: LayerOptions) -> list[Layer]:
    """Batch normalisation and self-attention over what the recurrence gives, where they are asked for."""
    layers: list[Layer] = [BatchNorm()] if network.batch_norm else []
    if network.self_attention:
        layers.append(SelfAttention(num_heads=network.num_heads, dropout=float(options.dropout)))
    return layers
