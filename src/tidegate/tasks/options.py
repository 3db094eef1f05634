"""A forecaster's options in groups, checked before any work, and resolved against the table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, TypeVar, get_args

import numpy as np

from tidegate.core.errors import ConfigError
from tidegate.core.frequency import Frequency
from tidegate.train.forcing import FORCING_SCHEDULES, ForcingSchedule

Group = TypeVar("Group")
Auto = Literal["auto"]


@dataclass(frozen=True)
class NetworkOptions:
    """The finer choices of a forecasting network.

    Attributes:
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
        batch_norm: batch normalisation after the recurrence (guide 7.2).
        layer_norm: normalise the products and the cell state inside the recurrent cell (see `tidegate.nn.recurrent`).
        recurrent_dropout: share of the state silenced where it enters the recurrent product, in training.
        zoneout: share of units that keep their old state at a step, by lot in training, mixed in afterwards.
        forget_bias: what the forget gate's bias starts from; None takes torch's start, 1 remembers from the beginning.
        encoder: `recurrent`, or `transformer` in its place: `num_layers` layers of width `hidden_size`; a decoder after
            it has one layer of `cell`. `ode_rnn`: a recurrence whose state flows on where targets are missing instead
            of reading fill values (extra `ode`; see `tidegate.nn.ode`).
        solver_steps: of the `ode_rnn`, Runge-Kutta steps between two rows.
        num_heads: of the transformer and of self-attention; a divisor of their width.
        feedforward: units between the transformer's two dense layers; None takes four times `hidden_size`.
        positions: of the transformer: `sinusoidal` or `learned`.
        self_attention: self-attention over the recurrence's outputs (see `tidegate.nn.transformer`).
        conv_channels: channels of each convolution over time before the recurrence (CNN-LSTM); () takes none.
        conv_kernel, conv_stride: steps that a convolution sees, and steps between its outputs.
        conv_padding: `causal` sees no later steps, `same` as many on either side (see `tidegate.nn.convolution`).
        attention: how each decoder step looks up the encoder's states: `additive` (Bahdanau), or `dot`, `general` or
            `concat` (Luong); None does not (see `tidegate.nn.attention`).
        teacher_forcing: None lets no decoder step read the forecast of the step before; a ratio from 0 to 1 does,
            and in training shows it the truth instead that often (guide 6.3).
        forcing_schedule: `constant`, or a ratio that falls in training: `linear` or `inverse_sigmoid` (scheduled
            sampling, see `tidegate.train.forcing`).
        block: steps that the network itself forecasts; where it is less than the horizon, the network is
            applied again to its own forecasts (recursive decoding). None forecasts the whole horizon directly.
    """

    head: Literal["decoder", "direct"] = "decoder"
    decoder_segment: int | Auto = "auto"
    head_size: int = 32
    head_dropout: float | None = None
    lags: tuple[int, ...] | Auto = "auto"
    anchor: int | Auto = "auto"
    channels: Literal["joint", "independent"] = "joint"
    channel_size: int = 0
    embed: int = 8
    batch_norm: bool = False
    layer_norm: bool = False
    recurrent_dropout: float = 0.0
    zoneout: float = 0.0
    forget_bias: float | None = None
    encoder: Literal["recurrent", "transformer", "ode_rnn"] = "recurrent"
    solver_steps: int = 2
    num_heads: int = 4
    feedforward: int | None = None
    positions: Literal["sinusoidal", "learned"] = "sinusoidal"
    self_attention: bool = False
    conv_channels: tuple[int, ...] = ()
    conv_kernel: int = 3
    conv_stride: int = 1
    conv_padding: Literal["causal", "same"] = "causal"
    attention: Literal["additive", "dot", "general", "concat"] | None = None
    teacher_forcing: float | None = None
    forcing_schedule: ForcingSchedule = "constant"
    block: int | None = None

    def __post_init__(self) -> None:
        choice("head", self.head, ("decoder", "direct"))
        choice("channels", self.channels, ("joint", "independent"))
        for name in ("head_size", "embed"):
            whole(name, getattr(self, name), 1)
        whole("channel_size", self.channel_size, 0)
        self._check_layers()
        self._check_recurrence()
        self._check_decoder()
        if self.head_dropout is not None:
            share("head_dropout", self.head_dropout)
        for name, least in (("decoder_segment", 1), ("anchor", 0)):
            if getattr(self, name) != "auto":
                whole(name, getattr(self, name), least)
        if self.block is not None:
            whole("block", self.block, 1)
        if self.lags != "auto":
            if not isinstance(self.lags, (tuple, list)):
                raise ConfigError(f'lags is "auto" or a list of whole numbers of steps; got {self.lags!r}')
            for lag in self.lags:
                whole("lags", lag, 1)
        choice("batch_norm", self.batch_norm, (True, False))

    def _check_layers(self) -> None:
        choice("encoder", self.encoder, ("recurrent", "transformer", "ode_rnn"))
        choice("positions", self.positions, ("sinusoidal", "learned"))
        choice("self_attention", self.self_attention, (True, False))
        choice("conv_padding", self.conv_padding, ("causal", "same"))
        for name in ("num_heads", "conv_kernel", "conv_stride", "solver_steps"):
            whole(name, getattr(self, name), 1)
        if self.feedforward is not None:
            whole("feedforward", self.feedforward, 1)
        if not isinstance(self.conv_channels, (tuple, list)):
            raise ConfigError(
                f"conv_channels is a list of channels, such as [32] or [32, 64]; got {self.conv_channels!r}"
            )
        for channels in self.conv_channels:
            whole("conv_channels", channels, 1)
        if self.encoder == "ode_rnn" and self.conv_channels:
            raise ConfigError("encoder='ode_rnn' reads single steps: leave conv_channels out")
        if self.conv_stride > self.conv_kernel:
            raise ConfigError(f"conv_stride {self.conv_stride} above conv_kernel {self.conv_kernel} would skip steps")

    def _check_recurrence(self) -> None:
        choice("layer_norm", self.layer_norm, (True, False))
        for name in ("recurrent_dropout", "zoneout"):
            share(name, getattr(self, name))
        bias = self.forget_bias
        if bias is not None and (isinstance(bias, bool) or not isinstance(bias, (int, float)) or not abs(bias) <= 100):
            raise ConfigError(f"forget_bias is a number from -100 to 100, or None; got {bias!r}")
        if self.encoder != "recurrent":
            for name, off in (("layer_norm", False), ("recurrent_dropout", 0), ("zoneout", 0), ("forget_bias", None)):
                if getattr(self, name) != off:
                    raise ConfigError(f"{name} belongs to encoder='recurrent'; encoder={self.encoder!r} has none")

    def _check_decoder(self) -> None:
        choice("attention", self.attention, (None, "additive", "dot", "general", "concat"))
        choice("forcing_schedule", self.forcing_schedule, FORCING_SCHEDULES)
        ratio = self.teacher_forcing
        if ratio is not None and (
            isinstance(ratio, bool) or not isinstance(ratio, (int, float)) or not 0 <= ratio <= 1
        ):
            raise ConfigError(f"teacher_forcing is a ratio from 0 to 1, or None; got {ratio!r}")
        if ratio is None and self.forcing_schedule != "constant":
            raise ConfigError(
                f"forcing_schedule={self.forcing_schedule!r} needs teacher_forcing, the ratio that it begins with, "
                "such as 1.0"
            )
        if self.head == "direct" and (self.attention is not None or ratio is not None):
            raise ConfigError("attention and teacher_forcing belong to head='decoder'; head='direct' has no steps")


def group(kind: type[Group], given: Group | Mapping[str, Any] | None) -> Group:
    """A group of options from an object, a mapping (unknown names are refused) or nothing.

    Raises:
        ConfigError: an unknown name, or a value that cannot work.
    """
    if given is None:
        return kind()
    if isinstance(given, kind):
        return given
    if not isinstance(given, Mapping):
        raise ConfigError(f"expected {kind.__name__} or a mapping of its options, got {type(given).__name__}")
    known = [item.name for item in fields(kind)]  # type: ignore[arg-type]
    for name in given:
        if name not in known:
            raise ConfigError(f"{kind.__name__} has no option {name!r}; it has {', '.join(known)}")
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in given.items()})


def overrule(options: Group, given: Any, own: Mapping[str, Any]) -> Group:
    """Options of a group with the estimator's own arguments put in; a second value beside them is refused.

    Args:
        options: the group, made from `given`. own: the estimator's arguments that are options of the group.

    Raises:
        ConfigError: the group sets what is an argument of the estimator, to something else.
    """
    kind = type(options)
    for name, value in own.items():
        found = getattr(options, name)
        named = name in given if isinstance(given, Mapping) else found != getattr(kind, name)
        if named and found != value:
            raise ConfigError(
                f"{name}={found!r} in {kind.__name__} would be overruled by the argument {name}={value!r}: "
                f"give {name} to the estimator itself"
            )
    return replace(options, **own)  # type: ignore[type-var]


def given(group: Any, name: str) -> bool:
    """Whether a group of options, as the user gave it, says something about an option."""
    return name in group if isinstance(group, Mapping) else group is not None


def choice(name: str, value: Any, allowed: tuple[Any, ...]) -> None:
    """Refuse a value that is not among the allowed ones."""
    if not any(value is item or (type(value) is type(item) and value == item) for item in allowed):
        raise ConfigError(f"{name} is one of {', '.join(map(repr, allowed))}; got {value!r}")


def whole(name: str, value: Any, least: int) -> None:
    """Refuse anything but a whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ConfigError(f"{name} is a whole number of at least {least}; got {value!r}")


