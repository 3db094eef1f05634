"""Make the small model that proves prediction without torch: tests/runtime/fixtures.

A forecaster with everything a network can have (segments, attention, normalisation, statics, text, quantiles) is
trained for a moment on generated series; torch's own forecast is stored beside it.

    python scripts/make_fixture.py
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

import tidegate as tg
from tidegate.data.emit import write_columns

FOLDER = Path(__file__).parents[1] / "tests" / "runtime" / "fixtures"
HOURS, HORIZON = 400, 12


def table(rows: int) -> dict[str, np.ndarray]:
    """Two shops by the hour: sales, a planned price, the weather as a word, and a static size."""
    rng = np.random.default_rng(7)
    hour = np.arange(rows)
    time = np.datetime64("2024-03-01T00:00", "us") + hour * np.timedelta64(1, "h")
    price = 2 + 0.5 * (hour // 24 % 3)
    weather = np.where(np.sin(hour / 30) > 0, "sun", "rain")
    parts = []
    for shop, size in (("north", 1.0), ("south", 2.5)):
        sales = size * (10 + 5 * np.sin(2 * np.pi * hour / 24) - price + (weather == "sun")) + rng.normal(0, 0.3, rows)
        sales[50:53] = np.nan
        parts.append((np.full(rows, shop, dtype=object), time, sales, price, weather, np.full(rows, size)))
    names = ("shop", "time", "sales", "price", "weather", "size")
    return {name: np.concatenate(part) for name, part in zip(names, zip(*parts, strict=True), strict=True)}


def main() -> None:
    """Train, save, and store torch's forecast."""
    whole = table(HOURS + HORIZON)
    last = whole["time"] >= np.datetime64("2024-03-01T00:00", "us") + HOURS * np.timedelta64(1, "h")
    past = {name: values[~last] for name, values in whole.items()}
    future = {name: whole[name][last] for name in ("shop", "time", "price")}
    model = tg.Forecaster(
        horizon=HORIZON,
        window=48,
        hidden_size=6,
        level=80,
        max_epochs=2,
        network={
            "anchor": 24,
            "decoder_segment": 3,
            "embed": 3,
            "batch_norm": True,
            "segment": 6,
            "pooling": "attention",
            "normalise": "last",
        },
    )
    model.fit(past, time="time", target="sales", series="shop", known=["price"], observed=["weather"], static=["size"])
    model.save(FOLDER / "model")
    write_columns(past, FOLDER / "past.csv")
    write_columns(future, FOLDER / "future.csv")
    found = model.forecast_columns(past, future=future)
    expected = {name: values.tolist() for name, values in found.items() if values.dtype.kind == "f"}
    (FOLDER / "expected.json").write_text(json.dumps(expected))


if __name__ == "__main__":
    main()
