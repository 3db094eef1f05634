"""`tidegate backtest`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from tidegate.cli.arguments import trains
from tidegate.cli.fit import forecast
from tidegate.cli.output import print_json, say, say_notes
from tidegate.core.translate import tr


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("backtest", help=tr("Train and forecast again from several cutoffs, and score every fold."))(
        trains(backtest, forecast)
    )


def backtest(
    context: typer.Context,
    model: Any,
    table: Any,
    data: str = typer.Argument(..., help=tr("CSV or Parquet file, or the folder of a run.")),
    out: Path = typer.Option(
        ..., "--out", "-o", help=tr("Folder of the folds; a backtest that was cut off goes on from there.")
    ),
    folds: int = typer.Option(5, help=tr("Cutoffs to forecast from.")),
    test_size: int | None = typer.Option(None, help=tr("Steps that each fold tests.")),
    step: int | None = typer.Option(None, help=tr("Steps from one fold's test to the next; as many as it tests.")),
    gap: int = typer.Option(0, help=tr("Rows left out between the parts.")),
    max_train_size: int | None = typer.Option(
        None, help=tr("Steps of a training part that slides; without it, it expands.")
    ),
    stride: int | None = typer.Option(None, help=tr("Steps between two forecasts; the horizon if not given.")),
    validation: float = typer.Option(0.1, help=tr("Share or steps of each training part that choose the epoch.")),
    refit: int = typer.Option(1, help=tr("Train at every n-th fold; 0 trains on the first alone.")),
    ridge: bool = typer.Option(True, "--ridge/--no-ridge", help=tr("Ridge regression among the baselines.")),
    unit: str = typer.Option("", help=tr("Unit of the target, for the report.")),
    quiet: bool = typer.Option(False, "--quiet", "-q", help=tr("Print the result alone.")),
    as_json: bool = typer.Option(False, "--json", help=tr("Print the scores as JSON.")),
) -> None:
    """Backtest a forecaster; scores, predictions of every fold and a report go to a folder."""
    from tidegate.data.emit import write_columns
    from tidegate.report.backtest import report_backtest

    found = model.backtest(
        table,
        folds=folds,
        test_size=test_size,
        step=step,
        gap=gap,
        max_train_size=max_train_size,
        stride=stride,
        validation=int(validation) if validation >= 1 else validation,
        refit=refit,
        ridge=ridge,
        out=out,
        progress=False if quiet else None,
    )
    for index in range(len(found.folds)):
        place = out / f"fold-{index + 1:03d}.csv"
        write_columns(found.fold_columns(index), place)
    report = report_backtest(out / "report.html", found, unit=unit)
    if as_json:
        print_json(found.to_json())
    else:
        print(found)
    if not quiet:
        say_notes(note for fold in found.evaluations for note in fold.notes)
    say(tr("Report: {path}", path=report))
