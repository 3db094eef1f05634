"""Where the table of a text file is: its delimiter, the lines before its header, the header itself, the first row."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from tidegate.core.errors import ConfigError, ReadError, SchemaError
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.data.cells.affixes import UNITS, take_off, what_is
from tidegate.data.cells.columns import Kind, Options, text_kind
from tidegate.data.cells.numbers import is_missing, is_number
from tidegate.data.time.forms import looks_like_time

DELIMITERS = (",", ";", "\t", "|")
SPACES = " "
_RECORDS, _CELLS, _TRIED, _TIE = 1000, 200_000, 60, 0.1
_SEPARATOR = re.compile(r'"?sep=(.)"?', re.I)
_TYPE_WORDS = "string str float int integer double long number date datetime time bool boolean text -"
_TYPES = frozenset(_TYPE_WORDS.split())
_NO_HEADER = "{path} has no header line; expected column names, then rows"
_NO_ROWS = "{path} has a header line but no rows; expected at least one line of values below it"
_NO_NAMES = (
    "{path}, line {line} holds values ({cells}) where column names belong; add a header line, or name the columns with "
    "columns=[...] (--columns a,b,c)"
)
_DOUBLED = "{path}, line {line}: column name {name!r} occurs {count} times; give every column its own name"
_OTHER_COUNT = (
    "columns= (--columns) names {count} columns, but line {line} of {path} has {cells} cells; name every column"
)


@dataclass(frozen=True)
class Record:
    """One row of cells; `begin` counts the physical lines before it, `end` is its last."""

    begin: int
    end: int
    cells: list[str]


@dataclass(frozen=True)
class Layout:
    """A table within a text file.

    Attributes:
        delimiter: between cells; " " stands for any run of blanks.
        names: of the columns.
        skipped: physical lines before the first row.
        sample: the first rows.
        kinds: of the columns, judged by the sample.
        notes: what was left out or guessed.
    """

    delimiter: str
    names: tuple[str, ...]
    skipped: int
    sample: list[list[str]]
    notes: list[Note] = field(default_factory=list)


def reader(lines: Iterable[str], delimiter: str, strict: bool = True) -> Iterator[list[str]]:
    """Cells of each line; of runs of blanks where the delimiter is a blank."""
    if delimiter == SPACES:
        lines = map(squeeze, lines)
    return csv.reader(lines, delimiter=delimiter, strict=strict)


def squeeze(line: str) -> str:
    """A line with one blank wherever it had several, and none at its ends."""
    return " ".join(line.split()) + "\n"


def checked(delimiter: str | None) -> str | None:
    """The delimiter as one character.

    Raises:
        ConfigError: it is longer, or cannot be one.
    """
    if delimiter is None:
        return None
    sign = {"\\t": "\t", "tab": "\t", "space": SPACES, "blank": SPACES}.get(delimiter, delimiter)
    if len(sign) != 1 or sign in '"\r\n':
        message = "delimiter={value!r} (--delimiter) must be one character, such as ',' or ';', or 'tab' or 'space'"
        raise ConfigError(tr(message, value=delimiter))
    return sign


def layout_of(path: Path, lines: list[str], options: Options, wide_rows: bool = False) -> Layout:
    """The table in the first lines of a file.

    Args:
        path: for messages.
        lines: physical lines with their ends.
        options: what the caller says of the file.
        wide_rows: whether each row is a series, so that rows differ in length.

    Raises:
        ReadError: there is no header line, or no row.
        SchemaError: values where names belong, names that occur twice, another number of columns than the caller says.
    """
    notes: list[Note] = []
    at, sign, comments = _top(path, lines, options)
    if sign is None:
        sign, other = choose(lines[at : at + _TRIED], wide_rows)
        if other:
            message = (
                "Cells can be divided at {first} or at {second}; they were divided at {first}. To choose, pass "
                "delimiter= (--delimiter)."
            )
            notes.append(Note("delimiter", message, {"first": repr(sign), "second": repr(other)}))
    records = _records(lines[at:], at, sign)
    if not records:
        raise ReadError(tr(_NO_HEADER, path=path))
    if wide_rows:
        head, first, names = 0, 1, [cell.strip() for cell in records[0].cells]
    else:
        head, first, names = _header(path, records, options, comments, sign, notes)
    _tell(records[:head], comments, notes)
    skipped = records[first].begin if first < len(records) else records[-1].end
    if options.columns is not None:
        width = len(records[first].cells) if first < len(records) else len(names)
        if len(options.columns) != width:
            values = {"count": len(options.columns), "line": skipped + 1, "path": path, "cells": width}
            raise SchemaError(tr(_OTHER_COUNT, **values))
        names = list(options.columns)
    names = _distinct(path, names, records[head].begin + 1 if head < len(records) else 1)
    if first >= len(records) and not wide_rows:
        raise ReadError(tr(_NO_ROWS, path=path))
    return Layout(sign, tuple(names), skipped, [record.cells for record in records[first:]], notes)


def _distinct(path: Path, names: list[str], line: int) -> list[str]:
    """The names, numbered where they are empty.

    Raises:
        SchemaError: one occurs twice.
    """
    names = [name or f"column {i + 1}" for i, name in enumerate(names)]
    counts = Counter(names)
    doubled = min((name for name, count in counts.items() if count > 1), default=None)
    if doubled is not None:
        raise SchemaError(tr(_DOUBLED, path=path, line=line, name=doubled, count=counts[doubled]))
    return names


def _top(path: Path, lines: list[str], options: Options) -> tuple[int, str | None, list[str]]:
    """The first line that holds something, the delimiter where one is named, and the lines of comment before."""
    sign = checked(options.delimiter)
    comments: list[str] = []
    for at in range(options.skip_rows or 0, len(lines)):
        line = lines[at].strip()
        separator = _SEPARATOR.fullmatch(line)
        if separator is not None:
            sign = sign or separator[1]
        elif line and not line.startswith("#"):
            return at, sign, comments
        elif line:
            comments.append(line)
    raise ReadError(tr(_NO_HEADER, path=path))


def choose(lines: Sequence[str], wide_rows: bool = False) -> tuple[str, str]:
    """The delimiter that divides lines evenly into times and numbers that can be read; and one as good, or "".

    A file in which none of the usual ones divides anything, but blanks do, is divided at runs of blanks.
    """
    lines = [line for line in lines if line.strip()]
    scores: dict[str, tuple[float, int]] = {}
    for sign in DELIMITERS:
        if any(sign in line for line in lines):
            try:
                scores[sign] = _score(list(reader(lines, sign)), wide_rows)
            except csv.Error:
                scores[sign] = _score(list(reader(lines, sign, strict=False)), wide_rows)
    scores = {sign: score for sign, score in scores.items() if score[1] > 1}
    if not scores:
        score, width = _score([line.split() for line in lines], False)
        return (SPACES if width > 1 and score > 1.2 and len(lines) > 2 else ","), ""
    ranked = sorted(scores, key=lambda sign: (-round(scores[sign][0], 1), -scores[sign][1]))
    best = ranked[0]
    rivals = [sign for sign in ranked[1:] if scores[best][0] - scores[sign][0] < _TIE]
    return best, rivals[0] if rivals else ""


def _score(rows: list[list[str]], wide_rows: bool) -> tuple[float, int]:
    """How evenly rows are divided plus the share of their cells that can be read, and the most common width."""
    rows = [row for row in rows if row]
    if not rows:
        return 0.0, 0
    widths = Counter(len(row) for row in rows)
    width = len(rows[0]) if wide_rows else max(widths, key=lambda cells: widths[cells] * cells)
    fitting = [row for row in rows if (2 <= len(row) <= width if wide_rows else len(row) == width)]
    cells = [cell for row in fitting[1 : 1 + max(2, 2000 // max(width, 1))] for cell in row[:2000] if cell.strip()]
    readable = sum(is_number(cell) or looks_like_time(cell) or is_missing(cell) for cell in cells)
    return len(fitting) / len(rows) + (readable / len(cells) if cells else 0.0), width


def _records(lines: list[str], before: int, sign: str) -> list[Record]:
    found = _parse(lines, before, sign, True)
    return (_parse(lines, before, sign, False) or []) if found is None else found


def _parse(lines: list[str], before: int, sign: str, strict: bool) -> list[Record] | None:
    rows = reader(lines, sign, strict)
    found: list[Record] = []
    at, cells = before, 0
    try:
        for row in islice(rows, _RECORDS):
            end = before + rows.line_num  # type: ignore[attr-defined]
            if any(cell.strip() for cell in row) or len(row) > 1:
                found.append(Record(at, end, row))
                cells += len(row)
            at = end
            if cells > _CELLS and len(found) > 20:
                break
    except csv.Error:
        return None if strict and len(found) < 2 else found
    return found


def _header(
    path: Path, records: list[Record], options: Options, comments: list[str], sign: str, notes: list[Note]
) -> tuple[int, int, list[str]]:
    """Which record is the first of the header, which is the first row, and the names."""
    widths = Counter(len(record.cells) for record in records)
    width = max(widths, key=lambda cells: widths[cells] * cells)  # most cells lie in the table
    body = [record.cells for record in records if len(record.cells) == width]
    body = body[-max(min(3, len(body) - 1), len(body) // 2, 1) :][-50:]
    kinds = [text_kind(column, options.na) for column in zip(*body, strict=True)]
    typed = any(kind in ("number", "time") for kind in kinds)
    row = next((i for i, record in enumerate(records) if _is_row(record.cells, kinds, options)), None)
    if len(records) == 1 or row is None or not typed:
        row = 1 if row != 0 or len(records) == 1 else 0
    names = [cell.strip() for cell in records[0].cells]
    if row == 0 and options.columns is None:
        named = next(reader([comments[-1].lstrip("# ")], sign, strict=False)) if comments else []
        if len(named) == width and not any(map(is_number, named)):
            message = "The names of the columns were taken from the comment {text!r}."
            notes.append(Note("header", message, {"text": comments.pop()[:60]}))
            return 0, 0, [cell.strip() for cell in named]
        if _is_count([name for name, kind in zip(names, kinds, strict=False) if kind != "text"]):
            return 0, 1, names
        values = {"path": path, "line": records[0].begin + 1, "cells": ", ".join(records[0].cells[:4])}
        raise SchemaError(tr(_NO_NAMES, **values))
    if row == 0:
        return 0, 0, list(options.columns or ())
    last = next((i for i in range(row - 1, -1, -1) if _is_names(records[i].cells, kinds)), None)
    if last is None:  # nothing above the rows reads as names
        return 0, 1, names
    top = last
    while top and _belongs(records[top - 1], records[top], kinds):
        top -= 1
    block = [[cell.strip() for cell in record.cells] for record in records[top : last + 1]]
    main, names = _names(block, kinds)
    while len(names) > width and not names[-1]:
        names.pop()
    if len(names) == width and not names[-1] and kinds[-1] == "empty":
        names.pop()
    left = [line for i, line in enumerate(block) if i not in main]
    if left and options.columns is None:
        message = "The header has {count} lines; names are from {names}; left out: {text}."
        shown = "; ".join(", ".join(filter(None, line[:6])) for line in left)
        lines = ", ".join(str(records[top + i].begin + 1) for i in main)
        notes.append(Note("header", message, {"count": len(block), "names": tr("line {n}", n=lines), "text": shown}))
    elif len(main) > 1:
        message = "The header has {count} lines, which were put together: {names}."
        notes.append(Note("header", message, {"count": len(block), "names": ", ".join(names[:6])}))
    return top, last + 1, names


def _is_row(cells: list[str], kinds: list[Kind], options: Options) -> bool:
    """Whether cells are of the kinds that those of later rows are."""
    if abs(len(cells) - len(kinds)) > 1:
        return False
    good = bad = 0
    for cell, kind in zip(cells, kinds, strict=False):
        text = cell.strip()
        if kind not in ("number", "time") or not text:
            continue
        if kind == "time" and not looks_like_time(text):
            return False
        fine = (
            kind == "time" or is_number(text) or options.na(text) or bool(what_is(text)) or take_off(text) is not None
        )
        good, bad = good + fine, bad + (not fine)
        if kind == "time":
            good += len(kinds)
    return good > 0 and good >= 2 * bad


def _is_names(cells: list[str], kinds: list[Kind]) -> bool:
    """Whether cells can be a line of a header: text, and no number in a column of numbers unless they count on."""
    held = [cell.strip() for cell, kind in zip(cells, kinds, strict=False) if kind != "text" and cell.strip()]
    if not any(cell.strip() for cell in cells):
        return False
    return not any(is_number(cell) and not is_missing(cell) for cell in held) or _is_count(
        [cell for cell in held if is_number(cell)]
    )


def _belongs(upper: Record, lower: Record, kinds: list[Kind]) -> bool:
    """Whether a line right above another is of the same header."""
    wide = len(upper.cells) > 1 and abs(len(upper.cells) - len(kinds)) <= 1
    return wide and upper.end == lower.begin and _is_names(upper.cells, kinds)


def _is_count(cells: list[str]) -> bool:
    """Whether cells are 0, 1, 2 ... as the columns of a nameless frame are, or years one after the other."""
    if len(cells) < 2 or not all(cell.isdigit() for cell in cells):
        return False
    numbers = [int(cell) for cell in cells]
    begins = numbers[0] == 0 or 1500 <= numbers[0] <= 2200
    return begins and numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def _names(block: list[list[str]], kinds: list[Kind]) -> tuple[list[int], list[str]]:
    """Which lines of a header name the columns, and the names.

    The last line that names every column, each differently, and does not hold units; else all lines that tell columns
    apart put together. A last line with one cell, as pandas writes it under several levels, names the first column.
    """
    index = ""
    lines = list(range(len(block)))
    if len(block) > 1 and block[-1][0] and not any(block[-1][1:]):
        index = block[-1][0]
        lines.pop()
    elif len(block) > 1:
        for i in reversed(lines):
            line = block[i]
            full = all(line) or (all(line[:-1]) and len(line) > len(kinds) - 1 and kinds[-1] == "empty")
            if full and len(set(line)) == len(line) and not _are_units(line, kinds):
                return [i], line
    width = max(len(block[i]) for i in lines)
    padded = {i: block[i] + [""] * (width - len(block[i])) for i in lines}
    telling = [i for i in lines if len(set(padded[i][1:])) > 1 and not (i and _are_units(padded[i], kinds))]
    single = next((i for i in telling if len(set(padded[i][1:])) == width - 1 and all(padded[i][1:])), None)
    used = [single] if single is not None else telling or lines[:1]
    nameless = [j for j in range(1, width) if not any(padded[i][j] for i in used)]
    shared = [i for i in lines if i not in used and nameless and all(padded[i][j] for j in nameless)]
    used = sorted([*used, *shared[-1:]])
    names = [" ".join(dict.fromkeys(padded[i][j] for i in used if padded[i][j])) for j in range(width)]
    names[0] = index or next((padded[i][0] for i in reversed(used) if padded[i][0]), "")
    return used, names


def _are_units(line: list[str], kinds: list[Kind]) -> bool:
    """Whether a line below a header holds units or types rather than names."""
    held = [cell for cell, kind in zip(line, kinds, strict=False) if cell and kind != "time"]
    return bool(held) and all(
        cell in UNITS or cell.lower() in _TYPES or (cell[0] in "[(" and cell[-1] in ")]") for cell in held
    )


def _tell(before: list[Record], comments: list[str], notes: list[Note]) -> None:
    lines = [", ".join(filter(None, (cell.strip() for cell in record.cells))) for record in before]
    for kind, texts, message in (
        ("comments", comments, "Lines of comment left out at the top: {count}, such as {text!r}."),
        ("preamble", lines, "Lines left out before the header: {count}, such as {text!r}."),
    ):
        if texts:
            notes.append(Note(kind, message, {"count": len(texts), "text": texts[0][:60]}))
