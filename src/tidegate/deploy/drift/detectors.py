"""Detectors of a change in a stream of numbers, one value at a time: Page-Hinkley and ADWIN.

They ask for independent values; here they say since when a model's errors are no longer what they were.
"""

from __future__ import annotations

import math


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
