"""The pretrained forecaster on everyday series, on M4's hourly ones, and its speed; nothing is trained or tuned here.

    python benchmarks/zeroshot.py --data DIR [--origins 20] [--no-peers] [--plain]

DIR holds `classic_series/` and `m4/` (see CONTRIBUTING). Rolling origins, spread over the last 20 % of each series;
ours sees the rows before an origin and nothing else. With `statsforecast` installed AutoETS, AutoARIMA and AutoTheta
forecast from the same origins; AutoARIMA has no season above 24 rows (it takes minutes a fit). Geometric means of MAE
ratios: to the seasonal repeat, to AutoETS, and to the best of the three in hindsight, series by series.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tidegate.runtime.pretrained.forecast import forecast as run
from tidegate.runtime.pretrained.network import load_network, read_card
from tidegate.tasks.forecast.small.self_check import backtest, blended

# file, column, horizon, season of the naive method and the peers, season lengths that the frequency suggests
SERIES = [
    ("airline-passengers.csv", 1, 12, 12, (12,)),
    ("darts_ausbeer.csv", 0, 8, 4, (4,)),
    ("daily-total-female-births.csv", 1, 7, 7, (7, 365)),
    ("darts_heart_rate.csv", 0, 30, 1, ()),
    ("darts_us_gasoline.csv", 1, 13, 52, (52,)),
    ("monthly-sunspots.csv", 1, 12, 12, (12,)),
    ("daily-min-temperatures.csv", 1, 7, 7, (7, 365)),
    ("monthly-car-sales.csv", 1, 12, 12, (12,)),
    ("monthly_champagne_sales.csv", 1, 12, 12, (12,)),
    ("monthly-mean-temp.csv", 1, 12, 12, (12,)),
    ("darts_monthly-milk.csv", 1, 12, 12, (12,)),
    ("darts_taylor.csv", 0, 48, 48, (48, 336)),
]
Method = Callable[[np.ndarray, int], np.ndarray]


def column(path: Path, index: int) -> np.ndarray:
    """One column of numbers; the file of petrol is newest first."""
    values = []
    with path.open(encoding="utf-8-sig") as file:
        for row in list(csv.reader(file))[1:]:
            if len(row) > index:
                try:
                    values.append(float(row[index]))
                except ValueError:
                    values.append(np.nan)
    return np.array(values[::-1] if "gasoline" in path.name else values)


def ours(past: np.ndarray, horizon: int, hints: Sequence[int], adapt: bool) -> np.ndarray:
    """Quantiles [K, 9] as `tg.forecast` gives them."""
    answer = run(load_network(), [past], horizon, hints)
    if not adapt:
        return answer.quantiles[0]
    tested = backtest(load_network(), [past], horizon, hints)
    return blended(answer, tested.shares(), tested.widths())[0]


def peers(season: int) -> dict[str, Method]:
    """statsforecast's automatic methods, where it is installed."""
    try:
        from statsforecast import models
    except ImportError:
        return {}
    made: dict[str, Any] = {
        "AutoETS": models.AutoETS(season_length=season),
        "AutoARIMA": models.AutoARIMA(season_length=season if season <= 24 else 1),
        "AutoTheta": models.AutoTheta(season_length=season),
    }

    def method(model: Any) -> Method:
        return lambda past, horizon: np.asarray(model.forecast(y=past, h=horizon)["mean"], dtype=np.float64)

    return {name: method(model) for name, model in made.items()}


