"""`tidegate info`."""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Collection
from pathlib import Path

import typer

from tidegate.cli.output import print_json
from tidegate.core.errors import ArtifactError
from tidegate.core.optional import available
from tidegate.core.translate import language, tr
from tidegate.core.version import VERSION
from tidegate.kernels.library import instruction_set
from tidegate.kernels.library import threads as engine_threads

EXTRAS = {"torch": "train", "polars": "train", "holidays": "train"}


def engine_text() -> str:
    """Whether the native engine runs, with which instruction set and how many threads."""
    found = instruction_set()
    if found is None:
        return tr("torch stands in: the native engine was not built (no C++ compiler) or is switched off")
    return tr("native, {isa}, up to {threads} threads", isa=found, threads=engine_threads())


def register(app: typer.Typer, words: Collection[str] | None) -> None:
    """Add the command."""

    @app.command("info", help=tr("Version, what is installed, threads; or what a run holds."))
    def info(
        run: Path | None = typer.Argument(None, help=tr("Folder of a run or a model.")),
        as_json: bool = typer.Option(False, "--json", help=tr("Print JSON.")),
    ) -> None:
        if run is not None:
            _of_run(run, as_json)
            return
        found = {
            "tidegate": VERSION,
            "python": platform.python_version(),
            "platform": platform.platform(),
            "processors": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
            "language": language(),
            "engine": instruction_set(),
            "engine_threads": engine_threads(),
            "installed": {name: available(name) for name in EXTRAS},
        }
        if as_json:
            print_json(found)
            return
        for key in ("tidegate", "python", "platform", "processors", "language"):
            print(f"{key:<12} {found[key]}")
        print(f"{'engine':<12} {engine_text()}")
        for name, extra in EXTRAS.items():
            state = (
                tr("installed")
                if available(name)
                else tr("missing: pip install '.[{extra}]' in a clone of tidegate", extra=extra)
            )
            print(f"{name:<12} {state}")


def _of_run(run: Path, as_json: bool) -> None:
    """What made a model, and with which options."""
    from tidegate.artifacts.artifact import read_model
    from tidegate.tasks.open import Stored, load

    artifact, model = read_model(run), load(run)
    made = artifact.record.provenance
    found = {
        "task": artifact.record.task,
        "options": model.get_params(),
        "tidegate": artifact.record.tidegate_version,
        "seed": made.get("seed"),
        "epochs": made.get("epochs"),
        "weights": sum(values.size for values in artifact.weights.values()),
        "reads": artifact.record.schema_,
        "data": None,
    }
    with contextlib.suppress(ArtifactError):  # a model alone does not know
        found["data"] = Stored.read(run).source
    if as_json:
        print_json(found)
        return
    found["options"] = repr(model)
    for key, value in found.items():
        if value is not None:
            print(f"{key:<12} {value}")
