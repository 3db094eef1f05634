"""The torch network against torch's own layers and against sums done by hand."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.nn.specs import build, inputs, network, run, saying, specs
from tests.runtime.detect.detectors import make_detector
from tidegate.artifacts.inputs import lag_rows
from tidegate.artifacts.shapes import tensor_shapes
from tidegate.artifacts.spec import BatchNorm, Decoder, Dropout, Embed, Head, NetworkSpec, Normalise, Recurrent, Segment
from tidegate.nn.flow import Flow
from tidegate.nn.layers import PoolLayer
from tidegate.nn.network import Network, every_step
from tidegate.nn.recurrent import LSTM
from tidegate.runtime.detect.network import ForecastSteps, RebuildSteps
from tidegate.runtime.network.network import run_network


@given(st.one_of(specs(), saying()))
@settings(max_examples=120)
def test_tensors_have_the_names_and_shapes_of_the_spec(spec: NetworkSpec) -> None:
    found = {name: tuple(tensor.shape) for name, tensor in Network(spec).state_dict().items()}
    assert found == tensor_shapes(spec)


@given(specs())
@settings(max_examples=20)
def test_output_has_the_shape_of_the_spec(spec: NetworkSpec) -> None:
    output = run(network(spec), *inputs(spec, batch=2))
    assert output.values.shape == (2, spec.horizon, spec.targets, spec.outputs)
    assert output.loc.shape == output.scale.shape == (2, 1, spec.targets)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_recurrence_is_torchs_own_layer(cell: str, bidirectional: bool) -> None:
    recurrent = Recurrent(cell=cell, hidden_size=5, num_layers=2, bidirectional=bidirectional)
    spec = build(Head(hidden_size=6), recurrent=recurrent)
    built, (past, future, static) = network(spec), inputs(spec)
    kind = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[cell]
    reference = kind(spec.past, 5, 2, batch_first=True, bidirectional=bidirectional)
    reference.load_state_dict({name: built.state_dict()[f"layers.0.rnn.{name}"] for name in reference.state_dict()})
    weights = {name.removeprefix("layers.2."): tensor for name, tensor in built.state_dict().items()}
    with torch.no_grad():
        last = reference(torch.from_numpy(past))[0][:, -1]
        context = (last @ weights["context.weight"].T + weights["context.bias"]).reshape(3, 4, 6)
        hidden = torch.relu(context @ weights["output.weight"].T + weights["output.bias"])
        expected = hidden @ weights["final.weight"].T + weights["final.bias"]
    values = run(built, past, future, static).values
    torch.testing.assert_close(values[..., 0], expected, atol=1e-6, rtol=0)


def test_decoder_starts_from_the_encoders_state_and_reads_its_own_inputs() -> None:
    spec = build(Decoder(segment=2, position=3, lags=(5,)), future=2, static=1, outputs=2, pool="attention")
    spec = spec.model_copy(update={"layers": (Embed(size=3), *spec.layers)})
    built, (past, future, static) = network(spec), inputs(spec)
    state = built.state_dict()
    encoder, decoder = torch.nn.LSTM(6, 5, batch_first=True), torch.nn.LSTM(4 + 2 + 3 + 3 + 5, 5, batch_first=True)
    encoder.load_state_dict({name: state[f"layers.1.rnn.{name}"] for name in encoder.state_dict()})
    decoder.load_state_dict({name: state[f"layers.3.rnn.{name}"] for name in decoder.state_dict()})
    with torch.no_grad():
        x, known = torch.from_numpy(past), torch.from_numpy(future)
        embedded = torch.from_numpy(static) @ state["layers.0.linear.weight"].T + state["layers.0.linear.bias"]
        sequence, final = encoder(torch.cat([x, embedded[:, None].repeat(1, 12, 1)], dim=2))
        score = (sequence @ state["layers.2.score.weight"].T + state["layers.2.score.bias"])[..., 0]
        context = (torch.softmax(score, dim=1)[..., None] * sequence).sum(dim=1)
        steps = []
        for step in range(2):
            parts = [known[:, 2 * step : 2 * step + 2].reshape(3, 4), x[:, 7 + 2 * step : 9 + 2 * step, 0]]
            parts += [state["layers.3.position"][step].repeat(3, 1), embedded, context]
            steps.append(torch.cat(parts, dim=1))
        hidden = decoder(torch.stack(steps, dim=1), final)[0]
        expected = hidden @ state["layers.3.output.weight"].T + state["layers.3.output.bias"]
    output = run(built, past, future, static)
    torch.testing.assert_close(output.values[:, :, 0], expected.reshape(3, 4, 2), atol=1e-6, rtol=0)
    torch.testing.assert_close(output.attention, torch.softmax(score, dim=1))


def test_a_bidirectional_encoder_hands_on_the_mean_of_both_directions() -> None:
    """With weights that ignore its inputs, a one-step GRU decoder shows the state that it was given."""
    recurrent = Recurrent(cell="gru", hidden_size=5, bidirectional=True)
    spec = build(Decoder(), recurrent=recurrent, horizon=1)
    built = network(spec)
    state = built.state_dict()
    for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"):
        state[f"layers.2.rnn.{name}"].zero_()
    state["layers.2.rnn.bias_ih_l0"][5:10] = 50.0  # the update gate stays shut: h is kept
    arrays = inputs(spec)
    reference = torch.nn.GRU(3, 5, batch_first=True, bidirectional=True)
    reference.load_state_dict({name: state[f"layers.0.rnn.{name}"] for name in reference.state_dict()})
    with torch.no_grad():
        kept = reference(torch.from_numpy(arrays[0]))[1].mean(dim=0)
        expected = kept @ state["layers.2.output.weight"].T + state["layers.2.output.bias"]
    torch.testing.assert_close(run(built, *arrays).values[:, 0, :, 0], expected, atol=1e-6, rtol=0)


def test_attention_pooling_by_hand() -> None:
    spec = build(Head(hidden_size=6), pool="attention")
    sizes = type("Sizes", (), {"width": 2})()
    layer = PoolLayer(spec, spec.find("pool"), sizes)
    with torch.no_grad():
        layer.score.weight.copy_(torch.tensor([[1.0, 0.0]]))
        layer.score.bias.fill_(7.0)
    sequence = torch.tensor([[[0.0, 10.0], [float(np.log(3)), 20.0]]])
    flow = Flow(targets=sequence, sequence=sequence, future=sequence, static=sequence)
    layer(flow)
    torch.testing.assert_close(flow.attention, torch.tensor([[0.25, 0.75]]))
    torch.testing.assert_close(flow.context, torch.tensor([[0.75 * float(np.log(3)), 17.5]]))


def test_lag_rows_are_the_latest_known_multiples_of_the_lag() -> None:
    for window, horizon, lag in ((12, 4, 1), (12, 4, 3), (12, 30, 5), (24, 24, 24), (7, 9, 7)):
        expected = []
        for step in range(horizon):
            row = window + step - lag
            while row >= window:
                row -= lag
            expected.append(row)
        assert lag_rows(window, horizon, lag).tolist() == expected
    assert lag_rows(12, 4, 3).tolist() == [9, 10, 11, 9]


def test_an_anchored_network_of_no_weight_repeats_the_lag() -> None:
    spec = build(Head(hidden_size=6), anchor=3, past=2, targets=2, outputs=2)
    built = network(spec)
    for tensor in built.state_dict().values():
        tensor.zero_()
    past, future, static = inputs(spec)
    values = run(built, past, future, static).values.numpy()
    for output in range(2):
        assert (values[..., output] == past[:, [9, 10, 11, 9], :2]).all()


@pytest.mark.parametrize("by", ["last", "mean", "standard", "scale"])
def test_normalising_is_undone_on_the_output(by: str) -> None:
    """The anchor repeats the normalised value, so that the output must be the raw value again."""
    spec = build(Head(hidden_size=6), Normalise(by=by, period=5 if by == "scale" else 0), anchor=4, past=2, targets=2)
    built = network(spec)
    for name, tensor in built.state_dict().items():
        if name.startswith("layers.3"):
            tensor.zero_()
    past, future, static = inputs(spec)
    past = past * 7 + 100
    output = run(built, past, future, static)
    x = past.astype(np.float64)
    expected = {
        "last": (x[:, -1:], np.ones((3, 1, 2))),
        "mean": (x.mean(axis=1, keepdims=True), np.ones((3, 1, 2))),
        "standard": (x.mean(axis=1, keepdims=True), x.std(axis=1, keepdims=True)),
        "scale": (np.zeros((3, 1, 2)), np.abs(x[:, -5:]).mean(axis=1, keepdims=True)),
    }[by]
    np.testing.assert_allclose(output.loc, expected[0], rtol=1e-6)
    np.testing.assert_allclose(output.scale, expected[1], rtol=1e-5)
    np.testing.assert_allclose(output.prepared()[..., 0], past[:, [8, 9, 10, 11]], rtol=1e-6)


def test_a_flat_window_is_not_divided_by_zero() -> None:
    spec = build(Head(hidden_size=6), Normalise(by="standard"), past=1)
    past, future, static = inputs(spec)
    assert torch.isfinite(run(network(spec), np.full_like(past, 3.0), future, static).prepared()).all()


def test_normalising_reaches_the_recurrence_and_leaves_covariates_alone() -> None:
    spec = build(Head(hidden_size=6), Normalise(by="last"))
    built, (past, future, static) = network(spec), inputs(spec)
    moved = past.copy()
    moved[:, :, 0] += 5
    torch.testing.assert_close(run(built, moved, future, static).values, run(built, past, future, static).values)
    moved[:, :, 1] += 5
    assert not torch.allclose(run(built, moved, future, static).values, run(built, past, future, static).values)


@pytest.mark.parametrize("last", [Head(hidden_size=6, lags=(3,)), Decoder(lags=(3,))], ids=["head", "decoder"])
@pytest.mark.parametrize("by", ["last", "standard"])
def test_independent_channels_are_each_run_alone(last: object, by: str) -> None:
    between = [Normalise(by=by), Embed(size=3), Segment(length=4, size=4), BatchNorm()]
    sizes = {"future": 2, "outputs": 2, "anchor": 5}
    together = build(
        last, *between, past=5, targets=3, static=1, channels="independent", channel_size=2, pool="attention", **sizes
    )
    alone = build(last, *between, past=3, targets=1, static=3, pool="attention", **sizes)
    both = network(together)
    state = both.state_dict()
    names = state.pop("channel.weight")
    single = Network(alone).eval()
    single.load_state_dict(state)
    past, future, static = inputs(together)
    joined = run(both, past, future, static)
    for channel in range(3):
        own = np.concatenate([past[:, :, channel : channel + 1], past[:, :, 3:]], axis=2)
        vector = np.concatenate([static, np.repeat(names[channel : channel + 1].numpy(), 3, axis=0)], axis=1)
        output = run(single, own, future, vector)
        torch.testing.assert_close(joined.prepared()[:, :, channel], output.prepared()[:, :, 0])
        torch.testing.assert_close(joined.attention[channel::3], output.attention)


def test_the_options_of_the_recurrence_reach_the_engine() -> None:
    """Masks only in training, zoneout's expectation afterwards, the forget gate's start from the beginning."""
    layer = Recurrent(hidden_size=5, recurrent_dropout=0.4, zoneout=0.2, forget_bias=1.5, layer_norm=True, num_layers=2)
    spec = build(Decoder(), recurrent=layer)
    built, (past, _, _) = Network(spec).eval(), inputs(spec)
    for place in (0, 2):  # the decoder is the same stack
        state = built.layers[place].rnn.state_dict()
        assert (state["bias_ih_l1"][5:10] == 1.5).all()
        assert (state["weight_norm_l1"][:40] == 1).all()
    rnn = built.layers[0].rnn
    expected = LSTM(3, 5, 2, batch_first=True, zoneout=0.2, layer_norm=True).eval()
    expected.load_state_dict(rnn.state_dict())
    with torch.no_grad():
        assert torch.equal(rnn(torch.from_numpy(past))[0], expected(torch.from_numpy(past))[0])
        rnn.train()
        assert not torch.equal(rnn(torch.from_numpy(past))[0], rnn(torch.from_numpy(past))[0])
    with pytest.raises(ValueError, match="a gru has none"):
        Recurrent(cell="gru", forget_bias=1.0)


def test_dropout_acts_in_training_alone() -> None:
    spec = build(Head(hidden_size=6), Dropout(rate=0.5))
    built, arrays = network(spec), inputs(spec)
    assert torch.equal(run(built, *arrays).values, run(built, *arrays).values)
    built.train()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        assert not torch.equal(run(built, *arrays).values, run(built, *arrays).values)


def test_batch_norm_is_torchs_with_the_batchs_statistics_in_training_and_running_ones_after() -> None:
    """Of every unit over batch and steps (guide 7.2), and by the same momentum."""
    spec = build(Head(hidden_size=6), BatchNorm())
    built, arrays = network(spec), inputs(spec)
    state = built.state_dict()
    rnn, norm = torch.nn.LSTM(3, 5, batch_first=True), torch.nn.BatchNorm1d(5)
    rnn.load_state_dict({name: state[f"layers.0.rnn.{name}"].clone() for name in rnn.state_dict()})
    norm.load_state_dict(
        {name: state.get(f"layers.1.norm.{name}", torch.tensor(0)).clone() for name in norm.state_dict()}
    )

    def expected() -> torch.Tensor:
        last = norm(rnn(torch.from_numpy(arrays[0]))[0].transpose(1, 2))[:, :, -1]
        context = (last @ state["layers.3.context.weight"].T + state["layers.3.context.bias"]).reshape(3, 4, 6)
        hidden = (context @ state["layers.3.output.weight"].T + state["layers.3.output.bias"]).relu()
        return hidden @ state["layers.3.final.weight"].T + state["layers.3.final.bias"]

    for training in (True, False):
        built.train(training)
        norm.train(training)
        with torch.no_grad():
            torch.testing.assert_close(run(built, *arrays).values[..., 0], expected(), atol=1e-5, rtol=0)
    for name in ("running_mean", "running_var"):
        torch.testing.assert_close(built.state_dict()[f"layers.1.norm.{name}"], norm.state_dict()[name])


def network_of(detector: object) -> Network:
    network = Network(detector.spec)  # type: ignore[attr-defined]
    weights = {name: torch.from_numpy(value) for name, value in detector.weights.items()}  # type: ignore[attr-defined]
    network.load_state_dict(weights)
    return network.eval()


def test_the_forecast_after_the_last_step_is_the_networks_own() -> None:
    detector = make_detector(channels=2)
    network = network_of(detector)
    past = torch.randn(4, 6, detector.spec.past)
    every = every_step(network, past)
    own = network(past, torch.zeros(4, 1, 0), torch.zeros(4, 0)).values[:, 0, :, 0]
    assert every.shape == (4, 6, 2)
    torch.testing.assert_close(every[:, -1], own)
    torch.testing.assert_close(every_step(network, past[:, :3])[:, -1], every[:, 2])


@pytest.mark.parametrize("cell", ["lstm", "gru", "peephole", "coupled"])
def test_steps_of_the_runtime_are_those_of_torch(cell: str) -> None:
    detector = make_detector(cell=cell, channels=2)
    network = network_of(detector)
    past = np.random.default_rng(0).normal(size=(3, 9, detector.spec.past)).astype(np.float32)
    steps = ForecastSteps(detector.spec, detector.weights, 3)
    ours = np.stack([steps(past[:, t], past[:, t, :2]) for t in range(9)], axis=1)
    with torch.no_grad():
        theirs = every_step(network, torch.from_numpy(past)).numpy()
    np.testing.assert_allclose(ours, theirs, atol=2e-6)


def test_without_the_engine_the_steps_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    detector = make_detector()
    past = np.random.default_rng(0).normal(size=(3, 9, detector.spec.past)).astype(np.float32)
    native = ForecastSteps(detector.spec, detector.weights, 3)
    monkeypatch.setattr(type(detector.weights), "packed", lambda *_: None)
    plain = ForecastSteps(detector.spec, detector.weights, 3)
    assert plain.stepper is None
    for t in range(9):
        ours, theirs = (steps(past[:, t], past[:, t, :1]) for steps in (plain, native))
        np.testing.assert_allclose(ours, theirs, atol=2e-6)
    np.testing.assert_allclose(plain.h, native.h, atol=2e-6)


def test_a_window_is_rebuilt_as_the_network_does_it() -> None:
    detector = make_detector("reconstruction", channels=2)
    windows = np.random.default_rng(0).normal(size=(5, 6, 2)).astype(np.float32)
    ours = RebuildSteps(detector.spec, detector.weights)(windows)
    nothing = np.zeros((5, 6, 0), np.float32)
    theirs = run_network(detector.spec, dict(detector.weights), windows, nothing, np.zeros((5, 0), np.float32))
    np.testing.assert_allclose(ours[:, ::-1], theirs.values[..., 0], atol=2e-6)
