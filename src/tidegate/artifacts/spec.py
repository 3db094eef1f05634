"""The network as data: a short list of layers with sizes, read alike by torch and by the runtime.

A network receives, per window, the past [T, I] (the C targets come first), the known-ahead inputs
[K, F] and the static inputs [S]; it gives O outputs for each of K steps and C targets: the point
forecast if there is one, then the quantiles in rising order.

Layers act in order on what flows between them: a *sequence* [S, D] (S = T until it is segmented), the
final recurrent *state*, and a *context* vector. The last layer is a head or a decoder.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from tidegate.core.errors import ArtifactError

Cell = Literal["lstm", "gru", "peephole", "coupled"]
Size = Annotated[int, Field(ge=1, le=65_536)]
Count = Annotated[int, Field(ge=0, le=65_536)]
Rate = Annotated[float, Field(ge=0.0, lt=1.0)]
GATES: dict[str, int] = {"lstm": 4, "gru": 3, "peephole": 4, "coupled": 3}


class Record(BaseModel):
    """Base of everything that is written to JSON: frozen, strict, nothing extra."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Normalise(Record):
    """Shift and rescale the targets of each window by its own past; undone on the output.

    `last` subtracts the last value, `mean` the window's mean, `standard` also divides by its standard
    deviation, `scale` divides by the mean magnitude of the last `period` steps (0: of all).
    """

    kind: Literal["normalise"] = "normalise"
    by: Literal["last", "mean", "standard", "scale"] = "last"
    period: Count = 0


class Embed(Record):
    """Project the static inputs to `size` and give them to every recurrent step and to the head."""

    kind: Literal["embed"] = "embed"
    size: Size = 8


class Convolution(Record):
    """Convolutions over time, each with a relu; `channels` has one entry for each of them.

    `causal` sees no step after its own; `same` sees as many on either side. Every `stride` shortens the sequence.
    """

    kind: Literal["convolution"] = "convolution"
    channels: Annotated[tuple[Size, ...], Field(min_length=1, max_length=64)]
    kernel: Size = 3
    stride: Size = 1
    padding: Literal["causal", "same"] = "causal"


class Segment(Record):
    """Join `length` neighbouring steps into one and project them: one recurrent step per segment."""

    kind: Literal["segment"] = "segment"
    length: Size
    size: Size


class Recurrent(Record):
    """A stack of recurrent layers, weights laid out as in torch.nn.LSTM and torch.nn.GRU."""

    kind: Literal["recurrent"] = "recurrent"
    cell: Cell = "lstm"
    hidden_size: Size = 64
    num_layers: Annotated[int, Field(ge=1, le=64)] = 1
    dropout: Rate = 0.0
    bidirectional: bool = False


class Transformer(Record):
    """A pre-norm Transformer encoder in the place of the recurrence.

    A decoder after it is one layer of `cell`, started from its last step (and a cell state of zeros).
    """

    kind: Literal["transformer"] = "transformer"
    cell: Cell = "lstm"
    hidden_size: Size = 64
    num_layers: Annotated[int, Field(ge=1, le=64)] = 1
    num_heads: Size = 4
    feedforward: Size = 256
    dropout: Rate = 0.0
    positions: Literal["sinusoidal", "learned"] = "sinusoidal"


class OdeRnn(Record):
    """Recurrent layers whose state flows between observations, by `solver_steps` Runge-Kutta steps a step.

    A step where all of the past inputs at `missing` say so is no observation.
    """

    kind: Literal["ode_rnn"] = "ode_rnn"
    cell: Cell = "lstm"
    hidden_size: Size = 64
    num_layers: Annotated[int, Field(ge=1, le=64)] = 1
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
    """One vector out of the sequence: its last step, or a softmax-weighted sum (guide 6.2)."""

    kind: Literal["pool"] = "pool"
    by: Literal["last", "attention"] = "last"


class Dropout(Record):
    """Dropout on the context."""

    kind: Literal["dropout"] = "dropout"
    rate: Rate = 0.1


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


Layer = Annotated[
    Normalise
    | Convolution
    | Segment
    | Embed
    | Recurrent
    | Transformer
    | OdeRnn
    | BatchNorm
    | SelfAttention
    | Pool
    | Dropout
    | Head
    | Decoder,
    Field(discriminator="kind"),
]
ENCODERS = ("recurrent", "transformer", "ode_rnn")
ORDER = (
    "normalise",
    "convolution",
    "segment",
    "embed",
    *ENCODERS,
    "batch_norm",
    "self_attention",
    "pool",
    "dropout",
    "head",
    "decoder",
)


