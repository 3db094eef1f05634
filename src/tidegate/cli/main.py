"""The entry point: one application, errors as one paragraph, exit code 2 for what a user can fix."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Sequence

import typer
from typer.main import get_command

from tidegate.cli.commands import (
    diagnose,
    evaluate,
    explain,
    fit,
    generate,
    info,
    monitor,
    predict,
    resample,
    serve,
    shrink,
    transcribe,
    versions,
    write,
)
from tidegate.cli.help import prepare_help, translate, usage_error
from tidegate.cli.output import INTERRUPTED, print_error
from tidegate.core.errors import TidegateError
from tidegate.core.translate import tr
from tidegate.core.version import VERSION


def build(words: Collection[str] | None = None) -> typer.Typer:
    """The application, its help in the reader's language.

    Args:
        words: of the command line: commands that are not among them have no options; None gives all their own.
    """
    prepare_help()
    app = typer.Typer(
        name="tidegate",
        help=tr("The LSTM toolkit: from a file of sequences to a recurrent model that is judged honestly and shipped."),
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    answers = (fit, predict, generate, write, transcribe, evaluate, resample, explain, diagnose)
    for module in (*answers, versions, shrink, serve, monitor, info):
        module.register(app, words)
    return app


def _version(value: bool) -> None:
    if value:
        typer.echo(f"tidegate {VERSION}")
        raise typer.Exit


def _options(
    debug: bool = typer.Option(False, "--debug", help=tr("Show the whole traceback of an error.")),
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help=tr("Print the version and stop.")
    ),
) -> None:
    if debug:
        os.environ["TIDEGATE_DEBUG"] = "1"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: without the program's name; None takes the process's.

    Returns:
        The exit code: 0, 2 for bad usage or bad input, 130 after Ctrl-C.
    """
    code = run(sys.argv[1:] if arguments is None else list(arguments))
    if arguments is None:
        sys.exit(code)
    return code


def run(arguments: list[str]) -> int:
    """Run the command line and give its exit code."""
    os.environ.pop("TIDEGATE_DEBUG", None)
    try:
        words = None if "_TIDEGATE_COMPLETE" in os.environ else arguments
        command = translate(get_command(build(words)))
        result = command(arguments, "tidegate", standalone_mode=False, obj=arguments)
        if result == INTERRUPTED:
            raise KeyboardInterrupt
    except TidegateError as error:
        if os.environ.get("TIDEGATE_DEBUG"):
            raise
        print_error(str(error))
        return 2
    except (KeyboardInterrupt, typer.Abort):  # typer turns the one into the other, or into the exit code
        print_error(tr("Interrupted. A run that was given --out goes on with --resume."))
        return INTERRUPTED
    except Exception as error:
        if getattr(error, "format_message", None) is None or os.environ.get("TIDEGATE_DEBUG"):
            raise
        print(usage_error(error), file=sys.stderr, end="")
        return int(getattr(error, "exit_code", 2))
    return result if isinstance(result, int) else 0
