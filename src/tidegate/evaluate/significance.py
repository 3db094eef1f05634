"""Whether one method is better than another by more than chance: the Diebold-Mariano test, and resampled scores."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tidegate.core.errors import DataError

FEWEST = 8  # independent forecasts, series, texts, groups or windows below which nothing is tested, whatever the task
FEW = 30  # things below which chance cannot be told from skill unless it is glaring
_MOST = 64  # cosines: a t with more degrees of freedom hardly differs


@dataclass(frozen=True)
class DieboldMariano:
    """What the test found.

    Attributes:
        statistic: negative where the first forecast lost less; about Student's t if both are equally good.
        p_value: two-sided; small where a difference like this seldom comes about by chance. NaN where `effective` is
            below 8: nothing of so few values can tell chance from a difference.
        mean: mean loss of the first minus mean loss of the second.
        windows: how many windows were compared.
        independent: how many of them do not overlap, or how many series where `over` is "series".
        over: "forecasts" one after another, or "series" taken as independent of each other.
        effective: how many independent forecasts tell as much as these, whose losses stay alike for a while.
    """

    statistic: float
    p_value: float
    mean: float
    windows: int
    independent: int = 0
    over: str = "forecasts"
    effective: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain values; None for an infinite statistic and for a p-value that there is not."""
        plain = {
            name: value if math.isfinite(value) else None for name, value in asdict(self).items() if name != "over"
        }
        return {**plain, "over": self.over}

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> DieboldMariano:
        statistic = state["statistic"]
        value = math.copysign(math.inf, float(state["mean"])) if statistic is None else float(statistic)
        p_value = math.nan if state["p_value"] is None else float(state["p_value"])
        return cls(**{**state, "statistic": value, "p_value": p_value})


def independent_windows(positions: NDArray[np.int64], horizon: int) -> int:
    """The most windows of `horizon` steps that can be picked without any two of them overlapping.

    >>> independent_windows(np.arange(7), 12)
    1
    """
    count, free = 0, None
    for place in np.unique(positions).tolist():
        if free is None or place >= free:
            count, free = count + 1, place + horizon
    return count


