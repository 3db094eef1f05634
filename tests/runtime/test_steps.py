"""A stream gives, bit for bit, what the whole sequence gives, alone or among a thousand others."""

from typing import Any

import numpy as np
import pytest

from tests.nn.specs import build, network
from tidegate.artifacts.spec import (
    BatchNorm,
    Branch,
    Convolution,
    Decoder,
    Dropout,
    Embed,
    Frames,
    Head,
    Label,
    NetworkSpec,
    Normalise,
    Pool,
    Recurrent,
    Segment,
    SelfAttention,
    Tag,
    Tokens,
    Transformer,
)
from tidegate.core.errors import ArtifactError, ConfigError, DataError
from tidegate.kernels.library import native
from tidegate.kernels.stack import knows
from tidegate.runtime.network import recurrent as runtime_recurrent
from tidegate.runtime.network.network import run_network
from tidegate.runtime.network.recurrent import Loaded
from tidegate.runtime.network.steps import Steps

LABEL = {"window": 0, "horizon": 1, "past": 3, "targets": 0, "outputs": 2}
HEAD = {"window": 40, "horizon": 1, "past": 3, "targets": 2, "outputs": 2}
CASES: dict[str, NetworkSpec] = {
    "label": NetworkSpec(layers=(Recurrent(hidden_size=20), Pool(), Label()), **LABEL),
    "hidden label": NetworkSpec(
        layers=(
            Embed(size=5),
            Recurrent(cell="gru", hidden_size=33, num_layers=2),
            Pool(by="ends"),
            Label(hidden_size=9),
        ),
        static=2,
        **LABEL,
    ),
    "tag": NetworkSpec(
        layers=(
            Recurrent(cell="peephole", hidden_size=17, layer_norm=True, num_layers=2),
            BatchNorm(),
            Dropout(),
            Tag(),
        ),
        **LABEL,
    ),
    "tokens": NetworkSpec(
        layers=(
            Tokens(vocabulary=11, size=40),
            Recurrent(cell="coupled", hidden_size=64, zoneout=0.2),
            Tag(hidden_size=7),
        ),
        **{**LABEL, "past": 1},
    ),
    "head": NetworkSpec(layers=(Recurrent(hidden_size=64), Pool(), Dropout(), Head(hidden_size=32)), anchor=1, **HEAD),
    "rich head": NetworkSpec(
        layers=(Embed(size=4), Recurrent(hidden_size=70, num_layers=2), BatchNorm(), Pool(), Head(hidden_size=5)),
        static=1,
        future=2,
        **HEAD,
    ),
}
if knows("slstm"):  # a library that was built before lacks the cell
    slstm = Recurrent(cell="slstm", hidden_size=24, num_layers=2, num_heads=4)
    CASES["sLSTM"] = NetworkSpec(layers=(slstm, Pool(), Label()), **LABEL)
STEPS, STREAMS = 9, 1001


def prepared(name: str, streams: int = STREAMS) -> tuple[NetworkSpec, Loaded, tuple[np.ndarray, ...]]:
    spec, rng = CASES[name], np.random.default_rng(0)
    weights = Loaded({name: tensor.numpy() for name, tensor in network(spec).state_dict().items()})
    x = rng.normal(size=(streams, STEPS, spec.past)).astype(np.float32)
    if spec.find("tokens") is not None:
        x = rng.integers(0, 11, (streams, STEPS))
    future = rng.normal(size=(streams, STEPS, spec.future)).astype(np.float32)
    return spec, weights, (x, future, rng.normal(size=(streams, spec.static)).astype(np.float32))


