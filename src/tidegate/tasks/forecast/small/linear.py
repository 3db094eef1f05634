"""The linear forecast inside a network, and what stands beside a trained one: the pretrained forecaster, Theta.

Linear: ridge regression whose penalty many folds choose.
Shapes: N windows, T past steps, K steps ahead, C targets, M windows that are looked at, each after its fold's training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tidegate.artifacts.spec import NetworkSpec
from tidegate.core.errors import ConfigError
from tidegate.core.table import Note, Table
from tidegate.core.translate import tr
from tidegate.data.split import Split
from tidegate.evaluate.forecast.ridge import ALPHAS, Moments
from tidegate.nn.layers import SkipLayer
from tidegate.nn.network import Network
from tidegate.prepare import Preparation, Prepared
from tidegate.runtime.forecast.decode import BATCH, METHODS, Decoding, Run, beside, decode
from tidegate.runtime.pretrained.forecast import SHORTEST
from tidegate.runtime.pretrained.network import load_network, read_card
from tidegate.tasks.fit import Problem
from tidegate.tasks.forecast.build import Plan, build_spec
from tidegate.tasks.forecast.choices import NetworkOptions
from tidegate.tasks.forecast.small.self_check import backtest
from tidegate.tasks.options import RecurrentOptions
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


SMALL_ROWS = 20_000  # of a table, in which the pretrained forecaster is tried
SMALL_WINDOWS = 5_000  # of a training part
MOST_SERIES = 200
ORIGINS = 1_000  # of the validation part that choose
ROLLING = 200  # rolling ones before it
LEAST = 0.05  # a share below it is not worth its time
STEEPEST = 8.0
PRIOR = np.array([1.0, 1.0, 0.5])  # of network, pretrained forecaster and Theta before anything is known
MESSAGE = (
    "Beside the network stand the pretrained forecaster (version {version}) with {share} of the forecast and the Theta "
    "method with {theta}: over the last windows before the test part they miss by {pretrained} and {missed}, the "
    "network by {network} (in units of the scaled target)."
)
ALONE = "Nothing is trained: the pretrained forecaster (version {version}) answers alone."
UNUSED = "The pretrained forecaster looks at the targets alone: {names} not used."


def with_pretrained(
    run: Run,
    spec: NetworkSpec,
    decoding: Decoding,
    prepared: Prepared,
    split: Split,
    origins: NDArray[np.int64],
    linear: Linear | None,
    notes: list[Note],
) -> Decoding:
    """The decoding of a network, the pretrained forecaster and Theta together, weighed by their errors.

    A share is w e^-p / (sum of w e^-p over the three) with the mean absolute errors e on the validation part; w is 1,
    for Theta a half: .4, .4 and .2 where they are alike. p is twice the number of windows looked at that do not
    overlap, at most 8: little evidence moves it little.

    Args:
        run, spec, decoding: the trained network. prepared, split: the table, as it was trained.
        origins: windows of the validation part. linear: the forecast inside the network, whose rolling origins count as
            much as the validation part. notes: what was chosen is added.
    """
    origins = origins[np.unique(np.linspace(0, len(origins) - 1, ORIGINS).astype(np.int64))]
    K, C = decoding.horizon, len(prepared.preparation.target_names)
    own = replace(decoding, mixture=own_shares(prepared.table, split.train, K), version=str(read_card()["version"]))
    theta = replace(own, mixture=np.eye(METHODS)[-1:].repeat(C, axis=0))
    errors = _errors(_network(run, spec, decoding, prepared, origins), (own, theta), prepared, origins)
    rows = int(np.diff(split.validation).sum())
    if linear is not None and len(linear.origins):
        some = np.unique(np.linspace(0, len(linear.origins) - 1, ROLLING).astype(np.int64))
        plain = replace(own, mixture=np.eye(1, METHODS).repeat(C, axis=0))  # its shares saw these rows
        errors = (errors + _errors(linear.found[some], (plain, theta), prepared, linear.origins[some])) / 2
        rows = max(rows, int((split.validation[:, 1] - split.train[:, 0]).sum()) // 2)
    power = min(STEEPEST, 2.0 * max(1, rows // K))
    weights = PRIOR[:, None] * np.maximum(errors, 1e-12 + 1e-9 * errors.max()) ** -power
    share = weights[1:] / weights.sum(axis=0)
    share = np.where(share < LEAST, 0.0, share)
    if not share.any():
        return decoding
    of_pretrained, of_theta = share.mean(axis=1)
    said = {"share": f"{100 * of_pretrained:.0f} %", "theta": f"{100 * of_theta:.0f} %", "version": own.version}
    said |= dict(zip(("network", "pretrained", "missed"), (f"{e:.4f}" for e in errors.mean(axis=1)), strict=True))
    notes.append(Note("pretrained", MESSAGE, said))
    assert own.mixture is not None
    mixture = own.mixture * share[0][:, None]
    mixture[:, -1] = share[1]
    return replace(own, mixture=mixture)


def renewed(decoding: Decoding, table: Table, rows: NDArray[np.int64]) -> Decoding:
    """The same share of the pretrained forecaster, its simple methods weighed by how they did on these rows."""
    if decoding.mixture is None:
        return decoding
    mixture = own_shares(table, rows, decoding.horizon) * decoding.mixture[:, :-1].sum(axis=1, keepdims=True)
    mixture[:, -1] = decoding.mixture[:, -1]
    return replace(decoding, mixture=mixture)


def own_shares(table: Table, rows: NDArray[np.int64], horizon: int) -> NDArray[np.float64]:
    """[C, 19] what the pretrained network and its simple methods should weigh, by how they did on the rows' own end."""
    shares = np.zeros((len(table.schema.targets), METHODS))
    places = np.linspace(0, len(rows) - 1, min(len(rows), MOST_SERIES)).astype(np.int64)
    for c, name in enumerate(table.schema.targets):
        series = [np.asarray(table.columns[name][begin:end], np.float64) for begin, end in rows[places].tolist()]
        series = [values for values in series if np.isfinite(values).sum() >= SHORTEST]
        tested = backtest(load_network(), series, horizon, table.frequency.seasons()) if series else None
        shares[c, :-1] = np.eye(1, METHODS - 1) if tested is None else tested.shares().mean(axis=0)
    return shares


