"""Training on one long sequence: peak memory and time of torch, of the engine, and of the engine with checkpoint_every.

    python benchmarks/memory.py [--steps 20000] [--units 128] [--batch 8] [--every 200] [--threads 1]

Every case runs in a process of its own: forward, backward and an Adam step, three times. Memory is the process's
largest resident size less what it had before the first forward pass; time is the best of the three.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from typing import Any

from _common import arguments, start

CASES = ("torch", "engine", "engine, checkpoint_every")


def peak() -> float:
    """Largest resident size of this process, in MB."""
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size / (1e6 if sys.platform == "darwin" else 1e3)


def measure(given: argparse.Namespace) -> dict[str, Any]:
    """One case, in this process."""
    import torch

    from tidegate.nn.recurrent import LSTM

    torch.set_num_threads(given.threads)
    torch.manual_seed(0)
    inputs = 8
    options = {"checkpoint_every": given.every} if given.case == CASES[2] else {}
    layer = (torch.nn.LSTM if given.case == CASES[0] else LSTM)(inputs, given.units, **options)
    optimizer = torch.optim.Adam(layer.parameters(), fused=True)
    x = torch.randn(given.steps, given.batch, inputs)
    before, seconds = peak(), []
    for _ in range(3):
        begin = time.perf_counter()
        optimizer.zero_grad()
        loss = layer(x)[1][0].square().mean()  # of the last state, so that all memory is the layer's
        loss.backward()
        optimizer.step()
        seconds.append(time.perf_counter() - begin)
    return {"case": given.case, "MB": round(peak() - before), "ms": round(min(seconds) * 1e3), "loss": float(loss)}


def main() -> None:
    parser = arguments(__doc__, threads=1, seeds=False)
    parser.add_argument("--steps", type=int, default=20000)
    parser.add_argument("--units", type=int, default=128)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--every", type=int, default=200)
    parser.add_argument("--case", choices=CASES, help="measure this one only, in this process")
    given = start(parser)
    if given.case is not None:
        print(json.dumps(measure(given)))
        return
    rows = []
    print(f"{'':<26}{'MB':>8}{'ms a step':>12}")
    for case in CASES:
        command = [sys.executable, __file__, *sys.argv[1:], "--case", case]
        rows.append(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
        print(f"{case:<26}{rows[-1]['MB']:>8}{rows[-1]['ms']:>12}")
    saved = rows[2]["MB"] / rows[1]["MB"]
    print(json.dumps({"rows": rows, "memory_ratio": saved, "reached": saved <= 0.5}))


if __name__ == "__main__":
    main()
