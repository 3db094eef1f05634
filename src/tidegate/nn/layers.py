"""The layers of a network in torch, one module a layer of the spec, acting on a shared flow.

Shape letters: B batch, T steps of the window, S steps of the sequence, D its width, K horizon,
C targets of one pass, O outputs, H units, L layers, F known-ahead inputs, E static size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from tidegate.artifacts.lags import lag_rows
from tidegate.artifacts.shapes import Sizes, decoder_inputs, head_inputs, raw_static
from tidegate.artifacts.spec import (
    BatchNorm,
    Decoder,
    Dropout,
    Embed,
    Head,
    NetworkSpec,
    Normalise,
    Pool,
    Recurrent,
    Segment,
)
from tidegate.nn.recurrent import GRU, LSTM, CoupledLSTM, PeepholeLSTM

SMALLEST_SCALE = 1e-4
State = tuple[Tensor, ...]


@dataclass
class Flow:
    """What flows between the layers of one forward pass."""

    targets: Tensor  # [B, T, C], normalised once a layer has done so
    sequence: Tensor  # [B, S, D]
    future: Tensor  # [B, K, F]
    static: Tensor  # [B, S_raw], then [B, E] once embedded
    loc: Tensor | None = None  # [B, 1, C]
    scale: Tensor | None = None  # [B, 1, C]
    state: State = ()  # h (and c) [L, B, H]
    context: Tensor | None = None  # [B, D]
    attention: Tensor | None = None  # [B, S]
    output: Tensor | None = None  # [B, K, C * O]


def lagged(targets: Tensor, lags: tuple[int, ...], horizon: int) -> Tensor:
    """Targets `lags` steps before each forecast step, [B, K, len(lags) * C], lag by lag."""
    rows = [torch.from_numpy(lag_rows(targets.shape[1], horizon, lag)).to(targets.device) for lag in lags]
    return torch.cat([targets.index_select(1, row) for row in rows], dim=2)


class NormaliseLayer(nn.Module):
    """Shift and rescale the targets of each window (`Normalise`)."""

    def __init__(self, spec: NetworkSpec, layer: Normalise, sizes: Sizes) -> None:
        super().__init__()
        self.by, self.period = layer.by, layer.period

    def forward(self, flow: Flow) -> None:
        x = flow.targets
        count = x.shape[2]
        if self.by == "scale":
            recent = x[:, -self.period :] if self.period else x
            flow.scale = recent.abs().mean(dim=1, keepdim=True).clamp_min(SMALLEST_SCALE)
            flow.targets = x / flow.scale
        else:
            flow.loc = x[:, -1:] if self.by == "last" else x.mean(dim=1, keepdim=True)
            flow.targets = x - flow.loc
            if self.by == "standard":
                flow.scale = flow.targets.square().mean(dim=1, keepdim=True).sqrt().clamp_min(SMALLEST_SCALE)
                flow.targets = flow.targets / flow.scale
        flow.sequence = torch.cat([flow.targets, flow.sequence[:, :, count:]], dim=2)


class SegmentLayer(nn.Module):
    """Join neighbouring steps and project them (`Segment`): [B, T, D] -> [B, T / length, size]."""

    def __init__(self, spec: NetworkSpec, layer: Segment, sizes: Sizes) -> None:
        super().__init__()
        self.length = layer.length
        self.linear = nn.Linear(layer.length * sizes.width, layer.size)

    def forward(self, flow: Flow) -> None:
        batch, steps, width = flow.sequence.shape
        joined = flow.sequence.reshape(batch, steps // self.length, self.length * width)
        flow.sequence = torch.relu(self.linear(joined))


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
        flow.sequence, state = self.rnn(flow.sequence)
        parts: State = state if isinstance(state, tuple) else (state,)
        if self.bidirectional:  # [L * 2, B, H] -> mean of the directions, [L, B, H]
            parts = tuple(p.reshape(self.num_layers, 2, *p.shape[1:]).mean(dim=1) for p in parts)
        flow.state = parts


class UnitNorm(nn.Module):
    """torch's batch_norm with just the tensors that an artifact keeps (no count of batches)."""

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))
        self.register_buffer("running_mean", torch.zeros(width))
        self.register_buffer("running_var", torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise [B, D, S] over B and S, with the batch's statistics while training."""
        return nn.functional.batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, training=self.training
        )


class BatchNormLayer(nn.Module):
    """Batch normalisation of the sequence (`BatchNorm`)."""

    def __init__(self, spec: NetworkSpec, layer: BatchNorm, sizes: Sizes) -> None:
        super().__init__()
        self.norm = UnitNorm(sizes.width)

    def forward(self, flow: Flow) -> None:
        flow.sequence = self.norm(flow.sequence.transpose(1, 2)).transpose(1, 2)


