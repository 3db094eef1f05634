"""`tidegate serve` and `tidegate stream`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Annotated, Any

import typer

from tidegate.artifacts.atomic import write_file
from tidegate.cli.derive import add, options, signed, taken
from tidegate.cli.output import Run, say
from tidegate.core.errors import ConfigError
from tidegate.core.translate import tr


def register(app: typer.Typer, words: Collection[str] | None) -> None:
    """Add the commands."""
    text = tr("Answer over HTTP and WebSocket with runs, or with the promoted versions of a store; needs no torch.")
    add(app, words, "serve", text, serve)
    app.command("stream", help=tr("Take rows from the standard input and answer each on a line; needs no torch."))(
        stream
    )


def serve() -> Callable[..., None]:
    """The command, its options those of the server's settings."""
    from tidegate.serve.settings import Settings

    own = options(Settings)

    def run(
        context: typer.Context,
        *,
        source: Annotated[
            list[str] | None,
            typer.Argument(help=tr("Folders of runs, models or stores, or mlflow:URI."), show_default=False),
        ] = None,
        new_token: Annotated[
            str | None, typer.Option(help=tr("Make a token of this name, add its hash to --tokens, print it and stop."))
        ] = None,
        **values: Any,
    ) -> None:
        given = taken(context, own, values)
        for name in ("tokens", "certificate", "key", "sessions"):
            if given.get(name) is not None:
                given[name] = Path(str(given[name]))
        if new_token is not None:
            from tidegate.serve.tokens import new_token as make

            if given.get("tokens") is None:
                raise ConfigError(tr("--new-token needs --tokens FILE, which its hash is added to"))
            print(make(given["tokens"], new_token))
            return
        from tidegate.serve.run import run as start

        if not source:
            raise ConfigError(tr("name the folder of a run, a model or a store to serve"))
        settings = Settings(**given)
        if settings.sessions is None:
            say(tr("Sessions are kept in memory and end with the server; --sessions FILE keeps them."))
        start(source, settings)

    return signed(run, own)


def stream(
    run: Run,
    series: Annotated[str | None, typer.Option(help=tr("Whose rows they are, where the model knows several."))] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help=tr("Begin without rows, instead of where the training data ended."))
    ] = False,
    snapshot: Annotated[
        Path | None, typer.Option(help=tr("File to go on from, if it is there, and to leave the state in at the end."))
    ] = None,
) -> None:
    """Answer row by row."""
    from tidegate.serve.lines import Pipe

    how: dict[str, Any] = {**({"series": series} if series is not None else {}), **({"fresh": True} if fresh else {})}
    there = snapshot is not None and snapshot.exists()
    pipe = Pipe(run, how, snapshot.read_bytes() if snapshot is not None and there else None)
    try:
        for answer in pipe.answers(sys.stdin):
            sys.stdout.buffer.write(answer + b"\n")
            sys.stdout.buffer.flush()
    finally:
        if snapshot is not None:
            write_file(snapshot, pipe.stream.snapshot())
