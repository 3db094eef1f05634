"""The layers against torch's own: values, gradients, states, every argument, and what a module must survive."""

from __future__ import annotations

import copy
import io
import pickle

import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from tidegate.core.errors import TidegateError
from tidegate.nn.recurrent import GRU, LSTM, CoupledLSTM, PeepholeLSTM

PAIRS = [(LSTM, torch.nn.LSTM), (GRU, torch.nn.GRU)]
TOLERANCE = {torch.float32: 2e-5, torch.float64: 1e-11}


def pair(ours, theirs, *args, dtype=torch.float64, **kwargs):
    torch.manual_seed(0)
    reference = theirs(*args, **kwargs).to(dtype)
    layer = ours(*args, **kwargs).to(dtype)
    layer.load_state_dict(reference.state_dict())
    return layer, reference


def flat(result):
    output, state = result[:2]
    output = output.data if hasattr(output, "batch_sizes") else output
    return [output, *(state if isinstance(state, tuple) else (state,))]


def gradients(layer, result, x):
    total = sum((o * torch.linspace(-1, 2, o.numel(), dtype=o.dtype).view(o.shape)).sum() for o in flat(result))
    return torch.autograd.grad(total, [x, *layer.parameters()])


def compare(layer, reference, x, *args, tolerance=1e-11):
    ours, theirs = layer(x, *args), reference(x, *args)
    leaf = x.data if hasattr(x, "batch_sizes") else x
    for a, b in zip(flat(ours), flat(theirs), strict=True):
        assert a.shape == b.shape
        torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)
    for a, b in zip(gradients(layer, ours, leaf), gradients(reference, theirs, leaf), strict=True):
        torch.testing.assert_close(a, b, rtol=tolerance * 10, atol=tolerance * 10)


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_agrees_with_torch(ours, theirs, dtype, layers, bidirectional, batch_first, bias):
    layer, reference = pair(ours, theirs, 3, 13, layers, bias, batch_first, 0.0, bidirectional, dtype=dtype)
    x = torch.randn(5, 4, 3, dtype=dtype, requires_grad=True)
    compare(layer, reference, x, tolerance=TOLERANCE[dtype])
    batch = 5 if batch_first else 4
    states = [torch.randn(layers * (1 + bidirectional), batch, 13, dtype=dtype) for _ in range(2)]
    compare(layer, reference, x, states[0] if ours is GRU else tuple(states), tolerance=TOLERANCE[dtype])
    compare(layer, reference, x[0].detach().requires_grad_(), tolerance=TOLERANCE[dtype])


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
@pytest.mark.parametrize("sort", [False, True])
@pytest.mark.parametrize("with_state", [False, True])
def test_packed_sequence(ours, theirs, sort, with_state):
    layer, reference = pair(ours, theirs, 3, 6, 2, bidirectional=True)
    lengths = torch.tensor([5, 4, 4, 1]) if sort else torch.tensor([1, 5, 2, 4])
    packed = pack_padded_sequence(torch.randn(5, 4, 3, dtype=torch.float64), lengths, enforce_sorted=sort)
    packed = packed._replace(data=packed.data.requires_grad_())
    states = [torch.randn(4, 4, 6, dtype=torch.float64) for _ in range(2)]
    arguments = [] if not with_state else [states[0] if ours is GRU else tuple(states)]
    compare(layer, reference, packed, *arguments)
    output, _ = layer(packed, *arguments)
    expected, _ = reference(packed, *arguments)
    torch.testing.assert_close(pad_packed_sequence(output), pad_packed_sequence(expected))


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_lengths_equal_packing(ours, theirs):
    layer, reference = pair(ours, theirs, 3, 6, 2, batch_first=True, bidirectional=True)
    x, lengths = torch.randn(4, 5, 3, dtype=torch.float64), torch.tensor([1, 5, 2, 4])
    output, state = layer(x, lengths=lengths)
    packed, expected_state = reference(pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False))
    expected, _ = pad_packed_sequence(packed, batch_first=True)
    torch.testing.assert_close(output, expected)
    torch.testing.assert_close(state, expected_state)


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")  # torch of itself
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_projection(dtype, layers, bidirectional, bias):
    layer, reference = pair(
        LSTM, torch.nn.LSTM, 3, 19, layers, bias, bidirectional=bidirectional, proj_size=5, dtype=dtype
    )
    x = torch.randn(6, 4, 3, dtype=dtype, requires_grad=True)
    compare(layer, reference, x, tolerance=TOLERANCE[dtype])
    LD = layers * (1 + bidirectional)
    states = (torch.randn(LD, 4, 5, dtype=dtype), torch.randn(LD, 4, 19, dtype=dtype))
    compare(layer, reference, x, states, tolerance=TOLERANCE[dtype])
    compare(layer, reference, x[:, 0].detach().requires_grad_(), tolerance=TOLERANCE[dtype])
    packed = pack_padded_sequence(x.detach(), torch.tensor([1, 5, 2, 6]), enforce_sorted=False)
    packed = packed._replace(data=packed.data.requires_grad_())
    compare(layer, reference, packed, states, tolerance=TOLERANCE[dtype])
    if dtype == torch.float32:
        with torch.autocast("cpu", torch.bfloat16):
            for a, b in zip(flat(layer(x, states)), flat(reference(x, states)), strict=True):
                assert a.dtype == b.dtype
                torch.testing.assert_close(a, b, rtol=0.05, atol=0.05)


