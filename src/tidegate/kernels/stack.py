"""The description of a stack of recurrent layers as the native library reads it (`tg_rnn` in native/api.h)."""

from __future__ import annotations

import ctypes
import functools
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from tidegate.core.errors import ConfigError
from tidegate.kernels.library import KernelError, native, threads

CELLS = {"lstm": 0, "peephole": 1, "coupled": 2, "gru": 3, "slstm": 4}
GATES = {"lstm": 4, "peephole": 4, "coupled": 3, "gru": 3, "slstm": 4}
STATES = {"gru": 0, "slstm": 2}  # vectors of H numbers that c holds, of other cells 1
TYPES = {"float32": 0, "float64": 1}
GATE_NAMES = {
    "lstm": ("i", "f", "g", "o", "c"),
    "peephole": ("i", "f", "g", "o", "c"),
    "coupled": ("f", "g", "o", "c"),
    "gru": ("r", "z", "n", "p"),
    "slstm": ("f", "g", "o", "c"),
}
TRAIN, REVERSE, NORM, BFLOAT16 = 1, 2, 4, 8
EPSILON = 1e-5  # of the layer norm

LAYOUT = struct.Struct("<4q6qqQ5d8q17Qq")
CALL = struct.Struct("<8q17Qq")  # its end: what differs from call to call, strides, pointers and step0


@dataclass(frozen=True)
class Stack:
    """What does not change from call to call.

    Attributes:
        cell: "lstm", "peephole", "coupled", "gru" or "slstm".
        layers, directions: L and D.
        reverse: with one direction, walk time backwards.
        train: keep what backward needs and draw the masks below.
        dropout: between layers.
        recurrent_dropout: of the state that enters the recurrent product, one mask for all steps.
        zoneout_h, zoneout_c: share of units that keep their old state (training: drawn; otherwise mixed in).
        norm: layer norm of the input product, the recurrent product and the cell state.
        bfloat16: float32 only: round what the products read to bfloat16, where the processor multiplies those.
    """

    cell: str
    layers: int = 1
    directions: int = 1
    bias: bool = True
    reverse: bool = False
    train: bool = False
    dropout: float = 0.0
    recurrent_dropout: float = 0.0
    zoneout_h: float = 0.0
    zoneout_c: float = 0.0
    norm: bool = False
    bfloat16: bool = False

    @property
    def arguments(self) -> tuple[str | int | float, ...]:
        """As torch's operators take them, in the order of their schema."""
        return (
            *(self.cell, self.layers, self.directions, self.bias, self.reverse, self.train),
            *(self.dropout, self.recurrent_dropout, self.zoneout_h, self.zoneout_c, self.norm, self.bfloat16),
        )

    @property
    def arrays_per_layer(self) -> int:
        """Weights of one layer and direction: w_ih, w_hh, b_ih and b_hh, the peepholes, the norm's vectors."""
        return 2 + 2 * self.bias + (self.cell == "peephole") + self.norm

    def shapes(self, I: int, H: int) -> list[tuple[int, ...]]:
        """Shapes of all weights, in torch's order."""
        G, D = GATES[self.cell], self.directions
        shapes: list[tuple[int, ...]] = []
        for layer in range(self.layers):
            own: list[tuple[int, ...]] = [(G * H, D * H if layer else I), (G * H, H)]
            own += [(G * H,)] * (2 * self.bias) + [(3 * H,)] * (self.cell == "peephole")
            shapes += (own + [(self.norm_size(H),)] * self.norm) * D
        return shapes

    def cell_size(self, H: int) -> int:
        """Numbers of c: H, of an slstm 2 H (c / n and m + log n)."""
        return max(1, STATES.get(self.cell, 1)) * H

    @property
    def flags(self) -> int:
        """As the native description has them."""
        return TRAIN * self.train + REVERSE * self.reverse + NORM * self.norm + BFLOAT16 * self.bfloat16

    def norm_size(self, H: int) -> int:
        """Elements of the norm's vectors: scales of W x and U h [G*H each], scale and shift of c [H each, not gru]."""
        return 2 * (GATES[self.cell] + (self.cell != "gru")) * H

    def slots(self, pointers: Sequence[int]) -> list[int]:
        """Addresses of all weights, in torch's order, spread over the native slots (0 where absent)."""
        each = self.arrays_per_layer
        if len(pointers) != each * self.layers * self.directions:
            raise ConfigError(f"{each * self.layers * self.directions} weights expected, {len(pointers)} given.")
        spread: list[int] = []
        for first in range(0, len(pointers), each):
            own = list(pointers[first : first + each])
            biases = own[2:4] if self.bias else [0, 0]
            rest = iter(own[2 + 2 * self.bias :])
            peephole = next(rest) if self.cell == "peephole" else 0
            spread += [own[0], own[1], *biases, peephole, next(rest) if self.norm else 0]
        return spread


def pointer_array(addresses: Sequence[int]) -> ctypes.Array[ctypes.c_void_p]:
    """A C array of pointers; keep it alive as long as the call."""
    return (ctypes.c_void_p * len(addresses))(*addresses)


def describe(
    stack: Stack,
    dtype: str,
    sizes: tuple[int, int, int, int],
    strides: tuple[int, int, int, int, int, int, int, int],
    pointers: Sequence[int],
    seed: int = 0,
    thread_count: int | None = None,
    step0: int = 0,
) -> bytes:
    """The bytes of a `tg_rnn`.

    Args:
        stack: cell, layers and options.
        dtype: "float32" or "float64".
        sizes: B, T, I, H.
        strides: of x, y, dy and dx: step and row each, in elements.
        pointers: lengths, x, h0, c0, y, hn, cn, stash, weights, packed, dy, dhn, dcn, dx, dh0, dc0, dweights.
        seed: of the masks.
        thread_count: at most this many; None: `library.threads()`.
        step0: steps walked before this call; masks are numbered from there.
    """
    B, T, I, H = sizes
    return LAYOUT.pack(
        LAYOUT.size,
        CELLS[stack.cell],
        TYPES[dtype],
        stack.flags,
        *(B, T, I, H, stack.layers, stack.directions),
        threads() if thread_count is None else thread_count,
        seed & 0xFFFFFFFFFFFFFFFF,
        *(stack.dropout, stack.recurrent_dropout, stack.zoneout_h, stack.zoneout_c, EPSILON),
        *strides,
        *pointers,
        step0,
    )


def call(name: str, description: bytes, *rest: int) -> None:
    """Call a function of the library and turn its status into an exception."""
    library = native()
    if library is None:
        raise KernelError("the native engine is not available; `tidegate info` says why.")
    status = getattr(library, name)(description, *rest)
    if status:
        raise KernelError(f"{name}: {library.tg_message(status).decode()}.")


def size_of(name: str, description: bytes) -> int:
    """Bytes that tg_stash_bytes or tg_packed_bytes asks for."""
    library = native()
    if library is None:
        raise KernelError("the native engine is not available; `tidegate info` says why.")
    size = int(getattr(library, name)(description))
    if size < 0:
        raise KernelError(f"{name}: {library.tg_message(-size).decode()}.")
    return size


@functools.cache
def knows(cell: str) -> bool:
    """Whether the library is there and has a cell: one that was built before `slstm` refuses it."""
    library = native()
    if library is None or cell not in CELLS:
        return False
    return int(library.tg_packed_bytes(describe(Stack(cell), "float32", (1, 1, 1, 1), (0,) * 8, (0,) * 17))) >= 0
