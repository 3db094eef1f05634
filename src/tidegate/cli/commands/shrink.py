"""`tidegate quantize`, `tidegate distill`, `tidegate tradeoff` and `tidegate export`."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any

import typer

from tidegate.cli.derive import add
from tidegate.cli.output import Json, Moved, Overwrite, Run, print_json, say, show
from tidegate.core.translate import tr

Limit = Annotated[float, typer.Option(help=tr("Percent by which the score of the test part may become worse."))]
Smaller = Annotated[
    Path | None, typer.Option("--out", "-o", help=tr("Folder of the smaller run; beside the run if not given."))
]


def register(app: typer.Typer, words: Collection[str] | None) -> None:
    """Add the commands."""
    text = tr("Store a run's model with 8 or 16 bits, and say what that costs and gains.")
    add(app, words, "quantize", text, lambda: quantize)
    text = tr("Train a smaller student on a run's data and what its model says, and compare both.")
    add(app, words, "distill", text, lambda: distill)
    text = tr("Accuracy against latency, memory and size of runs and their 8-bit forms: a table and a picture.")
    add(app, words, "tradeoff", text, lambda: tradeoff)
    text = tr("Write a model for other programs, checked against the model itself.")
    add(app, words, "export", text, lambda: export)


def quantize(
    run: Run,
    to: Annotated[str, typer.Option(help="int8|bfloat16")] = "int8",
    out: Smaller = None,
    limit: Limit = 1.0,
    force: Annotated[bool, typer.Option("--force", help=tr("Write it even if more than that is lost."))] = False,
    data: Moved = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Store a model with fewer bits."""
    from tidegate.deploy.shrink.quantize import quantize as shrunk

    found = shrunk(run, to=to, out=out, limit=limit, force=force, data=data, overwrite=overwrite)
    show(found, as_json)
    if found.notes[-1].kind == "refused" and not force:
        raise typer.Exit(1)
    say(tr("The smaller run is in {path}", path=out or run.with_name(f"{run.name}-{to}")))


def export(
    run: Run,
    kind: Annotated[str, typer.Option("--format", help=tr("Kind of file."))] = "onnx",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help=tr("File to write; beside the run if not given."))
    ] = None,
    as_json: Json = False,
) -> None:
    """Write a model in another form."""
    from tidegate.core.errors import ConfigError

    if kind not in ("onnx", "c"):
        raise ConfigError(tr("format must be {kinds}; got {given}", kinds="onnx, c", given=repr(kind)))
    if kind == "c":
        from tidegate.deploy.export.header import export_c

        header = out if out is not None else run.with_name(f"{run.name}.h")
        export_c(run, header)
        say(tr("The C header is in {path}", path=header))
        return
    from tidegate.deploy.export.model import export_onnx

    place = out if out is not None else run.with_name(f"{run.name}.onnx")
    about = export_onnx(run, place)
    if as_json:
        print_json(about)
    message = (
        "{path}: checked against this model on random and extreme inputs, largest difference {difference} of an "
        "output's size"
    )
    say(tr(message, path=place, difference=f"{about['difference']:.1g}"))


def tradeoff(
    runs: Annotated[list[Path], typer.Argument(help=tr("Folders of runs of one task on the same data."))],
    out: Annotated[Path | None, typer.Option("--out", "-o", help=tr("SVG file for the picture."))] = None,
    quantized: Annotated[
        bool, typer.Option("--quantized/--plain", help=tr("Measure the 8-bit forms of the runs as well."))
    ] = True,
    data: Moved = None,
    as_json: Json = False,
) -> None:
    """Compare forms of models."""
    from tidegate.artifacts.atomic import write_file
    from tidegate.deploy.shrink.tradeoff import picture
    from tidegate.deploy.shrink.tradeoff import tradeoff as compared

    found = compared(runs, quantized=quantized, data=data)
    show(found, as_json)
    if out is not None:
        write_file(out, picture(found).encode())
        say(tr("The picture is in {path}", path=out))


def distill(
    run: Run,
    hidden_size: Annotated[
        int | None, typer.Option(help=tr("Units of the student; half the teacher's if not given."))
    ] = None,
    share: Annotated[float, typer.Option(help=tr("Share of the teacher in what the student learns from."))] = 0.5,
    out: Smaller = None,
    alone: Annotated[
        bool, typer.Option("--alone/--no-alone", help=tr("Train the same student without the teacher too."))
    ] = True,
    data: Moved = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Train a smaller student."""
    from tidegate.deploy.shrink.distill import distill as taught

    how: dict[str, Any] = {"share": share, "out": out, "alone": alone, "data": data, "overwrite": overwrite}
    show(taught(run, hidden_size=hidden_size, **how), as_json)
    say(tr("The smaller run is in {path}", path=out or run.with_name(f"{run.name}-student")))
