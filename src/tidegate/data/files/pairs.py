"""Pairs of texts: two columns of a table, two parallel files, or a list of pairs."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tidegate.core.errors import DataError, ReadError, SchemaError
from tidegate.core.sequences import Sequences
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.data.cells.columns import Source, options_of
from tidegate.data.files import dialect
from tidegate.data.files.corpus import is_path
from tidegate.data.files.encodings import NAMES
from tidegate.data.read import open_source
from tidegate.data.schema import missing_column

TABLES = (".csv", ".tsv", ".parquet", ".jsonl", ".ndjson", ".json")
USUAL = (("source", "target"), ("src", "tgt"), ("source", "reference"), ("text", "summary"))


def read_pairs(
    data: Any,
    *,
    source: str | None = None,
    target: str | None = None,
    target_file: str | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    columns: Sequence[str] | str | None = None,
) -> Sequences:
    """Texts and what is to be written for each; the pairs' order is kept.

    Args:
        data: a table (path of a CSV, TSV, Parquet or JSON-lines file; a frame; a dict of columns); the path of a text
            file whose lines are the sources, beside `target_file`; two such paths; or a list of pairs of texts.
        source, target: columns of a table; found out where they are called so, or where it has no others.
        target_file: text file whose lines are the targets of the lines of `data`.
        encoding, delimiter, columns: of files, as `tidegate.read` takes them; columns names those of a file without a
            header line.

    Returns:
        Sequences whose texts are the sources and whose labels are the targets. Pairs that lack either are left out, and
        a note says how many.

    Raises:
        ReadError: a file cannot be read, or two have not as many lines. SchemaError: a column is missing, or what is
        given are no pairs. DataError: no pair is left.
    """
    if isinstance(data, Sequences):
        if data.texts is None or data.labels is None:
            raise SchemaError(tr("these Sequences hold no pairs of texts: give a table, two files or a list of pairs"))
        return data
    path = Path(data) if isinstance(data, Path) or (isinstance(data, str) and is_path(data)) else None
    two = isinstance(data, (tuple, list)) and len(data) == 2 and all(isinstance(one, (str, Path)) for one in data)
    notes: list[Note] = []
    if target_file is not None or two:
        first, second = data if two else (path, target_file)
        if first is None:
            raise SchemaError(tr("target_file= goes beside the path of a file with the sources, a line each"))
        texts, targets = _parallel(Path(first), Path(str(second)), encoding, notes)
        names = ("source", "target")
    elif isinstance(data, (list, tuple)):
        texts, targets = _pairs(data)
        names = ("source", "target")
    else:
        held = open_source(data if path is None else path, _ways(encoding, delimiter, columns))
        names = _columns(held, source, target)
        loaded = held.load(dict.fromkeys(names, "text")).values
        texts, targets = ([_cell(cell) for cell in loaded[name].tolist()] for name in names)
        notes = list(held.notes)
    return _sequences(texts, targets, names, notes)


def read_sources(data: Any, *, source: str | None = None, encoding: str | None = None, **ways: Any) -> Sequences:
    """Texts that something is to be written for: as `read_pairs`, or a text, a list of texts, or a file of lines.

    Raises:
        ReadError, SchemaError, DataError: as `read_pairs`.
    """
    if isinstance(data, Sequences):
        return data
    lines = isinstance(data, (str, Path)) and dialect.suffix_of(Path(data)) not in TABLES
    if isinstance(data, str) and not (is_path(data) and Path(data).exists()) and lines:
        data = [data]
    elif lines:
        data = _lines(Path(data), encoding)
    if isinstance(data, (list, tuple)):
        if any(not isinstance(text, str) for text in data):
            raise SchemaError(tr("a list of sources holds texts; give pairs to fit() and evaluate()"))
        return _sequences(list(data), None, ("source",), [])
    held = open_source(Path(data) if isinstance(data, str) else data, _ways(encoding, *(ways.get(n) for n in _WAYS)))
    name = source if source is not None else (held.names[0] if len(held.names) == 1 else _columns(held, None, None)[0])
    if name not in held.names:
        raise missing_column(held, name, "source")
    texts = [_cell(cell) for cell in held.load({name: "text"}).values[name].tolist()]
    return _sequences(texts, None, (name,), list(held.notes))


def read_glossary(path: str | Path, *, encoding: str | None = None) -> dict[str, str]:
    """Source term -> target term of a file with a pair on each line, a tab or a comma between them; a first line of
    usual names of columns (`source,target`) is none.

    Raises:
        ReadError: it cannot be read, or a line holds no pair or a term a second time otherwise.
    """
    path = Path(path)
    lines = _lines(path, encoding)
    rows = csv.reader(lines, delimiter="\t" if any("\t" in line for line in lines[:1]) else ",")
    found: dict[str, str] = {}
    for row in rows:
        own = [cell.strip() for cell in row]
        if not any(own) or (not found and tuple(own) in USUAL):
            continue
        if len(own) != 2 or not all(own):
            message = "{path}, line {line}: expected a source term and a target term, a tab or a comma between them"
            raise ReadError(tr(message, path=path, line=rows.line_num))
        if found.setdefault(own[0], own[1]) != own[1]:
            message = "{path}, line {line}: {term!r} is to be written as {first!r} and as {written!r}; leave one"
            values = {"term": own[0], "first": found[own[0]], "written": own[1]}
            raise ReadError(tr(message, path=path, line=rows.line_num, **values))
    return found


def read_words(path: str | Path, *, encoding: str | None = None) -> list[str]:
    """The lines of a text file that are not empty.

    Raises:
        ReadError: it cannot be read. DataError: there is none.
    """
    found = [line.strip() for line in _lines(Path(path), encoding) if line.strip()]
    if not found:
        raise DataError(tr("{path} holds no words: expected one a line", path=path))
    return found


_WAYS = ("delimiter", "columns")


def _ways(encoding: str | None, delimiter: str | None, columns: Any) -> Any:
    return options_of(encoding=encoding, delimiter=delimiter, columns=columns)


def _columns(held: Source, source: str | None, target: str | None) -> tuple[str, str]:
    names = list(held.names)
    if source is None and target is None:
        found = next((pair for pair in USUAL if set(pair) <= set(names)), None)
        if found is None and len(names) == 2:
            found = (names[0], names[1])
        if found is not None:
            return found
    if source is None or target is None:
        message = (
            "say which columns hold the texts and what is to be written for each, with source= and target= (--source, "
            "--target); there are {names}"
        )
        raise SchemaError(tr(message, names=", ".join(names)))
    for option, name in (("source", source), ("target", target)):
        if name not in names:
            raise missing_column(held, name, option)
    return source, target


def _cell(cell: Any) -> str:
    return "" if cell is None or cell != cell else cell if isinstance(cell, str) else f"{cell:.17g}"  # noqa: PLR0124


def _lines(path: Path, encoding: str | None, notes: list[Note] | None = None) -> list[str]:
    try:
        with dialect.open_bytes(path) as file:
            content = file.read()
    except OSError as error:
        raise ReadError(tr("{path} cannot be read: {error}", path=path, error=error)) from None
    text, found = dialect.decoded(path, content, encoding)
    if notes is not None and encoding is None and found in NAMES:
        message = "{name} was read as {encoding}, as its letters suggest; pass encoding= if that is wrong."
        notes.append(Note("encoding", message, {"name": path.name, "encoding": NAMES[found]}))
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    return lines[:-1] if lines and not lines[-1] else lines


def _parallel(first: Path, second: Path, encoding: str | None, notes: list[Note]) -> tuple[list[str], list[str]]:
    texts, targets = _lines(first, encoding, notes), _lines(second, encoding, notes)
    if len(texts) != len(targets):
        message = (
            "{first} has {count} lines and {second} {count2}: parallel files have a target on the line of each source"
        )
        raise ReadError(tr(message, first=first, count=len(texts), second=second, count2=len(targets)))
    return texts, targets


def _pairs(data: Sequence[Any]) -> tuple[list[str], list[str]]:
    for place, pair in enumerate(data):
        whole = isinstance(pair, (tuple, list)) and len(pair) == 2 and all(isinstance(one, str) for one in pair)
        if not whole:
            raise SchemaError(
                tr("pair {place} is {pair!r}; expected a source and a target, both texts", place=place, pair=pair)
            )
    return [pair[0] for pair in data], [pair[1] for pair in data]


def _sequences(texts: list[str], targets: list[str] | None, names: Sequence[str], notes: list[Note]) -> Sequences:
    whole = [bool(text.strip()) for text in texts]
    if targets is not None:
        whole = [own and bool(target.strip()) for own, target in zip(whole, targets, strict=True)]
        lacking = [place for place, own in enumerate(whole) if not own]
        if len(lacking) == len(texts):
            raise DataError(tr("no pair has both a source and a target; check the columns, or the lines of the files"))
        if lacking:
            message = "{count} pairs that lack a source or a target were left out (first: row {first})."
            notes.append(Note("unpaired", message, {"count": len(lacking), "first": lacking[0] + 1}))
    elif not any(whole):
        raise DataError(tr("there is no text to write anything for"))
    kept = range(len(texts)) if targets is None else [place for place, own in enumerate(whole) if own]
    starts = np.zeros(len(kept) + 1, np.int64)
    labels = None if targets is None else _objects([targets[place] for place in kept])
    return Sequences(
        tuple(str(place) for place in kept),
        starts,
        np.empty((0, 0)),
        (),
        texts=_objects([texts[place] for place in kept]),
        labels=labels,
        label_names=tuple(names[1:]),
        notes=tuple(notes),
    )


def _objects(texts: list[str]) -> Any:
    array = np.empty(len(texts), dtype=object)
    array[:] = texts
    return array