@pytest.mark.parametrize("cell", ["slstm", "mlstm"])
def test_a_state_of_several_parts_is_carried_and_begins_with_zeros(cell: Any) -> None:
    layers = (Recurrent(cell=cell, hidden_size=12, num_layers=2, num_heads=2), Pool(), Label())
    spec = NetworkSpec(layers=layers, **LABEL)
    weights = Loaded({name: tensor.numpy() for name, tensor in network(spec).state_dict().items()})
    x = np.random.default_rng(0).normal(size=(3, 80, 3)).astype(np.float32)
    stream = Steps(spec, weights, 3)
    found = np.stack(walk(stream, x, np.zeros((3, 80, 0), np.float32)), axis=1)
    for t in (0, 5, 79):
        whole = run_network(spec, weights, x[:, : t + 1]).values[:, -1]
        np.testing.assert_allclose(found[:, t], whole.reshape(3, -1), atol=1e-5)
    width = {"slstm": 24, "mlstm": 12 * 6 + 12 + 2}[cell]
    assert stream.snapshot()["c"].shape == (2, 3, width)
    other = Steps(spec, weights, 3)
    other.restore(stream.snapshot())
    np.testing.assert_array_equal(other.step(x[:, 0]), stream.step(x[:, 0]))
    stream.reset()
    np.testing.assert_allclose(stream.step(x[:, 0]), found[:, 0], atol=1e-6)


def walk(stream: Steps, x: np.ndarray, future: np.ndarray) -> list[np.ndarray]:
    return [stream.step(x[:, t], future[:, t]) for t in range(x.shape[1])]


@pytest.mark.skipif(native() is None, reason="the native library was not built")
@pytest.mark.parametrize("name", CASES)
def test_every_step_is_the_whole_sequences_bit_for_bit(name: str) -> None:
    spec, weights, (x, future, static) = prepared(name)
    outputs = walk(Steps(spec, weights, STREAMS, static), x, future)
    assert outputs[0].shape == (STREAMS, spec.outputs * max(1, spec.targets))
    for t in range(STEPS):
        for rows in (slice(None), slice(700, 701)):
            whole = run_network(spec, weights, x[rows, : t + 1], future[rows, t : t + 1], static[rows])
            np.testing.assert_array_equal(outputs[t][rows], whole.values[:, -1].reshape(-1, outputs[t].shape[1]))


@pytest.mark.skipif(native() is None, reason="the native library was not built")
@pytest.mark.parametrize("name", CASES)
def test_a_stream_is_the_same_alone_and_among_a_thousand(name: str) -> None:
    spec, weights, (x, future, static) = prepared(name)
    among = walk(Steps(spec, weights, STREAMS, static), x, future)
    for row in (0, 5, STREAMS - 1):
        rows = slice(row, row + 1)
        alone = walk(Steps(spec, weights, 1, static[rows]), x[rows], future[rows])
        np.testing.assert_array_equal(np.stack(alone), np.stack(among)[:, rows])