class NetworkSpec(Record):
    """Sizes of what goes in and out, and the layers between.

    Attributes:
        window: T, horizon: K, past: I (C <= I), future: F, static: S, targets: C.
        outputs: O, per step and target.
        channels: "joint" feeds all targets to one recurrence; "independent" runs it once per target with
            shared weights (each with the covariates and a learned vector of its own of `channel_size`).
        anchor: if positive, the network learns the difference from the target `anchor` steps before.
        layers: in order; one encoder (recurrent, transformer or ode_rnn), one pooling, one head or decoder.
    """

    window: Size
    horizon: Size
    past: Size
    future: Count = 0
    static: Count = 0
    targets: Size = 1
    outputs: Size = 1
    channels: Literal["joint", "independent"] = "joint"
    channel_size: Count = 0
    anchor: Count = 0
    layers: tuple[Layer, ...]

    @model_validator(mode="after")
    def _fits(self) -> NetworkSpec:
        self._check_order()
        self._check_lengths()
        if self.targets > self.past:
            raise ValueError(f"{self.targets} targets cannot come first among {self.past} past inputs")
        if self.channels == "joint" and self.channel_size:
            raise ValueError("channel_size belongs to independent channels")
        lags = [self.anchor] if self.anchor else []
        for layer in self.layers:
            if isinstance(layer, (SelfAttention, Transformer)):
                self._check_heads(layer)
            if isinstance(layer, OdeRnn):
                self._check_observations(layer)
            if isinstance(layer, Decoder):
                self._check_decoder(layer)
            if isinstance(layer, (Head, Decoder)):
                lags += layer.lags
        if lags and max(lags) > self.window:
            raise ValueError(f"lag {max(lags)} reaches back further than the window of {self.window}")
        return self

    def _check_order(self) -> None:
        kinds = [layer.kind for layer in self.layers]
        ranks = [ORDER.index(kind) for kind in kinds]
        if ranks != sorted(set(ranks)) or "pool" not in kinds:
            raise ValueError(f"layers must be among {list(ORDER)}, each once, in this order, got {kinds}")
        if sum(kind in ENCODERS for kind in kinds) != 1:
            raise ValueError(f"layers must have one of {list(ENCODERS)}, got {kinds}")
        if ("head" in kinds) == ("decoder" in kinds):
            raise ValueError("a network ends in either a head or a decoder")

    def _check_lengths(self) -> None:
        convolution, segment, steps = self.find("convolution"), self.find("segment"), self.window
        if convolution is not None:
            if convolution.stride > convolution.kernel:
                raise ValueError(f"stride {convolution.stride} above kernel {convolution.kernel} would skip steps")
            for _ in convolution.channels:
                steps = -(-steps // convolution.stride)
        if segment is not None and steps % segment.length:
            place = "window" if steps == self.window else "convolved window"
            raise ValueError(f"{place} {steps} is not a multiple of the segment length {segment.length}")

    def _check_observations(self, layer: OdeRnn) -> None:
        if self.find("convolution") is not None or self.find("segment") is not None:
            raise ValueError("an ode_rnn reads single steps: leave convolutions and segments out")
        inputs = self.past - self.targets + 1 if self.channels == "independent" else self.past
        if layer.missing and max(layer.missing) >= inputs:
            raise ValueError(f"missing {max(layer.missing)} is not among the {inputs} past inputs")

    def _check_heads(self, layer: SelfAttention | Transformer) -> None:
        width = layer.hidden_size if isinstance(layer, Transformer) else self.encoder_width
        if width % layer.num_heads:
            raise ValueError(f"{layer.num_heads} heads do not divide a width of {width}: choose a divisor")

    def _check_decoder(self, layer: Decoder) -> None:
        if layer.feedback is not None and layer.feedback >= self.outputs:
            raise ValueError(f"feedback {layer.feedback} is not among the {self.outputs} outputs")
        if self.horizon % layer.segment:
            raise ValueError(f"horizon {self.horizon} is not a multiple of the decoder's segment {layer.segment}")
        if layer.attention == "dot" and self.encoder_width != self.encoder.hidden_size:
            raise ValueError(
                "dot attention needs encoder and decoder states of one size, and a bidirectional encoder's "
                "are twice as wide: take general"
            )

    @property
    def encoder(self) -> Any:
        """The recurrence, or what stands in its place; it has `cell`, `hidden_size` and `num_layers`."""
        return next(layer for layer in self.layers if layer.kind in ENCODERS)

    @property
    def encoder_width(self) -> int:
        """D of the sequence after the encoder."""
        twice = isinstance(self.encoder, Recurrent) and self.encoder.bidirectional
        return int(self.encoder.hidden_size) * (2 if twice else 1)

    @property
    def reach(self) -> int:
        """The fewest steps that a row may have: what lags, anchor and the decoder's first step look back to."""
        last = self.layers[-1]
        lags = [1, self.anchor, *(last.lags if isinstance(last, (Head, Decoder)) else ())]
        if isinstance(last, Decoder) and last.feedback is not None:
            lags.append(last.segment)
        return max(lags)

    def find(self, kind: str) -> Any:
        """The layer of a kind, or None."""
        return next((layer for layer in self.layers if layer.kind == kind), None)

    @classmethod
    def from_json(cls, state: Any) -> NetworkSpec:
        """Parse what `model_dump` wrote.

        Raises:
            ArtifactError: anything missing, extra, of the wrong type or out of bounds.
        """
        try:
            return cls.model_validate_json(state) if isinstance(state, str) else cls.model_validate(_tuples(state))
        except RecursionError as error:
            raise ArtifactError("model.json: network: nested too deeply") from error
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"]) or "network"
            raise ArtifactError(f"model.json: network: {place}: {first['msg']}") from error


def _tuples(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_tuples(item) for item in value)
    if isinstance(value, dict):
        return {key: _tuples(item) for key, item in value.items()}
    return value
