"""From a network's outputs to forecasts: calibration, recursion over longer horizons, order of quantiles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.artifacts.spec import NetworkSpec
from tidegate.core.frequency import Frequency
from tidegate.prepare.table.prepared import Prepared
from tidegate.runtime.forecast.theta import theta
from tidegate.runtime.network.network import Output
from tidegate.runtime.pretrained.candidates import CANDIDATES
from tidegate.runtime.pretrained.forecast import LONGEST, SHORTEST
from tidegate.runtime.pretrained.forecast import forecast as pretrained
from tidegate.runtime.pretrained.network import LEVELS, Network, load_network

Array = NDArray[Any]
Run = Callable[[Array, Array, Array], Output]
BATCH = 512


@dataclass(frozen=True)
class Decoding:
    """How outputs become forecasts.

    Attributes:
        horizon: K steps to forecast; a multiple of the network's own horizon. Where it is longer, the
            network is applied again to its own forecasts (recursive decoding).
        point: whether the first output is the point forecast; otherwise the median, or the quantile
            nearest to it, is.
        quantiles: of the outputs after it, rising.
        calibration: [k, C, O] added to the outputs of the k steps of the network in its normalised scale.
        mixture: [C, 19] shares of the pretrained network, of its simple methods and of the Theta method in the forecast
            (see `beside`); what is left of 1 is the network's. version: of the pretrained network. tuned: it,
            fine-tuned; None takes it as it is packaged.
        repeated: of each target, values that come again and again, such as 0, each with the distance within which a
            quantile means this value; empty where there are none.
    """

    horizon: int
    point: bool
    quantiles: tuple[float, ...]
    calibration: Array | None = None
    mixture: Array | None = None
    version: str = ""
    tuned: Network | None = None
    repeated: tuple[tuple[tuple[float, float], ...], ...] = ()

    @property
    def outputs(self) -> int:
        """O, outputs per step and target."""
        return int(self.point) + len(self.quantiles)

    @property
    def middle(self) -> int:
        """The quantile nearest to the median, by its place among the quantiles."""
        return int(np.argmin(np.abs(np.asarray(self.quantiles) - 0.5)))

    def to_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {"horizon": self.horizon, "point": self.point, "quantiles": list(self.quantiles)}
        if self.mixture is not None:
            found["pretrained"] = self.version
        return found | ({"repeated": [[list(pair) for pair in own] for own in self.repeated]} if self.repeated else {})

    def settle(self, quantiles: Array) -> Array:
        """Quantiles [M, K, C, Q] in the target's unit, those close to a repeated value moved onto it.

        A quantile of 0.01 where most values are 0 leaves out most of what it should hold.
        """
        for target, own in enumerate(self.repeated):
            for value, reach in own:
                part = quantiles[:, :, target]
                part[np.abs(part - value) <= reach] = value
        return quantiles


@dataclass(frozen=True)
class Forecast:
    """Forecasts of M windows in the target's own unit.

    Attributes:
        mean: [M, K, C] point forecasts. quantiles: [M, K, C, Q], rising along the last axis.
        levels: [Q] the quantiles' levels.
    """

    mean: NDArray[np.float64]
    quantiles: NDArray[np.float64]
    levels: tuple[float, ...]


def forecast(
    run: Run, spec: NetworkSpec, decoding: Decoding, prepared: Prepared, origins: NDArray[np.int64]
) -> Forecast:
    """Forecast from any origins of a prepared table.

    Args:
        run: the network, torch's or the runtime's. spec: its sizes. decoding: see there.
        prepared: the table. origins: [M] rows of the first forecast step.
    """
    parts = [
        _forecast_batch(run, spec, decoding, prepared, origins[first : first + BATCH])
        for first in range(0, len(origins), BATCH)
    ]
    shape = (0, decoding.horizon, spec.targets, spec.outputs)
    values = np.concatenate(parts) if parts else np.empty(shape)
    first = int(decoding.point)
    quantiles = decoding.settle(np.sort(values[..., first:], axis=3))
    mean = values[..., 0] if decoding.point else quantiles[..., decoding.middle]
    return Forecast(mean, quantiles, decoding.quantiles)


def _forecast_batch(
    run: Run, spec: NetworkSpec, decoding: Decoding, prepared: Prepared, origins: NDArray[np.int64]
) -> NDArray[np.float64]:
    past = prepared.past(origins, spec.window)
    future = prepared.future(origins, decoding.horizon)
    other = None if decoding.mixture is None else beside(decoding, prepared, origins)
    return prepared.invert(decode(run, spec, decoding, past, future, prepared.static(origins), other), origins)


def decode(
    run: Run,
    spec: NetworkSpec,
    decoding: Decoding,
    past: Array,
    future: Array,
    static: Array,
    other: Array | None = None,
) -> Array:
    """Forecasts of prepared windows in the prepared scale, [B, K, C, O], calibrated and rolled over the horizon.

    Args:
        run, spec, decoding: as for `forecast`.
        past: [B, T, I]. future: [B, K, F] for all K steps. static: [B, S].
        other: [B, K, C, O], what `beside` gives; without it the forecasts are the network's own.
    """
    blocks = []
    for first in range(0, decoding.horizon, spec.horizon):
        ahead = future[:, first : first + spec.horizon]
        output = run(past, ahead, static)
        if other is not None:
            part = other[:, first : first + spec.horizon]
            output = replace(output, values=blend(output.values, output.loc, output.scale, decoding, part))
        if decoding.calibration is not None:
            output = replace(output, values=output.values + decoding.calibration)
        values = np.asarray(output.prepared(), dtype=np.float32)
        blocks.append(values)
        if first + spec.horizon < decoding.horizon:
            path = values[..., 0] if decoding.point else np.sort(values, axis=3)[..., decoding.middle]
            past = _roll(past, path, ahead)
    return blocks[0] if len(blocks) == 1 else np.concatenate(blocks, axis=1)


def _roll(past: Array, targets: Array, known: Array) -> Array:
    """Slide windows over the steps just forecast: forecasts for targets, nothing marked as missing."""
    rows = np.zeros((past.shape[0], targets.shape[1], past.shape[2]), dtype=np.float32)
    count = targets.shape[2]
    rows[:, :, :count] = targets
    rows[:, :, count : count + known.shape[2]] = known
    return np.concatenate([past[:, targets.shape[1] :], rows], axis=1)


METHODS = 2 + CANDIDATES  # the pretrained network, the simple methods it mixes, the Theta method
_MIDDLE = LEVELS.index(0.5)
_MOST = 200_000  # forecast steps of a table that are kept


def reach(frequency: Frequency) -> int:
    """Rows before an origin that the pretrained forecaster looks at."""
    return max([LONGEST, *(7 * season // 2 for season in frequency.seasons())])


def beside(decoding: Decoding, prepared: Prepared, origins: NDArray[np.int64]) -> Array:
    """Its forecasts in the prepared scale, [B, K, C, O]; NaN where a series has fewer than 8 observed rows before.

    Args:
        decoding: its `mixture` weighs the pretrained network, its simple methods and Theta; its outputs are these.
        prepared: the table. origins: [B] rows of the first forecast step.
    """
    assert decoding.mixture is not None
    quantiles, simple = _answers(prepared, origins, decoding)
    shares = decoding.mixture / np.maximum(decoding.mixture.sum(axis=1, keepdims=True), 1e-12)
    centre = shares[:, :1] * quantiles[..., _MIDDLE] + np.einsum("cs,bcsk->bck", shares[:, 1:], simple)
    away = (quantiles - quantiles[..., _MIDDLE, None]) @ _levels(decoding.quantiles)  # [B, C, K, Q]
    found = centre[..., None] + np.concatenate([np.zeros((*centre.shape, int(decoding.point))), away], axis=3)
    return prepared.scaled(found.transpose(0, 2, 1, 3), origins)


def blend(values: Array, loc: Array, scale: Array, decoding: Decoding, other: Array) -> NDArray[np.float32]:
    """A network's outputs and `other`, averaged by the shares that the mixture gives, in the outputs' own scale.

    Args:
        values: [B, k, C, O]. loc, scale: [B, 1, C]. other: [B, k, C, O] in the prepared scale; NaN leaves `values`.
    """
    assert decoding.mixture is not None
    share = decoding.mixture.sum(axis=1)[:, None]
    mixed = (1.0 - share) * values + share * (other - loc[..., None]) / scale[..., None]
    return np.where(np.isfinite(other), mixed, values).astype(np.float32)


def _levels(wanted: tuple[float, ...]) -> Array:
    """[9, Q] weights: linear between the nine levels, beyond the outer ones as a normal distribution goes on."""
    weights = np.zeros((len(LEVELS), len(wanted)))
    for column, level in enumerate(wanted):
        if LEVELS[0] <= level <= LEVELS[-1]:
            weights[:, column] = [np.interp(level, LEVELS, own) for own in np.eye(len(LEVELS))]
        else:
            end = 0 if level < LEVELS[0] else len(LEVELS) - 1
            weights[end, column] = NormalDist().inv_cdf(level) / NormalDist().inv_cdf(LEVELS[end])
    return weights


def _answers(prepared: Prepared, origins: NDArray[np.int64], decoding: Decoding) -> tuple[Array, Array]:
    """Quantiles [B, C, K, 9] and simple forecasts [B, C, 18, K], Theta's last, in the targets' unit; both are kept."""
    table, targets, horizon = prepared.table, prepared.preparation.target_names, decoding.horizon
    network = decoding.tuned or load_network()
    known: dict[int, tuple[Array, Array]] = prepared.memory.setdefault(("pretrained", horizon, network), {})
    new = [int(origin) for origin in dict.fromkeys(origins.tolist()) if origin not in known]
    starts, longest = table.starts[table.series_of(np.array(new, np.int64) - 1)], reach(prepared.preparation.frequency)
    series: list[Array] = []
    places = []
    for origin, start in zip(new, starts.tolist(), strict=True):
        known[origin] = (
            np.full((len(targets), horizon, len(LEVELS)), np.nan, np.float32),
            np.full((len(targets), METHODS - 1, horizon), np.nan, np.float32),
        )
        for c, name in enumerate(targets):
            values = table.columns[name][max(start, origin - longest) : origin]
            if np.isfinite(values).sum() >= SHORTEST:
                series.append(values)
                places.append((origin, c))
    if series:
        answer = pretrained(network, series, horizon, prepared.preparation.frequency.seasons())
        for place, (origin, c) in enumerate(places):
            known[origin][0][c], known[origin][1][c, :-1] = answer.quantiles[place], answer.simple[place]
        for (origin, c), own in zip(places, theta(series, answer.seasons[:, 0], horizon), strict=True):
            known[origin][1][c, -1] = own
    found = [known[origin] for origin in origins.tolist()]
    if len(known) * horizon > _MOST:
        known.clear()
    quantiles, simple = (np.stack(parts).astype(np.float64) for parts in zip(*found, strict=True))
    return quantiles, simple
