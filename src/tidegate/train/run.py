"""A network in torch as a function of numpy arrays, as the runtime's own are: one that goes through pickle."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tidegate.nn.network import Ensemble, Network
from tidegate.runtime.network.network import Output
from tidegate.train.isolation import plain_torch
from tidegate.train.threads import choose_threads, threads

Array = NDArray[Any]


class TorchRun:
    """Calls a network without gradients, in evaluation mode.

    Args:
        network: of torch; its weights are read at each call.
    """

    def __init__(self, network: Network | Ensemble) -> None:
        self.network = network

    def windows(self, past: Array, future: Array, static: Array) -> Output:
        """A forecasting network on windows: past [B, T, I], future [B, K, F], static [B, S]."""
        return self._call((past, future, static), None)

    def sequences(self, past: Array, lengths: NDArray[np.int64] | None) -> Output:
        """A network that labels sequences on past [B, T, I], or tokens [B, T], of lengths [B] (None: all T)."""
        return self._call((past,), lengths)

    def _call(self, inputs: tuple[Array, ...], lengths: NDArray[np.int64] | None) -> Output:
        network = self.network.eval()
        work = len(inputs[0]) * 8 * int(network.spec.encoder.hidden_size) ** 2
        with plain_torch(), torch.no_grad(), threads(choose_threads(work)):
            own = None if lengths is None else torch.from_numpy(np.ascontiguousarray(lengths))
            output = network(*(torch.from_numpy(np.ascontiguousarray(part)) for part in inputs), lengths=own)
        arrays: list[Any] = [None if part is None else part.numpy() for part in output.parts]
        return Output(*arrays)
