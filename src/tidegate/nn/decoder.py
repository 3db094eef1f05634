"""The decoder: a recurrence over the horizon that may attend to the encoder and read its own forecasts."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tidegate.artifacts.shapes import Sizes, decoder_inputs, decoder_stack
from tidegate.artifacts.spec import Decoder, NetworkSpec
from tidegate.nn.attention import Attention
from tidegate.nn.draws import Dropout
from tidegate.nn.flow import Flow, State, ending, lagged, recurrent


class DecoderLayer(nn.Module):
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
        self.inputs = decoder_inputs(layer, sizes, attended=self.attended)
        self.rnn = recurrent(stack, self.inputs, bidirectional=False)
        self.dropout = Dropout(layer.dropout)
        self.output = nn.Linear(stack.hidden_size, layer.segment * sizes.targets * sizes.outputs)
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

    def _look_up(self, hidden: Tensor, flow: Flow, keys: Tensor) -> tuple[Tensor, Tensor]:
        context, weights = self.attention(hidden, flow.sequence, flow.lengths, keys)
        return torch.tanh(self.combine(torch.cat([context, hidden], dim=2))), weights

    def _walk(self, flow: Flow, known: list[Tensor], state: State) -> Tensor:
        """Step by step, [B, K / segment, segment * C * O]: what a step reads depends on the one before it."""
        batch, count = flow.targets.shape[0], flow.targets.shape[2]
        inputs = torch.cat(known, dim=2) if known else flow.targets.new_zeros(batch, self.horizon // self.segment, 0)
        keys = self.attention.keys(flow.sequence) if self.kind is not None else flow.sequence
        anchor = lagged(flow.targets, (self.anchor,), self.horizon, flow.given) if self.anchor else None
        previous = ending(flow.targets, self.segment, flow.given)  # [B, segment, C]
        outputs, weights = [], []
        for step in range(inputs.shape[1]):
            parts = [inputs[:, step : step + 1]]
            if self.feedback is not None:
                parts.append(previous.reshape(batch, 1, -1))
            if self.kind == "additive":
                context, weight = self.attention(state[0][-1].unsqueeze(1), flow.sequence, flow.lengths, keys)
                parts.append(context)
                weights.append(weight)
            hidden, after = self.rnn(torch.cat(parts, dim=2), state if len(state) > 1 else state[0])
            state = after if isinstance(after, tuple) else (after,)
            if self.kind not in (None, "additive"):
                hidden, weight = self._look_up(hidden, flow, keys)
                weights.append(weight)
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
