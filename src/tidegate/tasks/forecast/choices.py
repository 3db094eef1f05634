"""A forecaster's arguments, checked before any data is read and put in groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError, SplitError
from tidegate.core.optional import require
from tidegate.core.table import Table
from tidegate.core.translate import tr
from tidegate.data.split import Split, split
from tidegate.evaluate.forecast.season import Seasons, find_seasons
from tidegate.prepare import AugmentOptions, PrepareOptions
from tidegate.tasks.forecast.options import LOSSES, NetworkOptions, choose_window, quantile_levels
from tidegate.tasks.options import (
    AUTO,
    Auto,
    FitOptions,
    RecurrentOptions,
    check_ensemble,
    choice,
    group,
    recurrent_options,
    said,
    training_options,
    whole,
)


@dataclass(frozen=True)
class ForecastOptions:
    """A forecaster's options, checked and grouped, before any table is seen.

    Attributes:
        recurrent: sizes of the recurrence. network, preparation, training, augment: the groups.
        auto: options of training that are left to `fill_budget`.
        loss: point loss, or "pinball" for quantiles alone. quantiles: rising.
        window, horizon: T and K, or None where the table is to suggest them. ensemble_size: networks that are averaged.
        transformed: whether the caller said what is forecast, `target_transform`.
        pretrained: "auto" tries the pretrained forecaster beside the network on small data; True takes it alone.
    """

    recurrent: RecurrentOptions
    network: NetworkOptions
    preparation: PrepareOptions
    training: FitOptions
    auto: tuple[str, ...]
    augment: AugmentOptions
    loss: str
    quantiles: tuple[float, ...]
    window: int | None
    horizon: int | None
    ensemble_size: int
    transformed: bool = False
    pretrained: bool | Auto = AUTO

    @property
    def point(self) -> bool:
        return self.loss != "pinball"


@dataclass(frozen=True)
class Choices(ForecastOptions):
    """The same with a window and a horizon, and the seasons that it was chosen by; None where it was given."""

    window: int
    horizon: int
    seasons: Seasons | None = field(default=None, repr=False)


def check_options(model: Any) -> ForecastOptions:
    """A forecaster's constructor arguments in groups; what cannot work is refused.

    Raises:
        ConfigError: naming the argument and what it may be.
    """
    if model.horizon is not None:
        whole("horizon", model.horizon, 1)
    choice("pretrained", model.pretrained, (AUTO, True, False))
    if model.window is not None:
        whole("window", model.window, 1)
    choice("loss", model.loss, LOSSES)
    recurrent, network = recurrent_options(model), group(NetworkOptions, model.network)
    network.check_cell(recurrent)
    if network.encoder == "ode_rnn":
        require("torchdiffeq", extra="ode", purpose="train an ODE-RNN")
    training, auto = training_options(model, FitOptions)
    levels = quantile_levels(model.quantiles, model.level)
    if model.loss == "pinball":
        if not levels:
            raise ConfigError("loss='pinball' needs quantiles=[...] or level=[...]")
        levels = tuple(sorted({*levels, 0.5}))  # the point forecast is the median then
    preparation = group(PrepareOptions, model.preparation)
    return ForecastOptions(
        recurrent=recurrent,
        network=network,
        preparation=preparation,
        training=training,
        auto=auto,
        augment=group(AugmentOptions, model.augment),
        loss=model.loss,
        quantiles=levels,
        window=model.window,
        horizon=model.horizon,
        ensemble_size=check_ensemble(model.ensemble_size),
        transformed=said(preparation, model.preparation, "target_transform"),
        pretrained=model.pretrained,
    )


def split_and_choose(model: Any, table: Table, parts: Mapping[str, Any]) -> tuple[Split, Choices]:
    """The parts of a table and the options, with a window that suits the training part where none was given.

    Args:
        model: the forecaster. table: the data. parts: `validation`, `test` and `gap`, as of `tidegate.split`.

    Raises:
        SplitError: a part has no window; a horizon that would fit is named.
    """
    horizon = horizon_of(model, table)
    try:
        found = split(table, **parts, window=model.window or 1, horizon=horizon)
    except SplitError as error:
        fewer = next((k for k in range(horizon - 1, 0, -1) if _fits(table, parts, model.window or max(2, k), k)), None)
        if fewer is None:
            raise
        raise SplitError(tr("{error}. A horizon of {fewer} fits", error=error, fewer=fewer)) from error
    choices = make_choices(model, table, found.train)
    if model.window is None:
        found = found.for_windows(table, choices.window, choices.horizon)
    return found, choices


def _fits(table: Table, parts: Mapping[str, Any], window: int, horizon: int) -> bool:
    try:
        split(table, **parts, window=window, horizon=horizon)
    except SplitError:
        return False
    return True


def make_choices(model: Any, table: Table, train: NDArray[np.int64]) -> Choices:
    """The groups of options, and a window that suits the training part where none was given.

    Args:
        model: the forecaster. table: the data. train: [G, 2], its training rows; nothing else is looked at.
    """
    found = check_options(model)
    window, horizon, seasons = found.window, horizon_of(model, table), None
    if window is None:
        seasons = find_seasons(table, train)
        calendar = table.frequency.seasons() if seasons.all else ()
        rows = int(np.median(train[:, 1] - train[:, 0]))
        window = choose_window((seasons.strongest, *calendar), horizon, rows)
    return Choices(**{**vars(found), "window": window, "horizon": horizon, "seasons": seasons})


def horizon_of(model: Any, table: Table) -> int:
    """K: the model's, or what is usual for the table's step."""
    return table.frequency.horizon() if model.horizon is None else int(model.horizon)


def with_horizon(model: Any, table: Table) -> Any:
    """The model itself, or one like it with the horizon that is usual for the table."""
    return model if model.horizon is not None else model.variant({"horizon": table.frequency.horizon()})
