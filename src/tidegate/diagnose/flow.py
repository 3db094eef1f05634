"""How gradients flow back through the recurrence, and what its gates do."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.diagnose.evidence import Network
from tidegate.diagnose.measure import spread

WINDOWS = 64
CLOSED, OPEN = 0.01, 0.99  # a gate beyond these hardly moves any more
GATE_BINS = 20
SQUASHED = {"i", "f", "o", "r", "z"}  # gates behind a sigmoid


@dataclass(frozen=True)
class Flow:
    """Gradients and gates of the encoder on `WINDOWS` training windows. S recurrent steps, L layers, H units.

    Attributes:
        by_lag: [S] norm of the loss's gradient with respect to the recurrence's input, newest step first; of sequences
            of different length each lag's norm is that of as many as reach so far, as if all did.
        by_layer: [L] root mean square of the gradient of a layer's weights, lowest first.
        saturated: share of gate values below `CLOSED` or above `OPEN`.
        dead: share of units whose output does not change over windows and steps (deviation below 1e-4).
        steps: window steps of one recurrent step.
        gates: [20] share of the gate values in each twentieth from 0 to 1.
    """

    by_lag: NDArray[np.float64]
    by_layer: NDArray[np.float64]
    saturated: float
    dead: float
    steps: int
    gates: NDArray[np.float64]


def measure_flow(case: Network) -> Flow | None:
    """Backpropagate the training loss of a sample through a copy of the network; None without a recurrence."""
    import torch

    network = copy.deepcopy(case.network)
    layer: Any = next((part for part in network.modules() if isinstance(part, torch.nn.RNNBase)), None)
    if layer is None:
        return None
    seen: list[Any] = []

    def enter(_: Any, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        entering = inputs[0].detach().requires_grad_(True) if not inputs[0].requires_grad else inputs[0]
        entering.retain_grad()
        seen.append(entering)
        return (entering, *inputs[1:])

    handle = layer.register_forward_pre_hook(enter)
    batch = case.batch(spread(case.origins["train"], WINDOWS))
    network.zero_grad(set_to_none=True)
    case.loss(network, batch).backward()
    handle.remove()
    entering = seen[0]
    gradient = entering.grad if entering.grad is not None else torch.zeros_like(entering)
    by_lag = _by_lag(gradient.square().sum(dim=2).numpy().astype(np.float64))
    layers = []
    for index in range(layer.num_layers):
        own = [weight.grad for name, weight in layer.named_parameters() if f"_l{index}" in name]
        squares = sum(float(part.square().sum()) for part in own if part is not None)
        layers.append((squares / max(sum(part.numel() for part in own if part is not None), 1)) ** 0.5)
    with torch.no_grad():
        output, _, gates = layer(entering.detach(), return_gates=True)
        held = [getattr(gates, name) for name in gates.names if name in SQUASHED]
        values = torch.stack([part.reshape(-1) for part in held])
        counts = np.histogram(values.numpy(), bins=GATE_BINS, range=(0.0, 1.0))[0]
        saturated = float(((values < CLOSED) | (values > OPEN)).float().mean())
        dead = float((output.reshape(-1, output.shape[-1]).std(dim=0) < 1e-4).float().mean())
    return Flow(by_lag, np.array(layers), saturated, dead, max(1, case.window // len(by_lag)), counts / counts.sum())


def _by_lag(squares: NDArray[np.float64]) -> NDArray[np.float64]:
    """[S] norms by lag, newest first, from [B, S] squares; a sequence ends at its last step that has a gradient."""
    steps = squares.shape[1]
    ends = np.where(squares.any(axis=1), steps - np.argmax(squares[:, ::-1] > 0, axis=1), steps)
    lags = ends[:, None] - 1 - np.arange(steps)
    found = np.where(lags >= 0, np.take_along_axis(squares, np.maximum(lags, 0), axis=1), 0.0).sum(axis=0)
    reaching = (lags >= 0).sum(axis=0)
    return np.asarray(np.sqrt(found * len(squares) / np.maximum(reaching, 1)))
