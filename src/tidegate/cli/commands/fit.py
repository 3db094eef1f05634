"""`tidegate fit TASK`, and `tidegate demo`, which is one."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from tidegate.cli.derive import add, signed
from tidegate.cli.output import Json, Overwrite, Quiet, say, show
from tidegate.cli.training import Takes, estimator
from tidegate.core.translate import tr

DEMO = Path("runs/demo")
SILENT = ("--resume", "--overwrite", "--quiet", "-q", "--json")  # not part of what a report says repeats it

Data = Annotated[
    str,
    typer.Argument(help=tr("CSV or Parquet file; of sequences also a JSONL, .ts or .arff file, or a folder of clips.")),
]
Folder = Annotated[Path, typer.Option("--out", "-o", help=tr("Folder of the run."))]
Anywhere = Annotated[
    Path | None, typer.Option("--out", "-o", help=tr("Folder of the run; runs/ and the name of the data if not given."))
]


def register(app: typer.Typer, words: Collection[str] | None) -> None:
    """Add the commands; a new task is a line here, and one in `tidegate.cli.training.TASKS`."""
    fit = typer.Typer(help=tr("Train a model and judge it."), no_args_is_help=True)
    texts = {
        "forecast": tr("Forecast the next steps of one or many series."),
        "classify": tr("Say which class a sequence, or each of its steps, belongs to."),
        "regress": tr("Estimate a number for a sequence, or for each of its steps."),
        "detect": tr("Find what is not as it was, in one or many series."),
        "transcribe": tr("Learn to write down what is said in recordings."),
        "caption": tr("Learn to write a sentence for a picture."),
        "generate": tr("Learn what comes next in a text, to score texts and to write them."),
        "translate": tr("Learn to write one text for another: translations, summaries, any pair of columns."),
    }
    for task, text in texts.items():
        add(fit, words, task, text, partial(fit_command, task))
    app.add_typer(fit, name="fit")
    app.command("demo", help=tr("Forecast a day of real traffic with the data inside, and write a report."))(demo)


def fit_command(task: str) -> Callable[..., None]:
    """The command of a task."""
    from tidegate.tasks.verbs import REFUSED

    takes, kind = Takes(task), estimator(task)
    leave = ("audit",) if "audit" in REFUSED.get(kind.task, {}) else ()

    def run(
        context: typer.Context,
        *,
        data: Data,
        out: Anywhere = None,
        unit: Annotated[str, typer.Option(help=tr("Unit of the target, for the report."))] = "",
        audit: Annotated[
            bool, typer.Option("--audit", help=tr("Audit the pipeline too, for the report; costs six short trainings."))
        ] = False,
        resume: Annotated[bool, typer.Option("--resume", help=tr("Go on from the checkpoints in --out."))] = False,
        overwrite: Overwrite = False,
        quiet: Quiet = False,
        as_json: Json = False,
        **values: Any,
    ) -> None:
        subject = takes.subject(context, data, values)
        fitting = {**subject.fitting, "resume": resume, "overwrite": overwrite}
        if out is None:
            out = folder_for(data, resume or overwrite)
            say(tr("The run goes to {folder}, as no --out was given.", folder=out))
        page = {"out": out, "unit": unit, "audit": audit, "command": repeated(context)}
        train(subject.model, data, subject.reading, fitting, quiet, as_json, **page)

    return signed(run, takes.all, leave=leave)


def folder_for(data: str, again: bool = False) -> Path:
    """A folder of its own for a run on some data, `runs/load` of load.csv.gz: with a number, where there is one.

    Args:
        data: file or folder. again: take the last one that is there.
    """
    name = Path(data).name.removesuffix(".gz")
    base = DEMO.parent / (Path(name).stem or "run")
    taken = [base]
    while taken[-1].exists():
        taken.append(base.with_name(f"{base.name}-{len(taken) + 1}"))
    return taken[-2] if again and len(taken) > 1 else taken[-1]


def train(
    model: Any, data: str, reading: dict[str, Any], fitting: dict[str, Any], quiet: bool, as_json: bool, **page: Any
) -> None:
    """Train a model, print its scores and leave its run behind: see `tidegate.report.training.train`."""
    from tidegate.report import training

    fitting["progress"] = False if quiet else None
    listener = training.Listener(say, _nothing if quiet else say, lambda found: show(found, as_json))
    training.train(model, data, reading, fitting, listener, **page)


def _nothing(line: str) -> None:
    """Leave a line out."""


def repeated(context: typer.Context) -> str:
    """The command that was given, without what has no effect on what it makes."""
    given = context.find_root().obj or []
    return shlex.join(["tidegate", *(word for word in given if word not in SILENT)])


def demo(
    out: Folder = DEMO,
    max_epochs: Annotated[int | None, typer.Option(help=tr("Passes over the training windows, at most."))] = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """A day of traffic, from the data inside."""
    from tidegate import Forecaster, demo_data

    model = Forecaster(horizon=24, level=80.0, preparation={"holidays": "US"}, max_epochs=max_epochs)
    reading = {"time": "date_time", "target": "traffic_volume", "repair": "mean"}
    page: dict[str, Any] = {"out": out, "audit": True, "command": "tidegate demo", "unit": tr("vehicles per hour")}
    page["title"] = tr("Traffic on Interstate 94, the next 24 hours")
    fitting = {"overwrite": out == DEMO}  # the folder is the demo's own
    train(model, str(demo_data.path()), reading, fitting, quiet, as_json, **page)
