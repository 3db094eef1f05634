"""Diagnosis, explanation, intervals and audit of a run: seconds and peak memory, each in a process of its own.

    python benchmarks/insight.py [--run runs/demo] [--series 1000] [--rows 600] [--forecasts 12] [--threads 1]

Two runs are examined: the demo's (`--run` names one that is there; else it is trained for an epoch, which takes nothing
from what is measured) and one of generated series. Beside the peak stands that of a process that only opens the run:
what lies above it is the examination's own. Processor seconds are of all threads: on a machine that others use they say
more than the clock. The last table says how often explanations of `--forecasts` forecasts of
the demo's test part, drawn at random, beat random orders in the deletion test.

Reach: diagnosis and explanation of the demo together below 60 s on two cores; on the series at most 1 GB above opening.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from _common import arguments, report, show, start
from memory import peak

STAGES = ("open", "diagnose", "explain", "intervals", "audit")
SECONDS, EXTRA = 60.0, 1000.0


def measure(stage: str, run: str) -> dict[str, float]:
    """One stage in this process: its seconds and processor seconds (opening the run left out), and the peak in MB."""
    from tidegate.tasks.open import open_run

    begin, worked = time.perf_counter(), time.process_time()
    model = open_run(run)
    if stage != "open":
        begin, worked = time.perf_counter(), time.process_time()
        getattr(model, stage)()
    return {"seconds": time.perf_counter() - begin, "processor": time.process_time() - worked, "MB": peak()}


def faithfulness(run: str, count: int) -> dict[str, Any]:
    """Method -> mean share of random orders beaten, and share of forecasts whose explanation holds (90 % or more)."""
    from tidegate.data.windows import windows
    from tidegate.tasks.forecast.evaluate import needed_rows
    from tidegate.tasks.open import open_run

    model = open_run(run)
    fitted = model.fitted_
    pool = windows(fitted.table, fitted.split, "test", window=needed_rows(model), horizon=model.decoding_.horizon)
    drawn = np.random.default_rng(0).choice(len(pool), count, replace=False)
    beaten: dict[str, list[float]] = {}
    for origin in pool.origins(np.sort(drawn)).tolist():
        found = model.explain(at=str(fitted.table.time[origin]), sample=16)
        for name, test in found.faithfulness.items():
            beaten.setdefault(name, []).append(test.beaten)
    return {
        name: {"beaten": float(np.mean(each)), "holds": float(np.mean(np.array(each) >= 0.9))}
        for name, each in beaten.items()
    }


def make_series(path: Path, series: int, rows: int) -> None:
    """Hourly series with days and weeks of their own size, as a long CSV file."""
    rng = np.random.default_rng(0)
    hours = np.arange(rows)
    times = np.datetime_as_string(np.datetime64("2024-01-01T00", "h") + hours, unit="s")
    with open(path, "w", encoding="utf-8") as file:
        file.write("unique_id,ds,y\n")
        for index in range(series):
            day, week = rng.uniform(1, 3, 2)
            wave = day * np.sin(2 * np.pi * (hours + rng.integers(24)) / 24) + week * np.sin(2 * np.pi * hours / 168)
            values = rng.uniform(10, 100) * (5 + wave + 0.5 * rng.normal(size=rows))
            file.writelines(f"s{index:04d},{t},{v:.3f}\n" for t, v in zip(times, values, strict=True))


def command_line(*words: str) -> None:
    """Run `tidegate` in a process of its own."""
    subprocess.run(
        [sys.executable, "-c", "from tidegate.cli.main import main; main()", *words], check=True, capture_output=True
    )


def in_process(*words: str) -> dict[str, Any]:
    """This script with one thing to measure, in a process of its own."""
    done = subprocess.run([sys.executable, __file__, *words], capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def examine(name: str, run: str, threads: str) -> list[dict[str, Any]]:
    """Every stage of a run."""
    return [
        {"run": name, "stage": stage} | in_process("--threads", threads, "--stage", stage, "--run", run)
        for stage in STAGES
    ]


def main() -> None:
    parser = arguments(__doc__, threads=1, seeds=False)
    parser.add_argument("--run", default="", help="folder of a run of the demo")
    parser.add_argument("--series", type=int, default=1000)
    parser.add_argument("--rows", type=int, default=600)
    parser.add_argument("--forecasts", type=int, default=12, help="explained for the deletion tests; 0 for none")
    parser.add_argument("--stage", choices=[*STAGES, "faithfulness"], help=argparse.SUPPRESS)
    given = start(parser)
    if given.stage == "faithfulness":
        print(json.dumps(faithfulness(given.run, given.forecasts)))
        return
    if given.stage is not None:
        print(json.dumps(measure(given.stage, given.run)))
        return
    with tempfile.TemporaryDirectory() as folder:
        demo = given.run or str(Path(folder) / "demo")
        if not given.run:
            command_line("demo", "--out", demo, "--max-epochs", "1", "--quiet")
        data, many = Path(folder) / "series.csv", str(Path(folder) / "many")
        make_series(data, given.series, given.rows)
        brief = ["--max-epochs", "1", "--set", "training.steps_per_epoch=50", "--window", "48", "--level", "80"]
        command_line("fit", "forecast", str(data), "--out", many, "--quiet", *brief)
        threads = str(given.threads)
        rows = examine("demo", demo, threads) + examine(f"{given.series} series", many, threads)
        trust: dict[str, Any] = {}
        if given.forecasts:
            more = ["--run", demo, "--forecasts", str(given.forecasts)]
            trust = in_process("--threads", threads, "--stage", "faithfulness", *more)
    opened = {row["run"]: row["MB"] for row in rows if row["stage"] == "open"}
    head: list[list[Any]] = [["run", "stage", "seconds", "processor", "peak MB", "above opening"]]
    show(
        head + [[r["run"], r["stage"], r["seconds"], r["processor"], r["MB"], r["MB"] - opened[r["run"]]] for r in rows]
    )
    names: list[list[Any]] = [["explanation", "random orders beaten %", "forecasts that hold %"]]
    if trust:
        print()
        show(names + [[name, 100 * each["beaten"], 100 * each["holds"]] for name, each in trust.items()])
    spent = sum(r["seconds"] for r in rows if r["run"] == "demo" and r["stage"] in ("diagnose", "explain"))
    extra = max(r["MB"] - opened[r["run"]] for r in rows if r["run"] != "demo")
    report("insight", stages=rows, faithfulness=trust, reached=spent < SECONDS and extra < EXTRA)


if __name__ == "__main__":
    main()
