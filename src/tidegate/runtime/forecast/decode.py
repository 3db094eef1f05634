"""From a network's outputs to forecasts: calibration, recursion over longer horizons, order of quantiles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.artifacts.spec import NetworkSpec
from tidegate.prepare.table.prepared import Prepared
from tidegate.runtime.forecast.beside import beside, blend
from tidegate.runtime.network.network import Output

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
        mixture: [C, 18] shares of the pretrained network and of its simple methods in the forecast (see `beside`); what
            is left of 1 is the network's. version: of the pretrained network.
        repeated: of each target, values that come again and again, such as 0, each with the distance within which a
            quantile means this value; empty where there are none.
    """

    horizon: int
    point: bool
    quantiles: tuple[float, ...]
    calibration: Array | None = None
    mixture: Array | None = None
    version: str = ""
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
            output = output._replace(values=blend(output.values, output.loc, output.scale, decoding, part))
        if decoding.calibration is not None:
            output = output._replace(values=output.values + decoding.calibration)
        values = output.prepared()
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
