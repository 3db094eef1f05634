"""`tidegate fit detect`, and what `predict` and `evaluate` do with such a run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from tidegate.cli.arguments import REPAIRS, estimator, merge, single, size, table_of, written, written_of
from tidegate.cli.options import everyday, given, in_panels, signed
from tidegate.cli.output import print_json, say, say_notes
from tidegate.core.optional import require
from tidegate.core.table import Note
from tidegate.core.translate import tr

COLUMNS = ("time", "target", "series", "repair", "timezone", "resample", "frequency", "wide")
MODEL = ("method", "window", "cell", "hidden_size", "num_layers", "alarms_per_week", "warm_up", "seed")


def options(
    data: str = typer.Argument(..., help=tr("CSV or Parquet file.")),
    out: Path = typer.Option(..., "--out", "-o", help=tr("Folder of the run.")),
    time: list[str] | None = typer.Option(
        None, help=tr("Time column; recognised where it has a usual name. More than once: date and time of day.")
    ),
    target: list[str] | None = typer.Option(None, help=tr("Channel to watch; may be given more than once.")),
    series: list[str] | None = typer.Option(
        None, help=tr("Column that names the series; several together where given more than once.")
    ),
    label: str | None = typer.Option(None, help=tr("Column that is 1 where a row is known to be anomalous.")),
    method: str = typer.Option("forecast", help="forecast|reconstruction"),
    window: int | None = typer.Option(None, help=tr("Steps that a training window has, and that are rebuilt at once.")),
    cell: str = typer.Option("lstm", help="lstm|gru|peephole|coupled"),
    hidden_size: int = typer.Option(16, help=tr("Units per layer.")),
    num_layers: int = typer.Option(1, help=tr("Recurrent layers.")),
    alarms_per_week: float = typer.Option(1.0, help=tr("False alarms that one stream may give in a week.")),
    warm_up: int = typer.Option(16, help=tr("Steps at the start of a stream that are not judged.")),
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
    settings: list[str] = typer.Option([], "--set", help=tr("Any other option as name=value, such as refractory=120.")),
    resume: bool = typer.Option(False, "--resume", help=tr("Go on from the checkpoints in --out.")),
    overwrite: bool = typer.Option(False, "--overwrite", help=tr("Take the place of a run that is in --out already.")),
    quiet: bool = typer.Option(False, "--quiet", "-q", help=tr("Print the result alone.")),
    as_json: bool = typer.Option(False, "--json", help=tr("Print the scores as JSON.")),
) -> None:
    """What `fit detect` takes beside the everyday arguments."""


def detect() -> Any:
    """The command."""

    def run(**values: Any) -> None:
        _detect(values)

    return in_panels(signed(run, options, written, everyday, name="detect"))


def _detect(values: Mapping[str, Any]) -> None:
    """Train a detector, evaluate it and write its run folder."""
    require("torch", extra="train", purpose="train")
    own = {name: values[name] for name in MODEL} | given(values)
    if values["epochs"] is not None:
        own["max_epochs"] = values["epochs"]
    merge(own, values["settings"])
    data, label, out, quiet = (values[name] for name in ("data", "label", "out", "quiet"))
    from tidegate.tasks.detect.estimator import AnomalyDetector

    model = estimator(AnomalyDetector, own)
    columns: dict[str, Any] = {name: values[name] for name in COLUMNS} | {
        "target": values["target"] or None,
        "check": False,
    }
    columns |= {"time": single(values["time"]), "series": single(values["series"])} | written_of(values)
    if label is not None:
        columns["observed"] = [label]
    table = table_of(data, columns, quiet)
    kept = {name: value for name, value in columns.items() if name not in ("check", "observed")}
    model.fit(
        table,
        label=label,
        validation=size(values["validation"]),
        test=size(values["test"]),
        gap=values["gap"],
        out=out,
        resume=values["resume"],
        overwrite=values["overwrite"],
        progress=False if quiet else None,
        source={"data": str(Path(data).absolute()), **kept},
    )
    if not quiet:
        say(
            tr(
                "Trained for {epochs} epochs in {seconds:.0f} s.",
                epochs=len(model.history_),
                seconds=model.seconds_,
            )
        )
        say_notes(note for note in model.notes_ if note not in table.notes)
        say("")
    if model.evaluated_ is None:
        say(tr("There is no test part: nothing was judged."))
        return
    show(model.evaluated_, as_json=values["as_json"])
    from tidegate.report.run import report_run

    report = report_run(out / "report.html", model, model.evaluated_)
    if not quiet:
        say(tr("Scores of every row and every event: {path}", path=out / "events.csv"))
    say(tr("Report: {path}", path=report))


def predict_detector(model: Any, data: str | None, **reading: Any) -> dict[str, Any]:
    """Columns of scores of new rows."""
    found: dict[str, Any] = model.score_columns(data, **reading)
    unjudged = sum(map(math.isnan, found["p_value"].tolist()))
    if unjudged:
        message = (
            "{count} of {rows} rows were not judged: missing values, and the first {steps} rows of each series, where "
            "a stream warms up."
        )
        values = {"count": unjudged, "rows": len(found["p_value"]), "steps": model.detector_.rules.warm_up}
        say_notes([Note("unjudged", message, values)])
    return found


def show(found: Any, *, as_json: bool) -> None:
    """Print an evaluation."""
    if as_json:
        print_json(found.to_json())
    else:
        print(found)
