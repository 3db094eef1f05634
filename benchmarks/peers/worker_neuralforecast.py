"""neuralforecast: LSTM with a single linear layer as decoder, trained by Lightning with all extras off.

neuralforecast batches series first and windows second: one series, and BATCH windows drawn from it per step.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import common


def imports() -> None:
    from neuralforecast import NeuralForecast  # noqa: F401


def train(steps: int, path: Path) -> int:
    import pandas as pd
    from neuralforecast import NeuralForecast
    from neuralforecast.losses.pytorch import MSE
    from neuralforecast.models import LSTM

    model = LSTM(
        h=common.HORIZON,
        input_size=common.WINDOW,
        encoder_n_layers=common.LAYERS,
        encoder_hidden_size=common.HIDDEN,
        encoder_dropout=common.DROPOUT,
        decoder_layers=1,
        loss=MSE(),
        scaler_type="identity",
        learning_rate=common.LEARNING_RATE,
        batch_size=1,
        windows_batch_size=common.BATCH,
        max_steps=steps,
        random_seed=common.SEED,
        accelerator="cpu",
        devices=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    frame = pd.DataFrame({"unique_id": "series", "ds": common.times(), "y": common.series()})
    forecaster = NeuralForecast(models=[model], freq="h")
    forecaster.fit(frame)
    forecaster.save(str(path), overwrite=True)
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def load(path: Path) -> Any:
    from neuralforecast import NeuralForecast

    return NeuralForecast.load(str(path))


def predict(model: Any) -> float:
    return float(model.predict()["LSTM"].iloc[0])


if __name__ == "__main__":
    common.main(["neuralforecast", "torch", "pytorch-lightning", "numpy", "pandas"], train, load, predict, imports)
