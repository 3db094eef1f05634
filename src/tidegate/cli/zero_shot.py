"""`tidegate forecast`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from tidegate.cli.arguments import REPAIRS, reads, single, table_of
from tidegate.cli.output import check_output, print_json, say, say_notes
from tidegate.core.translate import tr


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("forecast", help=tr("Forecast any series at once with the pretrained network: no training, no torch."))
    @reads
    def forecast(
        data: str = typer.Argument(..., help=tr("CSV or Parquet file.")),
        horizon: int | None = typer.Option(
            None, "--horizon", "-k", help=tr("Steps to forecast; a year, week or day of them if not given.")
        ),
        time: list[str] | None = typer.Option(
            None, help=tr("Time column; recognised where it has a usual name. More than once: date and time of day.")
        ),
        target: list[str] | None = typer.Option(None, help=tr("Column to forecast; may be given more than once.")),
        series: list[str] | None = typer.Option(
            None, help=tr("Column that names the series; several together where given more than once.")
        ),
        wide: bool = typer.Option(False, "--wide", help=tr("Every numeric column is a series.")),
        repair: str = typer.Option("error", help=tr("Disorder and doubled times:") + f" {REPAIRS}"),
        timezone: str | None = typer.Option(None, help=tr("Time zone of the clock times.")),
        frequency: str | None = typer.Option(None, help=tr("Step between rows, such as 1h; recognised otherwise.")),
        out: Path | None = typer.Option(
            None, "--out", "-o", help=tr("CSV, Parquet or JSON file; without it CSV is printed.")
        ),
        adapt: bool = typer.Option(
            True, "--adapt/--no-adapt", help=tr("Lean on the simple methods that did well on the end of the series.")
        ),
        check: bool = typer.Option(
            True, "--check/--no-check", help=tr("Compare with simple methods on the end of the series.")
        ),
        quiet: bool = typer.Option(False, "--quiet", "-q", help=tr("Print the result alone.")),
        as_json: bool = typer.Option(False, "--json", help=tr("Print the scores as JSON.")),
        *,
        written: dict[str, Any],
    ) -> None:
        from tidegate.data.emit import Columns, write_columns
        from tidegate.tasks.forecast.zero_shot import forecast as run

        if out is not None:
            check_output(out)
        columns = {"time": single(time), "target": target or None, "series": single(series), "wide": wide}
        columns |= {"repair": repair, "timezone": timezone, "frequency": frequency, "check": False, **written}
        table = table_of(data, columns, quiet)
        found = run(table, horizon=horizon, adapt=adapt, check=check)
        rows = found.columns()
        if out is not None:
            write_columns(rows, out)
        if as_json:
            print_json({"version": found.version, "check": found.check.to_json() if check else None})
        elif out is None:
            print(Columns(rows), end="")
        if not quiet:
            say_notes(note for note in found.notes if note not in table.notes)
            if out is not None:
                say(tr("{rows} rows in {path}", rows=len(rows["mean"]), path=out))
        if check:
            say(found.check.text())