def test_projection_gradients_of_states_and_gradients():
    torch.manual_seed(0)
    layer = LSTM(2, 4, bidirectional=True, proj_size=2).double()
    leaves = [torch.randn(s, dtype=torch.float64, requires_grad=True) for s in ((3, 3, 2), (2, 3, 2), (2, 3, 4))]
    names = [name for name, _ in layer.named_parameters()]

    def run(x, h, c, *weights):
        weights = dict(zip(names, weights, strict=True))
        output, states = torch.func.functional_call(layer, weights, (x, (h, c)), {"lengths": torch.tensor([3, 0, 2])})
        return output, *states

    assert torch.autograd.gradcheck(run, (*leaves, *layer.parameters()))
    assert torch.autograd.gradgradcheck(lambda *a: run(*a, *layer.parameters())[0], leaves)


def test_projection_gives_gates_and_recomputes():
    layer, reference = pair(LSTM, torch.nn.LSTM, 3, 6, 2, proj_size=2)
    x = torch.randn(5, 4, 3, dtype=torch.float64, requires_grad=True)
    output, (_, c), gates = layer(x, return_gates=True)
    torch.testing.assert_close(gates.c[:, -1], c)
    torch.testing.assert_close(output, (gates.o[1] * gates.c[1].tanh()) @ layer.weight_hr_l1.T)
    again = LSTM(3, 6, 2, proj_size=2, checkpoint_every=2).double()
    again.load_state_dict(reference.state_dict())
    compare(again, reference, x)
    with pytest.raises(TidegateError, match="zoneout"):
        LSTM(3, 6, proj_size=2, zoneout=0.1)
    with pytest.raises(TidegateError, match="recurrent_dropout"):
        LSTM(3, 6, proj_size=2, recurrent_dropout=0.1)


def test_projection_of_few_of_many_units_is_torchs():
    layer, reference = pair(LSTM, torch.nn.LSTM, 3, 40, proj_size=2)
    x = torch.randn(5, 4, 3, dtype=torch.float64, requires_grad=True)
    assert all(torch.equal(a, b) for a, b in zip(flat(layer(x)), flat(reference(x)), strict=True))
    torch.testing.assert_close(layer(x, lengths=torch.full((4,), 5))[0], reference(x)[0])  # ours again


