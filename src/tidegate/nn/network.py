"""A network built in torch from its spec."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tidegate.artifacts.inputs import Outputs, check_lengths, check_tokens, missing_shape
from tidegate.artifacts.shapes import walk
from tidegate.artifacts.spec import NetworkSpec
from tidegate.nn.flow import Flow, State, clear, lagged
from tidegate.nn.layers import LAYERS

Output = Outputs[Tensor, State]
"""`state`, where the network was given one to go on from, is what the recurrence ends with: h (and c) [L, B, H]."""


class Network(nn.Module):
    """Encoder, recurrence, pooling and head as a `NetworkSpec` lists them.

    Its tensors have the names and shapes that `tensor_shapes(spec)` gives.
    """

    def __init__(self, spec: NetworkSpec) -> None:
        super().__init__()
        self.spec = spec
        self.channel = nn.Embedding(spec.targets, spec.channel_size) if spec.channel_size else None
        self.layers = nn.ModuleList(
            LAYERS[layer.kind](spec, layer, sizes) for layer, sizes in zip(spec.layers, walk(spec), strict=False)
        )

    def forward(
        self,
        past: Tensor,
        future: Tensor | None = None,
        static: Tensor | None = None,
        truth: Tensor | None = None,
        forced: Tensor | None = None,
        lengths: Tensor | None = None,
        state: State | None = None,
    ) -> Output:
        """Forecast a batch of windows, or answer for a batch of sequences.

        Args:
            past: [B, T, I], targets first; [B, T] whole numbers where they are tokens.
            future: [B, K, F]. static: [B, S]; None where the network reads none.
            truth: [B, K, C] targets to come, for teacher forcing; of a decoder that writes the tokens [B, K] that it
                reads, each the one before what it is to write. forced: [B, K, C] or [B, K], where a decoder that reads
                its own forecasts, or its likeliest tokens, is shown the truth instead; None: tokens are all shown.
            lengths: [B] whole numbers, the steps of each row; what `past` holds after them is not looked at. None: T.
            state: h (and c) [L, B, H] that the recurrence goes on from, () for zeros; what it ends with is then given
                back beside the output.

        Raises:
            ConfigError: lengths that are none, or shorter than what the network looks back; inputs that are missing.
        """
        spec = self.spec
        batch, count = past.shape[0], spec.targets
        if lengths is not None:
            check_lengths(spec, lengths, batch, past.shape[1])
        future = torch.empty(missing_shape(spec, "future", batch), device=past.device) if future is None else future
        static = torch.empty(missing_shape(spec, "static", batch), device=past.device) if static is None else static
        flow = self._enter(past, future, static, lengths)
        if spec.layers[-1].kind in ("write", "series"):
            flow.truth, flow.forced = truth, forced
        elif truth is not None and forced is not None:
            flow.truth, flow.forced = (self._by_pass(part) for part in (truth, forced))
        flow.start = state or ()
        for layer in self.layers:
            layer(flow)
        ends = None if state is None else flow.state
        assert flow.output is not None
        values = flow.output.reshape(*flow.output.shape[:2], -1, spec.outputs)  # [B, K, C, O]
        if flow.skip is not None:
            values = values * flow.skip[1] + flow.skip[0].unsqueeze(3)
        if spec.anchor:
            values = values + lagged(flow.targets, (spec.anchor,), spec.horizon, flow.given).unsqueeze(3)
        if not spec.forecasts:
            zeros = values.new_zeros(batch, 1, 1)
            looks = (flow.attention, flow.decoder_attention, flow.self_attention)
            return Output(values, zeros, zeros + 1, *looks, ends, flow.gate)
        ones = torch.ones_like(flow.targets[:, :1])
        scale = ones if flow.scale is None else flow.scale
        loc = torch.zeros_like(ones) if flow.loc is None else flow.loc
        if spec.channels == "independent":
            values = values.reshape(batch, count, spec.horizon, spec.outputs).transpose(1, 2)
            loc, scale = (part.reshape(batch, count, 1).transpose(1, 2) for part in (loc, scale))
        return Output(values, loc, scale, flow.attention, flow.decoder_attention, flow.self_attention, ends)

    def _by_pass(self, part: Tensor) -> Tensor:
        """[B, K, C], or [B * C, K, 1] where channels are independent."""
        if self.spec.channels == "joint":
            return part
        return part.transpose(1, 2).reshape(-1, part.shape[1], 1)

    def _enter(self, past: Tensor, future: Tensor, static: Tensor, lengths: Tensor | None) -> Flow:
        count = self.spec.targets
        tokens = self.spec.find("tokens")
        if tokens is not None:
            past = clear(past.unsqueeze(2), lengths).squeeze(2) if past.dim() == 2 else past
            check_tokens(past, tokens.vocabulary)
            return Flow(static.new_empty(*past.shape, 0), past, future, static, lengths=lengths, given=lengths)
        past = clear(past, lengths)
        if self.spec.channels == "joint":
            return Flow(past[:, :, :count], past, future, static, lengths=lengths, given=lengths)
        batch, steps, _ = past.shape
        lengths = None if lengths is None else lengths.repeat_interleave(count)
        own = past[:, :, :count].transpose(1, 2).reshape(batch * count, steps, 1)
        others = past[:, :, count:].repeat_interleave(count, dim=0)
        static = static.repeat_interleave(count, dim=0)
        if self.channel is not None:
            static = torch.cat([static, self.channel.weight.repeat(batch, 1)], dim=1)
        return Flow(
            targets=own,
            sequence=torch.cat([own, others], dim=2),
            future=future.repeat_interleave(count, dim=0),
            static=static,
            lengths=lengths,
            given=lengths,
        )


def build_network(spec: NetworkSpec, weights: Mapping[str, NDArray[np.float32]] | None = None) -> Network | Ensemble:
    """The network of a spec, or its ensemble, ready to predict.

    Args:
        spec: the network. weights: its tensors by name; None leaves what chance gave.
    """
    members = [Network(spec.member) for _ in range(spec.members)]
    found = members[0] if spec.members == 1 else Ensemble(members)
    if weights is not None:
        found.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in weights.items()})
    found.eval()
    return found


class Ensemble(nn.Module):
    """Several networks of one spec, each with weights of its own; what they predict is averaged.

    Its tensors have the names and shapes that `tensor_shapes` of the whole ensemble's spec gives.

    Args:
        members: trained networks of equal specs, at least one.

    Source: Lakshminarayanan, Pritzel and Blundell (2017), arXiv:1612.01474.
    """

    def __init__(self, members: Sequence[Network]) -> None:
        super().__init__()
        self.spec = members[0].spec.model_copy(update={"members": len(members)})
        self.members = nn.ModuleList(members)

    def forward(self, *inputs: Tensor | None, **named: Tensor | None) -> Output:
        """The mean of what the members predict; arguments as for `Network`."""
        each: list[Output] = [member(*inputs, **named) for member in self.members]
        return each[0].joined(each, lambda parts: torch.stack(parts).mean(dim=0))


def every_step(network: Network, past: Tensor) -> Tensor:
    """Forecasts of the step after each step of the window, [B, T, C]; the last is what `network(past)` forecasts.

    A window of T steps gives T examples instead of one.

    Args:
        network: recurrent, pool by last step, [dropout,] head; horizon 1, one output, no known-ahead or static inputs.
        past: [B, T, I], targets first.
    """
    spec = network.spec
    batch, steps, _ = past.shape
    targets = past[:, :, : spec.targets]
    flow = Flow(targets, past, past.new_zeros(batch * steps, 1, 0), past.new_zeros(batch * steps, 0))
    for layer, module in zip(spec.layers, network.layers, strict=True):
        if layer.kind == "pool":
            flow.context = flow.sequence.reshape(batch * steps, -1)
        else:
            module(flow)
    assert flow.output is not None
    values = flow.output.reshape(batch, steps, spec.targets)
    return values + targets if spec.anchor else values
