"""The network as data: a short list of layers with sizes, read alike by torch and by the runtime.

A network that forecasts receives, per window, the past [T, I] (the C targets come first), the known-ahead inputs
[K, F] and the static inputs [S]; it gives O outputs for each of K steps and C targets: the point
forecast if there is one, then the quantiles in rising order. One that answers for sequences of any length
receives the past and the static inputs, and gives O outputs for each sequence or for each of its steps.

Layers act in order on what flows between them: a *sequence* [S, D] (S = T until it is segmented), the
final recurrent *state*, and a *context* vector. The last layer is a head or a decoder, or else a label or a tag.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ValidationError, model_validator

from tidegate.artifacts.layers import (
    ENCODERS,
    FORECASTS,
    GATES,
    ORDER,
    SAYS,
    BatchNorm,
    Branch,
    Cell,
    Convolution,
    Ctc,
    Decoder,
    Dropout,
    Embed,
    Head,
    Label,
    Layer,
    Next,
    Normalise,
    OdeRnn,
    Pool,
    Recurrent,
    Segment,
    SelfAttention,
    Series,
    Skip,
    Tag,
    Transformer,
    Write,
)
from tidegate.artifacts.readers import Frames, Pictures, Tokens
from tidegate.artifacts.record import Count, Members, Rate, Record, Size
from tidegate.core.errors import ArtifactError
from tidegate.core.translate import tr

__all__ = [
    "ENCODERS",
    "GATES",
    "ORDER",
    "BatchNorm",
    "Branch",
    "Cell",
    "Convolution",
    "Count",
    "Ctc",
    "Decoder",
    "Dropout",
    "Embed",
    "Frames",
    "Head",
    "Label",
    "Layer",
    "NetworkSpec",
    "Next",
    "Normalise",
    "OdeRnn",
    "Pictures",
    "Pool",
    "Rate",
    "Record",
    "Recurrent",
    "Segment",
    "SelfAttention",
    "Series",
    "Size",
    "Skip",
    "Tag",
    "Tokens",
    "Transformer",
    "Write",
]


class NetworkSpec(Record):
    """Sizes of what goes in and out, and the layers between.

    Attributes:
        window: T, horizon: K, past: I (C <= I), future: F, static: S, targets: C.
        outputs: O, per step and target. Of a network that answers for sequences: window is 0 where they may
            have any length, horizon 1 and future 0; targets counts the leading inputs that `normalise` rescales.
        channels: "joint" feeds all targets to one recurrence; "independent" runs it once per target with
            shared weights (each with the covariates and a learned vector of its own of `channel_size`).
        anchor: if positive, the network learns the difference from the target `anchor` steps before.
        members: networks of these layers, each with weights of its own, whose outputs are averaged (an ensemble); more
            than one only where the network ends in a label or a tag.
        layers: in order; one encoder (recurrent, transformer, ode_rnn or pictures), one pooling (none before a tag,
            ctc, next, write or series), and one of head, decoder, label, tag, ctc, next, write and series.
    """

    window: Count
    horizon: Size
    past: Size
    future: Count = 0
    static: Count = 0
    targets: Count = 1
    outputs: Size = 1
    channels: Literal["joint", "independent"] = "joint"
    channel_size: Count = 0
    anchor: Count = 0
    members: Members = 1
    layers: tuple[Layer, ...]

    @model_validator(mode="after")
    def _fits(self) -> NetworkSpec:
        self._check_order()
        self._check_ending()
        self._check_lengths()
        self._check_inputs()
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
        if ranks != sorted(set(ranks)):
            raise ValueError(f"layers must be among {list(ORDER)}, each once, in this order, got {kinds}")
        if sum(kind in ENCODERS for kind in kinds) != 1:
            raise ValueError(f"layers must have one of {list(ENCODERS)}, got {kinds}")
        ends = [kind for kind in kinds if kind in (*FORECASTS, *SAYS)]
        if len(ends) != 1:
            raise ValueError(f"a network ends in either a head or a decoder, or a label or a tag, got {ends or kinds}")
        if ("pool" in kinds) == (ends[0] in SAYS[1:]):
            raise ValueError(f"layers must have a pool, but none where they end in one of {SAYS[1:]}, got {kinds}")

    def _check_ending(self) -> None:
        kinds = {layer.kind for layer in self.layers}
        if "skip" in kinds and (not self.forecasts or self.anchor):
            raise ValueError("a skip belongs to a network that forecasts, in the place of an anchor")
        if self.forecasts:
            if not self.window or not self.targets:
                given = f"window {self.window} and targets {self.targets}"
                raise ValueError(f"{given}: 0 belongs to a network that ends in a label or a tag")
            if kinds & {"tokens", "frames"}:
                raise ValueError("tokens and frames belong to a network that ends in a label or a tag")
            if kinds >= {"branch", "decoder"}:
                raise ValueError("a branch joins the context, which a decoder does not read: take a head")
            return
        end = self.layers[-1].kind
        alone = {"horizon": 1, "future": 0, "anchor": 0, "channels": "joint"}
        for name, value in alone.items():
            if getattr(self, name) != value:
                raise ValueError(f"a network that ends in a {end} has {name} {value!r}, got {getattr(self, name)!r}")
        convolution = self.find("convolution")
        strides = convolution is not None and convolution.stride > 1
        checks = {"next": self._check_next, "write": self._check_write, "series": self._check_series}
        checks.get(end, lambda: None)()
        if end in ("tag", "ctc") and (strides or kinds & {"segment", "branch"}):
            raise ValueError(f"a {end} is for every step: leave segment, branch and a convolution's stride out")
        if end == "ctc" and (self.outputs < 2 or self.members > 1):
            raise ValueError("ctc scores a blank and at least one symbol, and is not averaged: members 1")
        if not self.window and isinstance(self.encoder, Transformer) and self.encoder.positions == "learned":
            raise ValueError("learned positions need a window: take sinusoidal positions for sequences of any length")

    def _check_next(self) -> None:
        others = [layer.kind for layer in self.layers if layer.kind not in ("tokens", "recurrent", "dropout", "next")]
        if others or not isinstance(self.encoder, Recurrent):
            kinds = [layer.kind for layer in self.layers]
            raise ValueError(f"what comes next is said by tokens, a recurrence, dropout and next alone, got {kinds}")
        if self.encoder.bidirectional or self.members > 1:
            raise ValueError("what comes next is not read backwards, nor averaged: bidirectional false, members 1")
        tokens = self.find("tokens")
        if tokens is None and (self.outputs != self.past or self.targets or self.find("next").tied):
            raise ValueError("next without tokens scores each of the past inputs: outputs as many, targets 0, not tied")
        if tokens is not None and self.outputs != tokens.vocabulary:
            raise ValueError(f"next scores {tokens.vocabulary} tokens: outputs must be as many")

    def _check_write(self) -> None:
        layer, tokens = self.layers[-1], self.find("tokens")
        assert isinstance(layer, Write)
        if self.members > 1 or self.find("branch") is not None:
            raise ValueError("what is written is not averaged and reads no context: members 1, no branch")
        if layer.shared and (tokens is None or (tokens.vocabulary, tokens.size) != (self.outputs, layer.size)):
            raise ValueError("shared vectors are those of tokens of the same size and number as the outputs")
        if layer.attention == "dot" and self.encoder_width != layer.hidden_size:
            raise ValueError("dot attention needs states of one size: take general")

    def _check_series(self) -> None:
        layer = self.layers[-1]
        assert isinstance(layer, Series)
        if self.outputs % layer.steps or self.find("branch") is not None:
            raise ValueError(f"{self.outputs} outputs are rows for {layer.steps} steps alike, and no branch is read")
        if layer.attention == "dot" and self.encoder_width != layer.hidden_size:
            raise ValueError("dot attention needs states of one size: take general")

    def _check_inputs(self) -> None:
        tokens, frames, normalise = self.find("tokens"), self.find("frames"), self.find("normalise")
        if isinstance(self.encoder, Pictures):
            self._check_pictures(self.encoder)
        if normalise is not None and not self.targets:
            raise ValueError("normalise rescales the targets, the leading inputs, but targets is 0")
        if tokens is None and frames is None:
            return
        if tokens is not None and frames is not None:
            raise ValueError("a network reads tokens or frames, not both")
        inputs = 1 if frames is None else frames.height * frames.width * frames.colours
        if self.past != inputs or self.targets:
            kind = "tokens" if frames is None else "frames"
            raise ValueError(f"{kind} have past {inputs} and targets 0, got {self.past} and {self.targets}")
        if isinstance(self.encoder, OdeRnn) and self.encoder.missing:
            raise ValueError("missing names numbers among the past inputs: tokens and frames have none")

    def _check_pictures(self, layer: Pictures) -> None:
        kinds = [own.kind for own in self.layers]
        if kinds != ["pictures", "write"]:
            raise ValueError(f"what reads a picture is pictures and write alone, got {kinds}")
        rows, numbers = layer.height, layer.width * layer.colours
        if (self.window, self.past, self.targets, self.static) != (rows, numbers, 0, 0):
            raise ValueError(f"pictures have window {rows}, past {numbers}, targets 0 and static 0")

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
    def member(self) -> NetworkSpec:
        """The spec of one member of an ensemble."""
        return self.model_copy(update={"members": 1})

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
    def forecasts(self) -> bool:
        """Whether it ends in a head or a decoder; else it says something about a sequence."""
        return self.layers[-1].kind in FORECASTS

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
            raise ArtifactError(tr("model.json: network: nested too deeply")) from error
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"]) or "network"
            raise ArtifactError(tr("model.json: network: {place}: {first}", place=place, first=first["msg"])) from error


def _tuples(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_tuples(item) for item in value)
    if isinstance(value, dict):
        return {key: _tuples(item) for key, item in value.items()}
    return value
