"""What code written for torch's layers does to a module: low precision, transforms, copies, misuse, mistakes."""

from __future__ import annotations

import copy
import io
import pickle
import subprocess
import sys
import textwrap

import pytest
import torch
from torch.nn.utils import parametrizations, parametrize
from torch.nn.utils.rnn import pack_padded_sequence

from tests.nn.test_recurrent import PAIRS, flat, gradients, pair
from tidegate.core.errors import TidegateError
from tidegate.nn.recurrent import GRU, LSTM, CoupledLSTM, PeepholeLSTM

EVERY = [LSTM, GRU, PeepholeLSTM, CoupledLSTM]
LOW = [torch.bfloat16, torch.float16]


def message(call):
    with pytest.raises(Exception) as caught:  # noqa: PT011 (which one is the question)
        call()
    return type(caught.value), str(caught.value)


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
@pytest.mark.parametrize("low", LOW)
@pytest.mark.parametrize("dtype", [torch.float32, *LOW])
@pytest.mark.parametrize("packed", [False, True])
def test_autocast(ours, theirs, low, dtype, packed):
    layer, reference = pair(ours, theirs, 3, 5, dtype=torch.float32)
    x = torch.randn(6, 2, 3).to(dtype)
    exact, _ = reference(x.float())
    lengths = torch.tensor([6, 4])
    if packed:
        if dtype not in (torch.float32, low):
            pytest.skip("torch cannot pack another low precision than autocast's")
        x = pack_padded_sequence(x, lengths)
    with torch.autocast("cpu", dtype=low):
        try:
            expected = [t.dtype for t in flat(reference(x))]
        except RuntimeError:  # no float16 in this processor's oneDNN; elsewhere it gives float16
            if dtype not in (torch.float32, low):
                pytest.skip("torch does not run this on this processor")
            expected = [low] * len(flat(layer(x)))
        found = flat(layer(x))
    assert [t.dtype for t in found] == expected
    if not packed:
        torch.testing.assert_close(found[0], exact.to(found[0].dtype), rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
@pytest.mark.parametrize("dtype", [*LOW, torch.float64])
def test_module_of_another_type(ours, theirs, dtype):
    layer, reference = pair(ours, theirs, 3, 5, 2, dtype=dtype)
    x = torch.randn(6, 2, 3).to(dtype).requires_grad_()
    y, expected = layer(x), reference(x)
    assert [t.dtype for t in flat(y)] == [dtype] * len(flat(y))
    tolerance = 3e-2 if dtype in LOW else 1e-12
    torch.testing.assert_close(flat(y), flat(expected), rtol=tolerance, atol=tolerance)
    y[0].sum().backward()
    assert all(p.grad.dtype == dtype for p in layer.parameters())
    assert all(p.dtype == torch.float16 for p in layer.half().parameters())
    assert all(p.dtype == torch.bfloat16 for p in layer.bfloat16().parameters())


@pytest.mark.parametrize("make", EVERY)
@pytest.mark.parametrize("every", [None, 2])
def test_meta(make, every):
    layer = make(3, 5, 2, dropout=0.2, recurrent_dropout=0.1, zoneout=0.1, checkpoint_every=every).to("meta")
    y, _ = layer(torch.randn(4, 2, 3, device="meta"), lengths=torch.tensor([4, 2]))
    assert y.device.type == "meta"
    assert y.shape == (4, 2, 5)
    made = make(3, 5, device="meta")
    assert made(torch.randn(4, 2, 3, device="meta"))[0].shape == (4, 2, 5)
    assert layer.to_empty(device="cpu")(torch.randn(4, 2, 3))[0].shape == (4, 2, 5)


@pytest.mark.parametrize("make", EVERY)
def test_gradients_of_gradients(make):
    layer = make(2, 3, 2, bidirectional=True, recurrent_dropout=0.2, zoneout=0.2).double()
    x = torch.randn(3, 2, 2, dtype=torch.float64, requires_grad=True)
    names, weights = zip(*layer.named_parameters(), strict=True)

    def run(x, *weights):
        torch.manual_seed(0)
        with torch.random.fork_rng():
            return flat(torch.func.functional_call(layer, dict(zip(names, weights, strict=True)), (x,)))[0]

    assert torch.autograd.gradgradcheck(run, (x, *weights), fast_mode=True)


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_gradient_penalty(ours, theirs):
    """The usual use of second derivatives: a loss that contains the gradient with respect to the input."""
    layer, reference = pair(ours, theirs, 3, 5)
    found = []
    for module in (layer, reference):
        x = torch.linspace(-1, 1, 24, dtype=torch.float64).reshape(4, 2, 3).requires_grad_()
        (slope,) = torch.autograd.grad(module(x)[0].sum(), x, create_graph=True)
        found.append(torch.autograd.grad(slope.square().sum(), [x, *module.parameters()]))
    torch.testing.assert_close(found[0], found[1])


@pytest.mark.parametrize("every", [None, 2])
def test_graph_misuse_gives_torchs_errors(every):
    layer = LSTM(3, 5, checkpoint_every=every)
    output, _ = layer(torch.randn(4, 2, 3))
    output.sum().backward()
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        output.sum().backward()
    if every is None:  # with it backward makes the output once more
        output, _ = layer(torch.randn(4, 2, 3))
        output.mul_(2)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            output.sum().backward()
    for spoil in (lambda x: x.mul_(2), lambda x: layer.weight_hh_l0.mul_(2)):
        x = torch.randn(4, 2, 3)
        output, _ = layer(x)
        with torch.no_grad():
            spoil(x)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            output.sum().backward()
    output, _ = layer(torch.randn(4, 2, 3))
    first = torch.autograd.grad(output.sum(), list(layer.parameters()), retain_graph=True)
    second = torch.autograd.grad(output.sum(), list(layer.parameters()))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_compile_aot_eager(ours, theirs):
    layer, reference = pair(ours, theirs, 3, 5, 2)
    compiled = torch.compile(layer, backend="aot_eager")
    x = torch.randn(4, 2, 3, dtype=torch.float64, requires_grad=True)
    found, expected = compiled(x), reference(x)
    torch.testing.assert_close(flat(found), flat(expected))
    torch.testing.assert_close(gradients(layer, found, x), gradients(reference, expected, x))
    with torch.no_grad():
        torch.testing.assert_close(flat(compiled(x)), flat(expected))


def test_compile_with_checkpoints():
    layer, reference = pair(LSTM, torch.nn.LSTM, 3, 5)
    layer.checkpoint_every = 3
    x = torch.randn(7, 2, 3, dtype=torch.float64, requires_grad=True)
    found, expected = torch.compile(layer, backend="aot_eager")(x), reference(x)
    torch.testing.assert_close(gradients(layer, found, x), gradients(reference, expected, x))


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_weight_norm(ours, theirs):
    layer, reference = pair(ours, theirs, 3, 5)
    for module in (layer, reference):
        parametrizations.weight_norm(module, "weight_hh_l0")
    x = torch.randn(4, 2, 3, dtype=torch.float64, requires_grad=True)
    gain = "parametrizations.weight_hh_l0.original0"
    with torch.no_grad():
        layer.get_parameter(gain).mul_(1.5)
        expected = layer.weight_hh_l0.clone()
        torch.testing.assert_close(expected, reference.weight_hh_l0 * 1.5)
    plain = theirs(3, 5).double()
    plain.load_state_dict({**layer.state_dict(), "weight_hh_l0": expected}, strict=False)
    torch.testing.assert_close(flat(layer(x)), flat(plain(x)))
    layer(x)[0].sum().backward()
    assert layer.get_parameter(gain).grad.abs().sum() > 0
    parametrize.remove_parametrizations(layer, "weight_hh_l0")
    torch.testing.assert_close(flat(layer(x)), flat(plain(x)))


@pytest.mark.parametrize("make", EVERY)
def test_replaced_and_functional_weights(make):
    layer, other = make(3, 5), make(3, 5)
    x = torch.randn(4, 2, 3)
    expected = flat(other(x))
    with torch.no_grad():
        found = torch.func.functional_call(layer, dict(other.named_parameters()), (x,))
    torch.testing.assert_close(flat(found), expected, rtol=0, atol=1e-6)
    for name, parameter in other.named_parameters():
        setattr(layer, name, torch.nn.Parameter(parameter.detach().clone()))
    torch.testing.assert_close(flat(layer(x)), expected, rtol=0, atol=0)
    layer.flatten_parameters()


@pytest.mark.parametrize("make", EVERY)
def test_packed_weights_follow_every_change(make):
    layer = make(3, 40, 2)
    x = torch.randn(4, 2, 3)

    def agree():
        expected = flat(layer(x))
        with torch.inference_mode():
            found = flat(layer(x))
        torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)
        return found[0].clone()

    before = agree()
    changes = (
        lambda: layer.weight_hh_l1.mul_(1.5),
        layer.weight_ih_l0.data.neg_,
        lambda: layer.bias_ih_l1.numpy().fill(0.25),
        lambda: setattr(layer.weight_hh_l0, "data", torch.randn_like(layer.weight_hh_l0)),
        lambda: layer.load_state_dict(make(3, 40, 2).state_dict()),
        lambda: torch.nn.init.orthogonal_(layer.weight_hh_l0),
    )
    for change in changes:
        with torch.no_grad():
            change()
        after = agree()
        assert not torch.equal(before, after)
        before = after
    optimizer = torch.optim.SGD(layer.parameters(), lr=1.0)
    layer(x)[0].sum().backward()
    optimizer.step()
    assert not torch.equal(before, agree())
    twin = copy.deepcopy(layer)
    with torch.no_grad():
        twin.weight_hh_l0.zero_()
        assert not torch.equal(layer(x)[0], twin(x)[0])
        assert torch.equal(layer(x)[0], pickle.loads(pickle.dumps(layer))(x)[0])
    buffer = io.BytesIO()
    torch.save(layer, buffer)
    buffer.seek(0)
    with torch.no_grad():
        assert torch.equal(torch.load(buffer, weights_only=False)(x)[0], layer(x)[0])


