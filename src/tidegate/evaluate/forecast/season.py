"""Season lengths, and whether a series moves like a random walk; found from the training part alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.table import Table

_LARGE = 1e100
Array = NDArray[np.float64]

DAYS = (24, 48, 96, 144, 288, 1440)  # steps in a day, hourly to every minute
CYCLES = 3  # a season must be seen this often before it is believed
_ROWS = 500_000  # longest stretch of one series that is looked at: its end
_SERIES = 100  # how many series of many are looked at


@dataclass(frozen=True)
class Seasons:
    """The seasons of a series.

    Attributes:
        strongest: the length, in steps, whose seasonal-naive method errs least; 1 where there is no season.
        all: every length that the series follows, strongest first; empty where there is none.
    """

    strongest: int
    all: tuple[int, ...]


def find_seasons(table: Table, train: NDArray[np.int64], target: str | None = None) -> Seasons:
    """Seasons of a table's target, from its training part.

    Candidates are a day, a week and a year where the frequency has them, and the peaks of the autocorrelation. A
    candidate m is accepted if the series, less its centred moving mean over m steps, is like itself m steps before:
    that autocorrelation is near 0 for noise and for a random walk alike, and large where a cycle repeats.

    Args:
        table: the series.
        train: [G, 2], rows of the training part; nothing else is looked at.
        target: the column; None takes the first target. Of many series, 100 spread evenly over the table are used.

    Returns:
        Seasons; `Seasons(1, ())` where none is found or the series are too short (three cycles are needed).
    """
    column = table.columns[target or table.schema.targets[0]]
    chosen = np.unique(np.linspace(0, len(train) - 1, min(_SERIES, len(train))).astype(np.int64))
    parts = [np.asarray(column[max(a, b - _ROWS) : b], dtype=np.float64) for a, b in train[chosen]]
    return seasons_of(parts, table.frequency.seasons())


def seasons_of(parts: Sequence[NDArray[Any]], candidates: Sequence[int] = ()) -> Seasons:
    """Seasons that one or more series have in common.

    Args:
        parts: arrays [N_g], NaN where missing.
        candidates: lengths that the calendar suggests; peaks of the autocorrelation are tried in any case.
    """
    series = [part for part in (_trim(np.asarray(p, dtype=np.float64)) for p in parts) if part.size >= 2 * CYCLES]
    if not series:
        return Seasons(1, ())
    accepted: list[int] = []
    for m in sorted({int(m) for m in candidates if m > 1}):
        if _follows(series, m, least=0.2, chance=1.3):
            accepted.append(m)
    errors = {m: _naive_error(series, m) for m in accepted}
    peaks = _peaks(series)
    for m in [*peaks, *(7 * m for m in peaks)]:  # days may come in weeks
        error = _naive_error(series, m)
        relatives = [n for n in accepted if abs(m / n - round(m / n)) <= 0.1 * round(m / n)]
        # A multiple of a season repeats as well as the season itself: it must do better to count (a week beside a day).
        if all(m > 1.1 * n and error < 0.85 * errors[n] for n in relatives) and _follows(
            series, m, least=0.4, chance=2.0
        ):
            accepted.append(m)
            errors[m] = error
    ordered = sorted(accepted, key=lambda m: errors[m])
    return Seasons(ordered[0] if ordered else 1, tuple(ordered))


def _follows(series: Sequence[Array], m: int, least: float, chance: float) -> bool:
    """Whether half of the series are long enough and like themselves m steps before by more than chance."""
    long = [values for values in series if values.size >= CYCLES * m]
    scores = [score for score in (_seasonal_correlation(values, m) for values in long) if np.isfinite(score)]
    if not scores or 2 * len(long) < len(series):
        return False
    # The moving mean leaves values correlated over half a cycle, so that chance moves the correlation by about one
    # over the root of the number of cycles seen.
    cycles = sum(values.size for values in long) / m
    return bool(np.mean(scores) > max(least, chance / np.sqrt(cycles)))


def _trim(values: Array) -> Array:
    seen = np.flatnonzero(~np.isnan(values))
    return values[seen[0] : seen[-1] + 1] if seen.size else values[:0]


def moving_mean(values: Array, length: int) -> Array:
    """[N - length + 1 (+ 1 less for even lengths)], centred mean over one cycle; NaN are left out of each mean.

    Even lengths use the usual 2 x m mean, whose two ends weigh half, so that it is centred on a step.
    """
    seen = ~np.isnan(values)
    total = np.concatenate([[0.0], np.cumsum(np.where(seen, values - np.nanmean(values), 0.0))])
    count = np.concatenate([[0.0], np.cumsum(seen, dtype=np.float64)])
    sums, counts = total[length:] - total[:-length], count[length:] - count[:-length]
    if length % 2 == 0:
        sums, counts = sums[1:] + sums[:-1], counts[1:] + counts[:-1]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(counts > 0, sums / np.maximum(counts, 1.0) + np.nanmean(values), np.nan)


def _seasonal_correlation(values: Array, m: int) -> float:
    half = m // 2
    level = moving_mean(values, m)
    detrended = values[half : half + level.size] - level
    if detrended.size <= m:
        return float("nan")
    now, before = detrended[m:], detrended[:-m]
    both = ~np.isnan(now) & ~np.isnan(before)
    if both.sum() < 2:
        return float("nan")
    now, before = now[both] - now[both].mean(), before[both] - before[both].mean()
    size = np.sqrt((now @ now) * (before @ before))
    # Rounding errors of a constant or straight series are no cycle.
    if size <= 1e-18 * both.sum() * max(1e-300, float(np.nanmax(np.abs(values)))) ** 2:
        return float("nan")
    return float(now @ before / size)


def autocorrelation(values: Array, lags: int) -> Array:
    """[lags + 1], autocorrelation at lags 0 to `lags` about a straight line; pairs with NaN are left out."""
    seen = ~np.isnan(values)
    t = np.arange(values.size, dtype=np.float64)
    slope, level = np.polyfit(t[seen] - t.mean(), values[seen], 1)
    rest = np.where(seen, values - level - slope * (t - t.mean()), 0.0)
    largest = float(np.abs(rest).max(initial=0.0))
    if largest > _LARGE:  # its square would be infinite; correlations have no unit
        rest = rest / largest
    size = 1 << int(values.size + lags).bit_length()
    products = np.fft.irfft(np.abs(np.fft.rfft(rest, size)) ** 2, size)[: lags + 1]
    pairs = np.fft.irfft(np.abs(np.fft.rfft(seen.astype(np.float64), size)) ** 2, size)[: lags + 1]
    mean = np.where(pairs > 0.5, products / np.maximum(pairs, 1.0), 0.0)
    return np.asarray(mean / mean[0] if mean[0] > 0.0 else np.zeros(lags + 1))


def _peaks(series: Sequence[Array], most: int = 4) -> list[int]:
    """Lags of the chief local maxima of the mean autocorrelation, shortest first."""
    size = int(np.median([values.size for values in series]))
    lags = min(size // CYCLES, 2_000)
    if lags < 3:
        return []
    used = [values for values in series if values.size > lags + 2]
    if not used:
        return []
    mean = np.mean([autocorrelation(values, lags) for values in used], axis=0)
    inner = np.arange(2, lags)
    tops = inner[(mean[2:lags] > mean[1 : lags - 1]) & (mean[2:lags] >= mean[3 : lags + 1]) & (mean[2:lags] > 0.0)]
    if not tops.size:
        return []
    # The highest, and the shortest of those that are nearly as high: a cycle's multiples may stand above it by chance.
    chosen = {
        *tops[np.argsort(-mean[tops])][:most].tolist(),
        *tops[mean[tops] >= 0.7 * mean[tops].max()][:most].tolist(),
    }
    return sorted(int(m) for m in chosen)


def _naive_error(series: Sequence[Array], m: int) -> float:
    errors = []
    for values in series:
        spread = float(np.nanstd(values))
        if values.size > m and spread > 0.0:
            difference = np.abs(values[m:] - values[:-m])
            if not np.isnan(difference).all():
                errors.append(float(np.nanmean(difference)) / spread)
    return float(np.mean(errors)) if errors else float("inf")


_LAGS = 10
_SHORTEST = 50  # steps below which nothing can be concluded
_ROWS = 100_000


def random_walk(parts: Sequence[NDArray[Any]], seasons: Sequence[int] = ()) -> bool:
    """Whether the steps of one or more series show no autocorrelation to speak of.

    Correlations of ranks are used, at lags 1 to 10 and at the seasons: prices come in calm and wild years, and a few
    wild days would decide a correlation of values.

    Args:
        parts: arrays [N_g] of the training part, NaN where missing.
        seasons: lags, in steps, to look at besides.

    Returns:
        True where every correlation, averaged over the series, is below 0.1 or within four standard errors of 0; False
        as well where all series are shorter than 50 steps or stand still.
    """
    lags = [*range(1, _LAGS + 1), *(int(m) for m in seasons if m > _LAGS)]
    sums, counts = np.zeros(len(lags)), np.zeros(len(lags))
    for part in parts:
        steps = np.diff(np.asarray(part[-_ROWS:], dtype=np.float64))
        steps = steps[~np.isnan(steps)]
        if steps.size < _SHORTEST or np.count_nonzero(steps) < steps.size // 2:
            continue
        ranks = np.argsort(np.argsort(steps, kind="stable"), kind="stable").astype(np.float64)
        ranks = (ranks - ranks.mean()) / ranks.std()
        for i, lag in enumerate(lags):
            if ranks.size > 2 * lag:
                sums[i] += float(ranks[lag:] @ ranks[:-lag])
                counts[i] += ranks.size - lag
    if not counts[0]:
        return False
    tested = counts > 0
    correlations = np.abs(sums[tested] / counts[tested])
    return bool(np.all((correlations < 0.1) | (correlations < 4.0 / np.sqrt(counts[tested]))))
