"""Decoders: a recurrence over the horizon or over a text that is written, which may look up what was read.

Shape letters: B batch, S steps that were read, D their width, K steps that are decoded, H units, V vocabulary.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tidegate.artifacts.shapes import (
    Sizes,
    decoder_inputs,
    decoder_stack,
    series_inputs,
    write_inputs,
    write_stack,
    write_states,
)
from tidegate.artifacts.spec import Decoder, NetworkSpec, Recurrent, Series, Write
from tidegate.core.errors import ConfigError
from tidegate.nn.attention import Attention
from tidegate.nn.draws import Dropout
from tidegate.nn.flow import Flow, State, ending, lagged, mean_over, recurrent
from tidegate.nn.sequence_layers import EMBEDDING_SCALE


class Looking(nn.Module):
    """A recurrence whose steps may look up what was read: before it (`additive`), or after it (Luong)."""

    kind: str | None
    attention: Attention
    combine: nn.Linear
    rnn: nn.Module

    def _look_up(self, hidden: Tensor, flow: Flow, keys: Tensor) -> tuple[Tensor, Tensor]:
        context, weights = self.attention(hidden, flow.sequence, flow.lengths, keys)
        return torch.tanh(self.combine(torch.cat([context, hidden], dim=2))), weights

    def _step(
        self, parts: list[Tensor], state: State, flow: Flow, keys: Tensor, weights: list[Tensor]
    ) -> tuple[Tensor, State]:
        """One step on what it reads: its output and state; where it looked is added to `weights`."""
        if self.kind == "additive":
            context, weight = self.attention(state[0][-1].unsqueeze(1), flow.sequence, flow.lengths, keys)
            parts = [*parts, context]
            weights.append(weight)
        hidden, after = self.rnn(torch.cat(parts, dim=2), state if len(state) > 1 else state[0])
        if self.kind not in (None, "additive"):
            hidden, weight = self._look_up(hidden, flow, keys)
            weights.append(weight)
        return hidden, after if isinstance(after, tuple) else (after,)


class DecoderLayer(Looking):
    """A recurrence over the horizon (`Decoder`), started from the encoder's state.

    Of each step k it knows u_k: future inputs, lags, position, statics, and the context of attention pooling.

        plain               s_k = cell(u_k, s_(k-1))                        y_k = W s_k
        additive attention  s_k = cell([u_k, context(s_(k-1))], s_(k-1))    y_k = W s_k
        Luong attention     s_k = cell(u_k, s_(k-1))                        y_k = W tanh(V [context(s_k), s_k])

    With feedback u_k also has y_(k-1), or the true value in its place where it is forced.
    """

    def __init__(self, spec: NetworkSpec, layer: Decoder, sizes: Sizes) -> None:
        super().__init__()
        stack = decoder_stack(spec)
        self.attended = spec.find("pool").by == "attention"
        self.horizon, self.segment, self.lags, self.static = spec.horizon, layer.segment, layer.lags, sizes.static
        self.anchor, self.outputs, self.feedback = spec.anchor, spec.outputs, layer.feedback
        steps = spec.horizon // layer.segment
        self.position = nn.Parameter(torch.randn(steps, layer.position) * 0.1) if layer.position else None
        self.inputs = decoder_inputs(spec, layer, sizes, attended=self.attended)
        self.rnn = recurrent(stack, self.inputs, bidirectional=False)
        self.dropout = Dropout(layer.dropout)
        self.output = nn.Linear(stack.hidden_size, layer.segment * sizes.targets * spec.outputs)
        self.kind = layer.attention
        if layer.attention is not None:
            self.attention = Attention(layer.attention, stack.hidden_size, sizes.width)
            if layer.attention != "additive":
                self.combine = nn.Linear(sizes.width + stack.hidden_size, stack.hidden_size, bias=False)

    def forward(self, flow: Flow) -> None:
        batch, steps = flow.future.shape[0], self.horizon // self.segment
        known = self._known(flow, batch, steps)
        state = tuple(part.contiguous() for part in flow.state)
        if self.feedback is not None or self.kind == "additive":
            flow.output = self._walk(flow, known, state).reshape(batch, self.horizon, -1)
            return
        inputs = torch.cat(known, dim=2) if known else flow.targets.new_zeros(batch, steps, 1)
        hidden, _ = self.rnn(inputs, state if len(state) > 1 else state[0])
        if self.kind is not None:
            hidden, flow.decoder_attention = self._look_up(hidden, flow, self.attention.keys(flow.sequence))
        flow.output = self.output(self.dropout(hidden)).reshape(batch, self.horizon, -1)

    def _known(self, flow: Flow, batch: int, steps: int) -> list[Tensor]:
        parts = []
        if flow.future.shape[2]:
            parts.append(flow.future.reshape(batch, steps, -1))
        if self.lags:
            parts.append(lagged(flow.targets, self.lags, self.horizon, flow.given).reshape(batch, steps, -1))
        if self.position is not None:
            parts.append(self.position.unsqueeze(0).expand(batch, -1, -1))
        if self.static:
            parts.append(flow.static.unsqueeze(1).expand(-1, steps, -1))
        if self.attended and flow.context is not None:
            parts.append(flow.context.unsqueeze(1).expand(-1, steps, -1))
        return parts

    def _walk(self, flow: Flow, known: list[Tensor], state: State) -> Tensor:
        """Step by step, [B, K / segment, segment * C * O]: what a step reads depends on the one before it."""
        batch, count = flow.targets.shape[0], flow.targets.shape[2]
        inputs = torch.cat(known, dim=2) if known else flow.targets.new_zeros(batch, self.horizon // self.segment, 0)
        keys = self.attention.keys(flow.sequence) if self.kind is not None else flow.sequence
        anchor = lagged(flow.targets, (self.anchor,), self.horizon, flow.given) if self.anchor else None
        previous = ending(flow.targets, self.segment, flow.given)  # [B, segment, C]
        outputs: list[Tensor] = []
        weights: list[Tensor] = []
        for step in range(inputs.shape[1]):
            parts = [inputs[:, step : step + 1]]
            if self.feedback is not None:
                parts.append(previous.reshape(batch, 1, -1))
            hidden, state = self._step(parts, state, flow, keys, weights)
            outputs.append(self.output(self.dropout(hidden)))
            if self.feedback is not None:
                rows = slice(step * self.segment, (step + 1) * self.segment)
                previous = outputs[-1].reshape(batch, self.segment, count, self.outputs)[..., self.feedback]
                if anchor is not None:
                    previous = previous + anchor[:, rows]
                if flow.truth is not None and flow.forced is not None:
                    previous = torch.where(flow.forced[:, rows], flow.truth[:, rows], previous)
        flow.decoder_attention = torch.cat(weights, dim=1) if weights else None
        return torch.cat(outputs, dim=1)


class Started(Looking):
    """One that starts from what the sequence ends with: h_0 = tanh(W e), c_0 = W' e."""

    def _prepare(self, spec: NetworkSpec, layer: Write | Series, sizes: Sizes, inputs: int) -> None:
        self.kind, self.ahead, self.recurs = layer.attention, 0, isinstance(spec.encoder, Recurrent)
        if self.recurs and spec.encoder.bidirectional:
            self.ahead = spec.encoder.hidden_size
        self.layers, self.states = layer.num_layers, write_states(layer) // (layer.num_layers * layer.hidden_size)
        self.start = nn.Linear(sizes.width, write_states(layer))
        self.rnn = recurrent(write_stack(layer), inputs, bidirectional=False)
        if layer.attention is not None:
            self.attention = Attention(layer.attention, layer.hidden_size, sizes.width)
            if layer.attention != "additive":
                self.combine = nn.Linear(sizes.width + layer.hidden_size, layer.hidden_size, bias=False)
        self.dropout = Dropout(layer.dropout)

    def _begin(self, flow: Flow) -> State:
        x, lengths = flow.sequence, flow.lengths
        ends = (ending(x, 1, lengths) if self.recurs else mean_over(x, lengths)).squeeze(1)
        if self.ahead:
            ends = torch.cat([ends[:, : self.ahead], x[:, 0, self.ahead :]], dim=1)
        parts = self.start(ends).view(len(x), self.states, self.layers, -1).permute(1, 2, 0, 3)
        return (torch.tanh(parts[0]), torch.cat(tuple(parts[1:]), 2)) if self.states > 1 else (torch.tanh(parts[0]),)


