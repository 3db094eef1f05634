"""The commands that train again and again, on a file or on a run: backtest, audit, cross-validate, compare, tune."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from tidegate.cli.derive import add, options, signed, taken
from tidegate.cli.output import Json, Quiet, check_output, say, say_notes, show
from tidegate.cli.training import TASKS, Subject, Takes
from tidegate.core.errors import ConfigError
from tidegate.core.translate import tr

LEAK = 1  # exit code, so that a script can stop on it

Data = Annotated[str, typer.Argument(help=tr("File of data, as for fit, or the folder of a run."))]
Task = Annotated[str, typer.Option(help="classify|regress")]


def register(app: typer.Typer, words: Collection[str] | None) -> None:
    """Add the commands."""
    text = tr("Train and forecast again from several cutoffs, and score every fold.")
    add(app, words, "backtest", text, backtest)
    text = tr("Prove on your data that no forecast depends on its future; exit code 1 on a leak.")
    add(app, words, "audit", text, audit)
    text = tr("Train again without each fold of the sequences, and test on it.")
    add(app, words, "cross-validate", text, cross_validate)
    add(app, words, "crossval", text, cross_validate, hidden=True)  # the old spelling
    text = tr("Train several encoders on the same sequences and put them in one table.")
    add(app, words, "compare", text, compare)
    text = tr("Search for better options on the validation part, and see on the test part what the gain is worth.")
    search = typer.Typer(help=text, no_args_is_help=True)
    for task in TASKS:
        add(search, words, task, text, partial(tune, task))
    app.add_typer(search, name="tune")


def read(subject: Subject, data: str, quiet: bool) -> Any:
    """The data of a command, described unless quiet; None of a run, which has its own."""
    from tidegate.core.table import Table
    from tidegate.data import describe

    if subject.run:
        return None
    found = subject.model.read(data, **subject.reading)
    if not quiet and isinstance(found, Table):
        say(f"{describe(found)}\n")
    elif not quiet:
        say_notes(found.notes)
    return found


def backtest() -> Callable[..., None]:
    """The command."""
    from tidegate.tasks.resample.backtest import backtest

    own = {name: option for name, option in options(backtest).items() if name not in ("out", "progress")}
    takes = Takes("forecast", leave=("test", *own))

    def run(
        context: typer.Context,
        *,
        data: Data,
        out: Annotated[
            Path,
            typer.Option(
                "--out", "-o", help=tr("Folder of the folds; a backtest that was cut off goes on from there.")
            ),
        ],
        unit: Annotated[str, typer.Option(help=tr("Unit of the target, for the report."))] = "",
        quiet: Quiet = False,
        as_json: Json = False,
        **values: Any,
    ) -> None:
        from tidegate.data.emit import write_columns
        from tidegate.report.backtest import report_backtest

        subject = takes.subject(context, data, values, "backtest")
        how = {**taken(context, own, values), "out": out, "progress": False if quiet else None}
        found = subject.model.backtest(read(subject, data, quiet), **how)
        if subject.model.task == "detector":
            write_columns(found.columns(), out / "events.csv")
        else:
            for index in range(len(found.folds)):
                write_columns(found.fold_columns(index), out / f"fold-{index + 1:03d}.csv")
        report = report_backtest(out / "report.html", found, unit=unit)
        show(found, as_json)
        if not quiet:
            say_notes(note for one in found.evaluations for note in getattr(one, "alarms", one).notes)
        say(tr("Report: {path}", path=report))

    return signed(run, takes.all, own)


def audit() -> Callable[..., None]:
    """The command."""
    takes = Takes("forecast")

    def run(context: typer.Context, *, data: Data, quiet: Quiet = False, as_json: Json = False, **values: Any) -> None:
        subject = takes.subject(context, data, values, "audit")
        table = read(subject, data, quiet)
        if not quiet:
            say(tr("Training a few steps on the data and on perturbed copies of it ..."))
        found = subject.model.audit(table, **subject.fitting, seed=subject.model.seed)
        show(found, as_json)
        if not found.passed:
            raise typer.Exit(LEAK)

    return signed(run, takes.all)


def cross_validate() -> Callable[..., None]:
    """The command."""
    takes = Takes("classify", "regress", leave=("test",))

    def run(
        context: typer.Context,
        *,
        data: Data,
        task: Task = "classify",
        folds: Annotated[int, typer.Option(help=tr("Folds; each is tested once."))] = 5,
        out: Annotated[
            Path | None, typer.Option("--out", "-o", help=tr("CSV, Parquet or JSON file for the scores of every fold."))
        ] = None,
        quiet: Quiet = False,
        as_json: Json = False,
        **values: Any,
    ) -> None:
        from tidegate.data.emit import write_columns

        check_output(out)
        subject = takes.subject(context, data, {**values, "task": task}, "cross_validate")
        how = {**subject.fitting, "folds": folds, "progress": False if quiet else None}
        found = subject.model.cross_validate(read(subject, data, quiet), **how, seed=subject.model.seed)
        if not quiet:
            say_notes(found.notes)
        if out is not None:
            write_columns(found.columns(), out)
        show(found, as_json)

    return signed(run, takes.all)


def compare() -> Callable[..., None]:
    """The command."""
    takes = Takes("classify", "regress", "generate", leave=("encoder",))

    def run(
        context: typer.Context,
        *,
        data: Data,
        task: Annotated[str, typer.Option(help="classify|regress|generate")] = "classify",
        encoder: Annotated[
            list[str] | None, typer.Option(help=tr("Encoder to try, more than once; all if not given."))
        ] = None,
        out: Annotated[
            Path | None,
            typer.Option("--out", "-o", help=tr("Folder for the table (CSV, JSON, a page) and the best model.")),
        ] = None,
        quiet: Quiet = False,
        as_json: Json = False,
        **values: Any,
    ) -> None:
        from tidegate.artifacts.atomic import check_writable
        from tidegate.report.comparison import write_comparison

        if out is not None:
            check_writable(out)
        subject = takes.subject(context, data, {**values, "task": task}, "compare")
        sequences = read(subject, data, quiet)
        how = {"source": subject.model.reading_ if subject.run else subject.reading}
        how |= {**subject.fitting, "progress": False if quiet else None, "report": None if quiet else say}
        found = subject.model.compare(sequences, **how, **({"encoders": encoder} if encoder else {}))
        if out is not None:
            say(tr("Comparison: {path}", path=write_comparison(out, found, title=Path(data).name)))
        show(found, as_json)

    return signed(run, takes.all)


def tune(task: str) -> Callable[..., None]:
    """The command of a task."""
    takes = Takes(task, leave=("preset",))

    def run(
        context: typer.Context,
        *,
        data: Annotated[str, typer.Argument(help=tr("File of data, as for fit."))],
        trials: Annotated[int, typer.Option(help=tr("Trainings after the first, which has the options given."))] = 20,
        space: Annotated[
            list[str] | None,
            typer.Option(
                help=tr(
                    "Option to search, as name=value,value,... or name=low..high; more than once. "
                    "The usual ones if none."
                )
            ),
        ] = None,
        out: Annotated[
            Path, typer.Option("--out", "-o", help=tr("Folder of the search; one that was cut off goes on from there."))
        ],
        pruning: Annotated[
            bool, typer.Option(help=tr("Stop trials that are behind the median of those before at the same epoch."))
        ] = True,
        latency: Annotated[
            bool, typer.Option("--latency", help=tr("Look for low latency too, and show what each error costs."))
        ] = False,
        quiet: Quiet = False,
        as_json: Json = False,
        **values: Any,
    ) -> None:
        from tidegate.artifacts.atomic import check_writable
        from tidegate.report.tuning import write_tuning
        from tidegate.tasks.search.tune import tune

        check_writable(out)
        subject = takes.subject(context, data, values)
        searched = dict(_searched(each) for each in space or ())
        placed = subject.model.placed(searched) or None
        how = {"source": {**subject.reading, "data": str(Path(data).absolute())}, **subject.fitting, "progress": False}
        report = None if quiet else say
        how |= {"pruning": pruning, "latency": latency}
        found = tune(
            subject.model, read(subject, data, quiet), trials=trials, space=placed, out=out, report=report, **how
        )
        page = write_tuning(out, found, title=Path(data).name)
        show(found, as_json)
        say(tr("Search: {path}", path=page))

    return signed(run, takes.all)


def _searched(text: str) -> tuple[str, Any]:
    """An option and its values, from `name=a,b,c` or `name=low..high`.

    Raises:
        ConfigError: it is neither.
    """
    name, equals, values = text.partition("=")
    if not equals or not name or not values:
        raise ConfigError(tr("--space {text}: write name=value,value,... or name=low..high", text=text))
    low, dots, high = values.partition("..")
    if dots:
        return name.replace("-", "_"), tuple(_value(end) for end in (low, high))
    return name.replace("-", "_"), [_value(each) for each in values.split(",")]


def _value(text: str) -> Any:
    """A number, a truth, nothing, or the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return {"None": None, "True": True, "False": False}.get(text, text)
