"""The layers that a network's spec lists: each a kind with its sizes, in the order in which they may follow."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator

from tidegate.artifacts.readers import Frames, Pictures, Tokens
from tidegate.artifacts.record import Bias, Count, Few, Rate, Record, Rows, Several, Size

Cell = Literal["lstm", "gru", "peephole", "coupled", "slstm", "mlstm"]
StateCell = Literal["lstm", "gru", "peephole", "coupled", "slstm"]  # whose state a vector of H numbers can begin
GATES: dict[str, int] = {"lstm": 4, "gru": 3, "peephole": 4, "coupled": 3, "slstm": 4}
REFUSED = {  # options of a recurrence that a cell has no place for
    "gru": ("forget_bias",),
    "slstm": ("layer_norm",),
    "mlstm": ("recurrent_dropout", "weight_dropout", "zoneout"),
}


def cell_size(cell: str, hidden: int, heads: int = 1) -> int:
    """Numbers that a layer's c holds beside the H of h; of a gru none.

    Of an slstm c / n and m + log n, [2 H]; of an mlstm C [d, d] of each head, then n [H] and m [heads], d = H / heads.
    """
    if cell == "mlstm":
        return hidden * (hidden // heads) + hidden + heads
    return {"gru": 0, "slstm": 2}.get(cell, 1) * hidden


class Normalise(Record):
    """Shift and rescale the targets of each window by its own past; undone on a forecast.

    `last` subtracts the last value, `mean` the window's mean, `standard` also divides by its standard
    deviation, `scale` divides by the mean magnitude of the last `period` steps (0: of all).
    """

    kind: Literal["normalise"] = "normalise"
    by: Literal["last", "mean", "standard", "scale"] = "last"
    period: Count = 0


class Skip(Record):
    """A linear forecast of each target's own window, beside the network, which learns what it leaves.

        f_k = share * network_k + b_k + sum_t w_kt x_t

    Its weights are fitted by ridge regression and not trained; `share` is chosen when the network is.
    """

    kind: Literal["skip"] = "skip"


class Branch(Record):
    """Convolutions beside the recurrence, over the sequence as it came in; their mean over time joins the context.

    Of each of `channels` a convolution of the kernel at the same place, batch normalisation and a relu; with
    `squeeze_excite` also, but for the last, a gate for each channel that has seen the means of all. `dropout` acts on
    what joins the context, in training.
    """

    kind: Literal["branch"] = "branch"
    channels: Several = (128, 256, 128)
    kernels: Several = (8, 5, 3)
    dropout: Rate = 0.0
    squeeze_excite: bool = False

    @model_validator(mode="after")
    def _fits(self) -> Branch:
        if len(self.channels) != len(self.kernels):
            raise ValueError(f"{len(self.channels)} channels need as many kernels, got {len(self.kernels)}")
        return self


class Embed(Record):
    """Project the static inputs to `size` and give them to every recurrent step and to the head."""

    kind: Literal["embed"] = "embed"
    size: Size = 8


class Convolution(Record):
    """Convolutions over time, each with a relu; `channels` has one entry for each of them.

    `causal` sees no step after its own; `same` sees as many on either side. Every `stride` shortens the sequence.
    """

    kind: Literal["convolution"] = "convolution"
    channels: Several
    kernel: Size = 3
    stride: Size = 1
    padding: Literal["causal", "same"] = "causal"


class Segment(Record):
    """Join `length` neighbouring steps into one and project them: one recurrent step per segment."""

    kind: Literal["segment"] = "segment"
    length: Size
    size: Size


class Recurrent(Record):
    """A stack of recurrent layers, weights laid out as in torch.nn.LSTM and torch.nn.GRU.

    `slstm` and `mlstm` have `num_heads`: blocks of the recurrent weights, or matrices that are remembered with
    (`tidegate.nn.xlstm`). `layer_norm` normalises products and cell state inside the cell, of an mlstm what a head
    reads. `recurrent_dropout` silences state that enters the
    recurrent product, in training. `zoneout` lets units keep old state, by lot in training and later by that share.
    `weight_dropout` silences weights of the recurrent product, others at each training step (Merity, Keskar and Socher
    2018, arXiv:1708.02182). `forget_bias` is what the forget gate's bias starts from, None torch's (see
    `tidegate.nn.recurrent`).
    """

    kind: Literal["recurrent"] = "recurrent"
    cell: Cell = "lstm"
    hidden_size: Size = 64
    num_layers: Few = 1
    dropout: Rate = 0.0
    bidirectional: bool = False
    layer_norm: bool = False
    recurrent_dropout: Rate = 0.0
    weight_dropout: Rate = 0.0
    zoneout: Rate = 0.0
    forget_bias: Bias | None = None
    num_heads: Size = 1

    @model_validator(mode="after")
    def _fits(self) -> Recurrent:
        if self.forget_bias is not None and self.cell == "gru":
            raise ValueError("forget_bias belongs to a cell with a forget gate: a gru has none")
        for name in REFUSED.get(self.cell, ()):
            if getattr(self, name):
                raise ValueError(f"{name} has no place in a cell {self.cell}: leave it out")
        if self.num_heads > 1 and self.cell not in ("slstm", "mlstm"):
            raise ValueError(f"num_heads belongs to slstm and mlstm: a cell {self.cell} has none")
        if self.hidden_size % self.num_heads:
            raise ValueError(f"{self.num_heads} heads do not divide a width of {self.hidden_size}: choose a divisor")
        return self

    @property
    def cell_size(self) -> int:
        """Numbers of a layer's c."""
        return cell_size(self.cell, self.hidden_size, self.num_heads)


