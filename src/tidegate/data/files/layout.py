"""Where the table of a text file is: its delimiter, the lines before its header, the header itself, the first row."""

from __future__ import annotations

import codecs
import csv
import io
import re
import zlib
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from tidegate.core.errors import ConfigError, ReadError, SchemaError
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.data.cells.columns import Options
from tidegate.data.cells.numbers import is_missing, is_number
from tidegate.data.files import dialect
from tidegate.data.files.header import SPACES, Record, header_of, is_rule, reader
from tidegate.data.time.forms import looks_like_time

DELIMITERS = (",", ";", "\t", "|")
_UNUSUAL = "~^\x01\x1f\x1e\xa6\xa7!#&*@:"
_RECORDS, _CELLS, _TRIED, _TIE = 1000, 200_000, 60, 0.1
_SEPARATOR = re.compile(r'"?sep=(.)"?', re.I)
_MARKUP = re.compile(r"\s*<(?:!doctype|html|table|\?xml|div|body|head|meta|style)\b", re.I)
_JSON = re.compile(r'\ufeff?\s*(?:\{\s*"|\[\s*(?:\{|\[))')
_OTHER = "{path} holds {what}, not a table; {such}"
_OTHERS = {
    ("Prometheus metrics", "fetch a range of times (query_range) and write its time and value as columns"): re.compile(
        r"(?=[^\n]*# (?:HELP|TYPE)|[^\n]*\{)"
        r"(?:(?:# (?:HELP|TYPE|UNIT)\b.*|[A-Za-z_:][\w:]*(?:\{.*\})? [-+.\deEINnaf]+(?: \d{13})?)\r?\n)+"
    ),
    ("InfluxDB line protocol", "query the bucket and export the answer as CSV"): re.compile(
        r"(?:[^\s,=\"]+(?:,[^\s,=]+=[^\s,=]+)* [^\s,=]+=(?:\"[^\"]*\"|[^\s,\"]+)"
        r"(?:,[^\s,=]+=(?:\"[^\"]*\"|[^\s,\"]+))*(?: \d{9,19})?\r?\n)+"
    ),
    ("lines that stand in quotes as a whole", "take the outer quotes away: each cell may have its own"): re.compile(
        r"(?:\"[^\"\n]*[,;\t|][^\"\n]*\"\r?\n)+"
    ),
}
_NO_HEADER = "{path} has no header line; expected column names, then rows"
_NO_ROWS = "{path} has a header line but no rows; expected at least one line of values below it"
_DOUBLED = (
    "{path}, line {line}: column name {name!r} occurs {count} times; give every column its own name, or name all with "
    "columns=[...] (--columns a,b,c)"
)
_OTHER_COUNT = (
    "columns= (--columns) names {count} columns, but line {line} of {path} has {cells} cells; name every column"
)


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
    _refuse(path, lines, options, wide_rows)
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
        head, first, names = header_of(path, records, options, comments, sign, notes)
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


def _refuse(path: Path, lines: list[str], options: Options, wide_rows: bool) -> None:
    """Say what a file is that is no table.

    Raises:
        ReadError: it is none.
    """
    if lines and _MARKUP.match("".join(lines[:3])):
        message = "{path} is HTML or XML, not a table of text; open it in a spreadsheet and save it as CSV"
        raise ReadError(tr(message, path=path))
    if lines and _JSON.match("".join(lines[:2])) and not wide_rows:
        raise ReadError(tr("{path} holds JSON; name it .json, or .jsonl where each line is an object", path=path))
    for (what, export), form in _OTHERS.items():
        if options.columns is None and len(lines) > 2 and form.fullmatch("".join(lines[:9])):
            raise ReadError(tr(_OTHER, path=path, what=tr(what), such=tr(export)))
    if any(line.strip().lower() == "@data" for line in lines[:_RECORDS]):
        message = (
            "{path} is an ARFF file; read its lines below @data as CSV, with skip_rows= (--skip-rows) and columns= "
            "(--columns)"
        )
        if options.columns is None:
            raise ReadError(tr(message, path=path))


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
        if width > 1 and score > 1.2 and len(lines) > 2:
            return SPACES, ""
        others = {sign: _score(list(reader(lines, sign)), False) for sign in _UNUSUAL if all(sign in x for x in lines)}
        best = max(others, key=lambda sign: others[sign][0], default=",")
        return best if len(lines) > 2 and others.get(best, (0.0, 0))[0] > 1.4 else ",", ""
    ranked = sorted(scores, key=lambda sign: (-round(scores[sign][0], 1), -scores[sign][1], -scores[sign][0]))
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
            if (any(cell.strip() for cell in row) or len(row) > 1) and not is_rule(sign.join(row)):
                found.append(Record(at, end, row))
                cells += len(row)
            at = end
            if cells > _CELLS and len(found) > 20:
                break
    except csv.Error:
        return None if strict and len(found) < 2 else found
    return found


def _tell(before: list[Record], comments: list[str], notes: list[Note]) -> None:
    lines = [", ".join(filter(None, (cell.strip() for cell in record.cells))) for record in before]
    for kind, texts, message in (
        ("comments", comments, "Lines of comment left out at the top: {count}, such as {text!r}."),
        ("preamble", lines, "Lines left out before the header: {count}, such as {text!r}."),
    ):
        if texts:
            notes.append(Note(kind, message, {"count": len(texts), "text": texts[0][:60]}))


