"""Batch normalisation in numpy, as `tidegate.nn.norm` does it in torch."""

from __future__ import annotations

import numpy as np

from tidegate.runtime.network.flow import Array, Weights

BATCH_NORM_EPSILON = np.float32(1e-5)


def batch_normed(weights: Weights, at: str, x: Array) -> Array:
    """[B, S, D] with the training part's statistics."""
    gain = weights[f"{at}.weight"] / np.sqrt(weights[f"{at}.running_var"] + BATCH_NORM_EPSILON)
    return np.asarray((x - weights[f"{at}.running_mean"]) * gain + weights[f"{at}.bias"])
