"""Options of models that write texts: of the decoder, of its tokens and of the training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tidegate.artifacts.spec import Write
from tidegate.core.errors import ConfigError
from tidegate.evaluate.label.baselines.bagofwords import unspaced
from tidegate.prepare.vocabulary import Method
from tidegate.tasks.options import RecurrentOptions, check_vocabulary, choice, share, whole
from tidegate.train.forcing import FORCING_SCHEDULES, ForcingSchedule
from tidegate.train.options import TrainOptions

ATTENTIONS = (None, "additive", "dot", "general", "concat")
FEWEST_PIECES, MOST_PIECES = 400, 8_000  # of byte pairs, where nobody said how many
TEXTS_A_PIECE = 4
SHORTEST_TRAINING, STEPS, MOST_EPOCHS = 8, 6_000, 60


@dataclass(frozen=True)
class DecoderNetwork:
    """The finer choices of a decoder that writes.

    Attributes:
        embedding_size: numbers of a token's vector; None takes the units, at most 256.
        attention: what a step looks up of the source: `general`, `dot` or `concat` after the recurrence (Luong; a whole
            text is one call of the engine), `additive` before it (Bahdanau), or None.
        feeding: a step also reads what the step before it looked up.
        tied: score tokens by the vectors they are read with.
        forget_bias: what the forget gates start from; None takes torch's start.
    """

    embedding_size: int | None = None
    attention: Any = "general"
    feeding: bool = False
    tied: bool = True
    forget_bias: float | None = 1.0

    def __post_init__(self) -> None:
        choice("attention", self.attention, ATTENTIONS)
        for name in ("feeding", "tied"):
            choice(name, getattr(self, name), (True, False))
        if self.embedding_size is not None:
            whole("embedding_size", self.embedding_size, 1)
        if self.feeding and self.attention in (None, "additive"):
            raise ConfigError("feeding hands on what attention after the recurrence found: attention='general'")

    def write(self, own: RecurrentOptions, **sizes: Any) -> Write:
        """The layer that writes; `sizes` are its further fields."""
        return Write(
            size=min(own.hidden_size, 256) if self.embedding_size is None else self.embedding_size,
            cell=own.cell,  # type: ignore[arg-type]
            dropout=own.dropout,
            forget_bias=None if own.cell == "gru" else self.forget_bias,
            attention=self.attention,
            feeding=self.feeding,
            tied=self.tied,
            **sizes,
        )


@dataclass(frozen=True)
class TextPreparation:
    """How texts that are written become tokens, beside `tokens`.

    Attributes:
        vocabulary: most tokens of a side; None takes a byte pair for each four training texts, 400 to 8,000 of them, or
            20,000 words or symbols, 10,000 characters.
        min_count: how often a token must occur; None takes 1 for characters and symbols, else 2.
        lowercase: read and write small letters only.
        longest: examples with more tokens are not trained on.
    """

    vocabulary: int | None = None
    min_count: int | None = None
    lowercase: bool = False
    longest: int = 250

    def __post_init__(self) -> None:
        choice("lowercase", self.lowercase, (True, False))
        whole("longest", self.longest, 2)
        check_vocabulary(self.vocabulary, self.min_count)

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

    optimizer: Any = "adamw"
    weight_decay: float = 0.01
    schedule: Any = "one_cycle"
    label_smoothing: float = 0.1
    teacher_forcing: float = 1.0
    forcing_schedule: ForcingSchedule = "constant"
    batch_tokens: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        share("label_smoothing", self.label_smoothing)
        choice("forcing_schedule", self.forcing_schedule, FORCING_SCHEDULES)
        if self.batch_tokens is not None:
            whole("batch_tokens", self.batch_tokens, 1)
        ratio = self.teacher_forcing
        if isinstance(ratio, bool) or not isinstance(ratio, (int, float)) or not 0 <= ratio <= 1:
            raise ConfigError(f"teacher_forcing is a share from 0 to 1; got {ratio!r}")


def method_of(texts: Sequence[str], asked: Method | None, usual: Method) -> Method:
    """What a token is: as asked for, else a character of Chinese and the like, else the usual."""
    return asked if asked is not None else "char" if unspaced(texts) else usual  # type: ignore[arg-type]


def epochs_for(steps: int) -> int:
    """Passes over so many steps each: some 6,000 steps in all, 8 passes at least."""
    return min(max(round(STEPS / max(steps, 1)), SHORTEST_TRAINING), MOST_EPOCHS)
