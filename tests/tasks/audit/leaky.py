"""Pipelines that leak, each in the one way that it is named after, and the honest one they are made from."""

from typing import Any

import numpy as np

WINDOW, HORIZON = 6, 3
Columns = dict[str, np.ndarray]


class Honest:
    """Fills forward, scales by the rows before the cutoff, fits least squares on windows that end before it.

    `load` is forecast; `heat` is known ahead, `wind` is observed.
    """

    def fit(self, columns: Columns, cutoff: Any) -> "Honest":
        self.end = int(np.searchsorted(columns["time"], cutoff))
        self.mean_, self.deviation_ = self.measure(columns)
        inputs, targets = self.windows(columns, cutoff)
        self.weights_ = np.linalg.lstsq(inputs, targets, rcond=None)[0]
        return self

    def measure(self, columns: Columns) -> tuple[float, float]:
        past = columns["load"][: self.end]
        return float(np.nanmean(past)), float(np.nanstd(past))

    def fill(self, values: np.ndarray) -> np.ndarray:
        last = np.maximum.accumulate(np.where(np.isnan(values), 0, np.arange(len(values))))
        return values[last]

    def transform(self, columns: Columns) -> Columns:
        load = (self.fill(columns["load"]) - self.mean_) / self.deviation_
        return {"load": load, "wind": self.fill(columns["wind"])}

    def row(self, columns: Columns, inputs: Columns, origin: int) -> np.ndarray:
        past = slice(origin - WINDOW, origin)
        ahead = columns["heat"][origin : origin + HORIZON]
        return np.concatenate([inputs["load"][past], inputs["wind"][past], ahead, [1.0]])

    def origins(self) -> np.ndarray:
        return np.arange(WINDOW, self.end - HORIZON + 1)

    def windows(self, columns: Columns, cutoff: Any) -> tuple[np.ndarray, np.ndarray]:
        inputs = self.transform(columns)
        origins = self.origins()
        past = np.stack([self.row(columns, inputs, origin) for origin in origins])
        return past, np.stack([inputs["load"][origin : origin + HORIZON] for origin in origins])

    def predict(self, columns: Columns, cutoff: Any) -> np.ndarray:
        return self.row(columns, self.transform(columns), self.end) @ self.weights_ * self.deviation_ + self.mean_


class ScalerOnEverything(Honest):
    def measure(self, columns: Columns) -> tuple[float, float]:
        return float(np.nanmean(columns["load"])), float(np.nanstd(columns["load"]))


class CentredRollingMean(Honest):
    def transform(self, columns: Columns) -> Columns:
        found = super().transform(columns)
        padded = np.pad(found["load"], 2, mode="edge")
        return {**found, "load": np.convolve(padded, np.ones(5) / 5, mode="valid")}


class BackwardFill(Honest):
    def fill(self, values: np.ndarray) -> np.ndarray:
        return super().fill(super().fill(values[::-1])[::-1])


class RandomSplit(Honest):
    def origins(self) -> np.ndarray:
        every = np.arange(WINDOW, self.rows - HORIZON + 1)
        return np.random.default_rng(0).permutation(every)[: int(0.8 * len(every))]

    def fit(self, columns: Columns, cutoff: Any) -> "Honest":
        self.rows = len(columns["time"])
        return super().fit(columns, cutoff)


class TargetKnownAhead(Honest):
    def row(self, columns: Columns, inputs: Columns, origin: int) -> np.ndarray:
        ahead = inputs["load"][origin : origin + HORIZON]
        return np.concatenate([super().row(columns, inputs, origin), ahead])


class OffByOneWindow(Honest):
    def row(self, columns: Columns, inputs: Columns, origin: int) -> np.ndarray:
        past = slice(origin - WINDOW + 1, origin + 1)
        return np.concatenate([inputs["load"][past], columns["heat"][origin : origin + HORIZON], [1.0]])


def as_function(kind: type[Honest]) -> Any:
    """The same pipeline as a function of columns and cutoff."""

    def pipeline(columns: Columns, cutoff: Any) -> dict[str, Any]:
        model = kind().fit(columns, cutoff)
        return {
            "scaler": {"mean": model.mean_, "deviation": model.deviation_},
            "inputs": model.transform(columns),
            "windows": model.windows(columns, cutoff),
            "forecasts": model.predict(columns, cutoff),
        }

    return pipeline


def table(rows: int = 200) -> Columns:
    """Hourly load that follows heat; the value before row 160 is missing."""
    rng = np.random.default_rng(0)
    heat = np.sin(np.arange(rows) / 4)
    load = 100 + 20 * heat + rng.normal(size=rows)
    load[159] = np.nan
    time = np.datetime64("2024-01-01T00:00:00", "us") + np.arange(rows) * np.timedelta64(1, "h")
    return {"time": time, "load": load, "heat": heat, "wind": rng.normal(size=rows)}


NAMES: dict[str, Any] = {"time": "time", "target": "load", "known": ["heat"], "observed": ["wind"]}