class SeriesLayer(Started):
    """Rows of numbers, each after the one before it (`Series`): [B, 1, O].

    As `WriteLayer` without a vocabulary: s_k = stack([y_(k-1), context(s_(k-1))]) with additive attention, and with the
    others y_k = W tanh(U [context(s_k), s_k]). In training a row may read the truth in the place of y_(k-1).
    """

    def __init__(self, spec: NetworkSpec, layer: Series, sizes: Sizes) -> None:
        super().__init__()
        self.steps, self.width = layer.steps, spec.outputs // layer.steps
        self._prepare(spec, layer, sizes, series_inputs(spec, layer, sizes.width))
        self.output = nn.Linear(layer.hidden_size, self.width)

    def forward(self, flow: Flow) -> None:
        batch, state = len(flow.sequence), self._begin(flow)
        previous = flow.sequence.new_zeros(batch, 1, self.width)
        keys = self.attention.keys(flow.sequence) if self.kind is not None else flow.sequence
        rows: list[Tensor] = []
        weights: list[Tensor] = []
        for step in range(self.steps):
            hidden, state = self._step([previous], state, flow, keys, weights)
            rows.append(self.output(self.dropout(hidden)))
            previous = rows[-1]
            if flow.truth is not None and flow.forced is not None:
                true = flow.truth.view(batch, self.steps, self.width)[:, step : step + 1]
                previous = torch.where(flow.forced[:, step].view(batch, 1, 1), true, previous)
        flow.decoder_attention = torch.cat(weights, dim=1) if weights else None
        flow.output = torch.cat(rows, dim=2)


