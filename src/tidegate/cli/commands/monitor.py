"""`tidegate monitor`."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Annotated

import typer

from tidegate.artifacts.atomic import write_file
from tidegate.cli.output import Json, Run, print_json, say
from tidegate.core.translate import tr

DRIFTED = 1


def register(app: typer.Typer, words: Collection[str] | None) -> None:
    """Add the command."""
    text = tr("Say whether new rows, forecasts and errors are still as they were in training; exits 1 where not.")
    app.command("monitor", help=text)(monitor)


def monitor(
    run: Run,
    data: Annotated[str, typer.Argument(help=tr("New rows."))],
    actuals: Annotated[
        str | None, typer.Option(help=tr("File with the targets' values that came later, where the rows lack them."))
    ] = None,
    budget: Annotated[float, typer.Option(help=tr("False alarms a year, over all columns together."))] = 1.0,
    out: Annotated[Path | None, typer.Option("--out", "-o", help=tr("HTML page with pictures."))] = None,
    prometheus: Annotated[
        Path | None, typer.Option(help=tr("Text file for the collector of Prometheus' node exporter."))
    ] = None,
    again: Annotated[
        bool,
        typer.Option(
            "--retrain", help=tr("Fit again with the new rows, and put the new model to use only if it is better.")
        ),
    ] = False,
    history: Annotated[
        str | None, typer.Option(help=tr("Rows before the new ones; those of the run's training if not given."))
    ] = None,
    store: Annotated[
        str | None,
        typer.Option("--store", envvar="TIDEGATE_STORE", help=tr("Store where a better model is put to use.")),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help=tr("Name of the model in the store; that of the run's folder if not given."))
    ] = None,
    as_json: Json = False,
) -> None:
    """Hold new rows to the training data."""
    from tidegate.deploy.drift.monitor import monitor
    from tidegate.deploy.drift.page import page

    found = monitor(run, data, actuals=actuals, budget=budget)
    if out is not None:
        write_file(out, page(found).encode())
        say(tr("Page: {path}", path=out))
    if prometheus is not None:
        write_file(prometheus, found.prometheus().encode())
    fitted = None
    if again:
        from tidegate.deploy.drift.retrain import retrain
        from tidegate.deploy.mlflow import open_store

        own = None if store is None else open_store(store)
        fitted = retrain(run, data, actuals=actuals, history=history, store=own, name=name, overwrite=True)
    if as_json:
        print_json(found.to_json() | ({} if fitted is None else {"retrained": fitted.to_json()}))
    else:
        print(found.text() if fitted is None else f"{found.text()}\n{fitted.text()}")
    if found.drifted:
        raise typer.Exit(DRIFTED)
