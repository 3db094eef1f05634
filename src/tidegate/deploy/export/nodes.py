"""Nodes and constants of an ONNX graph, by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.optional import require

Weights = Mapping[str, NDArray[np.float32]]
OPSET = 17


class Graph:
    """Nodes and constants of a graph under way; values are called by their names."""

    def __init__(self) -> None:
        self.onnx = require("onnx", extra="deploy", purpose="export an ONNX graph")
        self.nodes: list[Any] = []
        self.constants: dict[str, NDArray[Any]] = {}
        self._counts = 0

    def name(self) -> str:
        """A new name."""
        self._counts += 1
        return f"v{self._counts}"

    def const(self, value: Any, dtype: Any = np.float32) -> str:
        """The name of a constant."""
        found = self.name()
        self.constants[found] = np.array(value, dtype, order="C")
        return found

    def ints(self, *values: int) -> str:
        """A constant of whole numbers [n]."""
        return self.const(values, np.int64)

    def op(self, kind: str, *inputs: str, outputs: int = 1, **attributes: Any) -> Any:
        """The name of a node's output, or the names where there are several."""
        names = [self.name() for _ in range(outputs)]
        self.nodes.append(self.onnx.helper.make_node(kind, list(inputs), names, **attributes))
        return names[0] if outputs == 1 else names

    def linear(self, weights: Weights, name: str, x: str) -> str:
        """x W' + b along the last axis."""
        product = self.op("MatMul", x, self.const(weights[f"{name}.weight"].T))
        return str(self.op("Add", product, self.const(weights[f"{name}.bias"])))

    def concat(self, parts: Sequence[str], axis: int) -> str:
        """Parts side by side."""
        return parts[0] if len(parts) == 1 else str(self.op("Concat", *parts, axis=axis))

    def shape(self, x: str, *sizes: int) -> str:
        """x reshaped; 0 keeps a size, -1 is what is left."""
        return str(self.op("Reshape", x, self.ints(*sizes)))

    def part(self, x: str, axis: int, first: int, end: int) -> str:
        """x from first to end along an axis."""
        return str(self.op("Slice", x, self.ints(first), self.ints(end), self.ints(axis)))

    def spread(self, x: str, axis: int, count: int) -> str:
        """x [..., 1, ...] repeated `count` times along an axis, of its rank `axis` + 2."""
        sizes = [1] * (axis + 2)
        sizes[axis] = count
        return str(self.op("Expand", x, self.ints(*sizes)))
