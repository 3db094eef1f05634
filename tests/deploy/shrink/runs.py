"""Small runs on data that lie on the disk, trained once a session."""

import functools
import tempfile
from pathlib import Path

import numpy as np

import tidegate as tg

ROOM = tempfile.TemporaryDirectory()
HERE = Path(ROOM.name)
PLAIN = {"head": "direct", "anchor": 0, "lags": (24,), "normalise": "last"}  # no linear forecast beside it


@functools.cache
def forecaster(units: int = 16, **network) -> Path:
    """A forecaster of a daily cycle; its run."""
    hours = np.arange(500)
    values = 500 + 120 * np.sin(2 * np.pi * hours / 24) + np.random.default_rng(0).normal(0, 15, 500)
    clock = np.datetime64("2024-01-01T00:00") + hours.astype("timedelta64[h]")
    data = HERE / "load.csv"
    data.write_text("\n".join(["time,load", *(f"{t},{v:.3f}" for t, v in zip(clock, values, strict=True))]))
    out = HERE / f"load-{units}-{network}"
    model = tg.Forecaster(
        horizon=6, window=48, hidden_size=units, num_layers=1, max_epochs=2, pretrained=False, network=PLAIN | network
    )
    model.fit(str(data), target="load", out=out, progress=False)
    return out


@functools.cache
def classifier(cell: str = "lstm") -> Path:
    """A classifier of rising and falling stretches; its run."""
    rng, data = np.random.default_rng(1), HERE / "ways.csv"
    lines = ["id,value,way"]
    for number in range(60):
        up, n = number % 2, int(rng.integers(8, 14))
        for x in np.linspace(-1, 1, n)[:: 1 if up else -1] + 0.2 * rng.normal(size=n):
            lines.append(f"{number},{x:.4f},{'up' if up else 'down'}")
    data.write_text("\n".join(lines))
    model = tg.Classifier(cell=cell, hidden_size=8, max_epochs=4, network={"branch": ()}, learning_rate=0.02)
    model.fit(str(data), label="way", id="id", out=HERE / f"ways-{cell}", progress=False)
    return HERE / f"ways-{cell}"
