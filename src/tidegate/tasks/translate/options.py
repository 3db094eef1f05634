"""Options of a translator, and the network that they make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tidegate.artifacts.layers import Layer
from tidegate.artifacts.spec import NetworkSpec, Recurrent, Tokens
from tidegate.core.checks import Count
from tidegate.core.errors import ConfigError
from tidegate.core.translate import tr
from tidegate.evaluate.label.baselines.summary import unspaced
from tidegate.prepare.vocabulary import Method
from tidegate.tasks.write.options import DecoderNetwork, TextPreparation, WritingChoices, WritingTraining, method_of

FEWEST_STEPS, SMALLEST_BATCH, LARGEST_BATCH = 60, 100, 1_500  # of an epoch; tokens


@dataclass(frozen=True)
class WritingNetwork(DecoderNetwork):
    """The finer choices of a network that reads a text and writes one: those of the decoder, and

    Attributes:
        copying: tokens can be taken from the source (names, numbers, words that the vocabulary lacks); None does where
            targets are in their sources' words, as summaries are.
        decoder_size: units of a decoder's layer; None takes twice `hidden_size`, as many as both directions of the
            encoder have. decoder_layers: of the decoder; one is nearly as good as more, and quicker, as it writes every
            text step by step.
    """

    copying: bool | None = None
    decoder_size: Count | None = None
    decoder_layers: Count = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.copying and self.attention is None:
            raise ConfigError(tr("copying takes tokens where attention looks: give an attention"))


@dataclass(frozen=True)
class PairPreparation(TextPreparation):
    """How both sides' texts become tokens, beside `tokens`: `vocabulary`, `min_count`, `lowercase`, `longest`, and

    Attributes:
        target_tokens: what a token of the targets is; None takes that of the sources, or characters of Chinese.
        shared: one vocabulary for both sides; None has one where both sides are cut alike.
    """

    target_tokens: Method | None = None
    shared: bool | None = None


@dataclass(frozen=True)
class TranslateChoices(WritingChoices):
    """All options of a translator, checked."""

    network: WritingNetwork
    preparation: PairPreparation


def cut_by(sources: Sequence[str], targets: Sequence[str], choices: TranslateChoices) -> tuple[Method, Method]:
    """What a token is on both sides: as asked for, else characters of Chinese and the like, and byte pairs."""
    first = method_of(sources, choices.tokens, "bpe")
    own = choices.preparation.target_tokens
    if own is None and unspaced(sources) == unspaced(targets):  # type: ignore[arg-type]
        own = first
    return first, method_of(targets, own, "bpe")


def batch_for(training: WritingTraining, tokens: int) -> int:
    """Tokens of a batch, from how many the longer sides of all pairs have together."""
    if training.batch_tokens is not None:
        return training.batch_tokens
    return min(max(tokens // FEWEST_STEPS, SMALLEST_BATCH), LARGEST_BATCH)


def build_spec(choices: TranslateChoices, sources: int, targets: int, *, shared: bool, copying: bool) -> NetworkSpec:
    """The network of these options.

    Args:
        choices: options. sources, targets: tokens of both vocabularies. shared: whether they are one.
        copying: whether it copies.
    """
    own, network = choices.recurrent, choices.network
    both = own.bidirectional is not False
    width = own.hidden_size * (2 if both else 1)
    write = network.write(
        own,
        hidden_size=width if network.decoder_size is None else network.decoder_size,
        num_layers=network.decoder_layers,
        shared=shared,
        copying=copying,
    )
    recurrent = Recurrent(
        cell=write.cell,
        hidden_size=own.hidden_size,
        num_layers=own.num_layers,
        dropout=own.dropout if own.num_layers > 1 else 0.0,
        bidirectional=both,
        forget_bias=write.forget_bias,
    )
    layers: tuple[Layer, ...] = (Tokens(vocabulary=sources, size=write.size, variational=own.dropout), recurrent, write)
    return NetworkSpec(window=0, horizon=1, past=1, targets=0, outputs=targets, layers=layers)