class PoolLayer(nn.Module):
    """One vector out of the sequence (`Pool`)."""

    def __init__(self, spec: NetworkSpec, layer: Pool, sizes: Sizes) -> None:
        super().__init__()
        self.score = nn.Linear(sizes.width, 1) if layer.by == "attention" else None

    def forward(self, flow: Flow) -> None:
        if self.score is None:
            flow.context = flow.sequence[:, -1]
        else:
            weights = torch.softmax(self.score(flow.sequence), dim=1)  # [B, S, 1]
            flow.attention = weights.squeeze(2)
            flow.context = (weights * flow.sequence).sum(dim=1)


class DropoutLayer(nn.Module):
    """Dropout on the context (`Dropout`)."""

    def __init__(self, spec: NetworkSpec, layer: Dropout, sizes: Sizes) -> None:
        super().__init__()
        self.dropout = nn.Dropout(layer.rate)

    def forward(self, flow: Flow) -> None:
        assert flow.context is not None
        flow.context = self.dropout(flow.context)


class HeadLayer(nn.Module):
    """All K steps at once (`Head`): final(relu(output([context_k, future_k, lags_k, static])))."""

    def __init__(self, spec: NetworkSpec, layer: Head, sizes: Sizes) -> None:
        super().__init__()
        self.horizon, self.size, self.lags = spec.horizon, layer.hidden_size, layer.lags
        self.context = nn.Linear(sizes.context, spec.horizon * layer.hidden_size)
        self.output = nn.Linear(head_inputs(layer, sizes), layer.hidden_size)
        self.final = nn.Linear(layer.hidden_size, sizes.targets * sizes.outputs)
        self.static = sizes.static

    def forward(self, flow: Flow) -> None:
        assert flow.context is not None
        parts = [self.context(flow.context).reshape(-1, self.horizon, self.size)]
        if flow.future.shape[2]:
            parts.append(flow.future)
        if self.lags:
            parts.append(lagged(flow.targets, self.lags, self.horizon))
        if self.static:
            parts.append(flow.static.unsqueeze(1).expand(-1, self.horizon, -1))
        flow.output = self.final(torch.relu(self.output(torch.cat(parts, dim=2))))


class DecoderLayer(nn.Module):
    """A recurrence over the horizon (`Decoder`), started from the encoder's state."""

    def __init__(self, spec: NetworkSpec, layer: Decoder, sizes: Sizes) -> None:
        super().__init__()
        encoder: Recurrent = spec.find("recurrent")
        self.attended = spec.find("pool").by == "attention"
        self.horizon, self.segment, self.lags, self.static = spec.horizon, layer.segment, layer.lags, sizes.static
        steps = spec.horizon // layer.segment
        self.position = nn.Parameter(torch.randn(steps, layer.position) * 0.1) if layer.position else None
        self.inputs = decoder_inputs(layer, sizes, attended=self.attended)
        self.rnn = recurrent(encoder, self.inputs, bidirectional=False)
        self.dropout = nn.Dropout(layer.dropout)
        self.output = nn.Linear(encoder.hidden_size, layer.segment * sizes.targets * sizes.outputs)

    def forward(self, flow: Flow) -> None:
        batch, steps = flow.future.shape[0], self.horizon // self.segment
        parts = []
        if flow.future.shape[2]:
            parts.append(flow.future.reshape(batch, steps, -1))
        if self.lags:
            parts.append(lagged(flow.targets, self.lags, self.horizon).reshape(batch, steps, -1))
        if self.position is not None:
            parts.append(self.position.unsqueeze(0).expand(batch, -1, -1))
        if self.static:
            parts.append(flow.static.unsqueeze(1).expand(-1, steps, -1))
        if self.attended and flow.context is not None:
            parts.append(flow.context.unsqueeze(1).expand(-1, steps, -1))
        inputs = torch.cat(parts, dim=2) if parts else flow.targets.new_zeros(batch, steps, 1)
        state = tuple(part.contiguous() for part in flow.state)
        hidden, _ = self.rnn(inputs, state if len(state) > 1 else state[0])
        flow.output = self.output(self.dropout(hidden)).reshape(batch, self.horizon, -1)


def recurrent(layer: Recurrent, inputs: int, *, bidirectional: bool) -> nn.Module:
    """The recurrent stack of a spec."""
    kind: Any = {"lstm": LSTM, "gru": GRU, "peephole": PeepholeLSTM, "coupled": CoupledLSTM}[layer.cell]
    dropout = layer.dropout if layer.num_layers > 1 else 0.0
    made: nn.Module = kind(
        inputs,
        layer.hidden_size,
        layer.num_layers,
        batch_first=True,
        dropout=dropout,
        bidirectional=bidirectional,
    )
    return made


LAYERS: dict[str, type[nn.Module]] = {
    "normalise": NormaliseLayer,
    "segment": SegmentLayer,
    "embed": EmbedLayer,
    "recurrent": RecurrentLayer,
    "batch_norm": BatchNormLayer,
    "pool": PoolLayer,
    "dropout": DropoutLayer,
    "head": HeadLayer,
    "decoder": DecoderLayer,
}
