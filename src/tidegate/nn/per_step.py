"""A forecasting network at every step of its window at once, as a stream runs it."""

from __future__ import annotations

from torch import Tensor

from tidegate.nn.flow import Flow
from tidegate.nn.network import Network


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
