"""`tidegate fit forecast`."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import typer

from tidegate.cli import label
from tidegate.cli.arguments import REPAIRS, options_of, size, written
from tidegate.cli.detect import detect
from tidegate.cli.forecast import run_forecast, says
from tidegate.cli.options import ensemble, everyday, in_panels, signed
from tidegate.core.translate import tr


def register(app: typer.Typer) -> None:
    """Add the commands."""
    fit = typer.Typer(help=tr("Train a model and judge it."), no_args_is_help=True)
    app.add_typer(fit, name="fit")
    fit.command("forecast", help=tr("Forecast the next steps of one or many series."))(_forecast())
    fit.command("detect", help=tr("Find what is not as it was, in one or many series."))(detect())
    label.register(app, fit)


def forecast(
    data: str = typer.Argument(..., help=tr("CSV or Parquet file.")),
    out: Path = typer.Option(..., "--out", "-o", help=tr("Folder of the run.")),
    time: list[str] | None = typer.Option(
        None, help=tr("Time column; recognised where it has a usual name. More than once: date and time of day.")
    ),
    target: list[str] | None = typer.Option(None, help=tr("Column to forecast; may be given more than once.")),
    series: list[str] | None = typer.Option(
        None, help=tr("Column that names the series; several together where given more than once.")
    ),
    known: list[str] = typer.Option([], help=tr("Covariate known ahead; may be given more than once.")),
    observed: list[str] = typer.Option([], help=tr("Covariate known up to now; may be given more than once.")),
    static: list[str] = typer.Option([], help=tr("One value per series; may be given more than once.")),
    horizon: int | None = typer.Option(None, help=tr("Steps to forecast; a year, week or day of them if not given.")),
    window: int | None = typer.Option(None, help=tr("Past steps that a forecast looks at.")),
    cell: str = typer.Option("lstm", help="lstm|gru|peephole|coupled"),
    encoder: str | None = typer.Option(None, help=tr("What reads the window:") + " recurrent|transformer|ode_rnn"),
    attention: str | None = typer.Option(
        None, help=tr("How the decoder attends to it:") + " additive|dot|general|concat"
    ),
    hidden_size: int = typer.Option(64, help=tr("Units per layer.")),
    num_layers: int = typer.Option(2, help=tr("Recurrent layers.")),
    level: list[float] = typer.Option([], help=tr("Interval to forecast, in percent, such as 80; more than once.")),
    holidays: str | None = typer.Option(None, help=tr("Country whose holidays are known ahead, such as US.")),
    validation: str = typer.Option("0.1", help=tr("Validation part: share, rows, or the date it begins.")),
    test: str = typer.Option("0.2", help=tr("Test part: share, rows, or the date it begins.")),
    gap: int = typer.Option(0, help=tr("Rows left out between the parts.")),
    repair: str = typer.Option("error", help=tr("Disorder and doubled times:") + f" {REPAIRS}"),
    timezone: str | None = typer.Option(None, help=tr("Time zone of the clock times.")),
    resample: str | None = typer.Option(
        None, help=tr("Gather irregular rows into steps of --frequency by their:") + " mean|sum|last"
    ),
    frequency: str | None = typer.Option(None, help=tr("Step between rows, such as 1h; recognised otherwise.")),
    wide: bool = typer.Option(False, "--wide", help=tr("Every numeric column is a series.")),
    epochs: int | None = typer.Option(None, "--max-epochs", help=tr("Passes over the training windows, at most.")),
    seed: int = typer.Option(0, help=tr("With the same seed a run repeats bit for bit.")),
    settings: list[str] = typer.Option(
        [], "--set", help=tr("Any other option as name=value, such as loss=huber or network.head=direct.")
    ),
    unit: str = typer.Option("", help=tr("Unit of the target, for the report.")),
    audit: bool = typer.Option(
        False,
        "--audit",
        help=tr("Audit the pipeline on these data too, for the report; costs six short trainings."),
    ),
    resume: bool = typer.Option(False, "--resume", help=tr("Go on from the checkpoints in --out.")),
    overwrite: bool = typer.Option(False, "--overwrite", help=tr("Take the place of a run that is in --out already.")),
    quiet: bool = typer.Option(False, "--quiet", "-q", help=tr("Print the result alone.")),
    as_json: bool = typer.Option(False, "--json", help=tr("Print the scores as JSON.")),
) -> None:
    """What `fit forecast` takes beside the everyday arguments."""


def _forecast() -> Any:
    def run(**values: Any) -> None:
        options, columns = options_of(values)
        parts = {name: values[name] if name == "gap" else size(values[name]) for name in ("validation", "test", "gap")}
        data, out = values["data"], values["out"]
        run_forecast(
            data,
            options,
            columns,
            parts,
            **{name: values[name] for name in ("out", "unit", "resume", "overwrite", "quiet", "as_json")},
            command=_command(data, options, columns, parts, out) + (" --audit" if values["audit"] else ""),
            audited=values["audit"],
        )

    return in_panels(signed(run, forecast, written, everyday, ensemble, name="forecast"))


def _command(data: str, options: dict[str, Any], columns: dict[str, Any], parts: dict[str, Any], out: Path) -> str:
    words = ["tidegate", "fit", "forecast", data]
    named = {"horizon", "window", "cell", "hidden_size", "num_layers", "level", "holidays", "seed", "max_epochs"}
    for name, value in {**columns, **options, **parts}.items():
        if name in options and name not in named:
            pairs = value.items() if isinstance(value, dict) else [("", value)]
            for key, item in pairs:
                words += [
                    "--set",
                    f"{name}{'.' if key else ''}{key}={item if isinstance(item, str) else json.dumps(item)}",
                ]
            continue
        if not says(value):
            continue
        flag = "--" + name.replace("_", "-")
        for item in value if isinstance(value, list) else [value]:
            words += [flag] if item is True else [flag, f"{item:g}" if isinstance(item, float) else str(item)]
    return shlex.join([*words, "--out", str(out)])
