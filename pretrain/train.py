"""Train the pretrained forecaster on synthetic series alone.

    python pretrain/train.py --steps 14000 --out runs/zero
    python pretrain/export.py runs/zero src/tidegate/pretrained --version 1

The same arguments give the same weights, bit for bit, also when killed and started again: batch i is made from seed i,
and a checkpoint holds weights, optimiser and place. `--steps` only says when the rate begins to fall (the last 35 %):
until then a run may go on with another number.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))


def _start_worker() -> None:
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"


def rate(step: int, steps: int, top: float) -> float:
    """Warm-up, a plateau, and a straight fall over the last third."""
    if step < 200:
        return top * (step + 1) / 200
    return top * max(0.01, min(1.0, (steps - step) / (0.35 * steps)))


def arguments() -> argparse.Namespace:
    """The command line's."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=14_000)
    parser.add_argument("--stop", type=int, default=None, help="stop here, as if killed")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--every", type=int, default=200, help="steps between checkpoints")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--hidden", type=int, default=192)
    return parser.parse_args()


class Training:
    """Network, running mean of its weights, optimiser and place; saved whole."""

    def __init__(self, own: argparse.Namespace) -> None:
        import torch

        from tidegate.tasks.forecast.small.fine_tune import PretrainedNetwork

        torch.set_num_threads(1)
        torch.manual_seed(own.seed)
        self.own = own
        self.place = own.out / "checkpoint.pt"
        self.net = PretrainedNetwork(own.hidden)
        self.mean = [p.detach().clone() for p in self.net.parameters()]
        self.optimiser = torch.optim.AdamW(self.net.parameters(), lr=own.rate, weight_decay=0.01, betas=(0.9, 0.98))
        self.step = 0
        if self.place.exists():
            state = torch.load(self.place, weights_only=True)
            self.net.load_state_dict(state["network"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.mean, self.step = state["mean"], state["step"]

    def save(self) -> None:
        """Replace the checkpoint at once."""
        import torch

        state = {"network": self.net.state_dict(), "optimiser": self.optimiser.state_dict(), "mean": self.mean}
        state |= {"step": self.step, "steps": self.own.steps, "rate": self.own.rate, "seed": self.own.seed}
        torch.save(state, self.place.with_suffix(".tmp"))
        os.replace(self.place.with_suffix(".tmp"), self.place)

    def advance(self, examples: Any) -> Any:
        """One step; loss, median's error, that of the best simple method over all, and the gradient's norm."""
        import torch

        from tidegate.runtime.pretrained.network import LEVELS
        from tidegate.train.losses import asinh_pinball

        for group in self.optimiser.param_groups:
            group["lr"] = rate(self.step, self.own.steps, self.own.rate)
        names = ("x", "z", "candidates", "target", "seen")
        x, z, c, target, seen = (torch.from_numpy(getattr(examples, name)) for name in names)
        h = self.net.encode(x)[torch.from_numpy(examples.row), torch.from_numpy(examples.patch)]
        centre, quantiles = self.net.decode(h, z, c)
        loss = asinh_pinball(centre, quantiles, target, seen, LEVELS)
        self.optimiser.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optimiser.step()
        self.step += 1
        keep = min(0.998, (self.step + 1) / (self.step + 20))
        with torch.no_grad():
            torch._foreach_lerp_(self.mean, [p.detach() for p in self.net.parameters()], 1 - keep)
            middle = (torch.asinh((target - quantiles[..., 4]) / 5).abs() * seen).sum() / seen.sum()
            simple = (torch.asinh((target[:, :, None] - c) / 5).abs() * seen[:, :, None]).sum((0, 1, 3))
            best = (simple / seen.sum()).min()
        return np.array([loss.item(), middle.item(), best.item(), norm.item()])


def main() -> None:
    """Train, or go on training."""
    own = arguments()
    _start_worker()
    import batches

    own.out.mkdir(parents=True, exist_ok=True)
    training = Training(own)
    print(f"{sum(p.numel() for p in training.net.parameters()):,} weights, from step {training.step}", flush=True)
    end = own.steps if own.stop is None else min(own.stop, own.steps)
    first = own.seed * 10_000_000
    begun, running = time.time(), None
    with get_context("spawn").Pool(1, _start_worker) as pool:
        for examples in pool.imap(batches.make, range(first + training.step, first + end)):
            now = training.advance(examples)
            running = now if running is None else 0.99 * running + 0.01 * now
            if training.step % 100 == 0:
                words = " ".join(f"{value:.4f}" for value in running)
                print(
                    f"{training.step} {time.time() - begun:.0f}s loss, median, best simple, norm: {words}", flush=True
                )
            if training.step % own.every == 0 or training.step == end:
                training.save()


if __name__ == "__main__":
    main()
