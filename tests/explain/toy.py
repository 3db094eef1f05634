"""Models with a known answer: functions of flat windows, and small networks trained on planted dependencies."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch

from tidegate.artifacts.spec import Head, NetworkSpec, Pool, Recurrent, Segment
from tidegate.explain import Inputs, Layout
from tidegate.nn.network import Network
from tidegate.runtime.network.network import run_network

FEATURES = ("x1", "x2", "x3")


@dataclass
class Function:
    """Any function of flat windows [B, P] -> [B, D] as an `Explainable`; it has no network."""

    function: Callable[[np.ndarray], np.ndarray]
    layout: Layout
    windows: Inputs
    background: Inputs
    target: np.ndarray | None = None
    spec: Any = None
    weights: Any = None

    def predict(self, inputs: Inputs, rows: np.ndarray) -> np.ndarray:
        return self.function(inputs.flat().astype(np.float64))

    def score(self, predictions: np.ndarray, rows: np.ndarray) -> float:
        assert self.target is not None
        return float(np.mean((predictions - self.target[rows]) ** 2))


def table_model(function: Callable[[np.ndarray], np.ndarray], columns: int, rows: int = 20, seed: int = 0) -> Function:
    """A function of `columns` features at one step, with random windows and background."""
    layout = Layout(1, 1, tuple(f"x{index}" for index in range(columns)))
    draw = np.random.default_rng(seed).normal(size=(rows + 5, columns)).astype(np.float32)
    windows, background = layout.unflatten(draw[:rows]), layout.unflatten(draw[rows:])
    return Function(function, layout, windows, background)


@dataclass
class Trained:
    """A network of one-step forecasts with windows of independent noise."""

    spec: NetworkSpec
    weights: Mapping[str, np.ndarray]
    network: Network
    windows: Inputs
    background: Inputs
    target: np.ndarray
    layout: Layout

    def predict(self, inputs: Inputs, rows: np.ndarray) -> np.ndarray:
        output = run_network(self.spec, self.weights, *inputs)
        return output.prepared()[:, :, 0, 0].astype(np.float64)

    def score(self, predictions: np.ndarray, rows: np.ndarray) -> float:
        return float(np.mean(np.abs(predictions - self.target[rows])))


def noise(rows: int, window: int, seed: int) -> Inputs:
    """Windows of independent normal noise."""
    past = np.random.default_rng(seed).normal(size=(rows, window, len(FEATURES))).astype(np.float32)
    return Inputs(past, np.zeros((rows, 1, 0), np.float32), np.zeros((rows, 0), np.float32))


@cache
def planted(lag: int, window: int, segment: int = 1, cell: str = "lstm", pooling: str = "last") -> Trained:
    """A network trained to say what feature 2 was `lag` steps before the forecast; nothing else matters."""
    layers = [Recurrent(cell=cell, hidden_size=16), Pool(by=pooling), Head(hidden_size=8)]
    if segment > 1:
        layers.insert(0, Segment(length=segment, size=16))
    spec = NetworkSpec(window=window, horizon=1, past=3, layers=tuple(layers))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = Network(spec)
        optimizer = torch.optim.Adam(network.parameters(), 1e-2)
        for step in range(400):
            inputs = noise(64, window, seed=step)
            loss = (network(*map(torch.from_numpy, inputs)).prepared()[:, 0, 0, 0]
                    - torch.from_numpy(inputs.past[:, -lag, 1])).square().mean()  # fmt: skip
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    assert loss.item() < 0.1
    network.eval()
    weights = {name: value.detach().numpy() for name, value in network.state_dict().items()}
    windows = noise(64, window, seed=10_001)
    layout = Layout(window, 1, FEATURES)
    target = windows.past[:, -lag, 1:2].astype(np.float64)
    return Trained(spec, weights, network, windows, noise(16, window, seed=10_002), target, layout)