def diebold_mariano(
    loss: ArrayLike, other: ArrayLike, horizon: int = 1, positions: NDArray[np.int64] | None = None
) -> DieboldMariano:
    """Diebold-Mariano test of equal accuracy, whose variance is estimated from slow cosines and tested as such.

        d_i = loss_i - other_i;   c_j = sqrt(2 / n) sum_i (d_i - mean d) cos(pi j (p_i + 1/2) / N),  j = 1 ... B
        V = (1 / B) sum_j c_j^2 / n;   statistic = mean d / sqrt(V)   ~   t with B degrees of freedom
        B = min(0.4 n^(2/3), n / (3 K), N (1 - r) / (pi sqrt(r))), at least 2

    with p_i the place of window i among N. Forecasts of K steps from neighbouring origins share K - 1 of the values
    that they are compared with, and series stay good or bad to forecast for a while, so that losses are correlated
    far beyond K - 1. The cosines are slower than both. With few of them the t distribution has few degrees of freedom:
    the test claims no more than it can know. Summing K - 1 autocovariances with n - 1 degrees of freedom instead
    (Harvey, Leybourne and Newbold) rejects 5 % as often as up to 12 % on windows that overlap and up to 67 % on
    slowly changing losses, where this one rejects 3 to 7 %, and up to 9 % of some hundred that change very slowly (AR
    of .9). Of fewer, their correlation r one horizon on leaves n (1 - r) / (1 + r) independent ones (n: windows that
    do not overlap); below 8 of these there is no p-value, as it would be wrong up to 29 times in a hundred.

    Args:
        loss: [M], one loss per window, of the first forecast; NaN where a window cannot be scored.
        other: [M], of the second.
        horizon: K, steps per window.
        positions: [M], the origin of each window in steps, in any order and each at most once: left-out windows and
            strides are respected. None: windows follow one another.

    Raises:
        DataError: shapes differ, positions repeat, or fewer than 8 windows that do not overlap.

    Source: Lazarus, Lewis, Stock and Watson (2018), doi:10.1080/07350015.2018.1506926; Diebold and Mariano (1995),
    doi:10.1080/07350015.1995.10524599.
    """
    d, scale, place = _differences(loss, other, positions)
    if horizon < 1:
        raise DataError(f"horizon is {horizon}; it counts steps and must be at least 1")
    if np.unique(place).size != d.size:
        raise DataError("two windows have the same position; average the losses of windows that start together")
    independent = independent_windows(place, horizon)
    if independent < FEWEST:
        raise DataError(
            f"{d.size} windows hold {independent} forecasts of {horizon} steps that do not overlap; a test needs "
            f"at least {FEWEST}"
        )
    # The horizon in units of the stride between origins: what overlaps is what counts.
    stride = int(np.gcd.reduce(np.diff(np.sort(place))))
    overlapping = -(-horizon // stride)
    place = (place - place.min()) // stride
    n, length = d.size, int(place.max()) + 1
    mean = float(d.mean())
    count = int(min(0.4 * n ** (2 / 3), n / (3 * overlapping), length * _slowest(d - mean, place), _MOST))
    angle = np.pi * (place + 0.5) / length
    sums = np.array([(d - mean) @ np.cos(j * angle) for j in range(1, max(2, count) + 1)])
    variance = 2.0 * float(np.mean(sums**2)) / n**2
    statistic, p_value = _tested(mean, variance, len(sums), float(np.abs(d - mean).max()), scale)
    r = correlation(d - mean, place, overlapping, independent)
    effective = round(independent * (1 - r) / (1 + r))
    if effective < FEWEST and math.isfinite(statistic):
        p_value = math.nan
    return DieboldMariano(statistic, p_value, mean, n, independent, "forecasts", effective)


def _slowest(d: NDArray[np.float64], place: NDArray[np.int64]) -> float:
    """(1 - r) / (pi sqrt(r)) of the correlation r of neighbours; infinite where it is not positive."""
    r = correlation(d, place, 1, d.size)
    return (1 - r) / (math.pi * math.sqrt(r)) if r else math.inf


def correlation(d: NDArray[np.float64], place: NDArray[np.int64], lag: int, count: int) -> float:
    """The correlation, 0 to 1, of what is `lag` places apart.

    Args:
        d: [n] with a mean of 0. place: [n] of each.
        count: independent values among them, for the bias of a correlation around the sample's own mean (Kendall 1954).
    """
    line = np.full(int(place.max()) - int(place.min()) + 1, np.nan)
    line[place - place.min()] = d
    products = line[:-lag] * line[lag:]
    held = np.isfinite(products)
    square = float(d @ d)
    if not square or not held.any():
        return 0.0
    r = float(products[held].mean()) / (square / d.size)
    return min(1.0, max(0.0, r + (1 + 3 * r) / count))


def paired_test(loss: ArrayLike, other: ArrayLike) -> DieboldMariano:
    """Student's paired test of equal losses of series that are taken as independent.

    Args:
        loss, other: [M], mean loss of each series, NaN where it has none.

    Raises:
        DataError: shapes differ, or fewer than 8 series.
    """
    d, scale, _ = _differences(loss, other, None)
    if d.size < FEWEST:
        raise DataError(f"{d.size} series are too few to test; at least {FEWEST} are needed")
    mean = float(d.mean())
    variance = float(d.var(ddof=1)) / d.size
    statistic, p_value = _tested(mean, variance, d.size - 1, float(np.abs(d - mean).max()), scale)
    return DieboldMariano(statistic, p_value, mean, d.size, d.size, "series", d.size)


def interval(values: ArrayLike, units: int, level: float = 0.95) -> tuple[float, float]:
    """The middle `level` of resampled scores, widened for few units; NaN below 8 of them: that is no evidence.

    The plain percentile interval of a mean of n = 8 covers 88 % instead of 95: it lacks the factor sqrt(n / (n - 1))
    and takes the normal quantile for Student's. The tails that are cut off here are Phi(-sqrt(n / (n - 1)) t_(n - 1)).

    Args:
        values: [R] scores of resamples; NaN where too many of them have no value.
        units: G, of which each resample was drawn.

    Source: Hesterberg (2015), doi:10.1080/00031305.2015.1089789 (expanded percentile interval).
    """
    given = np.asarray(values, dtype=np.float64)
    known = given[np.isfinite(given)]
    if units < FEWEST or known.size < max(20, given.size // 2):
        return math.nan, math.nan
    tail = _tail(units, level)
    low, high = np.quantile(known, [tail, 1 - tail])
    return float(low), float(high)


@functools.cache
def _tail(units: int, level: float) -> float:
    """Phi(-sqrt(n / (n - 1)) t), with t the quantile of Student's t that leaves (1 - level) / 2 above it."""
    return 0.5 * math.erfc(student_t_quantile(level, units - 1) * math.sqrt(units / (units - 1) / 2))


def student_t_quantile(level: float, degrees: float) -> float:
    """The t between whose negative and itself Student's t of so many degrees of freedom lies with probability `level`.

    >>> round(student_t_quantile(0.8, 4), 4)
    1.5332
    """
    low, high = 0.0, 1e3
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if student_t_p_value(middle, degrees) > 1 - level else (low, middle)
    return low


def _differences(
    loss: ArrayLike, other: ArrayLike, positions: NDArray[np.int64] | None
) -> tuple[NDArray[np.float64], float, NDArray[np.int64]]:
    """The differences [n] that have a value, the largest loss, and their positions [n]."""
    first, second = np.asarray(loss, dtype=np.float64), np.asarray(other, dtype=np.float64)
    if first.ndim != 1 or first.shape != second.shape:
        raise DataError(f"losses have shapes {first.shape} and {second.shape}; both must be [M]")
    place = np.arange(first.size) if positions is None else np.asarray(positions, dtype=np.int64)
    if place.shape != first.shape:
        raise DataError(f"positions have shape {place.shape}; expected {first.shape}, one per window")
    keep = np.isfinite(first - second)
    largest = float(np.abs(np.stack([first, second])[:, keep]).max(initial=0.0))
    return (first - second)[keep], largest, place[keep]


def _tested(mean: float, variance: float, degrees: int, spread: float, scale: float) -> tuple[float, float]:
    rounding = 1e-13 * scale
    if spread <= rounding:  # the difference is the same everywhere: nothing is left to chance
        return (0.0, 1.0) if abs(mean) <= rounding else (math.copysign(math.inf, mean), 0.0)
    if variance <= 0.0:
        return 0.0, 1.0
    statistic = mean / math.sqrt(variance)
    return statistic, student_t_p_value(statistic, degrees)


def student_t_p_value(statistic: float, degrees: float) -> float:
    """Two-sided p-value of Student's t: P(|t| >= |statistic|) = I_x(v / 2, 1 / 2) with x = v / (v + statistic^2)."""
    if math.isinf(statistic):
        return 0.0
    square = statistic * statistic
    return incomplete_beta(degrees / 2.0, 0.5, degrees / (degrees + square), square / (degrees + square))


def incomplete_beta(a: float, b: float, x: float, complement: float | None = None) -> float:
    """Regularised incomplete beta function I_x(a, b), by its continued fraction (modified Lentz evaluation).

    Args:
        a: positive.
        b: positive.
        x: between 0 and 1.
        complement: 1 - x where the caller knows it more exactly.

    Source: DLMF 8.17.22, https://dlmf.nist.gov/8.17.E22.
    """
    y = 1.0 - x if complement is None else complement
    if x <= 0.0:
        return 0.0
    if y <= 0.0:
        return 1.0
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log(y))
    if x < (a + 1.0) / (a + b + 2.0):
        return front * _beta_fraction(a, b, x) / a
    return 1.0 - front * _beta_fraction(b, a, y) / b


def _beta_fraction(a: float, b: float, x: float) -> float:
    tiny = 1e-300
    c, d = 1.0, 1.0 - (a + b) * x / (a + 1.0)
    d = 1.0 / (d if abs(d) > tiny else tiny)
    value = d
    for m in range(1, 20_000):
        even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        for term in (even, odd):
            d = 1.0 + term * d
            c = 1.0 + term / c
            d = 1.0 / (d if abs(d) > tiny else tiny)
            c = c if abs(c) > tiny else tiny
            value *= d * c
        if abs(d * c - 1.0) < 1e-15:
            break
    return value
