"""Positions that need no training."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def sinusoids(steps: int, width: int) -> NDArray[np.float32]:
    """What is added to step s of a sequence so that a layer without order can tell where it stands.

        p[s, 2i] = sin(s / 10000^(2i / D))        p[s, 2i + 1] = cos(s / 10000^(2i / D))

    Args:
        steps: S. width: D.

    Returns:
        [S, D].

    Source: Vaswani et al. (2017), arXiv:1706.03762, section 3.5.
    """
    rates = 10_000.0 ** (-(np.arange(width) // 2 * 2) / width)
    angles = np.arange(steps)[:, None] * rates
    return np.where(np.arange(width) % 2, np.cos(angles), np.sin(angles)).astype(np.float32)
