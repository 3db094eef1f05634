"""`tidegate info`."""

from __future__ import annotations

import os
import platform

import typer

from tidegate.cli.output import print_json
from tidegate.core.optional import available
from tidegate.core.translate import language, tr
from tidegate.core.version import VERSION

EXTRAS = {"torch": "train", "polars": "train", "holidays": "train"}


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("info", help=tr("Version, what is installed, threads."))
    def info(as_json: bool = typer.Option(False, "--json", help=tr("Print JSON."))) -> None:
        found = {
            "tidegate": VERSION,
            "python": platform.python_version(),
            "platform": platform.platform(),
            "processors": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
            "language": language(),
            "installed": {name: available(name) for name in EXTRAS},
        }
        if as_json:
            print_json(found)
            return
        for key in ("tidegate", "python", "platform", "processors", "language"):
            print(f"{key:<12} {found[key]}")
        for name, extra in EXTRAS.items():
            state = tr("installed") if available(name) else tr("missing: pip install 'tidegate[{extra}]'", extra=extra)
            print(f"{name:<12} {state}")
