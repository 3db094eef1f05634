"""`tidegate predict`, with a model, and `tidegate forecast`, with the pretrained one."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from tidegate.artifacts.atomic import write_file
from tidegate.cli.derive import add, merge, options, signed, taken
from tidegate.cli.output import Json, OutFile, Quiet, Run, check_output, dumps, print_json, say, say_notes
from tidegate.cli.runs import ready
from tidegate.cli.training import MORE, reading_options, reads
from tidegate.core.errors import ConfigError
from tidegate.core.table import Note
from tidegate.core.translate import tr

NOT_ASKED = ("unlabelled", "lines")  # notes on labels, which an answer does not need


def register(app: typer.Typer, words: Collection[str] | None) -> None:
    """Add the commands."""
    text = tr("Forecast any series at once with the pretrained network: no training, no torch.")
    add(app, words, "forecast", text, forecast)
    text = tr("Forecast the steps after the end of the data, or judge new ones; needs no torch.")
    add(app, words, "predict", text, lambda: reads(predict))


def predict(
    run: Run,
    data: Annotated[
        str | None,
        typer.Argument(
            help=tr(
                "New data; without them a forecast follows the training data, and other answers are of the test part."
            )
        ),
    ] = None,
    future: Annotated[
        str | None, typer.Option(help=tr("File with the known-ahead covariates of the steps to forecast."))
    ] = None,
    out: OutFile = None,
    plot: Annotated[
        Path | None, typer.Option(help=tr("HTML or SVG file with a picture of the forecast and the values before it."))
    ] = None,
    level: Annotated[
        list[float] | None,
        typer.Option(help=tr("Of a regressor: percent that intervals should hold. More than once for several.")),
    ] = None,
    fallback: Annotated[
        str | None, typer.Option(help=tr("What answers where it did better than the model on the test part: baseline."))
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help=tr("Print the answers as JSON, with the verdict and any critical finding."))
    ] = False,
    template: Annotated[
        Path | None,
        typer.Option(
            help=tr("Write the rows of known-ahead covariates to fill in to this CSV, Parquet or JSON file, and stop.")
        ),
    ] = None,
    *,
    reading: dict[str, Any],
) -> None:
    """Answer with a model."""
    from tidegate.data.emit import Columns, rows_of, write_columns

    check_output(out)
    if plot is not None and plot.suffix.lower() not in (".html", ".svg"):
        raise ConfigError(tr("--plot {plot}: write to an .html or .svg file", plot=plot))
    model = ready(run, "predict", data)
    _check_task(model.task, level=level, template=template, fallback=fallback)
    if template is not None:
        check_output(template)
        out, found = template, model.future_columns(data, **reading)
    elif model.task == "forecaster":
        found = model.forecast_columns(data, future=future, fallback=fallback, **reading)
        say_notes(model.answer_notes_)
    elif model.task == "detector":
        found = _scores(model, data, reading)
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


def _check_task(task: str, *, level: Any, template: Any, fallback: Any) -> None:
    """Refuse options of another task."""
    if fallback is not None and task != "forecaster":
        raise ConfigError(tr("--fallback: only a forecaster has baselines that can answer in its place"))
    if level and task != "regressor":
        raise ConfigError(tr("--level is for a regressor; a forecaster's levels are those that it was fitted with"))
    if template is not None and task != "forecaster":
        raise ConfigError(tr("--template: only a forecaster has covariates that are known ahead"))


def _about(model: Any) -> dict[str, Any] | None:
    """What belongs beside a forecaster's answer: the verdict on its run's test part, critical findings, notes."""
    if model.task != "forecaster":
        return None
    notes = [{"kind": note.kind, "text": tr(note.message, "en", **note.values)} for note in model.answer_notes_]
    return {**model.standing().to_json(), "notes": [n for n in notes if n["kind"] not in ("verdict", "critical")]}


def _scores(model: Any, data: str | None, reading: dict[str, Any]) -> dict[str, Any]:
    """Columns of scores of a detector; how many rows have none goes to the error stream."""
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


def _plot(path: Path, run: Path, model: Any, data: str | None, future: str | None, reading: dict[str, Any]) -> None:
    """A picture of the forecast.

    Raises:
        ConfigError: the model is no forecaster, or the file is neither HTML nor SVG.
    """
    from tidegate.report.forecast.picture import coming
    from tidegate.report.forecast.plot import write_plot
    from tidegate.tasks.run import unit_of

    if not hasattr(model, "forecast_columns"):
        raise ConfigError(
            tr("--plot draws forecasts, and {run} holds a {kind}; leave it out", run=run, kind=type(model).__name__)
        )
    samples = coming(model, data, future=future, **reading)
    say(tr("Picture: {path}", path=write_plot(path, samples, unit=unit_of(run))))


def forecast() -> Callable[..., None]:
    """The command of the pretrained network."""
    from tidegate import Forecaster
    from tidegate.tasks.forecast.zero_shot import forecast

    own, reading = options(forecast), reading_options(Forecaster, ("observed", "static"))
    own["horizon"] = replace(own["horizon"], short="-k")

    def run(
        context: typer.Context,
        *,
        data: Annotated[str, typer.Argument(help=tr("CSV or Parquet file."))],
        out: OutFile = None,
        quiet: Quiet = False,
        as_json: Json = False,
        **values: Any,
    ) -> None:
        from tidegate.data import describe, read
        from tidegate.data.emit import Columns, write_columns

        check_output(out)
        how = merge(taken(context, reading, values), values["read"], "--read")
        table = read(data, check=False, **how)
        if not quiet:
            say(f"{describe(table)}\n")
        found = forecast(table, **taken(context, own, values))
        rows = found.columns()
        if out is not None:
            write_columns(rows, out)
        if as_json:
            print_json({"version": found.version, "check": found.check.to_json() if values["check"] else None})
        elif out is None:
            print(Columns(rows), end="")
        if not quiet:
            say_notes(note for note in found.notes if note not in table.notes)
            if out is not None:
                say(tr("{rows} rows in {path}", rows=len(rows["mean"]), path=out))
        if values["check"]:
            say(found.check.text())

    return signed(run, own, reading, {"read": MORE["read"]})