def _network(
    run: Run, spec: NetworkSpec, decoding: Decoding, prepared: Prepared, origins: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The network's own point forecasts in the prepared scale, [M, K, C]."""
    found = []
    for first in range(0, len(origins), BATCH):
        own = origins[first : first + BATCH]
        past, future = prepared.past(own, spec.window), prepared.future(own, decoding.horizon)
        values = decode(run, spec, decoding, past, future, prepared.static(own))
        found.append(values[..., 0] if decoding.point else values[..., decoding.middle])
    return np.concatenate(found)


def _errors(
    found: NDArray[np.float64], others: Sequence[Decoding], prepared: Prepared, origins: NDArray[np.int64]
) -> NDArray[np.float64]:
    """[1 + D, C] mean absolute errors of forecasts [M, K, C] and of D mixtures' others, in the prepared scale."""
    actual, seen = prepared.target(origins, found.shape[1], np.float64)
    each = [found, *(beside(one, prepared, origins)[..., 0 if one.point else one.middle] for one in others)]
    seen &= np.isfinite(each[1:]).all(axis=0)
    count = np.maximum(seen.sum(axis=(0, 1)), 1)
    return np.stack([np.where(seen, np.abs(one - actual), 0.0).sum(axis=(0, 1)) / count for one in each])


def silent_network(plan: Plan, preparation: Preparation, outputs: int) -> Network:
    """A network of one unit whose weights are all 0, that stands where a trained one would: it has no share."""
    recurrent = RecurrentOptions(cell="lstm", hidden_size=1, num_layers=1, dropout=0.0)
    options = NetworkOptions(head="direct", head_size=1, embed=1)
    plain = replace(plan, segment=1, decoder_segment=1, lags=(), normalise=None, anchor=0, skip=False)
    network = Network(build_spec(plain, recurrent, options, preparation, outputs))
    with torch.no_grad():
        for tensor in network.state_dict().values():
            tensor.zero_()
    network.eval()
    return network


def alone(
    decoding: Decoding, spec: NetworkSpec, table: Table, rows: NDArray[np.int64], notes: list[Note], *, tunes: bool
) -> Decoding:
    """A decoding in which the pretrained forecaster has the whole forecast; notes say so.

    Args:
        decoding: before. spec: of the silent network. table: the data. rows: [G, 2], whose end weighs simple methods.
        notes: what is to be known is added. tunes: whether fine-tuning follows, which has a note of its own.

    Raises:
        ConfigError: recursive decoding, which it has no use for.
    """
    if spec.horizon < decoding.horizon:
        raise ConfigError(tr("pretrained=True forecasts the whole horizon at once: leave network.block out"))
    version = str(read_card()["version"])
    if not tunes:
        notes.append(Note("pretrained", ALONE, {"version": version}))
    schema = table.schema
    names = [*schema.known, *schema.observed, *schema.static]
    if names:
        notes.append(Note("unused", UNUSED, {"names": ", ".join(names)}))
    return replace(decoding, mixture=own_shares(table, rows, decoding.horizon), version=version)


def refuse(choices: Any) -> None:
    """Refuse options that have no meaning without a training.

    Raises:
        ConfigError: a differenced target.
    """
    if choices.preparation.target_transform == "difference":
        raise ConfigError(tr("pretrained=True forecasts the target itself: leave target_transform='difference' out"))
