"""Streams of tokens that a network reads or writes, each by one token a call, in time that does not grow."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.artifacts.spec import NetworkSpec, Next, Recurrent
from tidegate.kernels.run import Packed, Stepper
from tidegate.runtime.network.cells import State
from tidegate.runtime.network.network import run_network
from tidegate.runtime.network.recurrent import Loaded
from tidegate.runtime.network.steps import Steps

Array = NDArray[np.float32]
CHUNK = 512  # tokens of a long text that are read at once


class Writer:
    """A network's streams of tokens.

    Where the engine is, what does not change from token to token is multiplied beforehand: the vectors of tokens with
    the first layer's input weights (where there are few tokens), and the map of tied scores with the vectors.

    Args:
        spec: of a network that ends in `next`. weights: its tensors. streams: S.
    """

    def __init__(self, spec: NetworkSpec, weights: Loaded, streams: int = 1) -> None:
        self.spec, self.weights, self.streams = spec, weights, streams
        self._steps = Steps(spec, weights, streams)  # refuses what cannot be streamed
        self._embedding = weights["layers.0.embedding.weight"]
        self._matrix, self._bias = _scores(spec, weights)
        self._folded: Stepper | None = None
        self._last: NDArray[np.intp] = np.zeros(streams, np.intp)
        self._rows = np.arange(streams)
        if isinstance(self._steps._stepper, Stepper) and spec.outputs <= self._embedding.shape[1]:
            self._folded = Stepper(_folded(spec, weights, self._steps), streams)

    def step(self, tokens: NDArray[Any]) -> Array:
        """Read a token [S] in every stream; gives scores [S, V] of the next."""
        if self._folded is not None:
            x = self._folded.x
            x[self._rows, self._last] = 0
            x[self._rows, tokens] = 1
            self._last = tokens
            hidden = self._folded()
        elif isinstance(self._steps._stepper, Stepper):
            hidden = self._steps._stepper(self._embedding[tokens])
        else:
            return self._steps.step(np.asarray(tokens))
        return hidden @ self._matrix + self._bias

    def read(self, tokens: NDArray[Any]) -> Array:
        """Begin every stream with these tokens [N], N > 0; gives scores [S, V] of the next."""
        state: list[State] = []
        scores = np.empty((1, 1, 1, 1), np.float32)
        for first in range(0, len(tokens), CHUNK):
            found = run_network(self.spec, self.weights, tokens[None, first : first + CHUNK], state=state)
            state, scores = found.state or [], found.values[:, -1:]
        for place, level in enumerate(state):
            for own, part in zip(self.state, level, strict=True):
                own[place] = part
        return np.repeat(scores[0, 0].reshape(1, -1), self.streams, axis=0)

    @property
    def state(self) -> tuple[Array, ...]:
        """h (and c) [L, S, H], which may be read and set."""
        stepper = self._folded or self._steps._stepper
        if stepper is None:
            return self._steps._state
        return (stepper.h, stepper.c)[: len(self._steps._state)]


def _scores(spec: NetworkSpec, weights: Loaded) -> tuple[Array, Array]:
    """[H, V] and [V] that make scores of states."""
    at, last = f"layers.{len(spec.layers) - 1}", spec.layers[-1]
    assert isinstance(last, Next)
    if not last.tied:
        return np.ascontiguousarray(weights[f"{at}.final.weight"].T), weights[f"{at}.final.bias"]
    vectors, own = weights["layers.0.embedding.weight"], weights.get(f"{at}.map.weight")
    matrix = vectors if own is None else vectors @ own
    return np.ascontiguousarray(matrix.T), weights[f"{at}.bias"]


def _folded(spec: NetworkSpec, weights: Loaded, steps: Steps) -> Packed:
    """The stack that reads a token as a one among zeros."""
    layer: Recurrent = spec.encoder
    name = f"{steps._at}.weight_ih_l0"
    product = weights[name] @ weights["layers.0.embedding.weight"].T
    found = Loaded({**weights, name: np.ascontiguousarray(product)}).packed(layer, steps._at)
    assert isinstance(found, Packed)
    return found
