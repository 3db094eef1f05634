"""Files of the UCR and UEA archive: .ts, .arff, and rows that begin with the label.

Formats: https://www.aeon-toolkit.org/en/stable/api_reference/file_specifications/ts.html
"""

from __future__ import annotations

import csv
import re
import zlib
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ReadError, SchemaError
from tidegate.core.sequences import Sequences
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.data.cells.numbers import BadCellError, is_number, to_floats
from tidegate.data.files import dialect as sniff
from tidegate.data.sources import labels as of
from tidegate.data.sources.build import pack, without_padding

_PAIR = re.compile(r"\(([^(),]*(?:,[^(),]*)?),([^(),]*)\)")
_TRUE = ("true", "yes", "1")


def read_archive(path: Path, encoding: str | None = None, **rest: Any) -> Sequences:
    """Read one file of the archive; its kind is told by its name.

    Args:
        path: .ts, .arff, or .tsv, .txt, .csv without a header line and the label first; gzip or not.
        encoding: None finds out.
        rest: groups, ids, rate.

    Raises:
        ReadError, SchemaError, DataError: naming the line.
    """
    suffix = sniff.suffix_of(path)
    reader = {".ts": _ts, ".arff": _arff}.get(suffix, _rows)
    parts, labels, notes = reader(path, list(lines_of(path, encoding)))
    parts, found = without_padding(parts)
    return pack(parts, labels=labels, notes=[*notes, *found], **rest)


def lines_of(path: Path, encoding: str | None) -> Iterator[tuple[int, str]]:
    """Numbered lines that hold something.

    Raises:
        ReadError: the file is missing, damaged, or no text.
    """
    found = sniff.encoding_of(path, sniff.head(path)[0], encoding)
    try:
        with sniff.open_bytes(path) as file, sniff.text_of(found, file) as text:
            for number, line in enumerate(text, 1):
                plain = line.strip().lstrip("\ufeff")
                if plain:
                    yield number, plain
    except UnicodeError:
        raise ReadError(
            tr("{path} is not {found} text throughout; pass its encoding=", path=path, found=found)
        ) from None
    except (OSError, EOFError, zlib.error) as error:
        raise ReadError(
            tr("{path}: the gzip data are damaged ({error}); fetch the file again", path=path, error=error)
        ) from None


Read = tuple[list[NDArray[Any]], NDArray[Any] | None, list[Note]]


def _ts(path: Path, lines: list[tuple[int, str]]) -> Read:
    header: dict[str, list[str]] = {}
    rows: list[tuple[int, str]] = []
    begun = False
    for number, line in lines:
        if begun:
            rows.append((number, line))
        elif line.lower() == "@data":
            begun = True
        elif line.startswith("@"):
            words = line[1:].split()
            header[words[0].lower()] = words[1:]
        elif not line.startswith(("#", "%")):
            message = "{name}, line {number}: {line!r} comes before @data; expected @ or # lines there"
            raise ReadError(tr(message, name=path.name, number=number, line=line[:40]))
    if not rows:
        raise ReadError(tr("{name} has no cases below @data; expected one case a line", name=path.name))

    def said(name: str) -> bool:
        return "".join(header.get(name, [])[:1]).lower() in _TRUE

    classes, numbers, stamped = said("classlabel"), said("targetlabel"), said("timestamps")
    declared = "".join(header.get("dimensions", [])[:1])
    width = int(declared) if declared.isdigit() else None
    parts, labels = [], []
    for number, line in rows:
        place = f"{path.name}, line {number}"
        cells = line.split(":") if not stamped else _stamped_cells(line)
        if classes or numbers:
            labels.append(cells.pop().strip())
        if width is not None and len(cells) != width:
            message = "{place} has {count} dimensions where the header says {width}"
            raise SchemaError(tr(message, place=place, count=len(cells), width=width))
        parts.append(_case(cells, place, stamped))
    return parts, _labels(path, labels, header.get("classlabel", [])[1:] if classes else [], numbers), []


def _stamped_cells(line: str) -> list[str]:
    """Dimensions of a case with times, whose stamps may hold colons: `(t,v),(t,v):(t,v):label`."""
    cells, depth, first = [], 0, 0
    for place, sign in enumerate(line):
        depth += (sign == "(") - (sign == ")")
        if sign == ":" and depth == 0:
            cells.append(line[first:place])
            first = place + 1
    return [*cells, line[first:]]


def _case(cells: Sequence[str], place: str, stamped: bool = False) -> NDArray[Any]:
    """One case [T, C] of its dimensions' texts."""
    columns = []
    for number, cell in enumerate(cells, 1):
        texts = [value for _, value in _PAIR.findall(cell)] if stamped else cell.split(",") if cell.strip() else []
        columns.append(_floats(texts, place, f", dimension {number}" if len(cells) > 1 else ""))
    lengths = {len(column) for column in columns}
    if len(lengths) > 1:
        message = (
            "{place}: its dimensions have {lengths} steps; expected the same number in each (pad the shorter with ?)"
        )
        raise SchemaError(tr(message, place=place, lengths=", ".join(str(len(column)) for column in columns[:8])))
    return np.stack(columns, axis=1) if columns else np.empty((0, 0))


