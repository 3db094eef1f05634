"""A row's output does not depend on what it is padded with, nor on how far."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.nn.lengths import of_any_length, padded, rows_alone
from tests.nn.specs import build, inputs, network, run, saying, specs
from tidegate.artifacts.spec import BatchNorm, Convolution, Head, NetworkSpec, Normalise, OdeRnn, Recurrent
from tidegate.core.errors import ConfigError
from tidegate.nn.flow import TimeConvolution
from tidegate.runtime.network.network import run_network

SAME = 2e-5


def whole(built: torch.nn.Module, past: np.ndarray, *others: np.ndarray, lengths: np.ndarray) -> object:
    with torch.no_grad():
        return built(*map(torch.from_numpy, (past, *others)), lengths=torch.from_numpy(lengths))


@given(st.one_of(specs(), saying()).filter(of_any_length))
@settings(max_examples=100)
def test_a_padded_row_gives_what_it_gives_alone(spec: NetworkSpec) -> None:
    built, arrays = network(spec), inputs(spec, batch=4)
    past, lengths = padded(spec, arrays)
    found = whole(built, past, *arrays[1:], lengths=lengths)
    for row, one in enumerate(rows_alone(lambda *parts: run(built, *parts), arrays, lengths)):
        own, beyond = found.prepared()[row, : one.values.shape[1]], found.values[row, one.values.shape[1] :]
        torch.testing.assert_close(own, one.prepared()[0], atol=SAME, rtol=SAME)
        assert (beyond == 0).all()


@given(st.one_of(specs(), saying()))
@settings(max_examples=40)
def test_full_lengths_change_nothing(spec: NetworkSpec) -> None:
    built, arrays = network(spec), inputs(spec)
    found = whole(built, *arrays, lengths=np.full(3, arrays[0].shape[1]))
    torch.testing.assert_close(found.prepared(), run(built, *arrays).prepared(), atol=SAME, rtol=SAME)


@pytest.mark.parametrize("padding", ["causal", "same"])
@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (3, 2), (4, 3), (5, 5), (1, 1)])
def test_a_convolution_of_any_stride_sees_zeros_beyond_the_end(padding: str, kernel: int, stride: int) -> None:
    layer = TimeConvolution(2, 3, kernel, stride, padding)
    x, lengths = torch.randn(6, 13, 2), torch.tensor([1, 2, 5, 9, 12, 13])
    found = layer(x.masked_fill(torch.arange(13)[None, :, None] >= lengths[:, None, None], torch.nan), lengths)
    for row, length in enumerate(lengths.tolist()):
        alone = layer(x[row : row + 1, :length])[0]
        torch.testing.assert_close(found[row, : len(alone)], alone, atol=1e-6, rtol=1e-6)
        assert (found[row, len(alone) :] == 0).all()


def test_statistics_of_a_batch_norm_are_those_of_the_steps_that_rows_have() -> None:
    spec = build(Head(hidden_size=6), BatchNorm())
    built, arrays = network(spec), inputs(spec, batch=4)
    built.train()
    past, lengths = padded(spec, arrays)
    before = built.state_dict()["layers.1.norm.running_mean"].clone()
    whole(built, past, *arrays[1:], lengths=lengths)
    reference = torch.nn.BatchNorm1d(5)
    reference.running_mean.copy_(before)
    rows = []
    for row, length in enumerate(lengths):
        with torch.no_grad():
            rows.append(built.layers[0].rnn(torch.from_numpy(arrays[0][row : row + 1, :length]))[0][0])
    reference(torch.cat(rows))
    torch.testing.assert_close(built.state_dict()["layers.1.norm.running_mean"], reference.running_mean)


@pytest.mark.parametrize(("by", "period"), [("last", 0), ("mean", 0), ("standard", 0), ("scale", 0), ("scale", 5)])
def test_a_row_is_normalised_by_its_own_steps(by: str, period: int) -> None:
    """Rows longer and shorter than the period, in both implementations."""
    spec = build(Head(hidden_size=6, lags=(2,)), Normalise(by=by, period=period), past=2, targets=2, anchor=1)
    built, arrays = network(spec), inputs(spec, batch=5)
    past, lengths = arrays[0] * 3 + 5, np.array([12, 3, 7, 5, 2])
    weights = {name: tensor.numpy() for name, tensor in built.state_dict().items()}
    found = whole(built, past, *arrays[1:], lengths=lengths)
    other = run_network(spec, weights, past, *arrays[1:], lengths=lengths)
    for row, one in enumerate(rows_alone(lambda *parts: run(built, *parts), (past, *arrays[1:]), lengths)):
        for name in ("loc", "scale", "values"):
            expected = getattr(one, name)[0]
            torch.testing.assert_close(getattr(found, name)[row], expected, atol=SAME, rtol=SAME)
            np.testing.assert_allclose(getattr(other, name)[row], expected.numpy(), atol=SAME, rtol=SAME)


@pytest.mark.parametrize("encoder", [Recurrent(hidden_size=6, bidirectional=True), OdeRnn(hidden_size=6)])
def test_gradients_of_padding_are_zero_and_of_rows_those_of_rows_alone(encoder: object) -> None:
    between = [] if isinstance(encoder, OdeRnn) else [Convolution(channels=(4,), kernel=3, stride=2)]
    spec = build(Head(hidden_size=6), Normalise(by="standard"), *between, recurrent=encoder, pool="attention", past=2)
    built, arrays = network(spec), inputs(spec, batch=3)
    past = torch.from_numpy(arrays[0]).requires_grad_()
    lengths = torch.tensor([12, 3, 7])
    built(past, lengths=lengths).values.square().sum().backward()
    alone = torch.from_numpy(arrays[0]).requires_grad_()
    sum(built(alone[row : row + 1, :n]).values.square().sum() for row, n in enumerate(lengths.tolist())).backward()
    torch.testing.assert_close(past.grad, alone.grad, atol=SAME, rtol=1e-3)


@pytest.mark.parametrize(
    "lengths",
    [torch.tensor([12, 12]), torch.tensor([1.0, 2.0, 3.0]), torch.tensor([4, 13, 5]), torch.tensor([4, 3, 12])],
    ids=["rows", "fractions", "beyond", "shorter than the lag"],
)
def test_lengths_that_cannot_be_are_refused(lengths: torch.Tensor) -> None:
    spec = build(Head(hidden_size=6, lags=(4,)))
    with pytest.raises(ConfigError, match="lengths must be 3 whole numbers from 4 to 12"):
        network(spec)(torch.from_numpy(inputs(spec)[0]), lengths=lengths)


def test_inputs_that_are_left_out_are_asked_for() -> None:
    spec = build(Head(hidden_size=6), future=2)
    with pytest.raises(ConfigError, match=r"give future, \[B, 4, 2\]"):
        network(spec)(torch.from_numpy(inputs(spec)[0]))
