"""On series without anomalies: p-values come as often as they say, and alarms as often as the budget allows."""

from typing import Any

import numpy as np
import polars as pl
import pytest

import tidegate as tg
from tests.tasks.detect.test_estimator import QUICK

WEEK = 7 * 24 * 12  # steps of five minutes


def quiet(kind: str, draw: np.random.Generator, rows: int, series: int) -> np.ndarray:
    """[series, rows, C] of one law throughout."""
    noise = draw.normal(size=(series, rows, 2))
    if kind == "pair":  # two channels that go together
        return 50 + 5 * np.sin(2 * np.pi * np.arange(rows) / 288)[:, None] + noise @ np.array([[1.0, 0.9], [0.0, 0.4]])
    found = np.zeros((series, rows, 1))
    for t in range(1, rows):
        found[:, t] = 0.8 * found[:, t - 1] + noise[:, t, :1]
    return found


def frame(values: np.ndarray, first: str) -> pl.DataFrame:
    """A long table of [series, rows, C]."""
    series, rows, channels = values.shape
    clock = np.datetime64(first, "us") + np.arange(rows) * np.timedelta64(5, "m")
    columns: dict[str, Any] = {"id": np.repeat([f"s{g}" for g in range(series)], rows), "time": np.tile(clock, series)}
    return pl.DataFrame(columns | {f"c{c}": values[:, :, c].ravel() for c in range(channels)})


@pytest.mark.parametrize(
    ("method", "kind", "levels", "within"),
    [
        ("forecast", "auto", (0.1, 0.01, 0.001), 1.5),
        ("forecast", "pair", (0.1, 0.01, 0.001), 1.5),
        ("reconstruction", "pair", (0.1, 0.01), 2.0),  # its errors overlap: 400 rows say little of one in a thousand
    ],
)
def test_p_values_and_alarms_come_as_often_as_they_say(
    method: str, kind: str, levels: tuple[float, ...], within: float
) -> None:
    shares, rates = [], []
    for seed in (0, 1):
        draw = np.random.default_rng(seed)
        series = 30
        past = frame(quiet(kind, draw, 2000, 1), "2026-01-01")
        model = tg.AnomalyDetector(
            method=method, **{**QUICK, "window": 12}, network={"lags": ()}, preparation={"calendar": ()}, seed=seed
        )
        model.fit(past, time="time", series="id", target=past.columns[2:], test=0, validation=0.2)
        new = model.predict(frame(quiet(kind, draw, 1000, series), "2026-02-01"))
        p = new["p_value"].to_numpy()
        p = p[~np.isnan(p)]
        shares.append([(p <= level).mean() / level for level in levels])
        events = new.group_by("id").agg(pl.col("event").max())["event"].sum()
        rates.append(events / (len(p) / WEEK))
    mean = np.mean(shares, axis=0)
    assert (mean > 1 / within).all(), mean
    assert (mean < within).all(), mean
    assert np.mean(rates) < 2.0, rates
    if method == "forecast":
        assert np.mean(rates) > 0.5, rates
