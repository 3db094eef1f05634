"""Which lines of a text file are its header, and the names of the columns in them."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from tidegate.core.errors import SchemaError
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.data.cells.columns import Kind, Options, text_kind
from tidegate.data.cells.notation import UNITS, take_off, what_is
from tidegate.data.cells.numbers import is_missing, is_number
from tidegate.data.time.forms import looks_like_time
from tidegate.data.time.parts import is_time_name

SPACES = " "
_TYPE_WORDS = "string str float int integer double long number date datetime time bool boolean text -"
_TYPES = frozenset(_TYPE_WORDS.split())
_RDB_TYPE = re.compile(r"\d+[sdn]")
_FORMULA = re.compile(r"(^|[,;\t|])=(?=\")")
_RULE = re.compile(r"[\s|+:=_-]*[-=_]{3,}[\s|+:=_-]*")
_ONE_LESS = "The header names one column less than the rows have cells: the first column holds the names of rows."
_NO_NAMES = (
    "{path}, line {line} holds values ({cells}) where column names belong; add a header line, or name the columns with "
    "columns=[...] (--columns a,b,c)"
)


@dataclass(frozen=True)
class Record:
    """One row of cells; `begin` counts the physical lines before it, `end` is its last."""

    begin: int
    end: int
    cells: list[str]


def reader(lines: Iterable[str], delimiter: str, strict: bool = True) -> Iterator[list[str]]:
    """Cells of each line; of runs of blanks where the delimiter is a blank."""
    if delimiter == SPACES:
        lines = map(squeeze, lines)
    return csv.reader(map(_plain, lines), delimiter=delimiter, strict=strict)


def _plain(line: str) -> str:
    """A line with `="0012"`, by which spreadsheets are told to keep text, as `"0012"`."""
    return _FORMULA.sub(r"\1", line) if '="' in line else line


def is_rule(line: str) -> bool:
    """Whether a line is ruled, as between a header and its rows: `-----`, `|---|---|`, `+====+`."""
    return _RULE.fullmatch(line) is not None


def squeeze(line: str) -> str:
    """A line with one blank wherever it had several, and none at its ends."""
    return " ".join(line.split()) + "\n"


def header_of(
    path: Path, records: list[Record], options: Options, comments: list[str], sign: str, notes: list[Note]
) -> tuple[int, int, list[str]]:
    """Which record is the first of the header, which is the first row, and the names."""
    widths = Counter(len(record.cells) for record in records)
    width = max(widths, key=lambda cells: widths[cells] * cells)  # most cells lie in the table
    body = [record.cells for record in records if len(record.cells) == width]
    body = body[-max(min(3, len(body) - 1), len(body) // 2, 1) :][-50:]
    kinds = [text_kind(column, options.na) for column in zip(*body, strict=True)]
    typed = any(kind in ("number", "time") for kind in kinds)
    same = [len(body) > 2 and len({*column}) == 1 for column in zip(*body, strict=True)]
    loose: list[Kind] = ["text" if alike else kind for alike, kind in zip(same, kinds, strict=True)]
    loose = loose if {"number", "time"} & set(loose) else kinds  # what is the same in every row may stand in a header
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
    last = next((i for i in range(row - 1, -1, -1) if _is_names(records[i].cells, loose)), None)
    if last is None:  # nothing above the rows reads as names
        return 0, 1, names
    top = last
    while top and _belongs(records[top - 1], records[top], loose):
        top -= 1
    block = [[cell.strip() for cell in record.cells] for record in records[top : last + 1]]
    main, names = _names(block, kinds)
    dated = "time" in kinds and names and is_time_name(names[kinds.index("time")])  # else a decimal comma divided
    if len(names) == width - 1 and all(names) and not dated and all(row[-1].strip() for row in body):
        names.insert(0, "")  # as R and pandas write the names of rows
        notes.append(Note("header", _ONE_LESS))
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
    held = [cell.strip() for cell, kind in zip(cells, kinds, strict=False) if kind == "number" and is_number(cell)]
    words = any(
        kind == "number" and cell.strip() and not is_number(cell) for cell, kind in zip(cells, kinds, strict=False)
    )
    counted = words and all(map(str.isdigit, held)) and {int(b) - int(a) for a, b in pairwise(held)} == {1}
    years = len(held) > 2 and (_are_years(held) or counted or (_is_count(held) and int(held[0])))
    if abs(len(cells) - len(kinds)) > 1 or years:
        return False  # years, or counted from 1, as names
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
    if not wide or upper.end != lower.begin:
        return False
    told = {"time"} & set(kinds) and len(upper.cells) == len(kinds)  # a row would hold a time
    return _is_names(upper.cells, kinds) or bool(told and upper.cells[0].strip()[-1:] not in ("", ":"))


def _are_years(cells: list[str]) -> bool:
    """Whether cells are years that rise or fall."""
    rising = sorted({cell for cell in cells if re.fullmatch(r"(?:1[6-9]|2[01])\d\d", cell)})
    return cells in (rising, rising[::-1])


def _is_count(cells: list[str]) -> bool:
    """Whether cells are 0, 1, 2 ... as the columns of a nameless frame are, or years one after the other."""
    if len(cells) < 2 or not all(cell.isdigit() for cell in cells):
        return False
    numbers = [int(cell) for cell in cells]
    begins = numbers[0] == 0 or 1500 <= numbers[0] <= 2200
    return begins and numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def _names(block: list[list[str]], kinds: list[Kind]) -> tuple[list[int], list[str]]:
    """Which lines of a header name the columns, and the names.

    The line that names every column, each differently, and does not hold units: the first of several, unless another
    calls a column of times by a word for time; else all lines that tell columns apart put together. A last line with
    one cell, as pandas writes it under several levels, names the first column.
    """
    index = ""
    lines = list(range(len(block)))
    if len(block) > 1 and block[-1][0] and not any(block[-1][1:]):
        index = block[-1][0]
        lines.pop()
    full = [i for i in lines if len(block) > 1 and _names_all(block[i], kinds)]
    if full:
        times = [place for place, kind in enumerate(kinds) if kind == "time"]
        named = [i for i in full if any(is_time_name(block[i][place]) for place in times)]
        at = (named or full)[0]
        return [at], [index or block[at][0], *block[at][1:]]
    width = max(len(block[i]) for i in lines)
    padded = {i: block[i] + [""] * (width - len(block[i])) for i in lines}
    telling = [i for i in lines if len(set(padded[i][1:])) > 1 and not (i and _are_units(padded[i], kinds))]
    telling = [i for i in telling if _is_names(block[i], kinds)]
    single = next((i for i in telling if len(set(padded[i][1:])) == width - 1 and all(padded[i][1:])), None)
    used = [single] if single is not None else telling or lines[:1]
    nameless = [j for j in range(1, width) if not any(padded[i][j] for i in used)]
    shared = [i for i in lines if i not in used and nameless and all(padded[i][j] for j in nameless)]
    used = sorted([*used, *shared[-1:]])
    names = [" ".join(dict.fromkeys(padded[i][j] for i in used if padded[i][j])) for j in range(width)]
    names[0] = index or next((padded[i][0] for i in reversed(used) if padded[i][0]), "")
    return used, names


def _names_all(line: list[str], kinds: list[Kind]) -> bool:
    """Whether a line of a header names every column, each differently, and holds neither units nor values."""
    if not _is_names(line, kinds):
        return False
    full = all(line) or (all(line[:-1]) and len(line) > len(kinds) - 1 and kinds[-1] == "empty")
    if not full or len(set(line)) < len(line) or len(line) < len(kinds) - 1 or _are_units(line, kinds):
        return False
    return not any(looks_like_time(cell) for cell, kind in zip(line, kinds, strict=False) if kind in ("number", "time"))


def _are_units(line: list[str], kinds: list[Kind]) -> bool:
    """Whether a line below a header holds units or types rather than names."""
    held = [cell for cell, kind in zip(line, kinds, strict=False) if cell and kind != "time"]
    return bool(held) and all(
        cell in UNITS or cell.lower() in _TYPES or _RDB_TYPE.fullmatch(cell) or (cell[0] in "[(" and cell[-1] in ")]")
        for cell in held
    )
