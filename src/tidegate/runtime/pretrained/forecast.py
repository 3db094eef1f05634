"""Forecasts of any series by the pretrained network: no training, no torch."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from tidegate.core.errors import DataError
from tidegate.core.translate import tr
from tidegate.kernels.library import hold_blas, threads
from tidegate.runtime.pretrained.candidates import CANDIDATES, candidates
from tidegate.runtime.pretrained.filters import PATCH, Array, Index, fill, filters
from tidegate.runtime.pretrained.inputs import WINDOW, decoder_inputs, patches
from tidegate.runtime.pretrained.network import F32, LEVELS, Network
from tidegate.runtime.pretrained.seasons import find

SHORTEST = 8  # observed rows of a series
LONGEST = 2_048  # rows that are looked at; more where a season of the calendar needs them
_CHUNK = 128  # as many fit the caches


@dataclass(frozen=True)
class Answer:
    """Forecasts of G series.

    quantiles: [G, K, 9], in the series' own units, in order. seasons: [G, 2], found lengths, 1 where there is none.
    simple: [G, C, K], the simple methods' forecasts (see `candidates`).
    """

    quantiles: Array
    seasons: Index
    simple: Array


def forecast(network: Network, series: Sequence[NDArray[Any]], horizon: int, hints: Sequence[int] = ()) -> Answer:
    """Quantiles of the `horizon` rows after the end of each series.

    Args:
        network: the pretrained one.
        series: G arrays [N_g], NaN where a value is missing.
        horizon: K.
        hints: season lengths that the calendar suggests.

    Raises:
        DataError: a series with fewer than 8 observed rows, named by its place.
    """
    hold_blas()
    G = len(series)
    quantiles, seasons = np.empty((G, horizon, len(LEVELS))), np.ones((G, 2), np.int64)
    simple = np.empty((G, CANDIDATES, horizon))
    groups: dict[tuple[int, int], list[int]] = {}
    kept: list[Array] = []
    longest = max(LONGEST, *(7 * hint // 2 for hint in hints)) if hints else LONGEST
    for place, given in enumerate(series):
        values = np.asarray(given, dtype=np.float64)
        seen = np.flatnonzero(np.isfinite(values))
        if len(seen) < SHORTEST:
            message = "series {place} has {shown} observed values; a forecast needs {SHORTEST}"
            raise DataError(tr(message, place=place, shown=len(seen), SHORTEST=SHORTEST))
        late = len(values) - 1 - int(seen[-1])  # rows missing at the end are forecast too, and left out
        kept.append(values[max(seen[0], seen[-1] + 1 - longest) : seen[-1] + 1])
        groups.setdefault((min(WINDOW, -(-len(kept[-1]) // PATCH)), late), []).append(place)
    work = []
    for (count, late), places in groups.items():
        places.sort(key=lambda place: len(kept[place]))
        work += [(count, late, places[i : i + _CHUNK]) for i in range(0, len(places), _CHUNK)]

    def run(part: tuple[int, int, list[int]]) -> None:
        count, late, places = part
        q, m, c = _chunk(network, [kept[place] for place in places], horizon + late, hints, count)
        quantiles[places], seasons[places], simple[places] = q[:, late:], m, c[:, :, late:]

    with threadpool_limits(1, user_api="blas"):  # the pool divides the work; sums of one order, whatever is set
        if len(work) == 1:
            run(work[0])
        else:
            with ThreadPoolExecutor(threads()) as pool:
                list(pool.map(run, work))
    return Answer(quantiles, seasons, simple)


class Inputs(NamedTuple):
    """What the network takes of B series, and what gives its answer the series' units.

    x: [B, count, ENCODED]. z: [B, J, DECODED]. mixed: [B, J, C, PATCH], the simple forecasts in units of the scale.
    level, unit: [B, 1, 1]; an answer q means level + unit q. seasons: [B, 2]. simple: [B, C, K], in the series' units.
    """

    x: F32
    z: F32
    mixed: F32
    level: Array
    unit: Array
    seasons: Index
    simple: Array


def inputs_of(series: Sequence[Array], horizon: int, hints: Sequence[int], count: int) -> Inputs:
    """Of series of `count` patches, whose last row is known."""
    B, K = len(series), -(-horizon // PATCH) * PATCH
    N = -(-max(len(values) for values in series) // PATCH) * PATCH
    values = np.full((B, N), np.nan)
    for row, own in enumerate(series):
        values[row, N - len(own) :] = own
    mean = np.nanmean(values, 1, keepdims=True)
    spread = np.nanstd(values, 1, keepdims=True)
    flat = spread[:, 0] <= 1e-12 * np.maximum(np.abs(mean[:, 0]), 1e-300)
    spread[flat] = 1.0
    values = (values - mean) / spread
    plain, _, start = fill(values, np.ones(B, np.int64))
    seasons = find(plain, start, hints)
    batch = filters(values, seasons)
    rows, origin = np.arange(B), np.full(B, N)
    x = patches(batch, count).astype(np.float32)
    c, missed = candidates(batch, rows, origin, K)
    ahead = np.tile(np.arange(K // PATCH), (B, 1))
    z, part, unit = decoder_inputs(batch, rows, origin, c, missed, ahead)
    last = batch.y[:, -1]
    mixed = ((part - last[:, None, None, None]) / unit[:, None, None, None]).astype(np.float32)
    level, unit = np.where(flat, 0.0, last)[:, None] * spread + mean, np.where(flat, 0.0, unit)[:, None] * spread
    simple = c[:, :, :horizon] * spread[:, :, None] + mean[:, :, None]
    return Inputs(x, z.astype(np.float32), mixed, level[:, :, None], unit[:, :, None], seasons, simple)


def _chunk(
    network: Network, series: Sequence[Array], horizon: int, hints: Sequence[int], count: int
) -> tuple[Array, Index, Array]:
    """Quantiles [B, K, 9], seasons [B, 2] and candidates [B, C, K] of series of `count` patches."""
    own = inputs_of(series, horizon, hints, count)
    q = network.decode(network.encode(own.x), own.z, own.mixed)
    q = q.reshape(len(series), -1, len(LEVELS))[:, :horizon].astype(np.float64)
    return q * own.unit + own.level, own.seasons, own.simple
