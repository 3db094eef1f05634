"""Gates against the engine's own, statistics against closed forms, and attention of any layer."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from tests.explain.toy import planted
from tidegate.artifacts.spec import Recurrent
from tidegate.explain.gates import Attention, Gates, trace_attention, trace_gates, trace_stack
from tidegate.explain.groups import by_block
from tidegate.nn.layers import recurrent
from tidegate.runtime.network import layers as runtime_layers
from tidegate.runtime.network.network import run_network

CELLS = ["lstm", "peephole", "coupled", "gru", "slstm"]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("more", [{}, {"layer_norm": True}, {"zoneout": 0.3}], ids=["plain", "norm", "zoneout"])
def test_gates_and_states_are_the_engines(cell: str, bidirectional: bool, more: dict[str, Any]) -> None:
    if cell == "slstm" and "layer_norm" in more:
        pytest.skip("refused by the spec")
    layer = Recurrent(cell=cell, hidden_size=5, num_layers=2, bidirectional=bidirectional, **more)
    torch.manual_seed(0)
    network = recurrent(layer, 3, bidirectional=bidirectional).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    x = torch.randn(4, 9, 3)
    small = 1e-4 if "layer_norm" in more else 1e-5  # a norm also magnifies what was rounded
    with torch.no_grad():
        output, _, saved = network(x, return_gates=True)
    weights = {f"rnn.{name}": value.numpy() for name, value in network.state_dict().items()}
    found = trace_stack(layer, weights, "rnn", x.numpy())
    assert len(found) == 2 * (1 + bidirectional)
    for index, gates in enumerate(found):
        for name in saved.names:
            if name in gates.values:
                np.testing.assert_allclose(gates.values[name], getattr(saved, name)[index].numpy(), atol=small)
    last = np.concatenate([gates.values["h"] for gates in found[-1 - bidirectional :]], axis=2)
    np.testing.assert_allclose(last, output.numpy(), atol=small)
    assert set(saved.names) - {"p"} <= set(found[0].values)


def test_a_matrix_memory_keeps_what_its_heads_forget_gates_let_through() -> None:
    layer = Recurrent(cell="mlstm", hidden_size=4, num_heads=2)
    network = recurrent(layer, 3, bidirectional=False)
    bias = torch.tensor([0.0, np.log(9)])  # f = 0.5 and 0.9; gates look at nothing yet
    with torch.no_grad():
        network.get_parameter("bias_ih_l0")[-2:] = bias
        output = network(torch.ones(1, 6, 3))[0].numpy()
    weights = {f"rnn.{name}": value.numpy() for name, value in network.state_dict().items()}
    (gates,) = trace_stack(layer, weights, "rnn", np.ones((1, 6, 3), np.float32))
    np.testing.assert_allclose(gates.values["f"][0, 5], [0.5, 0.5, 0.9, 0.9], rtol=1e-5)
    np.testing.assert_allclose(gates.values["h"], output, atol=1e-6)
    np.testing.assert_allclose(gates.half_life()[[0, 3]], [1.0, np.log(2) / -np.log(0.9)], rtol=1e-5)


def test_the_half_life_is_that_of_the_forget_bias() -> None:
    """With no weights, f = sigmoid(b) at every step: memory falls to a half after ln 2 / -ln f steps."""
    layer = Recurrent(cell="lstm", hidden_size=2)
    weights = {f"rnn.weight_{kind}_l0": np.zeros((8, 2), np.float32) for kind in ("ih", "hh")}
    bias = np.zeros(8, np.float32)
    bias[2:4] = [0.0, np.log(9)]  # f = 0.5 and 0.9
    weights |= {"rnn.bias_ih_l0": bias, "rnn.bias_hh_l0": np.zeros(8, np.float32)}
    (gates,) = trace_stack(layer, weights, "rnn", np.zeros((1, 6, 2), np.float32), stride=3)
    np.testing.assert_allclose(gates.half_life(), [3.0, 3 * np.log(2) / -np.log(0.9)], rtol=1e-5)
    assert gates.dead().all()  # the candidate is 0, and so is every output
    assert not gates.saturation()["f"].any()


def test_saturation_counts_steps_near_the_ends() -> None:
    values = np.array([0.01, 0.99, 0.5, 0.999]).reshape(1, 4, 1)
    gates = Gates("gru", 0, False, {"r": values, "z": values, "n": values, "h": values}, 1)
    np.testing.assert_allclose(gates.saturation()["z"], [[0.25, 0.5]])
    assert not gates.dead().any()


def test_a_network_that_copies_from_far_back_remembers_that_long() -> None:
    """Some unit keeps half of its memory over most of the lag; the network for a near lag forgets sooner."""
    far, near = (max(trace_gates(planted(*sizes))[0].half_life()) for sizes in ((50, 60, 10), (2, 12)))
    assert far > 25
    assert near < far


def test_gates_come_from_what_the_recurrence_reads() -> None:
    model = planted(50, 60, 10)
    (gates,) = trace_gates(model)
    assert gates.values["h"].shape == (64, 6, 16)
    assert gates.stride == 10


@pytest.mark.parametrize(
    ("field", "shape"), [("attention", (3, 12)), ("decoder_attention", (2, 12)), ("self_attention", (4, 12, 12))]
)
def test_weights_of_any_layer_are_shown(field: str, shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """A layer attends by writing to the flow, whatever its kind and however many heads and queries it has."""
    model = planted(7, 12)
    draw = np.random.default_rng(0).random((64, *shape))
    draw /= draw.sum(axis=-1, keepdims=True)

    def attending(spec: object, layer: object, weights: object, at: str, flow: SimpleNamespace) -> None:
        head(spec, layer, weights, at, flow)
        setattr(flow, field, draw)

    head = runtime_layers.LAYERS["head"]
    assert trace_attention(model) == ()
    monkeypatch.setitem(runtime_layers.LAYERS, "head", attending)
    (found,) = trace_attention(model)
    expected = draw.mean(axis=1) if draw.ndim == 4 else draw
    assert found.kind == "head"
    np.testing.assert_allclose(found.weights, expected)
    np.testing.assert_allclose(found.by_step(), expected.mean(axis=1))


def test_steps_that_do_not_divide_the_window_keep_their_weight() -> None:
    """Five steps of a sequence over a window of twelve."""
    found = Attention("pool", 0, np.array([[0.1, 0.2, 0.3, 0.2, 0.2]]))
    groups = by_block(planted(7, 12).layout, 1)
    each = found.by_group(groups, 0, 12)
    assert each.sum() == pytest.approx(1)
    np.testing.assert_allclose(each[:3].sum(), 0.1)


def test_pooling_weights_are_the_runtimes() -> None:
    model = planted(7, 12, 1, "lstm", "attention")
    (found,) = trace_attention(model)
    expected = run_network(model.spec, model.weights, *model.windows).attention
    np.testing.assert_allclose(found.weights, expected)
    assert (found.kind, found.place) == ("pool", 1)