class Transformer(Record):
    """A pre-norm Transformer encoder in the place of the recurrence.

    A decoder after it is one layer of `cell`, started from its last step (and a cell state of zeros).
    """

    kind: Literal["transformer"] = "transformer"
    cell: StateCell = "lstm"
    hidden_size: Size = 64
    num_layers: Few = 1
    num_heads: Size = 4
    feedforward: Size = 256
    dropout: Rate = 0.0
    positions: Literal["sinusoidal", "learned"] = "sinusoidal"


class OdeRnn(Record):
    """Recurrent layers whose state flows between observations, by `solver_steps` Runge-Kutta steps a step.

    A step where all of the past inputs at `missing` say so is no observation.
    """

    kind: Literal["ode_rnn"] = "ode_rnn"
    cell: StateCell = "lstm"
    hidden_size: Size = 64
    num_layers: Few = 1
    dropout: Rate = 0.0
    solver_steps: Annotated[int, Field(ge=1, le=1024)] = 2
    missing: tuple[Count, ...] = ()


class BatchNorm(Record):
    """Batch normalisation of every unit over batch and steps (guide 7.2)."""

    kind: Literal["batch_norm"] = "batch_norm"


class SelfAttention(Record):
    """Multi-head self-attention after the recurrence, with a residual and a layer norm after it."""

    kind: Literal["self_attention"] = "self_attention"
    num_heads: Size = 4
    dropout: Rate = 0.0


class Pool(Record):
    """One vector out of the sequence: its last step, or a softmax-weighted sum (guide 6.2).

    `mean` and `max` are those of all steps. `ends` takes what each direction of a bidirectional recurrence ends with:
    the last step of the one beside the first of the other; of one direction it is `last`.
    """

    kind: Literal["pool"] = "pool"
    by: Literal["last", "attention", "mean", "max", "ends"] = "last"


class Dropout(Record):
    """Dropout on the context; on every step of the sequence where there is none, `variational` of all alike."""

    kind: Literal["dropout"] = "dropout"
    rate: Rate = 0.1
    variational: bool = False


class Head(Record):
    """Direct multi-step head: all K steps at once, each beside its own known-ahead inputs."""

    kind: Literal["head"] = "head"
    hidden_size: Size = 64
    lags: tuple[Size, ...] = ()


class Decoder(Record):
    """Recurrent decoder over the horizon, `segment` steps at a time, started from the encoder's state.

    It reads the known-ahead inputs of its steps, the targets `lags` steps before them (walked back by
    whole lags where that is not yet known), a learned position and the context. In training, a share of
    `dropout` of its units is silenced before the output. With `attention` each step looks up the encoder's
    states; with `feedback` it reads the forecast of the step before, the output at that place.
    """

    kind: Literal["decoder"] = "decoder"
    segment: Size = 1
    position: Count = 0
    lags: tuple[Size, ...] = ()
    dropout: Rate = 0.0
    attention: Literal["additive", "dot", "general", "concat"] | None = None
    feedback: Count | None = None


