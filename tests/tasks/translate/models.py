"""A translator that learned to turn strings of digits round, once for all tests."""

import functools
from typing import Any

import numpy as np

import tidegate as tg

SIZES: dict[str, Any] = {"tokens": "char", "hidden_size": 24, "num_layers": 1, "dropout": 0.0, "learning_rate": 1e-2}


def reversed_digits(count: int, seed: int = 0, longest: int = 5) -> list[tuple[str, str]]:
    """Strings of one to five digits and the same from the back."""
    rng = np.random.default_rng(seed)
    texts = ["".join(map(str, rng.integers(0, 10, rng.integers(1, longest + 1)))) for _ in range(count)]
    return [(text, text[::-1]) for text in texts]


@functools.cache
def fitted(**changes: Any) -> tg.Translator:
    """Do not change it."""
    model = tg.Translator(**{**SIZES, "max_epochs": 12, "training": {"batch_tokens": 150}, **changes})
    return model.fit(reversed_digits(700), validation=60, test=60)
