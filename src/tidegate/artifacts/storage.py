"""How a network's tensors lie in `weights.safetensors`: float32, bfloat16, or 8 bits with a step for each output.

Of "bfloat16" and "int8" only matrices are stored that way; vectors, and the linear forecast of a skip, stay float32.
A matrix of 8 bits is two tensors: `name`, int8 from -127 to 127, and `name.step`, [R] float32, one for each output.
"""

from __future__ import annotations

import json
import struct
from collections.abc import ItemsView, Iterable, Iterator, Mapping, ValuesView
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, deserialize

from tidegate.artifacts.pieces import Shape
from tidegate.artifacts.shapes import tensor_shapes
from tidegate.artifacts.spec import NetworkSpec
from tidegate.core.errors import ArtifactError
from tidegate.core.translate import tr
from tidegate.kernels.int8 import LEVELS, Matrix8

Storage = Literal["float32", "bfloat16", "int8"]
LARGEST_WEIGHT = 1e12
STEP = ".step"
KINDS = {"F32": "float32", "BF16": "bfloat16", "I8": "int8"}  # as a header names them, and as a writer does


class Tensors(Mapping[str, NDArray[np.float32]]):
    """A network's tensors by name, float32.

    A matrix that is stored with 8 bits becomes float32 when it is asked for by its name, and then stays; layers that
    compute with 8 bits never ask.

    Attributes:
        matrices: those that are stored with 8 bits, as they are stored.
    """

    def __init__(self, tensors: Mapping[str, NDArray[np.float32]], matrices: Mapping[str, Matrix8]) -> None:
        self.matrices: Mapping[str, Matrix8] = dict(matrices)
        self._names = tuple(tensors)
        plain: Mapping[str, NDArray[np.float32]] = tensors.plain if isinstance(tensors, Tensors) else tensors
        self.plain: dict[str, NDArray[np.float32]] = {n: w for n, w in plain.items() if n not in self.matrices}

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        found = self.plain.get(name)
        if found is None:
            found = self.plain[name] = self.matrices[name].whole()
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def items(self) -> ItemsView[str, NDArray[np.float32]]:
        """All of them; what becomes float32 for it is not kept."""
        return {name: self._passing(name) for name in self}.items()

    def values(self) -> ValuesView[NDArray[np.float32]]:
        """As `items`."""
        return dict(self.items()).values()

    def _passing(self, name: str) -> NDArray[np.float32]:
        found = self.plain.get(name)
        return self.matrices[name].whole() if found is None else found


def shrunk(spec: NetworkSpec) -> set[str]:
    """Names of the tensors that are stored with fewer bits."""
    skips = [f"layers.{index}." for index, layer in enumerate(spec.layers) if layer.kind == "skip"]
    shapes = tensor_shapes(spec)
    return {name for name, shape in shapes.items() if len(shape) > 1 and not name.startswith(tuple(skips) or ("\0",))}


def as_stored(spec: NetworkSpec, weights: Mapping[str, NDArray[np.float32]], storage: Storage) -> Tensors:
    """What reading finds after these weights were stored that way."""
    if storage == "float32":
        return Tensors(weights, {})
    few = shrunk(spec)
    if storage == "bfloat16":
        return Tensors({name: _from_half(_half(w)) if name in few else w for name, w in weights.items()}, {})
    known = getattr(weights, "matrices", {})
    matrices = {name: known.get(name) or Matrix8.of(weights[name]) for name in few}
    return Tensors(weights, matrices)


def pack_weights(spec: NetworkSpec, weights: Mapping[str, NDArray[np.float32]], storage: Storage) -> bytes:
    """The bytes of `weights.safetensors`."""
    few = set() if storage == "float32" else shrunk(spec)
    found: dict[str, tuple[str, NDArray[Any]]] = {}
    eight = as_stored(spec, weights, storage).matrices
    for name, weight in weights.items():
        if name not in few:
            found[name] = "F32", np.asarray(weight, "<f4")
        elif storage == "bfloat16":
            found[name] = "BF16", _half(weight)
        else:
            found[name], found[name + STEP] = ("I8", eight[name].values), ("F32", eight[name].steps)
    return _container(found)


