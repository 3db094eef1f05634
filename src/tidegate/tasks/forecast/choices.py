"""A forecaster's arguments, checked before any data is read and put in groups."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tidegate.core.checks import Count, Ratio, Share, Whole, check_fields
from tidegate.core.errors import ConfigError, SplitError
from tidegate.core.frequency import Frequency
from tidegate.core.optional import require
from tidegate.core.table import Note, Table
from tidegate.core.translate import tr
from tidegate.data.split import Split, split
from tidegate.evaluate.forecast.season import Seasons, find_seasons
from tidegate.prepare import AugmentOptions, PrepareOptions
from tidegate.tasks.options import (
    AUTO,
    Auto,
    FitOptions,
    LayerOptions,
    RecurrentOptions,
    group,
    recurrent_options,
    said,
    training_options,
)
from tidegate.train.forcing import ForcingSchedule

Loss = Literal["mse", "mae", "huber", "pinball"]
FineTune = Literal["fine-tune"]
FINE_TUNE: FineTune = "fine-tune"


@dataclass(frozen=True)
class NetworkOptions(LayerOptions):
    """The finer choices of a forecasting network.

    Attributes:
        encoder: what reads the window: `recurrent`, `transformer` (`num_layers` layers of width `hidden_size`) or
            `ode_rnn` (its state flows on where targets are missing, instead of reading fill values). A decoder after a
            transformer has one layer of `cell`; `ode_rnn` needs the extra `ode` (see `tidegate.nn.ode`).
        pooling: `last` step, or `attention` over all steps (guide 6.2); "auto" takes the last.
        segment: window steps that one recurrent step takes in; "auto" joins the steps of a long window, 1 none.
        normalise: shift each window by its `last` value or `mean`, also divide by its deviation (`standard`), or
            divide by its recent magnitude (`scale`); None leaves it; "auto" lets validation choose.
        batch_norm, layer_norm, recurrent_dropout, zoneout, forget_bias, num_heads, feedforward, positions,
        self_attention, conv_channels, conv_kernel, conv_stride, conv_padding: as `EncoderOptions` has them; `positions`
            may be `learned` too.
        head: `decoder` runs a second recurrence over the horizon; `direct` gives all steps at once.
        decoder_segment: steps that one decoder step gives; "auto" takes the encoder's segment where the
            horizon is a multiple of it and longer than two days' worth of steps, else 1.
        head_size: units of the direct head for each step.
        head_dropout: share of the decoder's units silenced before its output, in training; None takes `dropout` where
            the recurrence has one layer (and so nothing between layers to drop), else 0.
        lags: seasons whose last values the head sees beside each step; "auto" takes those that fit the window.
        anchor: learn the difference from the value so many steps before; 0 learns the value itself; "auto"
            tries both on the validation part.
        channels: several targets through one recurrence ("joint"), or each alone through shared weights.
        channel_size: size of the learned vector that tells independent channels apart.
        embed: size that static inputs are projected to.
        solver_steps: of the `ode_rnn`, Runge-Kutta steps between two rows.
        attention: how each decoder step looks up the encoder's states: `additive` (Bahdanau), `dot`, `general` or
            `concat` (Luong); not at all if None. See `tidegate.nn.attention`.
        teacher_forcing: None lets no decoder step read the forecast of the step before; a ratio from 0 to 1 does,
            and in training shows it the truth instead that often (guide 6.3).
        forcing_schedule: `constant`, or a ratio that falls in training: `linear` or `inverse_sigmoid` (scheduled
            sampling, see `tidegate.train.forcing`).
        block: steps that the network itself forecasts; where it is less than the horizon, the network is
            applied again to its own forecasts (recursive decoding). None forecasts the whole horizon directly.
    """

    encoder: Literal["recurrent", "transformer", "ode_rnn"] = "recurrent"
    pooling: Literal["auto", "last", "attention"] = AUTO
    normalise: Literal["auto", "last", "mean", "standard", "scale"] | None = AUTO
    positions: Literal["sinusoidal", "learned"] = "sinusoidal"
    conv_padding: Literal["causal", "same"] = "causal"
    head: Literal["decoder", "direct"] = "decoder"
    decoder_segment: Count | Auto = AUTO
    head_size: Count = 32
    head_dropout: Share | None = None
    lags: tuple[Count, ...] | Auto = AUTO
    anchor: Whole | Auto = AUTO
    channels: Literal["joint", "independent"] = "joint"
    channel_size: Whole = 0
    embed: Count = 8
    solver_steps: Count = 2
    attention: Literal["additive", "dot", "general", "concat"] | None = None
    teacher_forcing: Ratio | None = None
    forcing_schedule: ForcingSchedule = "constant"
    block: Count | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_encoder()
        self._check_decoder()

    def _check_encoder(self) -> None:
        if self.encoder == "ode_rnn":
            if self.conv_channels:
                raise ConfigError(tr("encoder='ode_rnn' reads single steps: leave conv_channels out"))
            if self.segment not in (AUTO, 1):
                raise ConfigError(
                    tr("encoder='ode_rnn' reads single steps: segment is 1, got {segment}", segment=self.segment)
                )
        if self.encoder != "recurrent":
            for name, off in (("layer_norm", False), ("recurrent_dropout", 0), ("zoneout", 0), ("forget_bias", None)):
                if getattr(self, name) != off:
                    message = "{name} belongs to encoder='recurrent'; encoder={encoder!r} has none"
                    raise ConfigError(tr(message, name=name, encoder=self.encoder))

    def _check_decoder(self) -> None:
        ratio = self.teacher_forcing
        if ratio is None and self.forcing_schedule != "constant":
            message = (
                "forcing_schedule={forcing_schedule!r} needs teacher_forcing, the ratio that it begins with, such as "
                "1.0"
            )
            raise ConfigError(tr(message, forcing_schedule=self.forcing_schedule))
        if self.head == "direct" and (self.attention is not None or ratio is not None):
            raise ConfigError(tr("attention and teacher_forcing belong to head='decoder'; head='direct' has no steps"))


def quantile_levels(quantiles: Any, level: Any) -> tuple[float, ...]:
    """Rising quantile levels from `quantiles` in (0, 1) and `level` in percent, one number or several.

    Raises:
        ConfigError: a value outside its range.
    """
    found: set[float] = set()
    for value in _several(quantiles):
        if not isinstance(value, (int, float)) or not 0 < value < 1:
            raise ConfigError(tr("quantiles lie between 0 and 1, both excluded; got {value!r}", value=value))
        found.add(float(value))
    for value in _several(level):
        if not isinstance(value, (int, float)) or not 0 < value < 100:
            raise ConfigError(
                tr("level is the percentage an interval should hold, such as 80 or 95; got {value!r}", value=value)
            )
        found |= {round((100 - value) / 200, 10), round((100 + value) / 200, 10)}
    return tuple(sorted(found))


def _several(value: Any) -> tuple[Any, ...]:
    if value is None:
        return ()
    if isinstance(value, np.ndarray):
        value = value.tolist()
    return tuple(value) if isinstance(value, (list, tuple, set, range)) else (value,)


def choose_window(seasons: tuple[int, ...], horizon: int, rows: int) -> int:
    """A window that sees the seasons without eating the data.

    The longest season of at most 200 steps (a week of hours), or a week of steps of some minutes, or twice the horizon
    where that is longer, but at most a fifth of the rows, or one season where that leaves some windows to train on; a
    whole number of the shortest season where one fits.

    Args:
        seasons: lengths in steps; 1 stands for none. horizon: K. rows: of a usual training part.
    """
    week = 7 * min((season for season in seasons if season > 1), default=0)
    fitting = [season for season in seasons if 1 < season <= 200 or season == week <= 700]
    wanted = max([2 * horizon, *fitting]) if fitting else max(2 * horizon, 32)
    unit = min(fitting, default=1)
    room = rows - horizon - max(4, horizon // 2)
    wanted = max(2, min(wanted, max(rows // 5, unit if unit <= room else 0, min(2 * unit, rows // 4))))
    return wanted // unit * unit if wanted >= unit else wanted


def choose_segment(window: int, frequency: Frequency) -> int:
    """Steps a recurrent step covers: the largest divisor of the window that is a divisor of the shortest
    season and leaves at least 7 recurrent steps; 1 for windows of up to 48 steps."""
    if window <= 48:
        return 1
    seasons = frequency.seasons()
    unit = seasons[0] if seasons else window
    fitting = [size for size in range(1, window // 7 + 1) if window % size == 0 and unit % size == 0 and size <= 48]
    return max(fitting, default=1)


def choose_lags(seasons: tuple[int, ...], window: int) -> tuple[int, ...]:
    """Seasons that fit the window."""
    return tuple(season for season in seasons if season <= window)


@dataclass(frozen=True)
class ForecastOptions:
    """A forecaster's options, checked and grouped, before any table is seen.

    Attributes:
        recurrent: sizes of the recurrence. network, preparation, training, augment: the groups.
        auto: options of training that are left to `fill_budget`.
        loss: point loss, or "pinball" for quantiles alone. quantiles: rising.
        window, horizon: T and K, or None where the table is to suggest them. ensemble_size: networks that are averaged.
        transformed: whether the caller said what is forecast, `target_transform`.
        pretrained: "auto" tries the pretrained forecaster beside the network on small data; True takes it alone,
            "fine-tune" trains it on.
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
    pretrained: bool | Auto | FineTune = AUTO

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
    check_fields(model)
    recurrent, network = recurrent_options(model), group(NetworkOptions, model.network)
    network.check_cell(recurrent)
    if network.encoder == "ode_rnn":
        require("torchdiffeq", extra="ode", purpose="train an ODE-RNN")
    training, auto = training_options(model, FitOptions)
    levels = quantile_levels(model.quantiles, model.level)
    if model.loss == "pinball":
        if not levels:
            raise ConfigError(tr("loss='pinball' needs quantiles=[...] or level=[...]"))
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
        ensemble_size=model.ensemble_size,
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