def _floats(texts: Sequence[str], place: str, where: str) -> NDArray[np.float64]:
    try:
        return to_floats(texts, ".", False)
    except BadCellError as error:
        message = "{place}{where}: {text!r} is not a number; write a missing value as ?"
        raise SchemaError(tr(message, place=place, where=where, text=error.text[:40])) from None


def _labels(path: Path, cells: list[str], known: Sequence[str], numbers: bool) -> NDArray[Any] | None:
    if not cells:
        return None
    if numbers:
        return _floats(cells, path.name, ", targets")
    strange = sorted(set(cells) - set(known) - {"?"})
    if known and strange:
        message = "{name}: label {strange!r} is not among those of @classLabel: {known}"
        raise SchemaError(tr(message, name=path.name, strange=strange[0], known=", ".join(known[:20])))
    return of.from_texts(cells)


_ATTRIBUTE = re.compile(r"""@attribute\s+(?:'([^']*)'|"([^"]*)"|(\S+))\s+(.*)""", re.IGNORECASE)


def _arff(path: Path, lines: list[tuple[int, str]]) -> Read:
    kinds: list[str] = []
    relation, rows, begun = False, [], False
    for number, line in lines:
        lower = line.lower()
        if line.startswith("%"):
            continue
        if begun:
            rows.append((number, line))
        elif lower == "@data":
            begun = True
        elif lower.startswith("@end"):
            relation = False
        elif lower.startswith("@attribute"):
            found = _ATTRIBUTE.match(line)
            if found is None:
                message = "{name}, line {number}: {line!r} is no attribute; expected a name and a type"
                raise ReadError(tr(message, name=path.name, number=number, line=line[:60]))
            kind = found.group(4).strip().lower()
            if not relation:
                kinds.append(kind)
            relation = relation or kind == "relational"
    if not rows:
        raise ReadError(tr("{name} has no cases below @data; expected one case a line", name=path.name))
    if len(kinds) < 2:
        message = "{name} declares {count} attributes; expected values and, last, the label"
        raise ReadError(tr(message, name=path.name, count=len(kinds)))
    nested = kinds[0] == "relational"
    numeric = kinds[-1] in ("numeric", "real", "integer")
    parts, cells = [], []
    for number, line in rows:
        place = f"{path.name}, line {number}"
        row = next(csv.reader([line], quotechar="'" if "'" in line else '"', skipinitialspace=True))
        if not nested and len(row) != len(kinds):
            message = "{place} has {count} cells where {count2} attributes are declared"
            raise ReadError(tr(message, place=place, count=len(row), count2=len(kinds)))
        cells.append(row[-1].strip())
        parts.append(_case(row[0].replace("\\n", "\n").split("\n") if nested else [",".join(row[:-1])], place))
    return parts, _labels(path, cells, (), numeric), []


def _rows(path: Path, lines: list[tuple[int, str]]) -> Read:
    """Rows of a label and then values, without a header."""
    first = lines[0][1]
    sign = next((mark for mark in ("\t", ",", ";") if mark in first), None)
    split = [(number, line.split(sign)) for number, line in lines]
    last = _label_last([row for _, row in split])
    parts, cells = [], []
    for number, row in split:
        if len(row) < 2:
            message = "{name}, line {number} has one cell; expected the label and then the values"
            raise ReadError(tr(message, name=path.name, number=number))
        cells.append(row.pop(-1 if last else 0))
        parts.append(_floats(row, f"{path.name}, line {number}", "")[:, None])
    message = "Each row was read as a label and then the values of one sequence."
    if last:
        message = "Each row was read as the values of one sequence and then its label."
    return parts, of.from_texts(cells), [Note("rows", message)]


def _label_last(rows: list[list[str]]) -> bool:
    """Whether the last cell of each row is its label rather than the first: a word, or one of a few whole numbers where
    the first is hardly ever the same twice."""
    first, last = [row[0].strip() for row in rows], [row[-1].strip() for row in rows]
    if not is_number(last[0]):
        return True
    few = len(set(last)) <= max(2, len(rows) // 4) and all(float(cell).is_integer() for cell in last if is_number(cell))
    return few and is_number(first[0]) and len(set(first)) > len(rows) // 2


def is_rows(path: Path, encoding: str | None = None) -> bool:
    """Whether a text file begins with two rows of numbers (after the label) rather than with names of columns."""
    for _, line in islice(lines_of(path, encoding), 2):
        row = re.split(r"[\t,;]" if re.search(r"[\t,;]", line) else r"\s+", line)
        words = [not is_number(cell) for cell in row]
        if len(row) < 4 or any(words[1:-1]) or (words[0] and words[-1]):
            return False
    return True