def test_projection_drops_between_layers_and_keeps_cells():
    torch.manual_seed(0)
    layer, x = LSTM(3, 6, 2, dropout=0.5, proj_size=4, zoneout=(0, 0.5)), torch.randn(5, 4, 3)
    drawn = [layer(x)[0] for _ in range(2)]
    assert not torch.equal(*drawn)
    layer.eval()
    assert torch.equal(layer(x)[0], layer(x)[0])
    assert torch.equal(copy.deepcopy(layer)(x)[0], layer(x)[0])


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("with_state", [False, True])
def test_projection_with_lengths(batch_first, with_state):
    layer, reference = pair(LSTM, torch.nn.LSTM, 3, 6, 2, proj_size=2, bidirectional=True, batch_first=batch_first)
    x = torch.randn(4, 5, 3, dtype=torch.float64)
    lengths = torch.tensor([5, 0, 2, 1])
    states = (torch.randn(4, 4, 2, dtype=torch.float64), torch.randn(4, 4, 6, dtype=torch.float64))
    states = states if with_state else tuple(map(torch.zeros_like, states))
    y, ends = layer(x if batch_first else x.transpose(0, 1), states if with_state else None, lengths=lengths)
    y = y if batch_first else y.transpose(0, 1)
    for row, steps in enumerate(lengths):
        assert not y[row, steps:].any()
        own = [s[:, row : row + 1] for s in states]
        if steps == 0:
            torch.testing.assert_close([e[:, row : row + 1] for e in ends], own)
            continue
        part = x[row : row + 1, :steps]
        expected, last = reference(part if batch_first else part.transpose(0, 1), tuple(own))
        torch.testing.assert_close(y[row, :steps], expected.reshape(int(steps), 4))
        torch.testing.assert_close([e[:, row : row + 1] for e in ends], list(last))


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_torch_loads_our_weights(ours, theirs):
    layer = ours(3, 5, 2, bidirectional=True)
    reference = theirs(3, 5, 2, bidirectional=True)
    reference.load_state_dict(layer.state_dict())
    assert list(layer.state_dict()) == list(reference.state_dict())
    assert isinstance(layer, theirs)


@pytest.mark.parametrize("make", [LSTM, GRU, PeepholeLSTM, CoupledLSTM])
def test_gates_by_hand(make):
    layer = make(2, 3).double()
    x = torch.randn(4, 2, 2, dtype=torch.float64)
    output, _, gates = layer(x, return_gates=True)
    if make is GRU:
        before = torch.cat([torch.zeros(1, 2, 3, dtype=torch.float64), output[:-1]])
        torch.testing.assert_close((1 - gates.z[0]) * gates.n[0] + gates.z[0] * before, output)
        return
    before = torch.cat([torch.zeros(1, 2, 3, dtype=torch.float64), gates.c[0][:-1]])
    i = 1 - gates.f[0] if make is CoupledLSTM else gates.i[0]
    torch.testing.assert_close(gates.f[0] * before + i * gates.g[0], gates.c[0])
    torch.testing.assert_close(gates.o[0] * torch.tanh(gates.c[0]), output)
    with pytest.raises(AttributeError, match="no gate 'q'"):
        _ = gates.q


def test_dropout_draws_from_torch_and_stops_in_eval():
    layer = LSTM(2, 20, 2, dropout=0.5)
    x = torch.randn(6, 3, 2)
    torch.manual_seed(1)
    first, _ = layer(x)
    second, _ = layer(x)
    torch.manual_seed(1)
    again, _ = layer(x)
    assert torch.equal(first, again)
    assert not torch.equal(first, second)
    layer.eval()
    assert torch.equal(layer(x)[0], layer(x)[0])


@pytest.mark.parametrize("make", [LSTM, GRU, PeepholeLSTM, CoupledLSTM])
def test_copies_pickles_and_shares(make):
    layer = make(2, 4, 2, bidirectional=True, recurrent_dropout=0.1, zoneout=0.1).eval()
    x = torch.randn(3, 2, 2)
    expected = layer(x)[0]
    torch.testing.assert_close(copy.deepcopy(layer)(x)[0], expected, rtol=0, atol=0)
    torch.testing.assert_close(pickle.loads(pickle.dumps(layer))(x)[0], expected, rtol=0, atol=0)
    buffer = io.BytesIO()
    torch.save(layer.state_dict(), buffer)
    buffer.seek(0)
    other = make(2, 4, 2, bidirectional=True, recurrent_dropout=0.1, zoneout=0.1).eval()
    other.load_state_dict(torch.load(buffer))
    torch.testing.assert_close(other(x)[0], expected, rtol=0, atol=0)


