"""What the commands print: results on the standard output, all else on the error stream."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tidegate.core.errors import ConfigError
from tidegate.core.table import Note
from tidegate.core.translate import tr


def print_error(message: str) -> None:
    """One paragraph on the error stream."""
    print(f"{tr('error')}: {message}", file=sys.stderr)


def say(message: str) -> None:
    """A line for people, on the error stream, so that results can be piped."""
    print(message, file=sys.stderr)


def say_notes(notes: Iterable[Note]) -> None:
    """What was found in the data and done to it."""
    for note in notes:
        say(f"  · {tr(note.message, **note.values)}")


def check_output(path: Path) -> None:
    """Refuse a file for columns that is of no kind we write, before anything is computed.

    Raises:
        ConfigError: its ending is not .csv, .parquet or .json.
    """
    if path.suffix.lower() not in (".csv", ".parquet", ".json"):
        raise ConfigError(f"--out {path}: write to a .csv, .parquet or .json file")


def print_json(value: Any) -> None:
    """A result for machines."""
    print(dumps(value))


def dumps(value: Any) -> str:
    """A result as JSON; what is not a number is null."""
    return json.dumps(_finite(value), ensure_ascii=False, default=str, allow_nan=False)


def _finite(value: Any) -> Any:
    """What is not a number is null: JSON has no NaN."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
