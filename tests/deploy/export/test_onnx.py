"""ONNX graphs against the runtime: any network that can be said, and whole models."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings

from tests.artifacts.test_storage import weights_of
from tests.deploy.shrink.runs import classifier, forecaster
from tests.nn.specs import build, specs
from tidegate.artifacts.spec import (
    Branch,
    Convolution,
    Dropout,
    Label,
    NetworkSpec,
    Next,
    Normalise,
    Recurrent,
    Tag,
    Tokens,
)
from tidegate.cli.main import run as command
from tidegate.core.errors import ConfigError, ExportError
from tidegate.deploy.export.graph import Builder
from tidegate.deploy.export.model import OnnxModel, export_onnx
from tidegate.deploy.export.nodes import OPSET, Graph
from tidegate.runtime.network.network import run_network

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")


def session_of(content):
    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 3, 1
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def run_graph(spec, weights, feeds):
    graph = Graph()
    own = Builder(graph, spec, weights, "lengths" if "lengths" in feeds else None)
    own.build("past", "future" if "future" in feeds else None, "static" if "static" in feeds else None)
    graph.nodes.append(onnx.helper.make_node("Identity", [own.undone(own.values())], ["y"]))
    kind = {np.dtype("f4"): onnx.TensorProto.FLOAT, np.dtype("i8"): onnx.TensorProto.INT64}
    value = onnx.helper.make_tensor_value_info
    made = onnx.helper.make_model(
        onnx.helper.make_graph(
            graph.nodes,
            "g",
            [value(n, kind[x.dtype], ["batch", *([None] * (x.ndim - 1))]) for n, x in feeds.items()],
            [value("y", onnx.TensorProto.FLOAT, None)],
            [onnx.numpy_helper.from_array(array, name) for name, array in graph.constants.items()],
        ),
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
    )
    made.ir_version = 8
    return session_of(made.SerializeToString()).run(None, feeds)[0]


@given(specs())
@settings(max_examples=40, deadline=None)
def test_any_forecasting_network(spec):
    rng, weights = np.random.default_rng(0), weights_of(spec)
    feeds = {"past": rng.normal(size=(3, spec.window, spec.past)).astype(np.float32)}
    if spec.future:
        feeds["future"] = rng.normal(size=(3, spec.horizon, spec.future)).astype(np.float32)
    if spec.static:
        feeds["static"] = rng.normal(size=(3, spec.static)).astype(np.float32)
    expected = run_network(spec, weights, feeds["past"], feeds.get("future"), feeds.get("static")).prepared()
    try:
        found = run_graph(spec, weights, feeds)
    except ConfigError:
        return  # said clearly; `test_what_cannot_be_said` has each
    np.testing.assert_allclose(found, expected, atol=1e-4 * max(1, np.abs(expected).max()))


@pytest.mark.parametrize("cell", ["lstm", "gru", "peephole", "coupled"])
@pytest.mark.parametrize("pool", ["last", "mean", "max", "attention", "ends"])
def test_sequences_of_any_length(cell, pool):
    layer = Recurrent(cell=cell, hidden_size=5, num_layers=2, bidirectional=True)
    between = (Normalise(by="standard"), Branch(channels=(16, 4), kernels=(4, 3), squeeze_excite=True), Dropout())
    sizes = {"window": 0, "horizon": 1, "past": 3, "targets": 3, "outputs": 4}
    spec = build(Label(hidden_size=6), *between, recurrent=layer, pool=pool, **sizes)
    compare(spec)


def test_tags_and_convolutions():
    layers = [layer for layer in build(Label(), Convolution(channels=(4, 3)), recurrent=Recurrent(hidden_size=5),
              window=0, horizon=1, past=3, outputs=2).layers if layer.kind not in ("pool", "label")]  # fmt: skip
    spec = build(Label(), window=0, horizon=1, past=3, outputs=2).model_copy(update={"layers": (*layers, Tag())})
    compare(spec)


def compare(spec):
    rng, weights = np.random.default_rng(1), weights_of(spec)
    lengths = np.array([9, 4, 1, 7])
    past = rng.normal(size=(4, 9, spec.past)).astype(np.float32)
    past[1, 4:] = np.nan  # nobody looks past a row's end
    expected = run_network(spec, weights, past, lengths=lengths).values
    found = run_graph(spec, weights, {"past": past, "lengths": lengths})
    np.testing.assert_allclose(found, expected, atol=2e-5)


@pytest.mark.parametrize("layer", [Recurrent(layer_norm=True, hidden_size=4), Recurrent(zoneout=0.1, hidden_size=4)])
def test_what_cannot_be_said(layer):
    spec = build(Label(), recurrent=layer, window=5, horizon=1, past=2)
    with pytest.raises(ConfigError, match=r"ONNX's recurrent operators have no"):
        run_graph(spec, weights_of(spec), {"past": np.zeros((1, 5, 2), np.float32)})


def test_a_forecaster(tmp_path, capsys):
    """The graph, fed with a table's own values, forecasts what the model does."""
    import tidegate as tg

    run, out = forecaster(), tmp_path / "load.onnx"
    assert command(["export", str(run), "--out", str(out)]) == 0
    about = json.loads(out.with_name("load.onnx.json").read_text())
    assert about["difference"] < 1e-4
    model = tg.load(run)
    table = model.model_.context()
    prepared = model.preparation_.apply(table.extend(6))
    past = prepared.past(np.array([len(table)]), about["window"])
    own = about["past"]
    raw = past * [part["scale"] for part in own] + [part["offset"] for part in own]
    np.testing.assert_allclose(raw[0, :, 0], table.columns["load"][-about["window"] :], rtol=1e-5)
    feeds = {"past": raw.astype(np.float32)}
    if "future" in about["inputs"]:
        feeds["future"] = prepared.future(np.array([len(table)]), 6)
    mean = session_of(out.read_bytes()).run(["mean"], feeds)[0]
    np.testing.assert_allclose(mean[0, :, 0], np.asarray(model.predict()["mean"]), rtol=1e-4)


