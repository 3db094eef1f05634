"""Sums of one method's errors, added up chunk by chunk, from which every metric follows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import DataError

Array = NDArray[np.float64]
Rows = NDArray[np.int64]

ROUNDING = 1e-6  # errors below this share of the values' size are those of single precision


class Scores:
    """Errors of one method over all windows.

    Args:
        horizon: K.
        scale: [G, C], each series' in-sample mean absolute seasonal error; NaN where it has none.
        squared_scale: [G, C], the same of squares.
        criterion: "mae", "rmse", "mase" or "rmsse": what the loss of a window is, before any root is taken.
    """

    def __init__(self, horizon: int, scale: Array, squared_scale: Array, criterion: str = "mae") -> None:
        series, channels = scale.shape
        self.scale, self.squared_scale = scale, squared_scale
        self.squares = criterion in ("rmse", "rmsse")
        self.unit = {"mase": scale, "rmsse": squared_scale}.get(criterion)
        self.absolute, self.squared = np.zeros((horizon, channels)), np.zeros((horizon, channels))
        self.count = np.zeros((horizon, channels), dtype=np.int64)
        self.series_absolute, self.series_squared = np.zeros((series, channels)), np.zeros((series, channels))
        self.series_count = np.zeros((series, channels), dtype=np.int64)
        self.series_size = np.zeros((series, channels))
        self.symmetric = self.percentage = 0.0
        self.nonzero = 0
        self.mean, self.spread = np.zeros(channels), np.zeros(channels)  # of the actual values; spread sums squares
        self.bias = np.zeros(channels)
        self.losses: list[Array] = []

    def add(self, name: str, actual: Array, forecast: Array, series: Rows) -> None:
        """Add windows [B, K, C] of series [B]; NaN in `actual` is not scored.

        Raises:
            DataError: shapes differ, or a forecast is not finite where an actual value exists.
        """
        forecast = np.asarray(forecast, dtype=np.float64)
        if forecast.shape != actual.shape:
            raise DataError(
                f"the forecast of {name!r} has shape {forecast.shape}; expected {actual.shape}, as the actual values"
            )
        seen = ~np.isnan(actual)
        error = np.where(seen, forecast - actual, 0.0)
        if not np.isfinite(error).all():
            bad = int((~np.isfinite(error)).sum())
            raise DataError(
                f"the forecast of {name!r} is NaN or infinite at {bad} of {int(seen.sum())} observed places"
            )
        self._add_actual(actual, seen)
        size = np.abs(error)
        square = error * error
        self.bias += error.sum(axis=(0, 1))
        self.absolute += size.sum(axis=0)
        self.squared += square.sum(axis=0)
        self.count += seen.sum(axis=0)
        magnitude = np.where(seen, np.abs(actual), 0.0)
        both = magnitude + np.where(seen, np.abs(forecast), 0.0)
        self.symmetric += float(np.sum(size / np.where(both == 0.0, 1.0, both)))
        divisible = magnitude > 0.0
        self.percentage += float(np.sum(size[divisible] / magnitude[divisible]))
        self.nonzero += int(divisible.sum())
        groups = len(self.series_count)
        for c in range(actual.shape[2]):
            self.series_absolute[:, c] += np.bincount(series, size[:, :, c].sum(axis=1), groups)
            self.series_squared[:, c] += np.bincount(series, square[:, :, c].sum(axis=1), groups)
            self.series_count[:, c] += np.bincount(series, seen[:, :, c].sum(axis=1), groups).astype(np.int64)
            self.series_size[:, c] += np.bincount(series, magnitude[:, :, c].sum(axis=1), groups)
        self.losses.append(self._losses(square if self.squares else size, seen, series))

    def _losses(self, size: Array, seen: NDArray[np.bool_], series: Rows) -> Array:
        total, count = size.sum(axis=1), seen.sum(axis=1)  # [B, C]
        if self.unit is not None:
            scale = self.unit[series]
            usable = np.isfinite(scale)
            total, count = np.where(usable, total / np.where(usable, scale, 1.0), 0.0), np.where(usable, count, 0)
        number = count.sum(axis=1)
        return np.where(number > 0, total.sum(axis=1) / np.maximum(number, 1), np.nan)

    def _add_actual(self, actual: Array, seen: NDArray[np.bool_]) -> None:
        before = self.count.sum(axis=0)
        fresh = seen.sum(axis=(0, 1))
        mean = np.where(seen, actual, 0.0).sum(axis=(0, 1)) / np.maximum(fresh, 1)
        spread = np.where(seen, actual - mean, 0.0)
        together = np.maximum(before + fresh, 1)
        apart = mean - self.mean
        # Chan's way of joining two means: sums of squares of large values would lose their digits.
        self.spread += (spread * spread).sum(axis=(0, 1)) + apart**2 * before * fresh / together
        self.mean += apart * fresh / together

    @property
    def observed(self) -> int:
        """How many values were scored."""
        return int(self.count.sum())

    def window_losses(self) -> Array:
        """[M], mean absolute or squared error of each window (in its series' scale, if so asked); NaN without any."""
        return np.concatenate(self.losses) if self.losses else np.zeros(0)

    def step_mae(self) -> list[float]:
        """[K], mean absolute error of each step ahead."""
        return [float(error) for error in _ratio(self.absolute.sum(axis=1), self.count.sum(axis=1))]

    def target_metrics(self) -> list[dict[str, float]]:
        """[C], mse, rmse, mae, r2 and bias of each target."""
        count = self.count.sum(axis=0)
        mse, mae = _ratio(self.squared.sum(axis=0), count), _ratio(self.absolute.sum(axis=0), count)
        share = 1.0 - _ratio(self.squared.sum(axis=0), self.spread)
        columns = zip(mse, mae, share, _ratio(self.bias, count), strict=True)
        return [
            {"mse": float(s), "rmse": float(np.sqrt(s)), "mae": float(a), "r2": float(r), "bias": float(b)}
            for s, a, r, b in columns
        ]

    def series_mae(self) -> Array:
        """[G], mean absolute error of each series."""
        return _ratio(self.series_absolute.sum(axis=1), self.series_count.sum(axis=1))

    def overall(self) -> dict[str, float]:
        """Every metric over all windows; NaN where it has no value (R2 of a constant, MASE without a scale).

        R2 is the mean over targets, MASE and RMSSE the mean over series and targets of each one's own figure. Errors
        below a millionth of the values' own size are those of rounding, and 0.
        """
        count = max(self.observed, 1)
        mse = float(self.squared.sum()) / count
        mean_absolute = _ratio(self.series_absolute, self.series_count) / self.scale
        mean_squared = _ratio(self.series_squared, self.series_count) / self.squared_scale
        size = float(self.series_size.sum()) / count
        sizes = _mean(_ratio(self.series_size, self.series_count) / self.scale)
        unscaled = _mean(_ratio(self.series_size, self.series_count) / np.sqrt(self.squared_scale))
        return {
            "mae": _rounded(float(self.absolute.sum()) / count, size),
            "rmse": _rounded(float(np.sqrt(mse)), size),
            "mse": _rounded(mse, size * size * ROUNDING),
            "r2": _mean([target["r2"] for target in self.target_metrics()]),
            "mape": 100.0 * self.percentage / self.nonzero if self.nonzero else float("nan"),
            "smape": 200.0 * self.symmetric / count,
            "mase": _rounded(_mean(mean_absolute), sizes),
            "rmsse": _rounded(_mean(np.sqrt(mean_squared)), unscaled),
        }


class QuantileScores:
    """Pinball losses, shares below each quantile, and coverage and width of the central intervals.

    Args:
        levels: Q increasing quantile levels.
    """

    def __init__(self, levels: list[float]) -> None:
        self.levels = levels
        self.pairs = [(q, p) for q in levels for p in levels if q < 0.5 and abs(q + p - 1.0) < 1e-9]
        self.loss, self.below = np.zeros(len(levels)), np.zeros(len(levels))
        self.inside, self.width = np.zeros(len(self.pairs)), np.zeros(len(self.pairs))
        self.by_step: Array = np.zeros((len(self.pairs) + 1, 1))  # inside each interval, and observed, by step ahead
        self.count = 0

    def add(self, actual: Array, quantiles: list[Array]) -> None:
        """Add windows [B, K, C] with one forecast of that shape per level."""
        seen = ~np.isnan(actual)
        y, step, K = actual[seen], seen.nonzero()[1], actual.shape[1]
        inside = []
        chosen = {}
        for i, (level, values) in enumerate(zip(self.levels, quantiles, strict=True)):
            if values.shape != actual.shape:
                raise DataError(f"the forecast of quantile {level} has shape {values.shape}; expected {actual.shape}")
            f = np.asarray(values[seen], dtype=np.float64)
            if not np.isfinite(f).all():
                bad = int((~np.isfinite(f)).sum())
                raise DataError(f"the forecast of quantile {level} is NaN or infinite at {bad} observed places")
            chosen[level] = f
            error = y - f
            self.loss[i] += float(np.maximum(level * error, (level - 1.0) * error).sum())
            self.below[i] += int((y <= f).sum())
        for i, (low, high) in enumerate(self.pairs):
            inside.append(np.bincount(step[(y >= chosen[low]) & (y <= chosen[high])], minlength=K))
            self.inside[i] += int(inside[-1].sum())
            self.width[i] += float((chosen[high] - chosen[low]).sum())
        self.by_step = self.by_step + np.stack([*inside, np.bincount(step, minlength=K)])
        self.count += y.size


def _rounded(error: float, size: float) -> float:
    return 0.0 if error <= ROUNDING * size else error


def _ratio(total: NDArray[np.float64], count: NDArray[np.float64] | NDArray[np.int64]) -> Array:
    return np.where(count > 0, total / np.where(count > 0, count, 1), np.nan)


def _mean(values: Array | list[float]) -> float:
    finite = np.asarray(values, dtype=np.float64)
    finite = finite[np.isfinite(finite)]
    return float(finite.mean()) if finite.size else float("nan")
