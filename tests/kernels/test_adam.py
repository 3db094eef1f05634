"""The native Adam beside torch's."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys

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


def test_copies_and_pickles_go_on_alike():
    model, ours = train(Adam, 3, torch.float32, clip=0.5)
    ours.clip = 0.5
    gradients = [p.grad.clone() for p in model.parameters()]
    found = []
    for copied in (copy.deepcopy((model, ours)), pickle.loads(pickle.dumps((model, ours)))):
        network, optimizer = copied
        for p, g in zip(network.parameters(), gradients, strict=True):
            p.grad = g.clone()
        optimizer.step()
        found.append([p.detach() for p in network.parameters()])
    ours.step()
    for weights in found:
        assert all(torch.equal(a, b) for a, b in zip(weights, model.parameters(), strict=True))


def test_weights_that_move_and_parameters_that_join_late():
    weights = [torch.nn.Parameter(torch.ones(5)) for _ in range(3)]
    reference = [torch.nn.Parameter(torch.ones(5)) for _ in range(3)]
    ours, theirs = Adam(weights, lr=0.1), torch.optim.Adam(reference, lr=0.1)
    for step in range(6):
        for own, optimizer in ((weights, ours), (reference, theirs)):
            for index, p in enumerate(own):
                p.grad = None if index == 2 and step < 3 else torch.full((5,), 1.0 + step * index)
            optimizer.step()
        if step == 4:
            weights[0].data = weights[0].data.clone()
        torch.testing.assert_close(weights, reference)


def test_hooks_and_schedules_see_every_step():
    weight = torch.nn.Parameter(torch.ones(3))
    optimizer = Adam([weight], lr=0.1)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)
    seen = []
    handle = optimizer.register_step_post_hook(lambda *_: seen.append(optimizer.param_groups[0]["lr"]))
    for step in range(3):
        if step == 2:
            handle.remove()
        weight.grad = torch.ones(3)
        optimizer.step()
        schedule.step()
    assert seen == [0.1, 0.05]
    assert optimizer.step(lambda: 7.0) == 7.0


def test_is_as_near_to_exact_arithmetic_as_torch():
    exact = list(train(lambda p: torch.optim.Adam(p, lr=0.02), 30, torch.float64)[0].parameters())
    errors = []
    for make in (Adam, torch.optim.Adam):
        model, _ = train(lambda p, make=make: make(p, lr=0.02), 30, torch.float32)
        errors.append(max(float((a - b).detach().abs().max()) for a, b in zip(model.parameters(), exact, strict=True)))
    assert errors[0] <= 2 * errors[1]


def test_a_training_step_leaves_the_compiler_alone() -> None:
    code = """
import sys, torch
from tidegate.kernels.adam import Adam
from tidegate.nn.recurrent import LSTM
layer = LSTM(2, 3)
adam = Adam(layer.parameters())
layer(torch.zeros(4, 1, 2))[0].sum().backward()
adam.step(), adam.zero_grad(), adam.state_dict()
assert "torch._dynamo" not in sys.modules  # seconds, where a small file is trained in one
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)
