"""Layers of 8 bits beside our float32 and ONNX Runtime's LSTM, float32 and quantised; whole runs with --run.

    python benchmarks/quantize.py [--threads 1] [--seconds 1] [--run FOLDER]

All forms take turns; times are medians of the calling thread's processor time (with one thread, so that a busy machine
does not count), else of the clock, in milliseconds of whole sequences of 168 steps with 8 inputs. `--run` measures a
run of `tidegate fit` with `tidegate quantize`: size, and the score of its test part before and after.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

STEPS, INPUTS = 168, 8
SHAPES = [("lstm", 64, 2), ("lstm", 256, 1), ("lstm", 256, 2), ("gru", 256, 1)]


def weights_of(cell: str, units: int, layers: int) -> list[np.ndarray]:
    from tidegate.kernels.stack import Stack

    rng = np.random.default_rng(0)
    shapes = Stack(cell, layers).shapes(INPUTS, units)
    return [(rng.uniform(-1, 1, shape) / np.sqrt(units)).astype(np.float32) for shape in shapes]


def peer(cell: str, units: int, layers: int, weights: list[np.ndarray], threads: int, *, quantised: bool) -> Any:
    """ONNX Runtime on the same weights; of a quantised LSTM its own dynamic quantisation."""
    import onnx
    import onnxruntime
    from onnxruntime.quantization import QuantType, quantize_dynamic

    from tidegate.artifacts.spec import Recurrent
    from tidegate.deploy.export.graph import Builder
    from tidegate.deploy.export.nodes import OPSET, Graph

    layer = Recurrent(cell=cell, hidden_size=units, num_layers=layers)
    names = [
        f"r.{name}_l{level}" for level in range(layers) for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    ]
    graph = Graph()
    own = Builder(graph, None, dict(zip(names, weights, strict=True)), None)  # type: ignore[arg-type]
    hidden, _ = own._stack(layer, "r", "x", [], None)
    graph.nodes.append(onnx.helper.make_node("Identity", [hidden], ["y"]))
    value, kind = onnx.helper.make_tensor_value_info, onnx.TensorProto.FLOAT
    made = onnx.helper.make_graph(
        graph.nodes,
        "g",
        [value("x", kind, ["batch", STEPS, INPUTS])],
        [value("y", kind, ["batch", STEPS, units])],
        [onnx.numpy_helper.from_array(array, name) for name, array in graph.constants.items()],
    )
    model = onnx.helper.make_model(made, opset_imports=[onnx.helper.make_opsetid("", OPSET)])
    model.ir_version = 8
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 3
    with tempfile.TemporaryDirectory() as room:
        place = Path(room) / "m.onnx"
        onnx.save(model, str(place))
        if quantised:
            quantize_dynamic(str(place), str(place), weight_type=QuantType.QInt8, per_channel=True)
        return onnxruntime.InferenceSession(place.read_bytes(), options, providers=["CPUExecutionProvider"])


def forms_of(cell: str, units: int, layers: int, threads: int) -> dict[str, Any]:
    from tidegate.kernels.int8 import Layer8, Matrix8, Packed8
    from tidegate.kernels.run import Packed
    from tidegate.kernels.stack import Stack

    weights, stack = weights_of(cell, units, layers), Stack(cell, layers)
    groups = [weights[first : first + 4] for first in range(0, len(weights), 4)]
    eight = Packed8(stack, [Layer8(Matrix8.of(a), Matrix8.of(b), c, d) for a, b, c, d in groups])
    ours = Packed(stack, weights)
    found = {"ours float32": lambda x: ours.forward(x)[0], "ours int8": lambda x: eight.forward(x)[0]}
    for name, quantised in (("onnxruntime float32", False), ("onnxruntime int8", True)):
        if quantised and cell != "lstm":
            continue  # it quantises no GRU
        session = peer(cell, units, layers, weights, threads, quantised=quantised)
        found[name] = lambda x, session=session: session.run(["y"], {"x": x})[0]
    return found


def medians(forms: dict[str, Any], x: np.ndarray, seconds: float, clock: Any) -> dict[str, float]:
    times: dict[str, list[float]] = {name: [] for name in forms}
    for run in forms.values():
        run(x)
    end = time.perf_counter() + seconds * len(forms)
    while time.perf_counter() < end or len(next(iter(times.values()))) < 5:
        for name, run in forms.items():
            begin = clock()
            run(x)
            times[name].append(1e3 * (clock() - begin))
    return {name: statistics.median(own) for name, own in times.items()}


def whole_run(run: Path) -> dict[str, Any]:
    from tidegate.deploy.shrink.quantize import quantize

    with tempfile.TemporaryDirectory() as room:
        found = quantize(run, out=Path(room) / "small", limit=100)
    print(found)
    before, after = found.forms
    return {"smaller": before.size / after.size, "worse_percent": 100 * after.worse[0]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--run", type=Path)
    given = parser.parse_args()
    os.environ["TIDEGATE_NUM_THREADS"] = str(given.threads)
    from tidegate.kernels.int8 import instruction_set

    clock = time.thread_time if given.threads == 1 else time.perf_counter
    results: dict[str, Any] = {"isa": instruction_set()}
    print(f"{'cell':5} {'H':>4} {'L':>2} {'B':>3}   milliseconds; ours float32 / ours int8; error of int8")
    for cell, units, layers in SHAPES:
        forms = forms_of(cell, units, layers, given.threads)
        for batch in (1, 32):
            x = np.random.default_rng(1).normal(size=(batch, STEPS, INPUTS)).astype(np.float32)
            found = medians(forms, x, given.seconds, clock)
            exact = forms["ours float32"](x)
            errors = {name: float(np.abs(run(x) - exact).mean() / np.abs(exact).mean()) for name, run in forms.items()}
            ratio = found["ours float32"] / found["ours int8"]
            results[f"{cell} {units} {layers} {batch}"] = {"ms": found, "ratio": ratio, "error": errors}
            shown = "  ".join(f"{name} {value:.2f} (error {errors[name]:.4f})" for name, value in found.items())
            print(f"{cell:5} {units:4} {layers:2} {batch:3}   {shown}  ratio {ratio:.2f}", flush=True)
    if given.run is not None:
        results["run"] = whole_run(given.run)
    vnni = "vnni" in str(results["isa"])
    reached = results["lstm 256 1 32"]["ratio"] >= 1.5 and results["lstm 256 1 1"]["ratio"] >= 1.5
    print(json.dumps({"benchmark": "quantize", **results, "vnni": vnni, "reached": bool(reached)}))


if __name__ == "__main__":
    main()
