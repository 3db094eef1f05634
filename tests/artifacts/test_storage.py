"""Weights of 8 and 16 bits: what is written is what is read, and what cannot be is refused."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from safetensors.numpy import load, save

from tests.nn.specs import build, specs
from tidegate.artifacts.shapes import tensor_shapes
from tidegate.artifacts.spec import Head, Label, Normalise, Recurrent, Skip, Tokens
from tidegate.artifacts.storage import as_stored, pack_weights, shrunk, unpack_weights
from tidegate.core.errors import ArtifactError
from tidegate.runtime.network.network import run_network
from tidegate.runtime.network.recurrent import Loaded

HERE = Path("weights.safetensors")
SPEC = build(Head(hidden_size=6), Normalise(by="last"), Skip(), recurrent=Recurrent(hidden_size=24))


def weights_of(spec, seed=0):
    rng = np.random.default_rng(seed)
    made = {}
    for name, shape in tensor_shapes(spec).items():
        values = rng.normal(size=shape) * 0.3
        made[name] = (np.abs(values) + 0.1 if name.endswith("running_var") else values).astype(np.float32)
    return made


@given(specs())
@settings(max_examples=20, deadline=None)
def test_round_trip(spec):
    weights = weights_of(spec)
    for storage in ("float32", "bfloat16", "int8"):
        found = unpack_weights(HERE, pack_weights(spec, weights, storage), spec, storage)
        expected = as_stored(spec, weights, storage)
        assert list(found) == list(tensor_shapes(spec))
        for name, value in found.items():
            np.testing.assert_array_equal(value, expected[name])
            few = storage != "float32" and name in shrunk(spec)
            error = np.abs(value - weights[name]).max(initial=0)
            limit = np.abs(weights[name]).max(initial=0) * (1 / 254 if storage == "int8" else 1 / 256)
            assert error <= (limit * 1.001 if few else 0)
        again = unpack_weights(HERE, pack_weights(spec, found, storage), spec, storage)
        for name, matrix in found.matrices.items():  # what has 8 bits is written again as it is
            np.testing.assert_array_equal(again.matrices[name].values, matrix.values)
            np.testing.assert_array_equal(again.matrices[name].steps, matrix.steps)


def test_what_is_left_as_it_is():
    names = shrunk(SPEC)
    assert "layers.2.rnn.weight_hh_l0" in names
    assert not any(name.startswith("layers.1.") or "bias" in name for name in names)  # the skip, and vectors
    sizes = {kind: len(pack_weights(SPEC, weights_of(SPEC), kind)) for kind in ("float32", "bfloat16", "int8")}
    assert sizes["int8"] < sizes["bfloat16"] < sizes["float32"]


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        (lambda t: t.pop("layers.2.rnn.weight_hh_l0.step"), "missing"),
        (lambda t: t.update(more=np.zeros(1, np.float32)), "extra"),
        (lambda t: t["layers.2.rnn.weight_hh_l0.step"].__setitem__(0, np.nan), "not finite, or below 0"),
        (lambda t: t["layers.2.rnn.weight_hh_l0.step"].__setitem__(0, -1), "not finite, or below 0"),
        (lambda t: t["layers.2.rnn.weight_hh_l0"].__setitem__((0, 0), -128), "-128"),
        (lambda t: t["layers.2.rnn.weight_hh_l0.step"].__setitem__(0, 1e20), "no training gives"),
        (lambda t: t.update({"layers.2.rnn.weight_hh_l0": np.zeros((96, 24), np.float32)}), "expected int8"),
    ],
)
def test_attacks(edit, why):
    tensors = {name: value.copy() for name, value in load(pack_weights(SPEC, weights_of(SPEC), "int8")).items()}
    edit(tensors)
    with pytest.raises(ArtifactError, match=why):
        unpack_weights(HERE, save(tensors), SPEC, "int8")
    with pytest.raises(ArtifactError):
        unpack_weights(HERE, b"no tensors", SPEC, "int8")


@given(specs())
@settings(max_examples=15, deadline=None)
def test_a_network_of_8_bits_says_about_the_same(spec):
    rng = np.random.default_rng(1)
    past = rng.normal(size=(4, spec.window, spec.past)).astype(np.float32)
    future = rng.normal(size=(4, spec.horizon, spec.future)).astype(np.float32) if spec.future else None
    static = rng.normal(size=(4, spec.static)).astype(np.float32) if spec.static else None
    stored = as_stored(spec, weights_of(spec), "int8")
    found = run_network(spec, Loaded(stored), past, future, static).values
    exact = run_network(spec, Loaded(dict(stored)), past, future, static).values  # the same weights, float32 products
    assert np.abs(found - exact).max() <= 0.1 * (np.abs(exact).max() + 0.3)


def test_members_and_tokens():
    spec = build(Label(), Tokens(vocabulary=11, size=6), window=0, horizon=1, past=1, targets=0, outputs=3, members=2)
    stored = as_stored(spec, weights_of(spec), "int8")
    assert "members.1.layers.0.embedding.weight" in stored.matrices
    rows = np.random.default_rng(0).integers(0, 11, (5, 9))
    found = run_network(spec, Loaded(stored), rows).values
    np.testing.assert_allclose(found, run_network(spec, dict(stored), rows).values, atol=0.05)
    assert (found != run_network(spec, dict(stored), rows).values).any()  # it did compute with 8 bits


def test_what_computes_with_8_bits_keeps_no_float32():
    loaded = Loaded(as_stored(SPEC, weights_of(SPEC), "int8"))
    few = set(loaded.matrices)
    assert few == shrunk(SPEC)
    past = np.random.default_rng(0).normal(size=(2, SPEC.window, SPEC.past)).astype(np.float32)
    future, static = np.zeros((2, SPEC.horizon, SPEC.future), np.float32), np.zeros((2, SPEC.static), np.float32)
    before = run_network(SPEC, loaded, past, future, static).values
    assert not few & set(loaded.plain)
    assert {name: weight.shape for name, weight in loaded.items()} == tensor_shapes(SPEC)
    assert not few & set(loaded.plain)
    name = min(few)
    np.testing.assert_array_equal(loaded[name], loaded.matrices[name].whole())
    assert loaded[name] is loaded[name]
    again = pickle.loads(pickle.dumps(loaded))
    np.testing.assert_array_equal(run_network(SPEC, again, past, future, static).values, before)