def test_a_classifier(tmp_path):
    import tidegate as tg

    about = export_onnx(classifier(), tmp_path / "ways.onnx")
    assert about["classes"] == ["down", "up"]
    rows = [np.linspace(-1, 1, 9), np.linspace(1, -1, 12)]
    past = np.zeros((2, 12, 1), np.float32)
    for place, row in enumerate(rows):
        past[place, : len(row), 0] = row
    found = session_of((tmp_path / "ways.onnx").read_bytes()).run(None, {"past": past, "lengths": np.array([9, 12])})[0]
    np.testing.assert_allclose(found, tg.load(classifier()).predict_proba([row[:, None] for row in rows]), atol=1e-5)


def test_a_graph_that_differs_is_not_written(tmp_path, monkeypatch):
    expected = OnnxModel.expected
    monkeypatch.setattr(
        OnnxModel, "expected", lambda self, feeds: {n: v * 1.001 for n, v in expected(self, feeds).items()}
    )
    with pytest.raises(ExportError, match=re.compile("not written")):
        export_onnx(classifier(), tmp_path / "ways.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_a_language_model_goes_on_from_its_state(cell, tmp_path):
    layer, tokens = Recurrent(cell=cell, hidden_size=7, num_layers=2), Tokens(vocabulary=11, size=6)
    sizes = {"window": 0, "horizon": 1, "past": 1, "targets": 0, "outputs": 11}
    spec = NetworkSpec(layers=(tokens, layer, Next(tied=True)), **sizes)
    made = OnnxModel.__new__(OnnxModel)
    made.model = SimpleNamespace(spec=spec, weights=weights_of(spec), vocabulary=SimpleNamespace(to_json=dict))
    made.spec, made.task, made.graph = spec, "language", Graph()
    made.inputs, made.outputs, made.units, made.about = {}, {}, {}, {}
    made._language()
    content = made.proto().SerializeToString()
    assert made.check(content) < 1e-4
    session, rows = session_of(content), np.random.default_rng(0).integers(0, 11, (2, 8))
    state = {name: np.zeros((2, 2, 7), np.float32) for name in (("h0",) if cell == "gru" else ("h0", "c0"))}
    whole = session.run(["scores"], {"tokens": rows, **state})[0]
    for step in range(8):  # one token at a time, the state carried along
        scores, *ends = session.run(None, {"tokens": rows[:, step : step + 1], **state})
        np.testing.assert_allclose(scores[:, 0], whole[:, step], atol=1e-5)
        state = dict(zip(state, ends, strict=True))