BUDGET = ("batch_size", "max_epochs", "patience")
STEPS, BRIEF = 3_000, 1_000
FEWEST_EPOCHS, MOST_EPOCHS, MOST_BRIEF = 10, 200, 60
LARGEST_BATCH, SMALLEST_BATCH = 64, 16
LONGEST_EPOCH = 2_000


def fill_budget(
    options: FitOptions, auto: Collection[str], windows: int, notes: list[Note], *, brief: bool = False
) -> FitOptions:
    """Choose what was left open from the number of training windows.

    The batch is 64, less for under 2,048 windows so that an epoch has some 32 steps; all epochs together have about
    3,000 steps (10 to 200 epochs); an epoch of more than 2,000 steps is cut there, and the next goes on with other
    windows; patience is a quarter of the epochs. A `brief` training, of a network that adds to a linear forecast, has
    1,000 steps in 10 to 60 epochs. `effort` is a factor of the steps.

    Args:
        options: as given. auto: names among `BUDGET` that were left open. windows: in the training part.
        notes: what was chosen is added. brief: see above.
    """
    found: dict[str, Any] = {}
    batch = options.batch_size
    if "batch_size" in auto:
        batch = LARGEST_BATCH
        while batch > SMALLEST_BATCH and batch * 32 > windows:
            batch //= 2
        found["batch_size"] = batch
    steps = max(1, -(-windows // batch))
    epochs = options.max_epochs
    if "max_epochs" in auto:
        if options.steps_per_epoch is None and steps > LONGEST_EPOCH:
            found["steps_per_epoch"] = LONGEST_EPOCH
        steps = min(steps, options.steps_per_epoch or LONGEST_EPOCH)
        wanted = math.ceil((BRIEF if brief else STEPS) * options.effort / steps)
        fewest = math.ceil(FEWEST_EPOCHS * min(1, options.effort))
        epochs = min(max(wanted, fewest), MOST_BRIEF if brief else MOST_EPOCHS)
        found["max_epochs"] = epochs
    if "patience" in auto:
        found["patience"] = max(5, epochs // 4)
    if found:
        listed = ", ".join(f"{name}={value}" for name, value in found.items())
        notes.append(
            Note("budget", "For {windows} training windows: {listed}.", {"windows": windows, "listed": listed})
        )
    return replace(options, **found)
