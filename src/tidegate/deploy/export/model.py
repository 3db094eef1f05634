"""A trained model as an ONNX file, checked against the runtime before it is kept, and what to feed it as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.artifacts.atomic import write_file
from tidegate.core.errors import ConfigError, ExportError
from tidegate.core.optional import require
from tidegate.core.translate import tr
from tidegate.core.version import VERSION
from tidegate.deploy.export.graph import Builder
from tidegate.deploy.export.nodes import OPSET, Graph
from tidegate.deploy.export.units import Units, sequence_units, table_units
from tidegate.prepare.sequence.targets import ClassLabels
from tidegate.runtime.label.decode import probabilities
from tidegate.runtime.model import load
from tidegate.runtime.network.network import members, run_network

TOLERANCE = 2e-4  # of the largest magnitude of an output
EXTREMES = (1e-3, 1.0, 30.0)  # inputs of the check, in deviations of the training


class OnnxModel:
    """A model under export; `save` writes what `check` has seen agree.

    Args:
        run: folder of a run or a model.

    Raises:
        ConfigError: what ONNX or this exporter cannot say, and what to change.
    """

    def __init__(self, run: str | Path) -> None:
        self.model: Any = load(run)
        self.spec, self.task = self.model.spec, self.model.task
        self.graph = Graph()
        self.inputs: dict[str, tuple[Any, list[Any]]] = {}
        self.outputs: dict[str, tuple[str, list[Any]]] = {}
        self.units: dict[str, Units] = {}  # of the inputs that have a unit of their own
        self.about: dict[str, Any] = {"task": self.task, "tidegate_version": VERSION}
        makers = {"forecaster": self._forecaster, "classifier": self._said, "regressor": self._said}
        makers["language"] = self._language
        if self.task not in makers:
            message = "a {task} cannot be exported to ONNX: what it says is more than the output of a network"
            raise ConfigError(tr(message, task=self.task))
        makers[self.task]()

    def _input(self, name: str, sizes: list[Any], dtype: Any = np.float32) -> str:
        self.inputs[name] = dtype, sizes
        return name

    def _output(self, name: str, value: str, sizes: list[Any]) -> None:
        self.graph.nodes.append(self.graph.onnx.helper.make_node("Identity", [value], [name]))
        self.outputs[name] = value, sizes

    def _read(self, name: str, sizes: list[Any], units: Units) -> str:
        """An input in its own unit, as the network reads it."""
        g, x = self.graph, self._input(name, sizes)
        self.units[name], self.about[name] = units, units.to_json()
        if units.logged.any():
            one = g.op(
                "Log", g.op("Add", g.op("Where", g.const(units.logged, np.bool_), x, g.const(0.0)), g.const(1.0))
            )
            x = g.op("Where", g.const(units.logged, np.bool_), one, x)
        return str(g.op("Div", g.op("Sub", x, g.const(units.offset)), g.const(units.scale)))

    def _forecaster(self) -> None:
        spec, decoding, preparation, g = self.spec, self.model.decoding, self.model.preparation, self.graph
        if decoding.mixture is not None:
            raise ConfigError(
                tr("the forecasts are mixed with the pretrained forecaster's: fit with pretrained=False to export")
            )
        if decoding.horizon > spec.horizon or decoding.repeated:
            raise ConfigError(tr("forecasts that are made of several steps of the network cannot be exported yet"))
        own = table_units(preparation, preparation.past_names)
        feeds = {"past": self._read("past", ["batch", spec.window, spec.past], own)}
        self.about |= {"window": spec.window, "horizon": spec.horizon}
        for name, size, names in (
            ("future", [spec.horizon, spec.future], preparation.future_names),
            ("static", [spec.static], preparation.static_names),
        ):
            if size[-1]:
                feeds[name] = self._read(name, ["batch", *size], table_units(preparation, names))
        if spec.members > 1:
            raise ConfigError(tr("ensembles of forecasters cannot be exported"))
        network = Builder(g, spec, self.model.weights, None)
        network.build(feeds["past"], feeds.get("future"), feeds.get("static"))
        values = network.values()
        if decoding.calibration is not None:
            values = g.op("Add", values, g.const(decoding.calibration))
        values = self._target(network.undone(values))
        count, levels = spec.targets, list(decoding.quantiles)
        if levels:
            first = int(decoding.point)
            ranked = g.op("TopK", g.part(values, 3, first, 2**31), g.ints(len(levels)), outputs=2, axis=3, largest=0)[0]
            self._output("quantiles", ranked, ["batch", spec.horizon, count, len(levels)])
            self.about["levels"] = levels
        mean = values if decoding.point else ranked
        at = 0 if decoding.point else decoding.middle
        self._output("mean", g.op("Gather", mean, g.const(at, np.int64), axis=3), ["batch", spec.horizon, count])

    def _target(self, values: str) -> str:
        """[B, K, C, O] in the targets' own unit."""
        g, C, units = self.graph, self.spec.targets, self.units["past"]
        scale, offset = (part[:C].reshape(1, 1, C, 1) for part in (units.scale, units.offset))
        values = g.op("Add", g.op("Mul", values, g.const(scale)), g.const(offset))
        if units.logged[:C].any():
            values = g.op("Sub", g.op("Exp", values), g.const(1.0))
        return str(values)

    def _said(self) -> None:
        spec, model, g = self.spec, self.model, self.graph
        tokens = spec.find("tokens") is not None
        steps = spec.window or "time"
        if tokens or spec.find("frames") is not None:
            past = self._input(
                "past", ["batch", steps, *([] if tokens else [spec.past])], np.int64 if tokens else np.float32
            )
            self.about["past"] = "tokens" if tokens else "frames"
        else:
            past = self._read("past", ["batch", steps, spec.past], sequence_units(model.preparation))
        lengths = None if spec.window else self._input("lengths", ["batch"], np.int64)
        each = members(spec, model.weights) if spec.members > 1 else [model.weights]
        found = []
        for weights in each:
            own = Builder(g, spec.member, weights, lengths)
            own.build(past, None, None)
            found.append(own.values())
        values = found[0] if len(found) == 1 else g.op("Mean", *found)
        values = g.op("Squeeze", values, g.ints(2))  # [B, S, O]
        tags = spec.find("tag") is not None
        if not tags:
            values = g.op("Squeeze", values, g.ints(1))
        sizes = ["batch", *([steps] if tags else []), spec.outputs]
        labels = model.labels
        if isinstance(labels, ClassLabels):
            scaled = g.op("Div", values, g.const(model.deciding.temperature))
            kind = "Sigmoid" if labels.multiple else "Softmax"
            how = {} if labels.multiple else {"axis": -1}
            self._output("probabilities", g.op(kind, scaled, **how), sizes)
            self.about |= {"classes": list(labels.classes), "thresholds": list(model.deciding.thresholds)}
            return
        values = g.op("Add", g.op("Mul", values, g.const(labels.scale)), g.const(labels.offset))
        self._output("estimates", values, sizes)
        self.about["quantities"] = list(labels.names)

    def _language(self) -> None:
        spec, layer = self.spec, self.spec.encoder
        past = self._input("tokens", ["batch", "time"], np.int64)
        names = ["h0"] if layer.cell == "gru" else ["h0", "c0"]
        size = [layer.num_layers, "batch", layer.hidden_size]
        state = [self._input(name, size) for name in names]
        own = Builder(self.graph, spec, self.model.weights, None, state)
        own.build(past, None, None)
        self._output("scores", own.output, ["batch", "time", spec.outputs])
        for place, name in enumerate(("hn", "cn")[: len(names)]):
            levels = [self.graph.op("Unsqueeze", ends[place], self.graph.ints(0)) for ends in own.ends]
            self._output(name, self.graph.concat(levels, 0), size)
        self.about["vocabulary"] = self.model.vocabulary.to_json()

    def proto(self) -> Any:
        """The ONNX model."""
        onnx = self.graph.onnx
        kinds = {np.int64: onnx.TensorProto.INT64}
        value = onnx.helper.make_tensor_value_info
        graph = onnx.helper.make_graph(
            self.graph.nodes,
            f"tidegate_{self.task}",
            [
                value(name, kinds.get(kind, onnx.TensorProto.FLOAT), sizes)
                for name, (kind, sizes) in self.inputs.items()
            ],
            [value(name, onnx.TensorProto.FLOAT, sizes) for name, (_, sizes) in self.outputs.items()],
            [onnx.numpy_helper.from_array(array, name) for name, array in self.graph.constants.items()],
        )
        opset = onnx.helper.make_opsetid("", OPSET)
        made = onnx.helper.make_model(graph, opset_imports=[opset], producer_name="tidegate", producer_version=VERSION)
        made.ir_version = 8
        onnx.helper.set_model_props(made, {"tidegate": json.dumps(self.about, ensure_ascii=False)})
        onnx.checker.check_model(made)
        return made

    def feeds(self, size: float, batch: int, seed: int = 0) -> dict[str, NDArray[Any]]:
        """Inputs of the check: as many deviations from the training's mean as `size`, on the average."""
        rng, steps = np.random.default_rng(seed), 23
        found: dict[str, NDArray[Any]] = {}
        for name, (kind, sizes) in self.inputs.items():
            shape = [batch if s == "batch" else steps if s == "time" else s for s in sizes]
            if name == "lengths":
                found[name] = np.append(rng.integers(1, steps + 1, batch - 1), steps)
            elif kind is np.int64:
                found[name] = rng.integers(0, self.spec.find("tokens").vocabulary, shape)
            elif name in self.units:
                units, z = self.units[name], size * rng.normal(size=shape)
                found[name] = units.written(z.clip(-3, 3) if units.logged.any() else z).astype(np.float32)
            else:
                found[name] = (min(size, 1) * rng.uniform(-1, 1, shape)).astype(np.float32)
        return found

    def expected(self, feeds: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """What the runtime says of the same inputs."""
        spec, model = self.spec, self.model
        read: dict[str, Any] = {name: value for name, value in feeds.items() if name in ("past", "future", "static")}
        for name, units in self.units.items():
            read[name] = units.read(feeds[name].astype(np.float64))
        if self.task == "language":
            start = list(zip(*(feeds[name] for name in ("h0", "c0") if name in feeds), strict=True))
            found = run_network(spec, model.weights, feeds["tokens"], state=start)
            ends = zip(("hn", "cn"), zip(*(found.state or []), strict=True), strict=False)
            return {"scores": found.values[:, :, 0], **{name: np.stack(parts) for name, parts in ends}}
        found = run_network(spec, model.weights, **read, lengths=feeds.get("lengths"))
        if self.task == "forecaster":
            values = found.values if model.decoding.calibration is None else found.values + model.decoding.calibration
            C = spec.targets
            units = self.units["past"]
            own = Units((), units.offset[:C], units.scale[:C], units.logged[:C])
            prepared = np.asarray(replace(found, values=values).prepared(), dtype=np.float32)
            whole = own.written(np.moveaxis(prepared, 2, 3).astype(np.float64))
            whole = np.moveaxis(whole, 3, 2)
            first = int(model.decoding.point)
            quantiles = np.sort(whole[..., first:], axis=3)
            mean = whole[..., 0] if first else quantiles[..., model.decoding.middle]
            return {"mean": mean} | ({"quantiles": quantiles} if model.decoding.quantiles else {})
        values = found.values[:, :, 0] if spec.find("tag") is not None else found.values[:, 0, 0]
        if isinstance(model.labels, ClassLabels):
            flat = probabilities(values.reshape(-1, spec.outputs), model.labels, model.deciding)
            return {"probabilities": flat.reshape(values.shape)}
        return {"estimates": model.labels.decode(values)}

    def check(self, content: bytes) -> float:
        """The largest difference between ONNX Runtime and ours, as a share of the output's largest magnitude.

        Raises:
            ExportError: it is more than `TOLERANCE`: the file is not to be used.
        """
        runtime = require("onnxruntime", extra="deploy", purpose="check an exported graph")
        options = runtime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = 1, 3
        session = runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        worst = 0.0
        for place, size in enumerate(EXTREMES):
            feeds = self.feeds(size, batch=1 + 3 * place, seed=place)
            expected = self.expected(feeds)
            for name, found in zip(self.outputs, session.run(list(self.outputs), feeds), strict=True):
                scale = max(float(np.abs(expected[name]).max()), 1e-6)
                error = float(np.abs(found - expected[name]).max()) / scale
                worst = max(worst, error if np.isfinite(error) else np.inf)
                if not error <= TOLERANCE:
                    message = (
                        "the ONNX graph gives {name} that differ by {share} of their size from this model's, on inputs "
                        "of {size} deviations: it was not written"
                    )
                    raise ExportError(tr(message, name=name, share=f"{error:.1g}", size=f"{size:g}"))
        return worst


def export_onnx(run: str | Path, out: str | Path) -> dict[str, Any]:
    """Write a run's model as `out` and what to feed it as `out` with `.json` behind it.

    Args:
        run: folder of a run or a model. out: the .onnx file.

    Returns:
        What the JSON file holds, `difference` among it: the largest one found by the check.

    Raises:
        ConfigError: what cannot be exported. ExportError: the graph differs from the model. OutputError: a file cannot
            be written.
    """
    made = OnnxModel(run)
    content = made.proto().SerializeToString()
    about = {
        **made.about,
        "inputs": {name: sizes for name, (_, sizes) in made.inputs.items()},
        "outputs": {name: sizes for name, (_, sizes) in made.outputs.items()},
        "difference": made.check(content),
    }
    place = Path(out)
    write_file(place, content)
    write_file(place.with_name(f"{place.name}.json"), json.dumps(about, ensure_ascii=False, indent=1).encode())
    return about
