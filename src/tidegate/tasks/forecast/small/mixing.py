"""The pretrained forecaster beside a trained network, or alone in its place."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tidegate.artifacts.spec import NetworkSpec
from tidegate.core.errors import ConfigError
from tidegate.core.table import Note, Table
from tidegate.core.translate import tr
from tidegate.data.split import Split
from tidegate.nn.network import Network
from tidegate.prepare import Preparation, Prepared
from tidegate.runtime.forecast.decode import BATCH, METHODS, Decoding, Run, beside, decode
from tidegate.runtime.pretrained.forecast import SHORTEST
from tidegate.runtime.pretrained.network import load_network, read_card
from tidegate.tasks.forecast.build import Plan, build_spec
from tidegate.tasks.forecast.choices import NetworkOptions
from tidegate.tasks.forecast.small.linear import Linear
from tidegate.tasks.forecast.small.self_check import backtest
from tidegate.tasks.options import RecurrentOptions

SMALL_ROWS = 20_000  # of a table, in which the pretrained forecaster is tried
SMALL_WINDOWS = 5_000  # of a training part
MOST_SERIES = 200
ORIGINS = 1_000  # of the validation part that choose
ROLLING = 200  # rolling ones before it
LEAST = 0.05  # a share below it is not worth its time
STEEPEST = 8.0
MESSAGE = (
    "The pretrained forecaster (version {version}) stands beside the network, with {share} of the forecast: on the "
    "validation part its error is {pretrained}, the network's {network} (in units of the scaled target)."
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
    """The decoding of a network and the pretrained forecaster together, weighed by their errors on the validation part.

    A share is e_n^p / (e_n^p + e_p^p) with the mean absolute errors of network and pretrained forecaster: half where
    they are alike. p is twice the number of windows looked at that do not overlap, at most 8: little evidence moves it
    little.

    Args:
        run, spec, decoding: the trained network. prepared, split: the table, as it was trained.
        origins: windows of the validation part. linear: the forecast inside the network, whose rolling origins count as
            much as the validation part. notes: what was chosen is added.
    """
    origins = origins[np.unique(np.linspace(0, len(origins) - 1, ORIGINS).astype(np.int64))]
    version, K = str(read_card()["version"]), decoding.horizon
    both = replace(decoding, mixture=own_shares(prepared.table, split.train, K), version=version)
    errors = _errors(_network(run, spec, decoding, prepared, origins), both, prepared, origins)
    rows = int(np.diff(split.validation).sum())
    if linear is not None and len(linear.origins):
        some = np.unique(np.linspace(0, len(linear.origins) - 1, ROLLING).astype(np.int64))
        plain = replace(both, mixture=np.eye(1, METHODS).repeat(len(errors[0]), axis=0))  # its shares saw these rows
        errors = (errors + _errors(linear.found[some], plain, prepared, linear.origins[some])) / 2
        rows = max(rows, int((split.validation[:, 1] - split.train[:, 0]).sum()) // 2)
    power = min(STEEPEST, 2.0 * max(1, rows // K))
    weights = np.maximum(errors, 1e-12 + 1e-9 * errors.max()) ** -power
    share = weights[1] / weights.sum(axis=0)
    share = np.where(share < LEAST, 0.0, share)
    if not share.any():
        return decoding
    said = {"share": f"{100 * share.mean():.0f} %", "version": both.version}
    said |= {"network": f"{errors[0].mean():.4f}", "pretrained": f"{errors[1].mean():.4f}"}
    notes.append(Note("pretrained", MESSAGE, said))
    assert both.mixture is not None
    return replace(both, mixture=both.mixture * share[:, None])


def renewed(decoding: Decoding, table: Table, rows: NDArray[np.int64]) -> Decoding:
    """The same share of the pretrained forecaster, its simple methods weighed by how they did on these rows."""
    if decoding.mixture is None:
        return decoding
    share = decoding.mixture.sum(axis=1, keepdims=True)
    return replace(decoding, mixture=own_shares(table, rows, decoding.horizon) * share)


def own_shares(table: Table, rows: NDArray[np.int64], horizon: int) -> NDArray[np.float64]:
    """[C, 18] what the pretrained network and its simple methods should weigh, by how they did on the rows' own end."""
    shares = np.zeros((len(table.schema.targets), METHODS))
    places = np.linspace(0, len(rows) - 1, min(len(rows), MOST_SERIES)).astype(np.int64)
    for c, name in enumerate(table.schema.targets):
        series = [np.asarray(table.columns[name][begin:end], np.float64) for begin, end in rows[places].tolist()]
        series = [values for values in series if np.isfinite(values).sum() >= SHORTEST]
        tested = backtest(load_network(), series, horizon, table.frequency.seasons()) if series else None
        shares[c] = np.eye(METHODS)[0] if tested is None else tested.shares().mean(axis=0)
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
    found: NDArray[np.float64], decoding: Decoding, prepared: Prepared, origins: NDArray[np.int64]
) -> NDArray[np.float64]:
    """[2, C] mean absolute errors of forecasts [M, K, C] and of the pretrained forecaster, in the prepared scale."""
    actual, seen = prepared.target(origins, decoding.horizon, np.float64)
    other = beside(decoding, prepared, origins)[..., 0 if decoding.point else decoding.middle]
    seen &= np.isfinite(other)
    count = np.maximum(seen.sum(axis=(0, 1)), 1)
    return np.stack([np.where(seen, np.abs(one - actual), 0.0).sum(axis=(0, 1)) / count for one in (found, other)])


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
