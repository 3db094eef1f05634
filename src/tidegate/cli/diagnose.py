"""`tidegate diagnose`."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import typer

from tidegate.cli.output import print_json, say
from tidegate.cli.runs import evaluation_of, opened
from tidegate.core.translate import tr


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("diagnose", help=tr("What is wrong with a trained model, root cause first, and what to change."))
    def diagnose(
        run: Path = typer.Argument(..., help=tr("Folder of a run.")),
        data: str | None = typer.Option(None, "--data", help=tr("The training data, if the file has moved.")),
        repair: bool = typer.Option(False, "--fix", help=tr("Apply the remedies, retrain, keep what helps.")),
        out: Path | None = typer.Option(None, "--out", "-o", help=tr("With --fix: folder for the run of the model.")),
        tries: int = typer.Option(4, "--tries", min=1, help=tr("With --fix: trainings, at most.")),
        page: Path | None = typer.Option(
            None, "--page", help=tr("HTML file for findings and figures; diagnosis.html in the run if not given.")
        ),
        as_json: bool = typer.Option(False, "--json", help=tr("Print JSON.")),
    ) -> None:
        from tidegate.report.diagnosis_page import report_diagnosis
        from tidegate.tasks.open import run_folder

        if out is not None:
            from tidegate.tasks.run import check_folder

            check_folder(out, replace=False)
        model = opened(run, "diagnose", data)
        place, title = run_folder(run) / "diagnosis.html" if page is None else page, run.resolve().name
        if not repair:
            found = model.diagnose()
            _show(found, as_json)
            say(tr("Diagnosis: {path}", path=report_diagnosis(place, found, title=title)))
            return
        fixed = model.fix(
            tries=tries, report=None if as_json else lambda line: say(tr("Training with: {what}", what=line))
        )
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
    from tidegate.report.run import report_run
    from tidegate.tasks.open import Stored, write_again
    from tidegate.tasks.run import unit_of, write_findings

    write_again(model, out, Stored.read(run))
    findings = model.diagnose()
    write_findings(out, findings)
    if model.evaluated_ is None:
        say(tr("There is no test part: nothing was judged."))
    else:
        if not quiet:
            print(f"\n{evaluation_of(model)}")
        command = shlex.join(["tidegate", "diagnose", str(run), "--fix", "--out", str(out)])
        told = {"command": command, "findings": findings, "unit": unit_of(run)}
        say(tr("Report: {path}", path=report_run(out / "report.html", model, model.evaluated_, **told)))
    say(tr("The fixed model: {path}", path=out))


def _show(found: Any, as_json: bool) -> None:
    if as_json:
        print_json(found.to_json())
    else:
        print(found)


def _options(changes: Any) -> str:
    return " ".join(
        f"--set {name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in changes.items()
    )
