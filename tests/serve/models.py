"""Tiny models of every task, and a server that is asked in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np

import tidegate as tg
from tests.tasks.language.corpora import chain
from tidegate.serve.app import Server
from tidegate.serve.settings import Settings

ROWS = 160
HOURS = np.datetime64("2024-01-01T00:00") + np.arange(ROWS + 40).astype("timedelta64[h]")
LOAD = 50 + 10 * np.sin(np.arange(ROWS + 40) * np.pi / 12) + np.random.default_rng(0).normal(size=ROWS + 40)
TABLE = {"time": HOURS[:ROWS], "load": LOAD[:ROWS]}
NEXT = {"time": [str(hour) for hour in HOURS[20:ROWS]], "load": LOAD[20:ROWS].tolist()}
SEQUENCES = [np.random.default_rng(k).normal(size=(5 + k % 4, 2)) + k % 2 for k in range(30)]
ONE_WAY: dict[str, Any] = {"hidden_size": 4, "max_epochs": 2, "bidirectional": False}
ONE_WAY |= {"network": {"branch": (), "pooling": "last"}}


def build(folder: Path) -> dict[str, Path]:
    """A saved model of each task, by the name that it is served under."""
    made: dict[str, Any] = {}
    network = {"anchor": 0, "lags": (), "normalise": "last"}
    size = {"hidden_size": 4, "max_epochs": 1}
    model = tg.Forecaster(horizon=4, window=12, level=80, pretrained=False, network=network, **size)
    made["forecast"] = model.fit(TABLE, time="time", target="load", progress=False)
    known = {"time": HOURS[:ROWS], "load": LOAD[:ROWS], "heat": LOAD[:ROWS] / 2}
    model = tg.Forecaster(horizon=4, window=12, pretrained=False, network=network, **size)
    made["known"] = model.fit(known, time="time", target="load", known=["heat"], progress=False)
    watch = tg.AnomalyDetector(window=12, alarms={"warm_up": 4}, **size)
    made["detect"] = watch.fit(TABLE, time="time", target="load", progress=False)
    made["classify"] = tg.Classifier(**ONE_WAY).fit(SEQUENCES, ["a", "b"] * 15, progress=False)
    made["regress"] = tg.Regressor(**ONE_WAY, window=3).fit(SEQUENCES, np.arange(30.0) % 2, progress=False)
    made["generate"] = tg.LanguageModel(max_epochs=1, window=16, hidden_size=8, num_layers=1).fit(
        chain(600), progress=False
    )
    return {name: model.save(folder / name / "model") for name, model in made.items()}


def asked(sources: list[Path], talk: Callable[[httpx.AsyncClient, Server], Awaitable[None]], **settings: Any) -> None:
    """Talk to a server in this process, without a socket."""

    async def run() -> None:
        server = Server(sources, Settings(**settings))
        transport = httpx.ASGITransport(app=server.app, raise_app_exceptions=False)
        try:
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
                await talk(client, server)
        finally:
            server.sessions.close()

    asyncio.run(run())
