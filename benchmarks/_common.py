"""What the benchmark scripts share: arguments, threads, tables, and the JSON line at the end."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def arguments(
    doc: str | None, *, data: str | None = None, threads: int = 2, seeds: bool = True
) -> argparse.ArgumentParser:
    """A parser with the options that all scripts have.

    Args:
        doc: the script's docstring, shown by `--help`.
        data: what the folder given by `--data` holds; None where the script needs no data from outside.
        threads: default of `--threads`.
        seeds: whether the script trains once per seed.
    """
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    if data is not None:
        parser.add_argument("--data", type=Path, help=f"folder that holds {data}; without it the script is skipped")
        parser.set_defaults(needs=data)
    parser.add_argument("--threads", type=int, default=threads, help="threads of torch and BLAS (default %(default)s)")
    if seeds:
        parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="one training for each (default 0)")
        parser.add_argument(
            "--set", type=json.loads, default={}, metavar="JSON", help="settings of tidegate.Forecaster to change"
        )
    return parser


def start(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Parse the command line and fix the number of threads, before anything imports numpy or torch."""
    given = parser.parse_args()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(given.threads)
    needs = getattr(given, "needs", None)
    if needs is not None and given.data is None:  # so that `make bench` can run all that needs no data from outside
        print(f"skipped: give --data, a folder that holds {needs}")
        sys.exit()
    if needs is not None and not given.data.is_dir():
        parser.error(f"--data: {given.data} is no folder")
    return given


def data_file(folder: Path, *names: str) -> Path:
    """The first of these files that lies in the folder; ends the script where none does."""
    found = next((folder / name for name in names if (folder / name).is_file()), None)
    if found is None:
        sys.exit(f"{folder} has none of: {', '.join(names)}")
    return found


def merged(settings: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with changes; groups of options are merged, not replaced."""
    result = dict(settings)
    for name, value in changes.items():
        both = isinstance(value, Mapping) and isinstance(result.get(name), Mapping)
        result[name] = {**result[name], **value} if both else value
    return result


def grouped(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Options such as `network.segment`, by their groups."""
    found: dict[str, Any] = {}
    for name, value in changes.items():
        group, dot, option = name.partition(".")
        found = merged(found, {group: {option: value}} if dot else {name: value})
    return found


def fit(settings: Mapping[str, Any], data: Any, **how: Any) -> tuple[Any, float]:
    """A fitted forecaster and the seconds that took: choices left to validation, training and calibration."""
    import torch

    import tidegate

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    model = tidegate.Forecaster().variant(tidegate.Forecaster.placed(settings))
    begin = time.perf_counter()
    model.fit(data, progress=False, **how)
    return model, time.perf_counter() - begin


def show_history(model: Any) -> None:
    """Losses by epoch, and what validation chose."""
    for note in model.notes_:
        if note.kind == "choice":
            print("  " + note.message.format(**note.values))
    for epoch in model.history_.epochs:
        print(
            f"  epoch {epoch.epoch}: training {epoch.train_loss:.4f}, validation {epoch.validation_loss:.4f}, "
            f"{epoch.steps} steps in {epoch.train_seconds:.0f} s" + (", best" if epoch.best else "")
        )


def show(rows: Sequence[Sequence[Any]]) -> None:
    """Print rows under their head, in aligned columns."""
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(len(row[index]) for row in cells) for index in range(len(cells[0]))]
    for number, row in enumerate(cells):
        rest = (cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
        print("  ".join([row[0].ljust(widths[0]), *rest]).rstrip())
        if number == 0:
            print("  ".join("-" * width for width in widths))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def report(benchmark: str, **values: Any) -> None:
    """Print the JSON line: the figures, where they were taken, and how busy the machine was."""
    import tidegate

    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    line = {"benchmark": benchmark, "tidegate": tidegate.__version__, "cores": os.cpu_count(), "load": load, **values}
    print(json.dumps(line, default=float))


def mean(values: Sequence[float]) -> float:
    """Arithmetic mean."""
    return sum(values) / len(values)


def evaluation_rows(judged: Any) -> list[list[Any]]:
    """Method, MAE, RMSE, MASE and the model's skill against it, best first, of an `Evaluation`."""
    model = judged.overall["model"]["mae"]
    rows: list[list[Any]] = [["method", "MAE", "RMSE", "MASE", "model better by %"]]
    for method in judged.methods:
        own = judged.overall[method]
        better = None if method == "model" else 100 * (1 - model / own["mae"])
        rows.append(["tidegate" if method == "model" else method, own["mae"], own["rmse"], own["mase"], better])
    return rows
