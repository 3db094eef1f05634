"""The layers of a network in torch, one module a layer of the spec, acting on a shared flow.

Shape letters: B batch, T steps of the window, S steps of the sequence, D its width, K horizon,
C targets of one pass, O outputs, H units, L layers, F known-ahead inputs, E static size.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn

from tidegate.artifacts.layers import cell_size
from tidegate.artifacts.shapes import Sizes, head_inputs, raw_static
from tidegate.artifacts.spec import (
    BatchNorm,
    Convolution,
    Dropout,
    Embed,
    Head,
    NetworkSpec,
    Normalise,
    OdeRnn,
    Pool,
    Recurrent,
    Segment,
    Skip,
    Transformer,
)
from tidegate.artifacts.spec import SelfAttention as SelfAttentionSpec
from tidegate.nn import draws
from tidegate.nn.attention import SelfAttention, TransformerEncoder, pool
from tidegate.nn.decoder import DecoderLayer, SeriesLayer, WriteLayer
from tidegate.nn.flow import (
    Flow,
    State,
    TimeConvolution,
    UnitNorm,
    clear,
    ending,
    lagged,
    mean_over,
    normed,
    recurrent,
    shortened,
    within,
)
from tidegate.nn.ode import ODERNN
from tidegate.nn.sequence_layers import BranchLayer, FramesLayer, LabelLayer, NextLayer, PicturesLayer, TokensLayer

SMALLEST_SCALE = 1e-4


class NormaliseLayer(nn.Module):
    """Shift and rescale the targets of each window (`Normalise`)."""

    def __init__(self, spec: NetworkSpec, layer: Normalise, sizes: Sizes) -> None:
        super().__init__()
        self.by, self.period = layer.by, layer.period

    def forward(self, flow: Flow) -> None:
        x = flow.targets
        count = x.shape[2]
        if self.by == "scale":
            flow.scale = mean_over(x.abs(), flow.given, self.period).clamp_min(SMALLEST_SCALE)
            flow.targets = x / flow.scale
        else:
            flow.loc = ending(x, 1, flow.given) if self.by == "last" else mean_over(x, flow.given)
            flow.targets = clear(x - flow.loc, flow.given)
            if self.by == "standard":
                flow.scale = mean_over(flow.targets.square(), flow.given).sqrt().clamp_min(SMALLEST_SCALE)
                flow.targets = flow.targets / flow.scale
        flow.sequence = torch.cat([flow.targets, flow.sequence[:, :, count:]], dim=2)
        if flow.truth is not None:
            flow.truth = flow.truth if flow.loc is None else flow.truth - flow.loc
            flow.truth = flow.truth if flow.scale is None else flow.truth / flow.scale


class SkipLayer(nn.Module):
    """A linear forecast beside the network (`Skip`): [B, T, C] -> [B, K, C]."""

    weight: torch.Tensor
    bias: torch.Tensor
    share: torch.Tensor

    def __init__(self, spec: NetworkSpec, layer: Skip, sizes: Sizes) -> None:
        super().__init__()
        self.register_buffer("weight", torch.zeros(sizes.targets, spec.horizon, spec.window))
        self.register_buffer("bias", torch.zeros(sizes.targets, spec.horizon))
        self.register_buffer("share", torch.ones(1))

    def forward(self, flow: Flow) -> None:
        found = torch.einsum("btc,ckt->bkc", flow.targets, self.weight) + self.bias.T
        flow.skip = found, self.share


class ConvolutionLayer(nn.Module):
    """Convolutions over time (`Convolution`): [B, S, D] -> [B, S / strides, channels]."""

    def __init__(self, spec: NetworkSpec, layer: Convolution, sizes: Sizes) -> None:
        super().__init__()
        self.stride = layer.stride
        self.convs = nn.ModuleList(
            TimeConvolution(inputs, channels, layer.kernel, layer.stride, layer.padding)
            for inputs, channels in pairwise((sizes.width, *layer.channels))
        )

    def forward(self, flow: Flow) -> None:
        for conv in self.convs:
            flow.sequence = conv(flow.sequence, flow.lengths)
            flow.lengths = shortened(flow.lengths, self.stride)


class SegmentLayer(nn.Module):
    """Join neighbouring steps and project them (`Segment`): [B, T, D] -> [B, T / length, size]."""

    def __init__(self, spec: NetworkSpec, layer: Segment, sizes: Sizes) -> None:
        super().__init__()
        self.length = layer.length
        self.linear = nn.Linear(layer.length * sizes.width, layer.size)

    def forward(self, flow: Flow) -> None:
        sequence = clear(flow.sequence, flow.lengths)
        if sequence.shape[1] % self.length:
            sequence = nn.functional.pad(sequence, (0, 0, 0, -sequence.shape[1] % self.length))
        batch, steps, width = sequence.shape
        joined = sequence.reshape(batch, steps // self.length, self.length * width)
        flow.sequence = torch.relu(self.linear(joined))
        flow.lengths = shortened(flow.lengths, self.length)


class EmbedLayer(nn.Module):
    """Project the static inputs and give them to every step (`Embed`)."""

    def __init__(self, spec: NetworkSpec, layer: Embed, sizes: Sizes) -> None:
        super().__init__()
        self.linear = nn.Linear(raw_static(spec), layer.size)

    def forward(self, flow: Flow) -> None:
        flow.static = self.linear(flow.static)
        repeated = flow.static.unsqueeze(1).expand(-1, flow.sequence.shape[1], -1)
        flow.sequence = torch.cat([flow.sequence, repeated], dim=2)


class RecurrentLayer(nn.Module):
    """The recurrence (`Recurrent`): sequence in, sequence and final state out."""

    def __init__(self, spec: NetworkSpec, layer: Recurrent, sizes: Sizes) -> None:
        super().__init__()
        self.bidirectional, self.num_layers = layer.bidirectional, layer.num_layers
        self.rnn = recurrent(layer, sizes.width, bidirectional=layer.bidirectional)

    def forward(self, flow: Flow) -> None:
        start = flow.start or None
        hx = start[0] if start is not None and len(start) == 1 else start
        flow.sequence, state = self.rnn(flow.sequence, hx, lengths=flow.lengths)
        parts: State = state if isinstance(state, tuple) else (state,)
        if self.bidirectional:  # [L * 2, B, H] -> mean of the directions, [L, B, H]
            parts = tuple(p.reshape(self.num_layers, 2, *p.shape[1:]).mean(dim=1) for p in parts)
        flow.state = parts


class TransformerLayer(nn.Module):
    """A Transformer encoder (`Transformer`); a decoder is started from its last step."""

    def __init__(self, spec: NetworkSpec, layer: Transformer, sizes: Sizes) -> None:
        super().__init__()
        self.cell_size = cell_size(layer.cell, layer.hidden_size)
        self.encoder = TransformerEncoder(
            sizes.width,
            layer.hidden_size,
            layer.num_layers,
            layer.num_heads,
            layer.feedforward,
            layer.dropout,
            layer.positions,
            sizes.steps,
        )

    def forward(self, flow: Flow) -> None:
        flow.sequence = self.encoder(flow.sequence, flow.lengths)
        last = ending(flow.sequence, 1, flow.lengths).transpose(0, 1)
        flow.state = (last, last.new_zeros(*last.shape[:2], self.cell_size)) if self.cell_size else (last,)


class OdeRnnLayer(nn.Module):
    """Recurrent layers whose state flows between observations (`OdeRnn`)."""

    def __init__(self, spec: NetworkSpec, layer: OdeRnn, sizes: Sizes) -> None:
        super().__init__()
        self.missing = list(layer.missing)
        self.ode = ODERNN(
            sizes.width, layer.hidden_size, layer.num_layers, layer.cell, layer.solver_steps, layer.dropout
        )

    def forward(self, flow: Flow) -> None:
        x = flow.sequence
        observed = (x[:, :, self.missing] < 0.5).any(dim=2) if self.missing else None
        flow.sequence, flow.state = self.ode(x, observed=observed, lengths=flow.lengths)


class BatchNormLayer(nn.Module):
    """Batch normalisation of the sequence (`BatchNorm`)."""

    def __init__(self, spec: NetworkSpec, layer: BatchNorm, sizes: Sizes) -> None:
        super().__init__()
        self.norm = UnitNorm(sizes.width)

    def forward(self, flow: Flow) -> None:
        flow.sequence = normed(self.norm, flow.sequence, flow.lengths)


class SelfAttentionLayer(nn.Module):
    """Self-attention with a residual and a layer norm (`SelfAttention`)."""

    def __init__(self, spec: NetworkSpec, layer: SelfAttentionSpec, sizes: Sizes) -> None:
        super().__init__()
        self.block = SelfAttention(sizes.width, layer.num_heads, layer.dropout)

    def forward(self, flow: Flow) -> None:
        flow.sequence, flow.self_attention = self.block(flow.sequence, flow.lengths)


class PoolLayer(nn.Module):
    """One vector out of the sequence (`Pool`)."""

    def __init__(self, spec: NetworkSpec, layer: Pool, sizes: Sizes) -> None:
        super().__init__()
        self.by = layer.by
        self.ahead = spec.encoder.hidden_size  # units that read forwards; after them those that read backwards
        if layer.by == "attention":
            self.score = nn.Linear(sizes.width, 1)

    def forward(self, flow: Flow) -> None:
        x, lengths = flow.sequence, flow.lengths
        if self.by == "attention":
            flow.context, flow.attention = pool(self.score, x, lengths)
        elif self.by == "mean":
            flow.context = mean_over(x, lengths).squeeze(1)
        elif self.by == "max":
            flow.context = (x if lengths is None else x.masked_fill(~within(lengths, x.shape[1]), -torch.inf)).amax(1)
        else:
            flow.context = ending(x, 1, lengths).squeeze(1)
            if self.by == "ends" and x.shape[2] > self.ahead:
                flow.context = torch.cat([flow.context[:, : self.ahead], x[:, 0, self.ahead :]], dim=1)
        if flow.branch is not None:
            flow.context = torch.cat([flow.context, flow.branch], dim=1)


class DropoutLayer(nn.Module):
    """Dropout on the context, or where there is none on the sequence (`Dropout`)."""

    def __init__(self, spec: NetworkSpec, layer: Dropout, sizes: Sizes) -> None:
        super().__init__()
        self.dropout, self.variational = draws.Dropout(layer.rate), layer.variational

    def forward(self, flow: Flow) -> None:
        if flow.context is None and self.variational:
            flow.sequence = flow.sequence * self.dropout(torch.ones_like(flow.sequence[:, :1]))
        elif flow.context is None:
            flow.sequence = self.dropout(flow.sequence)
        else:
            flow.context = self.dropout(flow.context)


class HeadLayer(nn.Module):
    """All K steps at once (`Head`): final(relu(output([context_k, future_k, lags_k, static])))."""

    def __init__(self, spec: NetworkSpec, layer: Head, sizes: Sizes) -> None:
        super().__init__()
        self.horizon, self.size, self.lags = spec.horizon, layer.hidden_size, layer.lags
        self.context = nn.Linear(sizes.context, spec.horizon * layer.hidden_size)
        self.output = nn.Linear(head_inputs(spec, layer, sizes), layer.hidden_size)
        self.final = nn.Linear(layer.hidden_size, sizes.targets * spec.outputs)
        self.static = sizes.static

    def forward(self, flow: Flow) -> None:
        assert flow.context is not None
        parts = [self.context(flow.context).reshape(-1, self.horizon, self.size)]
        if flow.future.shape[2]:
            parts.append(flow.future)
        if self.lags:
            parts.append(lagged(flow.targets, self.lags, self.horizon, flow.given))
        if self.static:
            parts.append(flow.static.unsqueeze(1).expand(-1, self.horizon, -1))
        flow.output = self.final(torch.relu(self.output(torch.cat(parts, dim=2))))


LAYERS: dict[str, type[nn.Module]] = {
    "tokens": TokensLayer,
    "frames": FramesLayer,
    "pictures": PicturesLayer,
    "normalise": NormaliseLayer,
    "skip": SkipLayer,
    "branch": BranchLayer,
    "convolution": ConvolutionLayer,
    "segment": SegmentLayer,
    "embed": EmbedLayer,
    "recurrent": RecurrentLayer,
    "transformer": TransformerLayer,
    "ode_rnn": OdeRnnLayer,
    "batch_norm": BatchNormLayer,
    "self_attention": SelfAttentionLayer,
    "pool": PoolLayer,
    "dropout": DropoutLayer,
    "head": HeadLayer,
    "decoder": DecoderLayer,
    "label": LabelLayer,
    "tag": LabelLayer,
    "ctc": LabelLayer,
    "next": NextLayer,
    "write": WriteLayer,
    "series": SeriesLayer,
}
