"""`tidegate audit`."""

from __future__ import annotations

from typing import Any

import typer

from tidegate.cli.arguments import size, trains
from tidegate.cli.fit import forecast
from tidegate.cli.output import print_json, say
from tidegate.cli.runs import settled
from tidegate.core.translate import tr

LEAK = 1  # exit code, so that a script can stop on it


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("audit", help=tr("Prove on your data that no forecast depends on its future; exit code 1 on a leak."))(
        trains(audit, forecast)
    )


def audit(
    context: typer.Context,
    model: Any,
    table: Any,
    data: str = typer.Argument(..., help=tr("CSV or Parquet file, or the folder of a run.")),
    validation: str = typer.Option("0.1", help=tr("Validation part: share, rows, or the date it begins.")),
    test: str = typer.Option("0.2", help=tr("Test part: share, rows, or the date it begins.")),
    gap: int = typer.Option(0, help=tr("Rows left out between the parts.")),
    quiet: bool = typer.Option(False, "--quiet", "-q", help=tr("Print the result alone.")),
    as_json: bool = typer.Option(False, "--json", help=tr("Print JSON.")),
) -> None:
    """Audit a forecaster with these options on these data."""
    parts = {"validation": size(validation), "test": size(test), "gap": gap}
    if table is None:
        parts = settled(context, data, parts)
    if not quiet:
        say(tr("Training a few steps on the data and on perturbed copies of it ..."))
    found = model.audit(table, **parts, seed=model.seed)
    if as_json:
        print_json(found.to_json())
    else:
        print(found)
    if not found.passed:
        raise typer.Exit(LEAK)