@pytest.mark.parametrize("make", EVERY)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_checkpoints_change_nothing(make, bidirectional):
    options = {"bidirectional": bidirectional, "dropout": 0.2, "recurrent_dropout": 0.2, "zoneout": 0.2}
    layer = make(3, 6, 2, **options).double()
    sparing = make(3, 6, 2, **options, checkpoint_every=4).double()
    sparing.load_state_dict(layer.state_dict())
    x = torch.randn(11, 3, 3, dtype=torch.float64, requires_grad=True)
    found = []
    for module in (layer, sparing):
        torch.manual_seed(3)
        result = module(x, lengths=torch.tensor([11, 0, 6]))
        found.append((flat(result), gradients(module, result, x)))
    torch.testing.assert_close(found[0][0], found[1][0], rtol=0, atol=0)
    torch.testing.assert_close(found[0][1], found[1][1], rtol=1e-12, atol=1e-12)
    with pytest.raises(TidegateError, match="checkpoint_every is 0"):
        make(3, 6, checkpoint_every=0)


@pytest.mark.parametrize("make", EVERY)
def test_zoneout_outside_training_has_gradients(make):
    layer = make(2, 3, zoneout=0.3).double().eval()
    x = torch.randn(3, 2, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: layer(x)[0], (x,))
    assert layer(x, return_gates=True)[2].values.shape[2] == 2


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_mistakes_read_like_torch(ours, theirs):
    layer, reference = pair(ours, theirs, 3, 5, 2)
    good = torch.randn(4, 2, 3, dtype=torch.float64)
    state = torch.randn(2, 2, 5, dtype=torch.float64)

    def both(h):
        return h if ours is GRU else (h, h)

    wrong = [
        (good[..., :2],),
        (good.float(),),
        (good.long(),),
        (good[:0],),
        (good[None],),
        (good[0, 0],),
        (good.to("meta"),),
        ([1.0, 2.0],),
        (good, both(state[:1])),
        (good, both(state[:, :1])),
        (good, both(state[..., :4])),
        (good, both(state[0])),
        (good[:, 0], both(state)),
        (good, both(state.to("meta"))),
        (good, (state, state) if ours is GRU else state[:1]),
    ]
    for arguments in wrong:
        kind, text = message(lambda arguments=arguments: reference(*arguments))
        found, own = message(lambda arguments=arguments: layer(*arguments))
        assert found is kind, (arguments, own)
        assert own[:60] == text[:60]
    for module in (layer, reference):
        module.to("meta")
    assert message(lambda: layer(good)) == message(lambda: reference(good))


