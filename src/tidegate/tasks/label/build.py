"""The network's spec from an estimator's options and the sizes of its prepared sequences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tidegate.artifacts.spec import (
    Branch,
    Dropout,
    Frames,
    Label,
    Layer,
    NetworkSpec,
    Normalise,
    Pool,
    Segment,
    Series,
    Tag,
    Tokens,
)
from tidegate.core.errors import ConfigError
from tidegate.core.translate import tr
from tidegate.prepare.sequence.targets import Labels, NumberLabels
from tidegate.tasks.build import after_encoder, checked_sizes, convolutions, encoder
from tidegate.tasks.label.options import EncoderOptions
from tidegate.tasks.options import AUTO, RecurrentOptions

BRANCH = (64, 64, 64)
SHORTEST_FOR_BRANCH = 8


@dataclass(frozen=True)
class LabelPlan:
    """What "auto" stood for.

    Attributes:
        pooling: how steps become one vector. bidirectional: whether the recurrence reads both ways.
        branch: channels of the convolutional branch, () for none. normalise: of each sequence, or None.
        steps: that a decoder makes, 0 where there is none.
    """

    pooling: str
    bidirectional: bool
    branch: tuple[int, ...]
    normalise: str | None
    steps: int = 0


def make_plan(
    recurrence: RecurrentOptions,
    network: EncoderOptions,
    preparation: Any,
    typical: int,
    *,
    tags: bool,
    labels: Labels | None = None,
) -> LabelPlan:
    """Resolve "auto".

    Args:
        recurrence: its sizes. network: the finer options. preparation: fitted. typical: median steps of a sequence.
        tags: whether each step gets a label. labels: what is learned.

    Raises:
        ConfigError: a decoder of what is no series.
    """
    text = preparation.vocabulary > 0
    recurrent = network.encoder == "recurrent"
    both = recurrent and not tags if recurrence.bidirectional == "auto" else recurrence.bidirectional
    pooling: str = network.pooling
    if pooling == "auto":
        pooling = "max" if text else "ends" if recurrent else "mean"
    steps = _steps(network, labels, tags)
    branch = () if steps else network.branch
    if branch == "auto":
        numbers = not text and preparation.frame is None and not tags
        branch = BRANCH if numbers and recurrent and typical >= SHORTEST_FOR_BRANCH else ()
    normalise = None if network.normalise == "auto" else network.normalise
    return LabelPlan(pooling, both, tuple(branch), normalise, steps)


def _steps(network: EncoderOptions, labels: Labels | None, tags: bool) -> int:
    """Steps that a decoder makes: those of series, or one for each of several numbers; 0 for none."""
    series = labels.steps if isinstance(labels, NumberLabels) else 0
    if network.head != "decoder":
        return series if network.head == AUTO else 0
    if not isinstance(labels, NumberLabels) or tags or labels.outputs < 2:
        raise ConfigError(
            tr("head='decoder' is for a Regressor whose labels are several numbers a sequence: [M, K] or [M, K, D]")
        )
    return series or labels.outputs


def build_label_spec(
    plan: LabelPlan,
    recurrence: RecurrentOptions,
    network: EncoderOptions,
    preparation: Any,
    outputs: int,
    *,
    tags: bool,
) -> NetworkSpec:
    """The network's spec.

    Args:
        plan: resolved. recurrence: its sizes. network: the finer options.
        preparation: gives the sizes of the inputs. outputs: O. tags: whether each step gets a label.

    Raises:
        ConfigError: sizes that do not fit each other.
    """
    dropout, inputs = float(recurrence.dropout), len(preparation.input_names)
    layers: list[Layer] = []
    if preparation.vocabulary:
        vocabulary, dropout_of = preparation.vocabulary, network.token_dropout
        layers.append(Tokens(vocabulary=vocabulary, size=network.embed, pairs=network.pairs, dropout=dropout_of))
    elif preparation.frame is not None:
        height, width, colours = preparation.frame
        layers.append(Frames(height=height, width=width, colours=colours, channels=network.frame_channels))
    if plan.normalise is not None:
        layers.append(Normalise(by=plan.normalise))  # type: ignore[arg-type]
    if plan.branch:
        kernels = network.branch_kernels
        layers.append(Branch(channels=plan.branch, kernels=kernels, dropout=dropout, squeeze_excite=network.squeeze))
    layers += convolutions(network)
    if not isinstance(network.segment, str) and network.segment > 1:
        layers.append(Segment(length=network.segment, size=recurrence.hidden_size))
    layers.append(encoder(recurrence, network, bidirectional=plan.bidirectional))
    layers += after_encoder(recurrence, network)
    if plan.steps:
        layers.append(_decoder(plan.steps, recurrence, network, dropout))
    elif tags:
        layers.append(Tag(hidden_size=network.head_size))
    else:
        layers += [Pool(by=plan.pooling), Dropout(rate=dropout), Label(hidden_size=network.head_size)]  # type: ignore[arg-type]
    targets = inputs if plan.normalise is not None else 0
    with checked_sizes():
        return NetworkSpec(window=0, horizon=1, past=inputs, targets=targets, outputs=outputs, layers=tuple(layers))


def _decoder(steps: int, recurrence: RecurrentOptions, network: EncoderOptions, dropout: float) -> Series:
    if recurrence.cell == "mlstm":
        raise ConfigError(tr("head='decoder' cannot start a recurrence of cell='mlstm': take another cell"))
    return Series(
        steps=steps,
        cell=recurrence.cell,
        hidden_size=recurrence.hidden_size,
        num_layers=recurrence.num_layers,
        dropout=dropout,
        attention=network.attention,
    )
