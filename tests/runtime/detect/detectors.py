"""Small detectors with random weights, for tests of how streams behave, whatever they were trained on."""

import dataclasses
from typing import Any

import numpy as np

from tidegate.artifacts.shapes import tensor_shapes
from tidegate.artifacts.spec import Decoder, Head, NetworkSpec, Pool, Recurrent
from tidegate.core.frequency import Frequency
from tidegate.core.table import Schema, Table
from tidegate.prepare.online import OnlinePreparation
from tidegate.runtime.detect.detector import Detector
from tidegate.runtime.detect.ranks import first_counts, first_levels
from tidegate.runtime.detect.rules import Rules
from tidegate.runtime.network.recurrent import Loaded

HOUR = 3_600_000_000


def make_detector(
    method: str = "forecast", channels: int = 1, series: int = 1, cell: str = "lstm", seed: int = 0, **rules: Any
) -> Detector:
    """A detector of hourly values around 0 with a lag of 5 steps and clock features."""
    draw = np.random.default_rng(seed)
    names = tuple(f"c{number}" for number in range(channels))
    ids = tuple(f"s{number}" for number in range(series))
    forecast = method == "forecast"
    preparation = OnlinePreparation(
        names,
        ids,
        draw.normal(0, 0.2, (series + 1, channels)),
        draw.uniform(0.5, 2.0, (series + 1, channels)),
        lags=(5,) if forecast else (),
        calendar=("hour", "day_of_week") if forecast else (),
        step=HOUR,
    )
    recurrent: Any = Recurrent(cell=cell, hidden_size=6, num_layers=2)  # type: ignore[arg-type]
    last: Any = Head(hidden_size=4) if forecast else Decoder()
    spec = NetworkSpec(
        window=6,
        horizon=1 if forecast else 6,
        past=len(preparation.input_names) if forecast else channels,
        targets=channels,
        anchor=int(forecast),
        layers=(recurrent, Pool(), last),
    )
    weights = {name: draw.normal(0, 0.4, shape).astype(np.float32) for name, shape in tensor_shapes(spec).items()}
    base = np.ones((channels, 2))
    counts = first_counts(np.abs(draw.normal(0, 1, (200, channels, 2))), base, 1e9)
    settings = {"threshold": 0.01, "short": 4, "refractory": 3, "warm_up": 4, "gap": 6, "memory": 150}
    settings |= {"budget": 1.0, "tail": 8.0, **rules}
    return Detector(
        spec,
        Loaded(weights),
        preparation,
        Rules(method, **settings),
        base,
        counts,
        np.stack([first_levels(draw.uniform(size=300), 1e9) for _ in rules.get("groups") or [0]]),
        Schema("time", names, "id" if series > 1 else None),
        Frequency(1, "h"),
        {},
    )


def make_table(values: list[Any], first: str = "2026-03-01") -> Table:
    """A table of hourly series from their values, [N] or [N, C] each."""
    arrays = [np.asarray(own, dtype=np.float64).reshape(len(own), -1) for own in values]
    lengths = [len(own) for own in arrays]
    joined = np.concatenate(arrays)
    names = tuple(f"c{number}" for number in range(joined.shape[1]))
    time = np.concatenate([np.datetime64(first, "us") + np.arange(n) * np.timedelta64(1, "h") for n in lengths])
    return Table(
        Schema("time", names, "id" if len(arrays) > 1 else None),
        Frequency(1, "h"),
        tuple(f"s{number}" for number in range(len(arrays))),
        np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        time,
        {name: joined[:, number] for number, name in enumerate(names)},
    )


def with_ends(detector: Detector, ends: dict[str, Any]) -> Detector:
    """The detector with a state to go on from."""
    return dataclasses.replace(detector, ends=ends)
