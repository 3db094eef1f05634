"""Tokens that an LSTM writes, many in one native call (`tg_writer` in native/api.h), and the largest scores of rows."""

from __future__ import annotations

import copy
import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tidegate.kernels.library import KernelError, native, reused, threads

Array = NDArray[np.float32]
PANEL, UNITS, SLACK = 32, 8, 64
LAYOUT = struct.Struct("<6q9QdQ")
TOPS = struct.Struct("<4q5Q")
NEAREST = struct.Struct("<6q5Q2d6Q")
TILE, OUTPUTS, WIDEST = 6, 16, 4_096  # rows and outputs of a tile; the most numbers of a row
MOST = 64  # that are found of a row


def can_write() -> bool:
    """Whether the library is there, knows how, and this processor can."""
    library = native()
    return library is not None and hasattr(library, "tg_can_write") and bool(library.tg_can_write())


def can_find() -> bool:
    """Whether `Nearest` can be made: a library that was built before it lacks it."""
    return can_write() and hasattr(native(), "tg_find_nearest")


def largest(scores: Array, add: Array, count: int) -> tuple[Array, NDArray[np.int64], Array]:
    """Of each row [N, V] the `count` largest of scores + add, best first, of equal ones the first.

    Args:
        scores: [N, V]. add: [V], 0 or -inf for what is barred. count: at most 64.

    Returns:
        Values and places [N, count], -inf and 0 where there are no more, and log sum exp(scores) [N].

    Raises:
        KernelError: `can_write` is false.
    """
    library = native()
    if library is None:
        raise KernelError("this library or processor cannot search; `tidegate info` says more.")
    scores = np.ascontiguousarray(scores, np.float32)
    rows, size = scores.shape
    values, places = np.empty((rows, count), np.float32), np.empty((rows, count), np.int64)
    sums = np.empty(rows, np.float32)
    pointers = [array.ctypes.data for array in (scores, np.ascontiguousarray(add, np.float32), values, places, sums)]
    status = library.tg_largest(TOPS.pack(TOPS.size, rows, size, count, *pointers))
    if status:
        raise KernelError(f"tg_largest: {library.tg_message(status).decode()}.")
    return values, places, sums


