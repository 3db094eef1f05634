"""One step at a time: streams in the engine, in torch and, where it is installed, in ONNX Runtime.

    python benchmarks/streaming.py [--hidden 64] [--seconds 1]

A single stream is stepped from Python with its state carried over; many streams are stepped in one batched call. All
are warmed and measured in turns; microseconds are medians. ONNX Runtime needs `pip install onnx onnxruntime`.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch

from tidegate.kernels.library import instruction_set
from tidegate.kernels.run import Packed, Stepper
from tidegate.kernels.stack import Stack


def in_turns(functions: dict[str, Callable[[], object]], seconds: float) -> dict[str, float]:
    """Median seconds of a call of each function."""
    times: dict[str, list[float]] = {name: [] for name in functions}
    for function in functions.values():
        for _ in range(20):
            function()
    end = time.perf_counter() + seconds * len(functions)
    while time.perf_counter() < end:
        for name, function in functions.items():
            count, start = 0, time.perf_counter()
            while count < 1 or time.perf_counter() - start < 0.005:
                function()
                count += 1
            times[name].append((time.perf_counter() - start) / count)
    return {name: statistics.median(own) for name, own in times.items()}


def onnx_step(layer: torch.nn.LSTM, streams: int) -> Callable[[], object] | None:
    """The layer as one LSTM node with its state as inputs and outputs; None where ONNX Runtime is missing."""
    try:
        import onnxruntime
        from onnx import TensorProto, helper, numpy_helper
    except ImportError:
        return None
    I, H = layer.input_size, layer.hidden_size
    order = np.concatenate([np.arange(k * H, (k + 1) * H) for k in (0, 3, 1, 2)])  # onnx: i o f c
    w, r, b, b2 = (p.detach().numpy()[order] for p in layer.parameters())
    weights = [
        numpy_helper.from_array(w[None], "W"),
        numpy_helper.from_array(r[None], "R"),
        numpy_helper.from_array(np.concatenate([b, b2])[None], "B"),
    ]
    node = helper.make_node("LSTM", ["x", "W", "R", "B", "", "h", "c"], ["y", "h1", "c1"], hidden_size=H)
    inputs = [
        helper.make_tensor_value_info(n, TensorProto.FLOAT, s)
        for n, s in (("x", [1, streams, I]), ("h", [1, streams, H]), ("c", [1, streams, H]))
    ]
    outputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, streams, H]) for n in ("h1", "c1")]
    graph = helper.make_graph([node], "step", inputs, outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    state = {"x": np.ones((1, streams, I), np.float32)}
    state["h"], state["c"] = np.zeros((2, 1, streams, H), np.float32)

    def step() -> None:
        state["h"], state["c"] = session.run(["h1", "c1"], state)

    return step


def steps(streams: int, inputs: int, hidden: int) -> dict[str, Callable[[], object]]:
    torch.manual_seed(0)
    layer = torch.nn.LSTM(inputs, hidden)
    stepper = Stepper(Packed(Stack("lstm"), [p.detach().numpy() for p in layer.parameters()]), streams)
    x = np.ones((streams, inputs), np.float32)
    own = torch.ones(1, streams, inputs)
    state = [(torch.zeros(1, streams, hidden), torch.zeros(1, streams, hidden))]

    def torch_step() -> None:
        with torch.inference_mode():
            state[0] = layer(own, state[0])[1]

    found: dict[str, Callable[[], object]] = {"tidegate": lambda: stepper(x), "torch": torch_step}
    other = onnx_step(layer, streams)
    if other is not None:
        found["ONNX Runtime"] = other
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hidden", type=int, default=64)
    parser.add_argument("--inputs", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=1.0, help="for each measured function")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"LSTM, one layer, H {options.hidden}, I {options.inputs}, {instruction_set()}, {options.threads} threads")
    for streams in (1, 16, 1000, 10000):
        times = in_turns(steps(streams, options.inputs, options.hidden), options.seconds)
        for name, own in times.items():
            rate = streams / own / 1e6
            print(f"{streams:>6} streams  {name:>13} {own * 1e6:9.1f} us per step, {rate:7.3f} million updates/s")


if __name__ == "__main__":
    main()
