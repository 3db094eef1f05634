"""`tidegate audit`."""

from __future__ import annotations

from typing import Any

import typer

from tidegate.cli.arguments import estimator, size, table_of, trains
from tidegate.cli.fit import forecast
from tidegate.cli.output import print_json, say
from tidegate.core.optional import require
from tidegate.core.translate import tr

LEAK = 1  # exit code, so that a script can stop on it


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("audit", help=tr("Prove on your data that no forecast depends on its future; exit code 1 on a leak."))(
        trains(audit, forecast)
    )


def audit(
    options: dict[str, Any],
    columns: dict[str, Any],
    data: str = typer.Argument(..., help=tr("CSV or Parquet file.")),
    validation: str = typer.Option("0.1", help=tr("Validation part: share, rows, or the date it begins.")),
    test: str = typer.Option("0.2", help=tr("Test part: share, rows, or the date it begins.")),
    gap: int = typer.Option(0, help=tr("Rows left out between the parts.")),
    quiet: bool = typer.Option(False, "--quiet", "-q", help=tr("Print the result alone.")),
    as_json: bool = typer.Option(False, "--json", help=tr("Print JSON.")),
) -> None:
    """Audit a forecaster with these options on these data."""
    require("torch", extra="train", purpose="train")
    from tidegate.tasks import Forecaster
    from tidegate.tasks import audit as run

    model = estimator(Forecaster, options)
    table = table_of(data, columns, quiet)
    if not quiet:
        say(tr("Training a few steps on the data and on poisoned copies of it ..."))
    found = run(model, table, validation=size(validation), test=size(test), gap=gap, seed=options["seed"])
    if as_json:
        print_json(found.to_json())
    else:
        print(found)
    if not found.passed:
        raise typer.Exit(LEAK)
