"""Sequences made up for tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tidegate.core.sequences import Sequences


def make(items: Sequence[Any], labels: Any = None, *, groups: Any = None, **fields: Any) -> Sequences:
    """Sequences of arrays [T, C] (or [T])."""
    arrays = [np.asarray(item, dtype=np.float64) for item in items]
    arrays = [array[:, None] if array.ndim == 1 else array for array in arrays]
    starts = np.concatenate([[0], np.cumsum([len(item) for item in arrays])]).astype(np.int64)
    values = np.concatenate(arrays) if arrays else np.zeros((0, 1))
    return Sequences(
        ids=tuple(str(index) for index in range(len(arrays))),
        starts=starts,
        values=values,
        channels=tuple(f"c{index}" for index in range(values.shape[1])),
        labels=None if labels is None else np.asarray(labels),
        groups=None if groups is None else np.asarray(groups),
        **fields,
    )


def texts(given: Sequence[str | None], labels: Any = None) -> Sequences:
    """Sequences that are texts."""
    return Sequences(
        ids=tuple(str(index) for index in range(len(given))),
        starts=np.zeros(len(given) + 1, dtype=np.int64),
        values=np.zeros((0, 0)),
        channels=(),
        texts=np.array(list(given), dtype=object),
        labels=None if labels is None else np.asarray(labels),
    )


def waves(count: int, seed: int, *, short: int = 20, long: int = 40) -> Sequences:
    """Slow, fast and rising waves of two channels and of varying length: classes that are told by shape."""
    rng = np.random.default_rng(seed)
    items, labels = [], []
    for index in range(count):
        kind = index % 3
        at = np.linspace(0, 1, int(rng.integers(short, long + 1)))
        shape = np.sin(2 * np.pi * (1 if kind == 0 else 3) * (at + rng.uniform(0, 0.1))) + (2 * at if kind == 2 else 0)
        items.append(np.stack([shape, rng.normal(size=at.size)], axis=1) + rng.normal(0, 0.2, (at.size, 2)))
        labels.append(("slow", "fast", "rising")[kind])
    return make(items, labels)
