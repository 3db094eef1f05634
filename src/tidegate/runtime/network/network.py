"""A network run from its spec and weights with numpy alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.artifacts.inputs import Outputs, check_lengths, check_tokens, missing_shape
from tidegate.artifacts.spec import Layer, NetworkSpec
from tidegate.kernels.library import hold_blas
from tidegate.runtime.network.cells import State
from tidegate.runtime.network.flow import Flow, Given, Lengths, clear, lagged
from tidegate.runtime.network.layers import LAYERS
from tidegate.runtime.network.recurrent import Loaded

Array = NDArray[np.float32]
Output = Outputs[Array, list[State]]


def run_network(
    spec: NetworkSpec,
    weights: Mapping[str, Array],
    past: Array,
    future: Array | None = None,
    static: Array | None = None,
    lengths: Lengths | None = None,
    state: list[State] | None = None,
    truth: NDArray[np.int64] | None = None,
) -> Output:
    """Forecast a batch of windows or answer for sequences, as the torch network of this spec and weights does.

    Args:
        spec: the network. weights: its tensors by name, float32.
        past: [B, T, I], targets first; [B, T] whole numbers where they are tokens.
        future: [B, K, F]. static: [B, S]; None where the network reads none.
        lengths: [B] whole numbers, the steps of each row; what `past` holds after them is not looked at. None: T.
        state: of each layer h (and c) [B, H] that the recurrence goes on from, [] for zeros; what it ends with is then
            given back beside the output.
        truth: [B, K] tokens that a decoder which writes is to read, each the one before what it writes.

    Raises:
        ConfigError: lengths that are none, or shorter than what the network looks back; inputs that are missing.
    """
    hold_blas()
    if spec.members > 1:
        one = spec.member
        return mean_output([run_network(one, own, past, future, static, lengths) for own in members(spec, weights)])
    batch, count = past.shape[0], spec.targets
    flow = enter(spec, weights, Given(past, future, static, lengths))
    flow.start, flow.truth = state or None, truth
    with np.errstate(invalid="ignore"):  # OpenBLAS also multiplies what lies beyond its arrays
        for index, layer in enumerate(spec.layers):
            LAYERS[layer.kind](spec, layer, weights, f"layers.{index}", flow)  # type: ignore[operator]
    assert flow.output is not None
    values = flow.output.reshape(*flow.output.shape[:2], -1, spec.outputs)
    ends = None if state is None else flow.state
    if flow.skip is not None:
        values = values * flow.skip[1] + flow.skip[0][..., None]
    if spec.anchor:
        values = values + lagged(flow.targets, (spec.anchor,), spec.horizon, flow.given)[..., None]
    if not spec.forecasts:
        zeros = np.zeros((batch, 1, 1), np.float32)
        looks = (flow.attention, flow.decoder_attention, flow.self_attention)
        return Output(values, zeros, zeros + np.float32(1), *looks, ends, flow.gate)
    ones = np.ones_like(flow.targets[:, :1])
    scale = ones if flow.scale is None else flow.scale
    loc = np.zeros_like(ones) if flow.loc is None else flow.loc
    if spec.channels == "independent":
        values = values.reshape(batch, count, spec.horizon, spec.outputs).transpose(0, 2, 1, 3)
        loc, scale = (part.reshape(batch, count, 1).transpose(0, 2, 1) for part in (loc, scale))
    return Output(values, loc, scale, flow.attention, flow.decoder_attention, flow.self_attention, ends)


def members(spec: NetworkSpec, weights: Mapping[str, Array]) -> list[Mapping[str, Array]]:
    """The weights of each member of an ensemble, by the names that a single network has."""
    if isinstance(weights, Loaded):
        return [weights.below(f"members.{number}.") for number in range(spec.members)]
    starts = [f"members.{number}." for number in range(spec.members)]
    return [{name.removeprefix(own): w for name, w in weights.items() if name.startswith(own)} for own in starts]


def first_member(spec: NetworkSpec, weights: Mapping[str, Array]) -> tuple[NetworkSpec, Mapping[str, Array]]:
    """Spec and weights of a network, or of the first member of an ensemble, to look inside it."""
    return (spec, weights) if spec.members == 1 else (spec.member, members(spec, weights)[0])


def mean_output(each: Sequence[Output]) -> Output:
    """The mean of what several networks predict for the same batch."""
    return each[0].joined(each, lambda parts: np.mean(np.stack(parts), axis=0))


def walk_layers(spec: NetworkSpec, weights: Mapping[str, Array], flow: Flow) -> Iterator[tuple[int, Layer]]:
    """Run the layers one by one on a flow; gives each layer and its place just before it acts, to look at the flow."""
    for index, layer in enumerate(spec.layers):
        yield index, layer
        with np.errstate(invalid="ignore"):
            LAYERS[layer.kind](spec, layer, weights, f"layers.{index}", flow)  # type: ignore[operator]


def enter(spec: NetworkSpec, weights: Mapping[str, Array], given: Given) -> Flow:
    """The flow that a batch of windows begins with; independent channels become rows, [B * C]."""
    past, future, static, lengths = given
    count, batch, steps = spec.targets, *past.shape[:2]
    if lengths is not None:
        check_lengths(spec, lengths, batch, steps)
    reads = spec.find("tokens")
    if reads is not None:
        past = clear(past[:, :, None], lengths)[:, :, 0] if past.ndim == 2 else past
        check_tokens(past, reads.vocabulary)
    else:
        past = clear(past, lengths)
    future = np.empty(missing_shape(spec, "future", batch), np.float32) if future is None else future
    static = np.empty(missing_shape(spec, "static", batch), np.float32) if static is None else static
    if spec.channels == "joint":
        targets = past[:, :, :count] if reads is None else np.empty((batch, steps, 0), np.float32)
        return Flow(targets, past, future, static, lengths=lengths, given=lengths)
    lengths = None if lengths is None else np.repeat(lengths, count)
    own = past[:, :, :count].transpose(0, 2, 1).reshape(batch * count, steps, 1)
    others = np.repeat(past[:, :, count:], count, axis=0)
    static = np.repeat(static, count, axis=0)
    if spec.channel_size:
        static = np.concatenate([static, np.tile(weights["channel.weight"], (batch, 1))], axis=1)
    return Flow(
        targets=own,
        sequence=np.concatenate([own, others], axis=2),
        future=np.repeat(future, count, axis=0),
        static=static,
        lengths=lengths,
        given=lengths,
    )


def read_source(
    spec: NetworkSpec, weights: Mapping[str, Array], past: NDArray[Any], lengths: Lengths | None = None
) -> tuple[Array, Lengths | None]:
    """What a network that writes has read: its sequence [B, S, D] and its lengths, before anything is written.

    Args:
        past, lengths: as of `run_network`.
    """
    flow = enter(spec, weights, Given(past, lengths=lengths))
    for _, layer in walk_layers(spec, weights, flow):
        if layer.kind == "write":
            break
    return flow.sequence, flow.lengths
