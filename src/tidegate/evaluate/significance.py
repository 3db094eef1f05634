"""Whether one forecast is better than another by more than chance: the Diebold-Mariano test."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tidegate.core.errors import DataError


@dataclass(frozen=True)
class DieboldMariano:
    """What the test found.

    Attributes:
        statistic: negative where the first forecast lost less; about Student's t if both are equally good.
        p_value: two-sided; small means that chance alone does not explain the difference.
        mean: mean loss of the first minus mean loss of the second.
        windows: how many windows were compared.
    """

    statistic: float
    p_value: float
    mean: float
    windows: int

    def to_json(self) -> dict[str, Any]:
        statistic = self.statistic if math.isfinite(self.statistic) else None
        return {"statistic": statistic, "p_value": self.p_value, "mean": self.mean, "windows": self.windows}

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> DieboldMariano:
        mean = float(state["mean"])
        statistic = state["statistic"]
        value = math.copysign(math.inf, mean) if statistic is None else float(statistic)
        return cls(value, float(state["p_value"]), mean, int(state["windows"]))


def diebold_mariano(
    loss: ArrayLike, other: ArrayLike, horizon: int = 1, positions: NDArray[np.int64] | None = None
) -> DieboldMariano:
    """Diebold-Mariano test of equal accuracy with the correction of Harvey, Leybourne and Newbold.

        d_i = loss_i - other_i;   V = (g_0 + 2 sum_(l=1)^(K-1) g_l) / n,  g_l the autocovariance of d at lag l
        statistic = mean d / sqrt(V) * sqrt((n + 1 - 2K + K (K - 1) / n) / n)   ~   t with n - 1 degrees of freedom

    Forecasts of K steps from neighbouring origins share K - 1 of the values that they are compared with, so that
    their errors are correlated over K - 1 origins even where both forecasts are ideal. The sum above can come out
    negative or zero; Bartlett's weights 1 - l / K are used then, with which it cannot be negative.

    Args:
        loss: [M], one loss per window, of the first forecast; NaN where a window cannot be scored.
        other: [M], of the second.
        horizon: K, steps per window.
        positions: [M], the origin of each window in steps, in any order and each at most once: lags are differences
            of positions, so that left-out windows and strides are respected. None: windows follow one another.

    Raises:
        DataError: shapes differ, positions repeat, fewer than two windows, or not more windows than the steps of
            one that overlap.

    Source: Harvey, Leybourne and Newbold (1997), doi:10.1016/S0169-2070(96)00719-4.
    """
    first, second = np.asarray(loss, dtype=np.float64), np.asarray(other, dtype=np.float64)
    if first.ndim != 1 or first.shape != second.shape:
        raise DataError(f"losses have shapes {first.shape} and {second.shape}; both must be [M]")
    if horizon < 1:
        raise DataError(f"horizon is {horizon}; it counts steps and must be at least 1")
    place = np.arange(first.size) if positions is None else np.asarray(positions, dtype=np.int64)
    if place.shape != first.shape:
        raise DataError(f"positions have shape {place.shape}; expected {first.shape}, one per window")
    d = first - second
    keep = np.isfinite(d)
    d, place = d[keep], place[keep]
    n = d.size
    if np.unique(place).size != n:
        raise DataError("two windows have the same position; average the losses of windows that start together")
    # The horizon in units of the stride between origins: what overlaps is what counts.
    stride = int(np.gcd.reduce(np.diff(np.sort(place)))) if n > 1 else 1
    h = -(-horizon // stride)
    if n < 2 or n <= h:
        raise DataError(
            f"{n} windows are too few to test a forecast of {horizon} steps; at least {max(2, h + 1)} are needed"
        )
    mean = float(d.mean())
    covariance = _autocovariance(d - mean, (place - place.min()) // stride, h)
    variance = (covariance[0] + 2.0 * covariance[1:].sum()) / n
    if variance <= 0.0:
        variance = (covariance[0] + 2.0 * ((1.0 - np.arange(1, h) / h) * covariance[1:]).sum()) / n
    rounding = 1e-13 * max(float(np.abs(first[keep]).max()), float(np.abs(second[keep]).max()))
    if covariance[0] <= rounding**2:  # the difference is the same everywhere: nothing is left to chance
        if abs(mean) <= rounding:
            return DieboldMariano(0.0, 1.0, mean, n)
        return DieboldMariano(math.copysign(math.inf, mean), 0.0, mean, n)
    correction = math.sqrt((n + 1 - 2 * h + h * (h - 1) / n) / n)
    statistic = mean / math.sqrt(variance) * correction
    return DieboldMariano(statistic, student_t_p_value(statistic, n - 1), mean, n)


def _autocovariance(d: NDArray[np.float64], place: NDArray[np.int64], lags: int) -> NDArray[np.float64]:
    """[lags], sums of products of values exactly 0, 1, ... lags - 1 places apart, over the number of values."""
    grid = np.zeros(int(place.max()) + 1)
    grid[place] = d
    size = 1 << int(grid.size + lags - 1).bit_length()
    spectrum = np.fft.rfft(grid, size)
    products = np.fft.irfft(np.abs(spectrum) ** 2, size)[:lags]
    products[0] = float(d @ d)
    return np.asarray(products / d.size)


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
