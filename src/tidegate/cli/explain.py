"""`tidegate explain`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from tidegate.artifacts import toml
from tidegate.artifacts.artifact import read_task
from tidegate.cli.arguments import reads
from tidegate.cli.output import say
from tidegate.core.errors import ConfigError, DataError
from tidegate.core.translate import language, tr


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("explain", help=tr("What one forecast and the whole model look at, on a page a layman can read."))
    @reads
    def explain(
        run: Path = typer.Argument(..., help=tr("Folder of a run or a model.")),
        at: str | None = typer.Option(
            None,
            help=tr("Time of the first forecast step, such as 2018-07-03T18:00; the end of the data if not given."),
        ),
        data: str | None = typer.Option(
            None, help=tr("File that holds the rows before that time; the end of the training data if not given.")
        ),
        series: str | None = typer.Option(None, help=tr("Series of the forecast; the first if not given.")),
        target: str | None = typer.Option(None, help=tr("Target of the forecast; the first if not given.")),
        metric: str = typer.Option("mae", help="mae|rmse|mse|mape|smape"),
        step: int | None = typer.Option(
            None, "--step", help=tr("Step of the sequence, from 0, where each has an answer; the last if not given.")
        ),
        block: int | None = typer.Option(None, help=tr("Steps of a block of the past; a cycle if not given.")),
        out: Path | None = typer.Option(
            None, "--out", "-o", help=tr("HTML file; without it explanation.html beside the model.")
        ),
        unit: str = typer.Option("", help=tr("Unit of the target, for the page; as in training if not given.")),
        repair: str | None = typer.Option(
            None, help=tr("Disorder and doubled times, as in training if not given:") + " error|sort|drop|mean"
        ),
        *,
        written: dict[str, Any],
    ) -> None:
        from tidegate.runtime.label.labeller import TASKS
        from tidegate.tasks import load
        from tidegate.tasks.run import unit_of

        unit = unit or unit_of(run)
        if read_task(run) in TASKS:
            _answer(run, {"data": data, "at": at, "output": target, "block": block, "step": step}, out, unit)
            return
        options: dict[str, Any] = {"at": at, "series": series, "target": target, "metric": metric, "block": block}
        reading: dict[str, Any] = ({} if repair is None else {"repair": repair}) | written
        model, file = load(run), data
        if not hasattr(model, "explain"):
            raise ConfigError(
                f"{run} holds a {type(model).__name__}, which has no explanation yet; a Forecaster, a Classifier "
                "and a Regressor have"
            )
        if data is None and at is not None:
            file = trained_on(run)
        try:
            found = model.explain(file, **options, **reading)
        except DataError as error:
            if file is None and at is not None:
                raise DataError(f"{error}. The model keeps only the end of its training data: --data names a file with "
                                "the rows before that time") from error  # fmt: skip
            raise
        _tell(found, run, out, unit)


def _answer(run: Path, wanted: dict[str, Any], out: Path | None, unit: str) -> None:
    """What one answer of a classifier or regressor rests on, in lines and on a page."""
    from tidegate.tasks import load
    from tidegate.tasks.label.open import open_label_run

    model = open_label_run(run) if wanted["data"] is None else load(run)
    wanted["at"] = 0 if wanted["at"] is None else wanted["at"]
    found = model.explain(wanted.pop("data"), **{name: value for name, value in wanted.items() if value is not None})
    _tell(found, run, out, unit)


def _tell(found: Any, run: Path, out: Path | None, unit: str) -> None:
    """An explanation in words, and its page."""
    from tidegate.report.explanation.page import report_explanation, summary, words_of

    first, moved, rest = summary(found, unit, language())
    for line in (words_of(found, unit, language()).head("")[1], first, *(f"  · {item}" for item in moved), *rest):
        print(line)
    say(tr("Explanation: {path}", path=report_explanation(_page(run, out), found, unit=unit)))


def _page(run: Path, out: Path | None) -> Path:
    """The HTML file, beside the model, whose folder takes no other file."""
    folder = run.parent if (run / "model.json").exists() else run
    return folder / "explanation.html" if out is None else out


def trained_on(run: Path) -> str | None:
    """The file that a run was trained on, where it is still in its place."""
    try:
        source = toml.loads((run / "config.toml").read_text(encoding="utf-8"))["data"]["data"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return source if isinstance(source, str) and Path(source).is_file() else None
