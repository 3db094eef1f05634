"""Layers under torch's transformations: batched gradients, vmap, tangents; and how gradients lie in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd import forward_ad, gradcheck, gradgradcheck
from torch.autograd.functional import jacobian
from torch.nn.utils.rnn import pack_padded_sequence

from tests.nn.test_recurrent import PAIRS, pair
from tidegate.nn.recurrent import LSTM, CoupledLSTM, PeepholeLSTM

X = torch.randn(5, 2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def leaf() -> Tensor:
    return X.clone().requires_grad_()


def stacked(y: Tensor, count: int = 4) -> Tensor:
    return torch.eye(y.numel(), dtype=y.dtype)[:count].reshape(-1, *y.shape)


def batched(layer: Any, of: Callable[[Any, Tensor], Tensor], to: Callable[[Any, Tensor], Tensor]) -> Tensor:
    x = leaf()
    y = of(layer, x)
    return torch.autograd.grad(y, to(layer, x), stacked(y), is_grads_batched=True)[0]


def mapped(layer: Any) -> Tensor:
    x = leaf()
    y = layer(x)[0]
    return torch.vmap(lambda g: torch.autograd.grad(y, x, g, retain_graph=True)[0])(stacked(y))


def pulled(layer: Any) -> Tensor:
    y, pull, *_ = torch.func.vjp(lambda x: layer(x)[0], X)
    return torch.vmap(pull)(stacked(y))[0]


def packed(layer: Any, x: Tensor) -> Tensor:
    return layer(pack_padded_sequence(x, torch.tensor([5, 3])))[0].data


ASKS: dict[str, Callable[[Any], Tensor]] = {
    "jacobian": lambda layer: jacobian(lambda x: layer(x)[0], X, vectorize=True),
    "jacobian to differentiate": lambda layer: jacobian(
        lambda x: layer(x)[0], leaf(), vectorize=True, create_graph=True
    ),
    "of inputs": lambda layer: batched(layer, lambda layer, x: layer(x)[0], lambda _, x: x),
    "of weights": lambda layer: batched(layer, lambda layer, x: layer(x)[0], lambda layer, _: layer.weight_hh_l0),
    "of the last state": lambda layer: batched(layer, lambda layer, x: layer(x)[1][-1], lambda _, x: x),
    "of packed rows": lambda layer: batched(layer, packed, lambda _, x: x),
    "vmap of grad": mapped,
    "vmap of vjp": pulled,
    "jacrev": lambda layer: torch.func.jacrev(lambda x: layer(x)[0])(X),
}


@pytest.mark.parametrize("ask", ASKS)
@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_batched_gradients_are_torchs(ours: Any, theirs: Any, ask: str) -> None:
    layer, reference = pair(ours, theirs, 3, 4, num_layers=2, bidirectional=True)
    torch.testing.assert_close(ASKS[ask](layer), ASKS[ask](reference))


@pytest.mark.parametrize("make", [PeepholeLSTM, CoupledLSTM, LSTM])
@pytest.mark.parametrize("options", [{}, {"checkpoint_every": 2}, {"layer_norm": True}])
def test_batched_gradients_of_our_own_cells_are_the_single_ones(make: Any, options: dict[str, Any]) -> None:
    layer = make(3, 4, **options).double()
    for ask in ("of inputs", "of weights", "vmap of grad"):
        x = leaf()
        y = layer(x)[0]
        to = layer.weight_hh_l0 if ask == "of weights" else x
        singly = torch.stack([torch.autograd.grad(y, to, g, retain_graph=True)[0] for g in stacked(y)])
        torch.testing.assert_close(ASKS[ask](layer), singly)


def test_gradients_checked_in_batches() -> None:
    layer = LSTM(3, 4).double()
    assert gradcheck(lambda x: layer(x)[0], leaf(), check_batched_grad=True)
    assert gradgradcheck(lambda x: layer(x)[0], X[:2, :1].clone().requires_grad_(), check_batched_grad=True)


@pytest.mark.filterwarnings("ignore:.*jit.script.*:DeprecationWarning")  # torch's own, in its forward differentiation
@pytest.mark.parametrize("make", [*(ours for ours, _ in PAIRS), PeepholeLSTM])
@pytest.mark.parametrize("graph", [False, True])
def test_tangents_travel_through(make: Any, graph: bool) -> None:
    layer, way = make(3, 4).double(), torch.ones_like(X)
    with forward_ad.dual_level(), torch.set_grad_enabled(graph):
        found = forward_ad.unpack_dual(layer(forward_ad.make_dual(X, way))[0]).tangent
    nearby = (layer(X + 1e-6 * way)[0] - layer(X - 1e-6 * way)[0]) / 2e-6
    torch.testing.assert_close(found, nearby, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("projection", [0, 2])
@pytest.mark.parametrize("batch", [None, 2])
def test_gradients_lie_in_memory_as_torchs(bidirectional: bool, projection: int, batch: int | None) -> None:
    layer, reference = pair(LSTM, torch.nn.LSTM, 3, 4, num_layers=2, bidirectional=bidirectional, proj_size=projection)
    rows = () if batch is None else (batch,)
    states = [torch.randn(2 + 2 * bidirectional, *rows, size, dtype=X.dtype) for size in (projection or 4, 4)]
    for own in (layer, reference):
        inputs = [t.clone().requires_grad_() for t in (torch.randn(5, *rows, 3, dtype=X.dtype), *states)]
        outputs, ends = own(inputs[0], (inputs[1], inputs[2]))
        leaves = [*inputs, *own.parameters()]
        found = torch.autograd.grad([outputs, *ends], leaves, [torch.ones_like(o) for o in (outputs, *ends)])
        assert all(t.is_contiguous() for t in (outputs, *ends, *found)), type(own)
