"""darts: BlockRNNModel with an LSTM and a linear head, trained by Lightning with all extras off."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import common


def imports() -> None:
    from darts.models import BlockRNNModel  # noqa: F401


def train(steps: int, path: Path) -> int:
    import pandas as pd
    from darts import TimeSeries
    from darts.models import BlockRNNModel

    data = TimeSeries.from_times_and_values(pd.DatetimeIndex(common.times()), common.series())
    model = BlockRNNModel(
        input_chunk_length=common.WINDOW,
        output_chunk_length=common.HORIZON,
        model="LSTM",
        hidden_dim=common.HIDDEN,
        n_rnn_layers=common.LAYERS,
        dropout=common.DROPOUT,
        batch_size=common.BATCH,
        n_epochs=1 + steps * common.BATCH // (common.ROWS - common.WINDOW),
        optimizer_kwargs={"lr": common.LEARNING_RATE},
        random_state=common.SEED,
        save_checkpoints=False,
        log_tensorboard=False,
        pl_trainer_kwargs={
            "max_steps": steps,
            "accelerator": "cpu",
            "devices": 1,
            "logger": False,
            "enable_checkpointing": False,
            "enable_progress_bar": False,
            "enable_model_summary": False,
        },
    )
    model.fit(data)
    path.mkdir(parents=True, exist_ok=True)
    model.save(str(path / "model.pt"))
    return sum(p.numel() for p in model.model.parameters() if p.requires_grad)


def load(path: Path) -> Any:
    from darts.models import BlockRNNModel

    quiet = {"accelerator": "cpu", "logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    return BlockRNNModel.load(str(path / "model.pt"), map_location="cpu", pl_trainer_kwargs=quiet)


def predict(model: Any) -> float:
    return float(model.predict(common.HORIZON, verbose=False, show_warnings=False).values()[0, 0])


if __name__ == "__main__":
    common.main(["darts", "torch", "pytorch-lightning", "numpy", "pandas"], train, load, predict, imports)
