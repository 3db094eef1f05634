"""Calls the C ABI with the descriptions that come in on stdin, one JSON object a line; answers with the statuses.

Every array has exactly the size that the description asks for, with guards before and behind it that must stay.
"""

from __future__ import annotations

import json
import sys

import numpy as np

from tidegate.kernels.library import native
from tidegate.kernels.stack import LAYOUT

GUARD = 256
LARGEST = 1 << 18  # bytes: a description that asks for more must be refused before anything is touched
GATES = {0: 4, 1: 4, 2: 3, 3: 3}
FUNCTIONS = ("tg_stash_bytes", "tg_packed_bytes", "tg_pack", "tg_forward", "tg_backward", "tg_gates", "tg_step")


class Arena:
    """Arrays of one call."""

    def __init__(self, item: int) -> None:
        self.item, self.arrays = item, []

    def room(self, count: int, value: float = 0.1) -> int:
        """The address of so many elements."""
        size = min(max(count, 0) * self.item, LARGEST)
        block = np.full(size + 2 * GUARD + 64, 0xA5, np.uint8)
        start = GUARD + -(block.ctypes.data + GUARD) % 64
        block[start : start + size].view({4: np.float32, 8: np.float64}[self.item])[:] = value
        self.arrays.append((block, start, size))
        return int(block[start:].ctypes.data)

    def table(self, addresses: list[int]) -> int:
        """A C array of pointers."""
        array = np.array([*addresses, 0], np.uint64)
        self.arrays.append((array, None, 0))
        return int(array.ctypes.data)

    def intact(self) -> bool:
        """Whether nothing was written outside."""
        return all(
            start is None or bool((block[:start] == 0xA5).all() and (block[start + size :] == 0xA5).all())
            for block, start, size in self.arrays
        )


def answer(case: dict) -> list:
    """Statuses of all functions for one description, and whether the guards are intact."""
    library = native()
    n, absent = case["numbers"], set(case["absent"])
    arena = Arena(8 if n["dtype"] == 1 else 4)
    B, T, I, H, L, D = (n[k] for k in "BTIHLD")
    G, states = GATES.get(n["cell"], 4), L * D * B * H
    wide = {"c0", "cn", "dcn", "dc0"} if n["cell"] == 4 else set()  # an slstm's c has two vectors
    width = {"x": I, "y": D * H, "dy": D * H, "dx": I}

    def spread(name: str) -> int:
        t, b = n[f"{name}_t"], n[f"{name}_b"]
        return (T - 1) * t + (B - 1) * b + width[name] if T > 0 and B > 0 and t >= 0 and b >= 0 else 0

    def of(name: str, count: int) -> int:
        return 0 if name in absent else arena.room(count)

    weights, gradients = [], []
    for index in range(min(max(L * D, 0), 16)):
        inputs = I if index < D else D * H
        for slot, count in enumerate((G * H * inputs, G * H * H, G * H, G * H, 3 * H, 0)):
            here = count > 0 and (slot < 4 or n["cell"] == 1)
            weights.append(of(f"w{slot}", count) if here else 0)
            gradients.append(of(f"g{slot}", count) if here else 0)
    lengths = np.array([*(case["lengths"] or []), 0], np.int64)
    pointers = [lengths.ctypes.data if case["lengths"] else 0, of("x", spread("x"))]
    pointers += (
        [of(k, states * (1 + (k in wide))) for k in ("h0", "c0")]
        + [of("y", spread("y"))]
        + [of(k, states * (1 + (k in wide))) for k in ("hn", "cn")]
    )
    head = [n["size"], n["cell"], n["dtype"], n["flags"], B, T, I, H, L, D, n["threads"], n["seed"]]
    head += [*case["reals"], *(n[f"{k}_{a}"] for k in ("x", "y", "dy", "dx") for a in "tb")]
    probe = LAYOUT.pack(*head, *[0] * 17, n["step0"])
    stash, packed = library.tg_stash_bytes(probe), library.tg_packed_bytes(probe)
    bytes_of = Arena(4)  # stash and packed weights are given in bytes
    kept = 0 if "stash" in absent else bytes_of.room(max(stash, 0) // 4)
    own = 0 if "packed" in absent else bytes_of.room(max(packed, 0) // 4)
    pointers += [kept, 0 if "weights" in absent else arena.table(weights), own]
    pointers += [
        of("dy", spread("dy")),
        *(of(k, states * (1 + (k in wide))) for k in ("dhn", "dcn")),
        of("dx", spread("dx")),
    ]
    pointers += [
        *(of(k, states * (1 + (k in wide))) for k in ("dh0", "dc0")),
        0 if "dweights" in absent else arena.table(gradients),
    ]
    if max(stash, packed, 0) > LARGEST or max(spread(k) for k in width) * arena.item > LARGEST:
        return [stash, packed, True]
    description = LAYOUT.pack(*head, *pointers, n["step0"])
    room = bytes_of.room(max(packed, 0) // 4)
    out = arena.room(T * B * 5 * H if T > 0 and B > 0 else 0)
    found = [stash, packed, library.tg_pack(description, room) if packed >= 0 else 0, library.tg_forward(description)]
    if found[-1] == 0:  # backward reads what forward kept
        found += [
            library.tg_backward(description),
            library.tg_gates(description, case["layer"], case["direction"], out),
        ]
    found += [library.tg_step(description)]
    return [*found, arena.intact() and bytes_of.intact()]


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)