class WriteLayer(Started):
    """Scores of the token to write at each step, given those before it (`Write`): tokens [B, K] -> [B, K, V].

        start     h_0 = tanh(W e)      c_0 = W' e       e: what the sequence ends with, both ways
        Luong     s_k = stack(E y_(k-1))                       o_k = tanh(U [context(s_k), s_k])
        feeding   s_k = stack([E y_(k-1), o_(k-1)])            o_k = the same
        additive  s_k = stack([E y_(k-1), context(s_(k-1))])   o_k = s_k
        scores    E M o_k + b where tied, else W o_k + b
        gate      g_k = w [o_k, E y_(k-1)] + b                 p = sigmoid(g) softmax(scores) + sigmoid(-g) copied

    Where a step is not shown the truth it reads the likeliest token of the step before it.
    """

    def __init__(self, spec: NetworkSpec, layer: Write, sizes: Sizes) -> None:
        super().__init__()
        self.feeding = layer.feeding
        self.embedding = None if layer.shared else nn.Embedding(spec.outputs, layer.size, padding_idx=0)
        if self.embedding is not None:
            with torch.no_grad():
                self.embedding.weight.mul_(EMBEDDING_SCALE)
        self._prepare(spec, layer, sizes, write_inputs(layer, sizes))
        self.gate = nn.Linear(layer.hidden_size + layer.size, 1) if layer.copying else None
        self.map = nn.Linear(layer.hidden_size, layer.size, bias=False) if self._maps(layer) else None
        self.bias = nn.Parameter(torch.zeros(spec.outputs)) if layer.tied else None
        self.final = None if layer.tied else nn.Linear(layer.hidden_size, spec.outputs)

    @staticmethod
    def _maps(layer: Write) -> bool:
        return layer.tied and layer.size != layer.hidden_size

    def forward(self, flow: Flow) -> None:
        if flow.truth is None:
            raise ConfigError("a network that writes is given the tokens [B, K] that it reads: truth")
        vectors = flow.embedding if self.embedding is None else self.embedding.weight
        assert vectors is not None
        state = self._begin(flow)
        free = flow.forced is not None and not bool(flow.forced[:, 1:].all())
        if free or self.feeding or self.kind == "additive":
            read, hidden, flow.decoder_attention = self._walk(flow, vectors, state)
        else:
            read = self.dropout(nn.functional.embedding(flow.truth, vectors))
            hidden, _ = self.rnn(read, state if len(state) > 1 else state[0])
            if self.kind is not None:
                hidden, flow.decoder_attention = self._look_up(hidden, flow, self.attention.keys(flow.sequence))
        hidden = self.dropout(hidden)
        if self.gate is not None:
            flow.gate = self.gate(torch.cat([hidden, read], dim=2)).squeeze(2)
        flow.output = self._scores(hidden, vectors)

    def _scores(self, hidden: Tensor, vectors: Tensor) -> Tensor:
        if self.final is not None:
            return self.final(hidden)  # type: ignore[no-any-return]
        return nn.functional.linear(hidden if self.map is None else self.map(hidden), vectors, self.bias)

    def _walk(self, flow: Flow, vectors: Tensor, state: State) -> tuple[Tensor, Tensor, Tensor | None]:
        """Step by step: vectors that were read [B, K, size], what is scored [B, K, H], and attention [B, K, S]."""
        assert flow.truth is not None
        keys = self.attention.keys(flow.sequence) if self.kind is not None else flow.sequence
        tokens, fed = flow.truth[:, :1], torch.zeros_like(state[0][-1]).unsqueeze(1)
        read: list[Tensor] = []
        found: list[Tensor] = []
        weights: list[Tensor] = []
        for step in range(flow.truth.shape[1]):
            if step:
                tokens = flow.truth[:, step : step + 1]
                if flow.forced is not None:
                    own = self._scores(found[-1], vectors).detach().argmax(dim=2)
                    tokens = torch.where(flow.forced[:, step : step + 1], tokens, own)
            read.append(self.dropout(nn.functional.embedding(tokens, vectors)))
            parts = [read[-1]]
            if self.feeding:
                parts.append(fed)
            hidden, state = self._step(parts, state, flow, keys, weights)
            fed = hidden
            found.append(hidden)
        return torch.cat(read, dim=1), torch.cat(found, dim=1), torch.cat(weights, dim=1) if weights else None