def everyday(folder: Path, count: int, with_peers: bool, adapt: bool) -> None:
    """One line a series, and the geometric means."""
    logs: dict[str, list[float]] = {}
    for file, index, horizon, season, hints in SERIES:
        y = column(folder / file, index)
        first = int(len(y) * 0.8)
        origins = np.unique(np.linspace(first, len(y) - horizon, count).astype(int))
        methods = peers(season) if with_peers else {}
        errors: dict[str, list[float]] = {name: [] for name in ("ours", "naive", *methods)}
        inside, seconds = [], 0.0
        for origin in origins:
            past, actual = y[:origin], y[origin : origin + horizon]
            begun = time.perf_counter()
            quantiles = ours(past, horizon, hints, adapt)
            seconds += time.perf_counter() - begun
            errors["ours"].append(np.abs(quantiles[:, 4] - actual).mean())
            inside.append(((actual >= quantiles[:, 0]) & (actual <= quantiles[:, 8])).mean())
            errors["naive"].append(np.abs(np.resize(past[-season:], horizon) - actual).mean())
            for name, method in methods.items():
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    errors[name].append(np.abs(method(past, horizon) - actual).mean())
        mean = {name: float(np.mean(each)) for name, each in errors.items()}
        shown = "  ".join(f"{name} {value:.4g}" for name, value in mean.items())
        print(
            f"{file:32s} {horizon:3d} ahead, {len(origins):2d} origins, {seconds / len(origins):.2f} s each  {shown}"
            f"  80 % band holds {100 * np.mean(inside):.0f} %",
            flush=True,
        )
        logs.setdefault("the seasonal repeat", []).append(np.log(mean["ours"] / mean["naive"]))
        if methods:
            logs.setdefault("AutoETS", []).append(np.log(mean["ours"] / mean["AutoETS"]))
            best = min(mean[name] for name in methods)
            logs.setdefault("the best of the three", []).append(np.log(mean["ours"] / best))
    for name, values in logs.items():
        print(f"geometric mean of MAE relative to {name}: {np.exp(np.mean(values)):.3f} "
              f"(worst {np.exp(np.max(values)):.2f})")  # fmt: skip


def hourly(folder: Path, adapt: bool) -> None:
    """M4's 414 hourly series, 48 ahead: sMAPE, MASE and OWA (Naive2: 18.383, 2.395, 1)."""
    with gzip.open(folder / "Hourly-train.csv.gz", "rt") as file:
        pasts = [np.array([float(v) for v in row[1:] if v]) for row in list(csv.reader(file))[1:]]
    with (folder / "Hourly-test.csv").open() as test:
        actual = np.array([[float(v) for v in row[1:] if v] for row in list(csv.reader(test))[1:]])
    answer = run(load_network(), pasts, 48, (24, 168))
    medians = answer.quantiles[:, :, 4]
    if adapt:  # each series on its own, as `tg.forecast` does with a file of one
        shares = [backtest(load_network(), [past], 48, (24, 168)).shares()[0] for past in pasts]
        medians = blended(answer, np.stack(shares))[:, :, 4]
    smape = (200 * np.abs(medians - actual) / (np.abs(medians) + np.abs(actual))).mean()
    scale = np.array([np.abs(past[24:] - past[:-24]).mean() for past in pasts])
    mase = (np.abs(medians - actual).mean(1) / scale).mean()
    print(f"M4 hourly: sMAPE {smape:.3f}, MASE {mase:.3f}, OWA {0.5 * (smape / 18.383 + mase / 2.395):.3f}")


def speed(count: int = 10_000, rows: int = 500, horizon: int = 48) -> None:
    """Series a second, network alone, in the torch-free runtime."""
    rng = np.random.default_rng(0)
    t = np.arange(rows)
    waves = np.sin(2 * np.pi * t / 24) * rng.uniform(0, 3, (count, 1)) + rng.normal(size=(count, rows)).cumsum(1) * 0.2
    series = list(waves + rng.normal(size=(count, rows)))
    run(load_network(), series[:64], horizon, (24, 168))
    begun, processor = time.perf_counter(), time.process_time()
    run(load_network(), series, horizon, (24, 168))
    seconds, processor = time.perf_counter() - begun, time.process_time() - processor
    print(f"{count} series of {rows} rows, {horizon} ahead: {count / seconds:.0f} a second "
          f"({count / processor:.0f} a second of processor time)")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--origins", type=int, default=20)
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--plain", action="store_true", help="the network alone, without the simple methods' share")
    parser.add_argument("--parts", default="everyday,hourly,speed")
    own = parser.parse_args()
    print(f"weights version {read_card()['version']}, {'network alone' if own.plain else 'adapted'}")
    if "everyday" in own.parts:
        everyday(own.data / "classic_series", own.origins, not own.no_peers, not own.plain)
    if "hourly" in own.parts:
        hourly(own.data / "m4", not own.plain)
    if "speed" in own.parts:
        speed()


if __name__ == "__main__":
    main()
