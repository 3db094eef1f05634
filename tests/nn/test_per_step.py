"""A network at every step of its window, against the network itself and against the runtime's steps."""

import numpy as np
import pytest
import torch

from tests.runtime.detect.detectors import make_detector
from tidegate.nn.network import Network
from tidegate.nn.per_step import every_step
from tidegate.runtime.detect.network import ForecastSteps, RebuildSteps
from tidegate.runtime.network.network import run_network


def network_of(detector: object) -> Network:
    network = Network(detector.spec)  # type: ignore[attr-defined]
    weights = {name: torch.from_numpy(value) for name, value in detector.weights.items()}  # type: ignore[attr-defined]
    network.load_state_dict(weights)
    return network.eval()


def test_the_forecast_after_the_last_step_is_the_networks_own() -> None:
    detector = make_detector(channels=2)
    network = network_of(detector)
    past = torch.randn(4, 6, detector.spec.past)
    every = every_step(network, past)
    own = network(past, torch.zeros(4, 1, 0), torch.zeros(4, 0)).values[:, 0, :, 0]
    assert every.shape == (4, 6, 2)
    torch.testing.assert_close(every[:, -1], own)
    torch.testing.assert_close(every_step(network, past[:, :3])[:, -1], every[:, 2])


@pytest.mark.parametrize("cell", ["lstm", "gru", "peephole", "coupled"])
def test_steps_of_the_runtime_are_those_of_torch(cell: str) -> None:
    detector = make_detector(cell=cell, channels=2)
    network = network_of(detector)
    past = np.random.default_rng(0).normal(size=(3, 9, detector.spec.past)).astype(np.float32)
    steps = ForecastSteps(detector.spec, detector.weights, 3)
    ours = np.stack([steps(past[:, t], past[:, t, :2]) for t in range(9)], axis=1)
    with torch.no_grad():
        theirs = every_step(network, torch.from_numpy(past)).numpy()
    np.testing.assert_allclose(ours, theirs, atol=2e-6)


def test_without_the_engine_the_steps_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    detector = make_detector()
    past = np.random.default_rng(0).normal(size=(3, 9, detector.spec.past)).astype(np.float32)
    native = ForecastSteps(detector.spec, detector.weights, 3)
    monkeypatch.setattr(type(detector.weights), "packed", lambda *_: None)
    plain = ForecastSteps(detector.spec, detector.weights, 3)
    assert plain.stepper is None
    for t in range(9):
        ours, theirs = (steps(past[:, t], past[:, t, :1]) for steps in (plain, native))
        np.testing.assert_allclose(ours, theirs, atol=2e-6)
    np.testing.assert_allclose(plain.h, native.h, atol=2e-6)


def test_a_window_is_rebuilt_as_the_network_does_it() -> None:
    detector = make_detector("reconstruction", channels=2)
    windows = np.random.default_rng(0).normal(size=(5, 6, 2)).astype(np.float32)
    ours = RebuildSteps(detector.spec, detector.weights)(windows)
    nothing = np.zeros((5, 6, 0), np.float32)
    theirs = run_network(detector.spec, dict(detector.weights), windows, nothing, np.zeros((5, 0), np.float32))
    np.testing.assert_allclose(ours[:, ::-1], theirs.values[..., 0], atol=2e-6)
