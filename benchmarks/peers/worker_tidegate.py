"""tidegate: Forecaster through its public surface; prediction through the runtime that needs no torch."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import common

VALIDATION = TEST = 0.1


def imports() -> None:
    import tidegate

    _ = tidegate.load  # public names are lazy: this brings in what loading needs


def train(steps: int, path: Path) -> int:
    from safetensors.numpy import load_file

    import tidegate as tg

    windows = int(common.ROWS * (1 - VALIDATION - TEST)) - common.WINDOW - common.HORIZON
    epochs = math.ceil(steps / (windows // common.BATCH))
    model = tg.Forecaster(
        window=common.WINDOW,
        horizon=common.HORIZON,
        cell="lstm",
        hidden_size=common.HIDDEN,
        num_layers=common.LAYERS,
        dropout=common.DROPOUT,
        network={"head": "direct", "lags": (), "anchor": 0, "segment": 1, "normalise": None},
        preparation={"scale": "none", "calendar": ()},
        loss="mse",
        learning_rate=common.LEARNING_RATE,
        batch_size=common.BATCH,
        max_epochs=epochs,
        training={
            "steps_per_epoch": math.ceil(steps / epochs),
            "optimizer": "adam",
            "schedule": "constant",
            "clip": 0.0,
            "patience": 0,
        },
        seed=common.SEED,
    )
    data = {"time": common.times(), "value": common.series()}
    model.fit(data, time="time", target="value", validation=VALIDATION, test=TEST, progress=False)
    model.save(path)
    return sum(weights.size for weights in load_file(path / "weights.safetensors").values())


def load(path: Path) -> Any:
    import tidegate as tg

    return tg.load(path)


def predict(model: Any) -> float:
    return float(model.forecast_columns()["mean"][0])


if __name__ == "__main__":
    common.main(["tidegate", "torch", "numpy"], train, load, predict, imports)
