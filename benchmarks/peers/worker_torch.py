"""A bare PyTorch loop: nn.LSTM and nn.Linear, batches gathered from one tensor, nothing else.

What torch's layers cost without any framework around them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import common


def imports() -> None:
    import torch  # noqa: F401


def network() -> Any:
    from torch import nn

    recurrent = nn.LSTM(1, common.HIDDEN, common.LAYERS, batch_first=True, dropout=common.DROPOUT)
    return nn.ModuleList([recurrent, nn.Linear(common.HIDDEN, common.HORIZON)])


def forward(layers: Any, inputs: Any) -> Any:
    """[B, T, 1] -> [B, K], from the last step's output."""
    recurrent, head = layers
    return head(recurrent(inputs)[0][:, -1])


def train(steps: int, path: Path) -> int:
    import torch

    values = torch.from_numpy(common.series())
    windows = values.unfold(0, common.WINDOW + common.HORIZON, 1)  # a view: [N - T, T + K]
    layers = network()
    optimizer = torch.optim.Adam(layers.parameters(), lr=common.LEARNING_RATE)
    loss_of = torch.nn.MSELoss()
    done = 0
    while done < steps:
        for rows in torch.randperm(len(windows)).split(common.BATCH)[: steps - done]:
            batch = windows[rows]
            optimizer.zero_grad()
            loss = loss_of(forward(layers, batch[:, : common.WINDOW, None]), batch[:, common.WINDOW :])
            loss.backward()
            optimizer.step()
            done += 1
    path.mkdir(parents=True, exist_ok=True)
    torch.save({"weights": layers.state_dict(), "last": values[-common.WINDOW :].clone()}, path / "model.pt")
    return sum(p.numel() for p in layers.parameters())


def load(path: Path) -> Any:
    import torch

    saved = torch.load(path / "model.pt", weights_only=True)
    layers = network()
    layers.load_state_dict(saved["weights"])
    return layers.eval(), saved["last"]


def predict(model: Any) -> float:
    import torch

    layers, last = model
    with torch.no_grad():
        return float(forward(layers, last[None, :, None])[0, 0])


if __name__ == "__main__":
    common.main(["torch", "numpy"], train, load, predict, imports)
