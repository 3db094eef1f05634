"""Options of a transcriber, and its network's spec."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from tidegate.artifacts.layers import Layer
from tidegate.artifacts.spec import BatchNorm, Convolution, Ctc, Dropout, NetworkSpec, Recurrent
from tidegate.core.checks import Count, Range, Whole
from tidegate.core.sequences import Sequences
from tidegate.core.table import Note
from tidegate.data.partition import Partition, partition
from tidegate.prepare.augment import SpeechAugment
from tidegate.prepare.options import Options
from tidegate.prepare.sequence.speech import SpeechOptions
from tidegate.runtime.transcribe.model import Weight
from tidegate.tasks.build import cell_fields, checked_sizes, sizes_of
from tidegate.tasks.options import Bias, CellOptions, RecurrentOptions, filled
from tidegate.train.options import OptimizerName, ScheduleName, TrainOptions

STEPS, FEWEST_EPOCHS, MOST_EPOCHS = 4_000, 20, 300


@dataclass(frozen=True)
class SpeechNetwork(CellOptions):
    """The finer choices of a transcriber's network: those of its cells, and

    Attributes:
        conv_channels: channels of convolutions over the joined steps before the recurrence; () takes none. They see
            later steps, so that such a network cannot be streamed. conv_kernel: steps that each sees.
        batch_norm: batch normalisation after the recurrence.
    """

    conv_channels: tuple[Count, ...] = ()
    conv_kernel: Count = 3
    batch_norm: bool = False


@dataclass(frozen=True)
class SpeechTraining(TrainOptions):
    """How a transcriber is trained: `TrainOptions` with defaults of its own."""

    optimizer: OptimizerName = "adamw"
    weight_decay: float = 0.01
    schedule: ScheduleName = "one_cycle"
    patience: Whole | None = 0


@dataclass(frozen=True)
class DecodingOptions(Options):
    """How scores become texts; what is None is chosen on the validation part.

    Attributes:
        beam: texts that a prefix beam search keeps; 1 takes the likeliest symbol of every step.
        language: n-grams of the training transcripts, by `symbol` or by `word`; `none` asks none.
        order: n; None takes 6 symbols, or 3 words.
        weight: of the language's log p. bonus: for each symbol, or word. boost: for each symbol of a hotword, in nats.
    """

    beam: Annotated[int, Range(1, 4096)] | None = None
    language: Literal["none", "symbol", "word"] | None = None
    order: Annotated[int, Range(1, 20)] | None = None
    weight: Weight | None = None
    bonus: Bias | None = None
    boost: Weight = 1.5


@dataclass(frozen=True)
class SpeechChoices:
    """All options of a transcriber, checked."""

    recurrent: RecurrentOptions
    network: SpeechNetwork
    training: TrainOptions
    auto: tuple[str, ...]
    preparation: SpeechOptions
    augment: SpeechAugment
    decoding: DecodingOptions

    @property
    def bidirectional(self) -> bool:
        """Whether the network reads both ways."""
        return self.recurrent.bidirectional in ("auto", True)


def divide(sequences: Sequences, split: Mapping[str, Any], seed: int) -> Partition:
    """The parts of recordings: by speaker, or by text, where there are enough of them for every part.

    Args:
        sequences: recordings with texts. split: arguments of `tidegate.partition`. seed: of chance.

    Raises:
        SplitError, ConfigError: as `tidegate.partition`.
    """
    by, texts = split.get("by", "auto"), sequences.labels
    if by == "auto" and sequences.parts is None and texts is not None:
        wanted = 1 + sum(bool(split.get(name)) for name in ("validation", "test"))
        kinds = Counter(map(str, texts.tolist()))
        if sequences.groups is not None and len(set(map(str, sequences.groups.tolist()))) >= wanted:
            by = "grouped"
        else:
            by = "stratified" if min(kinds.values()) >= wanted else "random"
    return partition(sequences, **{**split, "by": by}, seed=seed)


def build_spec(choices: SpeechChoices, inputs: int, outputs: int) -> NetworkSpec:
    """The network for features of some width and symbols of some number.

    Raises:
        ConfigError: sizes that do not fit each other.
    """
    own, sizes = choices.network, choices.recurrent
    layers: list[Layer] = []
    if own.conv_channels:
        layers.append(Convolution(channels=own.conv_channels, kernel=own.conv_kernel, padding="same"))
    with checked_sizes():
        recurrent = Recurrent(
            **sizes_of(sizes), bidirectional=choices.bidirectional, **cell_fields(own, sizes.cell, sizes.hidden_size)
        )
        layers += [recurrent, *([BatchNorm()] if own.batch_norm else [])]
        layers += [Dropout(rate=float(sizes.dropout))] if sizes.dropout else []
        layers.append(Ctc())
        return NetworkSpec(window=0, horizon=1, past=inputs, targets=0, outputs=outputs, layers=tuple(layers))


def fill_budget(choices: SpeechChoices, examples: int, notes: list[Note]) -> TrainOptions:
    """Choose batch size and epochs that were left open: about 4,000 steps, 20 to 300 epochs."""
    options = choices.training
    found: dict[str, Any] = {}
    batch = options.batch_size
    if "batch_size" in choices.auto:
        found["batch_size"] = batch = 8 if examples < 200 else 16 if examples < 2_000 else 32
    if "max_epochs" in choices.auto:
        found["max_epochs"] = min(max(STEPS // max(1, -(-examples // batch)), FEWEST_EPOCHS), MOST_EPOCHS)
    return filled(options, found, examples, notes)
