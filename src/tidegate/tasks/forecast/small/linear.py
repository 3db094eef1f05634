"""The linear forecast inside a network: ridge regression whose penalty many folds choose.

Shapes: N windows, T past steps, K steps ahead, C targets, M windows that are looked at, each after its fold's training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tidegate.core.table import Note
from tidegate.evaluate.forecast.ridge import ALPHAS, Moments
from tidegate.nn.layers import SkipLayer
from tidegate.nn.network import Network
from tidegate.prepare import Prepared
from tidegate.tasks.fit import Problem
from tidegate.train.isolation import seeded_network

Array = NDArray[np.float64]

FOLDS = 8
LOOKED_AT = 100  # windows of a fold
LARGEST = 20_000_000  # numbers of the windows that are fitted; of more, some, evenly spread
FEWEST = 3  # windows that a fold is trained on
UNKNOWN = 1.0  # the penalty where no fold has enough windows
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
SHARE = (
    "A linear forecast of the window stands inside the network; what the network adds counts by {share}, as the "
    "validation part says."
)


@dataclass(frozen=True)
class Linear:
    """What rolling origins chose, and how it did there.

    Attributes:
        window, horizon: T, K. last: whether each window's last value is taken off first, the same for all targets.
        alphas: [C] penalties. origins: [M]. found: [M, K, C] forecasts of the chosen one, in the prepared scale.
    """

    window: int
    horizon: int
    last: bool
    alphas: tuple[float, ...]
    origins: NDArray[np.int64]
    found: Array

    def error(self, prepared: Prepared) -> float:
        """Mean absolute error over the rolling origins, in the target's unit; infinite where there were none."""
        if not len(self.origins):
            return float("inf")
        missed = np.abs(prepared.invert(self.found, self.origins) - prepared.raw_target(self.origins, self.horizon))
        return float(np.nanmean(missed))

    def weights(self, prepared: Prepared, origins: NDArray[np.int64]) -> dict[str, Tensor]:
        """Tensors of a `Skip`, fitted on the windows of these origins."""
        data = _Data(prepared, _some(origins, self.window + self.horizon), self.window, self.horizon)
        solved = [
            data.moments(c, slice(None), last=self.last).solve([a], known=False)[0] for c, a in enumerate(self.alphas)
        ]
        weight, bias = np.stack([past.T for _, past, _ in solved]), np.stack([own for own, _, _ in solved])
        return {"weight": torch.from_numpy(weight).float(), "bias": torch.from_numpy(bias).float()}


def choose_linear(
    prepared: Prepared, rows: NDArray[np.int64], origins: NDArray[np.int64], window: int, horizon: int
) -> Linear:
    """The ridge regression with the lowest absolute error over rolling origins.

    The later half of the origins is cut into 8 folds by their place in their series; each is forecast by regressions on
    the windows that end before the fold begins.

    Args:
        prepared: the table. rows: [G, 2] of training and validation part. origins: [N] of all windows in them.
        window, horizon: T, K.
    """
    origins = _some(origins, window + horizon)
    data = _Data(prepared, origins, window, horizon)
    C = data.y.shape[2]
    begin, end = rows[prepared.table.series_of(origins)].T
    place = (origins - begin) / np.maximum(end - begin, 1)
    whole = (origins + horizon - begin) / np.maximum(end - begin, 1)
    edges = np.quantile(place, np.linspace(0.5, 1.0, FOLDS + 1))
    tested: list[NDArray[np.int64]] = []
    guesses: list[Array] = []  # [2, A, m, K, C] each
    for low, high in pairwise(edges):
        before = np.flatnonzero(whole <= low + 1e-12)
        own = np.flatnonzero((place >= low) & ((place < high) if high < edges[-1] else (place <= high)))
        if len(before) < FEWEST or not len(own):
            continue
        own = _spread(own, LOOKED_AT)
        tested.append(own)
        guesses.append(np.stack([[data.guess(before, own, last=last)] for last in (False, True)])[:, 0])
    if not tested:
        empty = np.empty((0, horizon, C))
        return Linear(window, horizon, True, (UNKNOWN,) * C, origins[:0], empty)
    at, guess = np.concatenate(tested), np.concatenate(guesses, axis=2)
    missed = np.where(data.seen[at], np.abs(guess - data.y[at]), 0.0).mean(axis=(2, 3))  # [2, A, C]
    last = bool(missed.min(axis=1)[1].sum() < missed.min(axis=1)[0].sum())
    best = missed[int(last)].argmin(axis=0)  # [C]
    found = np.stack([guess[int(last), best[c], :, :, c] for c in range(C)], axis=2)
    return Linear(window, horizon, last, tuple(ALPHAS[i] for i in best), origins[at], found)


