"""`tidegate demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from tidegate.cli.forecast import run_forecast
from tidegate.core.translate import tr

DEMO = Path("runs/demo")


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("demo", help=tr("Forecast a day of real traffic with the data inside, and write a report."))
    def demo(
        out: Path = typer.Option(DEMO, "--out", "-o", help=tr("Folder of the run.")),
        epochs: int | None = typer.Option(None, "--max-epochs", help=tr("Passes over the training windows, at most.")),
        quiet: bool = typer.Option(False, "--quiet", "-q", help=tr("Print the result alone.")),
        as_json: bool = typer.Option(False, "--json", help=tr("Print the scores as JSON.")),
    ) -> None:
        from tidegate import demo_data

        options: dict[str, Any] = {"horizon": 24, "level": [80.0], "holidays": "US"}
        if epochs is not None:
            options["max_epochs"] = epochs
        columns = {
            "time": "date_time",
            "target": ["traffic_volume"],
            "repair": "mean",
        }
        parts = {"validation": 0.1, "test": 0.2}
        run_forecast(
            str(demo_data.path()),
            options,
            columns,
            parts,
            out=out,
            overwrite=out == DEMO,  # the folder is the demo's own
            unit=tr("vehicles per hour"),
            quiet=quiet,
            as_json=as_json,
            command="tidegate demo",
            audited=True,
            title=tr("Traffic on Interstate 94, the next 24 hours"),
        )
