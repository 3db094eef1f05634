"""Options of an estimator: what a network, a training and a preparation may be told, and how they are given."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Annotated, Any, Literal, TypeVar, get_args

from tidegate.artifacts.layers import REFUSED
from tidegate.artifacts.record import LARGEST, MOST_MEMBERS
from tidegate.core.checks import Checked, Count, Range, Share, whole
from tidegate.core.errors import ConfigError
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.data.cells.columns import OPTIONS
from tidegate.prepare.vocabulary import LARGEST as LARGEST_VOCABULARY
from tidegate.train.options import TrainOptions

Group = TypeVar("Group")
Train = TypeVar("Train", bound=TrainOptions)
Auto = Literal["auto"]
AUTO: Auto = "auto"

# Options of reading: new rows are read as the training rows were, unless the caller says otherwise.
READING = ("repair", "resample", "wide", *OPTIONS)
Cell = Literal["lstm", "gru", "peephole", "coupled", "slstm", "mlstm"]
CELLS: tuple[Cell, ...] = get_args(Cell)
Size = Annotated[int, Range(1, LARGEST)]
Members = Annotated[int, Range(1, MOST_MEMBERS)]
Terms = Annotated[int, Range(5, LARGEST_VOCABULARY)]  # of a vocabulary
Bias = Annotated[float, Range(-100, 100)]
_NEVER = object()
OPEN = ("batch_size", "max_epochs", "patience")  # options of training that None leaves to the size of the data


@dataclass(frozen=True)
class RecurrentOptions(Checked):
    """The everyday sizes of a recurrence, as an estimator's own arguments give them.

    Attributes:
        cell: `lstm`, `gru`, `peephole`, `coupled`, `slstm` or `mlstm`. hidden_size: H. num_layers: L. dropout: a share
            below 1.
        bidirectional: whether it reads both ways; "auto" leaves it to the task.
    """

    cell: Cell
    hidden_size: Size
    num_layers: Size
    dropout: Share
    bidirectional: bool | Auto = AUTO


@dataclass(frozen=True)
class CellOptions(Checked):
    """What may be done inside the cells of a recurrence.

    Attributes:
        layer_norm: inside the cell. forget_bias: what the forget gate starts from; None takes torch's start.
        recurrent_dropout: of the state that enters the product, one mask for all steps. weight_dropout: of the
            recurrent weights themselves. zoneout: share of units that keep their old state.
    """

    layer_norm: bool = False
    recurrent_dropout: Share = 0.0
    weight_dropout: Share = 0.0
    zoneout: Share = 0.0
    forget_bias: Bias | None = 1.0


@dataclass(frozen=True)
class FitOptions(TrainOptions):
    """How a task is trained: `TrainOptions`, and

    Attributes:
        refit: train again on training and validation part together once the epochs are chosen; None does so for fewer
            than 1,000 labelled sequences, and for forecasts of at most 5,000 training windows.
        effort: times the usual number of steps, where `max_epochs` is left to the data.
    """

    refit: bool | None = None
    effort: Annotated[float, Range(0, 100, above=True)] = 1.0


@dataclass(frozen=True)
class LayerOptions(Checked):
    """The finer choices of a network that every task has.

    Attributes:
        encoder: `recurrent`, or `transformer` in its place: `num_layers` layers of width `hidden_size`.
        pooling: how steps become one vector (guide 6.2); "auto" leaves it to the task.
        segment: steps that one recurrent step takes in; "auto" leaves it to the task, 1 takes each alone.
        normalise: of each window or sequence before the network; None leaves it, "auto" leaves it to the task.
        batch_norm: batch normalisation after the recurrence (guide 7.2).
        layer_norm: normalise the products and the cell state inside the recurrent cell (see `tidegate.nn.recurrent`).
        recurrent_dropout: share of the state silenced where it enters the recurrent product, in training.
        zoneout: share of units that keep their old state at a step, by lot in training, mixed in afterwards.
        forget_bias: what the forget gate's bias starts from; None takes torch's start, 1 remembers from the beginning.
        num_heads: of the transformer, of self-attention and of the cells slstm and mlstm; a divisor of their width.
        feedforward: units between the transformer's two dense layers; None takes four times `hidden_size`.
        positions: of the transformer.
        self_attention: self-attention over the recurrence's outputs (see `tidegate.nn.attention`).
        conv_channels: channels of each convolution over time before the recurrence (CNN-LSTM); () takes none.
        conv_kernel, conv_stride: steps that a convolution sees, and steps between its outputs.
        conv_padding: `causal` sees no later steps, `same` as many on either side (see `tidegate.nn.flow`).
    """

    encoder: Any = "recurrent"
    pooling: Any = AUTO
    segment: Count | Auto = AUTO
    normalise: Any = AUTO
    batch_norm: bool = False
    layer_norm: bool = False
    recurrent_dropout: Share = 0.0
    zoneout: Share = 0.0
    forget_bias: Bias | None = None
    num_heads: Count = 4
    feedforward: Count | None = None
    positions: Any = "sinusoidal"
    self_attention: bool = False
    conv_channels: tuple[Count, ...] = ()
    conv_kernel: Count = 3
    conv_stride: Count = 1
    conv_padding: Literal["causal", "same"] = "same"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.conv_stride > self.conv_kernel:
            message = "conv_stride {conv_stride} above conv_kernel {conv_kernel} would skip steps"
            raise ConfigError(tr(message, conv_stride=self.conv_stride, conv_kernel=self.conv_kernel))

    def check_cell(self, recurrent: RecurrentOptions) -> None:
        """Refuse what a recurrence of these sizes cannot do.

        Raises:
            ConfigError: naming both options.
        """
        if self.encoder != "recurrent" and recurrent.bidirectional is True:
            raise ConfigError(
                tr("bidirectional belongs to a recurrence; encoder={encoder!r} has no direction", encoder=self.encoder)
            )
        if self.forget_bias is not None and recurrent.cell == "gru":
            raise ConfigError(tr("forget_bias belongs to a cell with a forget gate: cell='gru' has none"))
        for name in REFUSED.get(recurrent.cell, ()) if self.encoder == "recurrent" else ():
            if getattr(self, name, None):
                raise ConfigError(
                    tr("{name} has no place in cell={cell!r}: leave it out", name=name, cell=recurrent.cell)
                )


def recurrent_options(model: Any) -> RecurrentOptions:
    """The sizes of an estimator's recurrence.

    Raises:
        ConfigError: one that cannot work.
    """
    return RecurrentOptions(
        model.cell, model.hidden_size, model.num_layers, model.dropout, getattr(model, "bidirectional", False)
    )


def training_options(model: Any, kind: type[Train]) -> tuple[Train, tuple[str, ...]]:
    """How an estimator's networks are trained: the group, with the estimator's own arguments put in.

    Args:
        model: has learning_rate, batch_size, max_epochs, seed and training. kind: of the group.

    Returns:
        The options, and those among `OPEN` that the size of the data is to choose.

    Raises:
        ConfigError: an option that is unknown, cannot work, or is given twice with two values.
    """
    whole("seed", model.seed, 0)
    found = group(kind, model.training)
    own = {name: getattr(model, name) for name in ("learning_rate", "batch_size", "max_epochs", "seed")}
    usual = {name: getattr(type(model), name, None) for name in own if name != "seed"}
    options = overrule(found, model.training, own, usual)
    own["patience"] = options.patience
    left = tuple(name for name in OPEN if own[name] is None and not said(found, model.training, name))
    return options, left


def filled(options: Train, found: Mapping[str, Any], examples: int, notes: list[Note]) -> Train:
    """Options with what was chosen for so many training examples, and a note that says so."""
    if found:
        listed = ", ".join(f"{name}={value}" for name, value in found.items())
        message = "For {examples} training examples: {listed}."
        notes.append(Note("budget", message, {"examples": examples, "listed": listed}))
    return replace(options, **found)


def group(kind: type[Group], given: Group | Mapping[str, Any] | None) -> Group:
    """A group of options from an object, a mapping (unknown names are refused) or nothing.

    Raises:
        ConfigError: an unknown name, or a value that cannot work.
    """
    if given is None:
        return kind()
    if isinstance(given, kind):
        return given
    if is_dataclass(given) and not isinstance(given, type) and issubclass(kind, type(given)):
        return kind(**{item.name: getattr(given, item.name) for item in fields(given)})  # what it lacks is as usual
    if not isinstance(given, Mapping):
        message = "expected {kind} or a mapping of its options, got {kind2}"
        raise ConfigError(tr(message, kind=kind.__name__, kind2=type(given).__name__))
    known = [item.name for item in fields(kind)]  # type: ignore[arg-type]
    for name in given:
        if name not in known:
            raise ConfigError(unknown(kind.__name__, str(name), known))
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in given.items()})


def overrule(options: Group, given: Any, own: Mapping[str, Any], usual: Mapping[str, Any] | None = None) -> Group:
    """Options of a group with the estimator's own arguments put in; a second value beside them is refused.

    What only the group says counts: where the estimator's own argument is as usual.

    Args:
        options: the group, made from `given`. own: the estimator's arguments that are options of the group; None
            leaves the group's default. usual: the estimator's defaults.

    Raises:
        ConfigError: the group sets what is an argument of the estimator, to something else.
    """
    alone = set()
    for name, value in own.items():
        found = getattr(options, name)
        if not said(options, given, name) or found == value:
            continue
        if value != (usual or {}).get(name, _NEVER):
            message = (
                "{name}={found!r} in {kind} would be overruled by the argument {name}={value!r}: give {name} to the "
                "estimator itself"
            )
            raise ConfigError(tr(message, name=name, found=found, kind=type(options).__name__, value=value))
        alone.add(name)
    changes = {name: value for name, value in own.items() if value is not None and name not in alone}
    return replace(options, **changes)  # type: ignore[type-var]


def said(options: Any, given: Any, name: str) -> bool:
    """Whether a group of options, as the user gave it, says something about an option of it.

    Args:
        options: the group, made from `given`, a mapping, an object or None. name: of the option.
    """
    if isinstance(given, Mapping):
        return name in given
    return given is not None and bool(getattr(options, name) != getattr(type(options), name))


def unknown(holder: str, name: str, known: Iterable[str], shown: Iterable[str] | None = None) -> str:
    """What to say of an option that its holder does not have.

    Args:
        holder, name: what was asked for what. known: names, the nearest of which are proposed. shown: those that are
            listed; None lists all.
    """
    every = list(dict.fromkeys(known))
    listed = every if shown is None else list(shown)
    near = difflib.get_close_matches(name, every, n=2, cutoff=0.75)
    values = {"holder": holder, "name": repr(name), "known": ", ".join(listed)}
    if not near:
        return tr("{holder} has no option {name}; it has {known}", **values)
    guess = tr(" or ").join(map(repr, near))
    return tr("{holder} has no option {name}; did you mean {guess}? It has {known}", guess=guess, **values)
