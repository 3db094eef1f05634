"""Windows as views: peak memory and speed on a table of 10 million rows and 8 columns of float32, window 512.

A process of its own imports everything, notes its memory, makes the table, trains a small network on it for a few
steps and validates once. The peak beyond the imports, table included, is compared with the table's own bytes:
reach at most 1.5 times. Then windows of 512 steps and their targets are gathered in batches at random places.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from _common import arguments, report, show, start

BATCH = 64
REACH = 1.5


def main() -> None:
    """Measure in a child process and print what it found."""
    parser = arguments(__doc__, seeds=False)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--columns", type=int, default=8)
    parser.add_argument("--window", type=int, default=512)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--child", action="store_true", help="measure in this process")
    given = start(parser)
    if given.child:
        print(json.dumps(measure(given)))
        return
    command = [sys.executable, __file__, "--child", *sys.argv[1:]]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
    table = found["table_mb"]
    show(
        [
            ["memory", "MB", "times the table"],
            ["imports alone", found["imports_mb"], None],
            ["the table", table, 1.0],
            *([f"peak beyond imports: {stage}", peak, peak / table] for stage, peak in found["peaks_mb"].items()),
            ["every window copied, for comparison", found["copied_mb"], found["copied_mb"] / table],
        ]
    )
    print(f"\n{found['windows_per_second']:,.0f} windows of {given.window} steps gathered per second, {BATCH} a batch")
    print(
        f"{found['steps']} training steps in {found['train_seconds']:.1f} s, the whole fit {found['fit_seconds']:.1f} s"
    )
    ratio = max(found["peaks_mb"].values()) / table
    report("windows", ratio=ratio, threads=given.threads, **found, reached=ratio <= REACH)


def measure(given):  # type: ignore[no-untyped-def]
    """Memory in MB (10^6 bytes), of this process, and speeds."""
    import numpy as np
    import torch

    import tidegate
    from tidegate.tasks.forecast import fit  # noqa: F401

    torch.set_num_threads(given.threads)
    first_step(torch)
    imports = status("VmRSS")
    restart_peak()
    generator = np.random.default_rng(given.seed)
    values = np.empty((given.rows, given.columns), dtype=np.float32)
    for first in range(0, given.rows, 100_000):
        part = values[first : first + 100_000]
        generator.standard_normal(out=part, dtype=np.float32)
        part += np.sin(np.arange(first, first + len(part), dtype=np.float32) * (2 * np.pi / 24))[:, None]
    peaks = {"making the table": status("VmHWM") - imports}
    names = [f"x{index}" for index in range(given.columns)]
    table = tidegate.read(
        {name: values[:, index] for index, name in enumerate(names)}, time=False, target=names[0], observed=names[1:]
    )
    peaks["reading"] = status("VmHWM") - imports
    model = tidegate.Forecaster(
        horizon=24,
        window=given.window,
        hidden_size=16,
        num_layers=1,
        max_epochs=1,
        network={"anchor": 0, "normalise": "last"},
        training={"steps_per_epoch": 50},
        seed=given.seed,
    )
    begin = time.perf_counter()
    model.fit(table, progress=False)
    fit_seconds = time.perf_counter() - begin
    peaks["reading, preparing, training"] = status("VmHWM") - imports
    epoch = model.history_.epochs[0]
    return {
        "imports_mb": imports,
        "table_mb": values.nbytes / 1e6,
        "copied_mb": values.nbytes / 1e6 * given.window,
        "peaks_mb": peaks,
        "fit_seconds": fit_seconds,
        "train_seconds": epoch.train_seconds,
        "steps": epoch.steps,
        "windows_per_second": gather_speed(table, given),
    }


def first_step(torch) -> None:  # type: ignore[no-untyped-def]
    """One step of the smallest training, which makes torch import what it imports late."""
    layer = torch.nn.LSTM(1, 1)
    optimizer = torch.optim.Adam(layer.parameters(), fused=True)
    layer(torch.zeros(1, 2, 1))[0].sum().backward()
    optimizer.step()


def gather_speed(table, given) -> float:  # type: ignore[no-untyped-def]
    """Windows and targets gathered per second: the median of blocks of 20 batches."""
    import numpy as np

    import tidegate

    options = tidegate.PrepareOptions(calendar=())
    prepared = tidegate.Preparation.fit(table, table.rows(), options).apply(table)
    generator = np.random.default_rng(given.seed)
    speeds = []
    for _ in range(15):
        batches = [generator.integers(given.window, given.rows - 24, BATCH) for _ in range(20)]
        begin = time.perf_counter()
        for origins in batches:
            prepared.past(origins, given.window)
            prepared.target(origins, 24)
        speeds.append(20 * BATCH / (time.perf_counter() - begin))
    return float(np.median(speeds))


def status(name: str) -> float:
    """A line of /proc/self/status, in MB of 10^6 bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024 / 1e6
    raise SystemExit(f"/proc/self/status has no {name}: this benchmark needs Linux")


def restart_peak() -> None:
    """Forget the highest memory so far, so that only what follows counts."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        print("the peak of the imports could not be cleared and may count as the table's", file=sys.stderr)


if __name__ == "__main__":
    main()
