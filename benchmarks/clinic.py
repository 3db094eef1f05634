"""Sick and healthy trainings on real data: is the illness named, and does `fix` help?

    python benchmarks/clinic.py tuning          the half that the thresholds were set on
    python benchmarks/clinic.py unseen --fix    other series and seeds; repairs as well

Data, all out of packages: the packaged traffic (CC BY 4.0), statsmodels' co2 and elnino (public domain),
vega_datasets' Seattle and San Francisco temperatures and Seattle weather (NOAA, public domain), arch's S&P 500 and
NASDAQ (Yahoo Finance, as packaged). Needs `pip install statsmodels vega_datasets arch`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import _common

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
    Run(
        "El Nino, 96 units",
        "overfitting",
        elnino,
        BASE | LOOSE | {"window": 24, "horizon": 6, "hidden_size": 96},
    ),
    Run("traffic, rate 0.3", "learning_rate_high", lambda: traffic(0, 8000), TRAFFIC | {"learning_rate": 0.3}),
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
    Run(
        "San Francisco, spikes",
        "outliers",
        lambda: spiked(temps("sf"), 1, 25.0),
        TEMPS | {"loss": "mse", "seed": 13},
    ),
    Run("Seattle daily, leak", "leak", lambda: leaking(weather(), 1), BASE | {"seed": 14}, {"known": ["plan"]}),
    Run("CO2", "drift", lambda: co2(1500), BASE | {"window": 52, "seed": 15}),
    Run("San Francisco, 1 epoch", "stopped_early", lambda: temps("sf", 2500), TEMPS | {"max_epochs": 1, "seed": 16}),
]


def main() -> None:
    parser = _common.arguments(__doc__, threads=1, seeds=False)
    parser.add_argument("half", choices=["tuning", "unseen"])
    parser.add_argument("--fix", action="store_true", help="apply the remedies too")
    parser.add_argument("--tries", type=int, default=4, help="trainings of a repair, at most (default %(default)s)")
    parser.add_argument("--only", default="", help="runs whose name holds one of these, set apart by semicolons")
    parser.add_argument("--verbose", action="store_true", help="every finding with its evidence")
    given = _common.start(parser)
    rows: list[list[Any]] = [["run", "illness", "found first", "further", "fit s", "diagnose s", "fix"]]
    named = grave = improved = sick = healthy = 0
    for run in TUNING if given.half == "tuning" else UNSEEN:
        if not any(part in run.name for part in given.only.split(";")):
            continue
        row, right, critical, better = examine(run, given)
        rows.append(row)
        sick, healthy = sick + bool(run.illness), healthy + (not run.illness)
        named, grave, improved = named + right, grave + critical, improved + better
        print("  ".join(str(cell) for cell in row), file=sys.stderr, flush=True)
    _common.show(rows)
    _common.report(
        "clinic", half=given.half, sick=sick, named=named, healthy=healthy, healthy_with_critical=grave, fixed=improved
    )


def examine(run: Run, given: Any) -> tuple[list[Any], bool, bool, bool]:
    import tidegate
    from tidegate import diagnose
    from tidegate.diagnose import fix

    begin = time.perf_counter()
    model, _ = _common.fit(run.options, run.data(), time="time", target="y", **run.columns)
    fitted = time.perf_counter()
    found: tidegate.diagnose.Findings = diagnose(model)
    done = time.perf_counter()
    if given.verbose:
        print(f"## {run.name}: {run.illness}\n{found}\n", flush=True)
    top = found.top.id if found.top is not None else ""
    critical = not run.illness and any(item.severity == "critical" for item in found)
    note, better = "", False
    if given.fix and run.illness:
        fixed = fix(model, tries=given.tries)
        errors = [part["validation"].overall["model"]["mae"] for part in (fixed.before, fixed.after)]
        tests = [part["test"].overall["model"]["mae"] for part in (fixed.before, fixed.after)]
        better = fixed.improved
        note = f"validation {errors[0]:.4g} to {errors[1]:.4g}, test {tests[0]:.4g} to {tests[1]:.4g}, {fixed.changes}"
    further = ", ".join(f"{item.id}{'!' if item.severity == 'critical' else ''}" for item in found if item.id != top)
    row = [run.name, run.illness, top, further, fitted - begin, done - fitted, note]
    return row, bool(run.illness) and top == run.illness, critical, better


if __name__ == "__main__":
    main()
