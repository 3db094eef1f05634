"""Small tables and the forecasters fitted on them, made once for all tests of the spine."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import tidegate as tg

ROWS, RICH_ROWS = 600, 400  # enough validation windows to calibrate intervals
HOUR = np.timedelta64(1, "h")
START = np.datetime64("2024-01-01T00:00:00", "us")
QUICK: dict[str, Any] = {
    "horizon": 6,
    "window": 12,
    "hidden_size": 6,
    "num_layers": 1,
    "max_epochs": 1,
    "batch_size": 32,
    "normalise": None,
    "pretrained": False,
}
STEADY = {"anchor": 0}
BRIEF = {"steps_per_epoch": 4, "refit": False}


def quick(**options: Any) -> tg.Forecaster:
    """A forecaster that trains in a fraction of a second; groups of options are merged."""
    options["network"] = {**STEADY, **options.get("network", {})}
    options["training"] = {**BRIEF, **options.get("training", {})}
    return made({**QUICK, **options})


def made(options: dict[str, Any]) -> tg.Forecaster:
    """A forecaster with options by their plain names, wherever they belong."""
    return tg.Forecaster().variant(tg.Forecaster.placed(options))


def wave(rows: int = ROWS, seed: int = 0) -> np.ndarray:
    """A daily wave with a little noise, all above 0."""
    noise = np.random.default_rng(seed).normal(size=rows)
    return 10 + 3 * np.sin(np.arange(rows) * 2 * np.pi / 24) + 0.3 * noise


def hours(rows: int) -> np.ndarray:
    """Hourly times."""
    return START + np.arange(rows) * HOUR


def plain(rows: int = ROWS, seed: int = 0) -> dict[str, np.ndarray]:
    """One series."""
    return {"time": hours(rows), "y": wave(rows, seed)}


def rich(rows: int = RICH_ROWS) -> dict[str, np.ndarray]:
    """Two series with every kind of covariate, some of it text, and gaps in the target and an input."""
    rng = np.random.default_rng(1)
    parts = []
    for index, name in enumerate(("north", "south")):
        y = wave(rows, seed=index) * (index + 1)
        heat = rng.normal(size=rows)
        y = y + heat
        y[rng.choice(rows - 60, 8, replace=False)] = np.nan
        wind = rng.normal(size=rows)
        wind[rng.choice(rows, 12, replace=False)] = np.nan
        weather = rng.choice(["clear", "rain", "snow"], size=rows).astype(object)
        parts.append(
            {
                "place": np.full(rows, name, dtype=object),
                "time": hours(rows),
                "y": y,
                "heat": heat,
                "weather": weather,
                "wind": wind,
                "kind": np.full(rows, ["coast", "hill"][index], dtype=object),
                "size": np.full(rows, [1.0, 5.0][index]),
            }
        )
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


RICH_COLUMNS: dict[str, Any] = {
    "time": "time",
    "target": "y",
    "series": "place",
    "known": ["heat", "weather"],
    "observed": ["wind"],
    "static": ["kind", "size"],
}


def rich_future(rows: int = RICH_ROWS, steps: int = 6) -> dict[str, np.ndarray]:
    """Known-ahead covariates of the steps after `rich`."""
    rng = np.random.default_rng(2)
    time = START + (rows + np.arange(steps)) * HOUR
    return {
        "place": np.repeat(np.array(["north", "south"], dtype=object), steps),
        "time": np.tile(time, 2),
        "heat": rng.normal(size=2 * steps),
        "weather": rng.choice(["clear", "rain", "hail"], size=2 * steps).astype(object),
    }


@cache
def fitted_plain() -> tg.Forecaster:
    """A forecaster of `plain` with an interval."""
    return quick(level=80).fit(plain(), progress=False)


@cache
def fitted_rich() -> tg.Forecaster:
    """A forecaster of `rich`, two layers with attention, quantiles beside the point forecast."""
    model = quick(num_layers=2, pooling="attention", quantiles=[0.1, 0.5, 0.9], network={"lags": [6]})
    return model.fit(rich(), **RICH_COLUMNS, timezone="Europe/Paris", progress=False)


def write_csv(path: Path, columns: dict[str, np.ndarray]) -> Path:
    """A CSV file of some columns; NaN is empty."""
    lines = [",".join(columns)]
    for row in zip(*columns.values(), strict=True):
        lines.append(",".join("" if isinstance(cell, float) and np.isnan(cell) else str(cell) for cell in row))
    path.write_text("\n".join(lines) + "\n")
    return path


def means(frame: Any) -> np.ndarray:
    """[n, 1 + Q] forecasts of a frame or of columns."""
    names = [name for name in (frame.keys() if isinstance(frame, dict) else frame.columns) if name[0] in "mq"]
    names = [name for name in names if name == "mean" or name[1:2].isdigit()]
    return np.stack([np.asarray(frame[name], dtype=np.float64) for name in names], axis=1)
