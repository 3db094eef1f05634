"""Optimisers, clipping and the weights' average against torch."""

from typing import Any

import pytest
import torch
from torch import nn

from tidegate.train.optimizer import Average, Gradients, build_optimizer
from tidegate.train.options import TrainOptions


def twins() -> tuple[nn.Module, nn.Module]:
    pair = nn.Linear(3, 2), nn.Linear(3, 2)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in pair[0].parameters():
            weight.copy_(torch.randn(weight.shape, generator=generator))
    pair[1].load_state_dict(pair[0].state_dict())
    return pair


def gradients(network: nn.Module, scale: float, seed: int = 1) -> None:
    generator = torch.Generator().manual_seed(seed)
    for weight in network.parameters():
        weight.grad = scale * torch.randn(weight.shape, generator=generator)


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("adam", lambda weights: torch.optim.Adam(weights, lr=0.1, weight_decay=0.2)),
        ("adamw", lambda weights: torch.optim.AdamW(weights, lr=0.1, weight_decay=0.2)),
        ("sgd", lambda weights: torch.optim.SGD(weights, lr=0.1, weight_decay=0.2, momentum=0.9)),
    ],
)
def test_optimisers_are_torchs(name: Any, reference: Any) -> None:
    one, other = twins()
    ours = build_optimizer(one, TrainOptions(optimizer=name, learning_rate=0.1, weight_decay=0.2))
    theirs = reference(other.parameters())
    for step in range(4):
        gradients(one, 1.0, step)
        gradients(other, 1.0, step)
        ours.step()
        theirs.step()
    for a, b in zip(one.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("scale", [0.01, 1.0, 1e4])
def test_clipping_is_torchs(scale: float) -> None:
    one, other = twins()
    gradients(one, scale)
    gradients(other, scale)
    norm = torch.nn.utils.clip_grad_norm_(other.parameters(), 0.5)
    measured = Gradients(one, 0.5)
    assert measured.step()
    assert measured.total == pytest.approx(float(norm))
    assert measured.clipped == int(norm > 0.5)
    for a, b in zip(one.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad)


def test_without_clip_gradients_are_left_alone() -> None:
    one, other = twins()
    gradients(one, 100.0)
    gradients(other, 100.0)
    assert Gradients(one, 0.0).step()
    for a, b in zip(one.parameters(), other.parameters(), strict=True):
        assert torch.equal(a.grad, b.grad)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_gradient_that_is_no_number_is_told(value: float) -> None:
    one, _ = twins()
    gradients(one, 1.0)
    next(iter(one.parameters())).grad.view(-1)[0] = value  # type: ignore[union-attr]
    measured = Gradients(one, 1.0)
    assert not measured.step()
    assert measured.steps == 0


def test_norms_are_kept_by_layer() -> None:
    network = nn.ModuleDict({"rnn": nn.LSTM(2, 3, 2, bidirectional=True), "out": nn.Linear(3, 1)})
    layers = nn.ModuleDict({"layers": network})
    measured = Gradients(layers, 0.0)
    sums: dict[str, float] = {}
    for step in range(2):
        gradients(layers, 1.0, step)
        measured.step()
        for name, weight in layers.named_parameters():
            level = "l0" if "l0" in name else "l1"
            layer = f"layers.rnn.{level}" if "rnn" in name else "layers.out"
            sums[layer] = sums.get(layer, 0.0) + float(weight.grad.double().square().sum())  # type: ignore[union-attr]
    expected = {layer: (total / 2) ** 0.5 for layer, total in sums.items()}
    assert measured.layer_norms() == pytest.approx(expected)


def test_the_average_by_hand_and_its_exchange() -> None:
    network = nn.Linear(1, 1, bias=False)
    values, decay = [3.0, -1.0, 4.0, 1.0], 0.25
    with torch.no_grad():
        network.weight.fill_(2.0)
        average, expected = Average(network, decay), 2.0
        for step, value in enumerate(values, 1):
            network.weight.fill_(value)
            average.update()
            share = min(decay, (1 + step) / (10 + step))
            expected = share * expected + (1 - share) * value
    assert float(average.means[0]) == pytest.approx(expected)
    average.swap()
    assert network.weight.item() == pytest.approx(expected)
    assert float(average.means[0]) == values[-1]
    average.swap()
    assert network.weight.item() == values[-1]


def test_statistics_are_averaged_with_the_weights_that_they_belong_to() -> None:
    network = nn.BatchNorm1d(1)
    average, expected = Average(network, 0.9), 0.0
    for step, mean in enumerate([4.0, 8.0], 1):
        assert network.running_mean is not None
        network.running_mean.fill_(mean)
        average.update()
        share = (1 + step) / (10 + step)
        expected = share * expected + (1 - share) * mean
    average.swap()
    assert network.running_mean.item() == pytest.approx(expected)
    average.swap()
    assert network.running_mean.item() == 8.0