class Nearest:
    """Scores x matrix' + bias of which the largest alone are wanted, as a search does.

    All scores are made of whole numbers of 16 bits, twice as many at once as of float32, which gives log sum exp within
    about 1e-5; those that can be among the largest are then made anew, from the matrix itself.

    Args:
        matrix: [V, K], K at most 4,096. bias: [V].

    Raises:
        KernelError: `can_find` is false.
    """

    def __init__(self, matrix: Array, bias: Array) -> None:
        library = native()
        if library is None or not can_find():
            raise KernelError("this library or processor cannot search; `tidegate info` says more.")
        self._call, self._message = library.tg_find_nearest, library.tg_message
        size, inputs = matrix.shape
        self.wide, self.pairs = -(-size // OUTPUTS) * OUTPUTS, -(-inputs // 2)
        self.matrix = np.ascontiguousarray(matrix, np.float32)
        norms, most = np.sqrt(np.square(self.matrix).sum(axis=1)), np.abs(self.matrix).max(axis=1)
        scales = np.minimum(65_000 / np.maximum(norms, 1e-30), 32_767 / np.maximum(most, 1e-30))
        scales = np.where(norms > 1e-25, scales, 1.0).astype(np.float32)
        whole = np.rint(self.matrix * scales[:, None])
        self._norm = float(norms.max() * 1.001)
        self._lost = float(np.sqrt(np.square(self.matrix - whole / scales[:, None]).sum(axis=1)).max())
        packed = np.zeros((self.wide, 2 * self.pairs), np.int16)
        packed[:size, :inputs] = whole
        self._packed = np.ascontiguousarray(packed.reshape(-1, OUTPUTS, self.pairs, 2).transpose(0, 2, 1, 3))
        self._steps, self._bias = np.zeros((2, self.wide), np.float32)
        self._steps[:size], self._bias[:size] = 1 / scales, bias

    def __call__(self, x: Array, add: Array, count: int) -> tuple[Array, NDArray[np.int64], Array]:
        """Of each row of x [N, K] the `count` largest of scores + add [V], as `largest` gives them."""
        x, add = np.ascontiguousarray(x, np.float32), np.ascontiguousarray(add, np.float32)
        rows, padded = len(x), -(-len(x) // TILE) * TILE
        scores, work = reused((padded, self.wide), "f4"), np.empty((padded, 2 * self.pairs), np.int16)
        values, places = np.empty((rows, count), np.float32), np.empty((rows, count), np.int64)
        sums = np.empty(rows, np.float32)
        given = (x, self.matrix, self._bias, self._packed, self._steps)
        first, last = ([a.ctypes.data for a in own] for own in (given, (add, scores, work, values, places, sums)))
        sizes = (NEAREST.size, rows, *self.matrix.shape, count, threads())
        status = self._call(NEAREST.pack(*sizes, *first, self._norm, self._lost, *last))
        if status:
            raise KernelError(f"tg_find_nearest: {self._message(status).decode()}.")
        return values, places, sums


class Write:
    """An LSTM's stream: h and c [L, U], U its units padded to a multiple of 8, which may be read and set.

    Weights are rounded to 24 bits (16 of the mantissa), so that a step reads less memory, which sets its pace.

    Args:
        layers: of each layer w_ih [4 H, I], w_hh [4 H, H], b_ih and b_hh [4 H]; gates i f g o.
        embedding: [V, I], what a token is read as. matrix, bias: [H, V], [V], that make scores of the last state.

    Raises:
        KernelError: `can_write` is false.
    """

    def __init__(self, layers: Sequence[Sequence[Array]], embedding: Array, matrix: Array, bias: Array) -> None:
        library = native()
        if library is None or not can_write():
            raise KernelError("this library or processor cannot write; `tidegate info` says more.")
        self._call, self._message = library.tg_write, library.tg_message
        self.hidden, self.size = layers[0][1].shape[1], len(bias)
        units = -(-self.hidden // UNITS) * UNITS
        self.wide = -(-self.size // PANEL) * PANEL
        self.h, self.c = np.zeros((2, len(layers), units), np.float32)
        first, *others = layers
        self._inputs = _gates(embedding @ first[0].T + first[2] + first[3], self.hidden, units)
        parts = [_pack(_rows(first[1], self.hidden, units))]
        biases = []
        for w_ih, w_hh, b_ih, b_hh in others:
            parts.append(_pack(np.concatenate([_rows(w, self.hidden, units) for w in (w_ih, w_hh)], axis=1)))
            biases.append(_gates((b_ih + b_hh)[None], self.hidden, units)[0])
        scores = np.zeros((self.wide, units), np.float32)
        scores[: self.size, : self.hidden] = matrix.T
        parts.append(_pack(scores))
        self._packed = np.concatenate([np.zeros(SLACK, np.uint8), *parts, np.zeros(2048, np.uint8)])
        self._bias = np.concatenate([*biases, np.pad(bias, (0, self.wide - self.size))]).astype(np.float32)
        self._work = np.zeros(units, np.float32)

    def fresh(self) -> Write:
        """The same weights with a state of its own, zeros."""
        other = copy.copy(self)
        other.h, other.c = np.zeros((2, *self.h.shape), np.float32)
        other._work = np.zeros_like(self._work)
        return other

    def __call__(
        self, scores: Array, tokens: NDArray[np.int64], add: Array, scale: float, noise: Array | None, stop: int
    ) -> tuple[int, Array]:
        """Read or choose tokens and go on, each choice the largest of (score + add) * scale + noise.

        Args:
            scores: [V] of the first. tokens: [N]; -1 is replaced by what is chosen. add: [V]. noise: [N, V] or None.
            stop: the token after which nothing comes, or -1.

        Returns:
            How many tokens there are, and [N + 1, V] the scores before each and after the last.
        """
        rows = np.empty((len(tokens) + 1, self.wide), np.float32)
        rows[0, : self.size] = scores
        arrays = (self._inputs, self._packed[SLACK:], self._bias, self.h, self.c, self._work, rows, noise, add)
        pointers = [0 if array is None else array.ctypes.data for array in arrays]
        sizes = (LAYOUT.size, self.hidden, len(self.h), self.size, len(tokens), stop)
        count = self._call(LAYOUT.pack(*sizes, *pointers, scale, tokens.ctypes.data))
        if count < 0:
            raise KernelError(f"tg_write: {self._message(-count).decode()}.")
        return count, rows[:, : self.size]


def _rows(weights: Array, hidden: int, units: int) -> Array:
    """[4 U, U] of [4 H, H] in the order of panels: i f g o of eight units."""
    padded = np.zeros((4, units, units), np.float32)
    padded[:, :hidden, :hidden] = weights.reshape(4, hidden, hidden)
    found: Array = padded.reshape(4, -1, UNITS, units).transpose(1, 0, 2, 3).reshape(4 * units, units)
    return found


def _gates(values: Array, hidden: int, units: int) -> Array:
    """[N, 4 U] of [N, 4 H], in the same order."""
    padded = np.zeros((len(values), 4, units), np.float32)
    padded[:, :, :hidden] = values.reshape(len(values), 4, hidden)
    found: Array = padded.reshape(len(values), 4, -1, UNITS).transpose(0, 2, 1, 3).reshape(len(values), 4 * units)
    return found


def _pack(matrix: Array) -> NDArray[np.uint8]:
    """Panels of 32 rows of [R, K], for every k the 32 weights in three bytes each, rounded."""
    panels = np.ascontiguousarray(matrix.reshape(-1, PANEL, matrix.shape[1]).transpose(0, 2, 1), "<f4")
    rounded = panels.view("<u4") + np.uint32(0x80)
    return np.ascontiguousarray(rounded.view(np.uint8).reshape(-1, 4)[:, 1:]).reshape(-1)
