"""Streams of tokens that a network reads or writes, each by one token a call, in time that does not grow."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.artifacts.spec import NetworkSpec, Next, Recurrent
from tidegate.kernels.run import Stepper
from tidegate.kernels.write import Write, can_write
from tidegate.runtime.network.cells import State
from tidegate.runtime.network.network import run_network
from tidegate.runtime.network.recurrent import Loaded
from tidegate.runtime.network.steps import Steps

Array = NDArray[np.float32]
CHUNK = 512  # tokens of a long text that are read at once
MOST = 4_096  # tokens of a vocabulary whose products are kept


class Writer:
    """A network's streams of tokens.

    One stream of a plain LSTM with few tokens is written by one native call for many, `write`, with weights of 24
    bits (scores within 1e-4 of torch's); what does not change from token to token is multiplied beforehand.

    Args:
        spec: of a network that ends in `next`. weights: its tensors. streams: S.
    """

    def __init__(self, spec: NetworkSpec, weights: Loaded, streams: int = 1) -> None:
        self.spec, self.weights, self.streams = spec, weights, streams
        self._steps = Steps(spec, weights, streams)  # refuses what cannot be streamed
        self._embedding = weights["layers.0.embedding.weight"]
        self._matrix, self._bias = _scores(spec, weights)
        layer: Recurrent = spec.encoder
        self._write: Write | None = None
        plain = layer.cell == "lstm" and not layer.layer_norm and isinstance(self._steps._stepper, Stepper)
        if plain and streams == 1 and spec.outputs <= MOST and can_write():
            names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            own = [[weights[f"{self._steps._at}.{n}_l{level}"] for n in names] for level in range(layer.num_layers)]
            made = weights.once("write", lambda: Write(own, self._embedding, self._matrix, self._bias))
            self._write = made.fresh()

    def step(self, tokens: NDArray[Any]) -> Array:
        """Read a token [S] in every stream; gives scores [S, V] of the next."""
        if self._write is not None:
            given = np.array(tokens, np.int64)
            return self._write(self._bias, given, self._bias, 1.0, None, -1)[1][1:]
        if not isinstance(self._steps._stepper, Stepper):
            return self._steps.step(np.asarray(tokens))
        return self._steps._stepper(self._embedding[tokens]) @ self._matrix + self._bias

    @property
    def write(self) -> Write | None:
        """What chooses many tokens of one stream in one call; None where it must be a step at a time."""
        return self._write

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
        if self._write is not None:
            hidden = self._write.hidden
            return self._write.h[:, None, :hidden], self._write.c[:, None, :hidden]
        return self._steps._state


def _scores(spec: NetworkSpec, weights: Loaded) -> tuple[Array, Array]:
    """[H, V] and [V] that make scores of states."""
    at, last = f"layers.{len(spec.layers) - 1}", spec.layers[-1]
    assert isinstance(last, Next)
    if not last.tied:
        return np.ascontiguousarray(weights[f"{at}.final.weight"].T), weights[f"{at}.final.bias"]
    vectors, own = weights["layers.0.embedding.weight"], weights.get(f"{at}.map.weight")
    matrix = vectors if own is None else vectors @ own
    return np.ascontiguousarray(matrix.T), weights[f"{at}.bias"]
