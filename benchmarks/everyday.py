"""The default forecaster on everyday series, as a user calls it, beside ridge regression and automatic methods.

    python benchmarks/everyday.py --data DIR [--preset medium] [--origins 20] [--seeds 3] [--no-peers] [--develop]

DIR holds `classic_series/` (see CONTRIBUTING). Each file is read and fitted without options (two files without times
are given their horizon) or with `--preset` alone, once for each seed, and forecast from origins spread over its last
20 %, which no training has seen. Ridge regression is the evaluation's own, fitted on the same rows as the model; with
`statsforecast` installed AutoETS, AutoARIMA and AutoTheta are fitted anew on all rows before each origin, and the best
of the three is the one that did best on the series, in hindsight. `--crps` compares probabilities instead: nine
quantiles, from .1 to .9, of ours and of AutoETS, by their mean doubled pinball loss, and what the outer ones hold.
`--develop` cuts off the last 20 % of each file first: what the defaults were chosen on.
"""

from __future__ import annotations

import argparse
import time
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import tidegate as tg
from tidegate.tasks.forecast.evaluate import training_baselines
from zeroshot import SERIES, peers

LEVELS = tuple(round(0.1 * i, 1) for i in range(1, 10))
COUNTED = {"darts_heart_rate.csv": 30, "darts_taylor.csv": 48}


def errors(forecasts: np.ndarray, y: np.ndarray, origins: np.ndarray, horizon: int) -> float:
    """Mean absolute error over origins."""
    return float(np.nanmean(np.abs(forecasts - y[origins[:, None] + np.arange(horizon)])))


def fitted(table: Any, horizon: int | None, seed: int, own: argparse.Namespace) -> tuple[Any, float]:
    """A default forecaster, or one of a preset, and the processor seconds of its fit."""
    begun = time.process_time()
    quantiles = list(LEVELS) if own.crps else None
    model = tg.Forecaster(horizon=horizon, seed=seed, preset=own.preset, quantiles=quantiles)
    model.fit(table, progress=False)
    return model, time.process_time() - begun


def one(path: Path, season: int, own: argparse.Namespace) -> dict[str, float]:
    """Errors by method on one file; a line says them."""
    table = tg.read(path, repair="sort")
    if own.develop:
        table = _head(table, int(0.8 * len(table)))
    y = np.asarray(table.columns[table.schema.targets[0]], dtype=np.float64)
    runs = [fitted(table, COUNTED.get(path.name), seed, own) for seed in range(own.seeds)]
    model = runs[0][0]
    K = model.decoding_.horizon
    first = int(model.fitted_.split.parts["test"][0, 0])
    origins = np.unique(np.linspace(first, len(y) - K, own.origins).astype(np.int64))
    if own.crps:
        return probabilities(path.name, [run for run, _ in runs], y, origins, season)
    each = [errors(run.fitted_.forecast(origins).mean[:, :, 0], y, origins, K) for run, _ in runs]
    found = {"ours": float(np.mean(each)), "spread": max(each) / min(each)}
    methods = training_baselines(model).apply(model.fitted_.table, model.fitted_.prepared).methods
    baselines = {name: errors(method(origins)[:, :, 0], y, origins, K) for name, method in methods.items()}
    found["ridge"] = min(error for name, error in baselines.items() if name.startswith("ridge"))
    found["best baseline"] = min(baselines.values())
    automatic = {} if own.no_peers else peers(season)
    for name, method in automatic.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            guesses = np.stack([method(y[:origin][np.isfinite(y[:origin])], K) for origin in origins])
        found[name] = errors(guesses, y, origins, K)
    if automatic:
        found["best of the three"] = min(found[name] for name in automatic)
    seconds = np.mean([cpu for _, cpu in runs])
    shown = "  ".join(f"{name} {value:.4g}" for name, value in found.items())
    print(f"{path.name:32s} {K:3d} ahead, {len(origins)} origins, fit {seconds:.1f} CPU s  {shown}", flush=True)
    return found


def crps(quantiles: np.ndarray, actual: np.ndarray) -> float:
    """Mean over levels of twice the pinball loss: [M, K, Q] and [M, K]."""
    away, levels = actual[..., None] - quantiles, np.array(LEVELS)
    return float(np.nanmean(2.0 * np.maximum(levels * away, (levels - 1.0) * away)))


def probabilities(name: str, models: list[Any], y: np.ndarray, origins: np.ndarray, season: int) -> dict[str, float]:
    """CRPS of our quantiles and of AutoETS's; a line says them, and what the 80 % intervals hold."""
    from statsforecast import models as automatic

    K = models[0].decoding_.horizon
    actual = y[origins[:, None] + np.arange(K)]
    ours = [model.fitted_.forecast(origins).quantiles[:, :, 0] for model in models]
    wide = [80, 60, 40, 20]
    theirs = []
    for origin in origins:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = automatic.AutoETS(season_length=season).forecast(
                y=y[:origin][np.isfinite(y[:origin])], h=K, level=wide
            )
        sides = [found[f"lo-{level}"] for level in wide], [found[f"hi-{level}"] for level in reversed(wide)]
        theirs.append(np.stack([*sides[0], found["mean"], *sides[1]], axis=1))
    held = [np.mean((actual >= q[..., 0]) & (actual <= q[..., -1])) for q in (ours[0], np.stack(theirs))]
    each = [crps(quantiles, actual) for quantiles in ours]
    row = {"ours": float(np.mean(each)), "spread": max(each) / min(each), "AutoETS": crps(np.stack(theirs), actual)}
    print(f"{name:32s} CRPS {row['ours']:.4g}, AutoETS {row['AutoETS']:.4g}; 80 % intervals hold "
          f"{100 * held[0]:.0f} and {100 * held[1]:.0f} %", flush=True)  # fmt: skip
    return row


def _head(table: Any, end: int) -> Any:
    """The first rows of the only series."""
    columns = {name: values[:end] for name, values in table.columns.items()}
    return replace(table, starts=np.array([0, end], dtype=np.int64), time=table.time[:end], columns=columns)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--origins", type=int, default=20)
    parser.add_argument("--preset")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--crps", action="store_true")
    parser.add_argument("--develop", action="store_true")
    parser.add_argument("--files", default="", help="beginnings of names, with commas between; all if not given")
    own = parser.parse_args()
    chosen = tuple(own.files.split(","))
    rows = [
        one(own.data / "classic_series" / file, season, own)
        for file, _, _, season, _ in SERIES
        if file.startswith(chosen)
    ]
    for name in [name for name in rows[0] if name not in ("ours", "spread")]:
        ratios = np.array([row["ours"] / row[name] for row in rows])
        metric, mean = "CRPS" if own.crps else "MAE", np.exp(np.log(ratios).mean())
        print(f"geometric mean of {metric} relative to {name}: {mean:.3f} (worst {ratios.max():.2f})")
    print(f"largest ratio between seeds: {max(row['spread'] for row in rows):.3f}")


if __name__ == "__main__":
    main()
