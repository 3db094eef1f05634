"""Layers of 8 bits: the engine's bits are numpy's, and both are close to float32."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from tidegate.core.errors import ConfigError
from tidegate.kernels import int8
from tidegate.kernels.int8 import Dense8, Layer8, Matrix8, Packed8, Stepper8
from tidegate.kernels.run import Packed
from tidegate.kernels.stack import GATES, Stack

CELLS = [cell for cell in GATES if cell != "slstm"]
native_only = pytest.mark.skipif(int8.engine() is None, reason="the native library has no layers of 8 bits")


def weights_of(stack, inputs, units, seed=0):
    """Float32 weights in the engine's order, and the same as layers of 8 bits."""
    rng = np.random.default_rng(seed)
    flat = [rng.uniform(-1, 1, shape).astype(np.float32) / np.float32(np.sqrt(units)) for shape in
            stack.shapes(inputs, units)]  # fmt: skip
    layers, each = [], stack.arrays_per_layer
    for first in range(0, len(flat), each):
        own = flat[first : first + each]
        rest = iter(own[4:])
        peephole = next(rest) if stack.cell == "peephole" else None
        norm = next(rest) if stack.norm else None
        layers.append(Layer8(Matrix8.of(own[0]), Matrix8.of(own[1]), own[2], own[3], peephole, norm))
    return flat, layers


def in_numpy(stack, layers):
    packed = Packed8(stack, layers)
    packed.engines = None
    return packed


@native_only
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("how", [{}, {"norm": True}, {"zoneout_h": 0.1, "zoneout_c": 0.2}, {"directions": 2}])
@pytest.mark.parametrize(("inputs", "units"), [(1, 5), (7, 16), (30, 37)])
def test_same_bits(cell, how, inputs, units):
    if cell == "gru" and "zoneout_c" in how:
        how = {"zoneout_h": 0.1}
    stack = Stack(cell, 2, **how)
    _, layers = weights_of(stack, inputs, units)
    rng = np.random.default_rng(1)
    x = (rng.normal(size=(7, 9, inputs)) * rng.choice([1e-3, 1, 50], size=(7, 9, 1))).astype(np.float32)
    x[0, 2] = 0
    lengths = np.array([9, 1, 0, 5, 9, 3, 8])
    state = (2 * stack.directions, 7, units)
    starts = [rng.uniform(-1, 1, state).astype(np.float32) for _ in range(2)]
    ours, theirs = Packed8(stack, layers), in_numpy(stack, layers)
    for name, a, b in zip("yhc", ours.forward(x, *starts, lengths), theirs.forward(x, *starts, lengths), strict=True):
        np.testing.assert_array_equal(a.view(np.int32), b.view(np.int32), err_msg=name)


@pytest.mark.parametrize("cell", CELLS)
def test_close_to_float32(cell):
    stack = Stack(cell, 2)
    flat, layers = weights_of(stack, 4, 32)
    x = np.random.default_rng(2).normal(size=(8, 20, 4)).astype(np.float32)
    try:
        exact = Packed(stack, flat).forward(x)[0]
    except ConfigError:
        pytest.skip("the native library was not built")
    found = Packed8(stack, layers).forward(x)[0]
    assert np.abs(found - exact).max() < 0.02
    assert np.abs(found - exact).mean() < 0.1 * np.abs(exact).mean()


def test_by_hand():
    """One unit, one step: every number of the formulas worked out."""
    weight = Matrix8.of(np.array([[0.5, -1.0]], np.float32))
    np.testing.assert_array_equal(weight.values, [[64, -127]])  # 0.5 * 127 = 63.5, to the even number
    x = np.array([[2.0, 0.5]], np.float32)  # 127 and 31.75: 32 and then -0.25 * 254 = -63.5, to -64
    digits, steps = int8.quantise_rows(x, 2)
    assert [d.tolist() for d in digits] == [[[127, 32]], [[0, -64]]]
    assert steps[0] == np.float32(2) / np.float32(127)
    exact = (127 * 64 - 32 * 127 + 64 * 127 / 254) * (2 / 127) * (1 / 127)
    assert float(int8.product(digits, steps, weight)[0, 0]) == pytest.approx(exact, rel=1e-6)


