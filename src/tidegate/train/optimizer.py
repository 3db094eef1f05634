"""Optimisers, gradient norms and clipping in as few calls as torch allows."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tidegate.kernels.adam import Adam, can_update
from tidegate.train.options import TrainOptions


def build_optimizer(network: nn.Module, options: TrainOptions) -> torch.optim.Optimizer:
    """The optimiser of the options: the engine's Adam where it can update all weights, else torch's fused form."""
    weights = [weight for weight in network.parameters() if weight.requires_grad]
    decay, lr = options.weight_decay, options.learning_rate
    if options.optimizer != "sgd" and can_update(weights):
        return Adam(weights, lr=lr, weight_decay=decay, decoupled=options.optimizer == "adamw")
    if options.optimizer == "adam":
        return torch.optim.Adam(weights, lr=lr, weight_decay=decay, fused=True)
    if options.optimizer == "adamw":
        return torch.optim.AdamW(weights, lr=lr, weight_decay=decay, fused=True)
    return torch.optim.SGD(weights, lr=lr, weight_decay=decay, momentum=0.9, fused=True)


class Gradients:
    """Norms of the gradients by tensor, clipping of their common norm, and running means of both."""

    def __init__(self, network: nn.Module, clip: float) -> None:
        named = [(name, weight) for name, weight in network.named_parameters() if weight.requires_grad]
        self.names = [name for name, _ in named]
        self.weights = [weight for _, weight in named]
        self.clip = clip
        self.reset()

    def reset(self) -> None:
        """Start a new epoch's means."""
        self.squares = torch.zeros(len(self.names), dtype=torch.float64)
        self.total, self.clipped, self.steps = 0.0, 0, 0

    def step(self) -> bool:
        """Measure and clip the gradients of one step; False where they are not finite."""
        gradients = [weight.grad if weight.grad is not None else torch.zeros_like(weight) for weight in self.weights]
        norms = torch.stack(torch._foreach_norm(gradients))
        total = float(torch.linalg.vector_norm(norms))
        if not total < float("inf"):
            return False
        if self.clip and total > self.clip:
            torch._foreach_mul_(gradients, self.clip / (total + 1e-6))
            self.clipped += 1
        self.squares += norms.double().square().cpu()
        self.total += total
        self.steps += 1
        return True

    def layer_norms(self) -> dict[str, float]:
        """Root mean square gradient norm of every layer over the epoch."""
        sums: dict[str, float] = {}
        for name, square in zip(self.names, self.squares.tolist(), strict=True):
            layer = name.rsplit(".", 1)[0]
            if ".rnn" in name:
                layer = f"{layer}.{name.rsplit('_', 2 if name.endswith('_reverse') else 1)[1]}"
            sums[layer] = sums.get(layer, 0.0) + square
        return {layer: (total / max(self.steps, 1)) ** 0.5 for layer, total in sums.items()}


class Average:
    """Exponential moving average of a network's weights and statistics, with the start-up bias kept small."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay, self.steps = decay, 0
        statistics = [buffer for buffer in network.buffers() if buffer.is_floating_point()]
        self.weights = [*network.parameters(), *statistics]
        self.means: list[Tensor] = [weight.detach().clone() for weight in self.weights]

    def update(self) -> None:
        """Take in the weights after a step."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        torch._foreach_lerp_(self.means, [weight.detach() for weight in self.weights], 1 - decay)

    def swap(self) -> None:
        """Exchange the network's weights with their averages."""
        with torch.no_grad():
            for weight, mean in zip(self.weights, self.means, strict=True):
                kept = weight.detach().clone()
                weight.copy_(mean)
                mean.copy_(kept)