_TAIL, _CHUNK = 1 << 16, 1 << 20
_MOST = 200
_TOTALS = """
total totals sum average mean avg median grand subtotal gesamt summe mittelwert durchschnitt totaux somme
moyenne suma media promedio totaal totale soma média totalt 合計 總計 小計 平均 总计 合计 小计 總和 总和 計
合計値 平均值 平均値 平均數 최대 최소 합계 평균 min minimum max maximum std stdev count mínimo máximo minimal
maximal 最大值 最小值 最大値 最小値 итого всего
"""
TOTALS = frozenset(_TOTALS.split())
REMARKS: tuple[str, ...] = (
    "source",
    "note",
    "remark",
    "copyright",
    "©",
    "(c)",
    "data from",
    "generated",
    "exported",
    "last updated",
)
REMARKS += ("quelle", "hinweis", "stand:", "fonte", "fuente", "nota", "資料來源", "備註", "說明", "註", "来源", "备注")


class Cut(io.RawIOBase):
    """The first bytes of a file."""

    def __init__(self, file: BinaryIO, stop: int) -> None:
        self.file = file
        self.left = stop

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        data = self.file.read(min(len(view), self.left))
        view[: len(data)] = data
        self.left -= len(data)
        return len(data)

    def close(self) -> None:
        self.file.close()
        super().close()


def trailer(
    path: Path, encoding: str, start: bytes, whole: bool, delimiter: str, width: int, times: Collection[int]
) -> tuple[int | None, list[str]]:
    """Where the rows end, in bytes of the unpacked file (None at its end), and the lines after them.

    A line is no row where it begins with # (and holds no time where rows do); where only its first cell holds
    something, and that is words; or where a column of times says "total" or the like.

    Args:
        path, encoding, delimiter, width: of the file.
        start: its first bytes; `whole` says whether these are all.
        times: places of the columns of times.
    """
    if width < 2 or encoding.startswith("utf-32"):
        return None, []
    data, offset = (start, 0) if whole else _end_of(path)
    wide = None if not encoding.startswith("utf-16") else "utf-16-be" if _big(encoding, start) else "utf-16-le"
    size = len(data)
    if wide is not None:  # the same lines, in bytes that can be searched for line ends
        data, encoding = data[offset % 2 :].decode(wide, "ignore").encode("utf-8"), "utf-8"
    found: list[str] = []
    stop = end = len(data)
    while end > 0 and len(found) < _MOST:
        begin = max(data.rfind(b"\n", 0, end - 1), data.rfind(b"\r", 0, end - 1)) + 1
        if begin == 0 and (offset or not found):
            break
        try:
            line = data[begin:end].decode(encoding).strip("\r\n")
            cells = next(reader([line], delimiter), [])
        except (UnicodeDecodeError, csv.Error):
            break
        if line.count('"') % 2:  # the end of a cell of several lines
            break
        if any(cell.strip() for cell in cells):
            if not _is_comment(line, cells, width, times) and not is_rule(line) and not _is_remark(cells, width, times):
                break
            found.append(line.strip())
            stop = begin
        elif times and line.strip():  # delimiters alone, as spreadsheets leave them
            found.append(line.strip())
            stop = begin
        end = begin
    if wide is not None:
        stop = size - len(data[stop:].decode("utf-8").encode(wide))
    return (offset + stop, found[::-1]) if found else (None, [])


def _big(encoding: str, start: bytes) -> bool:
    """Whether the larger byte comes first in text of UTF-16."""
    return encoding == "utf-16-be" or start.startswith(codecs.BOM_UTF16_BE)


def _end_of(path: Path) -> tuple[bytes, int]:
    """The last bytes of the unpacked file, and where they begin."""
    with dialect.open_bytes(path) as file:
        try:
            at = max(0, file.seek(0, io.SEEK_END) - _TAIL)
            file.seek(at)
            return file.read(), at
        except (OSError, ValueError):  # gzip cannot be read from its end
            pass
    kept, size = b"", 0
    with dialect.open_bytes(path) as file:
        try:
            while chunk := file.read(_CHUNK):
                kept, size = (kept + chunk)[-_TAIL:], size + len(chunk)
        except (OSError, EOFError, zlib.error):
            return b"", 0  # told where the rows are read
    return kept, size - len(kept)


def _is_comment(line: str, cells: list[str], width: int, times: Collection[int]) -> bool:
    """Whether a line begins with #, and is no row whose first cell does, as numbers of orders do."""
    return line.startswith("#") and not (len(cells) == width and any(looks_like_time(cells[i]) for i in times))


def _is_remark(cells: list[str], width: int, times: Collection[int]) -> bool:
    held = [cell.strip() for cell in cells if cell.strip()]
    words = any(map(str.isalpha, held[0])) or not any(map(str.isdigit, held[0]))
    if 0 in times and held[0] == cells[0].strip() and held[0].lower().startswith(REMARKS):
        return True
    alone = words and len(held) == 1 and bool(cells[0].strip()) and (len(cells) < width or 0 in times)
    if alone and not is_number(held[0]) and not is_missing(held[0]):
        return not looks_like_time(held[0])
    if times and 0 not in times and len(cells) < width:  # a kind of line of its own, as "C,END OF REPORT,302"
        return words and not any(looks_like_time(cells[i]) for i in times if i < len(cells))
    text = [cells[i].strip().lower().rstrip(":：").split() for i in times if i < len(cells)]
    return any(part and part[0] in TOTALS for part in text) and len(cells) <= width + 1
