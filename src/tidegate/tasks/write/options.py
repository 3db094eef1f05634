"""Options of models that write texts: of the decoder, of its tokens and of the training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from tidegate.artifacts.spec import Write
from tidegate.core.checks import Checked, Count, Range, Ratio, Share
from tidegate.core.errors import ConfigError
from tidegate.core.translate import tr
from tidegate.evaluate.label.baselines.summary import unspaced
from tidegate.prepare.vocabulary import Method
from tidegate.tasks.build import forgetting
from tidegate.tasks.options import Bias, RecurrentOptions, Terms
from tidegate.train.forcing import ForcingSchedule
from tidegate.train.options import OptimizerName, ScheduleName, TrainOptions

FEWEST_PIECES, MOST_PIECES = 400, 8_000  # of byte pairs, where nobody said how many
TEXTS_A_PIECE = 4
SHORTEST_TRAINING, STEPS, MOST_EPOCHS = 8, 6_000, 60


@dataclass(frozen=True)
class DecoderNetwork(Checked):
    """The finer choices of a decoder that writes.

    Attributes:
        embedding_size: numbers of a token's vector; None takes the units, at most 256.
        attention: what a step looks up of the source: `general`, `dot` or `concat` after the recurrence (Luong; a whole
            text is one call of the engine), `additive` before it (Bahdanau), or None.
        feeding: a step also reads what the step before it looked up.
        tied: score tokens by the vectors they are read with.
        forget_bias: what the forget gates start from; None takes torch's start.
    """

    embedding_size: Count | None = None
    attention: Literal["additive", "dot", "general", "concat"] | None = "general"
    feeding: bool = False
    tied: bool = True
    forget_bias: Bias | None = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.feeding and self.attention in (None, "additive"):
            raise ConfigError(tr("feeding hands on what attention after the recurrence found: attention='general'"))

    def write(self, own: RecurrentOptions, **sizes: Any) -> Write:
        """The layer that writes; `sizes` are its further fields.

        Raises:
            ConfigError: a cell whose state no vector can begin.
        """
        if own.cell == "mlstm":
            raise ConfigError(
                tr("cell='mlstm' cannot write: its memory is a matrix, which no vector begins; take slstm")
            )
        return Write(
            size=min(own.hidden_size, 256) if self.embedding_size is None else self.embedding_size,
            cell=own.cell,
            dropout=own.dropout,
            forget_bias=forgetting(own.cell, self.forget_bias),
            attention=self.attention,
            feeding=self.feeding,
            tied=self.tied,
            **sizes,
        )


@dataclass(frozen=True)
class TextPreparation(Checked):
    """How texts that are written become tokens, beside `tokens`.

    Attributes:
        vocabulary: most tokens of a side; None takes a byte pair for each four training texts, 400 to 8,000 of them, or
            20,000 words or symbols, 10,000 characters.
        min_count: how often a token must occur; None takes 1 for characters and symbols, else 2.
        lowercase: read and write small letters only.
        longest: examples with more tokens are not trained on.
    """

    vocabulary: Terms | None = None
    min_count: Count | None = None
    lowercase: bool = False
    longest: Annotated[int, Range(2)] = 250

    def pieces(self, method: str, texts: int) -> int | None:
        """Most tokens of a side, from how many texts there are."""
        if self.vocabulary is not None or method != "bpe":
            return self.vocabulary
        return min(max(texts // TEXTS_A_PIECE, FEWEST_PIECES), MOST_PIECES)


@dataclass(frozen=True)
class WritingTraining(TrainOptions):
    """How a model that writes is trained: `TrainOptions` with defaults of its own, and

    Attributes:
        label_smoothing: share of a token's probability that is asked for all others.
        teacher_forcing: share of steps that are shown the true token before them in training; below 1 the others read
            the model's own likeliest (guide 6.3), token after token, which takes several times as long.
        forcing_schedule: how that share falls over the training.
        batch_tokens: of pairs of texts, tokens of the longer side of a batch, padding among them; None takes 1,500,
            fewer where that would leave fewer than 60 steps for an epoch.
    """

    optimizer: OptimizerName = "adamw"
    weight_decay: float = 0.01
    schedule: ScheduleName = "one_cycle"
    label_smoothing: Share = 0.1
    teacher_forcing: Ratio = 1.0
    forcing_schedule: ForcingSchedule = "constant"
    batch_tokens: Count | None = None


@dataclass(frozen=True)
class WritingChoices:
    """All options of a model that writes, checked: its tokens, the recurrence that reads, and the training."""

    tokens: Method | None
    recurrent: RecurrentOptions
    training: WritingTraining
    max_epochs: int | None


def method_of(texts: Sequence[str], asked: Method | None, usual: Method) -> Method:
    """What a token is: as asked for, else a character of Chinese and the like, else the usual."""
    return asked if asked is not None else "char" if unspaced(texts) else usual  # type: ignore[arg-type]


def epochs_for(steps: int) -> int:
    """Passes over so many steps each: some 6,000 steps in all, 8 passes at least."""
    return min(max(round(STEPS / max(steps, 1)), SHORTEST_TRAINING), MOST_EPOCHS)
