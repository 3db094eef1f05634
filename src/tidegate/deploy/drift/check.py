"""Blocks of later rows held to a profile: which of them are not what the reference leads to expect.

Each statistic of a block is regressed on that of the block before it, in the reference: x_t = a + b x_(t-1) + e. A new
block's distance from that, over its standard error with the uncertainty of a, b and e in it, has a t distribution. All
tests of all columns share one budget: `budget` false alarms a year, divided among them by SHARES.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.prepare.profile import STATISTICS, Clock, Profile

Array = NDArray[Any]
SHARES = {"level": 0.6, "spread": 0.3, "rough": 0.1}  # of the budget: a level is the hardest to tell
LEAST_BLOCKS = 10  # of a reference, pairs of neighbours
YEAR = 365.25 * 86_400e6  # microseconds
BLOCKS_A_YEAR = 52.0  # where rows have no fixed length
BINS, TERMS = 10, 300


@dataclass(frozen=True)
class Tested:
    """One column's statistic over the new blocks.

    Attributes:
        column, series: whose. statistic: its name. reference: [n] its values before. values: [m] the new ones.
        expected: [m]. p: [m], NaN where nothing can be said. alpha: below it a p-value is an alarm.
    """

    column: str
    series: str
    statistic: str
    reference: NDArray[np.float64]
    values: NDArray[np.float64]
    expected: NDArray[np.float64]
    p: NDArray[np.float64]
    alpha: float

    @property
    def alarms(self) -> NDArray[np.bool_]:
        """[m] which blocks are out of the ordinary."""
        return np.asarray(self.p < self.alpha)


def level_of(clock: Clock, tests: float, budget: float) -> float:
    """The p-value of an alarm: so many false ones a year over all tests of a block.

    Args:
        clock: how long a block is. tests: of each block, weighed. budget: false alarms a year.
    """
    blocks = YEAR / (clock.block * clock.step) if clock.step else BLOCKS_A_YEAR
    return budget / (blocks * max(tests, 1.0))


def held(
    profile: Profile, blocks: Array, alpha: float, names: tuple[str, str], which: Sequence[str] = STATISTICS
) -> list[Tested]:
    """Test new blocks [m, 3] of a column against its profile.

    Args:
        alpha: of a test that has the whole share. names: column and series. which: statistics to look at.
    """
    found = []
    for place, statistic in enumerate(STATISTICS):
        if statistic in which:
            reference, new = profile.blocks[:, place], blocks[:, place]
            waves = int(np.count_nonzero(profile.year)) if statistic == "level" else 0
            expected, p = predicted(reference, new, waves)
            share = SHARES[statistic] / sum(SHARES[each] for each in which)
            found.append(Tested(*names, statistic, reference, new, expected, p, alpha * share))
    return found


def predicted(reference: Array, new: Array, fitted: int = 0) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What is expected of new values, each after the one before it, and the p-value of each, two-sided.

    Args:
        reference: [n]. new: [m]. fitted: numbers that were fitted to the reference and taken out of both: they lie
            closer to the one than to the other.
    """
    before, after = reference[:-1], reference[1:]
    both = np.isfinite(before) & np.isfinite(after)
    x, y = before[both], after[both]
    last = np.concatenate([reference[-1:], new[:-1]]) if len(new) else new
    n = len(x)
    if n < LEAST_BLOCKS:
        return np.full(len(new), np.nan), np.full(len(new), np.nan)
    centre, width = x.mean(), float(((x - x.mean()) ** 2).sum())
    slope = float(((x - centre) * (y - y.mean())).sum() / width) if width > 0 else 0.0
    rest = y - y.mean() - slope * (x - centre)
    free = max(n - 2 - fitted, 1)
    error = math.sqrt(float((rest**2).sum()) / free)
    last = np.where(np.isfinite(last), last, centre)
    expected = y.mean() + slope * (last - centre)
    away = (last - centre) ** 2 / width if width > 0 else 0.0
    scale = np.maximum(error, 1e-9 * max(abs(float(y.mean())), 1e-9)) * np.sqrt(1 + (1 + fitted) / n + away)
    return expected, two_sided((new - expected) / scale, free)


def two_sided(t: Array, freedom: int) -> NDArray[np.float64]:
    """P(|T| > |t|) of Student's distribution, by the continued fraction of the incomplete beta function.

    Source: Lentz's method, as in Press et al., Numerical Recipes, 6.4.
    """
    square = np.asarray(t, np.float64) ** 2
    x = freedom / (freedom + square)
    near = x > (freedom / 2 + 1) / (freedom / 2 + 2.5)  # there the fraction converges for the other side
    far = _fraction(freedom / 2, 0.5, np.where(near, 0.5, x))
    with np.errstate(invalid="ignore"):
        found = np.where(near, 1.0 - _fraction(0.5, freedom / 2, np.where(near, square / (freedom + square), 0.5)), far)
    return np.where(np.isnan(square), np.nan, found)


