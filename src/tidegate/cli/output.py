"""What the commands print: results on the standard output, all else on the error stream."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from tidegate.core.errors import ConfigError
from tidegate.core.table import Note
from tidegate.core.text import finite
from tidegate.core.translate import agree, tr

INTERRUPTED = 130  # exit code after Ctrl-C

Quiet = Annotated[bool, typer.Option("--quiet", "-q", help=tr("Print the result alone."))]
Json = Annotated[bool, typer.Option("--json", help=tr("Print JSON."))]
Run = Annotated[Path, typer.Argument(help=tr("Folder of a run or a model."))]
Moved = Annotated[str | None, typer.Option("--data", help=tr("The training data, if the file has moved."))]
Overwrite = Annotated[bool, typer.Option("--overwrite", help=tr("Take the place of a run that is there."))]
OutFile = Annotated[
    Path | None, typer.Option("--out", "-o", help=tr("CSV, Parquet or JSON file; without it CSV is printed."))
]


def print_error(message: str) -> None:
    """One paragraph on the error stream."""
    print(f"{tr('error')}: {agree(with_flags(message))}", file=sys.stderr)


_ARGUMENT = re.compile(
    r"""\b(repair|resample|timezone|frequency|date_format|series)=(?:"([^"]*)"|'([^']*)')?(?!\s?[（(]--|["'])"""
)


def with_flags(message: str) -> str:
    """A message with options of reading as they are typed, where it does not name the flag itself.

    >>> with_flags('Sort the rows, or pass repair="sort"; or name decimal= (--decimal)')
    'Sort the rows, or pass --repair sort; or name decimal= (--decimal)'
    """

    def flag(found: re.Match[str]) -> str:
        value = found[2] or found[3] or ""
        shown = f'"{value}"' if " " in value else value
        return f"--{found[1].replace('_', '-')}{' ' if value else ''}{shown}"

    return _ARGUMENT.sub(flag, message)


def say(message: str) -> None:
    """A line for people, on the error stream, so that results can be piped."""
    print(message, file=sys.stderr)


def say_notes(notes: Iterable[Note]) -> None:
    """What was found in the data and done to it."""
    for note in notes:
        say(f"  · {tr(note.message, **note.values)}")


def show(found: Any, as_json: bool) -> None:
    """Print a result, for people or as JSON; nothing for people where there is none."""
    if as_json:
        print_json(None if found is None else found.to_json())
    elif found is not None:
        print(found)


def check_output(path: Path | None) -> None:
    """Refuse a file for columns that is of no kind we write, before anything is computed.

    Raises:
        ConfigError: its ending is not .csv, .parquet or .json.
    """
    if path is not None and path.suffix.lower() not in (".csv", ".parquet", ".json"):
        raise ConfigError(tr("--out {path}: write to a .csv, .parquet or .json file", path=path))


def print_json(value: Any) -> None:
    """A result for machines."""
    print(dumps(value))


def dumps(value: Any) -> str:
    """A result as JSON; what is not a number is null."""
    return json.dumps(finite(value), ensure_ascii=False, default=str, allow_nan=False)
