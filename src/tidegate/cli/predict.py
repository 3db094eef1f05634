"""`tidegate predict`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from tidegate.artifacts.atomic import write_file
from tidegate.cli.arguments import reading_of, reads
from tidegate.cli.detect import predict_detector
from tidegate.cli.output import check_output, dumps, print_json, say, say_notes
from tidegate.cli.runs import ready
from tidegate.core.errors import ConfigError
from tidegate.core.translate import tr

NOT_ASKED = ("unlabelled", "lines")  # notes on labels, which an answer does not need


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("predict", help=tr("Forecast the steps after the end of the data, or judge new ones; needs no torch."))
    @reads
    def predict(
        run: Path = typer.Argument(..., help=tr("Folder of a run or a model.")),
        data: str | None = typer.Argument(
            None,
            help=tr(
                "New data; without them a forecast follows the training data, and other answers are of the test part."
            ),
        ),
        future: str | None = typer.Option(
            None, help=tr("File with the known-ahead covariates of the steps to forecast.")
        ),
        out: Path | None = typer.Option(
            None, "--out", "-o", help=tr("CSV, Parquet or JSON file; without it CSV is printed.")
        ),
        plot: Path | None = typer.Option(
            None, "--plot", help=tr("HTML or SVG file with a picture of the forecast and the values before it.")
        ),
        repair: str | None = typer.Option(
            None, help=tr("Disorder and doubled times, as in training if not given:") + " error|sort|drop|mean"
        ),
        level: list[float] = typer.Option(
            [], help=tr("Of a regressor: percent that intervals around the estimates should hold; more than once.")
        ),
        template: Path | None = typer.Option(
            None,
            help=tr("Write the rows of known-ahead covariates to fill in to this CSV, Parquet or JSON file, and stop."),
        ),
        fallback: str | None = typer.Option(
            None, help=tr("What answers where it did better than the model on the test part:") + " baseline"
        ),
        as_json: bool = typer.Option(
            False, "--json", help=tr("Print the answers as JSON, with the verdict and any critical finding.")
        ),
        read: list[str] = typer.Option(
            [], "--read", help=tr("Option of reading sequences as name=value, such as broken=skip or text=review.")
        ),
        *,
        written: dict[str, Any],
    ) -> None:
        from tidegate.data.emit import Columns, rows_of, write_columns

        _check_files(out, plot)
        model = ready(run, "predict", data)
        reading = ({} if repair is None else {"repair": repair}) | written | reading_of(read)
        _check_task(model.task, level=level, template=template, fallback=fallback)
        if template is not None:
            check_output(template)
            out, found = template, model.future_columns(data, **reading)
        elif model.task == "forecaster":
            found = model.forecast_columns(data, future=future, fallback=fallback, **reading)
            say_notes(model.answer_notes_)
        elif model.task == "detector":
            found = predict_detector(model, data, **reading)
        else:
            found = model.predict_columns(data, **({"level": level} if level else {}), **reading)
            say_notes(note for note in model.answer_notes_ if note.kind not in NOT_ASKED)
        if plot is not None:
            _plot(plot, run, model, data, future, reading)
        about = None if template is not None else _about(model)
        if as_json:
            print_json({"rows": rows_of(found), **(about or {})})
        elif out is None:
            print(Columns(found), end="")
        if out is None:
            return
        write_columns(found, out)
        if about is not None:
            write_file(out.with_name(f"{out.name}-metadata.json"), dumps(about).encode())
        say(tr("{rows} rows in {path}", rows=len(next(iter(found.values()))), path=out))


def _check_files(out: Path | None, plot: Path | None) -> None:
    if out is not None:
        check_output(out)
    if plot is not None and plot.suffix.lower() not in (".html", ".svg"):
        raise ConfigError(f"--plot {plot}: write to an .html or .svg file")


def _check_task(task: str, *, level: Any, template: Any, fallback: Any) -> None:
    """Refuse options of another task."""
    if fallback is not None and task != "forecaster":
        raise ConfigError("--fallback: only a forecaster has baselines that can answer in its place")
    if level and task != "regressor":
        raise ConfigError("--level is for a regressor; a forecaster's levels are those that it was fitted with")
    if template is not None and task != "forecaster":
        raise ConfigError("--template: only a forecaster has covariates that are known ahead")


def _about(model: Any) -> dict[str, Any] | None:
    """What belongs beside a forecaster's answer: the verdict on its run's test part, critical findings, notes."""
    if model.task != "forecaster":
        return None
    notes = [{"kind": note.kind, "text": tr(note.message, "en", **note.values)} for note in model.answer_notes_]
    return {**model.standing().to_json(), "notes": [n for n in notes if n["kind"] not in ("verdict", "critical")]}


def _plot(path: Path, run: Path, model: Any, data: str | None, future: str | None, reading: dict[str, Any]) -> None:
    """A picture of the forecast.

    Raises:
        ConfigError: the model is no forecaster, or the file is neither HTML nor SVG.
    """
    from tidegate.report.forecast.picture import coming
    from tidegate.report.forecast.plot import write_plot
    from tidegate.tasks.run import unit_of

    if not hasattr(model, "forecast_columns"):
        raise ConfigError(f"--plot draws forecasts, and {run} holds a {type(model).__name__}; leave it out")
    samples = coming(model, data, future=future, **reading)
    say(tr("Picture: {path}", path=write_plot(path, samples, unit=unit_of(run))))