@pytest.mark.parametrize("name", CASES)
def test_streams_run_without_the_engine(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    spec, weights, (x, future, static) = prepared(name, 3)
    expected = run_network(spec, weights, x, future[:, -1:], static).values[:, -1]
    monkeypatch.setattr(runtime_recurrent, "native", lambda: None)
    stream = Steps(spec, dict(weights), 3, static)
    assert stream._stepper is None
    found = walk(stream, x, future)[-1]
    np.testing.assert_allclose(found, expected.reshape(found.shape), atol=5e-5)


@pytest.mark.parametrize("name", ["label", "hidden label"])
@pytest.mark.parametrize("engine", [True, False])
def test_a_snapshot_goes_on_where_it_was_taken(name: str, engine: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not engine:
        monkeypatch.setattr(runtime_recurrent, "native", lambda: None)
    spec, weights, (x, future, static) = prepared(name, 4)
    stream = Steps(spec, weights, 4, static)
    walk(stream, x[:, :5], future)
    kept = stream.snapshot()
    expected = walk(stream, x[:, 5:], future)
    other = Steps(spec, weights, 4, static)
    other.restore(kept)
    assert (other.steps == 5).all()
    np.testing.assert_array_equal(np.stack(walk(other, x[:, 5:], future)), np.stack(expected))
    stream.restore(kept)
    stream.reset([1])
    fresh = Steps(spec, weights, 4, static)
    again, first = stream.step(x[:, 5]), fresh.step(x[:, 5])
    np.testing.assert_array_equal(again[[0, 2, 3]], expected[0][[0, 2, 3]])
    np.testing.assert_array_equal(again[1], first[1])
    assert stream.steps.tolist() == [6, 1, 6, 6]


def test_what_is_no_snapshot_is_refused_and_changes_nothing() -> None:
    spec, weights, (x, future, _) = prepared("label", 4)
    stream = Steps(spec, weights, 4)
    walk(stream, x, future)
    kept = stream.snapshot()
    for wrong, text in (
        ({"h": kept["h"]}, "snapshot: arrays are"),
        ({**kept, "c": kept["c"][:, :3]}, r"c is float32 \[1, 3, 20\]"),
        ({**kept, "h": kept["h"].astype(np.float64)}, "h is float64"),
        ({**kept, "h": kept["h"] * np.nan}, "h holds values that are not finite"),
    ):
        with pytest.raises(ArtifactError, match=text):
            stream.restore(wrong)
    assert all(np.array_equal(kept[name], value) for name, value in stream.snapshot().items())


def test_a_step_that_cannot_be_leaves_the_streams_as_they_were() -> None:
    spec, weights, (x, _, _) = prepared("label", 4)
    stream = Steps(spec, weights, 4)
    stream.step(x[:, 0])
    kept = stream.snapshot()
    burst = x[:, 1].copy()
    burst[2, 1] = np.nan
    with pytest.raises(DataError, match="stream 2: input 1 of a step of these streams is nan"):
        stream.step(burst)
    with pytest.raises(ConfigError, match=r"is \[4, 3\]; got \[3, 3\]"):
        stream.step(x[:3, 1])
    assert all(np.array_equal(kept[name], value) for name, value in stream.snapshot().items())
    rich, tokens = prepared("rich head", 4), prepared("tokens", 4)
    with pytest.raises(ConfigError, match="give static"):
        Steps(*rich[:2], 4)
    with pytest.raises(ConfigError, match=r"future.* is \[4, 2\]"):
        Steps(*rich[:2], 4, rich[2][2]).step(rich[2][0][:, 0])
    with pytest.raises(ConfigError, match="whole numbers from 0 to 10; got 12"):
        Steps(*tokens[:2], 4).step(np.full(4, 12))


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (build(Head(), recurrent=Recurrent(bidirectional=True), horizon=1), "a stream has no future"),
        (build(Head(), pool="attention", horizon=1), "pooling by 'attention' looks at all steps: take 'last'"),
        (build(Head(), Segment(length=4, size=3), horizon=1), "segment looks at a whole window"),
        (build(Head(), Convolution(channels=(3,)), horizon=1), "convolution looks at"),
        (build(Head(), Normalise(), horizon=1), "normalise looks at"),
        (build(Head(), SelfAttention(num_heads=1), horizon=1), "self_attention looks at"),
        (build(Head(), recurrent=Transformer(), horizon=1), "transformer looks at"),
        (build(Head(), Branch(), horizon=1), "branch looks at"),
        (build(Decoder(), horizon=1), "decoder looks at"),
        (build(Head()), "horizon is 4: a stream looks one step ahead"),
        (build(Head(lags=(3,)), horizon=1), r"lags \[3\] look back"),
        (build(Head(), anchor=2, horizon=1), "anchor 2 looks back"),
        (build(Head(), targets=2, channels="independent", horizon=1), "independent channels run"),
        (NetworkSpec(layers=(Frames(height=4, width=4), Recurrent(), Tag()), **LABEL | {"past": 16}), "frames looks"),
        (NetworkSpec(layers=(Tokens(vocabulary=5, pairs=9), Recurrent(), Tag()), **LABEL | {"past": 1}), "pairs look"),
    ],
)
def test_a_network_that_cannot_be_streamed_is_refused(spec: Any, text: str) -> None:
    with pytest.raises(ConfigError, match="this network cannot be streamed: " + text):
        Steps(spec, {})