def test_mistakes_of_our_own_arguments():
    x = torch.randn(4, 2, 3)
    layer = LSTM(3, 5)
    for lengths in (torch.tensor([5, 1]), torch.tensor([-1, 1]), torch.tensor([1])):
        with pytest.raises(TidegateError, match="lengths must be 2 whole numbers from 0 to 4"):
            layer(x, lengths=lengths)
    with pytest.raises(TidegateError, match=r"zoneout is 1\.5"):
        LSTM(3, 5, zoneout=1.5)
    with pytest.raises(TidegateError, match="proj_size"):
        PeepholeLSTM(3, 5, proj_size=2)
    with pytest.raises(TidegateError, match="forget_bias"):
        LSTM(3, 5, bias=False, forget_bias=1.0)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_layer_norm_by_hand(bidirectional):
    torch.manual_seed(0)
    layer = LSTM(3, 5, 2, bidirectional=bidirectional, layer_norm=True).double()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))

    def normed(v):
        centred = v - v.mean(1, keepdim=True)
        return centred / (centred.square().mean(1, keepdim=True) + 1e-5).sqrt()

    def one(x, suffix):
        own = {name.removesuffix(suffix): p for name, p in layer.named_parameters() if name.endswith(suffix)}
        of_x, of_h, scale, shift = own["weight_norm"].split([20, 20, 5, 5])
        h, c, outputs = torch.zeros(4, 5).double(), torch.zeros(4, 5).double(), []
        for step in x:
            a = normed(step @ own["weight_ih"].T) * of_x + normed(h @ own["weight_hh"].T) * of_h
            i, f, g, o = (a + own["bias_ih"] + own["bias_hh"]).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * (normed(c) * scale + shift).tanh()
            outputs.append(h)
        return torch.stack(outputs)

    x = torch.randn(6, 4, 3).double()
    expected = x
    for k in range(2):
        parts = [one(expected, f"_l{k}")]
        if bidirectional:
            parts.append(one(expected.flip(0), f"_l{k}_reverse").flip(0))
        expected = torch.cat(parts, 2)
    torch.testing.assert_close(layer(x)[0], expected, rtol=1e-11, atol=1e-11)
    names = [name for name, _ in layer.named_parameters()]
    assert sum(name.startswith("weight_norm_l") for name in names) == 2 * (1 + bidirectional)
    assert len(layer.state_dict()) == len(names)


def test_layer_norm_starts_neutral_and_refuses_a_projection():
    layer = GRU(3, 4, layer_norm=True)
    assert torch.equal(layer.weight_norm_l0, torch.ones(24))
    assert torch.equal(PeepholeLSTM(3, 4, layer_norm=True).weight_norm_l0, torch.tensor([1.0] * 36 + [0.0] * 4))
    with pytest.raises(TidegateError, match="proj_size"):
        LSTM(3, 4, proj_size=2, layer_norm=True)


def test_forget_bias():
    layer = LSTM(3, 5, 2, forget_bias=1.0)
    for index in range(2):
        total = getattr(layer, f"bias_ih_l{index}") + getattr(layer, f"bias_hh_l{index}")
        assert torch.equal(total[5:10], torch.ones(5))
    layer = CoupledLSTM(3, 5, forget_bias=2.0)
    assert torch.equal((layer.bias_ih_l0 + layer.bias_hh_l0)[:5], torch.full((5,), 2.0))


def test_without_the_library(monkeypatch):
    layer, reference = pair(LSTM, torch.nn.LSTM, 3, 6, 2, bidirectional=True)
    monkeypatch.setattr("tidegate.kernels.operators.knows", lambda cell: False)
    compare(layer, reference, torch.randn(5, 4, 3, dtype=torch.float64, requires_grad=True))
    compare(*pair(GRU, torch.nn.GRU, 3, 6, 2), torch.randn(5, 4, 3, dtype=torch.float64, requires_grad=True))
