"""Convolutions over time against torch's and a sum written out, and what they may see."""

import numpy as np
import pytest
import torch

from tests.nn.specs import build, inputs, network, run
from tests.runtime.test_equals_torch import same
from tidegate.artifacts.spec import Convolution, Head
from tidegate.core.errors import ConfigError
from tidegate.nn.flow import TimeConvolution


def torch_conv(layer: TimeConvolution) -> torch.nn.Conv1d:
    reference = torch.nn.Conv1d(layer.conv.in_channels, layer.conv.out_channels, layer.conv.kernel_size[0])
    reference.load_state_dict(layer.conv.state_dict())
    return reference


@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("steps", [5, 6, 12])
def test_causal_outputs_are_those_of_torch_that_end_at_the_last_step(kernel: int, stride: int, steps: int) -> None:
    if stride > kernel:
        with pytest.raises(ConfigError, match="skip steps"):
            TimeConvolution(3, 4, kernel, stride)
        return
    layer, x = TimeConvolution(3, 4, kernel, stride), torch.randn(2, steps, 3)
    zeros = torch.zeros(2, kernel - 1, 3)
    every = torch_conv(layer)(torch.cat([zeros, x], dim=1).transpose(1, 2)).relu().transpose(1, 2)
    expected = every.flip(1)[:, ::stride].flip(1)  # counted from the last step
    assert layer(x).shape == (2, -(-steps // stride), 4)
    torch.testing.assert_close(layer(x), expected)


@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 5])
@pytest.mark.filterwarnings("ignore:Using padding")
def test_same_padding_is_torchs(kernel: int) -> None:
    layer, x = TimeConvolution(3, 4, kernel, padding="same"), torch.randn(2, 9, 3)
    reference = torch.nn.Conv1d(3, 4, kernel, padding="same")
    reference.load_state_dict(layer.conv.state_dict())
    torch.testing.assert_close(layer(x), reference(x.transpose(1, 2)).relu().transpose(1, 2))


def test_causal_outputs_see_no_later_step_and_same_ones_do() -> None:
    x = torch.randn(1, 10, 2)
    moved = x.clone()
    moved[:, 6:] += 1
    for padding, seen in (("causal", 6), ("same", 5)):
        torch.manual_seed(0)
        layer = TimeConvolution(2, 8, 3, padding=padding)  # type: ignore[arg-type]
        change = (layer(moved) - layer(x)).abs().sum(dim=2)[0]
        assert (change[:seen] == 0).all()
        assert change[seen] > 0


def test_a_network_convolves_before_its_recurrence() -> None:
    spec = build(Head(hidden_size=6), Convolution(channels=(4, 2), kernel=3, stride=2))
    built, arrays = network(spec), inputs(spec)
    state = built.state_dict()
    x = torch.from_numpy(arrays[0])
    rnn = torch.nn.LSTM(2, 5, batch_first=True)
    rnn.load_state_dict({name: state[f"layers.1.rnn.{name}"] for name in rnn.state_dict()})
    with torch.no_grad():
        for index in range(2):
            total = -(-x.shape[1] // 2) * 2 - 2 + 3 - x.shape[1]
            padded = torch.nn.functional.pad(x.transpose(1, 2), (total, 0))
            weight, bias = (state[f"layers.0.convs.{index}.conv.{name}"] for name in ("weight", "bias"))
            x = torch.nn.functional.conv1d(padded, weight, bias, stride=2).relu().transpose(1, 2)
        assert x.shape == (3, 3, 2)
        context = rnn(x)[0][:, -1] @ state["layers.3.context.weight"].T + state["layers.3.context.bias"]
        hidden = context.reshape(3, 4, 6) @ state["layers.3.output.weight"].T + state["layers.3.output.bias"]
        expected = hidden.relu() @ state["layers.3.final.weight"].T + state["layers.3.final.bias"]
    torch.testing.assert_close(run(built, *arrays).values[..., 0], expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("padding", ["causal", "same"])
@pytest.mark.parametrize(("kernel", "stride", "window"), [(3, 2, 12), (5, 3, 13), (2, 2, 11), (24, 4, 12)])
def test_strides_and_long_kernels_run_alike_in_numpy(padding: str, kernel: int, stride: int, window: int) -> None:
    convolution = Convolution(channels=(6, 4), kernel=kernel, stride=stride, padding=padding)  # type: ignore[arg-type]
    same(build(Head(hidden_size=6), convolution, window=window))


def test_a_sum_written_out() -> None:
    layer = TimeConvolution(1, 1, 2)
    with torch.no_grad():
        layer.conv.weight.copy_(torch.tensor([[[10.0, 1.0]]]))
        layer.conv.bias.fill_(0.5)
    x = torch.tensor([1.0, 2.0, 3.0]).reshape(1, 3, 1)
    np.testing.assert_allclose(layer(x).detach().reshape(-1), [1.5, 12.5, 23.5])
