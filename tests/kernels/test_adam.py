"""The native Adam beside torch's."""

from __future__ import annotations

import pytest
import torch

from tidegate.core.errors import TidegateError
from tidegate.kernels.adam import Adam
from tidegate.kernels.library import native

pytestmark = pytest.mark.skipif(native() is None, reason="the native library was not built")


def train(make, steps, dtype, clip=None, model=None):
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 400), torch.nn.Tanh(), torch.nn.Linear(400, 300)).to(dtype)
    optimizer = make(model.parameters())
    for step in range(steps):
        generator = torch.Generator().manual_seed(step)
        x = torch.randn(8, 3, dtype=dtype, generator=generator)
        optimizer.zero_grad()
        (model(x).square().mean() * 30).backward()
        if clip is not None and not isinstance(optimizer, Adam):
            torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
    return model, optimizer


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("decoupled", [False, True])
@pytest.mark.parametrize("clip", [None, 0.5])
def test_agrees_with_torch(dtype, decay, decoupled, clip):
    kind = torch.optim.AdamW if decoupled else torch.optim.Adam
    reference, _ = train(lambda p: kind(p, lr=3e-3, weight_decay=decay), 20, dtype, clip)
    ours, optimizer = train(lambda p: Adam(p, lr=3e-3, weight_decay=decay, decoupled=decoupled, clip=clip), 20, dtype)
    tolerance = 2e-5 if dtype == torch.float32 else 1e-10
    for a, b in zip(ours.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)
    assert clip is None or optimizer.norm > 0


def test_states_load_both_ways():
    model, ours = train(Adam, 3, torch.float32)
    theirs = torch.optim.Adam(model.parameters())
    theirs.load_state_dict(ours.state_dict())
    ours.load_state_dict(theirs.state_dict())
    assert ours.state_dict()["state"][0]["step"] == 3


def test_in_place_update_is_seen_by_autograd():
    weight = torch.nn.Parameter(torch.ones(3))
    optimizer = Adam([weight])
    product = (weight * weight).sum()
    weight.grad = torch.ones(3)
    optimizer.step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        product.backward()


def test_mistakes():
    with pytest.raises(TidegateError, match="all float32 or all float64"):
        Adam([torch.nn.Parameter(torch.ones(2)), torch.nn.Parameter(torch.ones(2).double())])
