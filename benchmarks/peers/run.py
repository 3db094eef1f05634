"""tidegate beside neuralforecast, darts and a bare PyTorch loop: milliseconds per training step, seconds to predict.

The same univariate LSTM, data and number of steps in each (`common.py`). Every measurement is a process of its own;
ours and the peers' take turns, so that a busy moment of the machine falls on all alike, and a ratio compares processes
that ran one after the other.

    python benchmarks/peers/run.py --threads 1,2
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import common
import venvs

HERE = Path(__file__).resolve().parent
OURS = "tidegate"
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TIDEGATE_NUM_THREADS")
Results = dict[str, list[dict[str, Any]]]  # worker's name -> one entry per round


def main() -> int:
    options = parse()
    pythons = {OURS: Path(sys.executable), "torch": Path(sys.executable)}
    for name in options.peers:
        pythons[name] = venvs.ensure(name, options.venvs.resolve(), options.torch_index)
    with tempfile.TemporaryDirectory() as scratch:
        folder = (options.keep or Path(scratch)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        report: dict[str, Any] = {"load average before": os.getloadavg()}
        report["train"] = {threads: train(pythons, folder, threads, options) for threads in options.threads}
        report["predict"] = predict(pythons, folder, options)
        report["load average after"] = os.getloadavg()
        (folder / "results.json").write_text(json.dumps(report, indent=1))
        show(report, pythons, options)
    parts = [*report["train"].values(), report["predict"]]
    return 0 if all(len(runs) == options.rounds for part in parts for runs in part.values()) else 1


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    cache = Path.home() / ".cache" / "tidegate-bench"
    add("--steps", type=int, default=200, help=f"measured steps, after {common.WARM_STEPS} to warm up (200)")
    add("--threads", type=numbers, default=[1, 2], help="threads to measure with, one after the other (1,2)")
    add("--rounds", type=int, default=3, help="processes of each library per figure (3)")
    add("--peers", type=lambda text: text.split(","), default=list(venvs.PEERS), help=",".join(venvs.PEERS))
    add("--keep", type=Path, help="new or empty folder in which to keep the models and results.json")
    add("--venvs", type=Path, default=cache, help=f"folder of the peers' environments ({cache})")
    add("--torch-index", help="package index for the peers' torch, e.g. https://download.pytorch.org/whl/cpu")
    options = parser.parse_args()
    if unknown := set(options.peers) - set(venvs.PEERS):
        parser.error(f"--peers: unknown {', '.join(sorted(unknown))}; known are {', '.join(venvs.PEERS)}")
    if options.steps < common.BLOCK_STEPS or options.rounds < 1 or min(options.threads) < 1:
        parser.error(f"--steps must be at least {common.BLOCK_STEPS}, --rounds and --threads at least 1")
    if options.keep and options.keep.exists() and any(options.keep.iterdir()):
        parser.error(f"--keep: {options.keep} holds files already; name a new folder")
    return options


def numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def train(pythons: dict[str, Path], folder: Path, threads: int, options: argparse.Namespace) -> Results:
    """Train with every library `rounds` times, taking turns. The first round's models are what `predict` loads."""
    results: Results = {name: [] for name in pythons}
    for turn in range(options.rounds):
        for name, python in pythons.items():
            model = folder / f"{name}-{threads}-{turn}"
            arguments = ["train", "--model", str(model), "--steps", str(options.steps)]
            results[name] += worker(name, python, arguments, threads)
    return results


def predict(pythons: dict[str, Path], folder: Path, options: argparse.Namespace) -> Results:
    """Load and predict in fresh processes, taking turns; a library whose training failed is left out."""
    threads = options.threads[0]
    results: Results = {name: [] for name in pythons}
    for _ in range(options.rounds):
        for name, python in pythons.items():
            model = folder / f"{name}-{threads}-0"
            if model.exists():
                results[name] += worker(name, python, ["predict", "--model", str(model)], threads)
    return results


