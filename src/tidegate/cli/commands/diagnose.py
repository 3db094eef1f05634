"""`tidegate diagnose`."""

from __future__ import annotations

import json
import shlex
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any

import typer

from tidegate.cli.derive import add
from tidegate.cli.output import Json, Moved, print_json, say, show
from tidegate.cli.runs import opened
from tidegate.cli.training import reads
from tidegate.core.errors import ConfigError
from tidegate.core.translate import tr


def register(app: typer.Typer, words: Collection[str] | None) -> None:
    """Add the command."""
    text = tr("What is wrong with a trained model, root cause first, and what to change.")
    add(app, words, "diagnose", text, lambda: reads(diagnose))


def diagnose(
    run: Annotated[Path, typer.Argument(help=tr("Folder of a run."))],
    data: Moved = None,
    fix: Annotated[bool, typer.Option("--fix", help=tr("Apply the remedies, retrain, keep what helps."))] = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help=tr("With --fix: folder for the run of the model."))
    ] = None,
    tries: Annotated[int, typer.Option(min=1, help=tr("With --fix: trainings, at most."))] = 4,
    page: Annotated[
        Path | None,
        typer.Option(help=tr("HTML file for findings and figures; diagnosis.html in the run if not given.")),
    ] = None,
    as_json: Json = False,
    *,
    reading: dict[str, Any],
) -> None:
    """Diagnose a model."""
    from tidegate.report.diagnosis_page import report_diagnosis
    from tidegate.tasks.open import run_folder

    if out is not None and not fix:
        raise ConfigError(tr("--out is the folder of the fixed model: add --fix, or name the page with --page"))
    if out is not None:
        from tidegate.tasks.run import check_folder

        check_folder(out, replace=False)
    model = opened(run, "diagnose", data, **reading)
    place, title = run_folder(run) / "diagnosis.html" if page is None else page, run.resolve().name
    if not fix:
        found = model.diagnose()
        show(found, as_json)
        say(tr("Diagnosis: {path}", path=report_diagnosis(place, found, title=title)))
        return
    fixed = model.fix(tries=tries, report=None if as_json else lambda line: say(tr("Training with: {what}", what=line)))
    if as_json:
        print_json({**fixed.findings.to_json(), "fix": fixed.to_json()})
    else:
        print(f"{fixed.findings}\n\n{fixed}")
    say(tr("Diagnosis: {path}", path=report_diagnosis(place, fixed.findings, fixed, title=title)))
    if out is not None and fixed.improved:
        _leave(fixed.model, run, out, quiet=as_json)
    elif fixed.improved and not as_json:
        say(tr("To train it yourself, add: {options}", options=_options(fixed.changes)))


def _leave(model: Any, run: Path, out: Path, *, quiet: bool) -> None:
    """Write the run of the fixed model as `fit --out` does, and print its scores and their verdict."""
    from tidegate.report.training import Listener, finish
    from tidegate.tasks.open import Stored, write_again
    from tidegate.tasks.run import unit_of

    write_again(model, out, Stored.read(run))
    command = shlex.join(["tidegate", "diagnose", str(run), "--fix", "--out", str(out)])
    listener = Listener(say, lambda line: None, lambda found: None if quiet else print(f"\n{found}"))
    finish(model, out, listener, command=command, unit=unit_of(run))
    say(tr("The fixed model: {path}", path=out))


def _options(changes: Any) -> str:
    return " ".join(
        f"--set {name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in changes.items()
    )
