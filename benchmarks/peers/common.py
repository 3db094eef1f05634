"""What every worker shares: data, sizes, clock and the two phases, so that only the library differs.

A worker is a script run by the Python of one virtual environment. It imports nothing heavy before `main` starts
its clocks.
Shapes: `N` rows, `T` window.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ROWS, SEED = 20_000, 0
WINDOW, HORIZON, HIDDEN, LAYERS, DROPOUT, BATCH, LEARNING_RATE = 60, 1, 64, 2, 0.2, 32, 1e-3
WARM_STEPS, BLOCK_STEPS = 50, 20
START = "2020-01-01"  # time of the first row; one row per hour


def series() -> NDArray[np.float32]:
    """The generated hourly series: a day, a week and autoregressive noise, standardised. float32 [N]."""
    import numpy as np

    hour = np.arange(ROWS)
    shocks = np.random.default_rng(SEED).normal(0.0, 0.25, ROWS)
    noise = np.zeros(ROWS)
    for t in range(1, ROWS):
        noise[t] = 0.7 * noise[t - 1] + shocks[t]
    values = np.sin(2 * np.pi * hour / 24) + 0.6 * np.sin(2 * np.pi * hour / 168) + noise
    standardised: NDArray[np.float32] = ((values - values.mean()) / values.std()).astype(np.float32)
    return standardised


def times() -> NDArray[np.datetime64]:
    """Time stamps of the series, datetime64[s] [N]."""
    import numpy as np

    return np.datetime64(START, "s") + np.arange(ROWS) * np.timedelta64(1, "h")


class StepClock:
    """Stamps the end of every optimizer step of the process, whichever library's loop called it.

    The time from one optimizer step's end to the next covers all that a loop does for a step: fetching the batch,
    forward, backward, update and the framework's own work. Start-up lies before the first stamp.
    """

    def __init__(self) -> None:
        from torch.optim.optimizer import register_optimizer_step_post_hook

        self.wall: list[float] = []
        self.processor: list[float] = []
        register_optimizer_step_post_hook(self._tick)

    def _tick(self, *_: object) -> None:
        self.wall.append(time.perf_counter())
        self.processor.append(time.process_time())


def blocks(stamps: list[float], steps: int) -> list[float]:
    """Mean milliseconds per step of every whole block of BLOCK_STEPS among the `steps` steps after WARM_STEPS."""
    ends = stamps[WARM_STEPS - 1 : WARM_STEPS + steps][::BLOCK_STEPS]
    return [1000 * (after - before) / BLOCK_STEPS for before, after in pairwise(ends)]


def main(
    packages: list[str],
    train: Callable[[int, Path], int],
    load: Callable[[Path], Any],
    predict: Callable[[Any], float],
    imports: Callable[[], object],
) -> None:
    """Run the phase that the command line asks for and print its figures as one JSON line.

    Args:
        packages: distributions whose versions are printed, the library first.
        train: (steps, path) -> number of trained parameters; trains `steps` steps and saves the
            model under `path`.
        load: path -> the saved model, ready to predict.
        predict: model -> the value one step after the series.
        imports: imports what `load` and `predict` need; timed on its own.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("phase", choices=["train", "predict"])
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--model", type=Path, required=True)
    options = parser.parse_args()
    keep = os.dup(1)
    os.dup2(2, 1)  # whatever a library prints goes to stderr; stdout is for the JSON line
    result: dict[str, Any]
    if options.phase == "train":
        import torch

        torch.set_num_threads(options.threads)
        torch.manual_seed(SEED)
        clock = StepClock()
        parameters = train(WARM_STEPS + options.steps, options.model)
        result = {"parameters": parameters, "threads": torch.get_num_threads()}
        result["blocks_ms"] = blocks(clock.wall, options.steps)
        result["processor_ms"] = blocks(clock.processor, options.steps)
    else:
        stamps = [time.perf_counter()]
        imports()
        stamps.append(time.perf_counter())
        model = load(options.model)
        stamps.append(time.perf_counter())
        value = predict(model)
        stamps.append(time.perf_counter())
        done = time.time()
        seconds = [after - before for before, after in pairwise(stamps)]
        result = dict(zip(("import_s", "load_s", "predict_s"), seconds, strict=True))
        result |= {"done": done, "value": value, "torch": "torch" in sys.modules}
    result["versions"] = {name: version(name) for name in packages}
    os.write(keep, (json.dumps(result) + "\n").encode())


def version(package: str) -> str:
    """The installed version, or "source" for a package run from its source folder."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "source"
