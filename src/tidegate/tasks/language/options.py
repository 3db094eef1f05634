"""Options of a language model, and the size that its corpus and the time to train it suggest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args

from tidegate.artifacts.layers import Layer
from tidegate.artifacts.spec import Dropout, NetworkSpec, Next, Recurrent, Tokens
from tidegate.core.checks import Checked, Count, Share, Whole
from tidegate.core.errors import ConfigError
from tidegate.core.table import Note
from tidegate.core.translate import Language, tr
from tidegate.prepare.notes import MUSIC, PITCHES
from tidegate.prepare.vocabulary import Method
from tidegate.tasks.build import cell_fields
from tidegate.tasks.options import Cell, CellOptions, Terms
from tidegate.train.options import OptimizerName, ScheduleName, TrainOptions

SIZES = ((1, 64), (1, 128), (2, 128), (2, 192), (2, 256), (2, 384), (2, 512), (2, 768), (2, 1024))
SPEED = 1e11  # operations a second of a training on two ordinary cores (one with AVX2 makes 6.5e10)
PASSES = 4.0  # over the text, at least, for which a size must leave time
SEEN = 3.0  # tokens seen in all passes for each weight, at least: a larger network learns less in the same time
FEWEST_EPOCHS, MOST_EPOCHS = 2, 60
STEPS = 6_000  # of a training, beyond which a small corpus has nothing more to give
WEIGHTS, KEYS = 4.0, 3.0  # for each training token, at most; of music, which is moved to other keys, so many times more
FEWEST_STEPS, FEWEST_TRACKS = 150, 4  # of an epoch of a small corpus, and how many tracks are worth reading at once
ENOUGH = 8_000  # steps of a training, below which more of them, with fewer tracks, teach more in the same time
FEWEST_PAIRS = 300
WINDOW, TRACKS = 128, 32  # tokens that gradients flow back through, and tracks side by side
TIED_FROM = 512  # tokens from which on scores are tied, as their weights would be most of the network's


@dataclass(frozen=True)
class LanguageNetwork(CellOptions):
    """The finer choices of a language model's network: those of its cells, and

    Attributes:
        embedding_size: numbers of a token's vector; None takes the units, at most 128 for up to 512 tokens, else 256.
        tied: score tokens by the vectors they are read with; None does for more than 512 tokens.
        token_dropout: share of tokens read as the unknown one. embedding_dropout: share of the vocabulary that a batch
            does not see. input_dropout: of the units of the vectors, the same at all steps.
        variational: whether `dropout` before the scores silences the same units at all steps.
    """

    embedding_size: Count | None = None
    tied: bool | None = None
    token_dropout: Share = 0.0
    embedding_dropout: Share = 0.0
    input_dropout: Share = 0.0
    variational: bool = True


@dataclass(frozen=True)
class TextPreparation(Checked):
    """How texts become tokens, beside `tokens`.

    Attributes:
        vocabulary: most tokens; None takes all characters up to 10,000, 20,000 words or symbols, 2,000 byte pairs.
        min_count: how often a token must occur to be one; None takes 1 for characters and symbols, else 2.
        transpose: semitones up and down by which pieces of music are moved in training, at most.
    """

    vocabulary: Terms | None = None
    min_count: Count | None = None
    transpose: Whole = 6


@dataclass(frozen=True)
class LanguageTraining(TrainOptions):
    """How a language model is trained: `TrainOptions` with defaults of its own.

    AdamW with one cycle of the rate, up to a peak that the engine bears for a network of this kind; weights are
    averaged over some 200 steps.

    Attributes:
        refit: learn the validation part too, once it has chosen the epoch; None does so of text; music never is.
    """

    optimizer: OptimizerName = "adamw"
    weight_decay: float = 0.01
    schedule: ScheduleName = "one_cycle"
    refit: bool | None = None


@dataclass(frozen=True)
class LanguageChoices:
    """All options of a language model, checked. free_batch: whether `batch_size` was left open."""

    free_batch: bool
    tokens: Method
    window: int
    cell: Cell
    hidden_size: int | None
    num_layers: int | None
    dropout: float | None
    minutes: float
    max_epochs: int | None
    network: LanguageNetwork
    preparation: TextPreparation
    training: LanguageTraining

    @property
    def music(self) -> bool:
        """Whether pieces of music are read."""
        return self.tokens in MUSIC

    @property
    def joint(self) -> bool:
        """Whether tokens come one after another; else all notes of a frame at once."""
        return self.tokens != "frames"

    def __post_init__(self) -> None:
        if self.tokens == "frames" and self.network.tied:
            raise ConfigError(tr("frames have no vectors that notes could be tied to: leave tied out"))
        if self.music and self.training.refit:
            raise ConfigError(tr("the validation part of music is not learned: leave refit out"))
        size = self.preparation.vocabulary
        if self.tokens == "bpe" and size is not None and size < FEWEST_PAIRS:
            message = "vocabulary has room for all 256 bytes from {fewest_pairs} on; got {size}"
            raise ConfigError(tr(message, fewest_pairs=FEWEST_PAIRS, size=size))


@dataclass(frozen=True)
class Advice:
    """The size of a network for a corpus and a time, and what follows from it.

    Attributes:
        layers, units, dropout, epochs, batch_size: of the training, as given or as advised.
        characters, tokens: of the training part; size: V, tokens of the vocabulary. weights: of the network.
        seconds: about what the training takes on two ordinary cores. bound: what held the size: `data`, `time`,
            `given`, or `largest`.
    """

    layers: int
    units: int
    dropout: float
    epochs: int
    batch_size: int
    characters: int
    tokens: int
    size: int
    weights: int
    seconds: float
    bound: str

    def note(self) -> Note:
        """What was chosen and why."""
        return Note("size", _SAID[self.bound], self._values())

    def text(self, lang: Language | None = None) -> str:
        """The advice in words."""
        return tr(_SAID[self.bound], lang, **self._values())

    def __str__(self) -> str:
        return self.text()

    def _values(self) -> dict[str, Any]:
        return {
            "characters": f"{self.characters:,}",
            "tokens": f"{self.tokens:,}",
            "size": f"{self.size:,}",
            "layers": self.layers,
            "units": self.units,
            "weights": f"{self.weights:,}",
            "epochs": self.epochs,
            "dropout": f"{self.dropout:g}",
            "minutes": f"{max(self.seconds / 60, 0.1):.1f}",
        }


_SAID = {
    "data": "{characters} characters to train on ({tokens} tokens, {size} different): {layers} layers of {units} units "
    "({weights} weights), as many as so much text can fill; {epochs} passes with dropout {dropout}, about {minutes} "
    "minutes on two ordinary cores.",
    "time": "{characters} characters to train on ({tokens} tokens, {size} different): {layers} layers of {units} units "
    "({weights} weights), as many as the time allows (minutes=; the text could fill more); {epochs} passes with "
    "dropout {dropout}, about {minutes} minutes on two ordinary cores.",
    "given": "{characters} characters to train on ({tokens} tokens, {size} different): {layers} layers of {units} "
    "units ({weights} weights), as asked; {epochs} passes with dropout {dropout}, about {minutes} minutes on two "
    "ordinary cores.",
    "largest": "{characters} characters to train on ({tokens} tokens, {size} different): {layers} layers of {units} "
    "units ({weights} weights), the largest that is advised; {epochs} passes with dropout {dropout}, about {minutes} "
    "minutes on two ordinary cores.",
}


def advise(choices: LanguageChoices, characters: int, tokens: int, size: int) -> Advice:
    """The size for so much text and time, where the user said nothing; it does not depend on this machine's speed.

    The largest of a row of sizes that has at most four weights for each training token and leaves time for four passes
    and for three tokens, repeats included, for each weight.

    Args:
        choices: options of the model. characters, tokens: of the training part. size: V.
    """
    bound, chosen = "given", (choices.num_layers or 2, choices.hidden_size or SIZES[0][1])
    if choices.hidden_size is None:
        bound, chosen = "largest", SIZES[0]
        for layers, units in SIZES:
            pair = (choices.num_layers or layers, units)
            weights = _weights(choices, *pair, size)
            if weights > WEIGHTS * tokens * (KEYS if choices.music else 1) and pair[1] > SIZES[0][1]:
                bound = "data"
                break
            needed = _seconds(weights, tokens, max(PASSES, SEEN * weights / tokens))
            if needed > 60 * choices.minutes and pair[1] > SIZES[0][1]:
                bound = "time"
                break
            chosen = pair
    layers, units = chosen
    weights = _weights(choices, layers, units, size)
    batch, window = choices.training.batch_size, choices.window
    most = max(tokens // (FEWEST_STEPS * window), FEWEST_TRACKS) if choices.free_batch else batch
    batch = max(1, min(batch, most, tokens // (2 * window)))
    epochs = choices.max_epochs
    if epochs is None:
        allowed = 60 * choices.minutes / max(_seconds(weights, tokens, 1), 1e-9)
        useful = STEPS * batch * window / max(tokens, 1)
        epochs = int(min(max(min(allowed, useful), FEWEST_EPOCHS), MOST_EPOCHS))
    if choices.free_batch:
        batch = min(batch, FEWEST_TRACKS if choices.music else max(FEWEST_TRACKS, epochs * tokens // (ENOUGH * window)))
    dropout = choices.dropout
    if dropout is None:  # the more weights for each token, and the oftener it is read, the more is learned by heart
        strain = weights / max(tokens, 1) * epochs / 20
        dropout = 0.1 if strain < 0.3 else 0.2 if strain < 1 else 0.3 if strain < 2 else 0.4
    seconds = _seconds(weights, tokens, epochs)
    return Advice(layers, units, dropout, epochs, batch, characters, tokens, size, weights, seconds, bound)


def _seconds(weights: int, tokens: int, passes: float) -> float:
    """A multiplication and an addition forwards and twice as many backwards, for each weight and token."""
    return 6.0 * weights * tokens * passes / SPEED


def _weights(choices: LanguageChoices, layers: int, units: int, size: int) -> int:
    """Weights that a token is multiplied with: all but the vectors it is looked up in."""
    gates = 3 if choices.cell in ("gru", "coupled") else 4
    vector = embedding_size(choices.network, units, size)
    scores = (
        size * vector + (vector * units if vector != units else 0) if is_tied(choices.network, size) else size * units
    )
    if choices.cell == "mlstm":  # no recurrent product, but a matrix of units / 4 a head that is written and read
        return 5 * units * vector + (layers - 1) * 5 * units * units + scores
    return gates * units * (vector + units) + (layers - 1) * gates * units * 2 * units + scores


def embedding_size(network: LanguageNetwork, units: int, size: int) -> int:
    """Numbers of a token's vector."""
    most = 128 if size <= TIED_FROM else 256
    return min(units, most) if network.embedding_size is None else network.embedding_size


