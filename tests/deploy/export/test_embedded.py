"""Headers on an emulated Cortex-M4 and as WebAssembly: the bits of our 8-bit runtime, in at most 8 KB of code."""

from __future__ import annotations

import numpy as np
import pytest
from scripts import embedded

from tests.deploy.export.test_c import cell_spec, model_of
from tidegate.artifacts.spec import Decoder, Head, Normalise
from tidegate.deploy.export.header import Header
from tidegate.runtime.network.network import run_network

CASES = [
    cell_spec("lstm", Head(hidden_size=6, lags=(3, 12)), Normalise(by="last")),
    cell_spec("peephole", Decoder(segment=2, position=3, lags=(4,)), Normalise(by="last")),
    cell_spec("coupled", Head(hidden_size=6), zoneout=0.2),
    cell_spec("gru", Decoder(), zoneout=0.1),
]
each_cell = pytest.mark.parametrize("spec", CASES, ids=lambda spec: spec.encoder.cell)


def example(spec, storage):
    """A header, its call, its inputs, and what our runtime gives for them."""
    model, rng = model_of(spec, storage), np.random.default_rng(0)
    past = rng.normal(size=(1, spec.window, spec.past)).astype(np.float32)
    future = rng.normal(size=(1, spec.horizon, spec.future)).astype(np.float32)
    expected = run_network(spec, model.weights, past, future).prepared().ravel()
    call = f"net_predict(in, in + {past.size}, out)"
    return Header(model, "net").text(), call, np.concatenate([past.ravel(), future.ravel()]), expected


@pytest.mark.slow
@pytest.mark.skipif(not embedded.arm_tools(), reason="no arm-none-eabi-gcc or qemu-system-arm")
@each_cell
def test_a_cortex_m4_gives_the_same_bits(spec, tmp_path):
    header, call, inputs, expected = example(spec, "int8")
    found, instructions = embedded.on_arm(tmp_path, header, call, inputs, expected.size)
    np.testing.assert_array_equal(found.view(np.int32), expected.view(np.int32))
    adds = spec.window * sum(
        own.values.size for name, own in model_of(spec, "int8").weights.matrices.items() if "rnn" in name
    )
    assert instructions > adds  # they were counted
    assert embedded.code_size(tmp_path, header, call) <= 8192


@pytest.mark.slow
@pytest.mark.skipif(not embedded.arm_tools(), reason="no arm-none-eabi-gcc or qemu-system-arm")
def test_a_cortex_m4_computes_float32(tmp_path):
    header, call, inputs, expected = example(CASES[0], "float32")
    found, _ = embedded.on_arm(tmp_path, header, call, inputs, expected.size)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    assert embedded.code_size(tmp_path, header, call) <= 8192


@pytest.mark.slow
@pytest.mark.skipif(not embedded.wasm_tools(), reason="no ziglang or node")
@each_cell
def test_webassembly_gives_the_same_bits(spec, tmp_path):
    header, call, inputs, expected = example(spec, "int8")
    found = embedded.on_wasm(tmp_path, header, call, inputs, expected.size)
    np.testing.assert_array_equal(found.view(np.int32), expected.view(np.int32))