@pytest.mark.parametrize("n", [1, 3, 64, 513])
def test_dense(n):
    rng = np.random.default_rng(3)
    weight, bias = rng.normal(size=(11, n)).astype(np.float32), rng.normal(size=11).astype(np.float32)
    x = rng.normal(size=(4, 5, n)).astype(np.float32)
    dense = Dense8(Matrix8.of(weight), bias)
    found = dense(x)
    np.testing.assert_allclose(found, x @ weight.T + bias, atol=0.03 * np.sqrt(n))
    np.testing.assert_allclose(found, x @ dense.weight.whole().T + bias, atol=2e-4 * np.sqrt(n) + 1e-4)
    dense._engine = None
    np.testing.assert_array_equal(found.view(np.int32), dense(x).view(np.int32))


@pytest.mark.parametrize("engine", [True, False])
def test_what_is_not_finite_stays_so(engine):
    stack = Stack("lstm")
    _, layers = weights_of(stack, 3, 8)
    packed = Packed8(stack, layers) if engine else in_numpy(stack, layers)
    x = np.ones((3, 2, 3), np.float32)
    x[0, 1, 1], x[1, 0, 2] = np.nan, np.inf
    y = packed.forward(x)[0]
    assert np.isfinite(y[2]).all()
    assert np.isfinite(y[0, 0]).all()
    assert np.isnan(y[0, 1]).all()
    assert np.isnan(y[1]).all()


@pytest.mark.parametrize("engine", [True, False])
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_steps_equal_the_sequence(cell, engine):
    stack = Stack(cell, 2)
    _, layers = weights_of(stack, 3, 20)
    packed = Packed8(stack, layers) if engine else in_numpy(stack, layers)
    x = np.random.default_rng(4).normal(size=(5, 6, 3)).astype(np.float32)
    whole, stepper = packed.forward(x)[0], Stepper8(packed, 5)
    for t in range(6):
        np.testing.assert_array_equal(stepper(x[:, t]), whole[:, t])
    stepper.reset()
    np.testing.assert_array_equal(stepper(x[:, 0]), whole[:, 0])


@native_only
@pytest.mark.parametrize("isa", ["baseline", "avx2", "auto"])
def test_same_bits_on_every_instruction_set(isa):
    program = (
        "import numpy as np, hashlib\n"
        "from tidegate.kernels.int8 import *\n"
        "from tests.kernels.test_int8 import CELLS, weights_of\n"
        "made = hashlib.sha256()\n"
        "for cell in CELLS:\n"
        "    for norm in (False, True):\n"
        "        stack = Stack(cell, 2, 2, norm=norm)\n"
        "        packed = Packed8(stack, weights_of(stack, 9, 33)[1])\n"
        "        x = np.random.default_rng(0).normal(size=(11, 13, 9)).astype(np.float32)\n"
        "        made.update(packed.forward(x)[0].tobytes())\n"
        "print(made.hexdigest(), instruction_set())\n"
    )

    def ran(**env):
        own = {**os.environ, **env}
        made = subprocess.run([sys.executable, "-c", program], env=own, capture_output=True, text=True, check=True)
        return made.stdout.split()

    expected = ran(TIDEGATE_NATIVE="off")
    assert expected[1] == "None"
    found = ran(TIDEGATE_NATIVE="require", TIDEGATE_ISA=isa, TIDEGATE_NUM_THREADS="2")
    assert found[0] == expected[0]
    assert found[1] in ("baseline", "neon") or isa != "baseline"


def test_refuses_other_shapes():
    stack = Stack("gru")
    packed = Packed8(stack, weights_of(stack, 3, 8)[1])
    with pytest.raises(ConfigError, match="expected"):
        packed.forward(np.zeros((2, 3, 4), np.float32))
    with pytest.raises(ConfigError, match="state"):
        packed.forward(np.zeros((2, 3, 3), np.float32), np.zeros((1, 1, 8), np.float32))
    with pytest.raises(ConfigError, match="one direction"):
        Stepper8(Packed8(Stack("gru", 1, 2), weights_of(Stack("gru", 1, 2), 3, 8)[1]))
    with pytest.raises(ConfigError, match="slstm"):
        Packed8(Stack("slstm"), [])
    with pytest.raises(ConfigError, match="layers expected"):
        Packed8(Stack("gru", 2), weights_of(stack, 3, 8)[1])
