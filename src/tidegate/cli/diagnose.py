"""`tidegate diagnose`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import typer

from tidegate.artifacts.artifact import read_task
from tidegate.cli.output import print_json, say
from tidegate.core.optional import require
from tidegate.core.translate import tr


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("diagnose", help=tr("What is wrong with a trained model, root cause first, and what to change."))
    def diagnose(
        run: Path = typer.Argument(..., help=tr("Folder of a run.")),
        data: str | None = typer.Option(None, "--data", help=tr("The training data, if the file has moved.")),
        repair: bool = typer.Option(False, "--fix", help=tr("Apply the remedies, retrain, keep what helps.")),
        out: Path | None = typer.Option(None, "--out", "-o", help=tr("With --fix: folder for the mended model.")),
        tries: int = typer.Option(4, "--tries", min=1, help=tr("With --fix: trainings, at most.")),
        page: Path | None = typer.Option(
            None, "--page", help=tr("HTML file for findings and figures; diagnosis.html in the run if not given.")
        ),
        as_json: bool = typer.Option(False, "--json", help=tr("Print JSON.")),
    ) -> None:
        require("torch", extra="train", purpose="diagnose")
        import tidegate.diagnose as verb
        from tidegate.report.diagnosis_page import report_diagnosis
        from tidegate.runtime.label.labeller import TASKS
        from tidegate.tasks.forecast.open import open_run
        from tidegate.tasks.label.open import open_label_run

        if out is not None:
            from tidegate.artifacts.atomic import check_writable

            check_writable(out)
        labelled = read_task(run) in TASKS
        model: Any = open_label_run(run, data) if labelled else open_run(run, data)
        place, title = run / "diagnosis.html" if page is None else page, run.resolve().name
        if not repair:
            found = model.diagnose()
            _show(found, as_json)
            say(tr("Diagnosis: {path}", path=report_diagnosis(place, found, title=title)))
            return
        fixed = verb.fix(
            model, tries=tries, report=None if as_json else lambda line: say(tr("Training with: {what}", what=line))
        )
        if as_json:
            print_json({**fixed.findings.to_json(), "fix": fixed.to_json()})
        else:
            print(f"{fixed.findings}\n\n{fixed}")
        say(tr("Diagnosis: {path}", path=report_diagnosis(place, fixed.findings, fixed, title=title)))
        if out is not None and fixed.improved:
            say(tr("The mended model: {path}", path=fixed.model.save(out)))
        elif fixed.improved and not as_json:
            say(tr("To train it yourself, add: {options}", options=_options(fixed.changes)))


def _show(found: Any, as_json: bool) -> None:
    if as_json:
        print_json(found.to_json())
    else:
        print(found)


def _options(changes: Any) -> str:
    return " ".join(
        f"--set {name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in changes.items()
    )
