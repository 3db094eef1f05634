"""Options of a translator, and the network that they make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from tidegate.artifacts.layers import Layer
from tidegate.artifacts.spec import NetworkSpec, Recurrent, Tokens, Write
from tidegate.core.checks import Checked, Count, Range, Ratio, Share
from tidegate.core.errors import ConfigError
from tidegate.evaluate.label.baselines.bagofwords import unspaced
from tidegate.prepare.vocabulary import Method
from tidegate.tasks.options import Bias, RecurrentOptions, Terms
from tidegate.train.forcing import ForcingSchedule
from tidegate.train.options import OptimizerName, ScheduleName, TrainOptions

FEWEST_PIECES, MOST_PIECES = 400, 8_000  # of byte pairs, where nobody said how many
PAIRS_A_PIECE = 4
FEWEST_STEPS, SMALLEST_BATCH, LARGEST_BATCH = 60, 100, 1_500  # of an epoch; tokens
SHORTEST_TRAINING, STEPS, MOST_EPOCHS = 8, 6_000, 60


@dataclass(frozen=True)
class WritingNetwork(Checked):
    """The finer choices of a network that reads a text and writes one.

    Attributes:
        embedding_size: numbers of a token's vector; None takes the units, at most 256.
        attention: what a step looks up of the source: `general`, `dot` or `concat` after the recurrence (Luong; a whole
            text is one call of the engine), `additive` before it (Bahdanau), or None.
        feeding: a step also reads what the step before it looked up.
        copying: tokens can be taken from the source (names, numbers, words that the vocabulary lacks); None does where
            targets are in their sources' words, as summaries are.
        tied: score tokens by the vectors they are read with. decoder_size: units of a decoder's layer; None takes twice
            `hidden_size`, as many as both directions of the encoder have.
        decoder_layers: of the decoder; one is nearly as good as more, and quicker, as it writes every text step by
            step. forget_bias: what the forget gates start from; None takes torch's start.
    """

    embedding_size: Count | None = None
    attention: Literal["additive", "dot", "general", "concat"] | None = "general"
    feeding: bool = False
    copying: bool | None = None
    tied: bool = True
    decoder_size: Count | None = None
    decoder_layers: Count = 1
    forget_bias: Bias | None = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.feeding and self.attention in (None, "additive"):
            raise ConfigError("feeding hands on what attention after the recurrence found: attention='general'")
        if self.copying and self.attention is None:
            raise ConfigError("copying takes tokens where attention looks: give an attention")


@dataclass(frozen=True)
class PairPreparation(Checked):
    """How both sides' texts become tokens, beside `tokens`.

    Attributes:
        target_tokens: what a token of the targets is; None takes that of the sources, or characters of Chinese.
        vocabulary: most tokens of a side; None takes a byte pair for each four training pairs, 400 to 8,000 of them, or
            20,000 words or symbols, 10,000 characters.
        min_count: how often a token must occur; None takes 1 for characters and symbols, else 2.
        shared: one vocabulary for both sides; None has one where both sides are cut alike.
        lowercase: read and write small letters only.
        longest: pairs with more tokens on either side are not trained on.
    """

    target_tokens: Method | None = None
    vocabulary: Terms | None = None
    min_count: Count | None = None
    shared: bool | None = None
    lowercase: bool = False
    longest: Annotated[int, Range(2)] = 250

    def pieces(self, method: str, pairs: int) -> int | None:
        """Most tokens of a side, from how many pairs there are."""
        if self.vocabulary is not None or method != "bpe":
            return self.vocabulary
        return min(max(pairs // PAIRS_A_PIECE, FEWEST_PIECES), MOST_PIECES)


@dataclass(frozen=True)
class WritingTraining(TrainOptions):
    """How a model that writes is trained: `TrainOptions` with defaults of its own, and

    Attributes:
        label_smoothing: share of a token's probability that is asked for all others.
        teacher_forcing: share of steps that are shown the true token before them in training; below 1 the others read
            the model's own likeliest (guide 6.3), token after token, which takes several times as long.
        forcing_schedule: how that share falls over the training.
        batch_tokens: tokens of the longer side of a batch, padding among them; None takes 1,500, fewer where that would
            leave fewer than 60 steps for an epoch.
    """

    optimizer: OptimizerName = "adamw"
    weight_decay: float = 0.01
    schedule: ScheduleName = "one_cycle"
    label_smoothing: Share = 0.1
    teacher_forcing: Ratio = 1.0
    forcing_schedule: ForcingSchedule = "constant"
    batch_tokens: Count | None = None


@dataclass(frozen=True)
class TranslateChoices:
    """All options of a translator, checked."""

    tokens: Method | None
    recurrent: RecurrentOptions
    network: WritingNetwork
    preparation: PairPreparation
    training: WritingTraining
    max_epochs: int | None


def cut_by(sources: Sequence[str], targets: Sequence[str], choices: TranslateChoices) -> tuple[Method, Method]:
    """What a token is on both sides: as asked for, else characters of Chinese and the like, and byte pairs."""

    def usual(texts: Sequence[str], asked: Method | None) -> Method:
        return asked if asked is not None else "char" if unspaced(texts) else "bpe"  # type: ignore[arg-type]

    first = usual(sources, choices.tokens)
    own = choices.preparation.target_tokens
    if own is None and unspaced(sources) == unspaced(targets):  # type: ignore[arg-type]
        own = first
    return first, usual(targets, own)


def batch_for(training: WritingTraining, tokens: int) -> int:
    """Tokens of a batch, from how many the longer sides of all pairs have together."""
    if training.batch_tokens is not None:
        return training.batch_tokens
    return min(max(tokens // FEWEST_STEPS, SMALLEST_BATCH), LARGEST_BATCH)


def epochs_for(steps: int) -> int:
    """Passes over so many steps each: some 6,000 steps in all, 8 passes at least."""
    return min(max(round(STEPS / max(steps, 1)), SHORTEST_TRAINING), MOST_EPOCHS)


def build_spec(choices: TranslateChoices, sources: int, targets: int, *, shared: bool, copying: bool) -> NetworkSpec:
    """The network of these options.

    Args:
        choices: options. sources, targets: tokens of both vocabularies. shared: whether they are one.
        copying: whether it copies.
    """
    own, network = choices.recurrent, choices.network
    bias = None if own.cell == "gru" else network.forget_bias
    both = own.bidirectional is not False
    width = own.hidden_size * (2 if both else 1)
    size = min(own.hidden_size, 256) if network.embedding_size is None else network.embedding_size
    recurrent = Recurrent(
        cell=own.cell,
        hidden_size=own.hidden_size,
        num_layers=own.num_layers,
        dropout=own.dropout if own.num_layers > 1 else 0.0,
        bidirectional=both,
        forget_bias=bias,
    )
    write = Write(
        size=size,
        cell=own.cell,
        hidden_size=width if network.decoder_size is None else network.decoder_size,
        num_layers=network.decoder_layers,
        dropout=own.dropout,
        forget_bias=bias,
        attention=network.attention,
        feeding=network.feeding,
        tied=network.tied,
        shared=shared,
        copying=copying,
    )
    layers: tuple[Layer, ...] = (Tokens(vocabulary=sources, size=size, variational=own.dropout), recurrent, write)
    return NetworkSpec(window=0, horizon=1, past=1, targets=0, outputs=targets, layers=layers)
