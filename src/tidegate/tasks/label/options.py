"""The finer choices of a network that says something about sequences, and the checks of an estimator's arguments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from tidegate.artifacts.layers import MOST_MEMBERS
from tidegate.core.errors import ConfigError
from tidegate.prepare.sequence.masking import SequenceAugment
from tidegate.prepare.sequence.preparation import SequenceOptions
from tidegate.tasks.options import CELLS, choice, given, group, overrule, share, whole
from tidegate.train.options import TrainOptions

POOLING = ("auto", "last", "ends", "mean", "max", "attention")
NORMALISE = (None, "auto", "mean", "standard")
CLASS_LOSSES = ("cross_entropy", "focal")
POINT_LOSSES = ("mse", "mae", "huber")
THRESHOLDS = (None, "f1", "balanced_accuracy", "youden")
BUDGET = ("batch_size", "max_epochs", "patience")


@dataclass(frozen=True)
class EncoderOptions:
    """The finer choices of the network of a classifier or regressor.

    Attributes:
        encoder: `recurrent`, or `transformer` in its place.
        branch: channels of a fully convolutional branch beside the recurrence (LSTM-FCN, Karim et al. 2018); "auto"
            takes one for numbers that are looked at whole, () none. branch_kernels: steps each of its layers sees.
        squeeze: squeeze-and-excite blocks in the branch (MLSTM-FCN).
        embed: size of a token's vector. token_dropout: share of the tokens hidden in training. pairs: rows of a table
            that gives each pair of neighbouring tokens a vector of its own, such as 65,536 for a few thousand texts; 0
            for none.
        frame_channels: of the small convolutional network that looks at each frame.
        conv_channels, conv_kernel, conv_stride, conv_padding: convolutions before the recurrence (CNN-LSTM).
        batch_norm, self_attention: after the recurrence (guide 7.2, 8.2).
        num_heads, feedforward, positions: of the transformer and of self-attention.
        head_size: units of a dense layer before the output; 0 takes none.
        layer_norm, recurrent_dropout, zoneout, forget_bias: of the cell (see `tidegate.nn.recurrent`).

    Raises:
        ConfigError: an option that is unknown, out of range, or does not fit another.

    Source: Karim et al. (2018), arXiv:1709.05206 (LSTM-FCN); (2019), arXiv:1801.04503 (MLSTM-FCN); Vaswani et al.
        (2017), arXiv:1706.03762 (Transformer).

    >>> EncoderOptions(branch=(32, 32), branch_kernels=(8, 5)).encoder
    'recurrent'
    >>> EncoderOptions(branch=(32,))
    Traceback (most recent call last):
    ...
    tidegate.core.errors.ConfigError: branch has 1 layers and branch_kernels 3: give as many
    """

    encoder: Literal["recurrent", "transformer"] = "recurrent"
    branch: tuple[int, ...] | Literal["auto"] = "auto"
    branch_kernels: tuple[int, ...] = (8, 5, 3)
    squeeze: bool = False
    embed: int = 64
    token_dropout: float = 0.0
    pairs: int = 0
    frame_channels: tuple[int, ...] = (16, 32)
    conv_channels: tuple[int, ...] = ()
    conv_kernel: int = 3
    conv_stride: int = 1
    conv_padding: Literal["causal", "same"] = "same"
    batch_norm: bool = False
    self_attention: bool = False
    num_heads: int = 4
    feedforward: int | None = None
    positions: Literal["sinusoidal"] = "sinusoidal"
    head_size: int = 0
    layer_norm: bool = False
    recurrent_dropout: float = 0.0
    zoneout: float = 0.0
    forget_bias: float | None = None

    def __post_init__(self) -> None:
        choice("encoder", self.encoder, ("recurrent", "transformer"))
        choice("conv_padding", self.conv_padding, ("causal", "same"))
        choice("positions", self.positions, ("sinusoidal",))
        for name in ("squeeze", "batch_norm", "self_attention", "layer_norm"):
            choice(name, getattr(self, name), (True, False))
        for name in ("embed", "conv_kernel", "conv_stride", "num_heads"):
            whole(name, getattr(self, name), 1)
        for name in ("head_size", "pairs"):
            whole(name, getattr(self, name), 0)
        if self.feedforward is not None:
            whole("feedforward", self.feedforward, 1)
        for name in ("token_dropout", "recurrent_dropout", "zoneout"):
            share(name, getattr(self, name))
        for name in ("branch_kernels", "frame_channels", "conv_channels", *(["branch"] * (self.branch != "auto"))):
            for size in getattr(self, name):
                whole(name, size, 1)
        if self.branch != "auto" and self.branch and len(self.branch) != len(self.branch_kernels):
            raise ConfigError(
                f"branch has {len(self.branch)} layers and branch_kernels {len(self.branch_kernels)}: give as many"
            )


@dataclass(frozen=True)
class LabelChoices:
    """An estimator's options, checked and grouped.

    Attributes:
        model: the estimator. network, preparation, training, augment: the groups.
        auto: options of training that are chosen from the number of sequences.
    """

    model: Any
    network: EncoderOptions
    preparation: SequenceOptions
    training: TrainOptions
    augment: SequenceAugment
    auto: tuple[str, ...]


def label_choices(model: Any) -> LabelChoices:
    """Check an estimator's arguments and put them in groups.

    Raises:
        ConfigError: naming the argument and what it may be.
    """
    for name, least in (("hidden_size", 1), ("num_layers", 1), ("members", 1), ("seed", 0)):
        whole(name, getattr(model, name), least)
    if model.members > MOST_MEMBERS:
        raise ConfigError(f"members is at most {MOST_MEMBERS}; got {model.members}")
    for name in ("window", "segment", "stride"):
        if getattr(model, name) is not None:
            whole(name, getattr(model, name), 1)
    choice("cell", model.cell, CELLS)
    choice("pooling", model.pooling, POOLING)
    choice("normalise", model.normalise, NORMALISE)
    choice("bidirectional", model.bidirectional, ("auto", True, False))
    choice("refit", model.refit, (None, True, False))
    share("dropout", model.dropout)
    network = group(EncoderOptions, model.network)
    if network.encoder != "recurrent" and model.bidirectional is True:
        raise ConfigError(f"bidirectional belongs to a recurrence; encoder={network.encoder!r} has no direction")
    own = {name: getattr(model, name) for name in ("scale", "fill", "tokens", "vocabulary", "max_length", "truncate")}
    preparation = overrule(group(SequenceOptions, model.preparation), model.preparation, own)
    names = ("optimizer", "learning_rate", "schedule", "batch_size", "max_epochs", "patience", "min_delta", "clip")
    own = {name: getattr(model, name) for name in (*names, "seed")}
    own = {name: value for name, value in own.items() if name not in BUDGET or value is not None}
    training = overrule(group(TrainOptions, model.training), model.training, own)
    auto = tuple(name for name in BUDGET if getattr(model, name) is None and not given(model.training, name))
    return LabelChoices(model, network, preparation, training, group(SequenceAugment, model.augment), auto)
