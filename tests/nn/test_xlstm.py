"""sLSTM and mLSTM against the paper's equations, step by step in double precision, and against its authors' code."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tidegate.artifacts.spec import Recurrent
from tidegate.core.errors import ConfigError
from tidegate.nn import MLSTM, SLSTM
from tidegate.nn.flow import recurrent
from tidegate.runtime.network.recurrent import run_stack

T, B, I, H = 23, 3, 4, 6


def layer_of(kind: Any, heads: int, **more: Any) -> tuple[Any, dict[str, np.ndarray]]:
    torch.manual_seed(0)
    net = kind(I, H, num_heads=heads, batch_first=True, **more).double()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(torch.randn_like(parameter))
    return net, {name: p.detach().numpy() for name, p in net.named_parameters()}


def inputs(scale: float = 1.0, steps: int = T) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(B, steps, I, generator=generator, dtype=torch.float64) * scale


def sigmoid(x: Any) -> Any:
    return np.exp(-np.logaddexp(0, -np.asarray(x)))


def slstm_by_the_paper(w: dict[str, np.ndarray], x: np.ndarray, heads: int) -> tuple[np.ndarray, ...]:
    """Equations 8 to 17 of the paper (arXiv:2405.04517), one row, unit by unit; also c, n and m at the end."""
    h, c, n, m = np.zeros(H), np.zeros(H), np.zeros(H), np.full(H, -np.inf)
    d, found = H // heads, []
    for step in x:
        before, h = h.copy(), h.copy()
        for u in range(H):
            own = slice(u // d * d, (u // d + 1) * d)
            rows = [g * H + u for g in range(4)]
            i, f, z, o = (
                w["weight_ih_l0"][r] @ step
                + w["weight_hh_l0"][r] @ before[own]
                + w["bias_ih_l0"][r]
                + w["bias_hh_l0"][r]
                for r in rows
            )
            log_f = -np.logaddexp(0, -f)
            stable = max(log_f + m[u], i)
            keep, enter = np.exp(log_f + m[u] - stable), np.exp(i - stable)
            c[u], n[u], m[u] = keep * c[u] + enter * np.tanh(z), keep * n[u] + enter, stable
            h[u] = sigmoid(o) * c[u] / n[u]
        found.append(h)
    return np.array(found), c, n, m


def mlstm_by_the_paper(w: dict[str, np.ndarray], x: np.ndarray, heads: int) -> np.ndarray:
    """Equations 19 to 27, one row: the true C and n, without a stabiliser."""
    d = H // heads
    C, n, found = np.zeros((heads, d, d)), np.zeros((heads, d)), []
    for step in x:
        rows = w["weight_ih_l0"] @ step + w["bias_ih_l0"]
        q, k, v, o = rows[: 4 * H].reshape(4, heads, d)
        i, f = np.exp(rows[4 * H : 4 * H + heads]), sigmoid(rows[4 * H + heads :])
        out = np.empty((heads, d))
        for j in range(heads):
            key = k[j] / np.sqrt(d)
            C[j] = f[j] * C[j] + i[j] * np.outer(v[j], key)
            n[j] = f[j] * n[j] + i[j] * key
            out[j] = sigmoid(o[j]) * (C[j] @ q[j]) / max(abs(n[j] @ q[j]), 1.0)
        found.append(out.ravel())
    return np.array(found)


@pytest.mark.parametrize("heads", [1, 2])
def test_slstm_is_the_papers(heads: int) -> None:
    net, weights = layer_of(SLSTM, heads)
    x = inputs()
    y, (h, c) = net(x)
    for row in range(B):
        expected, content, normaliser, stabiliser = slstm_by_the_paper(weights, x[row].numpy(), heads)
        np.testing.assert_allclose(y[row].detach(), expected, rtol=1e-9)
        np.testing.assert_allclose(h[0, row].detach(), expected[-1], rtol=1e-9)
        both = np.concatenate([content / normaliser, stabiliser + np.log(normaliser)])
        np.testing.assert_allclose(c[0, row].detach(), both, rtol=1e-9)


@pytest.mark.parametrize("heads", [1, 3])
def test_mlstm_is_the_papers(heads: int) -> None:
    net, weights = layer_of(MLSTM, heads)
    x = inputs(steps=150)  # several chunks
    y, _ = net(x)
    for row in range(B):
        np.testing.assert_allclose(y[row].detach(), mlstm_by_the_paper(weights, x[row].numpy(), heads), rtol=1e-8)


@pytest.mark.parametrize("kind", [SLSTM, MLSTM])
def test_equals_the_authors_code(kind: Any) -> None:
    pytest.importorskip("xlstm", reason="the authors' package")
    from xlstm.blocks.mlstm.backends import parallel_stabilized_simple
    from xlstm.blocks.slstm.src.vanilla.slstm import slstm_forward_pointwise

    net, weights = layer_of(kind, 2)
    x, w = inputs(), {name: torch.from_numpy(values) for name, values in weights.items()}
    found = net(x)[0].detach()
    if kind is MLSTM:
        rows = x @ w["weight_ih_l0"].T + w["bias_ih_l0"]
        q, k, v = (rows[..., n * H : (n + 1) * H].unflatten(2, (2, H // 2)).transpose(1, 2) for n in range(3))
        i, f = (rows[..., 4 * H + n * 2 : 4 * H + 2 + n * 2].transpose(1, 2)[..., None] for n in range(2))
        read = parallel_stabilized_simple(q, k, v, i, f, eps=0.0).transpose(1, 2).flatten(2)
        expected = torch.sigmoid(rows[..., 3 * H : 4 * H]) * read
    else:
        state, outputs = torch.zeros(4, B, H, dtype=torch.float64), []
        blocks = w["weight_hh_l0"].reshape(4, 2, H // 2, H // 2)
        for step in range(T):
            h = state[0].unflatten(1, (2, H // 2))
            recur = torch.einsum("ghod,bhd->bgho", blocks, h).reshape(B, 4 * H)
            bias = (w["bias_ih_l0"] + w["bias_hh_l0"])[None]
            state, _ = slstm_forward_pointwise(x[:, step] @ w["weight_ih_l0"].T, recur, bias, state, {})
            outputs.append(state[0])
        expected = torch.stack(outputs, 1)
    print(f"{kind.__name__}: largest difference {(found - expected).abs().max():.1e}")
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("kind", [SLSTM, MLSTM])
def test_a_walk_may_be_cut_anywhere(kind: Any) -> None:
    net, _ = layer_of(kind, 2)
    x = inputs(steps=100)
    whole, ends = net(x)
    for cut in (1, 37, 64):
        first, state = net(x[:, :cut])
        second, found = net(x[:, cut:], state)
        torch.testing.assert_close(torch.cat([first, second], 1), whole)
        for ours, theirs in zip(found, ends, strict=True):
            torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("kind", [SLSTM, MLSTM])
def test_shorter_rows_end_where_they_end(kind: Any) -> None:
    net, _ = layer_of(kind, 1, bidirectional=True, num_layers=2)
    x, lengths = inputs(), torch.tensor([T, 0, 5])
    y, state = net(x, lengths=lengths)
    assert not y[1].any()
    assert not y[2, 5:].any()
    alone, own = net(x[2:, :5])
    torch.testing.assert_close(y[2:, :5], alone)
    for whole, part in zip(state, own, strict=True):
        torch.testing.assert_close(whole[:, 2:], part)


@pytest.mark.parametrize("kind", [SLSTM, MLSTM])
def test_large_gates_neither_overflow_nor_spoil_the_gradient(kind: Any) -> None:
    net, _ = layer_of(kind, 2)
    net.float()
    x = inputs(scale=200.0).float().requires_grad_()
    y, _ = net(x)
    y.square().sum().backward()
    assert torch.isfinite(y).all()
    assert torch.isfinite(x.grad).all()  # type: ignore[arg-type]
    assert all(torch.isfinite(p.grad).all() for p in net.parameters())


@pytest.mark.parametrize("kind", [SLSTM, MLSTM])
def test_gradients_are_those_of_finite_differences(kind: Any) -> None:
    net, _ = layer_of(kind, 2)
    names = [name for name, _ in net.named_parameters()]
    weights = [p.detach().clone().requires_grad_() for p in net.parameters()]

    def walk(x: Tensor, *given: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        y, (h, c) = torch.func.functional_call(net, dict(zip(names, given, strict=True)), (x,))
        return y, h, c

    assert torch.autograd.gradcheck(walk, (inputs(steps=3)[:2].requires_grad_(), *weights))


def test_forget_gates_begin_as_in_the_paper() -> None:
    bias = SLSTM(I, 8, 2, num_heads=2).bias_ih_l1[8:16].detach()  # of the last layer, exponent 1.6
    torch.testing.assert_close(bias[:4], 5 - 12 * (torch.arange(4) / 3) ** 1.6)
    torch.testing.assert_close(bias[4:], bias[:4])
    torch.testing.assert_close(MLSTM(I, 8, num_heads=4).bias_ih_l0[-4:].detach(), torch.tensor([3.0, 4.0, 5.0, 6.0]))
    assert (SLSTM(I, 8, forget_bias=1.0).bias_ih_l0[8:16] == 1).all()
    assert (MLSTM(I, 8, forget_bias=1.0).bias_ih_l0[-1:] == 1).all()


@pytest.mark.parametrize("cell", ["slstm", "mlstm"])
@pytest.mark.parametrize("heads", [1, 4])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_numpy_gives_the_same(cell: Any, heads: int, bidirectional: bool) -> None:
    layer = Recurrent(cell=cell, hidden_size=16, num_layers=2, bidirectional=bidirectional, num_heads=heads)
    torch.manual_seed(0)
    net = recurrent(layer, I, bidirectional=bidirectional).eval()
    x, lengths = torch.randn(4, 70, I), torch.tensor([70, 1, 64, 65])
    with torch.no_grad():
        y, state = net(x, lengths=lengths)
    weights = {f"rnn.{name}": p.detach().numpy() for name, p in net.named_parameters()}
    found, ends = run_stack(layer, weights, "rnn", x.numpy(), None, lengths.numpy())
    np.testing.assert_allclose(found, y, rtol=1e-5, atol=1e-5)
    for place, part in enumerate(state):
        mean = part.reshape(2, -1, *part.shape[1:]).mean(dim=1)
        for level in range(2):
            np.testing.assert_allclose(ends[level][place], mean[level], rtol=1e-4, atol=1e-4)
    if bidirectional:
        return
    stream, steps = None, []
    for t in range(70):
        step, stream = run_stack(layer, weights, "rnn", x[:, t : t + 1].numpy(), stream)
        steps.append(step)
    everything = run_stack(layer, weights, "rnn", x.numpy())[0]
    np.testing.assert_allclose(np.concatenate(steps, axis=1), everything, rtol=1e-4, atol=1e-4)


def test_what_has_no_place_is_refused() -> None:
    with pytest.raises(ConfigError, match="3 heads do not divide a width of 8"):
        SLSTM(I, 8, num_heads=3)
    for options in ({"cell": "slstm", "layer_norm": True}, {"cell": "mlstm", "zoneout": 0.1}, {"num_heads": 2}):
        with pytest.raises(ValueError, match=r"has no place in a cell|num_heads belongs to"):
            Recurrent(**options)