def worker(name: str, python: Path, arguments: list[str], threads: int) -> list[dict[str, Any]]:
    """Run one worker in a fresh process and return its figures, with `fresh_s` from start to first prediction.

    Returns:
        One entry; none when the worker failed, which is then reported on stderr.
    """
    print(f"{arguments[0]}, {threads} thread(s): {name}", file=sys.stderr, flush=True)
    left_out = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE")
    environment = {key: value for key, value in os.environ.items() if key not in left_out}
    environment |= dict.fromkeys(THREAD_VARIABLES, str(threads))
    if name not in venvs.PEERS and "PYTHONPATH" in os.environ:
        folders = os.environ["PYTHONPATH"].split(os.pathsep)
        environment["PYTHONPATH"] = os.pathsep.join(os.path.abspath(folder) for folder in folders)
    command = [str(python), str(HERE / f"worker_{name}.py"), *arguments, "--threads", str(threads)]
    with tempfile.TemporaryDirectory() as elsewhere:  # libraries leave log folders where they run
        start = time.time()
        done = subprocess.run(command, env=environment, cwd=elsewhere, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"{name} failed:\n{done.stderr[-2000:]}", file=sys.stderr)
        return []
    result: dict[str, Any] = json.loads(done.stdout)
    if "done" in result:
        result["fresh_s"] = result["done"] - start
    return [result]


def show(report: dict[str, Any], pythons: dict[str, Path], options: argparse.Namespace) -> None:
    load = " to ".join(f"{report[key][0]:.1f}" for key in ("load average before", "load average after"))
    print(
        f"\nprocessors {os.cpu_count()}, load average {load}, Python {sys.version.split()[0]}, {options.rounds} rounds"
    )
    for name, python in pythons.items():
        show_library(name, report, python, name in venvs.PEERS)
    for threads, results in report["train"].items():
        title = f"milliseconds per training step, {threads} thread(s), {options.steps} steps after {common.WARM_STEPS}"
        table(title, {name: [median(run["blocks_ms"]) for run in runs] for name, runs in results.items()})
        title = "of which processor time, all threads together (what a busy machine disturbs least)"
        table(title, {name: [median(run["processor_ms"]) for run in runs] for name, runs in results.items()})
    title = "seconds from starting a process to the first prediction of a saved model"
    table(title, {name: [run["fresh_s"] for run in runs] for name, runs in report["predict"].items()})
    print(f"\nof which\n  {'':<16}{'import':>9}{'load':>9}{'predict':>9}{'needs torch':>13}")
    for name, runs in report["predict"].items():
        if runs:
            parts = "".join(
                f"{median(run[part] for run in runs):>9.3f}" for part in ("import_s", "load_s", "predict_s")
            )
            print(f"  {name:<16}{parts}{'yes' if runs[0]['torch'] else 'no':>13}")


def show_library(name: str, report: dict[str, Any], python: Path, installed: bool) -> None:
    """Versions, trained parameters (the same in all when the networks are) and the size of a peer's environment."""
    runs = [run for results in report["train"].values() for run in results[name]]
    if runs:
        versions = ", ".join(f"{package} {version}" for package, version in runs[0]["versions"].items())
        size = f", {venvs.megabytes(venvs.site_packages(python))} MB installed" if installed else ""
        print(f"  {name:<16}{runs[0]['parameters']} parameters, {versions}{size}")


def table(title: str, values: dict[str, list[float]]) -> None:
    """Print the median, lowest and highest round of every library, and ours over each peer's, round by round."""
    print(f"\n{title}\n  {'':<16}{'median':>9}{'lowest':>9}{'highest':>9}{'ours/peer':>11}")
    for name, figures in values.items():
        if not figures:
            print(f"  {name:<16}failed")
            continue
        ratios = [ours / peer for ours, peer in zip(values[OURS], figures, strict=False)]
        ratio = f"{median(ratios):>11.2f}" if ratios and name != OURS else ""
        print(f"  {name:<16}{median(figures):>9.3f}{min(figures):>9.3f}{max(figures):>9.3f}{ratio}")


if __name__ == "__main__":
    sys.exit(main())
