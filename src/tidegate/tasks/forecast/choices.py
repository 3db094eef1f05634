"""A forecaster's arguments, checked before any data is read and put in groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError
from tidegate.core.optional import require
from tidegate.core.table import Table
from tidegate.evaluate.forecast.season import find_seasons
from tidegate.prepare import AugmentOptions, PrepareOptions
from tidegate.tasks.forecast.budget import BUDGET
from tidegate.tasks.options import (
    AUTO,
    CELLS,
    LOSSES,
    NORMALISE,
    POOLING,
    NetworkOptions,
    choice,
    choose_window,
    given,
    group,
    overrule,
    quantile_levels,
    whole,
)
from tidegate.train.options import TrainOptions


@dataclass(frozen=True)
class Choices:
    """A forecaster's options, checked and grouped.

    Attributes:
        model: has cell, hidden_size, num_layers, dropout, bidirectional, pooling, segment, normalise.
        network, preparation, training, augment: the groups.
        auto: options of training that are left to `fill_budget`.
        loss: point loss, or "pinball" for quantiles alone. quantiles: rising.
        window, horizon: T and K.
    """

    model: Any
    network: NetworkOptions
    preparation: PrepareOptions
    training: TrainOptions
    auto: tuple[str, ...]
    augment: AugmentOptions
    loss: str
    quantiles: tuple[float, ...]
    window: int
    horizon: int

    @property
    def point(self) -> bool:
        return self.loss != "pinball"


def check_options(model: Any) -> None:
    """Refuse constructor arguments that cannot work.

    Raises:
        ConfigError: naming the argument and what it may be.
    """
    for name, least in (("horizon", 1), ("hidden_size", 1), ("num_layers", 1), ("seed", 0)):
        whole(name, getattr(model, name), least)
    if model.window is not None:
        whole("window", model.window, 1)
    if model.segment != AUTO:
        whole("segment", model.segment, 1)
    choice("cell", model.cell, CELLS)
    choice("pooling", model.pooling, POOLING)
    choice("normalise", model.normalise, NORMALISE)
    choice("loss", model.loss, LOSSES)
    choice("scale_by", model.scale_by, (None, "series", "shared"))
    choice("bidirectional", model.bidirectional, (True, False))
    if not isinstance(model.dropout, (int, float)) or not 0 <= model.dropout < 1:
        raise ConfigError(f"dropout is a share from 0 up to, but not, 1; got {model.dropout!r}")
    network = group(NetworkOptions, model.network)
    if network.encoder != "recurrent" and model.bidirectional:
        raise ConfigError(f"bidirectional belongs to a recurrence; encoder={network.encoder!r} has no direction")
    if network.forget_bias is not None and model.cell == "gru":
        raise ConfigError("forget_bias belongs to a cell with a forget gate: cell='gru' has none")
    if network.encoder == "ode_rnn":
        if model.segment not in (AUTO, 1):
            raise ConfigError(f"encoder='ode_rnn' reads single steps: segment is 1, got {model.segment}")
        require("torchdiffeq", extra="ode", purpose="train an ODE-RNN")
    group(AugmentOptions, model.augment)
    _groups(model, "shared")


def make_choices(model: Any, table: Table, train: NDArray[np.int64]) -> Choices:
    """The groups of options, and a window that suits the training part where none was given.

    Args:
        model: the forecaster. table: the data. train: [G, 2], its training rows; nothing else is looked at.
    """
    preparation, training, levels = _groups(model, "series" if len(table.ids) > 1 else "shared")
    window = model.window
    if window is None:
        found = find_seasons(table, train)
        calendar = table.frequency.seasons() if found.all else ()
        rows = int(np.median(train[:, 1] - train[:, 0]))
        window = choose_window((found.strongest, *calendar), model.horizon, rows)
    return Choices(
        model=model,
        network=group(NetworkOptions, model.network),
        preparation=preparation,
        training=training,
        auto=tuple(name for name in BUDGET if getattr(model, name) is None and not given(model.training, name)),
        augment=group(AugmentOptions, model.augment),
        loss=model.loss,
        quantiles=levels,
        window=window,
        horizon=model.horizon,
    )


def _groups(model: Any, scale_by: str) -> tuple[PrepareOptions, TrainOptions, tuple[float, ...]]:
    """Options of preparation and training with the model's own arguments put in, and the quantiles."""
    own = {
        "scale": model.scale,
        "scale_by": model.scale_by or scale_by,
        "fill": model.fill,
        "calendar": tuple(model.calendar) if isinstance(model.calendar, list) else model.calendar,
        "holidays": model.holidays,
    }
    preparation = overrule(group(PrepareOptions, model.preparation), model.preparation, own)
    names = ("optimizer", "learning_rate", "schedule", "batch_size", "max_epochs", "patience", "min_delta", "clip")
    own = {name: getattr(model, name) for name in (*names, "seed")}
    own = {name: value for name, value in own.items() if name not in BUDGET or value is not None}
    training = overrule(group(TrainOptions, model.training), model.training, own)
    levels = quantile_levels(model.quantiles, model.level)
    if model.loss == "pinball":
        if not levels:
            raise ConfigError("loss='pinball' needs quantiles=[...] or level=[...]")
        levels = tuple(sorted({*levels, 0.5}))  # the point forecast is the median then
    return preparation, training, levels
