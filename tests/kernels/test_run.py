"""Inference without torch, held to torch's layers."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from tidegate.core.errors import TidegateError
from tidegate.kernels import reference as twins
from tidegate.kernels.library import native
from tidegate.kernels.run import Packed, Stepper
from tidegate.kernels.stack import CELLS, Stack

pytestmark = pytest.mark.skipif(native() is None, reason="the native library was not built")


def reference(cell, *args, **kwargs):
    torch.manual_seed(0)
    layer = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[cell](*args, batch_first=True, **kwargs)
    return layer, [p.detach().numpy() for p in layer.parameters()]


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("directions", [1, 2])
def test_forward(cell, directions):
    layer, weights = reference(cell, 3, 21, 2, bidirectional=directions == 2)
    packed = Packed(Stack(cell, 2, directions), weights)
    x = np.random.default_rng(0).normal(size=(5, 7, 3)).astype(np.float32)
    y, h, c = packed.forward(x)
    expected, state = layer(torch.from_numpy(x))
    np.testing.assert_allclose(y, expected.detach().numpy(), atol=1e-6)
    states = (state,) if cell == "gru" else state
    for ours, theirs in zip((h, c), states, strict=False):
        np.testing.assert_allclose(ours, theirs.detach().numpy(), atol=1e-6)
    short, _, _ = packed.forward(x, lengths=np.array([1, 7, 3, 0, 2]))
    assert not short[3].any()
    assert not short[2, 3:].any()


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("streams", [1, 5])
def test_steps_equal_the_sequence(cell, streams):
    layer, weights = reference(cell, 3, 64, 2)
    packed = Packed(Stack(cell, 2), weights)
    stepper = Stepper(packed, streams)
    x = np.random.default_rng(1).normal(size=(streams, 9, 3)).astype(np.float32)
    expected = layer(torch.from_numpy(x))[0].detach().numpy()
    whole = packed.forward(x)[0]
    for t in range(9):
        y = stepper(x[:, t])
        np.testing.assert_allclose(y, expected[:, t], atol=1e-6)
        np.testing.assert_array_equal(y, whole[:, t])
    stepper.reset()
    np.testing.assert_array_equal(stepper(x[:, 0]), whole[:, 0])


@pytest.mark.parametrize("cell", sorted(set(CELLS) - {"slstm"}))
def test_layer_norm_steps_equal_the_sequence_and_the_twin(cell):
    stack = Stack(cell, 2, norm=True)
    generator = np.random.default_rng(0)
    weights = [generator.normal(size=shape, scale=0.5).astype(np.float32) for shape in stack.shapes(3, 21)]
    packed = Packed(stack, weights)
    stepper = Stepper(packed, 5)
    x = generator.normal(size=(5, 6, 3)).astype(np.float32)
    twin = twins.recurrent(
        stack, torch.from_numpy(x.swapaxes(0, 1)), (None, None), [torch.from_numpy(w) for w in weights]
    )
    whole = packed.forward(x)[0]
    np.testing.assert_allclose(whole, twin[0].numpy().swapaxes(0, 1), atol=2e-6)
    for t in range(6):
        np.testing.assert_array_equal(stepper(x[:, t]), whole[:, t])


def test_mistakes():
    _, weights = reference("lstm", 3, 4)
    with pytest.raises(TidegateError, match="weight 1 is float64"):
        Packed(Stack("lstm"), [weights[0], weights[1].astype(np.float64), *weights[2:]])
    with pytest.raises(TidegateError, match="4 weights expected, 3 given"):
        Packed(Stack("lstm"), weights[:3])
    packed = Packed(Stack("lstm"), weights)
    with pytest.raises(TidegateError, match=r"expected \[B, T, 3\]"):
        packed.forward(np.zeros((2, 5, 4), np.float32))
    with pytest.raises(TidegateError, match="a length is negative or larger"):
        packed.forward(np.zeros((2, 5, 3), np.float32), lengths=np.array([6, 1]))


def test_no_torch_is_imported():
    code = "import sys, tidegate.kernels.run; raise SystemExit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
