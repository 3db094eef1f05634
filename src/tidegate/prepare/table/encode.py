"""Text as one-hot vectors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_CATEGORIES = 32


def choose_categories(values: Iterable[Any], most: int = MAX_CATEGORIES) -> tuple[tuple[str, ...], int, int]:
    """The categories that get an input of their own: the most frequent, ties in alphabetical order.

    Returns:
        At most `most` categories, how many rarer ones were left out, and how many values were missing.
    """
    counts = Counter(values)
    missing = counts.pop(None, 0)
    ranked = sorted(counts, key=lambda text: (-counts[text], text))
    return tuple(ranked[:most]), max(len(ranked) - most, 0), missing


def encode(values: NDArray[Any], categories: tuple[str, ...]) -> NDArray[np.uint8]:
    """Position of each value among the categories; `len(categories)` where it is missing or none of them."""
    lookup = {text: code for code, text in enumerate(categories)}
    other = len(categories)
    return np.fromiter((lookup.get(text, other) for text in values), dtype=np.uint8, count=len(values))


def one_hot_table(count: int) -> NDArray[np.float32]:
    """[count + 1, count]: the identity, and a row of zeros for everything else."""
    return np.concatenate([np.eye(count, dtype=np.float32), np.zeros((1, count), dtype=np.float32)])
