"""The pretrained forecaster beside a trained network: what it predicts for the same steps, from all rows before."""

from __future__ import annotations

from statistics import NormalDist
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tidegate.core.frequency import Frequency
from tidegate.prepare.table.prepared import Prepared
from tidegate.runtime.pretrained.candidates import CANDIDATES
from tidegate.runtime.pretrained.forecast import LONGEST, SHORTEST
from tidegate.runtime.pretrained.forecast import forecast as run
from tidegate.runtime.pretrained.network import LEVELS
from tidegate.runtime.pretrained.weights import load_network

Array = NDArray[Any]

METHODS = 1 + CANDIDATES  # the pretrained network and the simple methods it mixes
_MIDDLE = LEVELS.index(0.5)
_MOST = 200_000  # forecast steps of a table that are kept


class Mixed(Protocol):
    """What is asked of a decoding (`tidegate.runtime.forecast.decode.Decoding`)."""

    @property
    def horizon(self) -> int: ...
    @property
    def point(self) -> bool: ...
    @property
    def quantiles(self) -> tuple[float, ...]: ...
    @property
    def mixture(self) -> Array | None: ...


def reach(frequency: Frequency) -> int:
    """Rows before an origin that the pretrained forecaster looks at."""
    return max([LONGEST, *(7 * season // 2 for season in frequency.seasons())])


def beside(decoding: Mixed, prepared: Prepared, origins: NDArray[np.int64]) -> Array:
    """Its forecasts in the prepared scale, [B, K, C, O]; NaN where a series has fewer than 8 observed rows before.

    Args:
        decoding: its `mixture` weighs the pretrained network and its simple methods, its outputs are these.
        prepared: the table. origins: [B] rows of the first forecast step.
    """
    assert decoding.mixture is not None
    quantiles, simple = _answers(prepared, origins, decoding.horizon)
    shares = decoding.mixture / np.maximum(decoding.mixture.sum(axis=1, keepdims=True), 1e-12)
    centre = shares[:, :1] * quantiles[..., _MIDDLE] + np.einsum("cs,bcsk->bck", shares[:, 1:], simple)
    away = (quantiles - quantiles[..., _MIDDLE, None]) @ _levels(decoding.quantiles)  # [B, C, K, Q]
    found = centre[..., None] + np.concatenate([np.zeros((*centre.shape, int(decoding.point))), away], axis=3)
    return prepared.scaled(found.transpose(0, 2, 1, 3), origins)


def blend(values: Array, loc: Array, scale: Array, decoding: Mixed, other: Array) -> NDArray[np.float32]:
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


def _answers(prepared: Prepared, origins: NDArray[np.int64], horizon: int) -> tuple[Array, Array]:
    """Quantiles [B, C, K, 9] and simple forecasts [B, C, 17, K] in the targets' unit; those of a table are kept."""
    table, targets = prepared.table, prepared.preparation.target_names
    known: dict[int, tuple[Array, Array]] = prepared.memory.setdefault(("pretrained", horizon), {})
    new = [int(origin) for origin in dict.fromkeys(origins.tolist()) if origin not in known]
    starts, longest = table.starts[table.series_of(np.array(new, np.int64) - 1)], reach(prepared.preparation.frequency)
    series: list[Array] = []
    places = []
    for origin, start in zip(new, starts.tolist(), strict=True):
        known[origin] = (
            np.full((len(targets), horizon, len(LEVELS)), np.nan, np.float32),
            np.full((len(targets), CANDIDATES, horizon), np.nan, np.float32),
        )
        for c, name in enumerate(targets):
            values = table.columns[name][max(start, origin - longest) : origin]
            if np.isfinite(values).sum() >= SHORTEST:
                series.append(values)
                places.append((origin, c))
    if series:
        answer = run(load_network(), series, horizon, prepared.preparation.frequency.seasons())
        for place, (origin, c) in enumerate(places):
            known[origin][0][c], known[origin][1][c] = answer.quantiles[place], answer.simple[place]
    found = [known[origin] for origin in origins.tolist()]
    if len(known) * horizon > _MOST:
        known.clear()
    quantiles, simple = (np.stack(parts).astype(np.float64) for parts in zip(*found, strict=True))
    return quantiles, simple
