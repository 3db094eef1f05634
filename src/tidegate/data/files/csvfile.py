"""CSV files with the standard library alone, in bounded memory and with exact line numbers for errors."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np

from tidegate.core.errors import DataError, ReadError
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.data.cells.columns import Column, Kind, Loaded, Options, Role, bad_cell, column_for, finish, text_kind
from tidegate.data.cells.notation import Notation, dotted, evidence, notations
from tidegate.data.cells.number_column import NumberColumn
from tidegate.data.cells.numbers import BadCellError
from tidegate.data.files import dialect
from tidegate.data.files.encodings import NAMES, guess
from tidegate.data.files.header import SPACES, is_rule, reader, squeeze
from tidegate.data.files.layout import Cut, layout_of, trailer

_CHUNK = 1 << 20
_ROWS = 8192
_SAMPLE = 900  # fewer rows than a layout looks at
_NO_ROWS = "{path} has a header line but no rows; expected at least one line of values below it"
_DAMAGED = "{path}: the gzip data are damaged ({error}); fetch the file again"


class CsvFile:
    """A CSV file as a source of columns.

    Args:
        path: the file; gzip is told by its content.
        options: how it is written; what is None is found out.
        wide_rows: rows may be shorter than the header (one series a row).
    """

    def __init__(self, path: Path, options: Options, wide_rows: bool = False) -> None:
        self.path = path
        self.label = path.name
        self.options = options
        self.wide_rows = wide_rows
        self.start, self.whole = dialect.head(path)
        self._open(dialect.encoding_of(path, self.start, options.encoding))

    def _open(self, encoding: str) -> None:
        """Find out how the file is written, given its encoding."""
        self.encoding, self.notes = encoding, []
        self.stop: int | None = None
        try:
            text = self.start.decode(encoding, errors="strict" if self.whole else "ignore")
        except UnicodeError:
            raise self._undecodable() from None
        lines = list(io.StringIO(text.lstrip("\ufeff"), newline=""))
        if not self.whole and len(lines) > 1:
            lines.pop()
        found = layout_of(self.path, lines, self.options, self.wide_rows)
        self.delimiter, self.names, self.skipped = found.delimiter, found.names, found.skipped
        self.place_of = {name: i for i, name in enumerate(self.names)}
        width = len(self.names)
        rows = [row[:width] + [""] * (width - len(row)) for row in found.sample]
        columns = [[row[i] for row in rows if row[i].strip() != name] for i, name in enumerate(self.names)]
        self.kinds: list[Kind] = [text_kind(texts, self.options.na) for texts in columns]
        times = [i for i, kind in enumerate(self.kinds) if kind == "time"]
        self._tell_encoding()
        self.notes.extend(found.notes)
        numbers = self.kinds.count("number")
        if not self.wide_rows and (times or self.kinds[0] == "number" or (numbers and width > 2)):
            sign = self.delimiter
            self.stop, left = trailer(self.path, encoding, self.start, self.whole, sign, width, times)
            if left:
                message = "Lines left out after the last row: {count}, such as {text!r}."
                self.notes.append(Note("trailer", message, {"count": len(left), "text": left[0][:60]}))
            if self.whole and len(rows) < _SAMPLE:
                rows = rows[: len(rows) - sum(not is_rule(line) for line in left)]
        self.sample: list[tuple[str, ...]] = list(zip(*filter(self._is_row, rows), strict=True)) or [()] * width
        found_signs = {
            name: evidence(texts) if kind == "number" else (0, 0)
            for name, texts, kind in zip(self.names, self.sample, self.kinds, strict=True)
        }
        self._choose_notations(found_signs)

    def _choose_notations(self, found: dict[str, tuple[int, int]]) -> None:
        dates = any(dotted(self.sample[i][:50]) for i, kind in enumerate(self.kinds) if kind == "time")
        options = self.options
        self.notation = notations(found, options.decimal, options.thousands, self.delimiter, dates)
        self.settled = all(notation.sure for notation in self.notation.values())
        if any(self.notation[name].decimal == "," and pair[1] for name, pair in found.items()):
            self._add_note(Note("decimal", "Numbers were read with a decimal comma."))

    def _is_row(self, cells: list[str]) -> bool:
        """Whether cells are a row: not blank, and not the header once more, as joined files have it."""
        if not cells or len(self.names) == 1:
            return bool(cells)
        if len(cells) == 1 and (not cells[0].strip() or is_rule(cells[0])):
            return False
        again = cells[0].strip() == self.names[0] and tuple(cell.strip() for cell in cells) == self.names
        again = again and bool({"number", "time"} & set(self.kinds))  # among words it may be a row
        if again and not self.wide_rows:
            self._add_note(Note("header_again", "Lines that hold the header once more were left out."))
        return not again

    def _add_note(self, note: Note) -> None:
        if note not in self.notes:
            self.notes.append(note)

    def _tell_encoding(self) -> None:
        if self.options.encoding is None and self.encoding in NAMES:
            self.notes.append(
                Note(
                    "encoding",
                    "The file is not UTF-8; it was read as {encoding}. If it looks wrong, pass encoding= (--encoding).",
                    {"encoding": NAMES[self.encoding]},
                )
            )

    def _undecodable(self) -> ReadError:
        line = 1
        with dialect.open_bytes(self.path) as file:
            for line, raw in enumerate(file, 1):  # noqa: B007
                try:
                    raw.decode(self.encoding)
                except UnicodeError:
                    break
        message = (
            "{path}, line {line}: these bytes are not {encoding} text; pass the file's own encoding= (--encoding), for "
            "instance 'utf-8', 'big5', 'gb18030' or 'latin-1'"
        )
        return ReadError(tr(message, path=self.path, line=line, encoding=self.encoding))

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Physical line and cells of each row, without blank ones.

        Raises:
            ReadError: broken quotes, damaged gzip data.
        """
        with self._bytes() as file, dialect.text_of(self.encoding, file) as text:
            found: Any = reader(islice(text, self.skipped, None), self.delimiter, strict=True)
            try:
                for cells in found:
                    if self._is_row(cells):
                        yield found.line_num + self.skipped, cells
            except csv.Error as error:
                raise self._broken(str(error)) from None
            except (gzip.BadGzipFile, EOFError, zlib.error) as error:
                raise ReadError(tr(_DAMAGED, path=self.path, error=error)) from None

    def _bytes(self) -> Any:
        file = dialect.open_bytes(self.path)
        return file if self.stop is None else io.BufferedReader(Cut(file, self.stop), _CHUNK)

    def kind(self, name: str) -> Kind:
        return self.kinds[self.place_of[name]]

    def cells(self, name: str) -> tuple[str, ...]:
        return self.sample[self.place_of[name]]

    def place(self, row: int) -> str:
        with self._bytes() as file, dialect.text_of(self.encoding, file) as text:
            found: Any = reader(islice(text, self.skipped, None), self.delimiter, strict=False)
            count = -1
            for cells in found:
                count += self._is_row(cells)
                if count == row:
                    line = found.line_num + self.skipped
                    return tr("{file}, line {line}", file=self.label, line=line)
        return tr("{file}, row {row}", file=self.label, row=row)

    def load(self, roles: dict[str, Role]) -> Loaded:
        try:
            return self._load(roles)
        except UnicodeError:
            if self.options.encoding is not None or self.encoding != "utf-8":
                raise self._undecodable() from None
        # a character beyond the first bytes is not UTF-8: judge the encoding by the whole file
        with dialect.open_bytes(self.path) as file:
            encoding = guess(b"".join(line for line in file if not line.isascii()))
        self._open(encoding)
        return self._load(roles)

    def _load(self, roles: dict[str, Role]) -> Loaded:
        columns: dict[int, tuple[str, Column]] = {}
        for name, role in roles.items():
            made = column_for(name, role, self.kind(name), self.options, self.notation[name])
            columns[self.place_of[name]] = (name, made)
        rows = 0
        try:
            with self._bytes() as file, dialect.text_of(self.encoding, file) as text:
                for _ in range(self.skipped):
                    text.readline()
                for count in self._chunks(text, columns):
                    rows += count
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise ReadError(tr(_DAMAGED, path=self.path, error=error)) from None
        except _UnsettledError:
            self._settle()
            return self._load(roles)
        if rows == 0:
            raise ReadError(tr(_NO_ROWS, path=self.path))
        return Loaded(rows, {name: finish(column, name, self) for name, column in columns.values()})

    def _settle(self) -> None:
        """Judge how numbers are written by all rows, as the first ones did not decide it."""
        found = dict.fromkeys(self.names, (0, 0))
        rows = (cells for _, cells in self.rows())
        while part := list(islice(rows, _ROWS)):
            full = [cells for cells in part if len(cells) >= len(self.names)]
            for i, texts in enumerate(zip(*(cells[: len(self.names)] for cells in full), strict=True)):
                if self.kinds[i] == "number":
                    point, comma = evidence(texts)
                    name = self.names[i]
                    found[name] = found[name][0] + point, found[name][1] + comma
        self._choose_notations(found)
        self.settled = True

    def _chunks(self, text: Any, columns: dict[int, tuple[str, Column]]) -> Iterator[int]:
        width = len(self.names)
        points = [i for i, (_, made) in columns.items() if isinstance(made, NumberColumn) and _fast(made.notation)]
        unsure = [i for i in points if not self.notation[self.names[i]].sure]
        done = 0
        while lines := text.readlines(_CHUNK):
            numeric = points
            if unsure and any("." in line for line in lines):
                numeric = [i for i in points if i not in unsure]
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
                held = set(numeric)
                rest = [i for i in columns if i not in held]
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
            if not self.settled and not self.notation[name].sure:
                raise _UnsettledError from None
            raise bad_cell(error, name, column, self) from None

    def _even(self, lines: list[str], width: int) -> bool:
        return {line.count(self.delimiter) for line in lines} == {width - 1}

    def _plain(self, lines: list[str], width: int, last: bool) -> list[str] | None:
        """Lines that can be split at every delimiter, without quotes and line ends; None where that is unsafe.

        `last`: the caller sees to it that every line reaches the last column, so that counting them together will do.
        """
        if self.delimiter == SPACES:
            lines = [squeeze(line) for line in lines]
        joined = "".join(lines)
        if '"' in joined:
            unquoted = self._unquoted(joined)
            if unquoted is None:
                return None
            joined = unquoted
        if "\r" in joined:
            joined = joined.replace("\r\n", "\n").replace("\r", "\n")
        lines = joined.split("\n")
        if lines and not lines[-1]:
            lines.pop()
        head = self.delimiter.join(self.names)
        if width > 1 and head in joined:
            lines = [line for line in lines if line != head or self._is_row(list(self.names))]
            joined = "\n".join(lines)
        if last and width > 1:
            return lines if "".join(lines).count(self.delimiter) == len(lines) * (width - 1) else None
        return lines if self._even(lines, width) and (width > 1 or all(lines)) else None

    def _unquoted(self, joined: str) -> str | None:
        """Text without its quotes; None where one of them holds a quote, delimiter or line end, or is within a cell."""
        parts = joined.split('"')
        inner, outer = parts[1::2], parts[0::2]
        ends = {self.delimiter, "\n", "\r"}
        before = {part[-1:] for part in outer[:-1] if part} | ({""} if "" in outer[1:-1] else set())
        after = {part[:1] for part in outer[1:] if part}
        within = "".join(inner)
        if len(parts) % 2 == 0 or any(sign in within for sign in ends) or not (before | after) <= ends:
            return None
        return "".join(parts)

    def _careful(self, lines: Iterator[str], columns: dict[int, tuple[str, Column]], done: int) -> Iterator[int]:
        width = len(self.names)
        found = reader(lines, self.delimiter)
        while True:
            try:
                rows = list(islice(found, _ROWS))
            except csv.Error as error:
                raise self._broken(str(error)) from None
            if not rows:
                return
            if {len(row) for row in rows} != {width} or any(row[0].strip() == self.names[0] for row in rows):
                rows = [_trim(row, width) for row in rows if row and self._is_row(row)]
                for i, row in enumerate(rows):
                    if len(row) != width:
                        raise self._uneven(done + i, len(row))
            if rows:
                cells = list(zip(*rows, strict=True))
                for i, entry in columns.items():
                    self._add(entry, cells[i])
                done += len(rows)
                yield len(rows)

    def _uneven(self, row: int, cells: int) -> ReadError:
        message = (
            "{place} has {cells} cells where the header has {width}; complete the line, or quote cells that contain "
            "the delimiter {sign!r}; lines before the header are left out with skip_rows= (--skip-rows)"
        )
        values = {"place": self.place(row), "cells": cells, "width": len(self.names), "sign": self.delimiter}
        return ReadError(tr(message, **values))

    def _broken(self, reason: str) -> DataError:
        with self._bytes() as file, dialect.text_of(self.encoding, file) as text:
            found: Any = reader(islice(text, self.skipped, None), self.delimiter)
            last = 0
            try:
                for _ in found:
                    last = found.line_num
            except csv.Error:
                pass
        message = "{file}, line {line}: the quotes are broken ({reason}); close or double the quote"
        return ReadError(tr(message, file=self.label, line=last + 1 + self.skipped, reason=reason))


class _UnsettledError(Exception):
    """The first rows did not decide how numbers are written, and a later one matters."""


def _fast(notation: Notation) -> bool:
    return notation.decimal == "." and not notation.by_dates


def _trim(row: list[str], width: int) -> list[str]:
    """Drop empty cells beyond the header, which a delimiter at the end of every line leaves."""
    while len(row) > width and not row[-1].strip():
        row = row[:-1]
    return row
