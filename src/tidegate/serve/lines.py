"""A stream in a pipe: a row a line on the way in, an answer a line on the way out."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tidegate.artifacts.artifact import read_model
from tidegate.core.errors import TidegateError
from tidegate.core.translate import tr
from tidegate.serve.body import dump, parse
from tidegate.serve.settings import RequestError
from tidegate.serve.shelf import adapted


class Pipe:
    """A stream of one model, fed with lines.

    Args:
        run: the folder of a run or a model. options: `series` and `fresh`, of the task's stream.
        snapshot: to go on from.

    Raises:
        ArtifactError: run or snapshot are damaged. ConfigError: the model cannot be streamed.
    """

    def __init__(self, run: str | Path, options: dict[str, Any], snapshot: bytes | None = None) -> None:
        artifact = read_model(run)
        self.adapter = adapted(artifact)
        self.stream = self.adapter.open(options)
        if snapshot is not None:
            self.stream.restore(snapshot)

    def answers(self, lines: Iterable[str]) -> Iterator[bytes]:
        """An answer for each line: JSON, or an error that leaves the stream as it was.

        Args:
            lines: JSON objects with values, time and known; bare numbers, lists or texts; or CSV whose first line names
                the columns.
        """
        head: list[str] | None = None
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                if head is None and number == 1 and not self._is_json(line):
                    head = next(csv.reader([line]))
                    continue
                row = self._row(line) if head is None else self._cells(head, line)
                yield dump(self.adapter.take(self.stream, row))
            except TidegateError as error:
                yield dump({"error": {"line": number, "kind": type(error).__name__, "message": str(error)}})

    def _is_json(self, line: str) -> bool:
        try:
            parse(line)
        except RequestError:
            return False
        return True

    def _row(self, line: str) -> dict[str, Any]:
        found = parse(line)
        return found if isinstance(found, dict) else {"values": found}

    def _cells(self, head: list[str], line: str) -> dict[str, Any]:
        """A row of CSV: numbers where they are some, the time by its column's name."""
        cells = next(csv.reader([line]))
        if len(cells) != len(head):
            raise RequestError(422, tr("{given} cells under {expected} columns", given=len(cells), expected=len(head)))
        named = {name: _cell(cell) for name, cell in zip(head, cells, strict=True)}
        schema = self.adapter.artifact.record.schema_
        time = named.pop(schema.get("time") or "time", None)
        return {"values": named, "time": time}


def _cell(text: str) -> Any:
    if not text.strip():
        return None
    try:
        return int(text) if text.strip().lstrip("-").isdecimal() else float(text)
    except ValueError:
        return text
