"""Write what ships: float16 weights and model.json, from a checkpoint of `train.py`.

$ python pretrain/export.py runs/zero src/tidegate/pretrained --version 1
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

import generate
import numpy as np
import torch
from safetensors.numpy import save

from tidegate.runtime.pretrained.network import FORMAT, LEVELS
from tidegate.tasks.forecast.small.fine_tune import PretrainedNetwork


def main() -> None:
    """Export the running mean of the weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--version", required=True)
    own = parser.parse_args()
    state = torch.load(own.run / "checkpoint.pt", weights_only=True)
    net = PretrainedNetwork(state["network"]["embed.weight"].shape[0])
    names = [name for name, _ in net.named_parameters()]
    weights = {name: mean.numpy().astype(np.float16) for name, mean in zip(names, state["mean"], strict=True)}
    content = save(weights)
    (own.folder / "weights.safetensors").write_bytes(content)
    card = {
        "format": FORMAT,
        "version": own.version,
        "sha256": hashlib.sha256(content).hexdigest(),
        "weights": int(sum(w.size for w in weights.values())),
        "levels": list(LEVELS),
        "training": {"data": "synthetic series alone", "generator": generate.VERSION, "steps": state["step"],
                     "planned": state.get("steps"), "rate": state.get("rate"), "seed": state.get("seed")},
    }  # fmt: skip
    (own.folder / "model.json").write_text(json.dumps(card, indent=2) + "\n")
    print(f"{len(content):,} bytes, step {state['step']}")


if __name__ == "__main__":
    main()