def _fraction(a: float, b: float, x: Array) -> NDArray[np.float64]:
    """The regularized incomplete beta function of x below (a + 1) / (a + b + 2)."""
    x = np.clip(np.nan_to_num(x, nan=0.5), 1e-300, 1.0)
    front = a * np.log(x) + b * np.log1p(-np.minimum(x, 1 - 1e-16))
    front = np.exp(front + math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b))
    c, d = np.ones_like(x), 1.0 / (1.0 - (a + b) * x / (a + 1))
    total = d
    for m in range(1, TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for part in (even, odd):
            d = 1.0 / (1.0 + part * d)
            c = 1.0 + part / c
            total = total * c * d
        if np.abs(c * d - 1.0).max(initial=0.0) < 1e-14:
            break
    return np.asarray(front * total / a)


def stability(grid: Array, z: Array) -> float:
    """The population stability index of z against a reference's quantiles, over ten equal shares.

    Below 0.1 little has changed, above 0.25 much, by custom; it knows neither autocorrelation nor chance.
    """
    z = z[np.isfinite(z)]
    if not len(z):
        return math.nan
    edges = grid[:: (len(grid) - 1) // BINS][1:-1]
    now = np.bincount(np.searchsorted(edges, z, side="right"), minlength=BINS) / len(z)
    now, before = np.maximum(now, 1e-4), 1.0 / BINS
    return float(((now - before) * np.log(now / before)).sum())


def distance(grid: Array, z: Array) -> float:
    """The Kolmogorov-Smirnov distance of z from a reference, by its quantiles: the largest gap of the shares below."""
    z = np.sort(z[np.isfinite(z)])
    if not len(z):
        return math.nan
    before = np.interp(z, grid, np.linspace(0, 1, len(grid)))
    steps = np.arange(len(z) + 1) / len(z)
    return float(max((steps[1:] - before).max(), (before - steps[:-1]).max()))


class PageHinkley:
    """A rise or fall of the mean (Page 1954): the sum of distances from the running mean leaves its least value.

    Args:
        least: values before anything is said. delta: distance that is tolerated. threshold: that the sum has to pass.
        alpha: share of the sum that is kept from value to value.
    """

    def __init__(self, least: int = 30, delta: float = 0.005, threshold: float = 50.0, alpha: float = 0.9999) -> None:
        self.least, self.delta, self.threshold, self.alpha = least, delta, threshold, alpha
        self._reset()

    def _reset(self) -> None:
        self.count, self.mean = 0, 0.0
        self.rise = self.fall = 0.0
        self.low, self.high = math.inf, -math.inf

    def update(self, value: float) -> bool:
        """Take a value in; whether the mean has changed (it then begins anew)."""
        self.count += 1
        self.mean += (value - self.mean) / self.count
        away = value - self.mean
        self.rise = self.alpha * self.rise + away - self.delta
        self.fall = self.alpha * self.fall + away + self.delta
        self.low, self.high = min(self.low, self.rise), max(self.high, self.fall)
        changed = self.count >= self.least and (
            self.rise - self.low > self.threshold or self.high - self.fall > self.threshold
        )
        if changed:
            self._reset()
        return changed


class Adwin:
    """An adaptive window (Bifet and Gavalda 2007, doi:10.1137/1.9781611972771.42): it drops its older part where two
    parts of it have means that differ by more than chance allows.

    The window is kept as buckets of 1, 2, 4, ... values, at most `most` of a size: memory grows with its logarithm.

    Args:
        delta: confidence. clock: values between two looks. most: buckets of a size. least: values before anything is
            said. part: values that a part has at least.
    """

    def __init__(self, delta: float = 0.002, clock: int = 32, most: int = 5, least: int = 10, part: int = 5) -> None:
        self.delta, self.clock, self.most, self.least, self.part = delta, clock, most, least, part
        self.rows: list[list[tuple[float, float]]] = [[]]  # of each size, newest last: total and sum of squares
        self.width, self.total, self.squares, self.seen = 0, 0.0, 0.0, 0

    @property
    def mean(self) -> float:
        """Of the window."""
        return self.total / self.width if self.width else 0.0

    def update(self, value: float) -> bool:
        """Take a value in; whether older ones were dropped because the mean has changed."""
        if self.width:
            self.squares += self.width * (value - self.mean) ** 2 / (self.width + 1)
        self.width, self.total, self.seen = self.width + 1, self.total + value, self.seen + 1
        self.rows[0].append((value, 0.0))
        self._compress()
        return self.seen % self.clock == 0 and self.width > self.least and self._shrink()

    def _compress(self) -> None:
        for size, row in enumerate(self.rows):
            if len(row) <= self.most:
                return
            (a, u), (b, v) = row.pop(0), row.pop(0)
            n = 2.0**size
            if size + 1 == len(self.rows):
                self.rows.append([])
            self.rows[size + 1].append((a + b, u + v + (a - b) ** 2 / (2 * n)))

    def _shrink(self) -> bool:
        changed, again = False, True
        while again:
            again = False
            for old, total in self._cuts():
                new = self.width - old
                gap = total / old - (self.total - total) / new
                if abs(gap) > self._allowed(old, new):
                    changed = again = True
                    self._drop()
                    break
        return changed

    def _cuts(self) -> list[tuple[int, float]]:
        """Count and total of the older part, for every place where the window may be cut."""
        found: list[tuple[int, float]] = []
        count, total = 0, 0.0
        for size in range(len(self.rows) - 1, -1, -1):
            for bucket, (own, _) in enumerate(self.rows[size]):
                if size == 0 and bucket == len(self.rows[0]) - 1:
                    return found
                count, total = count + 2**size, total + own
                if count >= self.part and self.width - count >= self.part:
                    found.append((count, total))
        return found

    def _allowed(self, old: int, new: int) -> float:
        odds = math.log(2 * math.log(self.width) / self.delta)
        inverse = 1.0 / (old - self.part + 1) + 1.0 / (new - self.part + 1)
        variance = self.squares / self.width
        return math.sqrt(2 * inverse * variance * odds) + 2 / 3 * odds * inverse

    def _drop(self) -> None:
        """Drop the oldest bucket."""
        size = len(self.rows) - 1
        own, squares = self.rows[size].pop(0)
        count = 2**size
        mean = own / count
        self.width, self.total = self.width - count, self.total - own
        if self.width:
            self.squares -= squares + count * self.width * (mean - self.mean) ** 2 / (count + self.width)
        else:
            self.squares = 0.0
        while len(self.rows) > 1 and not self.rows[-1]:
            self.rows.pop()
