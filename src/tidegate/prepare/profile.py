"""What the rows of a table are like, small enough for an artifact: what later rows are compared with.

A column is compared with itself at equal phases of its week (of its day, where there are few weeks), and of its year
where there are two. What is left, z, is summed up in blocks of a week (at least 24 rows) by its level, its spread and
its roughness; a step in which the value x itself stands still counts as none, so that a frozen sensor has no roughness:

    level = median z      spread = var(z)^h      rough = mean((z_t - z_(t-1))^2)^(1/3)

The power makes a variance nearly normal: h = 1 - 2 k1 k3 / (3 k2^2) of the cumulants k that the autocorrelation of z
gives it (Jensen and Solomon 1972, doi:10.1080/01621459.1972.10481309), 1/3 where rows are independent. Blocks follow
one another as they do: a new one is held to what the last one leads to expect, x_t = a + b x_(t-1), so that seasons
and autocorrelation are no drift.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ArtifactError
from tidegate.core.frequency import Frequency
from tidegate.core.table import Table

PREFIX = "profile."
STATISTICS = ("level", "spread", "rough")
LEVELS = 101  # quantiles of z that are kept
LEAST_CYCLES, LEAST_ROWS = 8, 24
MOST_SERIES = 64
DAY = 86_400_000_000
TINY = 1e-12
YEAR = (1, 2)  # cycles a year
LARGEST_MATRIX, LEAST_POWER = 336, 0.02

Array = NDArray[Any]


@dataclass(frozen=True)
class Clock:
    """How rows are divided.

    Attributes:
        season: rows of a cycle whose phases are compared; 1 where there is none. block: rows of a block.
        step: microseconds between rows; 0 where they are counted or of no fixed length.
    """

    season: int
    block: int
    step: int

    @classmethod
    def of(cls, frequency: Frequency, dated: bool, rows: int) -> Clock:
        """The longest of week and day that the rows hold often enough."""
        step = frequency.microseconds if dated else None
        cycles = [12 // frequency.count, 1] if frequency.unit == "M" and dated else [1]
        if step is not None:
            cycles = [7 * DAY // step, DAY // step, 1]
        season = next((s for s in cycles if s >= 1 and rows >= LEAST_CYCLES * s), 1)
        block = max(cycles[0], 1) if rows >= LEAST_CYCLES * cycles[0] else season
        return cls(season, block * -(-LEAST_ROWS // block), step or 0)

    def phases(self, time: Array) -> NDArray[np.int64]:
        """[N] phase of each row: by the clock, or counted from the first."""
        number = time.astype(np.int64) // self.step if self.step else np.arange(len(time), dtype=np.int64)
        return np.asarray(number % self.season)


@dataclass(frozen=True)
class Profile:
    """One column of one series.

    Attributes:
        clock: see there. mean: [S] by phase. year: [4] sine and cosine of one and two cycles a year, 0 without.
        scale: deviation of what is left. power: h of the spread.
        grid: [LEVELS] quantiles of z. blocks: [n, 3] statistics, in order.
    """

    clock: Clock
    mean: NDArray[np.float64]
    year: NDArray[np.float64]
    scale: float
    power: float
    grid: NDArray[np.float64]
    blocks: NDArray[np.float64]

    @classmethod
    def of(cls, values: Array, time: Array, clock: Clock) -> Profile:
        """The profile of a column [N] at times [N]."""
        phases, x = clock.phases(time), np.asarray(values, np.float64)
        seen = np.isfinite(x)
        count = np.bincount(phases[seen], minlength=clock.season)
        total = np.bincount(phases[seen], x[seen], minlength=clock.season)
        whole = float(x[seen].mean()) if seen.any() else 0.0
        mean = np.where(count > 0, total / np.maximum(count, 1), whole)
        rest: Array = x - mean[phases]
        year: Array = np.zeros(len(YEAR) * 2)
        if clock.step and seen.any() and len(x) * clock.step >= 2 * 365 * DAY:
            waves = yearly(time)
            year = np.linalg.lstsq(waves[seen], rest[seen], rcond=None)[0]
            rest = rest - waves @ year
        scale = float(np.sqrt(np.nanmean(rest**2))) if seen.any() else 0.0
        scale = max(scale, TINY * max(abs(whole), 1.0))
        z = rest / scale
        grid = np.quantile(z[seen], np.linspace(0, 1, LEVELS)) if seen.any() else np.zeros(LEVELS)
        power = normal_power(z, clock.block)
        return cls(clock, mean, year, scale, power, grid, block_statistics(z, x, clock.block, power))

    def z(self, values: Array, time: Array) -> NDArray[np.float64]:
        """[N] how far values are from the usual ones of their phase, in deviations."""
        usual = self.mean[self.clock.phases(time)]
        if self.year.any():
            usual = usual + yearly(time) @ self.year
        return np.asarray((np.asarray(values, np.float64) - usual) / self.scale)

    def statistics(self, values: Array, time: Array) -> NDArray[np.float64]:
        """[n, 3] of later rows."""
        x = np.asarray(values, np.float64)
        return block_statistics(self.z(x, time), x, self.clock.block, self.power)


def yearly(time: Array) -> NDArray[np.float64]:
    """[N, 4] sine and cosine of one and two cycles a year."""
    moment = time.astype("datetime64[us]")
    turn = (moment - moment.astype("datetime64[Y]")).astype(np.int64) * (2 * np.pi / (365.2425 * DAY))
    return np.stack([wave(k * turn) for k in YEAR for wave in (np.sin, np.cos)], axis=1)


def normal_power(z: Array, block: int) -> float:
    """The power that makes the variance of a block nearly normal, from the autocorrelation of z."""
    stride = -(-block // LARGEST_MATRIX)
    x = np.nan_to_num(np.asarray(z, np.float64)[::stride])
    size = min(block // stride, max(len(x) // 4, 2))
    lags = [float(x[: len(x) - k] @ x[k:]) / max(len(x) - k, 1) for k in range(size)]
    covariance = np.array(lags)[np.abs(np.subtract.outer(np.arange(size), np.arange(size)))]
    centred = covariance - covariance.mean(0)
    centred = centred - centred.mean(1)[:, None]
    squared = centred @ centred
    one, two, three = np.trace(centred), np.trace(squared), float((squared * centred.T).sum())
    return float(np.clip(1 - 2 * one * three / (3 * two**2), LEAST_POWER, 1 / 3)) if two > 0 else 1 / 3


def block_statistics(z: Array, x: Array, block: int, power: float) -> NDArray[np.float64]:
    """[n, 3] level, spread and roughness of whole blocks, the last of which ends with the last row.

    NaN where fewer than half of a block's rows are there.

    Args:
        z: [N]. x: [N] the values as they are. block, power: see the module.
    """
    count = len(z) // block
    first = len(z) - count * block
    parts, raw = z[first:].reshape(count, block), x[first:].reshape(count, block)
    seen = np.isfinite(parts)
    enough = seen.mean(axis=1) >= 0.5 if count else np.zeros(0, np.bool_)
    n = np.maximum(seen.sum(axis=1), 1)
    centre = np.where(seen, parts, 0).sum(axis=1) / n
    level = np.full(count, np.nan)
    if enough.any():
        level[enough] = np.nanmedian(parts[enough], axis=1)
    spread = (np.where(seen, (parts - centre[:, None]) ** 2, 0).sum(axis=1) / n) ** power
    steps = np.where(np.diff(raw, axis=1) == 0, 0, np.diff(parts, axis=1))
    moved = np.isfinite(steps)
    rough = (np.where(moved, steps**2, 0).sum(axis=1) / np.maximum(moved.sum(axis=1), 1)) ** (1 / 3)
    return np.where(enough[:, None], np.stack([level, spread, rough], axis=1), np.nan)


def profile_arrays(table: Table) -> dict[str, Array]:
    """The profiles of a table's columns of numbers as arrays, for an artifact; none of a table without rows."""
    if not len(table):
        return {}
    clock = Clock.of(table.frequency, table.time.dtype.kind == "M", int(np.median(table.lengths)))
    arrays: dict[str, Array] = {f"{PREFIX}clock": np.array([clock.season, clock.block, clock.step], np.int64)}
    ranges = table.rows()[:MOST_SERIES].tolist()
    most = max((b - a) // clock.block for a, b in ranges)
    for name in table.columns:
        if not table.numeric(name):
            continue
        own = [Profile.of(table.columns[name][a:b], table.time[a:b], clock) for a, b in ranges]
        blocks = np.full((len(own), most, len(STATISTICS)), np.nan)
        for place, each in enumerate(own):
            blocks[place, most - len(each.blocks) :] = each.blocks
        shape = np.stack([np.concatenate([each.mean, each.year, [each.scale, each.power], each.grid]) for each in own])
        arrays[f"{PREFIX}shape.{name}"], arrays[f"{PREFIX}blocks.{name}"] = shape, blocks
    return arrays


def read_profiles(arrays: Mapping[str, Array]) -> tuple[Clock, dict[str, list[Profile]]] | None:
    """What `profile_arrays` made: the clock, and of each column a profile for each series; None where nothing was kept.

    Raises:
        ArtifactError: the arrays do not fit each other.
    """
    given = arrays.get(f"{PREFIX}clock")
    if given is None:
        return None
    try:
        season, block, step = (int(value) for value in given)
        if season < 1 or block < 2 or step < 0:
            raise ValueError("a clock of no length")
        clock = Clock(season, block, step)
        found: dict[str, list[Profile]] = {}
        for key, shape in arrays.items():
            if not key.startswith(f"{PREFIX}shape."):
                continue
            name = key[len(f"{PREFIX}shape.") :]
            blocks = arrays[f"{PREFIX}blocks.{name}"]
            if shape.shape != (len(blocks), season + 6 + LEVELS) or blocks.ndim != 3 or blocks.shape[2] != 3:
                raise ValueError(f"{name} has another shape")
            if not np.isfinite(shape).all() or (shape[:, season + 4] <= 0).any() or np.isinf(blocks).any():
                raise ValueError(f"{name} holds what is no number")
            cuts = (season, season + 4, season + 5, season + 6)
            found[name] = []
            for row, own in zip(shape, blocks, strict=True):
                mean, year, scale, power, grid = np.split(row, cuts)
                found[name].append(Profile(clock, mean, year, float(scale[0]), float(power[0]), grid, own))
    except (KeyError, ValueError, TypeError) as error:
        raise ArtifactError(f"context.safetensors: the profile cannot be read: {error}") from error
    return clock, found