def _container(tensors: Mapping[str, tuple[str, NDArray[Any]]]) -> bytes:
    """A safetensors file; its own writers take no bfloat16 from numpy."""
    header, parts, at = {}, [], 0
    for name, (kind, array) in sorted(tensors.items(), key=lambda item: -item[1][1].itemsize):  # keeps them aligned
        data = np.ascontiguousarray(array).tobytes()
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [at, at + len(data)]}
        parts.append(data)
        at += len(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + b"".join(parts)


def unpack_weights(place: Path, content: bytes, spec: NetworkSpec, storage: Storage) -> Tensors:
    """The tensors in the bytes of `weights.safetensors`.

    Raises:
        ArtifactError: one is missing, extra, of another shape or type than the network has, or holds what no weight is.
    """
    found = _parse(place, content, _expected(spec, storage))
    few = set() if storage == "float32" else shrunk(spec)
    tensors: dict[str, NDArray[np.float32]] = {}
    matrices: dict[str, Matrix8] = {}
    for name in tensor_shapes(spec):
        if name in few and storage == "int8":
            matrices[name] = _matrix(place, name, found[name], found[name + STEP])
            tensors[name] = matrices[name].whole()  # looked at, and not kept
        else:
            tensors[name] = _from_half(found[name]) if name in few else found[name]
        if not np.isfinite(tensors[name]).all():
            raise ArtifactError(tr("{place}: tensor {name} holds values that are not finite", place=place, name=name))
        if np.abs(tensors[name]).max(initial=0) > LARGEST_WEIGHT:
            message = "{place}: tensor {name} holds values beyond {largest_weight:g}, which no training gives"
            raise ArtifactError(tr(message, place=place, name=name, largest_weight=LARGEST_WEIGHT))
    return Tensors(tensors, matrices)


def _expected(spec: NetworkSpec, storage: Storage) -> dict[str, tuple[str, Shape]]:
    """Type and shape of every stored tensor."""
    shapes = tensor_shapes(spec)
    if storage == "float32":
        return {name: ("F32", shape) for name, shape in shapes.items()}
    few, kind = shrunk(spec), "I8" if storage == "int8" else "BF16"
    found = {name: (kind if name in few else "F32", shape) for name, shape in shapes.items()}
    return found | ({name + STEP: ("F32", shapes[name][:1]) for name in few} if storage == "int8" else {})


def _parse(place: Path, content: bytes, expected: Mapping[str, tuple[str, Shape]]) -> dict[str, NDArray[Any]]:
    header: Any = deserialize
    try:
        found: Iterable[tuple[str, Any]] = header(content)
        entries = {name: (info["dtype"], tuple(info["shape"]), info["data"]) for name, info in found}
    except SafetensorError as error:
        raise ArtifactError(tr("{place} is not a safetensors file: {error}", place=place, error=error)) from error
    missing, extra = sorted(set(expected) - set(entries)), sorted(set(entries) - set(expected))
    if missing or extra:
        message = "{place}: tensors do not match the network: missing {missing}, extra {extra}"
        raise ArtifactError(tr(message, place=place, missing=missing, extra=extra))
    arrays: dict[str, NDArray[Any]] = {}
    for name, (kind, shape) in expected.items():
        if entries[name][:2] != (kind, shape):
            given = f"{entries[name][0]} of shape {entries[name][1]}"
            message = "{place}: tensor {name} is {given}, expected {kinds} of shape {shape}"
            raise ArtifactError(tr(message, place=place, name=name, given=given, kinds=KINDS[kind], shape=shape))
        dtype = {"F32": "<f4", "BF16": "<u2", "I8": "i1"}[kind]
        arrays[name] = np.frombuffer(bytearray(entries[name][2]), dtype).reshape(shape)
    return arrays


def _matrix(place: Path, name: str, values: NDArray[np.int8], steps: NDArray[np.float32]) -> Matrix8:
    if not (np.isfinite(steps).all() and (steps >= 0).all()):
        message = "{place}: tensor {name}{step} holds values that are not finite, or below 0"
        raise ArtifactError(tr(message, place=place, name=name, step=STEP))
    if values.min(initial=0) < -LEVELS:
        message = "{place}: tensor {name} holds -128, which the products of 8 bits cannot be given"
        raise ArtifactError(tr(message, place=place, name=name))
    return Matrix8(values, steps)


def _half(weight: NDArray[np.float32]) -> NDArray[np.uint16]:
    """The nearest bfloat16, ties to even, as its 16 bits."""
    bits = np.ascontiguousarray(weight, np.float32).view(np.uint32)
    return ((bits + (0x7FFF + ((bits >> 16) & 1))) >> 16).astype(np.uint16)


def _from_half(bits: NDArray[np.uint16]) -> NDArray[np.float32]:
    return (bits.astype(np.uint32) << 16).view(np.float32)