def share(name: str, value: Any) -> None:
    """Refuse anything but a share from 0 up to, but not, 1."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1:
        raise ConfigError(f"{name} is a share from 0 up to, but not, 1; got {value!r}")


def quantile_levels(quantiles: Any, level: Any) -> tuple[float, ...]:
    """Rising quantile levels from `quantiles` in (0, 1) and `level` in percent, one number or several.

    Raises:
        ConfigError: a value outside its range.
    """
    found: set[float] = set()
    for value in _several(quantiles):
        if not isinstance(value, (int, float)) or not 0 < value < 1:
            raise ConfigError(f"quantiles lie between 0 and 1, both excluded; got {value!r}")
        found.add(float(value))
    for value in _several(level):
        if not isinstance(value, (int, float)) or not 0 < value < 100:
            raise ConfigError(f"level is the percentage an interval should hold, such as 80 or 95; got {value!r}")
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

    The longest season of at most 200 steps (a week of hours), or twice the horizon where that is longer, but
    at most a fifth of the rows; a whole number of the shortest season where one fits.

    Args:
        seasons: lengths in steps; 1 stands for none. horizon: K. rows: of a usual training part.
    """
    fitting = [season for season in seasons if 1 < season <= 200]
    wanted = max([2 * horizon, *fitting]) if fitting else max(2 * horizon, 32)
    wanted = max(2, min(wanted, rows // 5))
    unit = min(fitting, default=1)
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


# Options of reading: new rows are read as the training rows were, unless the caller says otherwise.
READING = ("repair", "wide", "decimal", "delimiter", "encoding", "date_format")
CELLS = ("lstm", "gru", "peephole", "coupled")
NORMALISE = (None, "auto", "last", "mean", "standard", "scale")
POOLING = ("last", "attention")
LOSSES: tuple[str, ...] = ("mse", "mae", "huber", "pinball")
AUTO = get_args(Auto)[0]
