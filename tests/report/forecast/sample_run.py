"""A run that never was: an hourly load with a forecast of 24 hours, to draw and to test with."""

from __future__ import annotations

import numpy as np

from tidegate.core.frequency import Frequency
from tidegate.core.table import Note, Schema
from tidegate.evaluate import DieboldMariano, Evaluation, Verdict
from tidegate.report import Interval, Residuals, RunView, Sample, Strip, describe

METHODS = {
    "repeat_last": 4.2,
    "seasonal_naive_24": 1.9,
    "seasonal_naive_168": 1.7,
    "drift": 4.6,
    "mean": 5.1,
    "ridge": 1.35,
    "ridge_known": 1.12,
}


def scores(error: float = 98.7, key: str = "beats", horizon: int = 24) -> Evaluation:
    overall = {}
    for name, factor in [("model", 1.0), *METHODS.items()]:
        mae = error * (factor if name == "model" else factor * 98.7 / error)
        overall[name] = {
            "mae": mae,
            "rmse": mae * 1.41,
            "mse": (mae * 1.41) ** 2,
            "r2": 1 - (mae / 560) ** 2,
            "mape": mae / 48.2,
            "smape": mae / 48.9,
            "mase": mae / 231,
            "rmsse": mae / 219,
        }
    overall["model"] |= {"crps": error * 0.72}
    growth = np.sqrt(np.linspace(0.3, 1.5, horizon))
    per_step = {name: row["mae"] * growth / growth.mean() for name, row in overall.items()}
    best = overall["ridge_known"]["mae"]
    values = {
        "metric": "mae",
        "model": error,
        "baseline": "ridge_known",
        "reference": best,
        "skill": 1 - error / best,
        "p": 0.0004,
    }
    dm = DieboldMariano(-5.2, 0.0004, error - best, 2000)
    return Evaluation(
        targets=("demand",),
        unit="MW",
        origins=2377,
        horizon=horizon,
        season=24,
        criterion="mae",
        methods=tuple(overall),
        overall=overall,
        per_step={name: values.tolist() for name, values in per_step.items()},
        per_target={"demand": overall},
        per_series={},
        best_baseline="ridge_known",
        skill=1 - error / best,
        dm=dm,
        verdict=Verdict(key, values),
        coverage={0.8: 0.793},
        interval_width={0.8: 301.0},
    )


def view(hours: int = 2400, horizon: int = 24, seed: int = 0, times: bool = True) -> RunView:
    rng = np.random.default_rng(seed)
    hour = np.arange(max(hours, 2100) + 200)
    load = 4800 + 900 * np.sin(hour * 2 * np.pi / 24 - 2) + 300 * np.sin(hour * 2 * np.pi / 168)
    load = load + np.convolve(rng.normal(0, 60, hour.size), np.ones(5) / 2, "same")
    forecast = load + rng.normal(5, 105, hour.size) * (1 + 0.5 * np.sin(hour / 300))
    actual = load.copy()
    actual[700:712] = np.nan
    time = np.datetime64("2018-03-04T00:00", "us") + hour * np.timedelta64(1, "h") if times else hour

    def sample(at: int) -> Sample:
        rows = slice(at, at + horizon)
        width = 60 + 130 * np.sqrt(np.linspace(0.2, 1, horizon))
        interval = Interval(0.8, forecast[rows] - width, forecast[rows] + width)
        return Sample(time[at - 72 : at + horizon], actual[at - 72 : at], actual[rows], forecast[rows], (interval,))

    strip = Strip(
        24,
        time[:hours],
        actual[:hours],
        forecast[:hours],
        (Interval(0.8, forecast[:hours] - 140, forecast[:hours] + 140),),
    )
    noise = np.convolve(rng.normal(0, 100, hours + 8), [0.8, 0.4, 0.2], "same")[:hours]
    residuals = noise[:, None] * np.sqrt(np.linspace(0.3, 1.5, horizon)) + rng.normal(4, 20, (hours, horizon))
    epochs = 18
    history = [
        {
            "epoch": epoch,
            "train_loss": 0.9 * 0.72**epoch + 0.035 - 0.0006 * epoch,
            "validation_loss": 0.8 * 0.7**epoch + 0.048 + 0.0005 * max(0, epoch - 11) ** 1.5 + 0.002 * np.sin(epoch),
            "learning_rate": 1e-3 * 0.5 ** (epoch // 5),
            "grad_norm": 2.4 * 0.86**epoch + 0.2 + 0.05 * np.cos(3 * epoch),
            "seconds": 4.1,
            "best": epoch in (1, 2, 3, 5, 7, 11),
        }
        for epoch in range(1, epochs + 1)
    ]
    return RunView(
        title="Victoria electricity demand",
        targets=("demand",),
        unit="MW",
        frequency=Frequency(1, "h"),
        zone="Australia/Melbourne",
        evaluation=scores(),
        schema=describe(
            Schema("time", ("demand",), known=("temperature", "holiday")),
            Frequency(1, "h"),
            {
                "train": (np.datetime64("2012-01-01T00:00"), np.datetime64("2014-02-05T07:00"), 18368),
                "validation": (np.datetime64("2014-02-05T08:00"), np.datetime64("2014-05-25T23:00"), 2624),
                "test": (np.datetime64("2014-05-26T00:00"), np.datetime64("2014-12-31T23:00"), 5248),
            },
            zone="Australia/Melbourne",
        ),
        notes=(
            Note(
                "gap",
                "{count} missing rows were inserted; the first is {first}",
                {"count": 12, "first": "2018-04-02 04:00"},
            ),
            Note(
                "fill",
                "column {column!r}: {count} missing values were filled forward",
                {"column": "temperature", "count": 31},
            ),
            Note("scale", "all inputs are standardised with the mean and spread of the training part", {}),
        ),
        config={
            "window": 168,
            "horizon": 24,
            "cell": "lstm",
            "hidden_size": 64,
            "num_layers": 2,
            "quantiles": [0.1, 0.5, 0.9],
            "prepare": {"fill": "ffill", "scale": "standard", "calendar": None, "mask": True},
            "train": {"optimizer": "adam", "learning_rate": 0.001, "batch_size": 64},
        },
        command="tidegate fit forecast load.csv --target demand --known temperature --horizon 24 --out runs/load",
        snippet="import tidegate as tg\n\nmodel = tg.Forecaster(horizon=24, window=168, seed=0)\n"
        'model.fit("load.csv", time="time", target="demand", known=["temperature"])\nmodel.evaluate()',
        seed=0,
        versions={"tidegate": "0.1.0", "numpy": "2.3.4", "torch": "2.13.0", "Python": "3.11.2"},
        seconds=74.2,
        history=history,
        loss="pinball",
        samples=tuple(sample(at) for at in (300, 900, 1400, 2000)),
        strips=(strip,),
        residuals=Residuals(residuals),
    )
