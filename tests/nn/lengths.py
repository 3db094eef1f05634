"""Rows of several lengths in one padded batch, for the tests of both implementations."""

from typing import Any

import numpy as np

from tidegate.artifacts.spec import NetworkSpec, Transformer


def of_any_length(spec: NetworkSpec) -> bool:
    """Whether rows may have other lengths than the window: a linear forecast beside the network has a weight a step."""
    return not any(layer.kind == "skip" for layer in spec.layers)


def padded(spec: NetworkSpec, arrays: tuple[np.ndarray, ...], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The past padded with values that nobody may read, and the lengths of its rows."""
    rng = np.random.default_rng(seed)
    past = arrays[0]
    unread = np.nan if past.dtype.kind == "f" else 10**6
    batch, steps = past.shape[:2]
    lengths = rng.integers(spec.reach, steps + 1, size=batch)
    learned = isinstance(spec.encoder, Transformer) and spec.encoder.positions == "learned"
    more = np.full((batch, 0 if learned else int(rng.integers(0, 6)), *past.shape[2:]), unread, past.dtype)
    past = np.concatenate([past, more], axis=1)
    for row, length in enumerate(lengths):
        past[row, length:] = unread
    return past, lengths


def rows_alone(run: Any, arrays: tuple[np.ndarray, ...], lengths: np.ndarray) -> list[Any]:
    """The output of every row on its own, cut to its length."""
    past, *others = arrays
    return [
        run(past[row : row + 1, :length], *(part[row : row + 1] for part in others))
        for row, length in enumerate(lengths)
    ]