def test_wrong_weights_are_refused():
    layer = LSTM(3, 5)
    layer.weight_hh_l0 = torch.nn.Parameter(torch.randn(20, 4))
    x = torch.randn(4, 2, 3)
    with pytest.raises(RuntimeError):
        layer(x)
    with pytest.raises(RuntimeError), torch.no_grad():
        layer(x)


def test_function_transforms():
    layer, reference = pair(LSTM, torch.nn.LSTM, 3, 5)
    x = torch.randn(4, 2, 3, dtype=torch.float64)
    found = torch.func.grad(lambda x: layer(x)[0].square().sum())(x)
    leaf = x.clone().requires_grad_()
    torch.testing.assert_close(found, torch.autograd.grad(reference(leaf)[0].square().sum(), leaf)[0])


PARALLEL = """
    import gc, sys, torch
    from torch import distributed
    from tidegate.nn.recurrent import LSTM

    rank = int(sys.argv[1])
    distributed.init_process_group("gloo", init_method="file://" + sys.argv[2], rank=rank, world_size=2)
    torch.manual_seed(0)
    layer = torch.nn.parallel.DistributedDataParallel(LSTM(3, 5, 2))
    x = torch.randn(4, 6, 3)
    layer(x[:, rank * 3 : rank * 3 + 3])[0].mean().backward()
    found = [p.grad.clone() for p in layer.parameters()]
    layer.zero_grad()
    layer.module(x)[0].mean().backward()
    for a, b in zip(found, layer.module.parameters()):
        torch.testing.assert_close(a, b.grad)
    del layer, a, b  # what holds the group; else gloo's threads outlive the interpreter, and torch aborts at times
    gc.collect()
    distributed.destroy_process_group()
    gc.collect()
"""


@pytest.mark.skipif(not torch.distributed.is_available(), reason="torch was built without it")
def test_two_processes(tmp_path):
    command = [sys.executable, "-c", textwrap.dedent(PARALLEL)]
    running = [subprocess.Popen([*command, str(rank), str(tmp_path / "meet")]) for rank in range(2)]
    assert [process.wait(timeout=120) for process in running] == [0, 0]
