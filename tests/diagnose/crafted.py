"""Tiny trainings, made once, and crafted histories."""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

import tidegate as tg
from tidegate.diagnose.evidence import Case
from tidegate.train.history import Epoch, History

QUICK: dict[str, Any] = {"horizon": 4, "window": 24, "hidden_size": 8, "num_layers": 1, "dropout": 0.0, "segment": 1}
QUICK |= {"normalise": None, "network": {"anchor": 0, "lags": ()}, "batch_size": 32, "max_epochs": 15}
QUICK |= {"learning_rate": 0.01, "pretrained": False, "refit": False}


def wave(rows: int = 600, seed: int = 0) -> dict[str, Any]:
    """A daily wave with noise, hourly."""
    noise = np.random.default_rng(seed).normal(size=rows)
    time = np.datetime64("2024-01-01T00:00", "us") + np.arange(rows) * np.timedelta64(1, "h")
    return {"time": time, "y": 10 + 3 * np.sin(np.arange(rows) * 2 * np.pi / 24) + 0.3 * noise}


def fit(data: dict[str, Any], columns: dict[str, Any] | None = None, **options: Any) -> tg.Forecaster:
    model = tg.Forecaster().variant(tg.Forecaster.placed({**QUICK, **options}))
    return model.fit(data, time="time", target="y", progress=False, **(columns or {}))


@cache
def healthy() -> tg.Forecaster:
    return fit(wave())


def history(validation: list[float], train: list[float] | None = None, **values: Any) -> History:
    """A history with these losses."""
    train = validation if train is None else train
    usual = {"steps": 200, "learning_rate": 0.01, "grad_norm": 0.5, "clipped": 0.0, "seconds": 1.0}
    usual |= {"train_seconds": 1.0, "best": False} | values
    rows = [
        Epoch(epoch=at, train_loss=a, validation_loss=b, **usual)
        for at, (a, b) in enumerate(zip(train, validation, strict=True), 1)
    ]
    return History(rows, "max_epochs")


def case(**changes: Any) -> Case:
    """The healthy model's case, with parts of it replaced."""
    found: Case = replace(healthy().evidence()[0], **changes)
    return found
