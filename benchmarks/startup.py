"""A fresh process without torch: import, load a saved model, predict once. Reach: under one second.

A small model is trained on the demo's data and saved first. Then new processes are started, in which importing torch,
pandas or polars is forbidden; each loads the model and forecasts from its stored context. Wall time from starting
the process to the forecast, and its parts. Beside it: an empty Python process, and one that only imports torch.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from _common import arguments, fit, report, show, start

REACH = 1.0
CHILD = """
import time
begin = time.perf_counter()
import json, sys
for name in ("torch", "pandas", "polars"):
    sys.modules[name] = None
import tidegate
imported = time.perf_counter()
model = tidegate.load(sys.argv[1])
loaded = time.perf_counter()
columns = model.forecast_columns()
done = time.perf_counter()
print(json.dumps({"import": imported - begin, "load": loaded - imported, "predict": done - loaded,
                  "rows": len(columns["mean"])}))
"""


def main() -> None:
    """Train, save, and time fresh processes."""
    parser = arguments(__doc__, threads=1)
    parser.add_argument("--repeats", type=int, default=15)
    given = start(parser)
    from tidegate import demo_data

    settings = {"horizon": 24, "level": [80.0], "network": {"anchor": 0, "normalise": "last"}, "max_epochs": 1}
    how = {"time": "date_time", "target": "traffic_volume", "repair": "mean", "validation": 0.1, "test": 0.2}
    settings |= {"training": {"steps_per_epoch": 5}, "seed": given.seeds[0], **given.set}
    model, _ = fit(settings, str(demo_data.path()), **how)
    with tempfile.TemporaryDirectory() as folder:
        saved = model.save(Path(folder) / "model")
        found = [timed(["-c", CHILD, str(saved)]) for _ in range(given.repeats + 1)][1:]
    parts = [json.loads(output) for *_, output in found]
    wall, processor = [seconds for seconds, *_ in found], [seconds for _, seconds, _ in found]
    empty = [timed(["-c", "pass"])[0] for _ in range(given.repeats)]
    torch = [timed(["-c", "import torch"])[0] for _ in range(3)]
    rows: list[list[object]] = [["seconds", "median", "least", "most"]]
    rows.append(["process, import, load, first prediction", *spread(wall)])
    rows += [[f"  of it: {name}", *spread([part[name] for part in parts])] for name in ("import", "load", "predict")]
    rows.append(["  processor time of it", *spread(processor)])
    rows += [["an empty Python process", *spread(empty)], ["a process that imports torch", *spread(torch)]]
    show(rows)
    median = statistics.median(wall)
    figures = {f"{name}_seconds": value for name, value in medians(parts).items()}
    figures["processor_seconds"] = statistics.median(processor)
    report("startup", seconds=median, most=max(wall), **figures, reached=median < REACH)


def timed(command: list[str]) -> tuple[float, float, str]:
    """Wall and processor seconds of a Python process, and what it printed."""
    begin, used = time.perf_counter(), os.times()
    done = subprocess.run([sys.executable, *command], check=True, capture_output=True, text=True)
    now = os.times()
    spent = now.children_user + now.children_system - used.children_user - used.children_system
    return time.perf_counter() - begin, spent, done.stdout


def spread(values: list[float]) -> tuple[float, float, float]:
    """Median, least and most."""
    return statistics.median(values), min(values), max(values)


def medians(parts: list[dict[str, float]]) -> dict[str, float]:
    """Median of each part of the way."""
    return {name: statistics.median(part[name] for part in parts) for name in ("import", "load", "predict")}


if __name__ == "__main__":
    main()
