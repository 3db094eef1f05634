"""The native operators against torch's own layers, against the torch twins, and against themselves."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.kernels import reference as twins
from tidegate.kernels.library import native
from tidegate.kernels.operators import recurrent
from tidegate.kernels.stack import CELLS, Stack

pytestmark = pytest.mark.skipif(native() is None, reason="the native library was not built")
NORMED = [(cell, norm) for cell in sorted(CELLS) for norm in (False, True) if cell != "slstm" or not norm]


def make(stack, T, B, I, H, dtype=torch.float64, seed=0):
    """Random inputs, states and weights; x [T, B, I]."""
    generator = torch.Generator().manual_seed(seed)
    D = stack.directions

    def random(*shape):
        return (torch.rand(shape, generator=generator, dtype=torch.float64) * 1.6 - 0.8).to(dtype).requires_grad_()

    weights = [random(*shape) for shape in stack.shapes(I, H)]
    return random(T, B, I), random(stack.layers * D, B, H), random(stack.layers * D, B, stack.cell_size(H)), weights


def results(run, stack, inputs, lengths=None, seed=None, gates=False):
    """Outputs and all gradients of one weighted sum of all outputs."""
    x, h0, c0, weights = inputs
    leaves = [x, h0, *([] if stack.cell == "gru" else [c0]), *weights]
    y, h, c, trace = run(stack, x, h0, None if stack.cell == "gru" else c0, weights, lengths, seed)
    outputs = [y, h, *([] if stack.cell == "gru" else [c])]
    total = sum((o * torch.linspace(-1, 1, o.numel(), dtype=o.dtype).view(o.shape)).sum() for o in outputs)
    gradients = torch.autograd.grad(total, leaves, allow_unused=True)
    gradients = [torch.zeros_like(v) if g is None else g for g, v in zip(gradients, leaves, strict=True)]
    return [*outputs, *gradients], trace


def twin(stack, x, h0, c0, weights, lengths, seed):
    return twins.recurrent(stack, x, (h0, c0), weights, lengths, 0 if seed is None else int(seed))


def native_run(stack, x, h0, c0, weights, lengths, seed):
    return recurrent(stack, x, h0, c0, weights, lengths, seed, gates=True)


def close(ours, theirs, tolerance):
    for index, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance, msg=lambda m, i=index: f"result {i}: {m}")


@settings(max_examples=80, deadline=None)
@given(
    cell=st.sampled_from(sorted(CELLS)),
    layers=st.integers(1, 3),
    directions=st.integers(1, 2),
    bias=st.booleans(),
    T=st.integers(1, 6),
    B=st.integers(1, 9),
    I=st.integers(1, 20),
    H=st.integers(1, 37),
    data=st.data(),
)
def test_agrees_with_twin(cell, layers, directions, bias, T, B, I, H, data):
    reverse = data.draw(st.booleans()) if directions == 1 else False
    shares = st.sampled_from([0.0, 0.3])
    norm = data.draw(st.booleans()) and cell != "slstm"
    stack = Stack(cell, layers, directions, bias, reverse, True, *(data.draw(shares) for _ in range(4)), norm)
    lengths = data.draw(st.none() | st.lists(st.integers(0, T), min_size=B, max_size=B).map(torch.tensor))
    seed = torch.tensor(data.draw(st.integers(0, 2**62)))
    inputs = make(stack, T, B, I, H)
    ours, gates = results(native_run, stack, inputs, lengths, seed)
    theirs, trace = results(twin, stack, inputs, lengths, seed)
    close(ours, theirs, 1e-10)
    close([gates], [trace], 1e-10)


@pytest.mark.parametrize("cell", sorted(CELLS))
@pytest.mark.parametrize("shares", list(itertools.product([0.0, 0.3], repeat=3)))
def test_masks_one_by_one(cell, shares):
    stack = Stack(cell, 2, 1, True, False, True, 0.0, *shares)
    inputs = make(stack, 4, 3, 2, 5)
    seed = torch.tensor(9)
    close(results(native_run, stack, inputs, None, seed)[0], results(twin, stack, inputs, None, seed)[0], 1e-10)


@pytest.mark.parametrize("cell", sorted(CELLS))
@pytest.mark.parametrize(("T", "B", "I", "H"), [(9, 32, 1, 64), (3, 70, 33, 40), (2, 1, 5, 300), (4, 3, 64, 129)])
def test_float32_agrees_with_float64(cell, T, B, I, H):
    stack = Stack(cell, 2, 1, train=True)
    inputs = make(stack, T, B, I, H)
    scale = 2 * H**-0.5
    exact = [inputs[0], inputs[1], inputs[2], [(w * scale).detach().requires_grad_() for w in inputs[3]]]
    single = [v.detach().float().requires_grad_() for v in exact[:3]]
    single.append([w.detach().float().requires_grad_() for w in exact[3]])
    ours, _ = results(native_run, stack, single)
    theirs, _ = results(twin, stack, exact)
    for a, b in zip(ours, theirs, strict=True):
        assert (a.double() - b).abs().max() <= 3e-6 * (1 + b.abs().max())


@pytest.mark.parametrize(("cell", "norm"), NORMED)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_bits_do_not_depend_on_threads(cell, dtype, norm, monkeypatch):
    stack = Stack(cell, 2, 2, True, False, True, 0.2, 0.1, 0.1, 0.1, norm)
    inputs = make(stack, 12, 37, 20, 41, dtype)
    lengths = torch.arange(37) % 13
    first = None
    for threads in range(1, 9):
        monkeypatch.setattr("tidegate.kernels.calls.threads", lambda n=threads: n)
        now, _ = results(native_run, stack, inputs, lengths, torch.tensor(5))
        first = now if first is None else first
        assert all(torch.equal(a, b) for a, b in zip(first, now, strict=True)), threads


def test_bits_of_a_row_do_not_depend_on_the_batch():
    stack = Stack("lstm", 2, 1)
    x, h0, c0, weights = make(stack, 7, 100, 3, 70, torch.float32)
    with torch.no_grad():
        whole = recurrent(stack, x, h0, c0, weights)[0]
        for first, rows in ((0, 1), (17, 2), (40, 5), (96, 4)):
            part = slice(first, first + rows)
            alone = recurrent(stack, x[:, part], h0[:, part], c0[:, part], weights)[0]
            assert torch.equal(whole[:, part], alone)


@pytest.mark.parametrize(("cell", "norm"), NORMED)
def test_gradcheck(cell, norm):
    stack = Stack(cell, 2, 2, train=True, norm=norm)
    x, h0, c0, weights = make(stack, 3, 2, 2, 3)
    lengths = torch.tensor([3, 1])

    def run(x, h0, c0, *weights):
        outputs = recurrent(stack, x, h0, None if cell == "gru" else c0, weights, lengths)[:3]
        return outputs[: 2 if cell == "gru" else 3]

    assert torch.autograd.gradcheck(run, (x, h0, c0, *weights), fast_mode=True)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_opcheck(cell):
    stack = Stack(cell, 2, 1, train=True, dropout=0.2)
    x, h0, c0, weights = make(stack, 3, 2, 2, 3)
    arguments = (x, h0, None if cell == "gru" else c0, weights, None, torch.tensor(3), *stack.arguments)
    torch.library.opcheck(torch.ops.tidegate.recurrent.default, arguments)


@pytest.mark.parametrize("strides", list(itertools.permutations(range(3))))
def test_any_strides(strides):
    stack = Stack("lstm", train=True)
    inputs = make(stack, 4, 5, 6, 7)
    strange = torch.empty([inputs[0].shape[i] for i in strides], dtype=torch.float64)
    back = [strides.index(i) for i in range(3)]
    strange = strange.permute(back).copy_(inputs[0]).detach().requires_grad_()
    ours, _ = results(native_run, stack, (strange, *inputs[1:]))
    close(ours, results(native_run, stack, inputs)[0], 0)


def test_expanded_inputs_and_gradients():
    stack = Stack("lstm", train=True)
    _, h0, c0, weights = make(stack, 4, 5, 1, 7)
    x = torch.tensor([[[0.5]]], dtype=torch.float64).expand(4, 5, 1)
    y = recurrent(stack, x, h0, c0, weights)[0]
    reference = twins.recurrent(stack, x, (h0, c0), weights)[0]
    close(torch.autograd.grad(y.sum(), weights), torch.autograd.grad(reference.sum(), weights), 1e-12)


def test_empty_batch():
    stack = Stack("lstm", 2, 2, train=True)
    x, h0, c0, weights = make(stack, 3, 0, 2, 5)
    y, h, c, _ = recurrent(stack, x, h0, c0, weights)
    assert y.shape == (3, 0, 10)
    assert h.shape == c.shape == (4, 0, 5)
    assert all(bool((g == 0).all()) for g in torch.autograd.grad(y.sum(), weights))


def test_nan_stays_and_extremes_saturate():
    stack = Stack("lstm")
    x, h0, c0, weights = make(stack, 2, 3, 2, 5, torch.float32)
    with torch.no_grad():
        x[0, 0, 0], x[0, 1, 0], x[0, 2, 0] = float("nan"), 1e30, -1e30
        y = recurrent(stack, x, h0, c0, weights)[0]
        reference = twins.recurrent(stack, x, (h0, c0), weights)[0]
    assert y[:, 0].isnan().all()
    torch.testing.assert_close(y[:, 1:], reference[:, 1:])


def test_share_of_dropped_units():
    stack = Stack("lstm", 2, 1, train=True, dropout=0.25)
    kept = twins.keep_mask(twins.mask_key(7, 4096), 4, range(2000), 64, stack.dropout)
    share = kept.double().mean()
    assert abs(share - 0.75) < 0.005
    assert (kept.double().mean(0) - 0.75).abs().max() < 0.05
    neighbours = (kept[1:] & kept[:-1]).double().mean()
    assert abs(neighbours - 0.75**2) < 0.01


@pytest.mark.skipif(native() is None or not native().tg_bfloat16_products(), reason="no bfloat16 products here")
@pytest.mark.parametrize("cell", sorted(CELLS))
@pytest.mark.parametrize(
    ("T", "B", "I", "H"), [(6, 17, 21, 64), (5, 3, 2, 7), (4, 1, 1, 33), (3, 33, 301, 17), (40, 7, 130, 100)]
)
def test_bfloat16_products(cell, T, B, I, H):
    stack, plain = (Stack(cell, 2, 2, train=True, bfloat16=b) for b in (True, False))
    scale = 0.4 if H < 64 else 0.25
    x, h0, c0, weights = make(stack, T, B, I, H, torch.float32)
    weights = [(w * scale).detach().requires_grad_() for w in weights]
    ours, _ = results(native_run, stack, (x, h0, c0, weights))
    exact, _ = results(native_run, plain, (x, h0, c0, weights))
    for a, b in zip(ours, exact, strict=True):
        assert (a - b).norm() <= 0.02 * (b.norm() + 1e-3)
    assert not torch.equal(ours[0], exact[0])
    # one step in one direction: nothing but the products' inputs is rounded
    one, reference = (Stack(cell, bfloat16=b) for b in (True, False))
    mine = weights[: one.arrays_per_layer]
    rounded = [w.bfloat16().float() if i < 2 else w for i, w in enumerate(mine)]
    with torch.no_grad():
        h, c = h0[:1], c0[:1]
        found = recurrent(one, x[:1], h, None if cell == "gru" else c, mine)
        if cell == "gru":  # the state also passes around the products
            h = h.bfloat16().float()
            found = recurrent(one, x[:1], h, None, mine)
        wanted = recurrent(
            reference, x[:1].bfloat16().float(), h.bfloat16().float(), None if cell == "gru" else c, rounded
        )
    torch.testing.assert_close(found[0], wanted[0], rtol=2e-6, atol=2e-6)