class Label(Record):
    """What the context, and the embedded static inputs beside it, say about the sequence: O outputs.

    With `hidden_size` through a dense layer and a relu. Where `bag` is positive, a linear model of which tokens and
    pairs of neighbours a text has adds its scores (`bag_scores`); pairs share a table of so many rows (`pair_rows`).
    """

    kind: Literal["label"] = "label"
    hidden_size: Count = 0
    bag: Rows = 0


class Tag(Record):
    """What is predicted for every step: O outputs each, as `Label` gives them of a context."""

    kind: Literal["tag"] = "tag"
    hidden_size: Count = 0


class Ctc(Record):
    """Scores of O symbols for every step, the first of them the blank.

    A text is what is left of the steps' symbols once repetitions are joined and blanks left out. `hidden_size` as of
    `Label`.

    Source: Graves, Fernandez, Gomez and Schmidhuber (2006), doi:10.1145/1143844.1143891.
    """

    kind: Literal["ctc"] = "ctc"
    hidden_size: Count = 0


class Next(Record):
    """Scores of every token of the vocabulary for the place after each step; their softmax is what comes next.

    `tied` scores a token by the vector it is read with, through a linear map where the recurrence has another width
    (Press and Wolf 2017, doi:10.18653/v1/E17-2025); else it has weights of its own. Without tokens the past is zeros
    and ones [B, T, I] (the notes of a step), and the sigmoid of each of I scores says whether it is 1 in the next step.
    """

    kind: Literal["next"] = "next"
    tied: bool = True


class Write(Record):
    """A recurrent decoder that writes tokens, each after those before it and what was read: scores of V tokens a step.

    It starts from what the sequence ends with, through a linear map (tanh for h). A step reads the vector, of `size`,
    of the token before it; with `feeding` also what the step before it looked up. With `attention` it looks up the
    sequence: `additive` before the recurrence, the others after it, so that a whole text is one call of the engine.
    `tied` scores a token by its own vector; `shared` takes the vectors that `tokens` reads the source with. With
    `copying` a token is also taken from the source, by the share that attention gives to its places; a gate says how
    often.

    Source: Sutskever, Vinyals and Le (2014), arXiv:1409.3215; Luong, Pham and Manning (2015), arXiv:1508.04025; See,
    Liu and Manning (2017), arXiv:1704.04368.
    """

    kind: Literal["write"] = "write"
    size: Size = 256
    cell: StateCell = "lstm"
    hidden_size: Size = 256
    num_layers: Few = 1
    dropout: Rate = 0.0
    forget_bias: Bias | None = None
    attention: Literal["additive", "dot", "general", "concat"] | None = "general"
    feeding: bool = False
    tied: bool = True
    shared: bool = False
    copying: bool = False

    @model_validator(mode="after")
    def _fits(self) -> Write:
        if (self.feeding and self.attention in (None, "additive")) or (self.copying and self.attention is None):
            raise ValueError("feeding needs an attention after the recurrence (dot, general, concat), copying any")
        return self


class Series(Record):
    """A recurrent decoder of numbers: `steps` rows of equally many quantities, O in all, each after the one before it.

    It starts from what the sequence ends with, as `write` does. A step reads the row before it, zeros at first; with
    `attention` it looks up the sequence.

    Source: Sutskever, Vinyals and Le (2014), arXiv:1409.3215.
    """

    kind: Literal["series"] = "series"
    steps: Size
    cell: StateCell = "lstm"
    hidden_size: Size = 64
    num_layers: Annotated[int, Field(ge=1, le=64)] = 1
    dropout: Rate = 0.0
    forget_bias: Annotated[float, Field(ge=-100.0, le=100.0)] | None = None
    attention: Literal["additive", "dot", "general", "concat"] | None = None


Layer = Annotated[  # in the order in which they may follow
    Tokens
    | Frames
    | Normalise
    | Skip
    | Branch
    | Convolution
    | Segment
    | Embed
    | Recurrent
    | Transformer
    | OdeRnn
    | Pictures
    | BatchNorm
    | SelfAttention
    | Pool
    | Dropout
    | Head
    | Decoder
    | Label
    | Tag
    | Ctc
    | Next
    | Write
    | Series,
    Field(discriminator="kind"),
]
ENCODERS = ("recurrent", "transformer", "ode_rnn", "pictures")
FORECASTS = ("head", "decoder")
SAYS = ("label", "tag", "ctc", "next", "write", "series")
ORDER = tuple(kind.model_fields["kind"].default for kind in get_args(get_args(Layer)[0]))
