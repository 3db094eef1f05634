"""The finer choices of a network that answers for sequences, and the checks of an estimator's arguments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tidegate.core.checks import Count, Ratio, Share, Whole, check_fields
from tidegate.core.errors import ConfigError
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.prepare.augment import SequenceAugment
from tidegate.prepare.sequence.preparation import SequenceOptions
from tidegate.tasks.options import (
    AUTO,
    CELLS,
    FitOptions,
    LayerOptions,
    RecurrentOptions,
    group,
    recurrent_options,
    training_options,
)
from tidegate.train.forcing import ForcingSchedule


@dataclass(frozen=True)
class EncoderOptions(LayerOptions):
    """The finer choices of the network of a classifier or regressor.

    Attributes:
        encoder: what reads a sequence: `recurrent` or `transformer` (`num_layers` layers of width `hidden_size`).
        pooling: how steps become one vector: `last`, `ends` (the last step, and the first read backwards), `mean`,
            `max` or `attention` (guide 6.2); "auto" takes `max` for text and `ends` for numbers.
        segment: steps that one recurrent step takes in; "auto" and 1 take each alone.
        normalise: shift each sequence by its own `mean`, or also divide by its deviation (`standard`); "auto" and None
            do not.
        batch_norm, self_attention: after the recurrence (guide 7.2, 8.2).
        layer_norm, recurrent_dropout, zoneout, forget_bias: of the cell (see `tidegate.nn.recurrent`).
        num_heads, feedforward, positions: of the transformer and of self-attention.
        conv_channels, conv_kernel, conv_stride, conv_padding: convolutions before the recurrence (CNN-LSTM).
        branch: channels of a fully convolutional branch beside the recurrence (LSTM-FCN, Karim et al. 2018); "auto"
            takes one for numbers that are looked at whole, () none. branch_kernels: steps each of its layers sees.
        squeeze: squeeze-and-excite blocks in the branch (MLSTM-FCN).
        embed: size of a token's vector. token_dropout: share of the tokens hidden in training. pairs: rows of a table
            that gives each pair of neighbouring tokens a vector of its own, such as 65,536 for a few thousand texts; 0
            for none.
        bag: whether a linear model of words and pairs of words adds its scores to those of the network, as far as the
            validation part wants it; "auto" has one for single labels of a hundred texts or more.
        frame_channels: of the small convolutional network that looks at each frame.
        head_size: units of a dense layer before the output; 0 takes none.
        head: of a regressor, how several numbers come: `direct` at once, or `decoder` one after another, by a
            recurrence that starts from what was read (guide 6.3); "auto" decodes labels that are series [M, K, D].
        attention: how each decoder step looks up the encoder's states: `additive` (Bahdanau), `dot`, `general` or
            `concat` (Luong); not at all if None. See `tidegate.nn.attention`.
        teacher_forcing: share of the decoder's steps that are shown the true row before them in training; None and 0
            always read the decoder's own.
        forcing_schedule: how that share falls in training: `constant`, `linear` or `inverse_sigmoid`.

    Raises:
        ConfigError: an option that is unknown, out of range, or does not fit another.

    Source: Karim et al. (2018), arXiv:1709.05206 (LSTM-FCN); (2019), arXiv:1801.04503 (MLSTM-FCN); Vaswani et al.
        (2017), arXiv:1706.03762 (Transformer).

    >>> EncoderOptions(branch=(32, 32), branch_kernels=(8, 5)).encoder
    'recurrent'
    >>> EncoderOptions(branch=(32,))
    Traceback (most recent call last):
    ...
    tidegate.core.errors.ConfigError: branch has 1 layer and branch_kernels 3: give as many
    """

    encoder: Literal["recurrent", "transformer"] = "recurrent"
    pooling: Literal["auto", "last", "ends", "mean", "max", "attention"] = AUTO
    normalise: Literal["auto", "mean", "standard"] | None = AUTO
    positions: Literal["sinusoidal"] = "sinusoidal"
    branch: tuple[Count, ...] | Literal["auto"] = AUTO
    branch_kernels: tuple[Count, ...] = (8, 5, 3)
    squeeze: bool = False
    embed: Count = 64
    token_dropout: Share = 0.0
    pairs: Whole = 0
    bag: bool | Literal["auto"] = AUTO
    frame_channels: tuple[Count, ...] = (16, 32)
    head_size: Whole = 0
    head: Literal["auto", "direct", "decoder"] = AUTO
    attention: Literal["additive", "dot", "general", "concat"] | None = None
    teacher_forcing: Ratio | None = None
    forcing_schedule: ForcingSchedule = "constant"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.branch != AUTO and self.branch and len(self.branch) != len(self.branch_kernels):
            message = "branch has {count} layers and branch_kernels {count2}: give as many"
            raise ConfigError(tr(message, count=len(self.branch), count2=len(self.branch_kernels)))


@dataclass(frozen=True)
class LabelTraining(FitOptions):
    """How a regressor is trained: `FitOptions`, and

    Attributes:
        stride: rows between two training windows, where a `window` is set; 1 takes every window.
    """

    stride: Count = 1


@dataclass(frozen=True)
class ClassTraining(LabelTraining):
    """How a classifier is trained: `LabelTraining`, and

    Attributes:
        label_smoothing: share of the truth spread over all classes; 0.1 keeps the validation loss from rising while
            fewer answers are wrong.
        calibrate: divide outputs by the temperature that makes the validation part most probable.
    """

    label_smoothing: Share = 0.1
    calibrate: bool = True


@dataclass(frozen=True)
class LabelChoices:
    """An estimator's options, checked and grouped.

    Attributes:
        recurrent: sizes of the recurrence. network, preparation, training, augment: the groups.
        auto: options of training that are chosen from the number of sequences.
        window: rows that one answer looks at, or None. loss: its name. ensemble_size: networks that are averaged.
        answers: what else decides what is learned and how answers come about, such as `threshold`.
    """

    recurrent: RecurrentOptions
    network: EncoderOptions
    preparation: SequenceOptions
    training: LabelTraining
    augment: SequenceAugment
    auto: tuple[str, ...]
    window: int | None
    loss: str
    ensemble_size: int
    answers: Mapping[str, Any]


def label_choices(model: Any, kind: type[LabelTraining], answers: Mapping[str, Any]) -> LabelChoices:
    """Check an estimator's arguments and put them in groups.

    Args:
        model: the estimator. kind: of its `training`. answers: see `LabelChoices`.

    Raises:
        ConfigError: naming the argument and what it may be.
    """
    check_fields(model)
    recurrent, network = recurrent_options(model), group(EncoderOptions, model.network)
    network.check_cell(recurrent)
    training, auto = training_options(model, kind)
    return LabelChoices(
        recurrent=recurrent,
        network=network,
        preparation=group(SequenceOptions, model.preparation),
        training=training,
        augment=group(SequenceAugment, model.augment),
        auto=auto,
        window=model.window,
        loss=model.loss,
        ensemble_size=model.ensemble_size,
        answers=answers,
    )


TEXT_ONLY = ("tokens", "vocabulary", "embed", "token_dropout", "pairs", "bag")
NUMBERS_ONLY = ("scale", "fill", "augment")
BRANCH_ONLY = ("branch_kernels", "squeeze")
CONVOLUTION_ONLY = ("conv_kernel", "conv_stride", "conv_padding")
NOT_DECODED = ("pooling", "head_size", "branch", *BRANCH_ONLY)
DECODER_ONLY = ("attention", "teacher_forcing", "forcing_schedule")
RECURRENT_ONLY = ("cell", "layer_norm", "recurrent_dropout", "zoneout", "forget_bias")
TRANSFORMER_ONLY = ("feedforward", "positions")

NO_TEXT = "Without effect, as these sequences are no text: {names}."
NO_NUMBERS = "Without effect, as these sequences are no numbers: {names}."
NO_RECURRENCE = "Without effect, as a transformer has no recurrence: {names}."
NO_TRANSFORMER = "Without effect, as the encoder is no transformer: {names}."
NO_BRANCH = "Without effect, as the network has no branch: {names}."
NO_DECODER = "Without effect, as the network has no decoder: {names}."
DECODER = "Without effect, as a decoder reads the recurrence itself: {names}."
NO_CONVOLUTION = "Without effect, as conv_channels is empty: {names}."
NO_HEADS = "Without effect, as there is neither a transformer nor self-attention: {names}."
NO_FRAMES = "Without effect, as these sequences are no frames: {names}."
TAGS = "Without effect, as every step has its own answer: {names}."
NO_WINDOW = "Without effect, as no window is set: {names}."
NO_LENGTH = "Without effect, as no max_length is set: {names}."


def unused(choices: LabelChoices, preparation: Any, *, tags: bool, branch: bool, decodes: bool) -> list[Note]:
    """Notes on options away from their defaults that these data or this network do not look at.

    Args:
        choices: the options. preparation: fitted. tags: whether each step gets a label. branch, decodes: whether the
            network has a branch, a decoder.
    """
    groups = (choices.network, choices.preparation, choices.training)
    changed = {name for own in groups for name, value in vars(own).items() if value != getattr(type(own), name)}
    changed |= {"cell"} if choices.recurrent.cell != CELLS[0] else set()
    changed |= {"augment"} if choices.augment.active else set()
    found: dict[str, list[str]] = {}
    for name, message in _idle(choices, preparation, tags=tags, branch=branch, decodes=decodes):
        if name in changed:
            found.setdefault(message, []).append(name)
    return [Note("ignored", message, {"names": ", ".join(names)}) for message, names in found.items()]


def _idle(
    choices: LabelChoices, preparation: Any, *, tags: bool, branch: bool, decodes: bool
) -> Iterator[tuple[str, str]]:
    """Options that nothing looks at, each with the warning about it."""
    network, recurs = choices.network, choices.network.encoder != "transformer"
    heads = network.self_attention or choices.recurrent.cell in ("slstm", "mlstm")
    for idle, names, message in (
        (preparation.kind != "tokens", TEXT_ONLY, NO_TEXT),
        (preparation.kind != "numbers", NUMBERS_ONLY, NO_NUMBERS),
        (not recurs, RECURRENT_ONLY, NO_RECURRENCE),
        (recurs, TRANSFORMER_ONLY, NO_TRANSFORMER),
        (recurs and not heads, ("num_heads",), NO_HEADS),
        (not branch and not decodes, BRANCH_ONLY, NO_BRANCH),
        (not network.conv_channels, CONVOLUTION_ONLY, NO_CONVOLUTION),
        (preparation.frame is None, ("frame_channels",), NO_FRAMES),
        (decodes, NOT_DECODED, DECODER),
        (not decodes, DECODER_ONLY, NO_DECODER),
        (tags, ("pooling",), TAGS),
        (choices.window is None, ("stride",), NO_WINDOW),
        (choices.preparation.max_length is None, ("truncate",), NO_LENGTH),
    ):
        yield from ((name, message) for name in names if idle)
