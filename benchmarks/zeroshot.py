"""The pretrained forecaster on everyday series, on M4's hourly ones, and its speed; nothing is trained or tuned here.

    python benchmarks/zeroshot.py --data DIR [--origins 20] [--no-peers] [--plain] [--parts everyday,hourly,speed,sets]

DIR holds `classic_series/` and `m4/`, and for `sets` also `ett/`, `electric_load/` and `beijing_pm25/` (see
CONTRIBUTING). Rolling origins, spread over the last 20 % of each series; ours sees the rows before an origin and
nothing else. With `statsforecast` installed AutoETS, AutoARIMA and AutoTheta forecast from the same origins; AutoARIMA
has no season above 24 rows (it takes minutes a fit). Geometric means of MAE ratios: to the seasonal repeat, to AutoETS,
and to the best of the three in hindsight, series by series. `sets` scores all sets at hand as GIFT-Eval does: weighted
quantile loss of nine levels and MASE of each set, relative to the seasonal repeat with the quantiles of its own normal
errors, in the geometric mean over sets.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np

from tidegate.runtime.pretrained.forecast import forecast as run
from tidegate.runtime.pretrained.network import LEVELS, load_network, read_card
from tidegate.tasks.forecast.small.self_check import MIDDLE, backtest, blended

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


def collections(folder: Path) -> list[tuple[str, list[np.ndarray], int, int, Sequence[int]]]:
    """Name, series, horizon, season of the repeat and hints of each set."""
    found: list[tuple[str, list[np.ndarray], int, int, Sequence[int]]] = [
        (file, [column(folder / "classic_series" / file, index)], horizon, season, hints)
        for file, index, horizon, season, hints in SERIES
    ]
    day = (24, 168)
    found.append(("ETTh1", [column(folder / "ett" / "ETTh1.csv", index) for index in range(1, 8)], 48, 24, day))
    found.append(("pm2.5", [column(folder / "beijing_pm25" / "pollution.csv", 5)], 48, 24, day))
    load = []
    for name in ("vic_electricity.csv.gz", "PJME_hourly.csv.gz"):
        with gzip.open(folder / "electric_load" / name, "rt") as file:
            load.append(np.array([float(row[1]) for row in list(csv.reader(file))[1:]]))
    found += [("Victoria", load[:1], 48, 48, (48, 336)), ("PJM east", load[1:], 48, 24, day)]
    with gzip.open(folder / "m4" / "Hourly-train.csv.gz", "rt") as file:
        pasts = [np.array([float(v) for v in row[1:] if v]) for row in list(csv.reader(file))[1:]]
    with (folder / "m4" / "Hourly-test.csv").open() as test:
        ends = [np.array([float(v) for v in row[1:] if v]) for row in list(csv.reader(test))[1:]]
    return [*found, ("M4 hourly", [np.append(*pair) for pair in zip(pasts, ends, strict=True)], 48, 24, day)]


def repeat(past: np.ndarray, horizon: int, season: int) -> np.ndarray:
    """Quantiles [K, 9] of the seasonal repeat, its errors normal and growing with each season ahead."""
    seen = past[np.isfinite(past)] if np.isnan(past[-season:]).any() else past
    mean = np.resize(seen[-season:], horizon)
    change = past[season:] - past[:-season]
    wide = np.sqrt(np.nanmean(change**2) * (1 + np.arange(horizon) // season))
    levels = np.array([NormalDist().inv_cdf(level) for level in LEVELS])
    return np.asarray(mean[:, None] + wide[:, None] * levels)


def sets(folder: Path, count: int, adapt: bool) -> None:
    """One line a set, and the geometric means of both errors relative to the seasonal repeat."""
    levels, rows = np.array(LEVELS), []
    for name, many, horizon, season, hints in collections(folder):
        loss, total, scaled = np.zeros(2), 0.0, []
        for y in many:
            wanted = 1 if len(many) > 20 else count
            origins = np.unique(np.linspace(int(len(y) * 0.8), len(y) - horizon, wanted).astype(int))[-wanted:]
            for origin in [len(y) - horizon] if wanted == 1 else origins:
                past, actual = y[:origin], y[origin : origin + horizon]
                seen, unit = np.isfinite(actual), np.nanmean(np.abs(past[season:] - past[:-season]))
                both = ours(past, horizon, hints, adapt), repeat(past, horizon, season)
                away = np.stack([actual[:, None] - q for q in both])[:, seen]
                loss += 2 * np.maximum(levels * away, (levels - 1) * away).mean(2).sum(1)
                total += np.abs(actual[seen]).sum()
                scaled.append(np.abs(away[:, :, MIDDLE]).mean(1) / unit)
        rows.append([*(loss / total), *np.nanmean(scaled, axis=0)])
        shown = "weighted quantile loss {:.4f} (repeat {:.4f}), MASE {:.3f} ({:.3f})".format(*rows[-1])
        print(f"{name:32s} {horizon:3d} ahead, {len(scaled):3d} windows  {shown}", flush=True)
    logs = np.log(np.array(rows))
    crps, mase = np.exp((logs[:, [0, 2]] - logs[:, [1, 3]]).mean(0))
    print(f"geometric means over {len(rows)} sets, relative to the repeat: CRPS {crps:.3f}, MASE {mase:.3f}")


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
    if "sets" in own.parts:
        sets(own.data, own.origins, not own.plain)
    if "hourly" in own.parts:
        hourly(own.data / "m4", not own.plain)
    if "speed" in own.parts:
        speed()


if __name__ == "__main__":
    main()
