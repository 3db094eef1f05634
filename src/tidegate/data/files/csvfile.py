"""CSV files with the standard library alone, in bounded memory and with exact line numbers for errors."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np

from tidegate.core.errors import DataError, ReadError, SchemaError
from tidegate.core.table import Note
from tidegate.data.cells.columns import (
    Column,
    Kind,
    Loaded,
    NumberColumn,
    Options,
    Role,
    bad_cell,
    column_for,
    finish,
    text_kind,
)
from tidegate.data.cells.numbers import BadCellError, Decimal, decimal_evidence, looks_numeric
from tidegate.data.files import dialect as sniff
from tidegate.data.time.forms import looks_like_time

_SAMPLE = 1000
_CHUNK = 1 << 20
_ROWS = 8192


class CsvFile:
    """A CSV file as a source of columns.

    Args:
        path: the file; gzip is told by its content.
        encoding, delimiter, decimal: how it is written; None finds out.
        wide_rows: rows may be shorter than the header (one series a row).
    """

    def __init__(
        self, path: Path, encoding: str | None, delimiter: str | None, decimal: Decimal | None, wide_rows: bool = False
    ) -> None:
        self.path = path
        self.label = path.name
        self.notes: list[Note] = []
        self.kinds: dict[int, Kind] = {}
        start = sniff.head(path)
        self.given = encoding
        self.encoding = sniff.encoding_of(path, start, encoding)
        try:
            text = start.decode(self.encoding, errors="strict" if len(start) < sniff._HEAD else "ignore")
        except UnicodeError:
            raise self._undecodable() from None
        lines = text.lstrip("\ufeff").splitlines(keepends=True)
        if len(start) >= sniff._HEAD and len(lines) > 1:
            lines.pop()
        self.skipped = 0
        while lines and (not lines[0].strip() or lines[0].lstrip().startswith("#")):
            lines.pop(0)
            self.skipped += 1
        if not lines:
            raise ReadError(f"{path} has no header line; expected column names, then rows")
        self.delimiter = sniff.delimiter_of("".join(lines), delimiter)
        try:
            sample = [row for row in islice(self._reader(lines), _SAMPLE + 1) if row]
        except csv.Error:
            sample = [row for row in islice(csv.reader(lines, delimiter=self.delimiter), _SAMPLE + 1) if row]
        self.names = self._header(sample[0])
        if not wide_rows and len(sample) == 1:
            raise ReadError(f"{path} has a header line but no rows; expected at least one line of values below it")
        self.wide_rows = wide_rows
        self.sample: list[tuple[str, ...]] = list(
            zip(*(_pad(row, len(self.names)) for row in sample[1:]), strict=True)
        ) or [() for _ in self.names]
        point, comma = self._evidence()
        self.decimal: Decimal = decimal or ("," if comma > point else ".")
        self.grouped = decimal is not None or point + comma > 0
        self._tell(encoding, delimiter)

    def _header(self, cells: list[str]) -> tuple[str, ...]:
        names = [cell.strip() or f"column {i + 1}" for i, cell in enumerate(cells)]
        doubled = sorted({name for name in names if names.count(name) > 1})
        line = self.skipped + 1
        held = [cell for cell in cells if not looks_like_time(cell)]
        counted = len(names) > 1 and names == [str(i) for i in range(len(names))]  # a frame without column names
        if not counted and looks_numeric(held or ["0"], 0.99):
            raise SchemaError(
                f"{self.path}, line {line} holds values ({', '.join(cells[:4])}) where column names belong; "
                "add a header line"
            )
        if doubled:
            raise SchemaError(
                f"{self.path}, line {line}: column name {doubled[0]!r} occurs {names.count(doubled[0])} times; "
                "give every column its own name"
            )
        return tuple(names)

    def _evidence(self) -> tuple[int, int]:
        point = comma = 0
        for texts in self.sample:
            if text_kind(texts) != "number":
                continue
            more = decimal_evidence(texts)
            point, comma = point + more[0], comma + more[1]
        return point, comma

    def _tell(self, encoding: str | None, delimiter: str | None) -> None:
        if encoding is None and self.encoding in ("cp950", "latin-1"):
            self.notes.append(
                Note(
                    "encoding",
                    "The file is not UTF-8; it was read as {encoding}. If names look wrong, pass encoding=.",
                    {"encoding": "Big5" if self.encoding == "cp950" else "Latin-1"},
                )
            )
        if self.decimal == ",":
            self.notes.append(Note("decimal", "Numbers were read with a decimal comma."))

    def _names(self, text: Any) -> list[str]:
        """Read up to and with the header line."""
        try:
            return next(self._reader(islice(text, self.skipped, None)))
        except csv.Error as error:
            raise self._broken(str(error)) from None

    def _reader(self, lines: Any) -> Iterator[list[str]]:
        return csv.reader(lines, delimiter=self.delimiter, strict=True)

    def _undecodable(self) -> ReadError:
        line = 1
        with sniff.open_bytes(self.path) as file:
            for line, raw in enumerate(file, 1):  # noqa: B007
                try:
                    raw.decode(self.encoding)
                except UnicodeError:
                    break
        return ReadError(
            f"{self.path}, line {line}: these bytes are not {self.encoding} text; pass the file's own encoding=, for "
            "instance 'utf-8', 'big5', 'gb18030' or 'latin-1'"
        )

    def kind(self, name: str) -> Kind:
        place = self.names.index(name)
        if place not in self.kinds:
            self.kinds[place] = text_kind(self.sample[place])
        return self.kinds[place]

    def cells(self, name: str) -> tuple[str, ...]:
        return self.sample[self.names.index(name)]

    def place(self, row: int) -> str:
        with sniff.open_bytes(self.path) as file, sniff.text_of(self.path, self.encoding, file) as text:
            reader = csv.reader(islice(text, self.skipped, None), delimiter=self.delimiter)
            count = -1
            for cells in reader:
                count += bool(cells) and not _blank(cells, len(self.names))
                if count == row + 1:
                    return f"{self.label}, line {reader.line_num + self.skipped}"
        return f"{self.label}, row {row}"

    def load(self, roles: dict[str, Role], options: Options) -> Loaded:
        try:
            return self._load(roles, options)
        except UnicodeError:
            if self.given is not None or self.encoding != "utf-8":
                raise self._undecodable() from None
        # a character beyond the first bytes is not UTF-8: judge the encoding by the whole file
        with sniff.open_bytes(self.path) as file:
            self.encoding = sniff.legacy(b"".join(line for line in file if not line.isascii()))
        self._tell(None, None)
        with sniff.open_bytes(self.path) as file, sniff.text_of(self.path, self.encoding, file) as text:
            self.names = self._header(self._names(text))
        return self._load(roles, options)

    def _load(self, roles: dict[str, Role], options: Options) -> Loaded:
        options = Options(self.decimal, self.grouped, options.date_format)
        columns: dict[int, tuple[str, Column]] = {}
        for name, role in roles.items():
            columns[self.names.index(name)] = (name, column_for(name, role, self.kind(name), options))
        rows = 0
        try:
            with sniff.open_bytes(self.path) as file, sniff.text_of(self.path, self.encoding, file) as text:
                self._names(text)
                for count in self._chunks(text, columns):
                    rows += count
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise ReadError(f"{self.path}: the gzip data are damaged ({error}); fetch the file again") from None
        if rows == 0:
            raise ReadError(f"{self.path} has a header line but no rows; expected at least one line of values below it")
        return Loaded(rows, {name: finish(column, self) for name, column in columns.values()})

    def _chunks(self, text: Any, columns: dict[int, tuple[str, Column]]) -> Iterator[int]:
        width = len(self.names)
        numeric = [
            i for i, (_, column) in columns.items() if isinstance(column, NumberColumn) and column.decimal == "."
        ]
        done = 0
        while lines := text.readlines(_CHUNK):
            plain = self._plain(lines, width, bool(numeric) and max(numeric) == width - 1)
            if plain is None:
                yield from self._careful(chain(lines, text), columns, done)
                return
            if not plain:
                continue
            block = None
            if numeric:
                try:
                    block = np.loadtxt(plain, delimiter=self.delimiter, usecols=numeric, comments=None, ndmin=2)
                except ValueError:
                    block = None
            if block is not None and len(block) == len(plain):
                for j, i in enumerate(numeric):
                    column = columns[i][1]
                    assert isinstance(column, NumberColumn)
                    column.add_array(np.ascontiguousarray(block[:, j]))
                rest = [i for i in columns if i not in numeric]
            elif self._even(plain, width):
                rest = list(columns)
            else:
                yield from self._careful(chain(lines, text), columns, done)
                return
            self._split(plain, rest, columns)
            done += len(plain)
            yield len(plain)

    def _split(self, lines: list[str], wanted: list[int], columns: dict[int, tuple[str, Column]]) -> None:
        if not wanted:
            return
        sign, last = self.delimiter, max(wanted)
        if len(wanted) == 1:
            cells = {last: [line.split(sign, last + 1)[last] for line in lines]}
        else:
            split = [line.split(sign, last + 1) for line in lines]
            cells = {i: [row[i] for row in split] for i in wanted}
        for i in wanted:
            self._add(columns[i], cells[i])

    def _add(self, entry: tuple[str, Column], texts: Any) -> None:
        name, column = entry
        try:
            column.add(texts)
        except BadCellError as error:
            raise bad_cell(error, name, column, self) from None

    def _even(self, lines: list[str], width: int) -> bool:
        return {line.count(self.delimiter) for line in lines} == {width - 1}

    def _plain(self, lines: list[str], width: int, last: bool) -> list[str] | None:
        """Lines that can be split at every delimiter, without quotes and line ends; None where that is unsafe.

        `last`: the caller sees to it that every line reaches the last column, so that counting them together will do.
        """
        joined = "".join(lines)
        if '"' in joined:
            if '""' in joined or any(line.count('"') & 1 for line in lines):
                return None
            lines = joined.replace('"', "").splitlines()
        elif "\r" in joined:
            lines = joined.splitlines()
        else:
            lines = joined.split("\n")
        if lines and not lines[-1]:
            lines.pop()
        if last and width > 1:
            return lines if "".join(lines).count(self.delimiter) == len(lines) * (width - 1) else None
        return lines if self._even(lines, width) and (width > 1 or all(lines)) else None

    def _careful(self, lines: Iterator[str], columns: dict[int, tuple[str, Column]], done: int) -> Iterator[int]:
        width = len(self.names)
        reader = self._reader(lines)
        while True:
            try:
                rows = list(islice(reader, _ROWS))
            except csv.Error as error:
                raise self._broken(str(error)) from None
            if not rows:
                return
            if {len(row) for row in rows} != {width}:
                rows = [_trim(row, width) for row in rows if row and not _blank(row, width)]
                for i, row in enumerate(rows):
                    if len(row) != width:
                        raise ReadError(
                            f"{self.place(done + i)} has {len(row)} cells where the header has {width}; "
                            "complete the line, or quote cells that contain the delimiter "
                            f"{self.delimiter!r}"
                        )
            if rows:
                cells = list(zip(*rows, strict=True))
                for i, entry in columns.items():
                    self._add(entry, cells[i])
                done += len(rows)
                yield len(rows)

    def _broken(self, reason: str) -> DataError:
        with sniff.open_bytes(self.path) as file, sniff.text_of(self.path, self.encoding, file) as text:
            reader: Any = self._reader(islice(text, self.skipped, None))
            last = 0
            try:
                for _ in reader:
                    last = reader.line_num
            except csv.Error:
                pass
        return ReadError(
            f"{self.label}, line {last + 1 + self.skipped}: the quotes are broken ({reason}); close or double the quote"
        )


def _pad(row: list[str], width: int) -> list[str]:
    return row[:width] + [""] * (width - len(row))


def _blank(row: list[str], width: int) -> bool:
    return len(row) == 1 and width > 1 and not row[0].strip()


def _trim(row: list[str], width: int) -> list[str]:
    """Drop empty cells beyond the header, which a delimiter at the end of every line leaves."""
    while len(row) > width and not row[-1].strip():
        row = row[:-1]
    return row
