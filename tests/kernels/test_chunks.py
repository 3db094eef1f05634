"""Recomputation of long sequences: the same outputs and gradients as without it."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kernels.test_operators import close, make, results
from tidegate.kernels.library import native
from tidegate.kernels.operators import recurrent
from tidegate.kernels.stack import CELLS, Stack

pytestmark = pytest.mark.skipif(native() is None, reason="the native library was not built")


def chunked(every):
    def run(stack, x, h0, c0, weights, lengths, seed):
        return recurrent(stack, x, h0, c0, weights, lengths, seed, checkpoint_every=every)

    return run


@settings(max_examples=60, deadline=None)
@given(
    cell=st.sampled_from(sorted(CELLS)),
    layers=st.integers(1, 3),
    directions=st.integers(1, 2),
    T=st.integers(1, 9),
    B=st.integers(1, 4),
    H=st.integers(1, 9),
    every=st.integers(1, 10),
    engine=st.booleans(),
    data=st.data(),
)
def test_equals_the_whole_sequence(cell, layers, directions, T, B, H, every, engine, data):
    reverse = data.draw(st.booleans()) if directions == 1 else False
    shares = st.sampled_from([0.0, 0.3])
    stack = Stack(cell, layers, directions, True, reverse, True, *(data.draw(shares) for _ in range(4)))
    lengths = data.draw(st.none() | st.lists(st.integers(0, T), min_size=B, max_size=B).map(torch.tensor))
    inputs = make(stack, T, B, 3, H)
    seed = torch.tensor(data.draw(st.integers(0, 2**62)))
    with pytest.MonkeyPatch.context() as patch:
        if not engine:
            patch.setattr("tidegate.kernels.operators.knows", lambda cell: False)
        ours, _ = results(chunked(every), stack, inputs, lengths, seed)
        whole, _ = results(chunked(None), stack, inputs, lengths, seed)
    outputs = 2 if cell == "gru" else 3
    close(ours[:outputs], whole[:outputs], 0 if engine else 1e-14)
    close(ours[outputs:], whole[outputs:], 1e-12)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("directions", [1, 2])
def test_only_states_are_kept(cell, directions):
    stack = Stack(cell, 1, directions, train=True)
    x, h0, c0, weights = make(stack, 64, 2, 3, 8)
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.numel()) or t, lambda t: t):
        recurrent(stack, x, h0, None if cell == "gru" else c0, weights, checkpoint_every=16)
    states = 2 * directions * 8 * (1 if cell == "gru" else 2)
    known = x.numel() + (h0.numel() + c0.numel()) + sum(w.numel() for w in weights)
    assert sum(kept) <= known + 4 * states


def test_gradients_of_gradients():
    stack = Stack("lstm", 1, 1, train=True)
    x, h0, c0, weights = make(stack, 4, 2, 2, 3)

    def run(x, h0, c0, *weights):
        return recurrent(stack, x, h0, c0, weights, checkpoint_every=2)[:3]

    assert torch.autograd.gradcheck(run, (x, h0, c0, *weights), fast_mode=True)
    assert torch.autograd.gradgradcheck(run, (x, h0, c0, *weights), fast_mode=True)