def _some(origins: NDArray[np.int64], width: int) -> NDArray[np.int64]:
    """Origins of so many windows of `width` numbers as may be fitted."""
    return origins if len(origins) * width <= LARGEST else _spread(origins, LARGEST // width)


def _spread(places: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """At most `count` of some places, from the first to the last."""
    return places[np.unique(np.linspace(0, len(places) - 1, count).astype(np.int64))]


class _Data:
    """Windows [N, T, C] and targets [N, K, C] of some origins."""

    def __init__(self, prepared: Prepared, origins: NDArray[np.int64], window: int, horizon: int) -> None:
        y, self.seen = prepared.target(origins, horizon, np.float64)
        self.x = np.nan_to_num(prepared.past(origins, window)[:, :, : y.shape[2]].astype(np.float64))
        gap = np.concatenate([self.x[:, -1:], np.where(self.seen, y, np.nan)], axis=1)
        place = np.where(np.isfinite(gap), np.arange(horizon + 1)[:, None], 0)
        self.y = np.take_along_axis(gap, np.maximum.accumulate(place, axis=1), axis=1)[:, 1:]  # gaps are filled forward

    def moments(self, c: int, which: Any, *, last: bool) -> Moments:
        """Sums of one target's windows, less their last values where asked for."""
        x, y = self.x[which, :, c], self.y[which, :, c]
        off = x[:, -1:] if last else 0.0
        sums = Moments(x.shape[1], y.shape[1], 0, 0)
        sums.add(x - off, y - off, None)
        return sums

    def guess(self, before: NDArray[np.int64], own: NDArray[np.int64], *, last: bool) -> Array:
        """Forecasts of some windows by regressions on others, [A, m, K, C]."""
        columns = []
        for c in range(self.y.shape[2]):
            x = self.x[own, :, c]
            off = x[:, -1:] if last else np.zeros((len(x), 1))
            solved = self.moments(c, before, last=last).solve(ALPHAS, known=False)
            columns.append(np.stack([bias + off + (x - off) @ past for bias, past, _ in solved]))
        return np.stack(columns, axis=3)


def choose_share(members: Sequence[Network], problem: Problem, notes: list[Note]) -> float:
    """The share of the trained networks beside their linear forecasts, and set it.

    The one of five with the lowest validation loss, shrunk by n / (n + 2) for n validation windows that do not overlap.
    """
    losses = []
    for share in SHARES:
        set_share(members, share)
        losses.append(validation_loss(members, problem))
    assert problem.validation is not None
    apart = problem.validation.independent or 1
    found = SHARES[int(np.argmin(losses))] * apart / (apart + 2)
    set_share(members, found)
    notes.append(Note("skip", SHARE, {"share": f"{100 * found:.0f} %"}))
    return found


def validation_loss(members: Sequence[Network], problem: Problem) -> float:
    """Mean loss of networks on the validation part."""
    assert problem.validation is not None
    with torch.no_grad():
        return float(np.mean([problem.validation(network) for network in members]))


def linear_loss(problem: Problem) -> float:
    """Validation loss of the linear forecast alone, without what an untrained network would add."""
    network = seeded_network(problem.spec, 0)
    network.load_state_dict(dict(problem.start), strict=False)
    network.eval()
    set_share([network], 0.0)
    return validation_loss([network], problem)


def set_share(members: Sequence[Network], share: float) -> None:
    """Set the share of networks beside their linear forecasts."""
    for network in members:
        for layer in network.layers:
            if isinstance(layer, SkipLayer):
                layer.share.fill_(share)