def is_tied(network: LanguageNetwork, size: int) -> bool:
    """Whether tokens are scored by the vectors they are read with."""
    return size > TIED_FROM if network.tied is None else network.tied


def build_spec(choices: LanguageChoices, advice: Advice) -> NetworkSpec:
    """The network of these options and this size."""
    network, size = choices.network, advice.size
    cell: Any = choices.cell
    assert cell in get_args(Recurrent.model_fields["cell"].annotation)
    recurrent = Recurrent(
        cell=cell,
        hidden_size=advice.units,
        num_layers=advice.layers,
        dropout=advice.dropout if advice.layers > 1 else 0.0,
        **cell_fields(network, cell, advice.units),
    )
    dropout = [Dropout(rate=advice.dropout, variational=network.variational)] if advice.dropout else []
    if not choices.joint:
        layers: tuple[Layer, ...] = (recurrent, *dropout, Next(tied=False))
        return NetworkSpec(window=0, horizon=1, past=PITCHES, targets=0, outputs=PITCHES, layers=layers)
    tokens = Tokens(
        vocabulary=size,
        size=embedding_size(network, advice.units, size),
        dropout=network.token_dropout,
        row_dropout=network.embedding_dropout,
        variational=network.input_dropout,
    )
    layers = (tokens, recurrent, *dropout, Next(tied=is_tied(network, size)))
    return NetworkSpec(window=0, horizon=1, past=1, targets=0, outputs=size, layers=layers)
