"""`tidegate explain`."""

from __future__ import annotations

import importlib
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any

import typer

from tidegate.artifacts import toml
from tidegate.cli.derive import add
from tidegate.cli.output import Run, say
from tidegate.cli.runs import ready
from tidegate.cli.training import reads
from tidegate.core.errors import ConfigError, DataError
from tidegate.core.translate import language, tr

# Task -> the command's option -> the argument of `explain` that it fills.
_ONE = {"at": "at", "target": "output", "block": "block", "step": "step"}
TAKES = {
    "forecaster": {name: name for name in ("at", "series", "target", "metric", "block")},
    "classifier": _ONE,
    "regressor": _ONE,
    "language": {},
    "translator": {"at": "at"},
    "captioner": {"at": "at"},
    "transcriber": {"at": "at"},
    "detector": {"at": "at", "series": "series", "block": "block"},
}

WRITES = {  # whose explanations are of a text, each with a page of its own
    "language": ("tidegate.report.language.page", "report_surprise"),
    "transcriber": ("tidegate.report.transcribe.page", "report_saliency"),
    "translator": ("tidegate.report.translate.page", "report_alignment"),
    "captioner": ("tidegate.report.caption.page", "report_looks"),
}


def register(app: typer.Typer, words: Collection[str] | None) -> None:
    """Add the command."""
    text = tr("What one forecast and the whole model look at, on a page a layman can read.")
    add(app, words, "explain", text, lambda: reads(explain))


def explain(
    run: Run,
    at: Annotated[
        str | None,
        typer.Option(
            help=tr("Time of the first forecast step, such as 2018-07-03T18:00; the end of the data if not given.")
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(help=tr("File that holds the rows before that time; the end of the training data if not given.")),
    ] = None,
    series: Annotated[str | None, typer.Option(help=tr("Series of the forecast; the first if not given."))] = None,
    target: Annotated[str | None, typer.Option(help=tr("Target of the forecast; the first if not given."))] = None,
    metric: Annotated[str | None, typer.Option(help="mae|rmse|mse|mape|smape")] = None,
    step: Annotated[
        int | None,
        typer.Option(help=tr("Step of the sequence, from 0, where each has an answer; the last if not given.")),
    ] = None,
    block: Annotated[int | None, typer.Option(help=tr("Steps of a block of the past; a cycle if not given."))] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help=tr("HTML file; without it explanation.html beside the model."))
    ] = None,
    unit: Annotated[str, typer.Option(help=tr("Unit of the target, for the page; as in training if not given."))] = "",
    *,
    reading: dict[str, Any],
) -> None:
    """Explain a model."""
    from tidegate.report.explanation.page import report_explanation, summary, words_of
    from tidegate.tasks.open import run_folder
    from tidegate.tasks.run import unit_of

    unit = unit or unit_of(run)
    model, file = ready(run, "explain", data), data
    wished = {"at": at, "series": series, "target": target, "metric": metric, "block": block, "step": step}
    options = _options(model, {name: value for name, value in wished.items() if value is not None}) | reading
    if data is None and at is not None and model.task == "forecaster":
        file = trained_on(run)
    if model.task in WRITES:
        module, name = WRITES[model.task]
        told = model.explain(file, **options)
        print(told)
        place = run_folder(run) / "explanation.html" if out is None else out
        say(tr("Explanation: {path}", path=getattr(importlib.import_module(module), name)(place, told)))
        return
    try:
        found = model.explain(file, **options)
    except DataError as error:
        if file is None and at is not None and model.task == "forecaster":
            message = (
                "{error}. The model keeps only the end of its training data: --data names a file with the rows before "
                "that time"
            )
            raise DataError(tr(message, error=error)) from error
        raise
    first, moved, rest = summary(found, unit, language())
    for line in (words_of(found, unit, language()).head("")[1], first, *(f"  · {item}" for item in moved), *rest):
        print(line)
    place = run_folder(run) / "explanation.html" if out is None else out
    say(tr("Explanation: {path}", path=report_explanation(place, found, unit=unit)))


def _options(model: Any, wished: dict[str, Any]) -> dict[str, Any]:
    """Arguments of `explain`, from the command's options.

    Raises:
        ConfigError: an option that this task does not have.
    """
    takes = TAKES[model.task]
    odd = [name for name in wished if name not in takes]
    if odd:
        message = "--{odd} is not for a {kind}; it takes {names}"
        raise ConfigError(
            tr(message, odd=odd[0], kind=type(model).__name__, names=", ".join("--" + name for name in takes))
        )
    return {takes[name]: value for name, value in wished.items()}


def trained_on(run: Path) -> str | None:
    """The file that a run was trained on, where it is still in its place."""
    try:
        source = toml.loads((run / "config.toml").read_text(encoding="utf-8"))["data"]["data"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return source if isinstance(source, str) and Path(source).is_file() else None
